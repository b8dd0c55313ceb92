-- When a promised list last came, and when somebody was last told that it did not.

-- +goose Up

-- The legal entities that a full list spoke for, once it was applied: whoever
-- of them was not on it had left.
ALTER TABLE import ADD COLUMN speaks_for text[] NOT NULL DEFAULT '{}';
CREATE INDEX import_full ON import (tenant, applied_at DESC) WHERE mode = 'full' AND applied_at IS NOT NULL;

CREATE TABLE list_alarm (
  tenant  text COLLATE "C" PRIMARY KEY REFERENCES tenant,
  told_on date NOT NULL -- in the contract's zone
);
CALL opora_protect('list_alarm');
