-- How a list was read, what people said about that, and what is remembered of it.

-- +goose Up
ALTER TABLE import
  ADD COLUMN hints   jsonb NOT NULL DEFAULT '{}', -- roster.Hints: what was said with the upload
  ADD COLUMN summary jsonb,                       -- roster.Summary: how the file was understood
  ADD COLUMN names   jsonb NOT NULL DEFAULT '{}'; -- the header's texts and their fields

-- What the headers of a tenant's lists mean, as somebody settled it with a list
-- that was then applied. Names of columns only, of nobody's row.
CREATE TABLE tenant_mapping (
  tenant     text COLLATE "C" PRIMARY KEY REFERENCES tenant,
  names      jsonb NOT NULL, -- header text to field; "": none of ours
  settled_by text NOT NULL,  -- Actor.ID
  settled_at timestamptz NOT NULL DEFAULT now(),
  import_id  uuid NOT NULL
);
CALL opora_protect('tenant_mapping');
