//! Accounts as rows.

use protocol::Timestamp;
use rusqlite::{OptionalExtension as _, Row, Transaction, params};

/// An account that exists, with what tokens say about it.
#[derive(Debug, Clone)]
pub(crate) struct Account {
    pub(crate) subject: String,
    pub(crate) username: String,
    pub(crate) name: Option<String>,
    pub(crate) email: Option<String>,
}

/// What a login is compared with.
pub(crate) struct Credentials {
    pub(crate) account: Account,
    pub(crate) password_hash: String,
    pub(crate) status: Status,
}

/// Whether an account may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    Enabled,
    Disabled,
}

/// Adds an account, unless its username is taken.
pub(crate) fn insert(tx: &Transaction<'_>, account: &Account, password_hash: &str) -> rusqlite::Result<Inserted> {
    let rows = tx.execute(
        "INSERT INTO account (subject, username, password_hash, name, email) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (username) DO NOTHING",
        params![account.subject, account.username, password_hash, account.name, account.email],
    )?;
    Ok(if rows == 0 { Inserted::UsernameTaken } else { Inserted::Added })
}

/// What became of [`insert`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Inserted {
    Added,
    UsernameTaken,
}

/// What a login under this username is compared with; `None` when there is no such account.
pub(crate) fn credentials(tx: &Transaction<'_>, username: &str) -> rusqlite::Result<Option<Credentials>> {
    tx.query_row(
        "SELECT subject, username, name, email, password_hash, disabled_at IS NOT NULL FROM account
         WHERE username = ?1",
        [username],
        |row| {
            Ok(Credentials {
                account: account(row)?,
                password_hash: row.get(4)?,
                status: if row.get(5)? { Status::Disabled } else { Status::Enabled },
            })
        },
    )
    .optional()
}

/// The account, while it may be used.
pub(crate) fn enabled(tx: &Transaction<'_>, subject: &str) -> rusqlite::Result<Option<Account>> {
    tx.query_row(
        "SELECT subject, username, name, email FROM account WHERE subject = ?1 AND disabled_at IS NULL",
        [subject],
        account,
    )
    .optional()
}

/// The account, while it may be used and its password is still the one that was compared.
pub(crate) fn unchanged(tx: &Transaction<'_>, compared: &Credentials) -> rusqlite::Result<Option<Account>> {
    tx.query_row(
        "SELECT subject, username, name, email FROM account
         WHERE subject = ?1 AND password_hash = ?2 AND disabled_at IS NULL",
        [&compared.account.subject, &compared.password_hash],
        account,
    )
    .optional()
}

/// Replaces the profile of an account.
pub(crate) fn set_profile(tx: &Transaction<'_>, account: &Account) -> rusqlite::Result<()> {
    tx.execute(
        "UPDATE account SET name = ?2, email = ?3 WHERE subject = ?1",
        params![account.subject, account.name, account.email],
    )?;
    Ok(())
}

/// Replaces the password of an account and lets it be used again.
pub(crate) fn set_password(tx: &Transaction<'_>, subject: &str, password_hash: &str) -> rusqlite::Result<()> {
    tx.execute(
        "UPDATE account SET password_hash = ?2, disabled_at = NULL WHERE subject = ?1",
        params![subject, password_hash],
    )?;
    Ok(())
}

/// Forbids an account to be used.
pub(crate) fn disable(tx: &Transaction<'_>, subject: &str, now: Timestamp) -> rusqlite::Result<()> {
    tx.execute(
        "UPDATE account SET disabled_at = ?2 WHERE subject = ?1 AND disabled_at IS NULL",
        params![subject, now.unix_millis()],
    )?;
    Ok(())
}

fn account(row: &Row<'_>) -> rusqlite::Result<Account> {
    Ok(Account { subject: row.get(0)?, username: row.get(1)?, name: row.get(2)?, email: row.get(3)? })
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_millis(0);

    #[test]
    fn an_account_that_changed_after_its_password_was_compared_is_not_the_compared_one() {
        type Change = fn(&Transaction<'_>) -> rusqlite::Result<()>;
        let changes: [Change; 2] = [|tx| set_password(tx, "s", "other"), |tx| disable(tx, "s", NOW)];
        let account = Account { subject: "s".to_owned(), username: "ann".to_owned(), name: None, email: None };

        for change in changes {
            let mut connection = Connection::open_in_memory().unwrap();
            connection.execute_batch(include_str!("schema.sql")).unwrap();
            let tx = connection.transaction().unwrap();
            insert(&tx, &account, "hash").unwrap();
            let compared = credentials(&tx, "ann").unwrap().unwrap();
            assert!(unchanged(&tx, &compared).unwrap().is_some());

            change(&tx).unwrap();

            assert!(unchanged(&tx, &compared).unwrap().is_none());
        }
    }
}
