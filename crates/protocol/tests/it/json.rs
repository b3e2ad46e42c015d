//! JSON from outside, by the classes in which parsers go wrong (RFC 8259). Everything that reads JSON goes through the
//! same parser, so the key set, the smallest document, stands for all.

use cloakroom_protocol::{JwkSet, JwkSetError};

/// A key set with this text as value of a member that nobody reads.
fn with_value(value: &[u8]) -> Vec<u8> {
    [br#"{"keys":[],"x":"#.as_slice(), value, b"}"].concat()
}

fn is_read(document: &[u8]) -> bool {
    match JwkSet::parse(document) {
        Ok(keys) => keys.is_empty(),
        Err(JwkSetError::NotAKeySet) => false,
        Err(JwkSetError::TooLarge) => panic!("no case is large"),
    }
}

fn assert_values(values: &[&[u8]], are_read: fn(bool) -> bool) {
    for value in values {
        assert!(are_read(is_read(&with_value(value))), "{}", value.escape_ascii());
    }
}

const READ: fn(bool) -> bool = |is_read| is_read;
const REFUSED: fn(bool) -> bool = |is_read| !is_read;

#[test]
fn numbers_are_written_in_one_way() {
    assert_values(&[b"0", b"-0", b"1", b"-1", b"10", b"0.5", b"1e5", b"1E+5", b"1e-5", b"-0.0e0", b" 1 "], READ);
    assert_values(
        &[
            b"01",
            b"-01",
            b"+1",
            b".5",
            b"1.",
            b"-",
            b"- 1",
            b"1e",
            b"1e+",
            b"1.e5",
            b"0x10",
            b"1_000",
            b"1,5",
            b"Infinity",
            b"-Infinity",
            b"NaN",
            b"inf",
            b"1 2",
            b"0e",
            b"--1",
            b"1.2.3",
            b"\xef\xbc\x91",
            b"1a",
            b"1f",
        ],
        REFUSED,
    );
}

#[test]
fn a_number_too_large_for_a_double_is_refused_instead_of_made_infinite() {
    assert_values(&[b"1e400", b"-1e400", b"1e99999999999"], REFUSED);
    assert_values(&[b"1e-400", b"123456789012345678901234567890"], READ);
}

#[test]
fn literals_are_in_lower_case() {
    assert_values(&[b"true", b"false", b"null"], READ);
    assert_values(&[b"True", b"TRUE", b"nul", b"nulll", b"fals", b"undefined", b"truefalse", b""], REFUSED);
}

#[test]
fn strings_have_double_quotes_and_escaped_control_characters() {
    assert_values(
        &[
            br#""""#,
            br#""\"\\\/\b\f\n\r\t""#,
            br#""\u0000""#,
            br#""\u00e9""#,
            br#""\uD834\uDD1E""#,
            "\"é𝄞\"".as_bytes(),
            b"\"\x7f\"",
            "\"\u{2028}\u{feff}\"".as_bytes(),
        ],
        READ,
    );
    assert_values(
        &[
            b"'a'",
            b"a",
            b"\"a",
            b"\"\\\"",
            br#""\x41""#,
            br#""\a""#,
            br#""\'""#,
            br#""\u12""#,
            br#""\u12G4""#,
            br#""\U0041""#,
            b"\"\n\"",
            b"\"\t\"",
            b"\"\0\"",
            b"\"\x1f\"",
            b"`a`",
            b"\"a\" \"b\"",
            "“a”".as_bytes(),
        ],
        REFUSED,
    );
}

#[test]
fn half_of_a_surrogate_pair_is_refused() {
    assert_values(
        &[
            br#""\uD800""#,
            br#""\uDC00""#,
            br#""\uD800\uD800""#,
            br#""\uDC00\uD800""#,
            br#""\uD800a""#,
            br#""\uD800\n""#,
        ],
        REFUSED,
    );
}

#[test]
fn text_is_utf_8() {
    assert_values(
        &[
            b"\"\xff\"",
            b"\"\xc0\xaf\"",
            b"\"\xe0\x80\xaf\"",
            b"\"\xed\xa0\x80\"",
            b"\"\xf4\x90\x80\x80\"",
            b"\"\xe9\"",
            b"\"\x80\"",
            b"\"\xe2\x82\"",
            b"\"\xf8\x88\x80\x80\x80\"",
        ],
        REFUSED,
    );
    let utf_16: Vec<u8> = r#"{"keys":[]}"#.encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert!(!is_read(&utf_16));
    assert!(!is_read(&[b"\xff\xfe".as_slice(), &utf_16].concat()));
    assert!(!is_read(b"\xef\xbb\xbf{\"keys\":[]}"));
}

#[test]
fn arrays_and_objects_are_closed_and_have_no_spare_commas() {
    assert_values(&[b"[]", b"[1,2]", b"[[],{}]", b"{}", br#"{"a":1,"b":[]}"#, br#"{"":0}"#, b" [ 1 , 2 ] "], READ);
    assert_values(
        &[
            b"[1,]",
            b"[,1]",
            b"[1,,2]",
            b"[1 2]",
            b"[",
            b"]",
            b"[1",
            b"[}",
            b"{",
            b"{]",
            br#"{"a"}"#,
            br#"{"a":}"#,
            br#"{"a":1,}"#,
            br#"{,"a":1}"#,
            br#"{"a" 1}"#,
            br#"{"a"::1}"#,
            br#"{"a":1 "b":2}"#,
            b"{a:1}",
            b"{1:1}",
            b"{'a':1}",
            b"{null:1}",
            b"{[]:1}",
            b"[1:2]",
            b"(1)",
            b"<a>",
            b"[*]",
        ],
        REFUSED,
    );
}

#[test]
fn a_member_occurs_once_however_it_is_spelled() {
    assert_values(&[br#"{"a":1,"A":2}"#, br#"[{"a":1},{"a":1}]"#, "{\"é\":1,\"e\u{301}\":2}".as_bytes()], READ);
    assert_values(
        &[
            br#"{"a":1,"a":1}"#,
            br#"{"a":1,"\u0061":2}"#,
            br#"{"a":{"b":1,"b":2}}"#,
            br#"[[{"a":1,"b":2,"a":3}]]"#,
            br#"{"\/":1,"/":2}"#,
            br#"{"":1,"":2}"#,
            br#"{"a\u0000":1,"a\u0000":2}"#,
        ],
        REFUSED,
    );
    assert!(!is_read(br#"{"keys":[],"k\u0065ys":[]}"#));
}

#[test]
fn white_space_is_of_four_kinds_and_there_are_no_comments() {
    assert!(is_read(b" \t\r\n{ \"keys\" : [ ] } \t\r\n"));
    assert_values(
        &[
            b"/**/1",
            b"1//x\n",
            b"#\n1",
            b"\x0b1",
            b"\x0c1",
            b"\xc2\xa01",
            "\u{2060}1".as_bytes(),
            "\u{feff}1".as_bytes(),
            b"\x001",
        ],
        REFUSED,
    );
}

#[test]
fn a_document_is_one_object() {
    for document in [
        b"".as_slice(),
        b" ",
        b"[]",
        b"1",
        b"null",
        br#""keys""#,
        br#"{"keys":[]}{}"#,
        br#"{"keys":[]},"#,
        br#"{"keys":[]}]"#,
        b"{\"keys\":[]}\0",
        b"{\"keys\":[]",
        br#"{"keys":[]}//"#,
        br#"[{"keys":[]}]"#,
        br#"{"keys":[]} {"keys":[]}"#,
    ] {
        assert!(!is_read(document), "{}", document.escape_ascii());
    }
}

#[test]
fn deep_nesting_is_refused_and_does_not_overflow_the_stack() {
    let nested = |open: &str, close: &str, depth: usize| {
        let document = format!("{}{}{}", open.repeat(depth), "1", close.repeat(depth));
        is_read(&with_value(document.as_bytes()))
    };

    assert!(nested("[", "]", 100));
    assert!(nested(r#"{"a":"#, "}", 100));
    for depth in [200, 40_000] {
        assert!(!nested("[", "]", depth), "{depth}");
        assert!(!nested(r#"{"a":"#, "}", depth), "{depth}");
    }
    assert!(!is_read(&with_value("[".repeat(100_000).as_bytes())));
}
