//! `/authorize`: who gets a code, who sees a page, who is sent back with an error.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, header};

use crate::world::{Browser, ISSUER, REDIRECT_URI, World, authorize_url, code, nonce, refusal, text};

#[tokio::test]
async fn a_login_gives_the_client_an_id_token_that_says_who_it_was() {
    let world = World::new().await;
    let mut browser = Browser::default();

    let code = browser.log_in(&world).await;
    let tokens = world.redeem(&code).await.unwrap();

    let id_token = world.verify(&tokens, "app", nonce()).await;
    assert_eq!(id_token.claims["name"], "Ann Example");
    assert_eq!(id_token.claims["preferred_username"], "ann");
    assert_eq!(id_token.claims["email"], "ann@example.com");
    assert_eq!(id_token.claims["amr"], serde_json::json!(["pwd"]));
    assert_eq!(id_token.authenticated_at, Some(world.now()));
    assert!(id_token.sid.is_some() && id_token.acr.is_some());
}

#[tokio::test]
async fn a_browser_that_is_logged_in_is_not_asked_again() {
    let world = World::new().await;
    let (mut browser, first) = world.logged_in().await;
    world.advance(Duration::from_secs(3600));

    let answer = browser.visit(&world, &authorize_url(&[])).await;

    let again = world.redeem(&code(&world, &answer)).await.unwrap();
    let (first, again) = (first.id_token.unwrap(), again.id_token.unwrap());
    let (first, again) = (crate::world::claims(&first), crate::world::claims(&again));
    assert_eq!(first["sid"], again["sid"]);
    assert_eq!(first["auth_time"], again["auth_time"]);
}

#[tokio::test]
async fn a_session_ends_after_twelve_hours_whatever_the_browser_keeps() {
    let world = World::new().await;
    let (mut browser, _) = world.logged_in().await;
    world.advance(Duration::from_secs(12 * 60 * 60));

    let answer = browser.visit(&world, &authorize_url(&[])).await;

    assert_eq!(answer.status(), 200);
    assert!(text(&answer).contains("name=\"password\""));
}

#[tokio::test]
async fn an_unknown_client_or_redirect_uri_gets_a_page_and_never_a_redirect() {
    let world = World::new().await;
    let (mut browser, _) = world.logged_in().await;

    for change in [
        ("client_id", "someone"),
        ("client_id", ""),
        ("redirect_uri", ""),
        ("redirect_uri", "https://evil.example/"),
        ("redirect_uri", "https://app.example/auth/callback/main?x=1&y=2"),
        ("redirect_uri", "https://app.example/auth/callback/main?x=1#"),
        ("redirect_uri", "https://app.example/auth/callback/main"),
        ("redirect_uri", "https://APP.example/auth/callback/main?x=1"),
        ("redirect_uri", "https://app.example:443/auth/callback/main?x=1"),
        ("redirect_uri", "https://app.example/auth/callback/main/../main?x=1"),
        ("redirect_uri", "https://spa.example/"),
    ] {
        let answer = browser.visit(&world, &authorize_url(&[change])).await;

        assert_eq!(answer.status(), 400, "{change:?}");
        assert!(!answer.headers().contains_key(header::LOCATION), "{change:?}");
    }
}

#[tokio::test]
async fn other_errors_go_to_the_client_with_state_and_issuer() {
    let world = World::new().await;
    let (mut browser, _) = world.logged_in().await;

    for (change, error) in [
        (("response_type", "token"), "unsupported_response_type"),
        (("response_type", "code id_token"), "unsupported_response_type"),
        (("response_type", ""), "invalid_request"),
        (("response_mode", "fragment"), "invalid_request"),
        (("scope", "profile"), "invalid_scope"),
        (("scope", ""), "invalid_scope"),
        (("code_challenge", ""), "invalid_request"),
        (("code_challenge", "tooshort"), "invalid_request"),
        (("code_challenge_method", "plain"), "invalid_request"),
        (("code_challenge_method", ""), "invalid_request"),
        (("prompt", "none login"), "invalid_request"),
        (("prompt", "dance"), "invalid_request"),
        (("max_age", "-1"), "invalid_request"),
        (("max_age", "99999999999999999999"), "invalid_request"),
        (("nonce", &*"n".repeat(513)), "invalid_request"),
        (("request", "e30.e30."), "request_not_supported"),
        (("request_uri", "https://evil.example/"), "request_uri_not_supported"),
        (("registration", "{}"), "registration_not_supported"),
    ] {
        let answer = browser.visit(&world, &authorize_url(&[change])).await;

        assert_eq!(refusal(&world, &answer), error, "{change:?}");
    }
}

#[tokio::test]
async fn a_repeated_parameter_is_refused() {
    let world = World::new().await;
    let (mut browser, _) = world.logged_in().await;

    let nonce_twice = browser.visit(&world, &format!("{}&nonce=b", authorize_url(&[]))).await;
    let unknown_twice = browser.visit(&world, &format!("{}&a=1&a=1", authorize_url(&[]))).await;
    let redirect_uri_twice =
        browser.visit(&world, &format!("{}&redirect_uri=https://evil.example/", authorize_url(&[]))).await;

    assert_eq!(refusal(&world, &nonce_twice), "invalid_request");
    assert_eq!(refusal(&world, &unknown_twice), "invalid_request");
    assert_eq!(redirect_uri_twice.status(), 400);
}

#[tokio::test]
async fn prompt_none_never_shows_a_page() {
    let world = World::new().await;
    let mut browser = Browser::default();
    let url = authorize_url(&[("prompt", "none")]);

    let before = browser.visit(&world, &url).await;
    browser.log_in(&world).await;
    let after = browser.visit(&world, &url).await;
    world.advance(Duration::from_secs(61));
    let too_old = browser.visit(&world, &authorize_url(&[("prompt", "none"), ("max_age", "60")])).await;

    assert_eq!(refusal(&world, &before), "login_required");
    code(&world, &after);
    assert_eq!(refusal(&world, &too_old), "login_required");
}

#[tokio::test]
async fn prompt_login_and_an_exceeded_max_age_ask_for_the_password_again() {
    let world = World::new().await;
    let (mut browser, first) = world.logged_in().await;
    world.advance(Duration::from_secs(100));

    for change in [("prompt", "login"), ("prompt", "select_account"), ("max_age", "0"), ("max_age", "99")] {
        let page = browser.visit(&world, &authorize_url(&[change])).await;
        assert_eq!(page.status(), 200, "{change:?}");
    }
    let recent_enough = browser.visit(&world, &authorize_url(&[("max_age", "101")])).await;
    code(&world, &recent_enough);

    let page = browser.visit(&world, &authorize_url(&[("prompt", "login")])).await;
    let answer = browser.submit(&world, &page, &[("username", "ann"), ("password", crate::world::PASSWORD)]).await;
    let again = world.redeem(&code(&world, &answer)).await.unwrap();
    let id_token = world.verify(&again, "app", nonce()).await;
    assert_eq!(id_token.authenticated_at, Some(world.now()));
    assert_eq!(id_token.claims["sid"], crate::world::claims(&first.id_token.unwrap())["sid"]);
}

#[tokio::test]
async fn the_request_may_come_as_a_form() {
    let world = World::new().await;
    let mut browser = Browser::default();
    let url = authorize_url(&[]);
    let (_, query) = url.split_once('?').unwrap();
    let post = |media_type: &str| Request::post(format!("{ISSUER}/authorize")).header(header::CONTENT_TYPE, media_type);

    let page = browser.send(&world, post("application/x-www-form-urlencoded"), Bytes::from(query.to_owned())).await;
    let json = browser.send(&world, post("application/json"), Bytes::from("{}")).await;

    let answer = browser.submit(&world, &page, &[("username", "ann"), ("password", crate::world::PASSWORD)]).await;
    code(&world, &answer);
    assert_eq!(json.status(), 415);
}

#[tokio::test]
async fn unknown_scopes_are_left_out_and_the_answer_says_so() {
    let world = World::new().await;
    let mut browser = Browser::default();
    let page = browser.visit(&world, &authorize_url(&[("scope", "openid admin")])).await;
    let answer = browser.submit(&world, &page, &[("username", "ann"), ("password", crate::world::PASSWORD)]).await;

    let tokens = world.redeem(&code(&world, &answer)).await.unwrap();

    assert_eq!(tokens.scope.as_deref(), Some("openid"));
    let claims = crate::world::claims(tokens.id_token.as_ref().unwrap());
    assert!(claims.get("email").is_none() && claims.get("preferred_username").is_none());
}

#[tokio::test]
async fn redirects_are_neither_cached_nor_do_they_tell_where_they_come_from() {
    let world = World::new().await;
    let (mut browser, _) = world.logged_in().await;

    let answer = browser.visit(&world, &authorize_url(&[])).await;

    assert!(crate::world::location(&answer).starts_with(REDIRECT_URI));
    assert_eq!(answer.headers()[header::CACHE_CONTROL], "no-store");
    assert_eq!(answer.headers()[header::REFERRER_POLICY], "no-referrer");
}
