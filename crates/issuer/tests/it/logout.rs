//! `/end-session`: who may end a session without being asked, and where the browser goes.

use bytes::Bytes;
use http::{Request, header};
use protocol::TokenResponse;

use crate::world::{
    Browser, Form, ISSUER, ORIGIN, SIGNED_OUT_URI, World, authorize_url, claims, encode, location, refresh_token, text,
};

fn url(fields: &[(&str, &str)]) -> String {
    format!("{ISSUER}/end-session?{}", encode(fields.iter().copied()))
}

fn sid(tokens: &TokenResponse) -> String {
    claims(tokens.id_token.as_ref().unwrap())["sid"].as_str().unwrap().to_owned()
}

/// Whether the browser would be let in without a password.
async fn is_logged_in(world: &World, browser: &mut Browser) -> bool {
    browser.visit(world, &authorize_url(&[])).await.status() == 303
}

#[tokio::test]
async fn a_client_that_knows_the_session_id_signs_out_at_once() {
    let world = World::new().await;
    let (mut browser, tokens) = world.logged_in().await;
    let mut copy = Browser { cookies: browser.cookies.clone() };
    let request = [
        ("client_id", "app"),
        ("logout_hint", &*sid(&tokens)),
        ("post_logout_redirect_uri", SIGNED_OUT_URI),
        ("state", "s&t"),
    ];

    let answer = browser.visit(&world, &url(&request)).await;

    assert_eq!(answer.status(), 303);
    assert_eq!(location(&answer), format!("{SIGNED_OUT_URI}?state=s%26t"));
    assert!(!browser.cookies.contains_key("__Host-Http-issuer-session"));
    assert!(!is_logged_in(&world, &mut copy).await);
    assert!(world.refresh(&refresh_token(&tokens)).await.is_err());
    assert_eq!(world.userinfo_status(&tokens.access_token).await, 401);
}

#[tokio::test]
async fn an_id_token_of_this_session_does_the_same_even_when_it_has_expired() {
    let world = World::new().await;
    let (mut browser, tokens) = world.logged_in().await;
    world.advance(std::time::Duration::from_secs(3600));
    let hint = tokens.id_token.as_ref().unwrap().expose();

    let request = [("id_token_hint", hint.as_str()), ("post_logout_redirect_uri", SIGNED_OUT_URI)];
    let answer = browser.visit(&world, &url(&request)).await;

    assert_eq!(location(&answer), SIGNED_OUT_URI);
    assert!(!is_logged_in(&world, &mut browser).await);
}

#[tokio::test]
async fn without_proof_the_person_is_asked_and_nothing_has_ended_yet() {
    let world = World::new().await;
    let (mut browser, tokens) = world.logged_in().await;
    let (_, others) = world.logged_in().await;

    for hint in ["", "ann", &sid(&others)] {
        let request = [("client_id", "app"), ("logout_hint", hint), ("post_logout_redirect_uri", SIGNED_OUT_URI)];
        let page = browser.visit(&world, &url(&request)).await;

        assert_eq!(page.status(), 200);
        assert!(text(&page).contains("logged in as ann"));
        let policy = page.headers()[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(policy.contains("form-action 'self' https://app.example;"), "{policy}");
    }
    assert!(is_logged_in(&world, &mut browser).await);
    world.refresh(&refresh_token(&tokens)).await.unwrap();
}

#[tokio::test]
async fn the_confirmed_question_signs_out_and_leads_back() {
    let world = World::new().await;
    let (mut browser, tokens) = world.logged_in().await;
    let request = [("client_id", "app"), ("post_logout_redirect_uri", SIGNED_OUT_URI), ("state", "x")];
    let page = browser.visit(&world, &url(&request)).await;

    let answer = browser.submit(&world, &page, &[]).await;

    assert_eq!(location(&answer), format!("{SIGNED_OUT_URI}?state=x"));
    assert!(!is_logged_in(&world, &mut browser).await);
    assert!(world.refresh(&refresh_token(&tokens)).await.is_err());
}

#[tokio::test]
async fn another_page_cannot_confirm() {
    let world = World::new().await;
    let (mut browser, _) = world.logged_in().await;
    let (mut attacker, _) = world.logged_in().await;
    let page = browser.visit(&world, &url(&[])).await;
    let form = Form::of(&page);
    let attackers_form = Form::of(&attacker.visit(&world, &url(&[])).await);
    let post = || {
        Request::post(format!("{ORIGIN}{}", form.action))
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
    };

    let cross_site = post().header("sec-fetch-site", "cross-site");
    let cross_site = browser.send(&world, cross_site, form.filled_in(&[]).into()).await;
    let attackers_token = browser.send(&world, post(), attackers_form.filled_in(&[]).into()).await;
    let no_token = browser.send(&world, post(), form.filled_in(&[("csrf", "")]).into()).await;

    for answer in [cross_site, attackers_token, no_token] {
        assert_eq!(answer.status(), 403);
    }
    assert!(is_logged_in(&world, &mut browser).await);
}

#[tokio::test]
async fn a_browser_goes_to_registered_addresses_only() {
    let world = World::new().await;
    let (mut browser, tokens) = world.logged_in().await;
    let sid = sid(&tokens);

    for request in [
        vec![("client_id", "app"), ("post_logout_redirect_uri", "https://evil.example/")],
        vec![("client_id", "app"), ("post_logout_redirect_uri", "https://app.example/bye?x")],
        vec![("post_logout_redirect_uri", SIGNED_OUT_URI)],
        vec![("client_id", "nobody"), ("post_logout_redirect_uri", SIGNED_OUT_URI)],
        vec![("client_id", "app"), ("client_id", "app")],
        vec![("client_id", "app"), ("id_token_hint", "e30.e30.e30")],
        vec![("client_id", "spa"), ("id_token_hint", tokens.id_token.as_ref().unwrap().expose())],
        vec![("id_token_hint", tokens.access_token.expose())],
    ] {
        let with_proof = [request.as_slice(), &[("logout_hint", sid.as_str())]].concat();

        let answer = browser.visit(&world, &url(&with_proof)).await;

        assert_eq!(answer.status(), 400, "{request:?}");
        assert!(!answer.headers().contains_key(header::LOCATION));
    }
    assert!(is_logged_in(&world, &mut browser).await);
}

#[tokio::test]
async fn a_browser_without_session_goes_on_and_can_use_the_post_form_too() {
    let world = World::new().await;
    let mut browser = Browser::default();
    let fields = [("client_id", "app"), ("post_logout_redirect_uri", SIGNED_OUT_URI)];
    let post = Request::post(format!("{ISSUER}/end-session"))
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");

    let nowhere = browser.visit(&world, &url(&[])).await;
    let by_get = browser.visit(&world, &url(&fields)).await;
    let by_post = browser.send(&world, post, Bytes::from(encode(fields))).await;

    assert_eq!(nowhere.status(), 200);
    assert!(text(&nowhere).contains("Signed out"));
    assert_eq!(location(&by_get), SIGNED_OUT_URI);
    assert_eq!(location(&by_post), SIGNED_OUT_URI);
}

#[tokio::test]
async fn a_code_that_was_not_redeemed_dies_with_its_session() {
    let world = World::new().await;
    let (mut browser, tokens) = world.logged_in().await;
    let answer = browser.visit(&world, &authorize_url(&[])).await;
    let code = crate::world::code(&world, &answer);

    browser.visit(&world, &url(&[("client_id", "app"), ("logout_hint", &sid(&tokens))])).await;

    assert!(world.redeem(&code).await.is_err());
}
