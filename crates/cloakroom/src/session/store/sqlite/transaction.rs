//! Many operations, one transaction: each happens or does not, none is answered before the commit.

use std::sync::atomic::{AtomicU64, Ordering};

use rusqlite::Connection;

use super::{fault::store_error, queue::Job};
use crate::{clock::Clock, session::store::StoreError};

/// Writes batches through one connection and counts the commits.
pub(super) struct Transactions<'w> {
    pub(super) connection: &'w Connection,
    pub(super) clock: &'w dyn Clock,
    pub(super) commits: &'w AtomicU64,
}

impl Transactions<'_> {
    /// Does all of it and answers everyone.
    pub(super) fn write(&self, mut jobs: Vec<Box<dyn Job>>) {
        match self.together(&mut jobs) {
            Fate::Committed => answer(jobs, None),
            Fate::Failed(error) => answer(jobs, Some(&error)),
            Fate::RolledBack => self.one_by_one(jobs),
        }
    }

    /// SQLite takes a whole transaction back when the disk is full, so one operation would take its company down.
    fn one_by_one(&self, jobs: Vec<Box<dyn Job>>) {
        for mut job in jobs {
            let lost = match self.together(std::slice::from_mut(&mut job)) {
                // Rolled back: the operation has kept its error itself.
                Fate::Committed | Fate::RolledBack => None,
                Fate::Failed(error) => Some(error),
            };
            job.answer(lost);
        }
    }

    /// Runs operations in one transaction. Each is a single statement or has its own savepoint: it happens or it does not.
    fn together(&self, jobs: &mut [Box<dyn Job>]) -> Fate {
        if jobs.is_empty() {
            return Fate::Committed;
        }
        if let Err(error) = self.statement("BEGIN IMMEDIATE") {
            return Fate::Failed(store_error(&error));
        }
        for job in jobs {
            job.run(self.connection, self.clock.now());
            if self.connection.is_autocommit() {
                return Fate::RolledBack;
            }
        }
        match self.statement("COMMIT") {
            Ok(()) => {
                self.commits.fetch_add(1, Ordering::Relaxed);
                Fate::Committed
            }
            Err(error) => {
                // Fails when SQLite has rolled back already.
                drop(self.statement("ROLLBACK"));
                Fate::Failed(store_error(&error))
            }
        }
    }

    fn statement(&self, sql: &str) -> rusqlite::Result<()> {
        self.connection.prepare_cached(sql)?.execute([]).map(drop)
    }
}

/// What became of a transaction.
enum Fate {
    Committed,
    /// It was not, or nobody knows.
    Failed(StoreError),
    /// An operation failed so badly that SQLite took everything back.
    RolledBack,
}

fn answer(jobs: Vec<Box<dyn Job>>, lost: Option<&StoreError>) {
    for job in jobs {
        job.answer(lost.cloned());
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;
    use crate::{
        clock::SystemClock,
        session::store::sqlite::queue::{Haste, Message, Queue},
    };

    /// What each of these statements is answered, run as one batch on a table of one column.
    fn answers(statements: &'static [&'static str], prepare: &str) -> (Vec<Result<(), StoreError>>, Vec<i64>, u64) {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch("CREATE TABLE number (n INTEGER PRIMARY KEY, text TEXT NOT NULL)").unwrap();
        connection.execute_batch(prepare).unwrap();
        let (queue, waiting) = Queue::new();
        let (answered, answers) = mpsc::channel();
        for (at, sql) in statements.iter().enumerate() {
            let answered = answered.clone();
            let reply = move |outcome| answered.send((at, outcome)).unwrap();
            queue.send(Haste::Now, |connection, _| connection.execute_batch(sql), reply).unwrap();
        }
        let jobs = waiting.try_iter().filter_map(|message| match message {
            Message::Run(_, job) => Some(job),
            Message::Stop => None,
        });
        let commits = AtomicU64::new(0);

        Transactions { connection: &connection, clock: &SystemClock::start(), commits: &commits }.write(jobs.collect());

        drop(answered);
        let mut answers: Vec<_> = answers.iter().collect();
        answers.sort_by_key(|(at, _)| *at);
        let mut rows = connection.prepare("SELECT n FROM number ORDER BY n").unwrap();
        let rows = rows.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap();
        (answers.into_iter().map(|(_, outcome)| outcome).collect(), rows, commits.into_inner())
    }

    #[test]
    fn a_batch_is_one_commit() {
        let batch = &["INSERT INTO number VALUES (1, 'a')", "INSERT INTO number VALUES (2, 'b')"];

        let (answers, rows, commits) = answers(batch, "");

        assert!(answers.iter().all(Result::is_ok), "{answers:?}");
        assert_eq!((rows, commits), (vec![1, 2], 1));
    }

    #[test]
    fn a_failing_operation_leaves_its_company_alone() {
        let batch = &[
            "INSERT INTO number VALUES (1, 'a')",
            "INSERT INTO number VALUES (2, NULL)",
            "INSERT INTO number VALUES (3, 'c')",
        ];

        let (answers, rows, commits) = answers(batch, "");

        assert_eq!(answers.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, true]);
        assert_eq!((rows, commits), (vec![1, 3], 1));
    }

    #[test]
    fn an_operation_that_takes_the_transaction_down_does_not_take_its_company_along() {
        let batch = &[
            "INSERT INTO number VALUES (1, 'a')",
            "INSERT OR ROLLBACK INTO number VALUES (2, NULL)",
            "INSERT INTO number VALUES (3, 'c')",
        ];

        let (answers, rows, commits) = answers(batch, "");

        assert_eq!(answers.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, true]);
        assert_eq!((rows, commits), (vec![1, 3], 2));
    }

    #[test]
    fn a_failed_commit_is_an_error_for_everyone_and_leaves_nothing() {
        // A deferred constraint fails at the commit and nowhere else.
        let deferred = "
            PRAGMA foreign_keys = ON;
            CREATE TABLE child (n INTEGER REFERENCES number (n) DEFERRABLE INITIALLY DEFERRED)";
        let batch = &["INSERT INTO number VALUES (1, 'a')", "INSERT INTO child VALUES (9)"];

        let (answers, rows, commits) = answers(batch, deferred);

        assert!(answers.iter().all(Result::is_err), "{answers:?}");
        assert_eq!((rows, commits), (vec![], 0));
    }
}
