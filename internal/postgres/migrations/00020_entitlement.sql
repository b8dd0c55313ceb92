-- What a decision about an employee is read from, and how its readers learn
-- that it has changed.

-- +goose Up

-- The booking core names an employee by his id alone.
CREATE INDEX person_by_id ON person (id) INCLUDE (tenant);

-- A dated exception for one employee: adds amount to what the grant gives.
CREATE TABLE grant_override (
  tenant      text COLLATE "C" NOT NULL,
  id          uuid NOT NULL,
  person_id   uuid NOT NULL,
  grant_id    text NOT NULL,
  amount      integer NOT NULL,
  valid_from  date,
  valid_until date, -- exclusive
  reason      text NOT NULL DEFAULT '',
  author      text NOT NULL DEFAULT '', -- a subject
  made_at     timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant, id),
  FOREIGN KEY (tenant, person_id) REFERENCES person (tenant, id)
);
CREATE INDEX grant_override_by_person ON grant_override (tenant, person_id);
CALL opora_protect('grant_override');
CALL opora_keep('grant_override', 'tenant,id', 'valid_from');

-- The number of an employee's latest change, and the transaction that made it.
-- A reader that asks for everything since the oldest transaction that ran when
-- it last asked misses nothing, in whatever order transactions commit.
CREATE TABLE employee_revision (
  tenant    text COLLATE "C" NOT NULL,
  person_id uuid NOT NULL,
  revision  bigint NOT NULL DEFAULT 1,
  tx        xid8 NOT NULL,
  PRIMARY KEY (tenant, person_id)
);
CREATE INDEX employee_revision_by_tx ON employee_revision (tx);
CALL opora_protect('employee_revision');

-- opora_revise numbers the change of every employee that a statement touched;
-- the trigger's argument names the column of his id. The rows are locked in
-- one order, so that two statements never wait for each other.
-- +goose StatementBegin
CREATE FUNCTION opora_revise() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  touched text := CASE TG_OP
    WHEN 'INSERT' THEN 'SELECT tenant, %1$I AS person_id FROM new_rows'
    WHEN 'DELETE' THEN 'SELECT tenant, %1$I AS person_id FROM old_rows'
    ELSE 'SELECT tenant, %1$I AS person_id FROM old_rows UNION SELECT tenant, %1$I FROM new_rows' END;
BEGIN
  EXECUTE format('INSERT INTO employee_revision AS r (tenant, person_id, tx)'
    ' SELECT DISTINCT tenant, person_id, pg_current_xact_id() FROM (' || touched || ') t ORDER BY tenant, person_id'
    ' ON CONFLICT (tenant, person_id) DO UPDATE SET revision = r.revision + 1, tx = pg_current_xact_id()', TG_ARGV[0]);
  RETURN NULL;
END $$;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE PROCEDURE opora_number(numbered text, id_column text) LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('CREATE TRIGGER revise_insert AFTER INSERT ON %I REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION opora_revise(%L)', numbered, id_column);
  EXECUTE format('CREATE TRIGGER revise_update AFTER UPDATE ON %I REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION opora_revise(%L)', numbered, id_column);
  EXECUTE format('CREATE TRIGGER revise_delete AFTER DELETE ON %I REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION opora_revise(%L)', numbered, id_column);
END $$;
-- +goose StatementEnd
CALL opora_number('person', 'id');
CALL opora_number('employment', 'person_id');
CALL opora_number('grant_override', 'person_id');

-- The number of the latest change to what tenants bought: one row, so that
-- writers wait for each other and the numbers are committed in order.
CREATE TABLE terms_revision (
  one      boolean PRIMARY KEY DEFAULT true CHECK (one),
  revision bigint NOT NULL
);
INSERT INTO terms_revision (revision) VALUES (1);
GRANT SELECT, UPDATE ON terms_revision TO opora_tenant, opora_contour;

-- +goose StatementBegin
CREATE FUNCTION opora_revise_terms() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE terms_revision SET revision = revision + 1;
  RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER revise_terms AFTER INSERT OR UPDATE OR DELETE ON catalogue_part FOR EACH STATEMENT EXECUTE FUNCTION opora_revise_terms();
CREATE TRIGGER revise_terms AFTER INSERT OR UPDATE OR DELETE ON tenant FOR EACH STATEMENT EXECUTE FUNCTION opora_revise_terms();
CREATE TRIGGER revise_terms AFTER INSERT OR UPDATE OR DELETE ON contract FOR EACH STATEMENT EXECUTE FUNCTION opora_revise_terms();
