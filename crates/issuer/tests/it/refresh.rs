//! Refresh-token families: one use each, and what a second use does.

use std::{sync::Arc, time::Duration};

use protocol::{ClientAuthentication, ExpectedNonce, Secret, TokenErrorCode};

use crate::world::{
    PASSWORD, World, authorize_url, claims, client, code, confidential, is_refused, refresh_token, text,
};

#[tokio::test]
async fn a_refresh_brings_new_tokens_about_the_same_login() {
    let world = World::new().await;
    let (_, first) = world.logged_in().await;
    world.advance(Duration::from_secs(280));

    let second = world.refresh(&refresh_token(&first)).await.unwrap();

    let id_token = world.verify(&second, "app", ExpectedNonce::Any).await;
    let before = claims(first.id_token.as_ref().unwrap());
    for name in ["sub", "sid", "auth_time", "email"] {
        assert_eq!(id_token.claims[name], before[name], "{name}");
    }
    assert!(!id_token.claims.contains_key("nonce"));
    assert_eq!(id_token.issued_at, world.now());
    assert_ne!(refresh_token(&first), refresh_token(&second));
    assert_eq!(second.scope, first.scope);
    assert_eq!(world.userinfo_status(&second.access_token).await, 200);
}

#[tokio::test]
async fn a_second_use_after_the_leeway_ends_the_family() {
    let world = World::new().await;
    let (_, first) = world.logged_in().await;
    let second = world.refresh(&refresh_token(&first)).await.unwrap();
    world.advance(Duration::from_secs(10));

    let replay = world.refresh(&refresh_token(&first)).await;

    assert!(is_refused(&replay, &TokenErrorCode::InvalidGrant));
    assert!(is_refused(&world.refresh(&refresh_token(&second)).await, &TokenErrorCode::InvalidGrant));
    assert_eq!(world.userinfo_status(&second.access_token).await, 401);
}

#[tokio::test]
async fn a_client_whose_answer_was_lost_gets_another_within_the_leeway() {
    let world = World::new().await;
    let (_, first) = world.logged_in().await;
    let lost = world.refresh(&refresh_token(&first)).await.unwrap();
    world.advance(Duration::from_millis(9_999));

    let sibling = world.refresh(&refresh_token(&first)).await.unwrap();

    assert_ne!(refresh_token(&lost), refresh_token(&sibling));
    world.advance(Duration::from_secs(300));
    world.refresh(&refresh_token(&sibling)).await.unwrap();
}

#[tokio::test]
async fn replays_within_the_leeway_do_not_stretch_it() {
    let world = World::new().await;
    let (_, first) = world.logged_in().await;
    world.refresh(&refresh_token(&first)).await.unwrap();
    world.advance(Duration::from_secs(6));
    world.refresh(&refresh_token(&first)).await.unwrap();
    world.advance(Duration::from_secs(6));

    assert!(is_refused(&world.refresh(&refresh_token(&first)).await, &TokenErrorCode::InvalidGrant));
}

#[tokio::test]
async fn a_thief_who_was_quick_is_noticed_at_the_next_refresh() {
    let world = World::new().await;
    let (_, first) = world.logged_in().await;
    let owners = world.refresh(&refresh_token(&first)).await.unwrap();
    let thiefs = world.refresh(&refresh_token(&first)).await.unwrap();
    world.advance(Duration::from_secs(280));

    let owners = world.refresh(&refresh_token(&owners)).await.unwrap();
    world.advance(Duration::from_secs(11));

    assert!(is_refused(&world.refresh(&refresh_token(&thiefs)).await, &TokenErrorCode::InvalidGrant));
    assert!(is_refused(&world.refresh(&refresh_token(&owners)).await, &TokenErrorCode::InvalidGrant));
}

#[tokio::test]
async fn the_leeway_is_for_the_immediately_previous_token_only() {
    let world = World::new().await;
    let (_, first) = world.logged_in().await;
    let second = world.refresh(&refresh_token(&first)).await.unwrap();
    let third = world.refresh(&refresh_token(&second)).await.unwrap();

    assert!(is_refused(&world.refresh(&refresh_token(&first)).await, &TokenErrorCode::InvalidGrant));
    assert!(is_refused(&world.refresh(&refresh_token(&third)).await, &TokenErrorCode::InvalidGrant));
}

#[tokio::test]
async fn without_leeway_every_second_use_ends_the_family() {
    let world = World::with(|settings| settings.refresh_leeway = Duration::ZERO).await;
    let (_, first) = world.logged_in().await;
    let second = world.refresh(&refresh_token(&first)).await.unwrap();

    assert!(is_refused(&world.refresh(&refresh_token(&first)).await, &TokenErrorCode::InvalidGrant));
    assert!(is_refused(&world.refresh(&refresh_token(&second)).await, &TokenErrorCode::InvalidGrant));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_parallel_uses_without_leeway_one_succeeds_and_the_family_ends() {
    let world = Arc::new(World::with(|settings| settings.refresh_leeway = Duration::ZERO).await);

    let winners = parallel_refreshes(&world, 8).await;

    assert_eq!(winners.len(), 1);
    assert!(is_refused(&world.refresh(&winners[0]).await, &TokenErrorCode::InvalidGrant));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn parallel_uses_within_the_leeway_all_succeed_with_tokens_of_their_own() {
    let world = Arc::new(World::new().await);

    let mut winners = parallel_refreshes(&world, 8).await;

    winners.sort_unstable();
    winners.dedup();
    assert_eq!(winners.len(), 8);
    world.refresh(&winners[3]).await.unwrap();
}

async fn parallel_refreshes(world: &Arc<World>, count: usize) -> Vec<String> {
    let (_, first) = world.logged_in().await;
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..count {
        let (world, token) = (Arc::clone(world), refresh_token(&first));
        tasks.spawn(async move { world.refresh(&token).await });
    }
    tasks.join_all().await.into_iter().filter_map(Result::ok).map(|tokens| refresh_token(&tokens)).collect()
}

#[tokio::test]
async fn a_generation_has_a_bounded_number_of_tokens() {
    let world = World::new().await;
    let (_, first) = world.logged_in().await;

    let mut successes = 0;
    while world.refresh(&refresh_token(&first)).await.is_ok() {
        successes += 1;
        assert!(successes <= 64);
    }

    assert_eq!(successes, 64);
}

#[tokio::test]
async fn a_refresh_token_in_the_hands_of_another_client_ends_the_family() {
    let world = World::new().await;
    let (_, tokens) = world.logged_in().await;
    let spa = client("spa", ClientAuthentication::None);

    let stolen = world.refresh_as(&spa, &refresh_token(&tokens)).await;

    assert!(is_refused(&stolen, &TokenErrorCode::InvalidGrant));
    assert!(is_refused(&world.refresh(&refresh_token(&tokens)).await, &TokenErrorCode::InvalidGrant));
}

#[tokio::test]
async fn more_scope_than_was_granted_is_refused_and_costs_nothing() {
    let world = World::new().await;
    let (_, tokens) = world.logged_in().await;
    let refresh = Secret::new(refresh_token(&tokens));
    let mut request = protocol::refresh_request(&world.metadata, &confidential(), &refresh);
    *request.body_mut() = [request.body().as_ref(), b"&scope=openid+offline_access"].concat().into();

    let answer = world.exchange(request).await;

    assert_eq!(text(&answer), r#"{"error":"invalid_scope"}"#);
    world.refresh(refresh.expose()).await.unwrap();
}

#[tokio::test]
async fn a_family_ends_after_two_idle_weeks_and_after_thirty_days_in_any_case() {
    let days = |days: u64| Duration::from_secs(days * 24 * 60 * 60);
    let world = World::new().await;
    let (_, idle) = world.logged_in().await;
    world.advance(days(14));
    assert!(world.refresh(&refresh_token(&idle)).await.is_err());

    let (_, mut busy) = world.logged_in().await;
    for _ in 0..2 {
        world.advance(days(13));
        busy = world.refresh(&refresh_token(&busy)).await.unwrap();
    }
    world.advance(days(4));
    assert!(world.refresh(&refresh_token(&busy)).await.is_err());
}

#[tokio::test]
async fn a_new_login_ends_the_family_it_replaces_and_a_mere_visit_does_not() {
    let world = World::new().await;
    let (mut browser, first) = world.logged_in().await;
    world.advance(Duration::from_secs(60));

    let visit = browser.visit(&world, &authorize_url(&[])).await;
    let from_visit = world.redeem(&code(&world, &visit)).await.unwrap();
    let first = world.refresh(&refresh_token(&first)).await.unwrap();
    let page = browser.visit(&world, &authorize_url(&[("prompt", "login")])).await;
    let login = browser.submit(&world, &page, &[("username", "ann"), ("password", PASSWORD)]).await;
    let from_login = world.redeem(&code(&world, &login)).await.unwrap();

    assert!(world.refresh(&refresh_token(&first)).await.is_err());
    assert!(world.refresh(&refresh_token(&from_visit)).await.is_err());
    world.refresh(&refresh_token(&from_login)).await.unwrap();
}

#[tokio::test]
async fn another_users_login_in_the_same_browser_ends_all_that_came_from_the_first() {
    let world = World::new().await;
    let password = Secret::new(PASSWORD.to_owned());
    world.server.accounts().add("bob", &password, cloakroom_issuer::Profile::default()).unwrap();
    let (mut browser, anns) = world.logged_in().await;

    let page = browser.visit(&world, &authorize_url(&[("prompt", "login")])).await;
    let login = browser.submit(&world, &page, &[("username", "bob"), ("password", PASSWORD)]).await;
    let bobs = world.redeem(&code(&world, &login)).await.unwrap();

    assert!(world.refresh(&refresh_token(&anns)).await.is_err());
    let (anns, bobs) = (claims(anns.id_token.as_ref().unwrap()), claims(bobs.id_token.as_ref().unwrap()));
    assert_ne!(anns["sid"], bobs["sid"]);
    assert_ne!(anns["sub"], bobs["sub"]);
}

#[tokio::test]
async fn a_page_that_starts_a_login_at_every_load_does_not_pile_up_families() {
    let world = World::new().await;
    let (mut browser, first) = world.logged_in().await;
    let mut last = None;

    for _ in 0..32 {
        let answer = browser.visit(&world, &authorize_url(&[("prompt", "none")])).await;
        last = Some(world.redeem(&code(&world, &answer)).await.unwrap());
    }

    assert!(world.refresh(&refresh_token(&first)).await.is_err());
    world.refresh(&refresh_token(&last.unwrap())).await.unwrap();
}
