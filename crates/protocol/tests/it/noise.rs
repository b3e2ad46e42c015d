//! Whatever comes from outside, nothing panics, and what is read keeps what its type promises.

use bytes::Bytes;
use cloakroom_protocol::{
    AuthorizationOutcome, ExpectedType, Issuer, JwkSet, JwsExpectation, SigningKey, parse_authorization_form,
    parse_authorization_response, parse_discovery_response, parse_logout_request, parse_token_response, verify_jws,
};
use http::Response;
use proptest::{collection::vec, prelude::*};

/// Bytes, or text that resembles what is parsed.
fn noise() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        vec(any::<u8>(), 0..200),
        r#"[{}\[\]":,.a-e0-9\\ -]{0,80}"#.prop_map(String::into_bytes),
        "((code|error|state|iss|id_token|logout_token)=[a-z%0-9+&]{0,6}&?){0,5}".prop_map(String::into_bytes),
        r#"\{"(keys|issuer|access_token|kty)":[\[\]{}"a-z0-9,:]{0,20}\}"#.prop_map(String::into_bytes),
    ]
}

proptest! {
    #[test]
    fn documents_and_tokens_are_read_or_refused(bytes in noise()) {
        let text = String::from_utf8_lossy(&bytes);
        let issuer = Issuer::parse("https://as.example").unwrap();
        let keys = JwkSet::parse(&bytes).unwrap_or_default();
        let expected = JwsExpectation { algorithms: &[], typ: ExpectedType::AbsentOr("JWT") };

        prop_assert!(verify_jws(&text, &keys, &expected).is_err());
        prop_assert!(parse_discovery_response(&issuer, &Response::new(Bytes::from(bytes.clone()))).is_err());
        prop_assert!(SigningKey::from_jwk(&bytes).is_err());
        let tokens = parse_token_response(&Response::new(Bytes::from(bytes.clone())));
        prop_assert!(tokens.is_err() || text.contains("bearer"));
    }

    #[test]
    fn a_code_can_always_stand_in_a_header_or_a_form(bytes in noise()) {
        let text = String::from_utf8_lossy(&bytes);
        for response in [parse_authorization_form(&bytes), parse_authorization_response(&text)].into_iter().flatten() {
            match response.outcome {
                AuthorizationOutcome::Code(code) => {
                    prop_assert!(!code.expose().is_empty());
                    prop_assert!(code.expose().bytes().all(|byte| byte.is_ascii_graphic()));
                }
                AuthorizationOutcome::Refused(error) => prop_assert!((1..=64).contains(&error.code.len())),
            }
            prop_assert!(response.state.is_none_or(|state| state.bytes().all(|byte| (0x20..0x7f).contains(&byte))));
        }
    }

    #[test]
    fn a_logout_request_has_its_parameter_once(bytes in noise()) {
        let occurrences = form_urlencoded::parse(&bytes).filter(|(name, _)| name == "logout_token").count();
        prop_assert!(parse_logout_request(&bytes).is_err() || occurrences == 1);
    }

    #[test]
    fn an_issuer_that_is_accepted_gives_urls_on_its_own_host(text in "https?://[a-z0-9.:@/?#\\[\\]%-]{0,30}") {
        if let Ok(issuer) = Issuer::parse(&text) {
            for url in [issuer.discovery_url(), issuer.oauth_metadata_url()] {
                let origin = format!("{}://{}", url.uri().scheme_str().unwrap(), url.authority());
                let is_on_host = text.starts_with(&origin);
                prop_assert!(is_on_host, "{} {}", text, url);
            }
        }
    }
}
