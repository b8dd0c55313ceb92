-- What a second list must know of the first: whose number was given to somebody
-- else, who was absent how often, and what a change was made on top of.

-- +goose Up

-- A personnel number is given to somebody new when its holder has left: the old
-- employment gives the number up and stays, for the person's history and return.
ALTER TABLE employment ADD COLUMN released_at timestamptz;
ALTER TABLE employment_history ADD COLUMN released_at timestamptz;
ALTER TABLE employment DROP CONSTRAINT employment_tenant_legal_entity_employee_key_key;
CREATE UNIQUE INDEX employment_by_key ON employment (tenant, legal_entity, employee_key, released_at) NULLS NOT DISTINCT;

ALTER TABLE import_change
  ADD COLUMN releases_id uuid,              -- the ended employment that gives its number up to the new one
  ADD COLUMN settled boolean NOT NULL DEFAULT false, -- a new person whose fields stand in fields, settled over several rows
  ADD COLUMN identity_line integer,         -- the line whose national id is taken; NULL: the change's own
  -- What was there before it was applied, for undo: the imports that had written
  -- the rows, and the keyed hash of the national id.
  ADD COLUMN was_person_import uuid,
  ADD COLUMN was_job_import uuid,
  ADD COLUMN was_from_import uuid,
  ADD COLUMN was_national_id_hash text NOT NULL DEFAULT '';

-- The full lists that left somebody out, while that is counted before he leaves
-- (tenancy.RosterTerms), and the lists that showed him again. A line counts as
-- long as its import is applied: cancelling or undoing the import is enough to
-- take it back.
CREATE TABLE import_absence (
  tenant        text COLLATE "C" NOT NULL,
  import_id     uuid NOT NULL,
  employment_id uuid NOT NULL,
  day           date NOT NULL, -- in the contract's time zone
  listed        boolean NOT NULL,
  PRIMARY KEY (tenant, import_id, employment_id),
  FOREIGN KEY (tenant, import_id) REFERENCES import (tenant, id),
  FOREIGN KEY (tenant, employment_id) REFERENCES employment (tenant, id) ON DELETE CASCADE
);
CREATE INDEX import_absence_by_employment ON import_absence (tenant, employment_id);
CALL opora_protect('import_absence');
