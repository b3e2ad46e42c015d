//! From a key such as `frontends[0].origin` to the place in the file where it stands.

use std::ops::Range;

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

/// Where the value of `place` stands, or of the nearest section above it that the file has.
pub(super) fn span_of(root: &DeTable<'_>, place: &str) -> Range<usize> {
    let mut span = 0..0;
    let mut table = Some(root);
    for step in place.split('.') {
        let (key, index) = split_index(step);
        let Some(value) = table.and_then(|table| table.get(key)) else { break };
        let value = index.map_or(Some(value), |index| item(value, index));
        let Some(value) = value else { break };
        span = value.span();
        table = value.get_ref().as_table();
    }
    span
}

fn item<'a>(value: &'a Spanned<DeValue<'a>>, index: usize) -> Option<&'a Spanned<DeValue<'a>>> {
    value.get_ref().as_array()?.get(index)
}

/// `frontends[0]` is `frontends` and 0; `origin` is `origin` alone.
fn split_index(step: &str) -> (&str, Option<usize>) {
    let indexed = step.strip_suffix(']').and_then(|step| step.split_once('['));
    match indexed.map(|(key, index)| (key, index.parse())) {
        Some((key, Ok(index))) => (key, Some(index)),
        _ => (step, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "a = 1\n[[f]]\nb = 2\n[[f]]\nb = 3\n[f.c]\nd = 'e'\n";

    #[test]
    fn a_place_is_found_through_lists_and_tables() {
        let table = DeTable::parse(TEXT).unwrap();
        let at = |place| &TEXT[span_of(table.get_ref(), place)];

        assert_eq!(at("a"), "1");
        assert_eq!(at("f[1].b"), "3");
        assert_eq!(at("f[1].c.d"), "'e'");
    }

    #[test]
    fn an_absent_key_is_shown_at_its_section() {
        let table = DeTable::parse(TEXT).unwrap();
        let at = |place| &TEXT[span_of(table.get_ref(), place)];

        assert_eq!(at("f[1].c.x"), "[f.c]");
        assert_eq!(at("f[0].x.y"), "[[f]]");
        assert_eq!(at("nowhere"), "");
    }
}
