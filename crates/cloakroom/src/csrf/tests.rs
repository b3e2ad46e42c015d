use http::Request;

use super::*;
use crate::{
    random::SystemRandom,
    settings::{Frontend, UpstreamUrl},
};

fn frontend() -> Frontend {
    Frontend::new("app", Origin::parse("https://app.example.com").unwrap())
}

fn route(kind: Kind, access: Access) -> Route {
    let upstream = UpstreamUrl::parse("http://127.0.0.1:1").unwrap();
    Route { prefix: "/".to_owned(), access, kind, upstream, body_limit: 1 }
}

fn judge(kind: Kind, method: &str, headers: &[(&'static str, &'static str)]) -> &'static str {
    let (frontend, route) = (frontend(), route(kind, Access::Session));
    let mut request = Request::builder().method(method).uri("/");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let (head, ()) = request.body(()).unwrap().into_parts();
    match require_own_page(Found { frontend: &frontend, route: &route }, &head) {
        Ok(OwnPage { owes: None, .. }) => "passes",
        Ok(OwnPage { owes: Some(_), .. }) => "owes a token",
        Err(rejection) => {
            assert_eq!(rejection.status().1, "csrf");
            "refused"
        }
    }
}

const OWN: (&str, &str) = ("origin", "https://app.example.com");
const OWN_SITE: (&str, &str) = ("sec-fetch-site", "same-origin");
const OWN_REFERER: (&str, &str) = ("referer", "https://app.example.com/page");
const STATIC: (&str, &str) = ("x-csrf", "1");
const TOKEN: (&str, &str) = ("x-csrf-token", "anything");
const CROSS_SITE: (&str, &str) = ("sec-fetch-site", "cross-site");
const SAME_SITE: (&str, &str) = ("sec-fetch-site", "same-site");
const NAVIGATE: [(&str, &str); 2] = [("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")];

#[test]
fn an_api_needs_an_own_request_with_the_static_header_on_reads_as_on_writes() {
    for method in ["GET", "POST", "DELETE", "HEAD", "PUT", "OPTIONS"] {
        for own in [OWN, OWN_SITE, OWN_REFERER] {
            assert_eq!(judge(Kind::Api, method, &[own, STATIC]), "passes", "{method} {own:?}");
            assert_eq!(judge(Kind::Api, method, &[own]), "refused", "{method} {own:?}");
        }
    }
}

#[test]
fn one_foreign_header_refuses_whatever_else_is_sent() {
    let foreign = [
        CROSS_SITE,
        SAME_SITE,
        ("sec-fetch-site", "none"),
        ("sec-fetch-site", "nonsense"),
        ("origin", "https://evil.test"),
        ("origin", "null"),
        ("origin", "http://app.example.com"),
        ("origin", "https://app.example.com:8443"),
        ("origin", "https://app.example.com.evil.test"),
        ("referer", "https://evil.test/https://app.example.com/"),
        ("referer", "https://app.example.com.evil.test/"),
        ("referer", ""),
    ];
    for bad in foreign {
        for own in [OWN, OWN_SITE, OWN_REFERER] {
            if own.0 != bad.0 {
                assert_eq!(judge(Kind::Api, "POST", &[bad, own, STATIC, TOKEN]), "refused", "{bad:?}");
                assert_eq!(judge(Kind::Page, "POST", &[bad, own, STATIC, TOKEN]), "refused", "{bad:?}");
            }
        }
    }
}

#[test]
fn a_navigation_to_a_page_may_come_from_anywhere_and_to_an_api_from_nowhere() {
    let [mode, dest] = NAVIGATE;

    assert_eq!(judge(Kind::Page, "GET", &[mode, dest, CROSS_SITE]), "passes");
    assert_eq!(judge(Kind::Page, "POST", &[mode, dest, CROSS_SITE]), "refused");
    assert_eq!(judge(Kind::Page, "GET", &[mode, ("sec-fetch-dest", "iframe"), CROSS_SITE]), "refused");
    assert_eq!(judge(Kind::Api, "GET", &[mode, dest, CROSS_SITE]), "refused");
    assert_eq!(judge(Kind::Api, "GET", &[mode, dest, ("sec-fetch-site", "none")]), "refused");
}

#[test]
fn without_any_of_the_three_a_write_owes_the_token() {
    assert_eq!(judge(Kind::Api, "POST", &[STATIC]), "refused");
    assert_eq!(judge(Kind::Api, "POST", &[STATIC, TOKEN]), "owes a token");
    assert_eq!(judge(Kind::Page, "POST", &[]), "refused");
    assert_eq!(judge(Kind::Api, "GET", &[STATIC]), "passes");
    assert_eq!(judge(Kind::Api, "GET", &[]), "refused");
}

#[test]
fn a_websocket_needs_its_own_origin() {
    let upgrade = ("upgrade", "websocket");

    assert_eq!(judge(Kind::Api, "GET", &[upgrade, OWN_SITE, STATIC]), "refused");
    assert_eq!(judge(Kind::Page, "GET", &[upgrade, OWN]), "passes");
    assert_eq!(judge(Kind::Page, "GET", &[upgrade, ("origin", "https://evil.test")]), "refused");
}

#[test]
fn a_token_is_good_for_one_session() {
    let keys = KeyRing::generate(&SystemRandom);
    let owed = TokenOwed::new(token(&keys, &[1; 16]));

    assert!(owed.settle(&keys, &[1; 16]).is_ok());
    assert!(owed.settle(&keys, &[2; 16]).is_err());
    assert!(TokenOwed::new(String::new()).settle(&keys, &[1; 16]).is_err());
}
