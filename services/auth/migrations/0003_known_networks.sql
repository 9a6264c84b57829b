-- Whom strangers' guesses don't slow down (ADR 0035): devices that have logged in before, and the
-- networks that an account has lately logged in from.

-- What device tokens and the marks of networks are made with. Not the keys that sign: those change.
CREATE TABLE auth.place_secret (
    is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
    secret bytea NOT NULL CHECK (octet_length(secret) = 32)
);
-- 244 bits of PostgreSQL's strong random source.
INSERT INTO auth.place_secret (secret)
    VALUES (sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())));

CREATE TABLE auth.known_networks (
    account_id uuid NOT NULL REFERENCES auth.accounts ON DELETE CASCADE,
    -- A code of the network for this account and its password: the table by itself names none.
    mark uuid NOT NULL,
    logged_in_at timestamptz NOT NULL,
    PRIMARY KEY (account_id, mark)
);
CREATE INDEX known_networks_by_age ON auth.known_networks (logged_in_at);

GRANT SELECT ON auth.place_secret TO auth;
GRANT SELECT, INSERT, UPDATE, DELETE ON auth.known_networks TO auth;
