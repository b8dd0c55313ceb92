-- Fresh statistics of a table of a hundred thousand people cost a second in all,
-- which each import would pay: only a table that has grown by a fifth since it
-- was looked at, or has never been, is worth it. Its size on disk tells that at
-- once; the counters of changes come later.

-- +goose Up
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION opora_refresh_statistics() RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  grown regclass;
BEGIN
  FOR grown IN
    SELECT c.oid FROM pg_class c
    WHERE c.oid = ANY (ARRAY['public.person', 'public.account', 'public.employment', 'public.person_history', 'public.account_history', 'public.employment_history']::regclass[])
      AND (c.reltuples < 0 OR pg_relation_size(c.oid) > 1.2 * c.relpages * current_setting('block_size')::int)
  LOOP
    EXECUTE format('ANALYZE %s', grown);
  END LOOP;
END $$;
-- +goose StatementEnd
