//! Callbacks that somebody else made up, and ID tokens that do not hold.

use std::time::Duration;

use cloakroom::cookie;
use testkit::{
    Answer, Ask, Browser, Url,
    authorization_server::{IdTokenDefect, IssuerParameter},
};

use crate::world::{SECOND_SERVER, World};

#[tokio::test]
async fn a_state_is_good_in_the_browser_that_began_the_login_only() {
    let world = World::new().await;
    let callback = world.callback_of(&world.browser, "/auth/login").await;
    let other = Browser::new(world.clock.clone());
    let without_cookie = other.send(Ask::link(world.url("/"), &callback).without_following()).await;
    world.callback_of(&other, "/auth/login").await;

    let with_own_cookie = other.send(Ask::link(world.url("/"), &callback).without_following()).await;

    assert_no_login(&world, &without_cookie).await;
    assert_no_login(&world, &with_own_cookie).await;
    assert!(with_own_cookie.link("Sign in").is_some());
}

#[tokio::test]
async fn an_attackers_callback_signs_no_victim_in() {
    let world = World::with_signed_in_browser().await;
    let ticket = world.ticket();
    let attacker = Browser::new(world.clock.clone());
    world.authorization_server.script().subject = "mallory".to_owned();
    let callback = world.callback_of(&attacker, "/auth/login").await;

    let answer = world.browser.send(Ask::link(crate::world::EVIL, &callback).without_following()).await;

    assert_eq!((answer.status.as_u16(), answer.rejection_code()), (400, "bad_request".into()));
    assert_eq!(answer.header("set-cookie"), None);
    assert_eq!(world.ticket(), ticket);
    assert_eq!(world.session().await["sub"], "alice");
    assert_eq!(world.authorization_server.redemptions(), 1);
}

#[tokio::test]
async fn an_attackers_code_does_not_fit_the_victims_login() {
    let world = World::new().await;
    let attacker = Browser::new(world.clock.clone());
    let theirs = world.callback_of(&attacker, "/auth/login").await;
    let mine = world.callback_of(&world.browser, "/auth/login").await;

    let answer = world.arrive(&mine.with_parameter("code", &theirs.parameter("code").unwrap())).await;

    assert_eq!((answer.status.as_u16(), answer.rejection_code()), (502, "upstream_failed".into()));
    assert_eq!((answer.header("set-cookie"), world.session_count().await), (None, 0));
}

#[tokio::test]
async fn a_planted_ticket_is_not_reused_by_a_login() {
    let world = World::new().await;
    let attacker = Browser::new(world.clock.clone());
    attacker.open(world.url("/auth/login")).await;
    let planted = attacker.cookie(cookie::SESSION).unwrap();
    world.browser.plant(&world.url("/"), cookie::SESSION, &planted);

    world.browser.send(Ask::link(world.url("/"), world.url("/auth/login?prompt=login"))).await;
    let attackers = attacker.send(Ask::fetch(world.url("/"), world.url("/api"))).await;

    assert_ne!(world.ticket().unwrap(), planted);
    assert_eq!((attackers.status.as_u16(), attackers.reason()), (401, "replaced".into()));
    assert_eq!(world.get("/api").await.status, 200);
}

#[tokio::test]
async fn a_tampered_missing_or_foreign_state_completes_nothing() {
    let world = World::new().await;
    let elsewhere = World::new().await;
    let callback = world.callback_of(&world.browser, "/auth/login").await;
    let state = callback.parameter("state").unwrap();
    let foreign = elsewhere.callback_of(&elsewhere.browser, "/auth/login").await.parameter("state").unwrap();
    let mut tampered = state.clone().into_bytes();
    tampered[state.len() / 2] ^= 1;

    let forgeries = [
        callback.without_parameter("state"),
        callback.with_parameter("state", ""),
        callback.with_parameter("state", "x"),
        callback.with_parameter("state", &String::from_utf8(tampered).unwrap()),
        callback.with_parameter("state", &state[..state.len() - 1]),
        callback.with_parameter("state", &format!("{state}A")),
        callback.with_parameter("state", &foreign),
        callback.with_parameter("state", &"A".repeat(7000)),
    ];
    for forged in forgeries {
        let answer = world.arrive(&forged).await;

        assert_no_login(&world, &answer).await;
    }
}

#[tokio::test]
async fn a_state_is_good_for_its_own_server_and_frontend_only() {
    let world = World::new().await;
    let browser = Browser::new(world.clock.clone());
    let begun = browser.send(Ask::typed(world.other_url("/auth/login?as=login")).without_following()).await;
    let approved = browser.send(Ask::typed(begun.header("location").unwrap()).without_following()).await;
    let callback = Url::parse(&approved.header("location").unwrap());
    let query = callback.path_and_query().split_once('?').unwrap().1;
    browser.plant(&world.url("/"), cookie::LOGIN, &browser.cookie(cookie::LOGIN).unwrap());

    let at = async |url: Url| browser.send(Ask::link(world.url("/"), url).without_following()).await;
    let mixed_up = at(world.other_url(&format!("/auth/callback/{SECOND_SERVER}?{query}"))).await;
    let other_frontend = at(world.url(&format!("/auth/callback/login?{query}"))).await;
    let not_ours = at(world.url(&format!("/auth/callback/{SECOND_SERVER}?{query}"))).await;

    assert_no_login(&world, &mixed_up).await;
    assert_no_login(&world, &other_frontend).await;
    assert_eq!((not_ours.status.as_u16(), not_ours.rejection_code()), (404, "no_route".into()));
}

#[tokio::test]
async fn a_repeated_parameter_completes_nothing() {
    let world = World::new().await;
    let callback = world.callback_of(&world.browser, "/auth/login").await;

    for name in ["code", "state", "iss"] {
        let value = callback.parameter(name).unwrap();
        let pair = Url::parse("http://localhost/").with_parameter(name, &value);
        let doubled = format!("{callback}&{}", pair.path_and_query().trim_start_matches("/?"));

        let answer = world.arrive(&Url::parse(&doubled)).await;

        assert_no_login(&world, &answer).await;
    }
    assert_eq!(world.arrive(&callback).await.status, 200);
}

#[tokio::test]
async fn a_missing_or_wrong_issuer_completes_nothing() {
    for wrong in [IssuerParameter::Missing, IssuerParameter::Wrong] {
        let world = World::new().await;
        world.authorization_server.script().issuer_parameter = wrong;
        let callback = world.callback_of(&world.browser, "/auth/login").await;

        let answer = world.arrive(&callback).await;

        assert_no_login(&world, &answer).await;
    }
}

#[tokio::test]
async fn a_refusal_is_believed_only_with_state_and_issuer() {
    let world = World::new().await;
    world.authorization_server.script().login_error = Some("access_denied".to_owned());
    let callback = world.callback_of(&world.browser, "/auth/login").await;

    for forged in [callback.without_parameter("state"), callback.with_parameter("iss", "https://other.example")] {
        let answer = world.arrive(&forged).await;

        assert_no_login(&world, &answer).await;
    }
}

#[tokio::test]
async fn an_id_token_that_does_not_hold_starts_no_session() {
    let world = World::new().await;

    for defect in [
        IdTokenDefect::Absent,
        IdTokenDefect::Nonce,
        IdTokenDefect::NoNonce,
        IdTokenDefect::Audience,
        IdTokenDefect::ExtraAudience,
        IdTokenDefect::Issuer,
        IdTokenDefect::Expired,
        IdTokenDefect::TextualExpiry,
        IdTokenDefect::FromTheFuture,
        IdTokenDefect::NoSubject,
        IdTokenDefect::AccessTokenHash,
        IdTokenDefect::AlgorithmNone,
        IdTokenDefect::SharedSecret,
        IdTokenDefect::Signature,
        IdTokenDefect::UnknownKey,
        IdTokenDefect::Type,
    ] {
        world.authorization_server.script().id_token = defect;
        let callback = world.callback_of(&world.browser, "/auth/login").await;

        let page = world.arrive(&callback).await;

        assert_eq!((page.status.as_u16(), page.rejection_code()), (502, "upstream_failed".into()), "{defect:?}");
        assert_eq!((page.set_cookie(cookie::SESSION), world.session_count().await), (None, 0), "{defect:?}");
    }
    world.authorization_server.script().id_token = IdTokenDefect::None;
    world.sign_in().await;
}

#[tokio::test]
async fn an_authentication_older_than_asked_for_starts_no_session() {
    for ago in [None, Some(Duration::from_secs(600))] {
        let world = World::new().await;
        world.authorization_server.script().authenticated_ago = ago;
        let callback = world.callback_of(&world.browser, "/auth/login?max_age=300").await;

        let page = world.arrive(&callback).await;

        assert_eq!((page.status.as_u16(), page.rejection_code()), (502, "upstream_failed".into()));
        assert_eq!(world.session_count().await, 0);
    }
}

/// Nothing was completed, nothing was tried, and the person gets a page.
async fn assert_no_login(world: &World, answer: &Answer) {
    assert_eq!((answer.status.as_u16(), answer.rejection_code()), (400, "bad_request".into()), "{}", answer.url);
    assert!(answer.header("content-type").is_some_and(|kind| kind.starts_with("text/html")));
    assert_eq!(answer.header("set-cookie"), None);
    assert_eq!((world.session_count().await, world.authorization_server.redemptions()), (0, 0), "{}", answer.url);
}
