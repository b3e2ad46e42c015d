//! Why a store could not be opened, said to the person who has to change something.

use std::{
    io::{Error, ErrorKind},
    path::{Path, PathBuf},
};

use rusqlite::ErrorCode;
use thiserror::Error;

/// Why the file cannot serve as a session store: what was found, and the way out.
#[derive(Debug, Error)]
pub enum OpenError {
    /// There is no folder to put the file in.
    #[error(
        "cannot keep sessions in {file}: the folder {folder} does not exist. \
         Create it, owned by the user that runs the gateway, or name a file in another folder"
    )]
    FolderMissing {
        /// The file that was asked for.
        file: PathBuf,
        /// What is missing.
        folder: PathBuf,
    },
    /// Another process uses the file.
    #[error(
        "the session store {file} is in use: {holder}. Two programs must not write one file: \
         stop the other one, or name another file here"
    )]
    Locked {
        /// The file.
        file: PathBuf,
        /// Who holds it, as far as can be told.
        holder: String,
    },
    /// The file or its folder takes no writes.
    #[error(
        "cannot write to the session store {file}: {found}. \
         Make the file and its folder writable for the user that runs the gateway (SQLite keeps two more files beside it)"
    )]
    ReadOnly {
        /// The file.
        file: PathBuf,
        /// The system's words.
        found: String,
    },
    /// No room.
    #[error("no room for the session store {file}: {found}. Make room on that disk, or name a file on another")]
    Full {
        /// The file.
        file: PathBuf,
        /// The system's words.
        found: String,
    },
    /// The file is something else.
    #[error(
        "{file} is not a session store: {found}. \
         It was left untouched; name another file, or move this one away if nobody needs it"
    )]
    Foreign {
        /// The file.
        file: PathBuf,
        /// What it is instead.
        found: String,
    },
    /// A newer program wrote the file.
    #[error(
        "the session store {file} has layout version {found}, this program reads up to {known}. \
         It was left untouched; run the newer program again, or name another file (everybody signs in again then)"
    )]
    Newer {
        /// The file.
        file: PathBuf,
        /// Its version.
        found: i64,
        /// The newest version known here.
        known: i64,
    },
    /// The file is damaged.
    #[error(
        "the session store {file} is damaged: {found}. Move it away together with its -wal and -shm files to start \
         with an empty one (everybody signs in again then); damage usually means a failing disk or a copy made while \
         the file was in use"
    )]
    Corrupt {
        /// The file.
        file: PathBuf,
        /// What the check found.
        found: String,
    },
    /// The sessions belong to another key ring.
    #[error(
        "the sessions in {file} were sealed with another key ring file than the one configured now: it can open none \
         of them. Configure the key ring they were sealed with, or move the store away to start with an empty one \
         (everybody signs in again then)"
    )]
    OtherKeyRing {
        /// The file.
        file: PathBuf,
    },
    /// Anything else.
    #[error("cannot open the session store {file}: {found}")]
    Failed {
        /// The file.
        file: PathBuf,
        /// What went wrong.
        found: String,
    },
}

impl OpenError {
    pub(super) fn from_io(file: &Path, error: &Error) -> Self {
        let (file, found) = (file.to_owned(), error.to_string());
        match error.kind() {
            ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => Self::ReadOnly { file, found },
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Self::Full { file, found },
            ErrorKind::IsADirectory => Self::Foreign { file, found: "it is a folder".to_owned() },
            _ => Self::Failed { file, found },
        }
    }

    pub(super) fn from_sqlite(file: &Path, error: &rusqlite::Error) -> Self {
        let (file, found) = (file.to_owned(), error.to_string());
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
                Self::Locked { file, holder: "another program has it open for writing".to_owned() }
            }
            Some(ErrorCode::ReadOnly) => Self::ReadOnly { file, found },
            Some(ErrorCode::DiskFull) => Self::Full { file, found },
            Some(ErrorCode::NotADatabase) => Self::Foreign { file, found: "it is no SQLite file".to_owned() },
            Some(ErrorCode::DatabaseCorrupt) => Self::Corrupt { file, found },
            _ => Self::Failed { file, found },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_systems_refusals_are_told_apart() {
        let from = |kind: ErrorKind| OpenError::from_io(Path::new("s.db"), &Error::from(kind));

        assert!(matches!(from(ErrorKind::PermissionDenied), OpenError::ReadOnly { .. }));
        assert!(matches!(from(ErrorKind::ReadOnlyFilesystem), OpenError::ReadOnly { .. }));
        assert!(matches!(from(ErrorKind::StorageFull), OpenError::Full { .. }));
        assert!(matches!(from(ErrorKind::TimedOut), OpenError::Failed { .. }));
    }
}
