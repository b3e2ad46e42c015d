//! The bytes inside a seal: fields of `tag (1) ‖ length (4, big endian) ‖ value`, in any order. A reader skips tags it
//! does not know, so that a newer program can add some.

use protocol::{Secret, Timestamp};
use zeroize::Zeroizing;

/// Collects fields. Wiped on drop unless [`finish`](Self::finish)ed into a secret.
#[derive(Default)]
pub(crate) struct Writer(Zeroizing<Vec<u8>>);

impl Writer {
    pub(crate) fn bytes(mut self, tag: u8, value: &[u8]) -> Self {
        let length = u32::try_from(value.len()).unwrap_or(u32::MAX);
        let mut next = Zeroizing::new(Vec::with_capacity(self.0.len() + 5 + value.len()));
        next.extend_from_slice(&self.0);
        next.push(tag);
        next.extend_from_slice(&length.to_be_bytes());
        next.extend_from_slice(&value[..length as usize]);
        self.0 = next;
        self
    }

    pub(crate) fn text(self, tag: u8, value: &str) -> Self {
        self.bytes(tag, value.as_bytes())
    }

    pub(crate) fn time(self, tag: u8, value: Timestamp) -> Self {
        self.bytes(tag, &value.unix_millis().to_be_bytes())
    }

    pub(crate) fn optional<T>(self, value: Option<T>, write: impl FnOnce(Self, T) -> Self) -> Self {
        match value {
            Some(value) => write(self, value),
            None => self,
        }
    }

    pub(crate) fn finish(self) -> Zeroizing<Vec<u8>> {
        self.0
    }
}

/// Finds fields.
pub(crate) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// Nothing when the bytes are not fields from first to last.
    pub(crate) fn parse(bytes: &'a [u8]) -> Option<Self> {
        let mut rest = bytes;
        while !rest.is_empty() {
            rest = split_field(rest)?.2;
        }
        Some(Self(bytes))
    }

    pub(crate) fn bytes(&self, tag: u8) -> Option<&'a [u8]> {
        let mut rest = self.0;
        while let Some((found, value, after)) = split_field(rest) {
            if found == tag {
                return Some(value);
            }
            rest = after;
        }
        None
    }

    pub(crate) fn text(&self, tag: u8) -> Option<&'a str> {
        std::str::from_utf8(self.bytes(tag)?).ok()
    }

    pub(crate) fn owned(&self, tag: u8) -> Option<String> {
        self.text(tag).map(str::to_owned)
    }

    pub(crate) fn secret(&self, tag: u8) -> Option<Secret<String>> {
        self.owned(tag).map(Secret::new)
    }

    pub(crate) fn time(&self, tag: u8) -> Option<Timestamp> {
        let bytes = <[u8; 8]>::try_from(self.bytes(tag)?).ok()?;
        Some(Timestamp::from_unix_millis(i64::from_be_bytes(bytes)))
    }
}

fn split_field(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = bytes.split_first()?;
    let (length, rest) = rest.split_first_chunk::<4>()?;
    let (value, rest) = rest.split_at_checked(u32::from_be_bytes(*length) as usize)?;
    Some((tag, value, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_by_tag_and_unknown_ones_skipped() {
        let bytes = Writer::default().text(9, "from the future").text(1, "alice").bytes(2, &[]).finish();

        let fields = Reader::parse(&bytes).unwrap();

        assert_eq!((fields.text(1), fields.bytes(2), fields.bytes(3)), (Some("alice"), Some([].as_slice()), None));
    }

    #[test]
    fn a_cut_field_is_refused() {
        let bytes = Writer::default().text(1, "alice").finish();

        for length in 1..bytes.len() {
            assert!(Reader::parse(&bytes[..length]).is_none());
        }
    }
}
