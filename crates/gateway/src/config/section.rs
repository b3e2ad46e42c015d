//! One table of the file: typed reading that notes every problem and goes on.

use std::{cell::RefCell, ops::Range};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::report::Problem;

/// A table being read. Each key that is asked for is known from then on; the others are refused at the end.
pub(super) struct Section<'a> {
    table: &'a DeTable<'a>,
    span: Range<usize>,
    place: String,
    known: RefCell<Vec<&'static str>>,
    problems: &'a RefCell<Vec<Problem>>,
}

impl<'a> Section<'a> {
    pub(super) fn new(
        table: &'a DeTable<'a>,
        span: Range<usize>,
        place: String,
        problems: &'a RefCell<Vec<Problem>>,
    ) -> Self {
        Self { table, span, place, known: RefCell::default(), problems }
    }

    /// A text that has to be there. `None` when it is not, or is refused; the problem is noted.
    pub(super) fn required<T>(&self, key: &'static str, parse: impl FnOnce(&str) -> Result<T, String>) -> Option<T> {
        let value = self.value(key);
        if value.is_none() {
            self.note_missing(key);
        }
        self.parsed(key, value?, parse)
    }

    /// A text that may be absent: then `default`. `None` when it is refused; the problem is noted.
    pub(super) fn optional<T>(
        &self,
        key: &'static str,
        default: T,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        match self.value(key) {
            Some(value) => self.parsed(key, value, parse),
            None => Some(default),
        }
    }

    /// A whole number within these bounds, or `default`.
    pub(super) fn number(&self, key: &'static str, default: usize, bounds: Range<usize>) -> Option<usize> {
        let Some(value) = self.value(key) else { return Some(default) };
        let number = value.get_ref().as_integer();
        let number = number.and_then(|number| usize::from_str_radix(number.as_str(), number.radix()).ok());
        let number = number.filter(|number| bounds.contains(number));
        if number.is_none() {
            let wanted = format!("a whole number from {} to {}", bounds.start, bounds.end - 1);
            self.note(Problem::refused(&self.key(key), value.span(), &format!("must be {wanted}")));
        }
        number
    }

    /// A list of texts, or `default`.
    pub(super) fn texts(&self, key: &'static str, default: &[String]) -> Option<Vec<String>> {
        let Some(value) = self.value(key) else { return Some(default.to_vec()) };
        let texts = value.get_ref().as_array().and_then(|array| {
            array.iter().map(|item| item.get_ref().as_str().map(str::to_owned)).collect::<Option<Vec<_>>>()
        });
        if texts.is_none() {
            self.note(Problem::refused(&self.key(key), value.span(), "must be a list of texts, such as `[\"main\"]`"));
        }
        texts
    }

    /// A table that has to be there.
    pub(super) fn section(&self, key: &'static str) -> Option<Section<'a>> {
        let value = self.value(key);
        if value.is_none() {
            self.note_missing(&format!("[{key}]"));
        }
        self.table_of(key, value?)
    }

    /// A table that may be absent.
    pub(super) fn optional_section(&self, key: &'static str) -> Option<Section<'a>> {
        self.table_of(key, self.value(key)?)
    }

    /// The tables of a list `[[key]]`; empty when there is none.
    pub(super) fn sections(&self, key: &'static str) -> Vec<Section<'a>> {
        let Some(value) = self.value(key) else { return Vec::new() };
        let tables = value.get_ref().as_array().filter(|array| array.iter().all(|item| item.get_ref().is_table()));
        if tables.is_none() {
            let place = self.key(key);
            self.note(Problem::refused(
                &place,
                value.span(),
                &format!("must be a list of tables: write `[[{place}]]`"),
            ));
        }
        let items = tables.into_iter().flat_map(|array| array.iter()).enumerate();
        items.filter_map(|(number, item)| self.child(format!("{}[{number}]", self.key(key)), item)).collect()
    }

    /// Where the value of a key stands; the section itself when the key is absent.
    pub(super) fn span_of(&self, key: &str) -> Range<usize> {
        self.table.get(key).map_or(self.span.clone(), Spanned::span)
    }

    /// Notes a problem with a key whose value was fine by itself.
    pub(super) fn refuse(&self, key: &str, why: &str) {
        self.note(Problem::refused(&self.key(key), self.span_of(key), why));
    }

    /// Notes that a key's value works and is dangerous.
    pub(super) fn warn(&self, key: &str, what: &str, why: &str, way_out: &str) {
        let title = format!("`{}` {what}", self.key(key));
        self.note(Problem::warning(title, self.span_of(key), why).with_help(way_out));
    }

    /// Notes that a key has to be there and is not.
    pub(super) fn note_missing(&self, key: &str) {
        self.note(Problem::missing(key, &self.place, self.span.clone()));
    }

    /// Whether the file has this key here.
    pub(super) fn has(&self, key: &'static str) -> bool {
        self.value(key).is_some()
    }

    /// Notes every key that nobody asked for. To be called when all others have been read.
    pub(super) fn refuse_unknown_keys(&self) {
        let known = self.known.borrow();
        for key in self.table.keys().filter(|key| !known.contains(&key.get_ref().as_ref())) {
            self.note(Problem::unknown(key.get_ref(), &self.place, key.span(), &known));
        }
    }

    fn value(&self, key: &'static str) -> Option<&'a Spanned<DeValue<'a>>> {
        let mut known = self.known.borrow_mut();
        if !known.contains(&key) {
            known.push(key);
        }
        self.table.get(key)
    }

    fn parsed<T>(
        &self,
        key: &str,
        value: &Spanned<DeValue<'_>>,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let parsed = match value.get_ref().as_str() {
            Some(text) => parse(text),
            None => Err(format!("must be a text in quotes, found {}", describe(value.get_ref()))),
        };
        parsed.map_err(|why| self.note(Problem::refused(&self.key(key), value.span(), &why))).ok()
    }

    fn table_of(&self, key: &str, value: &'a Spanned<DeValue<'a>>) -> Option<Section<'a>> {
        let place = self.key(key);
        if !value.get_ref().is_table() {
            let why = format!("must be a table: write `[{place}]`, found {}", describe(value.get_ref()));
            self.note(Problem::refused(&place, value.span(), &why));
        }
        self.child(place, value)
    }

    fn child(&self, place: String, value: &'a Spanned<DeValue<'a>>) -> Option<Section<'a>> {
        let table = value.get_ref().as_table()?;
        Some(Section::new(table, value.span(), place, self.problems))
    }

    fn key(&self, key: &str) -> String {
        if self.place.is_empty() { key.to_owned() } else { format!("{}.{key}", self.place) }
    }

    fn note(&self, problem: Problem) {
        self.problems.borrow_mut().push(problem);
    }
}

fn describe(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date or time",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
