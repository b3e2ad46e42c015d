//! What must hold for any input whatever, tried with thousands of random ones.

use http::{HeaderMap, HeaderValue, Uri, header};
use percent_encoding::percent_decode_str;
use proptest::prelude::*;

use crate::{
    cookie,
    keys::KeyRing,
    pending_login::{BrowserSecret, PendingLogin},
    random::SystemRandom,
    return_path::ReturnPath,
    route,
    session::fields::Reader,
    settings::{Frontend, Origin, Settings},
};

/// Text made of the characters that URL parsers disagree about.
fn nasty() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "/",
        "\\",
        ".",
        "..",
        "%2e",
        "%2f",
        "%5c",
        "%00",
        "%",
        ";",
        "?",
        "#",
        "@",
        ":",
        "a",
        "evil.test",
        "https:",
        "https://app.example.com",
        "\t",
        "\n",
        " ",
        "é",
        "%25",
        "//",
        "x=1",
        "&",
    ]);
    prop::collection::vec(pieces, 0..10).prop_map(|pieces| pieces.concat())
}

fn settings() -> Settings {
    let frontends = vec![Frontend::new("app", Origin::parse("https://app.example.com").unwrap())];
    Settings { frontends, authorization_servers: Vec::new() }
}

proptest! {
    #[test]
    fn no_return_path_leads_to_another_host(text in nasty()) {
        let settings = settings();

        if let Some(path) = ReturnPath::parse(&text, &settings, &settings.frontends[0]) {
            let path = path.as_str();
            // A browser strips tabs and line ends, reads backslashes as slashes, and takes two slashes for a host.
            prop_assert!(path.starts_with('/') && !path.contains(['\\', '\t', '\n', '\r', ' ']), "{path}");
            prop_assert!(!path[1..].starts_with('/'), "{path}");
        }
    }

    #[test]
    fn a_path_that_is_accepted_has_one_reading(text in nasty()) {
        if let Ok(uri) = format!("/{text}").parse::<Uri>()
            && let Ok(path) = route::require_unambiguous(&uri)
        {
            let decoded = percent_decode_str(path).collect::<Vec<u8>>();
            let decoded = String::from_utf8_lossy(&decoded).into_owned();
            prop_assert!(!decoded.contains('\\') && !decoded.contains('\0') && !decoded.contains("//"), "{path}");
            prop_assert_eq!(decoded.matches('/').count(), path.matches('/').count());
            prop_assert!(decoded.split('/').all(|segment| !matches!(segment.split(';').next(), Some("." | ".."))), "{}", path);
        }
    }

    #[test]
    fn cookies_of_any_bytes_are_read_without_trouble(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let keys = KeyRing::generate(&SystemRandom);
        let mut headers = HeaderMap::new();
        if let Ok(value) = HeaderValue::from_bytes(&bytes) {
            headers.append(header::COOKIE, value);
        }

        prop_assert!(cookie::presented_ticket(&keys, &headers).is_none());
        prop_assert!(BrowserSecret::presented(&headers).is_none());
        cookie::strip_ours(&mut headers);
    }

    #[test]
    fn no_invented_state_opens(state in "[A-Za-z0-9_-]{0,400}") {
        let keys = KeyRing::generate(&SystemRandom);
        let browser = BrowserSecret::generate(&SystemRandom);

        prop_assert!(PendingLogin::open(&state, &browser, &keys).is_err());
    }

    #[test]
    fn fields_of_any_bytes_are_read_within_their_bounds(bytes in prop::collection::vec(any::<u8>(), 0..300), tag in any::<u8>()) {
        if let Some(fields) = Reader::parse(&bytes) {
            prop_assert!(fields.bytes(tag).is_none_or(|value| value.len() <= bytes.len()));
        }
    }
}
