//! The key ring's file: JSON, readable by its owner only, written whole or not at all.

use std::{
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use protocol::Secret;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use zeroize::Zeroizing;

use super::{IndexKeys, KeyRing, ServerKey};
use crate::random::Random;

const VERSION: u8 = 1;

impl KeyRing {
    /// The ring in this file; where there is none, a new one, written there first.
    ///
    /// # Errors
    ///
    /// Whatever keeps the file from being read, trusted or written. An existing file is never changed.
    pub fn load_or_create(path: &Path, random: &dyn Random) -> Result<Self, KeyRingError> {
        match fs::read_to_string(path) {
            Ok(text) => {
                require_private(path)?;
                parse(path, &Zeroizing::new(text))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let ring = Self::generate(random);
                ring.write(path).map_err(|error| KeyRingError::Write(path.to_owned(), error))?;
                Ok(ring)
            }
            Err(error) => Err(KeyRingError::Read(path.to_owned(), error)),
        }
    }

    fn write(&self, path: &Path) -> io::Result<()> {
        let file = File {
            version: VERSION,
            index_key: encode(&self.index.root),
            keys: self.keys.iter().map(|key| FileKey { id: key.id, secret: encode(&key.root) }).collect(),
        };
        let text = Zeroizing::new(serde_json::to_string_pretty(&file)?);
        let mut new = path.as_os_str().to_owned();
        new.push(".new");
        // What lies there from an earlier try, or was put there, is not written through: its mode would stay.
        match fs::remove_file(&new) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut options = fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut out = options.open(&new)?;
        out.write_all(text.as_bytes())?;
        out.sync_all()?;
        fs::rename(&new, path)?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        fs::File::open(folder)?.sync_all()
    }
}

/// Why there is no key ring.
#[derive(Debug, Error)]
pub enum KeyRingError {
    /// The file is there and cannot be read.
    #[error("the key ring {0:?} cannot be read: {1}")]
    Read(PathBuf, #[source] io::Error),
    /// There was none, and a new one could not be written.
    #[error("a new key ring cannot be written to {0:?}: {1}. Its folder must exist and be writable")]
    Write(PathBuf, #[source] io::Error),
    /// Others on this machine could read it.
    #[error(
        "the key ring {0:?} can be read by others (mode {1:o}): run `chmod 600` on it, and replace its keys if others used this machine"
    )]
    NotPrivate(PathBuf, u32),
    /// It is not what we wrote.
    #[error(
        "the key ring {0:?} is not valid: {1}. Restore it from a copy; without it, existing sessions cannot be opened"
    )]
    Invalid(PathBuf, String),
}

fn require_private(path: &Path) -> Result<(), KeyRingError> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let metadata = fs::metadata(path).map_err(|error| KeyRingError::Read(path.to_owned(), error))?;
        let mode = metadata.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(KeyRingError::NotPrivate(path.to_owned(), mode));
        }
    }
    Ok(())
}

fn parse(path: &Path, text: &str) -> Result<KeyRing, KeyRingError> {
    let invalid = |why: &str| KeyRingError::Invalid(path.to_owned(), why.to_owned());
    // serde's own message could quote a secret, so only the place is told.
    let file: File = serde_json::from_str(text)
        .map_err(|error| invalid(&format!("JSON error in line {}, column {}", error.line(), error.column())))?;
    if file.version != VERSION {
        return Err(invalid(&format!("its version is {}, this program knows {VERSION}", file.version)));
    }
    let index = decode(&file.index_key).ok_or_else(|| invalid("`index_key` is not 32 bytes of base64url"))?;
    let mut keys: Vec<ServerKey> = Vec::with_capacity(file.keys.len());
    for key in &file.keys {
        let root = decode(&key.secret).ok_or_else(|| invalid(&format!("key {}: not 32 bytes of base64url", key.id)))?;
        if keys.iter().any(|other| other.id == key.id) {
            return Err(invalid(&format!("key {} is there twice", key.id)));
        }
        keys.push(ServerKey::new(key.id, root));
    }
    if keys.is_empty() {
        return Err(invalid("it holds no key"));
    }
    Ok(KeyRing { index: IndexKeys::new(index), keys })
}

/// The file as JSON. The last key seals, the others only open.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: u8,
    index_key: Zeroizing<String>,
    keys: Vec<FileKey>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileKey {
    id: u8,
    secret: Zeroizing<String>,
}

fn encode(secret: &Secret<[u8; 32]>) -> Zeroizing<String> {
    Zeroizing::new(URL_SAFE_NO_PAD.encode(secret.expose()))
}

fn decode(text: &str) -> Option<[u8; 32]> {
    let bytes = Zeroizing::new(URL_SAFE_NO_PAD.decode(text).ok()?);
    <[u8; 32]>::try_from(bytes.as_slice()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::SystemRandom;

    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("cloakroom-keys-{name}-{}", std::process::id()));
            fs::create_dir_all(&path).unwrap();
            Self(path)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn a_ring_is_the_same_after_a_restart() {
        let folder = Folder::new("restart");
        let path = folder.0.join("keys.json");

        let first = KeyRing::load_or_create(&path, &SystemRandom).unwrap();
        let second = KeyRing::load_or_create(&path, &SystemRandom).unwrap();

        assert_eq!(first.fingerprint(), second.fingerprint());
        assert_eq!(first.ticket_mac(1, b"ticket"), second.ticket_mac(1, b"ticket"));
    }

    #[cfg(unix)]
    #[test]
    fn a_ring_that_others_can_read_is_refused() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = Folder::new("mode");
        let path = folder.0.join("keys.json");
        KeyRing::load_or_create(&path, &SystemRandom).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();

        let again = KeyRing::load_or_create(&path, &SystemRandom);

        assert!(matches!(again, Err(KeyRingError::NotPrivate(_, 0o644))));
    }

    #[cfg(unix)]
    #[test]
    fn a_new_key_ring_is_private_whatever_lay_there() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = Folder::new("planted");
        let (path, planted) = (folder.0.join("keys.json"), folder.0.join("keys.json.new"));
        fs::write(&planted, "").unwrap();
        fs::set_permissions(&planted, fs::Permissions::from_mode(0o666)).unwrap();

        KeyRing::load_or_create(&path, &SystemRandom).unwrap();

        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[cfg(unix)]
    #[test]
    fn a_damaged_ring_is_refused_and_left_alone() {
        let folder = Folder::new("damaged");
        let path = folder.0.join("keys.json");
        let ring = KeyRing::load_or_create(&path, &SystemRandom).unwrap();
        let whole = fs::read_to_string(&path).unwrap();
        for damaged in [&whole[..whole.len() / 2], "", "{}", &whole.replace("\"version\": 1", "\"version\": 2")] {
            fs::write(&path, damaged).unwrap();

            let again = KeyRing::load_or_create(&path, &SystemRandom).unwrap_err();

            assert!(matches!(again, KeyRingError::Invalid(..)), "{again}");
            assert!(!again.to_string().contains(encode(&ring.index.root).as_str()));
            assert_eq!(fs::read_to_string(&path).unwrap(), damaged);
        }
    }
}
