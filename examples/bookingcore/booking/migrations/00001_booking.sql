-- +goose Up
-- No table holds a name, a contact, a note or a reason for a visit. Whose use
-- this is and of what is health data all the same: it stays in this database.

-- Whose use is counted: "employee:<id>", for himself and his family, or
-- "pool:<holder>/<grant>", for everybody who draws on a pool. A row is the lock
-- under which what is counted for it is weighed and added to.
CREATE TABLE account (
    key text COLLATE "C" PRIMARY KEY
);

-- How many appointments count against a grant in a window. Windows are those
-- that Opora named when the appointment was booked; they may overlap later
-- (rolling windows do; a contract may be extended, a hire date mended).
CREATE TABLE counter (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account      text COLLATE "C" NOT NULL REFERENCES account (key),
    grant_id     text COLLATE "C" NOT NULL,
    window_from  timestamptz NOT NULL,
    window_until timestamptz NOT NULL,
    used         integer NOT NULL CHECK (used >= 0),
    CHECK (window_from < window_until),
    UNIQUE (account, grant_id, window_from, window_until)
);

CREATE TABLE appointment (
    id              uuid PRIMARY KEY,
    employee_id     text COLLATE "C" NOT NULL,
    specialist_type text NOT NULL,
    at              timestamptz NOT NULL,
    format          text NOT NULL DEFAULT '',
    minutes         integer NOT NULL DEFAULT 0 CHECK (minutes >= 0),
    for_whom        text NOT NULL CHECK (for_whom IN ('self', 'dependant')),
    state           text NOT NULL CHECK (state IN ('booked', 'cancelled', 'completed', 'no_show')),
    -- Whether it is in its counter: a cancellation gives the place back, unless it came too late.
    counts          boolean NOT NULL,
    counter         bigint NOT NULL REFERENCES counter (id),
    contract        text NOT NULL,
    revision        text NOT NULL, -- of Opora's decision, for a dispute: "as of"
    -- Why a booked appointment is not covered any more; empty when it is.
    uncovered       text NOT NULL DEFAULT '',
    booked_at       timestamptz NOT NULL,
    changed_at      timestamptz NOT NULL,
    CHECK (counts OR state = 'cancelled'),
    CHECK (uncovered = '' OR state IN ('booked', 'cancelled'))
);
CREATE INDEX appointment_counted ON appointment (counter, at) WHERE counts;
CREATE INDEX appointment_of_employee ON appointment (employee_id, at);
CREATE INDEX appointment_ahead ON appointment (at, id) WHERE state = 'booked';

-- What was done under an Idempotency-Key, so that a repeated request does
-- nothing more. Refused requests leave nothing.
CREATE TABLE request (
    actor       text COLLATE "C" NOT NULL,
    key         text COLLATE "C" NOT NULL,
    fingerprint bytea NOT NULL,
    appointment uuid NOT NULL,
    made_at     timestamptz NOT NULL,
    PRIMARY KEY (actor, key)
);
CREATE INDEX request_age ON request (made_at);
