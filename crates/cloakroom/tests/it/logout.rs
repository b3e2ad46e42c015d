//! Signing out.

use cloakroom::{cookie, session::record::EndReason};
use testkit::{Answer, Ask, Browser, Url};

use crate::world::{EVIL, Operation, World};

#[tokio::test]
async fn a_script_signs_out_and_is_told_where_to_go_on() {
    let world = World::with_signed_in_browser().await;
    let secrets = world.authorization_server.secrets();

    let answer = world.browser.send(world.post("/auth/logout")).await;

    assert_eq!(answer.status, 200);
    let url = answer.json()["logout_url"].as_str().unwrap().to_owned();
    let url = Url::parse(&url);
    assert_eq!(url.origin(), world.authorization_server.issuer().as_str());
    assert_eq!(url.path(), "/end-session");
    assert_eq!(url.parameter("post_logout_redirect_uri").unwrap(), format!("{}/", world.origin()));
    assert_eq!((url.parameter("client_id").as_deref(), url.parameter("id_token_hint")), (Some("cloakroom-test"), None));
    assert!(secrets.iter().all(|secret| !url.to_string().contains(secret)), "{url}");
    assert_cookies_deleted(&world, &answer);
    assert_eq!(world.session().await, serde_json::json!({ "authenticated": false }));
    assert_eq!(world.end_reasons().await, [EndReason::Logout]);
}

#[tokio::test]
async fn the_refresh_token_is_revoked_after_a_logout() {
    let world = World::with_signed_in_browser().await;
    let live = world.authorization_server.live_refresh_tokens();

    world.browser.send(world.post("/auth/logout")).await;
    world.authorization_server.revoked().await;

    assert_eq!(live.len(), 1);
    assert_eq!(world.authorization_server.revocations(), live);
    assert!(world.authorization_server.live_refresh_tokens().is_empty());
}

#[tokio::test]
async fn a_logout_does_not_wait_for_the_authorization_server() {
    let world = World::with_signed_in_browser().await;
    world.authorization_server.go_down().await;

    let answer = world.browser.send(world.post("/auth/logout")).await;

    assert_eq!((answer.status.as_u16(), world.end_reasons().await), (200, vec![EndReason::Logout]));
    world.settle().await;
}

#[tokio::test]
async fn a_form_with_the_session_bound_token_signs_out_and_leads_on() {
    let world = World::with_signed_in_browser().await;
    let token = csrf_token(&world).await;
    let logout = world.url("/auth/logout");

    let form = Ask::form(world.url("/app"), &logout, &[("csrf_token", &token)]);
    let answer = world.browser.send(form.clone().without_following()).await;
    let again = world.browser.send(form.without_following()).await;

    assert_eq!(answer.status, 303);
    assert!(answer.header("location").unwrap().starts_with(world.authorization_server.issuer().as_str()));
    assert_cookies_deleted(&world, &answer);
    assert_eq!((again.status.as_u16(), again.header("location").as_deref()), (303, Some("/")));
    assert_eq!(world.end_reasons().await, [EndReason::Logout]);
}

#[tokio::test]
async fn a_logout_at_the_authorization_server_leads_back_to_the_start_page() {
    let world = World::with_signed_in_browser().await;
    let token = csrf_token(&world).await;

    let form = Ask::form(world.url("/app"), world.url("/auth/logout"), &[("csrf_token", &token)]);
    let page = world.browser.send(form).await;

    assert_eq!((page.url.to_string(), page.status.as_u16()), (format!("{}/", world.origin()), 200));
}

#[tokio::test]
async fn without_proof_nobody_is_signed_out() {
    let world = World::with_signed_in_browser().await;
    let other = World::with_signed_in_browser().await;
    let theirs = csrf_token(&other).await;
    let (from, logout) = (world.url("/app"), world.url("/auth/logout"));

    for ask in [
        Ask::form(&from, &logout, &[]),
        Ask::form(&from, &logout, &[("csrf_token", "")]),
        Ask::form(&from, &logout, &[("csrf_token", &theirs)]),
        Ask::bare_fetch(&from, &logout).method(http::Method::POST),
        Ask::form(EVIL, &logout, &[("csrf_token", &csrf_token(&world).await)]),
    ] {
        let answer = world.browser.send(ask.without_following()).await;

        assert_eq!((answer.status.as_u16(), answer.rejection_code()), (403, "csrf".into()));
        assert_eq!(answer.header("set-cookie"), None);
    }
    assert!(world.is_signed_in().await);
}

#[tokio::test]
async fn a_form_of_a_browser_that_tells_no_origin_is_proved_by_its_token() {
    let world = World::with_signed_in_browser().await;
    let (cookie, token) = (world.cookie(), csrf_token(&world).await);
    let headers = [("Cookie", cookie.as_str()), ("Content-Type", "application/x-www-form-urlencoded")];

    let wrong = world.raw("POST /auth/logout", &headers, "csrf_token=wrong").await;
    let right = world.raw("POST /auth/logout", &headers, &format!("csrf_token={token}")).await;

    assert_eq!((wrong.status(), wrong.rejection_code()), (403, Some("csrf")));
    assert_eq!((right.status(), world.end_reasons().await), (303, vec![EndReason::Logout]));
}

#[tokio::test]
async fn without_a_session_a_logout_only_deletes_cookies() {
    let world = World::new().await;

    let script = world.browser.send(world.post("/auth/logout")).await;
    let form = Ask::form(world.url("/"), world.url("/auth/logout"), &[]).without_following();
    let form = world.browser.send(form).await;

    assert_eq!((script.status.as_u16(), script.body.len()), (204, 0));
    assert_eq!((form.status.as_u16(), form.header("location").as_deref()), (303, Some("/")));
    assert_cookies_deleted(&world, &script);
    assert_cookies_deleted(&world, &form);
}

#[tokio::test]
async fn a_ticket_kept_by_somebody_opens_nothing_after_a_logout() {
    let world = World::with_signed_in_browser().await;
    let ticket = world.ticket().unwrap();
    world.browser.send(world.post("/auth/logout")).await;

    world.browser.plant(&world.url("/"), cookie::SESSION, &ticket);
    let answer = world.get("/api").await;

    assert_eq!((answer.status.as_u16(), answer.reason()), (401, "logout".into()));
    let record = world.record().await;
    assert!(record.wraps.is_empty() && record.ticket_zone.is_empty() && record.server_zone.is_empty());
}

#[tokio::test]
async fn a_logout_that_the_store_did_not_confirm_says_so_and_keeps_the_cookie() {
    let world = World::with_signed_in_browser().await;
    world.store.fail(Operation::Revoke, 1);

    let answer = world.browser.send(world.post("/auth/logout")).await;

    assert_eq!((answer.status.as_u16(), answer.rejection_code()), (503, "try_again".into()));
    assert_eq!((answer.header("set-cookie"), world.session_count().await), (None, 1));
    assert!(world.ticket().is_some());
}

#[tokio::test]
async fn a_logout_that_was_not_confirmed_is_refused_on_this_node_and_works_when_tried_again() {
    let world = World::with_signed_in_browser().await;
    world.get("/api").await;
    let live = world.authorization_server.live_refresh_tokens();
    world.store.go_down();
    let unconfirmed = world.browser.send(world.post("/auth/logout")).await;
    let refused = world.get("/api").await;
    let ticket = world.ticket().unwrap();

    world.store.come_back();
    world.browser.plant(&world.url("/"), cookie::SESSION, &ticket);
    let again = world.browser.send(world.post("/auth/logout")).await;

    assert_eq!(unconfirmed.status, 503);
    assert_eq!(refused.status, 401);
    assert_eq!((again.status.as_u16(), world.end_reasons().await), (200, vec![EndReason::Logout]));
    assert!(again.json()["logout_url"].is_string());
    assert_cookies_deleted(&world, &again);
    world.settle().await;
    assert!(world.authorization_server.revocations().iter().all(|revoked| live.contains(revoked)));
    assert_eq!(world.authorization_server.live_refresh_tokens(), Vec::<String>::new());
}

#[tokio::test]
async fn a_logout_that_the_store_confirms_later_revokes_the_refresh_token_too() {
    let world = World::with_signed_in_browser().await;
    world.store.fail(Operation::Revoke, 1);

    let unconfirmed = world.browser.send(world.post("/auth/logout")).await;
    world.settle().await;
    let again = world.browser.send(world.post("/auth/logout")).await;

    assert_eq!((unconfirmed.status.as_u16(), again.status.as_u16()), (503, 204));
    assert_eq!(world.end_reasons().await, [EndReason::Logout]);
    assert_eq!(world.authorization_server.live_refresh_tokens(), Vec::<String>::new());
}

#[tokio::test]
async fn a_logout_while_the_store_is_away_is_refused_on_this_node_from_then_on() {
    let world = World::with_signed_in_browser().await;
    world.clock.advance_seconds(6);
    world.store.go_down();

    let unconfirmed = world.browser.send(world.post("/auth/logout")).await;
    world.store.come_back();
    let refused = world.get("/api").await;

    assert_eq!((unconfirmed.status.as_u16(), refused.status.as_u16()), (503, 401));
    assert_eq!(world.session_count().await, 1);
}

#[tokio::test]
async fn an_unconfirmed_logout_keeps_the_cookie_whatever_else_the_browser_asks() {
    let world = World::with_signed_in_browser().await;
    world.store.fail(Operation::Revoke, 1);
    world.browser.send(world.post("/auth/logout")).await;

    let api = world.get("/api").await;
    let session = world.session().await;

    assert_eq!((api.status.as_u16(), session["authenticated"].as_bool()), (401, Some(false)));
    assert!(world.ticket().is_some());
    let again = world.browser.send(world.post("/auth/logout")).await;
    assert_eq!((again.status.as_u16(), world.end_reasons().await), (200, vec![EndReason::Logout]));
}

#[tokio::test]
async fn a_logout_ends_one_session_and_no_other() {
    let world = World::with_signed_in_browser().await;
    let phone = Browser::new(world.clock.clone());
    phone.open(world.url("/auth/login")).await;

    world.browser.send(world.post("/auth/logout")).await;
    let answer = phone.send(world.fetch("/api")).await;

    assert_eq!((answer.status.as_u16(), world.session_count().await), (200, 1));
}

#[tokio::test]
async fn a_logout_revokes_the_refresh_token_that_another_node_fetched() {
    let world = World::with_signed_in_browser().await;
    let node = world.add_node().await;
    world.clock.advance_seconds(290);
    // This node opens the session as it is, and another refreshes it.
    world.session().await;
    let elsewhere = Browser::new(world.clock.clone());
    elsewhere.connect_to(node.address());
    elsewhere.plant(&world.url("/"), cookie::SESSION, &world.ticket().unwrap());
    elsewhere.send(world.fetch("/api")).await;
    node.bff.stop(std::time::Duration::from_secs(5)).await;
    let live = world.authorization_server.live_refresh_tokens();

    world.browser.send(world.post("/auth/logout")).await;
    world.authorization_server.revoked().await;

    assert_eq!((live.len(), world.authorization_server.presentations().len()), (1, 1));
    assert_eq!(world.authorization_server.live_refresh_tokens(), Vec::<String>::new());
}

async fn csrf_token(world: &World) -> String {
    let answer = world.get("/auth/csrf").await;
    answer.json()["csrf_token"].as_str().expect("a session has a token").to_owned()
}

#[track_caller]
fn assert_cookies_deleted(world: &World, answer: &Answer) {
    for (name, same_site) in [(cookie::SESSION, "Strict"), (cookie::LOGIN, "Lax")] {
        let deletion = answer.set_cookie(name).expect("the cookie is deleted");
        let expected = format!("; Path=/; Secure; HttpOnly; SameSite={same_site}; Max-Age=0");
        assert!(deletion.starts_with(&format!("{name}={expected}")), "{deletion}");
        assert_eq!(world.browser.cookie(name), None);
    }
}
