//! The wraps of a record as one run of bytes, for stores that keep them in one column or field.
//!
//! An empty list is an empty run, so that a store can erase wraps without knowing this layout. Otherwise: one byte of
//! version, then each wrap: id (16 bytes), state (1), end of the state (8), minted (8), key id (1), length of the
//! sealed key (8), sealed key. Numbers are big-endian, times are milliseconds since 1970.

use protocol::Timestamp;

use super::StoreError;
use crate::session::record::{Wrap, WrapState};

const VERSION: u8 = 1;
const CURRENT: u8 = 0;
const SUCCESSOR: u8 = 1;
const SUPERSEDED: u8 = 2;

/// The wraps as bytes. [`decode`] gives them back.
pub fn encode(wraps: &[Wrap]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for wrap in wraps {
        if bytes.is_empty() {
            bytes.push(VERSION);
        }
        append(&mut bytes, wrap);
    }
    bytes
}

fn append(bytes: &mut Vec<u8>, wrap: &Wrap) {
    let (state, until) = match wrap.state {
        WrapState::Current => (CURRENT, 0),
        WrapState::Successor => (SUCCESSOR, 0),
        WrapState::Superseded { until } => (SUPERSEDED, until.unix_millis()),
    };
    bytes.extend_from_slice(&wrap.id);
    bytes.push(state);
    bytes.extend_from_slice(&until.to_be_bytes());
    bytes.extend_from_slice(&wrap.minted_at.unix_millis().to_be_bytes());
    bytes.push(wrap.key_id);
    bytes.extend_from_slice(&(wrap.sealed.len() as u64).to_be_bytes());
    bytes.extend_from_slice(&wrap.sealed);
}

/// The wraps that these bytes hold.
///
/// # Errors
///
/// [`StoreError::Corrupt`] when they are not what [`encode`] writes.
pub fn decode(bytes: &[u8]) -> Result<Vec<Wrap>, StoreError> {
    let Some((&version, rest)) = bytes.split_first() else {
        return Ok(Vec::new());
    };
    if version != VERSION {
        return Err(corrupt(&format!("their layout has version {version}, this program knows {VERSION}")));
    }
    let mut rest = Reading(rest);
    let mut wraps = Vec::new();
    while !rest.0.is_empty() {
        wraps.push(rest.wrap()?);
    }
    Ok(wraps)
}

/// What has not been read yet.
struct Reading<'b>(&'b [u8]);

impl<'b> Reading<'b> {
    fn wrap(&mut self) -> Result<Wrap, StoreError> {
        let id = self.array()?;
        let [state] = self.array()?;
        let until = self.timestamp()?;
        Ok(Wrap {
            id,
            state: match state {
                CURRENT => WrapState::Current,
                SUCCESSOR => WrapState::Successor,
                SUPERSEDED => WrapState::Superseded { until },
                unknown => return Err(corrupt(&format!("{unknown} is no state of a ticket"))),
            },
            minted_at: self.timestamp()?,
            key_id: self.array::<1>()?[0],
            sealed: self.sealed()?.to_vec(),
        })
    }

    fn sealed(&mut self) -> Result<&'b [u8], StoreError> {
        let length = u64::from_be_bytes(self.array()?);
        let length = usize::try_from(length).map_err(|_| cut_off())?;
        let (sealed, rest) = self.0.split_at_checked(length).ok_or_else(cut_off)?;
        self.0 = rest;
        Ok(sealed)
    }

    fn timestamp(&mut self) -> Result<Timestamp, StoreError> {
        Ok(Timestamp::from_unix_millis(i64::from_be_bytes(self.array()?)))
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], StoreError> {
        let (array, rest) = self.0.split_first_chunk().ok_or_else(cut_off)?;
        self.0 = rest;
        Ok(*array)
    }
}

fn cut_off() -> StoreError {
    corrupt("they end in the middle")
}

fn corrupt(what: &str) -> StoreError {
    StoreError::Corrupt(format!("the wraps of a session cannot be read: {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wraps() -> Vec<Wrap> {
        let at = Timestamp::from_unix_millis;
        let wrap = |id, state, sealed| Wrap { id: [id; 16], state, minted_at: at(-5), key_id: 255, sealed };
        vec![
            wrap(1, WrapState::Current, vec![7; 300]),
            wrap(2, WrapState::Successor, vec![]),
            wrap(3, WrapState::Superseded { until: at(i64::MAX) }, vec![0, 1, 2]),
        ]
    }

    #[test]
    fn what_was_encoded_is_decoded() {
        assert_eq!(decode(&encode(&wraps())).unwrap(), wraps());
        assert_eq!(encode(&[]), b"");
        assert_eq!(decode(b"").unwrap(), []);
    }

    #[test]
    fn a_cut_never_decodes_to_the_whole() {
        let bytes = encode(&wraps());

        for length in 0..bytes.len() {
            assert_ne!(decode(&bytes[..length]).ok(), Some(wraps()), "cut to {length} bytes");
        }
    }

    #[test]
    fn a_length_beyond_the_end_is_corrupt() {
        let mut bytes = encode(&wraps()[1..2]);
        let length = bytes.len() - 8;

        bytes[length..].copy_from_slice(&u64::MAX.to_be_bytes());

        assert!(matches!(decode(&bytes), Err(StoreError::Corrupt(_))));
    }

    #[test]
    fn an_unknown_version_or_state_is_corrupt() {
        let mut newer = encode(&wraps());
        newer[0] = 2;
        let mut strange = encode(&wraps());
        strange[17] = 9;

        assert!(matches!(decode(&newer), Err(StoreError::Corrupt(_))));
        assert!(matches!(decode(&strange), Err(StoreError::Corrupt(_))));
    }
}
