-- Times are milliseconds since 1970; hashes are SHA-256.

CREATE TABLE key (
    purpose     TEXT PRIMARY KEY,   -- 'signing' (PKCS #8), 'forms' (32 bytes)
    id          TEXT NOT NULL,
    bytes       BLOB NOT NULL
);

CREATE TABLE account (
    subject         TEXT PRIMARY KEY,
    username        TEXT NOT NULL UNIQUE,
    password_hash   TEXT NOT NULL,
    name            TEXT,
    email           TEXT,
    disabled_at     INTEGER
);

CREATE TABLE browser_session (
    sid                 TEXT PRIMARY KEY,
    cookie_hash         BLOB NOT NULL UNIQUE,
    subject             TEXT NOT NULL REFERENCES account ON DELETE CASCADE,
    authenticated_at    INTEGER NOT NULL,
    expires_at          INTEGER NOT NULL
);
CREATE INDEX browser_session_subject ON browser_session (subject);
CREATE INDEX browser_session_expiry ON browser_session (expires_at);

-- All tokens that come from one code. Ending it is deleting it: its tokens go with it.
CREATE TABLE family (
    id                  INTEGER PRIMARY KEY,
    selector_hash       BLOB NOT NULL UNIQUE,
    client_id           TEXT NOT NULL,
    subject             TEXT NOT NULL REFERENCES account ON DELETE CASCADE,
    sid                 TEXT NOT NULL,
    scope               TEXT NOT NULL,
    authenticated_at    INTEGER NOT NULL,
    generation          INTEGER NOT NULL,   -- of the newest refresh token
    rotated_at          INTEGER NOT NULL,   -- when that generation began
    expires_at          INTEGER NOT NULL,   -- slides with every refresh, up to ends_at
    ends_at             INTEGER NOT NULL
);
CREATE INDEX family_subject ON family (subject);
CREATE INDEX family_sid ON family (sid);
CREATE INDEX family_expiry ON family (expires_at);

CREATE TABLE refresh_token (
    hash        BLOB PRIMARY KEY,
    family      INTEGER NOT NULL REFERENCES family ON DELETE CASCADE,
    generation  INTEGER NOT NULL
);
CREATE INDEX refresh_token_family ON refresh_token (family, generation);

CREATE TABLE access_token (
    hash        BLOB PRIMARY KEY,
    family      INTEGER NOT NULL REFERENCES family ON DELETE CASCADE,
    expires_at  INTEGER NOT NULL
);
CREATE INDEX access_token_family ON access_token (family);
CREATE INDEX access_token_expiry ON access_token (expires_at);

-- A redeemed code stays as long as its family, so that a second use is recognised.
CREATE TABLE code (
    hash                BLOB PRIMARY KEY,
    client_id           TEXT NOT NULL,
    redirect_uri        TEXT NOT NULL,
    challenge           TEXT NOT NULL,
    nonce               TEXT,
    scope               TEXT NOT NULL,
    subject             TEXT NOT NULL REFERENCES account ON DELETE CASCADE,
    sid                 TEXT NOT NULL,
    authenticated_at    INTEGER NOT NULL,
    expires_at          INTEGER NOT NULL,
    spent_at            INTEGER,
    family              INTEGER REFERENCES family ON DELETE CASCADE
);
CREATE INDEX code_sid ON code (sid);
CREATE INDEX code_subject ON code (subject);
CREATE INDEX code_family ON code (family);
CREATE INDEX code_expiry ON code (expires_at);
