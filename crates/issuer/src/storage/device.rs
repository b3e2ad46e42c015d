//! Devices as rows: browsers in which an account has logged in before.
//!
//! They are told from strangers where passwords are guessed, and for nothing else.

use std::time::Duration;

use protocol::Timestamp;
use rusqlite::{Transaction, params};

use crate::opaque::Hash;

/// Whether somebody has logged in under this username in the browser with this cookie.
pub(crate) fn is_known(tx: &Transaction<'_>, username: &str, cookie: Hash, now: Timestamp) -> rusqlite::Result<bool> {
    tx.query_row(
        "SELECT EXISTS (SELECT 1 FROM device d JOIN account a ON a.subject = d.subject
         WHERE a.username = ?1 AND d.hash = ?2 AND d.expires_at > ?3)",
        params![username, cookie, now.unix_millis()],
        |row| row.get(0),
    )
}

/// Remembers the browser of a login under its new cookie.
///
/// The old cookie is good for nothing afterwards, for the other accounts of this browser either: whoever planted or
/// copied it has nothing. The oldest devices of an account make room.
pub(crate) fn remember(
    tx: &Transaction<'_>,
    subject: &str,
    old_cookie: Option<Hash>,
    new_cookie: Hash,
    now: Timestamp,
) -> rusqlite::Result<()> {
    if let Some(old_cookie) = old_cookie {
        tx.execute("UPDATE device SET hash = ?2 WHERE hash = ?1", params![old_cookie, new_cookie])?;
    }
    tx.execute(
        "INSERT INTO device (subject, hash, expires_at) VALUES (?1, ?2, ?3)
         ON CONFLICT (subject, hash) DO UPDATE SET expires_at = ?3",
        params![subject, new_cookie, (now + LIFE).unix_millis()],
    )?;
    tx.execute(
        "DELETE FROM device WHERE subject = ?1 AND hash IN (SELECT hash FROM device WHERE subject = ?1
         ORDER BY hash = ?2 DESC, expires_at DESC LIMIT -1 OFFSET ?3)",
        params![subject, new_cookie, MOST_DEVICES],
    )?;
    Ok(())
}

/// How long after its last login a browser is known: as long as browsers keep a cookie at most (RFC 6265bis §5.5).
pub(crate) const LIFE: Duration = Duration::from_secs(400 * 24 * 60 * 60);
/// Devices of one account.
const MOST_DEVICES: i64 = 20;

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::*;
    use crate::storage::{SCHEMA_STEPS, account};

    const NOW: Timestamp = Timestamp::from_unix_millis(0);

    fn database() -> Connection {
        let mut connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(&SCHEMA_STEPS.concat()).unwrap();
        let tx = connection.transaction().unwrap();
        for name in ["ann", "bob"] {
            let (subject, username) = (name.to_owned(), name.to_owned());
            account::insert(&tx, &account::Account { subject, username, name: None, email: None }, "hash").unwrap();
        }
        tx.commit().unwrap();
        connection
    }

    fn cookie(number: i64) -> Hash {
        Hash::of(&number.to_string())
    }

    #[test]
    fn a_device_is_known_to_its_account_only_and_for_400_days() {
        let mut connection = database();
        let tx = connection.transaction().unwrap();

        remember(&tx, "ann", None, cookie(1), NOW).unwrap();

        let almost = NOW + LIFE.saturating_sub(Duration::from_millis(1));
        assert!(is_known(&tx, "ann", cookie(1), almost).unwrap());
        assert!(!is_known(&tx, "ann", cookie(1), NOW + LIFE).unwrap());
        assert!(!is_known(&tx, "bob", cookie(1), NOW).unwrap());
        assert!(!is_known(&tx, "ann", cookie(2), NOW).unwrap());
    }

    #[test]
    fn a_new_cookie_replaces_the_old_one_for_every_account_of_the_browser() {
        let mut connection = database();
        let tx = connection.transaction().unwrap();
        remember(&tx, "ann", None, cookie(1), NOW).unwrap();

        remember(&tx, "bob", Some(cookie(1)), cookie(2), NOW).unwrap();

        for name in ["ann", "bob"] {
            assert!(is_known(&tx, name, cookie(2), NOW).unwrap(), "{name}");
            assert!(!is_known(&tx, name, cookie(1), NOW).unwrap(), "{name}");
        }
    }

    #[test]
    fn an_account_has_twenty_devices_and_forgets_the_oldest() {
        let mut connection = database();
        let tx = connection.transaction().unwrap();

        for number in 0..25 {
            remember(&tx, "ann", None, cookie(number), NOW + Duration::from_secs(number.unsigned_abs())).unwrap();
        }

        let known = (0..25).filter(|number| is_known(&tx, "ann", cookie(*number), NOW).unwrap()).collect::<Vec<_>>();
        assert_eq!(known, (5..25).collect::<Vec<_>>());
    }
}
