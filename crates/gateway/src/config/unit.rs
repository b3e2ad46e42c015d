//! Durations and sizes as people write them.

use std::time::Duration;

/// `"90s"`, `"10m"`, `"12h"`, `"7d"`, `"500ms"`: a whole number and one unit.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let hint = || {
        format!("{text:?} is not a duration: write a whole number and `ms`, `s`, `m`, `h` or `d`, such as `\"10m\"`")
    };
    let (number, unit) = split(text).ok_or_else(hint)?;
    let millis_per_unit = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err(hint()),
    };
    let millis = number.checked_mul(millis_per_unit).filter(|millis| *millis <= LONGEST_MILLIS);
    millis.map(Duration::from_millis).ok_or_else(|| format!("{text:?} is longer than ten years"))
}

/// `"64KiB"`, `"16MiB"`, `"1GiB"`, `"512B"` in bytes.
pub(super) fn bytes(text: &str) -> Result<usize, String> {
    let hint =
        || format!("{text:?} is not a size: write a whole number and `B`, `KiB`, `MiB` or `GiB`, such as `\"16MiB\"`");
    let (number, unit) = split(text).ok_or_else(hint)?;
    let bytes_per_unit = match unit {
        "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return Err(hint()),
    };
    let bytes = number.checked_mul(bytes_per_unit).and_then(|bytes| usize::try_from(bytes).ok());
    bytes.ok_or_else(|| format!("{text:?} is more than this machine can count"))
}

fn split(text: &str) -> Option<(u64, &str)> {
    let end = text.find(|letter: char| !letter.is_ascii_digit())?;
    let (number, unit) = text.split_at(end);
    Some((number.parse().ok()?, unit.trim_start()))
}

const LONGEST_MILLIS: u64 = 3_650 * 86_400_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_one_unit() {
        assert_eq!(duration("10m"), Ok(Duration::from_secs(600)));
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("7d"), Ok(Duration::from_secs(7 * 86_400)));
        for wrong in ["", "10", "m", "10 minutes", "1h30m", "-1s", "1.5h", "10M", "99999999999999999999s"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_duration_is_bounded() {
        assert!(duration("3650d").is_ok());
        assert!(duration("3651d").is_err() && duration("18446744073709551615d").is_err());
    }

    #[test]
    fn sizes_count_in_powers_of_two() {
        assert_eq!(bytes("64KiB"), Ok(65_536));
        assert_eq!(bytes("16MiB"), Ok(16 << 20));
        for wrong in ["", "16", "16MB", "1.5GiB", "99999999999999GiB"] {
            assert!(bytes(wrong).is_err(), "{wrong}");
        }
    }
}
