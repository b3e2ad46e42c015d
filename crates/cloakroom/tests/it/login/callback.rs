//! Coming back from a login.

use std::time::Duration;

use cloakroom::{cookie, session::record::EndReason};
use http::Method;
use testkit::{
    Ask, Browser,
    authorization_server::{IssuerParameter, Trouble},
};

use crate::world::{Operation, World};

#[tokio::test]
async fn a_completed_login_answers_a_page_that_goes_on_with_the_session_cookie() {
    let world = World::new().await;
    let callback = world.callback_of(&world.browser, "/auth/login?return_to=/app/a%3Fb%3Dc%26d").await;

    let page = world.arrive(&callback).await;

    assert_eq!((page.status.as_u16(), page.refresh().as_deref()), (200, Some("/app/a?b=c&d")));
    let cookie = page.set_cookie(cookie::SESSION).unwrap();
    assert!(cookie.ends_with("; Path=/; Secure; HttpOnly; SameSite=Strict"), "{cookie}");
    assert_eq!(page.header("referrer-policy").as_deref(), Some("no-referrer"));
    assert!(page.header("cache-control").unwrap().contains("no-store"));
}

#[tokio::test]
async fn a_repeated_callback_goes_on_without_a_second_session() {
    let world = World::new().await;
    let callback = world.callback_of(&world.browser, "/auth/login?return_to=/app").await;
    world.arrive(&callback).await;
    let ticket = world.ticket();

    let repeated = world.arrive(&callback).await;

    assert_eq!((repeated.status.as_u16(), repeated.refresh().as_deref()), (200, Some("/app")));
    assert_eq!(repeated.header("set-cookie"), None);
    assert_eq!((world.ticket(), world.session_count().await), (ticket, 1));
    assert_eq!(world.authorization_server.redemptions(), 1);
}

#[tokio::test]
async fn two_callbacks_of_one_login_at_once_start_one_session() {
    let world = World::new().await;
    let callback = world.callback_of(&world.browser, "/auth/login").await;

    let (first, second) = tokio::join!(world.arrive(&callback), world.arrive(&callback));

    assert_eq!((first.status.as_u16(), second.status.as_u16()), (200, 200));
    assert_eq!((world.session_count().await, world.authorization_server.redemptions()), (1, 1));
}

#[tokio::test]
async fn a_callback_can_be_repeated_as_long_as_its_login_could_be_completed() {
    let world = World::new().await;
    let callback = world.callback_of(&world.browser, "/auth/login?return_to=/app").await;
    // A person who looks for the second factor.
    world.clock.advance_minutes(30);
    world.arrive(&callback).await;

    world.clock.advance_minutes(29);
    let soon = world.arrive(&callback).await;
    world.clock.advance_minutes(2);
    let late = world.arrive(&callback).await;

    assert_eq!((soon.status.as_u16(), soon.refresh().as_deref()), (200, Some("/app")));
    assert_eq!((late.status.as_u16(), late.rejection_code()), (400, "bad_request".into()));
    assert_eq!(world.session_count().await, 1);
}

#[tokio::test]
async fn a_login_can_be_completed_within_the_hour_and_not_later() {
    let world = World::new().await;
    let in_time = world.callback_of(&world.browser, "/auth/login").await;
    let too_late = world.callback_of(&world.browser, "/auth/login").await;

    world.clock.advance(Duration::from_secs(3599));
    let first = world.arrive(&in_time).await;
    world.clock.advance(Duration::from_secs(2));
    let second = world.arrive(&too_late).await;

    assert_eq!(first.status, 200);
    assert_eq!((second.status.as_u16(), second.rejection_code()), (400, "bad_request".into()));
    assert_eq!(world.authorization_server.redemptions(), 1);
}

#[tokio::test]
async fn a_refused_login_is_told_by_what_the_person_can_do() {
    for (error, status, code) in [
        ("access_denied", 403, "forbidden"),
        ("login_required", 401, "no_session"),
        ("interaction_required", 401, "no_session"),
        ("consent_required", 401, "no_session"),
        ("account_selection_required", 401, "no_session"),
        ("temporarily_unavailable", 503, "try_again"),
        ("server_error", 503, "try_again"),
        ("invalid_scope", 502, "upstream_failed"),
        ("unauthorized_client", 502, "upstream_failed"),
        ("something_else", 502, "upstream_failed"),
    ] {
        let world = World::new().await;
        world.authorization_server.script().login_error = Some(error.to_owned());
        let callback = world.callback_of(&world.browser, "/auth/login").await;

        let page = world.arrive(&callback).await;

        assert_eq!((page.status.as_u16(), page.rejection_code()), (status, code.to_owned()), "{error}");
        assert!(!page.text().contains(error) && !page.text().contains("a server's text"), "{}", page.text());
        assert!(page.header("content-type").unwrap().starts_with("text/html"));
        assert!(page.link("Go to the start page").is_some());
        assert_eq!(page.link("Sign in").is_some(), code == "no_session", "{error}");
        assert_eq!((page.set_cookie(cookie::SESSION), world.session_count().await), (None, 0));
    }
}

#[tokio::test]
async fn an_unusable_answer_of_the_token_endpoint_starts_no_session() {
    for (trouble, status, code) in [
        (Trouble::Status(500), 503, "try_again"),
        (Trouble::TooMany(3), 503, "try_again"),
        (Trouble::Hang, 503, "try_again"),
        (Trouble::RequestLost, 503, "try_again"),
        (Trouble::AnswerLost, 503, "try_again"),
        (Trouble::Truncated, 503, "try_again"),
        (Trouble::InvalidGrant, 502, "upstream_failed"),
        (Trouble::InvalidClient, 502, "upstream_failed"),
        (Trouble::Html, 502, "upstream_failed"),
    ] {
        let world = World::new().await;
        world.authorization_server.script().redemption_troubles.push_back(trouble.clone());
        let callback = world.callback_of(&world.browser, "/auth/login").await;

        let page = world.arrive(&callback).await;

        assert_eq!((page.status.as_u16(), page.rejection_code()), (status, code.to_owned()), "{trouble:?}");
        assert_eq!((page.set_cookie(cookie::SESSION), world.session_count().await), (None, 0), "{trouble:?}");
    }
}

#[tokio::test]
async fn a_store_that_is_away_burns_no_login() {
    let world = World::new().await;
    let callback = world.callback_of(&world.browser, "/auth/login?return_to=/app").await;
    world.store.go_down();
    let refused = world.arrive(&callback).await;

    world.store.come_back();
    let page = world.arrive(&callback).await;

    assert_eq!((refused.status.as_u16(), refused.rejection_code()), (503, "try_again".into()));
    assert_eq!((page.status.as_u16(), page.refresh().as_deref()), (200, Some("/app")));
    assert!(world.is_signed_in().await);
}

#[tokio::test]
async fn a_session_that_cannot_be_stored_is_not_given_to_the_browser() {
    let world = World::new().await;
    let callback = world.callback_of(&world.browser, "/auth/login").await;
    world.store.fail(Operation::Create, 1);

    let page = world.arrive(&callback).await;

    assert_eq!((page.status.as_u16(), page.rejection_code()), (503, "try_again".into()));
    assert_eq!((page.set_cookie(cookie::SESSION), world.session_count().await), (None, 0));
}

#[tokio::test]
async fn a_callback_answers_navigations_by_get_only() {
    let world = World::new().await;
    let callback = world.callback_of(&world.browser, "/auth/login").await;
    let send = async |ask: Ask| world.browser.send(ask.without_following()).await;

    let fetched = send(Ask::bare_fetch(world.url("/"), &callback)).await;
    let framed = send(Ask::frame(world.url("/"), &callback)).await;
    let posted = send(Ask::form(world.url("/"), &callback, &[])).await;
    let headed = send(Ask::link(world.url("/"), &callback).method(Method::HEAD)).await;

    assert_eq!((fetched.status.as_u16(), fetched.rejection_code()), (400, "bad_request".into()));
    assert_eq!(framed.status, 400);
    assert_eq!((posted.status.as_u16(), headed.status.as_u16()), (405, 405));
    assert_eq!(world.authorization_server.redemptions(), 0);
}

#[tokio::test]
async fn the_issuer_has_to_be_there_only_where_it_is_promised() {
    let world = World::new().await;
    {
        let mut script = world.authorization_server.script();
        script.announces_issuer = false;
        script.issuer_parameter = IssuerParameter::Missing;
    }

    world.sign_in().await;

    assert!(world.is_signed_in().await);
}

#[tokio::test]
async fn a_login_in_another_tab_replaces_the_session_and_says_so() {
    let world = World::with_signed_in_browser().await;
    let old = world.ticket().unwrap();

    world.browser.send(Ask::link(world.url("/"), world.url("/auth/login?prompt=login"))).await;
    world.browser.plant(&world.url("/"), cookie::SESSION, &old);
    let answer = world.get("/api").await;

    assert_eq!((answer.status.as_u16(), answer.reason()), (401, "replaced".into()));
    assert_eq!(world.end_reasons().await, [EndReason::Replaced]);
}

#[tokio::test]
async fn new_signing_keys_of_the_authorization_server_are_fetched() {
    let world = World::with_signed_in_browser().await;
    world.authorization_server.script().signing_key = 1;
    world.clock.advance_seconds(11);

    let browser = Browser::new(world.clock.clone());
    let landed = browser.open(world.url("/auth/login")).await;

    assert_eq!((landed.url.path(), landed.status.as_u16()), ("/", 200), "{}", landed.text());
}

#[tokio::test]
async fn user_info_adds_claims_unless_it_speaks_of_somebody_else() {
    let world = World::with_signed_in_browser().await;
    let session = world.session().await;
    world.authorization_server.script().user_info_subject = Some("mallory".to_owned());

    world.browser.send(Ask::link(world.url("/"), world.url("/auth/login?prompt=login"))).await;
    let without = world.session().await;

    assert_eq!(session["claims"]["email"], "alice@example.com");
    assert_eq!((without["sub"].as_str(), without["claims"].get("email")), (Some("alice"), None));
}
