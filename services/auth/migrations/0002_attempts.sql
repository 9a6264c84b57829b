-- Attempts are counted for more than an address; accounts can be closed, and a changed password ends
-- every session. auth.login_failures is what the former version counts in; it stays for it.

-- Buckets that time drains (domain/attempt_pace). The subject is the first 16 bytes of a digest of
-- what is counted: a device, a network, an address and a network, ...
CREATE TABLE auth.attempts (
    subject uuid PRIMARY KEY,
    level float8 NOT NULL CHECK (level > 0),
    counted_at timestamptz NOT NULL
);
CREATE INDEX attempts_by_age ON auth.attempts (counted_at);

ALTER TABLE auth.accounts
    -- Counts changes of the password by its owner: a login that checked the former one while it was
    -- being changed opens no session. Hashing the same password anew is no change.
    ADD COLUMN password_version int NOT NULL DEFAULT 1,
    -- Closed by an operator: nobody logs in, nothing is refreshed.
    ADD COLUMN disabled_at timestamptz;

GRANT SELECT, INSERT, UPDATE, DELETE ON auth.attempts TO auth;
GRANT UPDATE (password_version) ON auth.accounts TO auth;
