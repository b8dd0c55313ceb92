-- How far an import is, and why it waits.

-- +goose Up
ALTER TABLE import ADD COLUMN progress jsonb, -- roster.Progress while it is parsed
  ADD COLUMN waiting jsonb;                   -- tenancy.Problem: why nothing is done for it

-- lease_until is now set for imports that are received, too: when nobody has
-- begun to parse one by then, its job is put into the queue again.
CREATE INDEX import_to_parse ON import (lease_until) WHERE state IN ('received', 'parsing');
