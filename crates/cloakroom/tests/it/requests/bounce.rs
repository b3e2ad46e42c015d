//! Links from other sites to pages: the Strict cookie stays away, and the page repeats itself once as our own request.

use cloakroom::{cookie, settings::SameSite};
use http::Method;
use testkit::{Ask, Browser};

use crate::world::{EVIL, Plan, World};

#[tokio::test]
async fn a_link_from_another_site_shows_the_page_to_whoever_is_signed_in() {
    let world = World::with_signed_in_browser().await;
    let before = world.resource_server.received().len();

    let page = world.browser.send(Ask::link(EVIL, world.url("/app/orders?page=2"))).await;

    assert_eq!((page.url.path_and_query(), page.status.as_u16()), ("/app/orders?page=2", 200));
    let bounce = &page.earlier[0];
    let login = "/auth/login?auto=1&return_to=/app/orders?page=2";
    assert_eq!((bounce.status.as_u16(), bounce.refresh().as_deref()), (200, Some(login)));
    assert_eq!(page.earlier[1..].iter().map(|answer| answer.status.as_u16()).collect::<Vec<_>>(), [303]);
    assert_eq!(bounce.header("set-cookie"), None);
    assert_eq!(world.resource_server.received().len(), before + 1);
}

#[tokio::test]
async fn a_link_from_another_site_leads_to_a_login_whoever_is_not_signed_in() {
    let world = World::new().await;

    let page = world.browser.send(Ask::link(EVIL, world.url("/app/orders"))).await;

    assert_eq!((page.url.path(), page.status.as_u16()), ("/app/orders", 200));
    let statuses: Vec<u16> = page.earlier.iter().take(3).map(|answer| answer.status.as_u16()).collect();
    assert_eq!(statuses, [200, 303, 303]);
    assert!(world.is_signed_in().await);
}

#[tokio::test]
async fn a_link_from_another_site_needs_no_detour_with_a_lax_cookie() {
    let world = World::signed_in(Plan { same_site: SameSite::Lax, ..Plan::default() }).await;

    let page = world.browser.send(Ask::link(EVIL, world.url("/app/orders"))).await;

    assert_eq!((page.status.as_u16(), page.earlier.len()), (200, 0));
}

#[tokio::test]
async fn an_old_browser_repeats_the_page_once_too() {
    let world = World::new().await;
    let browser = Browser::old(world.clock.clone());
    browser.send(Ask::link(world.url("/"), world.url("/auth/login"))).await;

    let page = browser.send(Ask::link(EVIL, world.url("/app/orders"))).await;

    assert_eq!((page.url.path(), page.status.as_u16()), ("/app/orders", 200));
    assert_eq!(page.earlier.len(), 2);
    let marker = page.earlier[0].set_cookie(cookie::BOUNCE).unwrap();
    assert_eq!(marker, format!("{}=1; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=30", cookie::BOUNCE));
}

#[tokio::test]
async fn an_old_browser_that_is_not_signed_in_reaches_the_login_after_one_repetition() {
    let world = World::new().await;
    let browser = Browser::old(world.clock.clone());

    let page = browser.send(Ask::link(EVIL, world.url("/app/orders"))).await;

    assert_eq!((page.url.path(), page.status.as_u16()), ("/app/orders", 200));
    let statuses: Vec<u16> = page.earlier.iter().take(3).map(|answer| answer.status.as_u16()).collect();
    assert_eq!(statuses, [200, 303, 303]);
}

#[tokio::test]
async fn nothing_but_a_page_is_repeated() {
    let world = World::with_signed_in_browser().await;
    let app = world.url("/app/orders");

    for ask in [
        Ask::frame(EVIL, &app),
        Ask::image(EVIL, &app),
        Ask::bare_fetch(EVIL, &app),
        Ask::form(EVIL, &app, &[("a", "b")]),
        Ask::link(EVIL, &app).method(Method::PUT),
        Ask::link(EVIL, world.url("/api/orders")),
        Ask::prefetch(EVIL, &app),
        Ask::link(EVIL, world.url("/auth/session")),
    ] {
        let described = format!("{ask:?}");

        let answer = world.browser.send(ask.without_following()).await;

        assert_eq!((answer.refresh(), answer.header("location"), answer.header("set-cookie")), (None, None, None));
        assert!(answer.status.is_client_error() || answer.url.path() == "/auth/session", "{described}");
    }
    assert!(world.resource_server.received().iter().all(|request| !request.target().contains("orders")));
}

#[tokio::test]
async fn a_prefetch_by_another_site_starts_nothing() {
    let world = World::new().await;

    let answer = world.browser.send(Ask::prefetch(EVIL, world.url("/app")).without_following()).await;

    assert_eq!((answer.status.as_u16(), answer.rejection_code()), (401, "no_session".into()));
    assert_eq!((answer.refresh(), answer.header("location"), answer.header("set-cookie")), (None, None, None));
}
