//! Stars for secrets that somebody wrote into the file all the same, so that a report in a log does not repeat them.
//!
//! Where the file is TOML, every value below a forbidden key is hidden, however it is laid out. Where it is not, nobody
//! can say where such a value ends: everything behind the first forbidden key is hidden. In comments, the rest of the
//! line.

use std::ops::Range;

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::secret::is_inline;

/// The text with stars for secrets, byte for byte, so that places and lines stay where they are.
pub(super) fn masked(text: &str) -> String {
    let spans = hidden_spans(text);
    let mut masked = String::with_capacity(text.len());
    for (place, letter) in text.char_indices() {
        let is_hidden = !matches!(letter, '\n' | '\r') && spans.iter().any(|span| span.contains(&place));
        if is_hidden {
            masked.extend(std::iter::repeat_n('*', letter.len_utf8()));
        } else {
            masked.push(letter);
        }
    }
    masked
}

fn hidden_spans(text: &str) -> Vec<Range<usize>> {
    let (root, errors) = DeTable::parse_recoverable(text);
    let mut spans = Vec::new();
    note_table(root.get_ref(), Secrecy::Open, &mut spans);
    spans.extend(comments(text));
    if !errors.is_empty() {
        spans.extend(secret_words(text).next().map(|word| word.end..text.len()));
    }
    spans
}

/// Whether a key above says that a secret stands here.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Secrecy {
    Open,
    Hidden,
}

fn note_table(table: &DeTable<'_>, secrecy: Secrecy, spans: &mut Vec<Range<usize>>) {
    for (key, value) in table {
        if secrecy == Secrecy::Hidden {
            spans.push(key.span());
        }
        let below = if is_inline(key.get_ref()) { Secrecy::Hidden } else { secrecy };
        note_value(value, below, spans);
    }
}

fn note_value(value: &Spanned<DeValue<'_>>, secrecy: Secrecy, spans: &mut Vec<Range<usize>>) {
    match value.get_ref() {
        DeValue::Table(table) => note_table(table, secrecy, spans),
        DeValue::Array(items) => items.iter().for_each(|item| note_value(item, secrecy, spans)),
        _ if secrecy == Secrecy::Hidden => spans.push(value.span()),
        _ => {}
    }
}

/// What stands behind such words in comments.
fn comments(text: &str) -> impl Iterator<Item = Range<usize>> {
    secret_words(text).filter_map(|word| {
        let line_start = text[..word.start].rfind('\n').map_or(0, |newline| newline + 1);
        let line_end = text[word.end..].find('\n').map_or(text.len(), |newline| word.end + newline);
        text[line_start..word.start].contains('#').then_some(word.end..line_end)
    })
}

/// The words that name a secret, not the place of one.
fn secret_words(text: &str) -> impl Iterator<Item = Range<usize>> {
    let mut rest = 0;
    let words = std::iter::from_fn(move || {
        let start = rest + text[rest..].find(is_key_letter)?;
        rest = text[start..].find(|letter| !is_key_letter(letter)).map_or(text.len(), |length| start + length);
        Some(start..rest)
    });
    words.filter(|word| is_inline(&text[word.clone()]))
}

fn is_key_letter(letter: char) -> bool {
    letter.is_alphanumeric() || matches!(letter, '_' | '-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_behind_a_key_becomes_stars_of_the_same_length() {
        let text = "a = 'x'\nclient_secret = \"hünter2\" # note\nclient_secret_file = 'f'\nDB_PASSWORD='p'";

        let masked = masked(text);

        assert_eq!(masked.len(), text.len());
        assert_eq!(masked, "a = 'x'\nclient_secret = ********** # note\nclient_secret_file = 'f'\nDB_PASSWORD=***");
    }

    #[test]
    fn what_stands_beside_a_secret_stays_readable() {
        let masked = masked("s = [{ name = 'x', client_secret = 'hunter2', kind = 'y' }]");

        assert_eq!(masked, "s = [{ name = 'x', client_secret = *********, kind = 'y' }]");
    }

    #[test]
    fn a_file_without_secrets_stays_as_it_is() {
        for text in ["", "a = 1 # the file\nclient_secret_file = 'f'\n", "a = ", "\u{feff}é = \"ü\"\r\n"] {
            assert_eq!(masked(text), text);
        }
    }
}
