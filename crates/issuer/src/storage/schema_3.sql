-- Clients that got tokens in a session: who is told when it ends.
CREATE TABLE participant (
    sid         TEXT NOT NULL,
    client_id   TEXT NOT NULL,
    subject     TEXT NOT NULL REFERENCES account ON DELETE CASCADE,
    expires_at  INTEGER NOT NULL,   -- when nothing that the client got can be alive
    PRIMARY KEY (sid, client_id)
) WITHOUT ROWID;
CREATE INDEX participant_subject ON participant (subject);
CREATE INDEX participant_expiry ON participant (expires_at);
INSERT INTO participant SELECT sid, client_id, subject, max(ends_at) FROM family GROUP BY sid, client_id;
