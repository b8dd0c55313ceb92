-- The rows of an import come by the million in a transaction that is minutes
-- long, while a sign of life writes the import's own row anew each second. A
-- foreign key looks that row up once for each row that comes, past all versions
-- of it that the transaction keeps from being cleared away: with 300 of them a
-- row took 0.4 ms, and a plan of a million people a quarter of an hour. So the
-- import is looked up once for each statement. (No statement changes tenant or
-- import_id of a row, and none deletes an import; one that did is refused below.)

-- +goose Up
-- +goose StatementBegin
CREATE FUNCTION opora_rows_of_an_import() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  owner record;
BEGIN
  FOR owner IN SELECT DISTINCT tenant, import_id FROM added LOOP
    PERFORM FROM import i WHERE i.tenant = owner.tenant AND i.id = owner.import_id FOR KEY SHARE;
    IF NOT FOUND THEN
      RAISE foreign_key_violation USING MESSAGE = format('insert into table "%s": there is no such import', TG_TABLE_NAME), TABLE = TG_TABLE_NAME;
    END IF;
  END LOOP;
  RETURN NULL;
END $$;

CREATE FUNCTION opora_import_without_rows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT FROM import_row WHERE tenant = OLD.tenant AND import_id = OLD.id)
    OR EXISTS (SELECT FROM import_change WHERE tenant = OLD.tenant AND import_id = OLD.id)
    OR EXISTS (SELECT FROM import_problem WHERE tenant = OLD.tenant AND import_id = OLD.id)
    OR EXISTS (SELECT FROM import_refused WHERE tenant = OLD.tenant AND import_id = OLD.id)
    OR EXISTS (SELECT FROM import_absence WHERE tenant = OLD.tenant AND import_id = OLD.id) THEN
    RAISE foreign_key_violation USING MESSAGE = 'delete on table "import": it has rows', TABLE = 'import';
  END IF;
  RETURN OLD;
END $$;

CREATE TRIGGER without_rows BEFORE DELETE ON import FOR EACH ROW EXECUTE FUNCTION opora_import_without_rows();

DO $$
DECLARE
  of_it text;
BEGIN
  FOREACH of_it IN ARRAY ARRAY['import_row', 'import_change', 'import_problem', 'import_refused', 'import_absence'] LOOP
    EXECUTE format('ALTER TABLE %I DROP CONSTRAINT %I', of_it, of_it || '_tenant_import_id_fkey');
    EXECUTE format('CREATE TRIGGER of_an_import AFTER INSERT ON %I REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION opora_rows_of_an_import()', of_it);
  END LOOP;
END $$;
-- +goose StatementEnd
