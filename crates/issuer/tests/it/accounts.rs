//! Accounts, what changes to them end, and what the database file holds.

use cloakroom_issuer::{AccountError, Profile};
use protocol::Secret;

use crate::world::{Browser, PASSWORD, World, authorize_url, claims, code, refresh_token};

fn secret(text: &str) -> Secret<String> {
    Secret::new(text.to_owned())
}

async fn can_log_in(world: &World, username: &str, password: &str) -> bool {
    let mut browser = Browser::default();
    let page = browser.visit(world, &authorize_url(&[])).await;
    let answer = browser.submit(world, &page, &[("username", username), ("password", password)]).await;
    answer.status() == 303
}

#[tokio::test]
async fn disabling_an_account_ends_everything_it_has() {
    let world = World::new().await;
    let (mut browser, tokens) = world.logged_in().await;
    let answer = browser.visit(&world, &authorize_url(&[])).await;
    let code = code(&world, &answer);

    world.server.accounts().disable("ann").unwrap();

    assert!(world.redeem(&code).await.is_err());
    assert!(world.refresh(&refresh_token(&tokens)).await.is_err());
    assert_eq!(world.userinfo_status(&tokens.access_token).await, 401);
    assert_eq!(browser.visit(&world, &authorize_url(&[])).await.status(), 200);
    assert!(!can_log_in(&world, "ann", PASSWORD).await);
}

#[tokio::test]
async fn the_right_password_of_a_disabled_account_counts_as_a_guess() {
    let world = World::new().await;
    world.server.accounts().disable("ann").unwrap();

    for wait in [1, 1, 2, 0] {
        assert!(!can_log_in(&world, "ann", PASSWORD).await);
        world.advance(std::time::Duration::from_secs(wait));
    }

    let mut browser = Browser::default();
    let page = browser.visit(&world, &authorize_url(&[])).await;
    let answer = browser.submit(&world, &page, &[("username", "ann"), ("password", PASSWORD)]).await;
    assert_eq!(answer.status(), 429);
}

#[tokio::test]
async fn a_new_password_ends_all_sessions_and_the_old_password() {
    let world = World::new().await;
    let (mut browser, tokens) = world.logged_in().await;

    world.server.accounts().set_password("ann", &secret("another password")).unwrap();

    assert!(world.refresh(&refresh_token(&tokens)).await.is_err());
    assert_eq!(browser.visit(&world, &authorize_url(&[])).await.status(), 200);
    assert!(!can_log_in(&world, "ann", PASSWORD).await);
    world.advance(std::time::Duration::from_secs(1));
    assert!(can_log_in(&world, "ann", "another password").await);
}

#[tokio::test]
async fn ensuring_an_account_that_is_right_already_leaves_its_sessions() {
    let world = World::new().await;
    let (_, tokens) = world.logged_in().await;
    let profile = Profile { name: Some("Ann Other".to_owned()), email: None };

    let same = world.server.accounts().ensure("ann", &secret(PASSWORD), profile.clone()).unwrap();
    let renewed = world.refresh(&refresh_token(&tokens)).await.unwrap();
    let other = world.server.accounts().ensure("ann", &secret("another password"), profile.clone()).unwrap();
    let new = world.server.accounts().ensure("bob", &secret(PASSWORD), profile).unwrap();

    assert_eq!(claims(renewed.id_token.as_ref().unwrap())["sub"], same.as_str());
    assert_eq!(claims(renewed.id_token.as_ref().unwrap())["name"], "Ann Other");
    assert_eq!(same, other);
    assert_ne!(same, new);
    assert!(world.refresh(&refresh_token(&renewed)).await.is_err());
    assert!(can_log_in(&world, "bob", PASSWORD).await);
}

#[tokio::test]
async fn usernames_are_unique_and_wrong_ones_are_refused() {
    let world = World::new().await;
    let accounts = world.server.accounts();
    let none = Profile::default;

    assert!(matches!(accounts.add(" ANN", &secret(PASSWORD), none()), Err(AccountError::UsernameTaken)));
    assert!(matches!(accounts.add("", &secret(PASSWORD), none()), Err(AccountError::Username)));
    assert!(matches!(accounts.add("bob", &secret("short"), none()), Err(AccountError::Password)));
    assert!(matches!(accounts.disable("nobody"), Err(AccountError::Unknown)));
    let long = Profile { name: Some("n".repeat(257)), email: None };
    assert!(matches!(accounts.add("bob", &secret(PASSWORD), long), Err(AccountError::Profile)));
}

#[tokio::test]
async fn a_restart_keeps_accounts_sessions_and_keys() {
    let world = World::new().await;
    let (mut browser, tokens) = world.logged_in().await;
    let keys = world.exchange(protocol::key_set_request(&world.metadata)).await;

    let world = world.restart();

    assert_eq!(world.exchange(protocol::key_set_request(&world.metadata)).await.body(), keys.body());
    assert_eq!(browser.visit(&world, &authorize_url(&[])).await.status(), 303);
    world.refresh(&refresh_token(&tokens)).await.unwrap();
}

#[tokio::test]
async fn forgetting_sessions_keeps_accounts_and_keys() {
    let world = World::new().await;
    let (mut browser, tokens) = world.logged_in().await;
    let keys = world.exchange(protocol::key_set_request(&world.metadata)).await;

    world.server.forget_sessions().unwrap();

    assert_eq!(browser.visit(&world, &authorize_url(&[])).await.status(), 200);
    assert!(world.refresh(&refresh_token(&tokens)).await.is_err());
    assert_eq!(world.exchange(protocol::key_set_request(&world.metadata)).await.body(), keys.body());
    assert!(can_log_in(&world, "ann", PASSWORD).await);
}

#[tokio::test]
async fn the_database_holds_nothing_that_can_be_presented() {
    let world = World::new().await;
    let (mut browser, tokens) = world.logged_in().await;
    let answer = browser.visit(&world, &authorize_url(&[])).await;
    let refresh_token = refresh_token(&tokens);
    let (selector, tail) = refresh_token.split_once('.').unwrap();
    let presented = [
        code(&world, &answer),
        browser.cookies["__Host-Http-issuer-session"].clone(),
        browser.cookies["__Host-Http-issuer-device"].clone(),
        selector.to_owned(),
        tail.to_owned(),
        tokens.access_token.expose().clone(),
        tokens.id_token.as_ref().unwrap().expose().clone(),
        PASSWORD.to_owned(),
    ];

    let mut bytes = std::fs::read(world.database()).unwrap();
    bytes.extend(std::fs::read(world.database().with_extension("sqlite-wal")).unwrap());

    assert!(contains(&bytes, b"ann@example.com"), "the search finds what is there");
    for value in presented {
        assert!(!contains(&bytes, value.as_bytes()), "{value}");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn the_database_is_readable_by_its_owner_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let world = World::new().await;
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;

    assert_eq!(mode(&world.database()), 0o600);
    assert_eq!(mode(&world.database().with_extension("sqlite-wal")), 0o600);
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}
