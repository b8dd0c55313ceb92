-- People: the person, his account and his employments are three things, so
-- that a second job or a move is an employment and not a person.

-- +goose Up

CREATE TABLE person (
  tenant           text COLLATE "C" NOT NULL REFERENCES tenant,
  id               uuid NOT NULL, -- tenancy.EmployeeID: the Keycloak user id and "sub"
  last_name        text NOT NULL DEFAULT '',
  first_name       text NOT NULL DEFAULT '',
  middle_name      text NOT NULL DEFAULT '',
  email            text NOT NULL DEFAULT '',
  phone            text NOT NULL DEFAULT '',
  birth_date       date,
  national_id      text NOT NULL DEFAULT '', -- the kind
  national_id_hash text NOT NULL DEFAULT '', -- keyed; the number is stored nowhere
  email_confirmed  boolean NOT NULL DEFAULT false, -- by the employee himself
  phone_confirmed  boolean NOT NULL DEFAULT false,
  search           text NOT NULL DEFAULT '', -- the name, folded by roster.Fold: what a search compares
  erased_at        timestamptz,
  import_id        uuid, -- the last import that wrote the row: what undo may reverse
  PRIMARY KEY (tenant, id)
);
CREATE INDEX person_by_email ON person (tenant, lower(email)) WHERE email <> '';
CALL opora_protect('person');
CALL opora_keep('person', 'tenant,id');

-- The account as Keycloak should hold it. email is what Keycloak may sign
-- somebody in by; it may differ from the person's, see email_claim.
CREATE TABLE account (
  tenant  text COLLATE "C" NOT NULL,
  id      uuid NOT NULL,
  login   text COLLATE "C" NOT NULL,
  email   text NOT NULL DEFAULT '',
  enabled boolean NOT NULL DEFAULT true,
  PRIMARY KEY (tenant, id),
  UNIQUE (tenant, login), -- a login begins with its tenant's slug: unique in the contour
  FOREIGN KEY (tenant, id) REFERENCES person (tenant, id)
);
CALL opora_protect('account');
CALL opora_keep('account', 'tenant,id');

CREATE TABLE employment (
  tenant       text COLLATE "C" NOT NULL,
  id           uuid NOT NULL,
  person_id    uuid NOT NULL,
  legal_entity text COLLATE "C" NOT NULL,
  employee_no  text NOT NULL,
  employee_key text COLLATE "C" NOT NULL,
  department   text NOT NULL DEFAULT '',
  position     text NOT NULL DEFAULT '',
  grade        text NOT NULL DEFAULT '',
  segment      text NOT NULL DEFAULT '',
  hired_on     date,
  left_on      date, -- the last day of work
  import_id    uuid,
  PRIMARY KEY (tenant, id),
  UNIQUE (tenant, legal_entity, employee_key),
  FOREIGN KEY (tenant, person_id) REFERENCES person (tenant, id)
);
CREATE INDEX employment_by_person ON employment (tenant, person_id);
CREATE INDEX employment_by_number ON employment (tenant, employee_key);
CALL opora_protect('employment');
CALL opora_keep('employment', 'tenant,id', 'hired_on');

-- Who in the realm holds an e-mail address. Only the contour reads it: a
-- tenant must not learn that another one has the same person.
CREATE TABLE email_claim (
  email       text COLLATE "C" PRIMARY KEY, -- in lower case
  tenant      text COLLATE "C" NOT NULL,
  employee_id uuid NOT NULL,
  UNIQUE (tenant, employee_id),
  FOREIGN KEY (tenant, employee_id) REFERENCES person (tenant, id)
);
CALL opora_protect('email_claim');
REVOKE ALL ON email_claim FROM opora_tenant;
