-- Overrides are made and ended by people: what was agreed, by whom, and which
-- request made them, so that a repeated request makes none. A reason is a code,
-- and a reference the number of a ticket: a sentence about one person soon says
-- why he needs help.

-- +goose Up
ALTER TABLE grant_override
  ADD COLUMN reference text NOT NULL DEFAULT '' CHECK (reference ~ '^(([A-Z]{1,6}-)?[0-9]{1,10})?$'),
  ADD COLUMN request bytea,          -- a digest of the caller's key; NULL: he gave none
  ADD COLUMN ended_at timestamptz,   -- when somebody ended it; valid_until says from which day on
  ADD COLUMN ended_by text NOT NULL DEFAULT '',
  ADD CONSTRAINT reason_is_a_code CHECK (reason ~ '^[a-z_]*$') NOT VALID; -- what stands there already stays
ALTER TABLE grant_override_history
  ADD COLUMN reference text NOT NULL DEFAULT '',
  ADD COLUMN request bytea,
  ADD COLUMN ended_at timestamptz,
  ADD COLUMN ended_by text NOT NULL DEFAULT '';
CREATE UNIQUE INDEX grant_override_by_request ON grant_override (tenant, person_id, request);
CREATE INDEX grant_override_history_by_person ON grant_override_history (tenant, person_id, learnt_at);
