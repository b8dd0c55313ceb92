-- An import: the sealed upload, the rows it gave, what they would change, and
-- the ops that carry the changes to Keycloak.

-- +goose Up

-- How often a tenant's people have changed by an import. A plan remembers the
-- number it was made at, and is checked again when it is not the same any more.
CREATE TABLE roster_revision (
  tenant   text COLLATE "C" PRIMARY KEY REFERENCES tenant,
  revision bigint NOT NULL DEFAULT 0
);
CALL opora_protect('roster_revision');

CREATE TABLE import (
  tenant       text COLLATE "C" NOT NULL REFERENCES tenant,
  id           uuid NOT NULL,
  state        text NOT NULL DEFAULT 'received'
               CHECK (state IN ('received', 'parsing', 'planned', 'held', 'applying', 'applied', 'failed', 'cancelled', 'undone')),
  mode         text NOT NULL CHECK (mode IN ('full', 'add', 'leavers')),
  legal_entity text NOT NULL DEFAULT '',
  uploaded_by  text NOT NULL,
  uploaded_at  timestamptz NOT NULL DEFAULT now(),
  applied_by   text NOT NULL DEFAULT '',
  applied_at   timestamptz,
  ended_at     timestamptz,
  rows_read    integer NOT NULL DEFAULT 0, -- rows the file holds
  rejected     integer NOT NULL DEFAULT 0,
  counts       jsonb NOT NULL DEFAULT '{}', -- roster.Counts of the plan
  revision     bigint NOT NULL DEFAULT 0,   -- roster_revision the plan was made at
  digest       text NOT NULL DEFAULT '',    -- of the plan's changes
  ops          integer NOT NULL DEFAULT 0,
  done         integer NOT NULL DEFAULT 0,  -- ops that have ended
  ops_failed   integer NOT NULL DEFAULT 0,
  claim        uuid,                        -- fencing token of whoever parses
  lease_until  timestamptz,
  PRIMARY KEY (tenant, id)
);
CREATE INDEX import_by_time ON import (tenant, uploaded_at DESC);
CREATE UNIQUE INDEX import_by_id ON import (id) INCLUDE (tenant);
CALL opora_protect('import');

-- The uploaded file, sealed, in pieces; gone once parsed.
CREATE TABLE upload_chunk (
  tenant    text COLLATE "C" NOT NULL,
  import_id uuid NOT NULL,
  n         integer NOT NULL,
  sealed    bytea NOT NULL,
  PRIMARY KEY (tenant, import_id, n),
  FOREIGN KEY (tenant, import_id) REFERENCES import (tenant, id)
);
ALTER TABLE upload_chunk ALTER COLUMN sealed SET STORAGE EXTERNAL;
CALL opora_protect('upload_chunk');

-- The rows that were taken: no refused row, no national id.
CREATE TABLE import_row (
  tenant       text COLLATE "C" NOT NULL,
  import_id    uuid NOT NULL,
  line         integer NOT NULL,
  employee_no  text NOT NULL,
  employee_key text COLLATE "C" NOT NULL,
  legal_entity text COLLATE "C" NOT NULL,
  last_name    text NOT NULL,
  first_name   text NOT NULL,
  middle_name  text NOT NULL,
  email        text NOT NULL,
  phone        text NOT NULL,
  department   text NOT NULL,
  position     text NOT NULL,
  segment      text NOT NULL,
  hired_on     date,
  left_on      date,
  birth_date   date,
  search       text NOT NULL,
  PRIMARY KEY (tenant, import_id, legal_entity, employee_key),
  FOREIGN KEY (tenant, import_id) REFERENCES import (tenant, id)
);
CALL opora_protect('import_row');

-- The keyed hashes of the rows' national ids, only until the import has ended.
CREATE TABLE import_identity (
  tenant           text COLLATE "C" NOT NULL,
  import_id        uuid NOT NULL,
  legal_entity     text COLLATE "C" NOT NULL,
  employee_key     text COLLATE "C" NOT NULL,
  national_id      text NOT NULL,
  national_id_hash text NOT NULL,
  PRIMARY KEY (tenant, import_id, legal_entity, employee_key),
  FOREIGN KEY (tenant, import_id, legal_entity, employee_key) REFERENCES import_row ON DELETE CASCADE
);
CALL opora_protect('import_identity');

-- Keyed hashes of the personnel numbers on refused rows: whoever stands in the
-- file is not absent from it, and the rows themselves are not kept.
CREATE TABLE import_refused (
  tenant    text COLLATE "C" NOT NULL,
  import_id uuid NOT NULL,
  mark      bytea NOT NULL,
  PRIMARY KEY (tenant, import_id, mark),
  FOREIGN KEY (tenant, import_id) REFERENCES import (tenant, id)
);
CALL opora_protect('import_refused');

CREATE TABLE import_problem (
  tenant    text COLLATE "C" NOT NULL,
  import_id uuid NOT NULL,
  n         integer NOT NULL,
  stage     text NOT NULL CHECK (stage IN ('parse', 'plan', 'apply')),
  code      text NOT NULL,
  severity  text NOT NULL CHECK (severity IN ('error', 'warning')),
  message   text NOT NULL,
  sheet     text NOT NULL DEFAULT '',
  line      integer NOT NULL DEFAULT 0,
  col       text NOT NULL DEFAULT '',
  field     text NOT NULL DEFAULT '',
  PRIMARY KEY (tenant, import_id, n),
  FOREIGN KEY (tenant, import_id) REFERENCES import (tenant, id)
);
CALL opora_protect('import_problem');

CREATE TABLE import_finding (
  tenant      text COLLATE "C" NOT NULL,
  import_id   uuid NOT NULL,
  code        text NOT NULL,
  message     text NOT NULL,
  count       integer NOT NULL,
  allowed     integer NOT NULL,
  accepted_by text NOT NULL DEFAULT '',
  accepted_at timestamptz,
  PRIMARY KEY (tenant, import_id, code),
  FOREIGN KEY (tenant, import_id) REFERENCES import (tenant, id)
);
CALL opora_protect('import_finding');

CREATE TABLE import_change (
  tenant        text COLLATE "C" NOT NULL,
  import_id     uuid NOT NULL,
  n             integer NOT NULL,
  kind          text NOT NULL CHECK (kind IN ('hire', 'update', 'move', 'leave', 'return')),
  state         text NOT NULL DEFAULT 'planned' CHECK (state IN ('planned', 'applied', 'reversed', 'kept', 'failed')),
  line          integer NOT NULL DEFAULT 0, -- 0: not in the file
  legal_entity  text COLLATE "C" NOT NULL,
  employee_no   text NOT NULL,
  employee_key  text COLLATE "C" NOT NULL,
  employee_id   uuid NOT NULL,
  employment_id uuid NOT NULL,
  from_id       uuid,             -- a move: the employment that ends
  login         text COLLATE "C", -- a hire: the login it will have
  new_person    boolean NOT NULL DEFAULT false,
  explicit      boolean NOT NULL DEFAULT false, -- a leave that the file dates itself
  left_on       date,             -- a leave or move: the last day
  was_left_on   date,             -- what left_on was before
  fields        jsonb NOT NULL DEFAULT '[]', -- roster.FieldChange: old and new
  reason        text NOT NULL DEFAULT '',    -- why undo kept or failed it
  PRIMARY KEY (tenant, import_id, n),
  FOREIGN KEY (tenant, import_id) REFERENCES import (tenant, id)
);
CALL opora_protect('import_change');

-- One call to Keycloak. What the call carries is read from the account when it
-- is sent, so an op can be repeated and none is ever out of date.
--   pending -> sent -> confirmed | failed
--              sent -> unknown (lost answer, dead worker) -> observed -> confirmed | sent
-- "sent" is committed before the call. claim is the fencing token: an outcome
-- is written only by the worker that holds it.
CREATE TABLE op (
  tenant      text COLLATE "C" NOT NULL REFERENCES tenant,
  id          bigint GENERATED ALWAYS AS IDENTITY,
  import_id   uuid,
  employee_id uuid NOT NULL,
  kind        text NOT NULL CHECK (kind IN ('create', 'update', 'disable', 'enable', 'delete')),
  state       text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'sent', 'confirmed', 'unknown', 'failed')),
  not_before  timestamptz NOT NULL DEFAULT now(),
  claim       uuid,
  lease_until timestamptz,
  tries       integer NOT NULL DEFAULT 0,
  line        integer NOT NULL DEFAULT 0,
  code        text NOT NULL DEFAULT '',
  made_at     timestamptz NOT NULL DEFAULT now(),
  ended_at    timestamptz,
  PRIMARY KEY (tenant, id),
  CHECK ((state IN ('confirmed', 'failed')) = (ended_at IS NOT NULL)),
  CHECK (state <> 'sent' OR (claim IS NOT NULL AND lease_until IS NOT NULL))
);
CREATE INDEX op_open ON op (tenant, import_id, id) WHERE state IN ('pending', 'sent', 'unknown');
CREATE INDEX op_open_by_employee ON op (tenant, employee_id, id) WHERE state IN ('pending', 'sent', 'unknown');
CALL opora_protect('op');

-- A one-time code on its way to Keycloak: sealed, removed once handed over.
CREATE TABLE activation (
  tenant      text COLLATE "C" NOT NULL,
  id          uuid NOT NULL,
  employee_id uuid NOT NULL,
  issued_by   text NOT NULL,
  issued_at   timestamptz NOT NULL DEFAULT now(),
  expires_at  timestamptz NOT NULL,
  sealed      bytea, -- NULL once handed over
  ended_at    timestamptz,
  PRIMARY KEY (tenant, id),
  FOREIGN KEY (tenant, employee_id) REFERENCES account (tenant, id) ON DELETE CASCADE
);
CREATE UNIQUE INDEX activation_by_id ON activation (id);
CALL opora_protect('activation');
