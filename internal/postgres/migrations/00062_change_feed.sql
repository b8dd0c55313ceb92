-- The feed of changes: a log that the triggers write, and the order in which
-- its readers are told (docs/decisions/0044).

-- +goose Up

-- An employee has one row for each transaction that changed him, however often
-- it did; so have the terms of all tenants (tenant '', no person). revision is
-- that of the transaction's first change, id is the order of writing.
CREATE TABLE employee_change (
  tenant    text COLLATE "C" NOT NULL,
  person_id uuid,
  revision  bigint NOT NULL,
  tx        xid8 NOT NULL,
  id        bigint GENERATED ALWAYS AS IDENTITY
);
CREATE INDEX employee_change_by_tx ON employee_change (tx, id);
CALL opora_protect('employee_change');
CREATE POLICY terms ON employee_change FOR INSERT TO opora_tenant WITH CHECK (tenant = '' AND person_id IS NULL);

-- Transactions that have written into the log and have no place in the order.
-- Whoever sees a row sees the whole transaction: it was committed.
CREATE TABLE change_pending (tx xid8 PRIMARY KEY)
  WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_cost_delay = 0);
GRANT INSERT ON change_pending TO opora_tenant;

-- The order: each transaction is one turn. Positions have no gaps.
CREATE TABLE change_turn (
  position  bigint PRIMARY KEY,
  tx        xid8 NOT NULL,
  last      bigint NOT NULL, -- employee_change.id of its last row
  placed_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Turns up to the floor are not kept any more. founded names the database that
-- the numbers of transactions are of.
CREATE TABLE change_feed (
  one     boolean PRIMARY KEY DEFAULT true CHECK (one),
  floor   bigint NOT NULL DEFAULT 0,
  founded text NOT NULL DEFAULT ''
);
INSERT INTO change_feed DEFAULT VALUES;

-- logged is the revision that the last transaction's row in the log has.
ALTER TABLE employee_revision ADD COLUMN logged bigint NOT NULL DEFAULT 1;
ALTER TABLE terms_revision ADD COLUMN logged bigint NOT NULL DEFAULT 1, ADD COLUMN tx xid8 NOT NULL DEFAULT '3';

-- opora_revise as in 00020, and the first change of an employee in a
-- transaction goes into the log. Its row gets its id when the employee's
-- revision is locked, so after every row of a transaction that changed him
-- before and is committed: by their last ids, transactions that share an
-- employee are in the order of their commits.
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION opora_revise() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  touched text := CASE TG_OP
    WHEN 'INSERT' THEN 'SELECT tenant, %1$I AS person_id FROM new_rows'
    WHEN 'DELETE' THEN 'SELECT tenant, %1$I AS person_id FROM old_rows'
    ELSE 'SELECT tenant, %1$I AS person_id FROM old_rows UNION SELECT tenant, %1$I FROM new_rows' END;
  logged bigint;
BEGIN
  EXECUTE format('WITH revised AS ('
    'INSERT INTO employee_revision AS r (tenant, person_id, tx)'
    ' SELECT DISTINCT tenant, person_id, pg_current_xact_id() FROM (' || touched || ') t ORDER BY tenant, person_id'
    ' ON CONFLICT (tenant, person_id) DO UPDATE SET revision = r.revision + 1, tx = excluded.tx,'
    ' logged = CASE WHEN r.tx = excluded.tx THEN r.logged ELSE r.revision + 1 END'
    ' RETURNING r.tenant, r.person_id, r.revision, r.logged)'
    ' INSERT INTO employee_change (tenant, person_id, revision, tx)'
    ' SELECT tenant, person_id, revision, pg_current_xact_id() FROM revised WHERE revision = logged', TG_ARGV[0]);
  GET DIAGNOSTICS logged = ROW_COUNT;
  IF logged > 0 THEN
    INSERT INTO change_pending VALUES (pg_current_xact_id()) ON CONFLICT DO NOTHING;
  END IF;
  RETURN NULL;
END $$;
-- +goose StatementEnd

-- opora_revise_terms as in 00020, and into the log as above.
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION opora_revise_terms() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  WITH revised AS (
    UPDATE terms_revision t SET revision = t.revision + 1, tx = pg_current_xact_id(),
      logged = CASE WHEN t.tx = pg_current_xact_id() THEN t.logged ELSE t.revision + 1 END
    RETURNING t.revision, t.logged)
  INSERT INTO employee_change (tenant, revision, tx) SELECT '', r.revision, pg_current_xact_id() FROM revised r WHERE r.revision = r.logged;
  IF FOUND THEN
    INSERT INTO change_pending VALUES (pg_current_xact_id()) ON CONFLICT DO NOTHING;
  END IF;
  RETURN NULL;
END $$;
-- +goose StatementEnd

-- An employee's segments are told with him, so a change of his tenant's rules
-- changes him. Imports of the tenant are waited for: one under way may hire
-- whom this statement does not see.
-- +goose StatementBegin
CREATE FUNCTION opora_revise_segments() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  moved text[];
  slug text;
BEGIN
  SELECT array_agg(tenant ORDER BY tenant) INTO moved FROM old_rows o JOIN new_rows n USING (tenant)
    WHERE opora_segment_rules(o.body, o.dropped_at) <> opora_segment_rules(n.body, n.dropped_at);
  IF moved IS NULL THEN
    RETURN NULL;
  END IF;
  FOREACH slug IN ARRAY moved LOOP
    PERFORM pg_advisory_xact_lock(hashtextextended('roster ' || slug, 0)); -- as lockRoster does
  END LOOP;
  WITH revised AS (
    INSERT INTO employee_revision AS r (tenant, person_id, tx)
    SELECT p.tenant, p.id, pg_current_xact_id() FROM person p WHERE p.tenant = ANY (moved) AND p.erased_at IS NULL ORDER BY p.tenant, p.id
    ON CONFLICT (tenant, person_id) DO UPDATE SET revision = r.revision + 1, tx = excluded.tx,
      logged = CASE WHEN r.tx = excluded.tx THEN r.logged ELSE r.revision + 1 END
    RETURNING r.tenant, r.person_id, r.revision, r.logged)
  INSERT INTO employee_change (tenant, person_id, revision, tx)
  SELECT v.tenant, v.person_id, v.revision, pg_current_xact_id() FROM revised v WHERE v.revision = v.logged;
  IF FOUND THEN
    INSERT INTO change_pending VALUES (pg_current_xact_id()) ON CONFLICT DO NOTHING;
  END IF;
  RETURN NULL;
END $$;
-- +goose StatementEnd

-- What puts a tenant's people into segments; nothing does in a dropped tenant.
-- +goose StatementBegin
CREATE FUNCTION opora_segment_rules(body jsonb, dropped_at timestamptz) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE WHEN dropped_at IS NULL
    THEN jsonb_build_array(jsonb_path_query_array(body, '$.segments[*].id'), jsonb_path_query_array(body, '$.segments[*].when')) ELSE '[]' END
$$;
-- +goose StatementEnd
CREATE TRIGGER revise_segments AFTER UPDATE ON tenant REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION opora_revise_segments();

-- Where the numbers of transactions come from: the cluster, and the table as it
-- was made in this database. A restored dump has another one.
-- +goose StatementBegin
CREATE FUNCTION opora_feed_ground() RETURNS text LANGUAGE sql STABLE AS $$
  SELECT system_identifier || ' ' || (SELECT oid FROM pg_database WHERE datname = current_database()) || ' ' || 'change_turn'::regclass::oid
  FROM pg_control_system()
$$;
-- +goose StatementEnd

-- opora_found_feed begins the feed anew when the database is not the one that
-- it was founded in: numbers of transactions written there may come again here.
-- It touches every employee, and takes its time.
-- +goose StatementBegin
CREATE FUNCTION opora_found_feed() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM FROM change_feed WHERE founded <> opora_feed_ground() FOR UPDATE;
  IF NOT FOUND THEN
    RETURN;
  END IF;
  UPDATE change_feed SET founded = opora_feed_ground(), floor = greatest(floor, (SELECT max(position) FROM change_turn));
  DELETE FROM change_pending;
  DELETE FROM employee_change;
  DELETE FROM change_turn;
  UPDATE employee_revision SET tx = '3' WHERE tx <> '3';
  UPDATE terms_revision SET tx = '3';
END $$;
-- +goose StatementEnd

-- opora_place_changes gives the committed transactions that have no place the
-- next positions, and returns the last position that there is. One process at a
-- time places; with patient false another one's work is not waited for. A feed
-- that nobody has read is founded where it stands; NULL says that this one was
-- founded elsewhere (opora_found_feed).
-- +goose StatementBegin
CREATE FUNCTION opora_place_changes(patient boolean) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  place_lock constant bigint := 7021803563834471; -- any number that no other lock has
  ending bigint;
BEGIN
  PERFORM FROM change_feed WHERE founded <> opora_feed_ground();
  IF FOUND THEN
    UPDATE change_feed SET founded = opora_feed_ground() WHERE founded = '';
    PERFORM FROM change_feed WHERE founded <> opora_feed_ground();
    IF FOUND THEN
      RETURN NULL;
    END IF;
  END IF;
  PERFORM FROM change_pending LIMIT 1;
  IF FOUND THEN
    IF patient THEN
      PERFORM pg_advisory_xact_lock(place_lock);
    ELSIF NOT pg_try_advisory_xact_lock(place_lock) THEN
      RETURN opora_feed_end();
    END IF;
    WITH taken AS (DELETE FROM change_pending RETURNING tx)
    INSERT INTO change_turn (position, tx, last)
    SELECT (SELECT opora_feed_end()) + row_number() OVER (ORDER BY c.last), t.tx, c.last
    FROM taken t CROSS JOIN LATERAL (SELECT max(id) AS last FROM employee_change c WHERE c.tx = t.tx) c WHERE c.last IS NOT NULL;
  END IF;
  RETURN opora_feed_end();
END $$;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE FUNCTION opora_feed_end() RETURNS bigint LANGUAGE sql STABLE AS $$
  SELECT coalesce((SELECT max(position) FROM change_turn), floor) FROM change_feed
$$;
-- +goose StatementEnd
