-- What HR gets back of a list with problems: the list itself, marked. It holds
-- personal data and is sealed; its pieces are removed after their term, and
-- with the import's cancelling.

-- +goose Up
CREATE TABLE error_workbook (
  tenant     text COLLATE "C" NOT NULL,
  import_id  uuid NOT NULL,
  marking    jsonb NOT NULL, -- workbooks.Marking: how the list was read, and the language; no personal data
  expires_at timestamptz NOT NULL,
  PRIMARY KEY (tenant, import_id),
  FOREIGN KEY (tenant, import_id) REFERENCES import (tenant, id)
);
CALL opora_protect('error_workbook');

-- The pieces. When the term has passed they go, and the row above stays: whoever
-- asks then is told that there was a workbook.
CREATE TABLE error_workbook_chunk (
  tenant     text COLLATE "C" NOT NULL,
  import_id  uuid NOT NULL,
  n          integer NOT NULL,
  sealed     bytea NOT NULL,
  expires_at timestamptz NOT NULL,
  PRIMARY KEY (tenant, import_id, n),
  FOREIGN KEY (tenant, import_id) REFERENCES error_workbook (tenant, import_id) ON DELETE CASCADE
);
ALTER TABLE error_workbook_chunk ALTER COLUMN sealed SET STORAGE EXTERNAL;
CREATE INDEX error_workbook_by_term ON error_workbook_chunk (expires_at);
CALL opora_protect('error_workbook_chunk');
