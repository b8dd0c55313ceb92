-- What somebody was entitled to on a day is answered from history: of the
-- catalogue too, and looked up by the person.

-- +goose Up

-- Every revision of the catalogue that this contour has stored, and when: the
-- versions of contracts that were learnt with it are its own.
CREATE TABLE catalogue_part_history (
  LIKE catalogue_part,
  held_from timestamptz NOT NULL, held_until timestamptz NOT NULL DEFAULT 'infinity',
  learnt_at timestamptz NOT NULL DEFAULT now(), superseded_at timestamptz NOT NULL DEFAULT 'infinity'
);
CREATE INDEX catalogue_part_history_by_time ON catalogue_part_history (learnt_at);
GRANT SELECT, INSERT, UPDATE, DELETE ON catalogue_part_history TO opora_contour;
INSERT INTO catalogue_part_history SELECT p.*, p.stored_at, 'infinity', p.stored_at, 'infinity' FROM catalogue_part p;
CREATE TRIGGER keep_insert AFTER INSERT ON catalogue_part REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION opora_keep_history('one');
CREATE TRIGGER keep_update AFTER UPDATE ON catalogue_part REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION opora_keep_history('one');
CREATE TRIGGER keep_delete AFTER DELETE ON catalogue_part REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION opora_keep_history('one');

CREATE INDEX employment_history_by_person ON employment_history (tenant, person_id);
