-- Webhooks: who is told that the feed of changes has news, and how that went.
-- They belong to the contour, not to a tenant, and hold no personal data.

-- +goose Up

CREATE TABLE webhook (
  id              uuid PRIMARY KEY,
  url             text NOT NULL,
  description     text NOT NULL DEFAULT '',
  enabled         boolean NOT NULL DEFAULT true,
  disabled_reason text NOT NULL DEFAULT '' CHECK (disabled_reason IN ('', 'asked', 'gone', 'failing')),
  disabled_at     timestamptz,
  failing_since   timestamptz, -- the first failure since the last delivery
  secret          bytea NOT NULL, -- sealed
  old_secret      bytea,          -- the one before it, sealed; signs too until old_until
  old_until       timestamptz,
  made_by         text NOT NULL,  -- a subject
  made_at         timestamptz NOT NULL DEFAULT now(),
  told            text NOT NULL,  -- where the feed ended when the last message was made
  message         uuid,           -- the delivery under way: never more than one
  next_at         timestamptz,    -- when it is tried next
  booking         uuid,           -- fencing token of the job that is to make the try, or makes it
  booked_until    timestamptz,
  CHECK (enabled = (disabled_reason = '')),
  CHECK (NOT (message IS NOT NULL AND NOT enabled))
);

CREATE TABLE webhook_delivery (
  webhook  uuid NOT NULL REFERENCES webhook ON DELETE CASCADE,
  id       uuid NOT NULL,
  test     boolean NOT NULL DEFAULT false,
  state    text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'delivered', 'failed', 'dropped')),
  cursor   text NOT NULL,
  tries    integer NOT NULL DEFAULT 0, -- begun
  made_at  timestamptz NOT NULL DEFAULT now(),
  ended_at timestamptz,
  PRIMARY KEY (webhook, id),
  CHECK ((state = 'waiting') = (ended_at IS NULL))
);
CREATE INDEX webhook_delivery_by_time ON webhook_delivery (webhook, made_at DESC);

-- result is empty while the call goes on, and for ever when the worker that
-- made it died. What was answered is not kept but for its status.
CREATE TABLE webhook_try (
  webhook  uuid NOT NULL,
  delivery uuid NOT NULL,
  n        integer NOT NULL,
  at       timestamptz NOT NULL DEFAULT clock_timestamp(),
  result   text NOT NULL DEFAULT '',
  status   integer NOT NULL DEFAULT 0,
  took_ms  bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (webhook, delivery, n),
  FOREIGN KEY (webhook, delivery) REFERENCES webhook_delivery ON DELETE CASCADE
);
