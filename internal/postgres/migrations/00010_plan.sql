-- Plans of the realm, and the registry of what Opora made in Keycloak that
-- cannot carry a mark. Neither holds personal data or secrets.

-- +goose Up

-- drafted ─▶ applying ─▶ applied
--    │          │  ▲
--    │          ▼  │
--    │        failed
--    └─▶ (stays: a plan that nobody applied)
CREATE TABLE plan (
  id         uuid PRIMARY KEY,
  country    text NOT NULL,
  realm      text NOT NULL,
  source     text NOT NULL DEFAULT '',          -- the catalogue's folder on the machine that planned
  revision   text NOT NULL,                     -- of what is wanted
  have       text NOT NULL,                     -- of what was there
  ops        jsonb NOT NULL,
  state      text NOT NULL DEFAULT 'drafted' CHECK (state IN ('drafted', 'applying', 'applied', 'failed')),
  actor      text NOT NULL,
  accepted   text[] NOT NULL DEFAULT '{}',      -- codes of findings
  problem    text NOT NULL DEFAULT '',          -- of the last apply that failed
  planned_at timestamptz NOT NULL DEFAULT now(),
  ended_at   timestamptz,
  CHECK ((state = 'applied') <= (ended_at IS NOT NULL))
);
CREATE INDEX ON plan (planned_at);

CREATE TABLE registered (
  realm         text NOT NULL,
  kind          text NOT NULL,
  key           text NOT NULL,
  registered_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (realm, kind, key)
);

-- +goose Down
DROP TABLE registered;
DROP TABLE plan;
