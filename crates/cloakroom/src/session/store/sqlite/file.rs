//! The file itself: found, locked for this process, readable by nobody else.

use std::{
    ffi::OsString,
    fs::{self, File, OpenOptions, TryLockError},
    io::{Error, ErrorKind, Write},
    path::{Path, PathBuf},
};

use super::open_error::OpenError;

/// A file that no other process opens as a store while this value lives.
pub(super) struct StoreFile {
    path: PathBuf,
    _lock: File,
}

impl StoreFile {
    /// Locks the file, and creates it where there is none.
    ///
    /// The lock comes first: to open and close the file beside a running store would take SQLite's own locks from it
    /// (POSIX ties them to the process, not to the descriptor).
    pub(super) fn hold(path: &Path) -> Result<Self, OpenError> {
        let path = place(path)?;
        let lock = lock(&path)?;
        private(OpenOptions::new().write(true).create(true).truncate(false))
            .open(&path)
            .and_then(|file| withdraw_from_others(&file))
            .map_err(|error| OpenError::from_io(&path, &error))?;
        Ok(Self { path, _lock: lock })
    }

    /// Where it is, links resolved.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// A file that belongs to it.
    pub(super) fn beside(&self, suffix: &str) -> PathBuf {
        beside(&self.path, suffix)
    }
}

/// Replaces a file's content: after a crash it is the old one or the new one.
pub(super) fn replace(path: &Path, content: &str) -> std::io::Result<()> {
    let new = beside(path, ".new");
    let mut file = private(OpenOptions::new().write(true).create(true).truncate(true)).open(&new)?;
    file.write_all(content.as_bytes())?;
    file.sync_all()?;
    fs::rename(&new, path)?;
    sync_folder(path)
}

/// The path with every link resolved, so that two names of one file meet the same lock.
fn place(path: &Path) -> Result<PathBuf, OpenError> {
    let failed = |error: &Error| OpenError::from_io(path, error);
    match fs::canonicalize(path) {
        Ok(found) if found.is_dir() => Err(failed(&ErrorKind::IsADirectory.into())),
        Ok(found) => Ok(found),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let name = path.file_name().ok_or_else(|| failed(&error))?;
            let folder = path.parent().filter(|folder| *folder != "").unwrap_or(Path::new("."));
            let missing = |_| OpenError::FolderMissing { file: path.to_owned(), folder: folder.to_owned() };
            Ok(fs::canonicalize(folder).map_err(missing)?.join(name))
        }
        Err(error) => Err(failed(&error)),
    }
}

fn lock(path: &Path) -> Result<File, OpenError> {
    let lock = private(OpenOptions::new().write(true).create(true).truncate(false))
        .open(beside(path, ".lock"))
        .map_err(|error| OpenError::from_io(path, &error))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(OpenError::Locked {
            file: path.to_owned(),
            holder: "another gateway (or a command of its command line) has it open".to_owned(),
        }),
        Err(TryLockError::Error(error)) => Err(OpenError::from_io(path, &error)),
    }
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    PathBuf::from(name)
}

#[cfg(unix)]
fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    use std::os::unix::fs::OpenOptionsExt;
    options.mode(0o600)
}

#[cfg(not(unix))]
fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    options
}

/// SQLite gives its other files the mode of this one, so a copy that came back with a wider one is narrowed.
#[cfg(unix)]
fn withdraw_from_others(file: &File) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let mut permissions = file.metadata()?.permissions();
    if permissions.mode() & 0o077 != 0 {
        permissions.set_mode(0o600);
        file.set_permissions(permissions)?;
    }
    Ok(())
}

#[cfg(not(unix))]
fn withdraw_from_others(_: &File) -> std::io::Result<()> {
    Ok(())
}

/// A rename is durable once its folder is.
#[cfg(unix)]
fn sync_folder(path: &Path) -> std::io::Result<()> {
    let folder = path.parent().filter(|folder| *folder != "").unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

#[cfg(not(unix))]
fn sync_folder(_: &Path) -> std::io::Result<()> {
    Ok(())
}
