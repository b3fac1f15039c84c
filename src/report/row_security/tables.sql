CREATE TABLE about (
  format_version INTEGER NOT NULL,  -- the form of this file; refuse one that you do not know
  application TEXT NOT NULL,        -- the resource
  application_name TEXT NOT NULL,   -- the name people read
  revision TEXT,                    -- the commit it was made of
  valid_until TEXT                  -- the next instant at which something may change by itself
) STRICT;
CREATE TABLE users (                -- everybody who may sign in; whoever is not here has no access
  id TEXT NOT NULL PRIMARY KEY,     -- the permanent handle
  display_name TEXT NOT NULL,
  type TEXT NOT NULL,               -- employee, client …
  login TEXT UNIQUE,                -- the name they sign in with; null: not settled yet
  account_guid TEXT UNIQUE,         -- objectGUID of the account in the directory
  account_login TEXT,               -- its sAMAccountName
  account_upn TEXT                  -- its userPrincipalName
) STRICT, WITHOUT ROWID;
CREATE TABLE identities (           -- what a user is; each has at least one
  id INTEGER NOT NULL PRIMARY KEY,  -- of this file only
  user TEXT NOT NULL REFERENCES users (id),
  alias TEXT NOT NULL,              -- what the user calls it
  type TEXT NOT NULL,
  type_name TEXT NOT NULL,          -- the name people read
  is_virtual INTEGER NOT NULL CHECK (is_virtual IN (0, 1)), -- it arose because nobody gave one
  is_default INTEGER NOT NULL CHECK (is_default IN (0, 1)), -- the one at log-on where none is selected
  is_current INTEGER NOT NULL CHECK (is_current IN (0, 1)), -- the one at log-on
  UNIQUE (user, alias)
) STRICT;
CREATE UNIQUE INDEX one_default ON identities (user) WHERE is_default;
CREATE UNIQUE INDEX one_current ON identities (user) WHERE is_current;
CREATE TABLE roles (                -- every role of the application
  name TEXT NOT NULL PRIMARY KEY,
  key TEXT NOT NULL                 -- what the application calls it
) STRICT, WITHOUT ROWID;
CREATE TABLE permissions (          -- what a role permits by itself
  role TEXT NOT NULL REFERENCES roles (name),
  permission TEXT NOT NULL,
  PRIMARY KEY (role, permission)
) STRICT, WITHOUT ROWID;
CREATE TABLE identity_roles (       -- the roles an identity holds, those included by others too
  identity INTEGER NOT NULL REFERENCES identities (id),
  role TEXT NOT NULL REFERENCES roles (name),
  PRIMARY KEY (identity, role)
) STRICT, WITHOUT ROWID;
CREATE TABLE scopes (               -- the dimensions in which rows are told apart
  name TEXT NOT NULL PRIMARY KEY,
  key TEXT NOT NULL,                -- what the application calls it
  absent TEXT NOT NULL CHECK (absent IN ('nothing', 'everything')) -- what is seen where it is not given
) STRICT, WITHOUT ROWID;
CREATE TABLE scope_values (         -- every value there is
  scope TEXT NOT NULL REFERENCES scopes (name),
  value TEXT NOT NULL,              -- as it stands in the rows
  organization TEXT,                -- the organization it stands for
  PRIMARY KEY (scope, value)
) STRICT, WITHOUT ROWID;
CREATE TABLE identity_scopes (      -- whose rows an identity sees: a line for every scope
  identity INTEGER NOT NULL REFERENCES identities (id),
  scope TEXT NOT NULL REFERENCES scopes (name),
  given INTEGER NOT NULL CHECK (given IN (0, 1)),       -- 0: nobody gave it, and the scope's `absent` holds
  all_rows INTEGER NOT NULL CHECK (all_rows IN (0, 1)), -- 1: every row, those of values to come too
  PRIMARY KEY (identity, scope)
) STRICT, WITHOUT ROWID;
CREATE TABLE identity_scope_values ( -- the values whose rows are seen; none where all_rows
  identity INTEGER NOT NULL,
  scope TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (identity, scope, value),
  FOREIGN KEY (identity, scope) REFERENCES identity_scopes (identity, scope),
  FOREIGN KEY (scope, value) REFERENCES scope_values (scope, value)
) STRICT, WITHOUT ROWID;
CREATE VIEW identity_permissions AS -- what an identity may do
  SELECT DISTINCT identity, permission FROM identity_roles JOIN permissions USING (role);
CREATE VIEW visible_values AS       -- identity_scope_values with all_rows written out: the values there are now
  SELECT identity, scope, value FROM identity_scope_values
  UNION SELECT identity, scope, value FROM identity_scopes JOIN scope_values USING (scope) WHERE all_rows;
