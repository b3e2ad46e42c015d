//! JSON objects in which every member name occurs once.
//!
//! Where a name occurs twice, parsers disagree on which value counts, and what one component verified another may
//! read differently (RFC 8259 §4, RFC 7519 §4, RFC 8725 §3.10). So a repeated name, at any depth, is refused.

use std::{collections::HashSet, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Value};

/// Bytes that are not one JSON object, or one that repeats a member name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct NotAnObject;

/// Parses UTF-8 text that is exactly one JSON object without repeated names. Nesting is bounded by the parser.
pub(crate) fn parse_object(text: &[u8]) -> Result<Map<String, Value>, NotAnObject> {
    serde_json::from_slice::<UniqueNames>(text).map_err(|_| NotAnObject)?;
    serde_json::from_slice(text).map_err(|_| NotAnObject)
}

/// Any JSON value whose objects, at every depth, repeat no name. Keeps nothing of it.
struct UniqueNames;

impl<'de> Deserialize<'de> for UniqueNames {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(UniqueNamesVisitor)
    }
}

struct UniqueNamesVisitor;

impl<'de> Visitor<'de> for UniqueNamesVisitor {
    type Value = UniqueNames;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON without repeated member names")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<UniqueNames, A::Error> {
        let mut names = HashSet::new();
        while let Some(name) = members.next_key::<String>()? {
            if !names.insert(name) {
                return Err(A::Error::custom("repeated member name"));
            }
            members.next_value::<UniqueNames>()?;
        }
        Ok(UniqueNames)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<UniqueNames, A::Error> {
        while elements.next_element::<UniqueNames>()?.is_some() {}
        Ok(UniqueNames)
    }

    fn visit_unit<E>(self) -> Result<UniqueNames, E> {
        Ok(UniqueNames)
    }

    fn visit_bool<E>(self, _: bool) -> Result<UniqueNames, E> {
        Ok(UniqueNames)
    }

    fn visit_i64<E>(self, _: i64) -> Result<UniqueNames, E> {
        Ok(UniqueNames)
    }

    fn visit_u64<E>(self, _: u64) -> Result<UniqueNames, E> {
        Ok(UniqueNames)
    }

    fn visit_f64<E>(self, _: f64) -> Result<UniqueNames, E> {
        Ok(UniqueNames)
    }

    fn visit_str<E>(self, _: &str) -> Result<UniqueNames, E> {
        Ok(UniqueNames)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_parsed() {
        let object = parse_object(br#"{"a":[1,-2,0.5,true,null,"x",{"b":{}}],"c":{"a":1}}"#).unwrap();

        assert_eq!(object["c"]["a"], 1);
        assert_eq!(object.len(), 2);
    }

    #[test]
    fn a_repeated_name_is_refused_at_every_depth_and_in_every_spelling() {
        for text in
            [r#"{"a":1,"a":1}"#, r#"{"a":1,"\u0061":2}"#, r#"{"x":{"a":1,"a":2}}"#, r#"{"x":[[{"a":1,"b":2,"a":2}]]}"#]
        {
            assert_eq!(parse_object(text.as_bytes()), Err(NotAnObject), "{text}");
        }
    }

    #[test]
    fn anything_but_one_object_is_refused() {
        for text in ["", "[]", "1", "null", "\"a\"", "{}{}", "{} x", "{\"a\":1,}", "\u{feff}{}", "{\"a\":NaN}"] {
            assert_eq!(parse_object(text.as_bytes()), Err(NotAnObject), "{text}");
        }
        assert_eq!(parse_object(b"{\"a\":\"\xff\"}"), Err(NotAnObject));
    }

    #[test]
    fn deep_nesting_is_refused_instead_of_overflowing_the_stack() {
        let text = format!("{{\"a\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));

        assert_eq!(parse_object(text.as_bytes()), Err(NotAnObject));
    }
}
