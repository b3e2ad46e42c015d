//! Where functions begin and end: enough of Rust's grammar to count their lines.

/// A function with a body.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Function {
    pub(crate) name: String,
    /// Where its `fn` stands, counted from 1.
    pub(crate) line: usize,
    /// From there to its closing brace.
    pub(crate) lines: usize,
}

/// Every function in the text, nested ones too, in the order in which they end.
pub(crate) fn find(text: &str) -> Vec<Function> {
    let mut found = Vec::new();
    let mut open: Vec<Open> = Vec::new();
    let mut depth = 0;
    let mut tokens = Tokens { rest: text, line: 1 }.peekable();
    while let Some((line, token)) = tokens.next() {
        match token {
            // `fn` without a name is a type.
            Token::Word("fn") => {
                if let Some((_, Token::Word(name))) = tokens.peek() {
                    open.push(Open { name, line, depth, has_body: false });
                }
            }
            Token::Sign('(' | '[') => depth += 1,
            Token::Sign(')' | ']') => depth -= 1,
            Token::Sign('{') => {
                if let Some(function) = open.last_mut().filter(|function| !function.has_body && function.depth == depth)
                {
                    function.has_body = true;
                }
                depth += 1;
            }
            Token::Sign('}') => {
                depth -= 1;
                if let Some(function) = open.pop_if(|function| function.has_body && function.depth == depth) {
                    let lines = line - function.line + 1;
                    found.push(Function { name: function.name.to_owned(), line: function.line, lines });
                }
            }
            // A function of a trait, without a body.
            Token::Sign(';') => drop(open.pop_if(|function| !function.has_body && function.depth == depth)),
            _ => {}
        }
    }
    found
}

struct Open<'a> {
    name: &'a str,
    line: usize,
    depth: i32,
    has_body: bool,
}

#[derive(Clone, Copy)]
enum Token<'a> {
    Word(&'a str),
    Sign(char),
    /// A comment, a string, a character or a lifetime: nothing that counts.
    Nothing,
}

struct Tokens<'a> {
    rest: &'a str,
    line: usize,
}

impl<'a> Iterator for Tokens<'a> {
    type Item = (usize, Token<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let line = self.line;
        let first = self.rest.chars().next()?;
        let (length, token) = match first {
            _ if is_raw_string(self.rest) => (raw_string(self.rest), Token::Nothing),
            'b' if self.rest.starts_with("b\"") => (1 + string(&self.rest[1..]), Token::Nothing),
            _ if is_in_word(first) => word(self.rest),
            '"' => (string(self.rest), Token::Nothing),
            '\'' => (quoted(self.rest), Token::Nothing),
            '/' if self.rest.starts_with("//") => (until(self.rest, "\n"), Token::Nothing),
            '/' if self.rest.starts_with("/*") => (until(self.rest, "*/"), Token::Nothing),
            sign => (sign.len_utf8(), Token::Sign(sign)),
        };
        self.line += self.rest[..length].matches('\n').count();
        self.rest = &self.rest[length..];
        // Blanks are taken here, so that a peek after `fn` shows its name.
        if matches!(token, Token::Sign(sign) if sign.is_whitespace()) { self.next() } else { Some((line, token)) }
    }
}

fn is_in_word(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

fn word(text: &str) -> (usize, Token<'_>) {
    let length = text.find(|letter| !is_in_word(letter)).unwrap_or(text.len());
    (length, Token::Word(&text[..length]))
}

/// The length up to the end of what ends it, or of the text.
fn until(text: &str, end: &str) -> usize {
    text[1..].find(end).map_or(text.len(), |at| 1 + at + end.len())
}

fn string(text: &str) -> usize {
    let mut is_escaped = false;
    let end = text.char_indices().skip(1).find(|(_, letter)| {
        let ends = !is_escaped && *letter == '"';
        is_escaped = !is_escaped && *letter == '\\';
        ends
    });
    end.map_or(text.len(), |(at, _)| at + 1)
}

fn hashes(text: &str) -> Option<&str> {
    let rest = text.trim_start_matches('b').strip_prefix('r')?;
    let marks = &rest[..rest.find(|letter| letter != '#')?];
    rest[marks.len()..].starts_with('"').then_some(marks)
}

fn is_raw_string(text: &str) -> bool {
    hashes(text).is_some()
}

fn raw_string(text: &str) -> usize {
    let begin = text.find('"').unwrap_or_default();
    begin + until(&text[begin..], &format!("\"{}", hashes(text).unwrap_or_default()))
}

/// A character such as `'{'` or `'\n'`, or just the quote of a lifetime.
fn quoted(text: &str) -> usize {
    let inside = &text[1..];
    if let Some(escaped) = inside.strip_prefix('\\') {
        return escaped.char_indices().skip(1).find(|(_, letter)| *letter == '\'').map_or(1, |(at, _)| at + 3);
    }
    let length = inside.chars().next().map_or(0, char::len_utf8);
    if inside[length..].starts_with('\'') { length + 2 } else { 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lengths(text: &str) -> Vec<(String, usize)> {
        find(text).into_iter().map(|function| (function.name, function.lines)).collect()
    }

    #[test]
    fn a_function_reaches_from_its_name_to_its_closing_brace() {
        let text =
            "/// Doc.\npub(crate) fn a(\n    b: [u8; 4],\n) -> u8 {\n    if b { 1 } else { 2 }\n}\n\nfn c() {}\n";

        assert_eq!(lengths(text), [("a".to_owned(), 5), ("c".to_owned(), 1)]);
        assert_eq!(find(text)[1].line, 8);
    }

    #[test]
    fn braces_in_strings_characters_and_comments_do_not_count() {
        let text = "fn a<'a>() {\n    \"{\\\"{\"; r#\"{\"{\"#; b\"{\"; '{'; '\\''; '\\u{1f}'; // {\n    /* { */\n}\nfn b() {}\n";

        assert_eq!(lengths(text), [("a".to_owned(), 4), ("b".to_owned(), 1)]);
    }

    #[test]
    fn functions_inside_functions_count_by_themselves() {
        let text = "fn a() {\n    fn b() {\n    }\n}\n";

        assert_eq!(lengths(text), [("b".to_owned(), 2), ("a".to_owned(), 4)]);
    }

    #[test]
    fn types_and_functions_without_a_body_do_not_count() {
        let text = "trait T {\n    fn a(&self, f: fn(u8) -> u8);\n    fn b(&self) -> [u8; 3];\n    fn c() {}\n}\n";

        assert_eq!(lengths(text), [("c".to_owned(), 1)]);
    }
}
