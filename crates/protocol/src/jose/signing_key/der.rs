//! The little of DER (X.690) that is needed to read a public RSA key.

/// Modulus and exponent of an `RSAPublicKey` (RFC 8017 §A.1.1): a DER sequence of two integers.
pub(super) fn public_numbers(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (sequence, _) = der_value(der, 0x30)?;
    let (modulus, rest) = der_value(sequence, 0x02)?;
    let (exponent, _) = der_value(rest, 0x02)?;
    // An integer whose first bit is set gets a zero in front, which is not part of the number.
    let unsigned = |number| <[u8]>::strip_prefix(number, &[0]).unwrap_or(number);
    Some((unsigned(modulus), unsigned(exponent)))
}

/// The content of the first value, if it has this tag, and what follows it (X.690 §8.1).
fn der_value(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (&first, rest) = der.split_first()?;
    let (&short_length, rest) = rest.split_first()?;
    if first != tag {
        return None;
    }
    let length_bytes = usize::from(short_length.saturating_sub(0x80));
    let (long_length, rest) = rest.split_at_checked(length_bytes)?;
    let length = if short_length < 0x80 {
        usize::from(short_length)
    } else {
        long_length.iter().try_fold(0_usize, |length, &byte| length.checked_mul(256)?.checked_add(usize::from(byte)))?
    };
    rest.split_at_checked(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_truncated_der_value_is_no_value() {
        assert_eq!(der_value(&[0x02, 0x01, 0x07, 0x09], 0x02), Some(([7].as_slice(), [9].as_slice())));
        assert_eq!(der_value(&[0x02, 0x81, 0x01, 0x07], 0x02), Some(([7].as_slice(), [].as_slice())));

        for truncated in [[].as_slice(), &[2], &[2, 1], &[2, 0x82, 1], &[2, 0xff, 1], &[2, 0x82, 1, 0, 7], &[3, 0]] {
            assert_eq!(der_value(truncated, 0x02), None, "{truncated:?}");
        }
    }
}
