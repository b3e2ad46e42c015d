-- Browsers in which an account has logged in. Strangers' guesses do not slow them down; they are no login by themselves.
CREATE TABLE device (
    subject     TEXT NOT NULL REFERENCES account ON DELETE CASCADE,
    hash        BLOB NOT NULL,      -- of the browser's cookie, the same for all accounts that logged in there
    expires_at  INTEGER NOT NULL,
    PRIMARY KEY (subject, hash)
) WITHOUT ROWID;
CREATE INDEX device_hash ON device (hash);
CREATE INDEX device_expiry ON device (expires_at);
