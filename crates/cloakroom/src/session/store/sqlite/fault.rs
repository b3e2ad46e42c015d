//! What SQLite's errors mean to whoever uses the store.

use rusqlite::{Error, ErrorCode};

use crate::session::store::StoreError;

/// The store's error for one of SQLite's.
pub(super) fn store_error(error: &Error) -> StoreError {
    let text = error.to_string();
    match error {
        Error::SqliteFailure(failure, _) => match failure.code {
            ErrorCode::DiskFull => StoreError::Full(text),
            ErrorCode::ReadOnly => StoreError::ReadOnly(text),
            ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => StoreError::Corrupt(text),
            // Busy, locked, input and output, memory; whatever else it may be, nothing is known to be damaged.
            _ => StoreError::Unavailable(text),
        },
        Error::FromSqlConversionFailure(_, _, cause) => {
            StoreError::Corrupt(cause.downcast_ref().map_or(text, |cause: &StoreError| cause.to_string()))
        }
        Error::InvalidColumnType(..) | Error::IntegralValueOutOfRange(..) => StoreError::Corrupt(text),
        _ => StoreError::Unavailable(text),
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::ffi;

    use super::*;

    fn from_code(code: i32) -> StoreError {
        store_error(&Error::SqliteFailure(ffi::Error::new(code), None))
    }

    #[test]
    fn each_kind_of_trouble_has_its_error() {
        assert!(matches!(from_code(ffi::SQLITE_FULL), StoreError::Full(_)));
        assert!(matches!(from_code(ffi::SQLITE_READONLY_DBMOVED), StoreError::ReadOnly(_)));
        assert!(matches!(from_code(ffi::SQLITE_BUSY_SNAPSHOT), StoreError::Unavailable(_)));
        assert!(matches!(from_code(ffi::SQLITE_LOCKED), StoreError::Unavailable(_)));
        assert!(matches!(from_code(ffi::SQLITE_IOERR_FSYNC), StoreError::Unavailable(_)));
        assert!(matches!(from_code(ffi::SQLITE_CORRUPT_INDEX), StoreError::Corrupt(_)));
        assert!(matches!(from_code(ffi::SQLITE_NOTADB), StoreError::Corrupt(_)));
    }
}
