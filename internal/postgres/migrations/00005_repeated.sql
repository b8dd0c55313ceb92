-- Two kinds of rows that are counted, so that every row of the file is
-- accounted for, and that are not taken: rows that name somebody whom an earlier
-- row has named, and refused rows that do not tell whose they are.

-- +goose Up
ALTER TABLE import ADD COLUMN repeated integer NOT NULL DEFAULT 0, ADD COLUMN unidentified integer NOT NULL DEFAULT 0;

-- After a large import PostgreSQL plans with the sizes of before until its own
-- statistics catch up, which may take a minute; until then an undo of thousands
-- runs for minutes. Only who owns a table may analyze it, so the owner lends
-- that right, and nothing else, through this function.
-- +goose StatementBegin
CREATE FUNCTION opora_refresh_statistics() RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  ANALYZE public.person, public.account, public.employment, public.person_history, public.account_history, public.employment_history;
END $$;
-- +goose StatementEnd
REVOKE ALL ON FUNCTION opora_refresh_statistics() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION opora_refresh_statistics() TO opora_tenant, opora_contour;
