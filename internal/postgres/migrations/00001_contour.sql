-- What every later table rests on: the rule of row-level security, the keeping
-- of history, the catalogue's copy and the audit log.

-- +goose Up

-- The roles opora_tenant and opora_contour belong to the whole server and are
-- made before the first migration (postgres.Migrate).
GRANT USAGE ON SCHEMA public TO opora_tenant, opora_contour;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO opora_contour;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO opora_contour, opora_tenant;

-- The tenant that the transaction is for. After a transaction-local setting
-- ends it is '' and not NULL, hence nullif: no tenant means no rows, not an error.
-- +goose StatementBegin
CREATE FUNCTION opora_current_tenant() RETURNS text LANGUAGE sql STABLE AS
$$ SELECT nullif(current_setting('opora.tenant', true), '') $$;
-- +goose StatementEnd

-- opora_protect puts a table with a column "tenant" under row-level security:
-- opora_tenant sees its own tenant's rows, opora_contour all, everybody else,
-- the owner included, none.
-- +goose StatementBegin
CREATE PROCEDURE opora_protect(protected regclass) LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', protected);
  EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', protected);
  EXECUTE format('CREATE POLICY own_tenant ON %s TO opora_tenant USING (tenant = opora_current_tenant()) WITH CHECK (tenant = opora_current_tenant())', protected);
  EXECUTE format('CREATE POLICY whole_contour ON %s TO opora_contour USING (true) WITH CHECK (true)', protected);
  EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO opora_tenant, opora_contour', protected);
END $$;
-- +goose StatementEnd

-- opora_keep_history is the trigger behind every <table>_history: the same
-- columns and four times. held_from and held_until say when the row was true,
-- learnt_at and superseded_at when we believed it, so that an answer can be
-- given as of a day, and as it would have been given on another. The trigger's
-- first argument names the key's columns, the second (may be absent) a date
-- column from which a new row was already true.
-- +goose StatementBegin
CREATE FUNCTION opora_keep_history() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  history text := format('%I', TG_TABLE_NAME || '_history');
  cols text;
  same text;
  since text := 'now()';
BEGIN
  SELECT string_agg(format('%I', attname), ', ' ORDER BY attnum) INTO cols
    FROM pg_attribute WHERE attrelid = TG_RELID AND attnum > 0 AND NOT attisdropped;
  SELECT string_agg(format('h.%1$I = x.%1$I', k), ' AND ') INTO same FROM unnest(string_to_array(TG_ARGV[0], ',')) k;
  IF TG_NARGS > 1 THEN
    since := format('coalesce(%I::timestamptz, now())', TG_ARGV[1]);
  END IF;
  IF TG_OP IN ('UPDATE', 'DELETE') THEN
    -- What we believed until now is superseded; the part of it that lies in
    -- the past stays true.
    EXECUTE format('WITH closed AS (UPDATE %1$s h SET superseded_at = now() FROM old_rows x'
      ' WHERE %2$s AND h.superseded_at = ''infinity'' AND h.held_until = ''infinity'' RETURNING h.*)'
      ' INSERT INTO %1$s (%3$s, held_from, held_until) SELECT %3$s, held_from, now() FROM closed WHERE held_from < now()',
      history, same, cols);
  END IF;
  IF TG_OP = 'INSERT' THEN
    EXECUTE format('INSERT INTO %s (%s, held_from) SELECT %s, %s FROM new_rows', history, cols, cols, since);
  ELSIF TG_OP = 'UPDATE' THEN
    EXECUTE format('INSERT INTO %s (%s, held_from) SELECT %s, greatest(now(), %s) FROM new_rows', history, cols, cols, since);
  END IF;
  RETURN NULL;
END $$;
-- +goose StatementEnd

-- opora_keep makes <table>_history and the triggers that fill it.
-- +goose StatementBegin
CREATE PROCEDURE opora_keep(kept text, key text, since text DEFAULT NULL) LANGUAGE plpgsql AS $$
DECLARE
  args text := quote_literal(key) || coalesce(', ' || quote_literal(since), '');
BEGIN
  EXECUTE format('CREATE TABLE %I (LIKE %I,'
    ' held_from timestamptz NOT NULL, held_until timestamptz NOT NULL DEFAULT ''infinity'','
    ' learnt_at timestamptz NOT NULL DEFAULT now(), superseded_at timestamptz NOT NULL DEFAULT ''infinity'')', kept || '_history', kept);
  EXECUTE format('CREATE INDEX ON %I (%s, learnt_at)', kept || '_history', key);
  EXECUTE format('CREATE INDEX ON %I (%s) WHERE superseded_at = ''infinity'' AND held_until = ''infinity''', kept || '_history', key);
  EXECUTE format('CREATE TRIGGER keep_insert AFTER INSERT ON %I REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION opora_keep_history(%s)', kept, args);
  EXECUTE format('CREATE TRIGGER keep_update AFTER UPDATE ON %I REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION opora_keep_history(%s)', kept, args);
  EXECUTE format('CREATE TRIGGER keep_delete AFTER DELETE ON %I REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION opora_keep_history(%s)', kept, args);
  EXECUTE format('CALL opora_protect(%L)', kept || '_history');
END $$;
-- +goose StatementEnd

-- The contour's copy of what belongs to no tenant in the catalogue: its
-- country, brand and the specialist types, with the revision it came from.
CREATE TABLE catalogue_part (
  one              boolean PRIMARY KEY DEFAULT true CHECK (one),
  revision         text NOT NULL,
  countries        jsonb NOT NULL,
  brands           jsonb NOT NULL,
  specialist_types jsonb NOT NULL,
  stored_at        timestamptz NOT NULL DEFAULT now()
);
GRANT SELECT ON catalogue_part TO opora_tenant;

-- A tenant is never removed while people hang on it: one that the catalogue
-- dropped is marked, and its data stays until it is erased.
CREATE TABLE tenant (
  tenant     text COLLATE "C" PRIMARY KEY CHECK (tenant ~ '^[a-z0-9][a-z0-9-]*$'),
  owner      text NOT NULL DEFAULT 'catalogue' CHECK (owner IN ('catalogue', 'console')),
  suspended  boolean NOT NULL DEFAULT false,
  body       jsonb NOT NULL, -- tenancy.Tenant without its contracts
  dropped_at timestamptz
);
CALL opora_protect('tenant');
CALL opora_keep('tenant', 'tenant');

CREATE TABLE contract (
  tenant     text COLLATE "C" NOT NULL REFERENCES tenant,
  id         text NOT NULL,
  body       jsonb NOT NULL, -- tenancy.Contract
  dropped_at timestamptz,
  PRIMARY KEY (tenant, id)
);
CALL opora_protect('contract');
CALL opora_keep('contract', 'tenant,id');

-- Who did what, and whether it was allowed; no personal data. hash covers the
-- row and the hash before it, so that an edit, a removal or a swap shows.
CREATE TABLE audit (
  tenant  text COLLATE "C" NOT NULL DEFAULT '', -- '': of the contour
  seq     bigint PRIMARY KEY,
  at      timestamptz NOT NULL,
  actor   text NOT NULL,
  action  text NOT NULL,
  subject text NOT NULL DEFAULT '', -- an opaque id
  allowed boolean NOT NULL,
  hash    bytea NOT NULL
);
CALL opora_protect('audit');
REVOKE ALL ON audit FROM opora_tenant, opora_contour;
GRANT SELECT, INSERT ON audit TO opora_contour;
