-- Accounts and their sessions. The role `auth` (the room's login) exists already; this runs as the
-- owner of the schema. Nobody else gets any right here, not even to read.

CREATE TABLE auth.accounts (
    id uuid PRIMARY KEY,
    email text NOT NULL,
    -- The address without regard to case: what makes it unique and what logs in.
    email_key text NOT NULL UNIQUE CHECK (email_key = lower(email_key)),
    name text,
    -- Argon2id. NULL: can't log in by password (seeded customers of a demonstration).
    password_phc text,
    role text NOT NULL DEFAULT 'customer' CHECK (role IN ('customer', 'admin')),
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- One row per login; its refresh tokens are its family. Who changes a session locks this row.
CREATE TABLE auth.sessions (
    id uuid PRIMARY KEY,
    account_id uuid NOT NULL REFERENCES auth.accounts ON DELETE CASCADE,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- When its newest refresh token expires.
    expires_at timestamptz NOT NULL,
    revoked_at timestamptz
);
CREATE INDEX sessions_of_account ON auth.sessions (account_id, created_at DESC);
CREATE INDEX sessions_by_expiry ON auth.sessions (expires_at);

CREATE TABLE auth.refresh_tokens (
    -- SHA-256 of the token: whoever reads this table can't use it.
    digest bytea PRIMARY KEY CHECK (octet_length(digest) = 32),
    session_id uuid NOT NULL REFERENCES auth.sessions ON DELETE CASCADE,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at timestamptz NOT NULL,
    used_at timestamptz
);
CREATE INDEX refresh_tokens_of_session ON auth.refresh_tokens (session_id);

-- By address, known or not, so that slowing down doesn't tell which addresses have accounts.
CREATE TABLE auth.login_failures (
    email_digest bytea PRIMARY KEY CHECK (octet_length(email_digest) = 32),
    failures int NOT NULL CHECK (failures > 0),
    last_failed_at timestamptz NOT NULL
);
CREATE INDEX login_failures_by_age ON auth.login_failures (last_failed_at);

GRANT USAGE ON SCHEMA auth TO auth;
GRANT SELECT ON auth.schema_migrations TO auth;
GRANT SELECT, INSERT ON auth.accounts TO auth;
GRANT UPDATE (password_phc) ON auth.accounts TO auth;
GRANT SELECT, INSERT, UPDATE, DELETE ON auth.sessions, auth.refresh_tokens, auth.login_failures
    TO auth;
