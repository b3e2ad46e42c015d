//! The demo's folder: sessions, keys, the account and its password, for this user's eyes only.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use cloakroom::random::SystemRandom;
use protocol::Secret;

use super::password;
use crate::failure::Failure;

/// The folder, held by this process alone.
pub(super) struct Folder {
    path: PathBuf,
    _lock: File,
}

impl Folder {
    /// Creates the folder where there is none, and makes sure that no other demo uses it.
    pub(super) fn open(path: Option<PathBuf>) -> Result<Self, Failure> {
        let path = path.ok_or_else(|| {
            Failure::trouble("neither XDG_STATE_HOME nor HOME is set: name a folder with --folder DIR")
        })?;
        let lock = prepare(&path).map_err(|error| {
            Failure::trouble(format!(
                "cannot use the folder {}: {error}. Name another with --folder DIR",
                path.display()
            ))
        })?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path, _lock: lock }),
            Err(_) => Err(Failure::trouble(format!(
                "another `cloakroom demo` uses the folder {}: stop it, or name another folder with --folder DIR",
                path.display()
            ))),
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The gateway's session store.
    pub(super) fn sessions(&self) -> PathBuf {
        self.path.join(SESSIONS)
    }

    /// The gateway's key ring.
    pub(super) fn key_ring(&self) -> PathBuf {
        self.path.join("keys.json")
    }

    /// The login server's database.
    pub(super) fn issuer(&self) -> PathBuf {
        self.path.join("issuer.db")
    }

    /// Removes the session store and the files that lie beside it.
    pub(super) fn forget_gateway_sessions(&self) -> Result<(), Failure> {
        let trouble =
            |error: io::Error| Failure::trouble(format!("cannot forget the sessions of earlier runs: {error}"));
        for entry in fs::read_dir(&self.path).map_err(trouble)? {
            let entry = entry.map_err(trouble)?;
            if entry.file_name().to_string_lossy().starts_with(SESSIONS) {
                fs::remove_file(entry.path()).map_err(trouble)?;
            }
        }
        Ok(())
    }

    /// The demo user's password: the one of earlier runs, or a new one.
    pub(super) fn password(&self) -> Result<Secret<String>, Failure> {
        let file = self.path.join("password.txt");
        let kept = fs::read_to_string(&file).unwrap_or_default();
        if kept.trim().len() >= password::SHORTEST {
            return Ok(Secret::new(kept.trim().to_owned()));
        }
        let new = password::memorable(&SystemRandom);
        let written = private(&mut OpenOptions::new()).truncate(true).open(&file).and_then(|mut file| {
            file.write_all(new.expose().as_bytes())?;
            file.write_all(b"\n")
        });
        written.map_err(|error| Failure::trouble(format!("cannot write {}: {error}", file.display())))?;
        Ok(new)
    }
}

fn prepare(path: &Path) -> io::Result<File> {
    fs::create_dir_all(path)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(path, fs::Permissions::from_mode(0o700))?;
    }
    private(&mut OpenOptions::new()).open(path.join("demo.lock"))
}

fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options.write(true).create(true)
}

const SESSIONS: &str = "sessions.db";

#[cfg(test)]
mod tests {
    use super::*;

    fn temporary(name: &str) -> PathBuf {
        std::env::temp_dir().join(format!("cloakroom-demo-folder-{name}-{}", std::process::id()))
    }

    #[test]
    fn the_password_is_the_same_at_the_next_start() {
        let path = temporary("password");

        let first = Folder::open(Some(path.clone())).unwrap().password().unwrap();
        let second = Folder::open(Some(path.clone())).unwrap().password().unwrap();

        assert_eq!(first.expose(), second.expose());
        fs::remove_dir_all(path).unwrap();
    }

    #[test]
    fn two_demos_do_not_share_a_folder() {
        let path = temporary("shared");
        let _first = Folder::open(Some(path.clone())).unwrap();

        let second = Folder::open(Some(path.clone()));

        assert!(second.is_err_and(|error| error.to_string().contains("--folder")));
        fs::remove_dir_all(path).unwrap();
    }

    #[test]
    fn forgetting_sessions_keeps_the_password_and_the_keys() {
        let path = temporary("forget");
        let folder = Folder::open(Some(path.clone())).unwrap();
        folder.password().unwrap();
        for name in ["sessions.db", "sessions.db-wal", "keys.json"] {
            fs::write(path.join(name), "x").unwrap();
        }

        folder.forget_gateway_sessions().unwrap();

        let mut left = fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().file_name()).collect::<Vec<_>>();
        left.sort();
        assert_eq!(left, ["demo.lock", "keys.json", "password.txt"]);
        fs::remove_dir_all(path).unwrap();
    }

    #[cfg(unix)]
    #[test]
    fn nobody_else_can_look_into_the_folder() {
        use std::os::unix::fs::PermissionsExt as _;
        let path = temporary("mode");

        let _folder = Folder::open(Some(path.clone())).unwrap();

        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
        fs::remove_dir_all(path).unwrap();
    }
}
