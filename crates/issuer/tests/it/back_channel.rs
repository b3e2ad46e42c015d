//! Clients are told when a session has ended (OpenID Connect Back-Channel Logout 1.0).

use std::time::{Duration, Instant};

use cloakroom_issuer::Profile;
use http::{StatusCode, header};
use protocol::{ClientAuthentication, Secret, TokenResponse};
use tokio::net::TcpListener;

use crate::{
    listening_client::ListeningClient,
    world::{
        Browser, ISSUER, PASSWORD, PUBLIC_REDIRECT_URI, SIGNED_OUT_URI, World, authorize_url, claims, client, encode,
        location, verifier,
    },
};

/// The confidential client and the public one are told at these addresses.
async fn world_telling(app: Option<&str>, spa: Option<&str>) -> World {
    let (app, spa) = (app.map(str::to_owned), spa.map(str::to_owned));
    World::with(|settings| {
        settings.clients[0].back_channel_logout_uri = app;
        settings.clients[1].back_channel_logout_uri = spa;
    })
    .await
}

fn sid(tokens: &TokenResponse) -> String {
    claims(tokens.id_token.as_ref().unwrap())["sid"].as_str().unwrap().to_owned()
}

fn subject(tokens: &TokenResponse) -> String {
    claims(tokens.id_token.as_ref().unwrap())["sub"].as_str().unwrap().to_owned()
}

/// The public client gets tokens in the session of this browser.
async fn join(world: &World, browser: &mut Browser) -> TokenResponse {
    let url = authorize_url(&[("client_id", "spa"), ("redirect_uri", PUBLIC_REDIRECT_URI)]);
    let location = location(&browser.visit(world, &url).await);
    let (_, query) = location.split_once('?').unwrap();
    let (_, code) = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "code").unwrap();
    let spa = client("spa", ClientAuthentication::None);
    world.redeem_as(&spa, &code, PUBLIC_REDIRECT_URI, &verifier()).await.unwrap()
}

async fn sign_out(world: &World, browser: &mut Browser, sid: &str) {
    let fields = [("client_id", "app"), ("logout_hint", sid), ("post_logout_redirect_uri", SIGNED_OUT_URI)];
    let answer = browser.visit(world, &format!("{ISSUER}/end-session?{}", encode(fields))).await;
    assert_eq!(location(&answer), SIGNED_OUT_URI);
}

#[tokio::test]
async fn a_sign_out_tells_the_client_by_a_token_that_holds() {
    let mut app = ListeningClient::accepting().await;
    let world = world_telling(Some(&app.uri), None).await;
    let (mut browser, tokens) = world.logged_in().await;

    sign_out(&world, &mut browser, &sid(&tokens)).await;
    let arrived = app.next().await;

    let token = arrived.verify(&world, "app").await.unwrap();
    assert_eq!(token.sid, Some(sid(&tokens)));
    assert_eq!(token.subject.unwrap().as_str(), subject(&tokens));
    assert_eq!(token.expires_at, world.now() + Duration::from_secs(120));
    assert_eq!(arrived.headers[header::CONTENT_TYPE], "application/x-www-form-urlencoded");
    let jose = arrived.token.expose().split('.').next().unwrap();
    let jose = base64::Engine::decode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, jose).unwrap();
    assert_eq!(serde_json::from_slice::<serde_json::Value>(&jose).unwrap()["typ"], "logout+jwt");
    assert!(arrived.verify(&world, "spa").await.is_err());
}

#[tokio::test]
async fn only_clients_that_got_tokens_in_the_session_are_told() {
    let (mut app, mut spa) = (ListeningClient::accepting().await, ListeningClient::accepting().await);
    let world = world_telling(Some(&app.uri), Some(&spa.uri)).await;
    let (mut browser, tokens) = world.logged_in().await;
    let (mut other_browser, other_tokens) = world.logged_in().await;
    join(&world, &mut other_browser).await;

    sign_out(&world, &mut browser, &sid(&tokens)).await;

    assert_eq!(app.next().await.verify(&world, "app").await.unwrap().sid, Some(sid(&tokens)));
    assert!(app.is_left_alone().await && spa.is_left_alone().await);
    sign_out(&world, &mut other_browser, &sid(&other_tokens)).await;
    assert_eq!(app.next().await.verify(&world, "app").await.unwrap().sid, Some(sid(&other_tokens)));
    assert_eq!(spa.next().await.verify(&world, "spa").await.unwrap().sid, Some(sid(&other_tokens)));
}

#[tokio::test]
async fn a_client_that_is_down_is_told_again_by_the_same_token() {
    let mut app = ListeningClient::answering(&[StatusCode::SERVICE_UNAVAILABLE]).await;
    let world = world_telling(Some(&app.uri), None).await;
    let (mut browser, tokens) = world.logged_in().await;

    sign_out(&world, &mut browser, &sid(&tokens)).await;
    let (first, second) = (app.next().await, app.next().await);

    assert_eq!(first.token.expose(), second.token.expose());
    second.verify(&world, "app").await.unwrap();
    assert!(app.is_left_alone().await);
}

#[tokio::test]
async fn a_refusal_is_final_and_a_redirect_leads_nowhere() {
    for answer in [StatusCode::BAD_REQUEST, StatusCode::TEMPORARY_REDIRECT, StatusCode::PERMANENT_REDIRECT] {
        let mut app = ListeningClient::answering(&[answer]).await;
        let world = world_telling(Some(&app.uri), None).await;
        let (mut browser, tokens) = world.logged_in().await;

        sign_out(&world, &mut browser, &sid(&tokens)).await;
        app.next().await;

        tokio::time::sleep(Duration::from_millis(2200)).await;
        assert!(app.is_left_alone().await, "{answer}");
    }
}

#[tokio::test]
async fn a_dead_client_delays_neither_the_logout_nor_other_clients() {
    let dead = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let dead_uri = format!("http://{}/", dead.local_addr().unwrap());
    let mut spa = ListeningClient::accepting().await;
    let world = world_telling(Some(&dead_uri), Some(&spa.uri)).await;
    let (mut browser, tokens) = world.logged_in().await;
    join(&world, &mut browser).await;
    #[expect(clippy::disallowed_methods, reason = "the time that really passes is what is measured")]
    let begun = Instant::now();

    sign_out(&world, &mut browser, &sid(&tokens)).await;
    spa.next().await;

    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn nobody_is_told_twice_of_one_end() {
    let mut app = ListeningClient::accepting().await;
    let world = world_telling(Some(&app.uri), None).await;
    let (mut browser, tokens) = world.logged_in().await;
    let code = crate::world::code(&world, &browser.visit(&world, &authorize_url(&[])).await);
    world.redeem(&code).await.unwrap();
    let mut copy = Browser { cookies: browser.cookies.clone() };

    sign_out(&world, &mut browser, &sid(&tokens)).await;
    sign_out(&world, &mut copy, &sid(&tokens)).await;
    world.server.accounts().disable("ann").unwrap();

    app.next().await;
    assert!(app.is_left_alone().await);
}

#[tokio::test]
async fn a_new_password_tells_the_clients_of_every_session() {
    let (mut app, mut spa) = (ListeningClient::accepting().await, ListeningClient::accepting().await);
    let world = world_telling(Some(&app.uri), Some(&spa.uri)).await;
    let (_, first) = world.logged_in().await;
    let (mut browser, second) = world.logged_in().await;
    join(&world, &mut browser).await;

    world.server.accounts().set_password("ann", &Secret::new("another password".to_owned())).unwrap();

    let mut told = Vec::new();
    for _ in 0..2 {
        told.extend(app.next().await.verify(&world, "app").await.unwrap().sid);
    }
    told.sort();
    let mut expected = vec![sid(&first), sid(&second)];
    expected.sort();
    assert_eq!(told, expected);
    assert_eq!(spa.next().await.verify(&world, "spa").await.unwrap().sid, Some(sid(&second)));
}

#[tokio::test]
async fn a_session_that_the_browser_has_forgotten_is_told_of_when_the_account_is_disabled() {
    let mut app = ListeningClient::accepting().await;
    let world = world_telling(Some(&app.uri), None).await;
    let (_, tokens) = world.logged_in().await;
    world.advance(Duration::from_secs(13 * 60 * 60));

    world.server.accounts().disable("ann").unwrap();

    assert_eq!(app.next().await.verify(&world, "app").await.unwrap().sid, Some(sid(&tokens)));
}

#[tokio::test]
async fn another_user_in_the_same_browser_ends_the_session_and_the_same_user_does_not() {
    let mut app = ListeningClient::accepting().await;
    let world = world_telling(Some(&app.uri), None).await;
    let password = Secret::new(PASSWORD.to_owned());
    world.server.accounts().add("bob", &password, Profile::default()).unwrap();
    let (mut browser, tokens) = world.logged_in().await;
    let again = authorize_url(&[("prompt", "login")]);

    for username in ["ann", "bob"] {
        assert!(app.is_left_alone().await);
        let page = browser.visit(&world, &again).await;
        let answer = browser.submit(&world, &page, &[("username", username), ("password", PASSWORD)]).await;
        assert_eq!(answer.status(), 303);
    }

    assert_eq!(app.next().await.verify(&world, "app").await.unwrap().sid, Some(sid(&tokens)));
}

#[tokio::test]
async fn forgetting_all_sessions_tells_nobody() {
    let mut app = ListeningClient::accepting().await;
    let world = world_telling(Some(&app.uri), None).await;
    world.logged_in().await;

    world.server.forget_sessions().unwrap();
    world.server.accounts().disable("ann").unwrap();

    assert!(app.is_left_alone().await);
}
