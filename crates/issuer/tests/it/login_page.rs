//! The login page: what it says, what it lets through, and what it does not tell.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, Response, header};
use protocol::Secret;

use crate::world::{Browser, Form, ORIGIN, PASSWORD, World, authorize_url, code, text};

#[tokio::test]
async fn the_page_works_without_script_and_cannot_be_framed_or_cached() {
    let world = World::new().await;

    let page = Browser::default().visit(&world, &authorize_url(&[("login_hint", "ann")])).await;

    let (headers, html) = (page.headers(), text(&page));
    let policy = headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"));
    assert!(policy.contains("form-action 'self' https://app.example;"));
    assert!(policy.ends_with("frame-ancestors 'none'; base-uri 'none'"));
    assert_eq!(headers[header::CACHE_CONTROL], "no-store");
    assert_eq!(headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
    assert_eq!(headers[header::REFERRER_POLICY], "same-origin");
    for foreign in ["<script", "src=", "href=", "url(", "@import"] {
        assert!(!html.contains(foreign), "{foreign}");
    }
    assert!(html.contains("<label for=\"username\">") && html.contains("<label for=\"password\">"));
    assert!(html.contains("autocomplete=\"username\"") && html.contains("autocomplete=\"current-password\""));
    assert!(html.contains("value=\"ann\"") && html.contains("The &#60;app&#62;"));
}

#[tokio::test]
async fn the_cookies_are_for_this_host_over_tls_and_out_of_reach_of_scripts() {
    let world = World::new().await;
    let mut browser = Browser::default();

    let page = browser.visit(&world, &authorize_url(&[])).await;
    let answer = browser.submit(&world, &page, &[("username", "ann"), ("password", PASSWORD)]).await;

    let set = [page, answer].map(|answer| {
        let lines = answer.headers().get_all(header::SET_COOKIE).iter();
        lines.map(|line| line.to_str().unwrap().to_owned()).collect::<Vec<_>>()
    });
    for (cookie, name, life) in [
        (&set[0][0], "__Host-Http-issuer-login", ""),
        (&set[1][0], "__Host-Http-issuer-session", ""),
        (&set[1][1], "__Host-Http-issuer-device", "; Max-Age=34560000"),
    ] {
        assert!(cookie.starts_with(&format!("{name}=")), "{cookie}");
        assert!(cookie.ends_with(&format!("; Path=/; Secure; HttpOnly; SameSite=Lax{life}")), "{cookie}");
    }
    assert_eq!(set.map(|lines| lines.len()), [1, 2]);
}

#[tokio::test]
async fn two_tabs_can_log_in_one_after_the_other() {
    let world = World::new().await;
    let mut browser = Browser::default();
    let first = browser.visit(&world, &authorize_url(&[])).await;
    let second = browser.visit(&world, &authorize_url(&[])).await;

    for page in [first, second] {
        let answer = browser.submit(&world, &page, &[("username", "ann"), ("password", PASSWORD)]).await;
        code(&world, &answer);
    }
}

#[tokio::test]
async fn a_wrong_password_an_unknown_username_and_a_disabled_account_get_the_same_answer() {
    let world = World::new().await;
    let password = Secret::new(PASSWORD.to_owned());
    world.server.accounts().add("gone", &password, cloakroom_issuer::Profile::default()).unwrap();
    world.server.accounts().disable("gone").unwrap();
    let mut browser = Browser::default();
    let page = browser.visit(&world, &authorize_url(&[])).await;

    let wrong = browser.submit(&world, &page, &[("username", "ann"), ("password", "not this one")]).await;
    let unknown = browser.submit(&world, &page, &[("username", "nobody"), ("password", PASSWORD)]).await;
    let disabled = browser.submit(&world, &page, &[("username", "gone"), ("password", PASSWORD)]).await;

    let neutral = |answer: &Response<Bytes>, username: &str| {
        assert_eq!(answer.status(), 403);
        assert!(!answer.headers().contains_key(header::SET_COOKIE));
        text(answer).replace(&format!("value=\"{username}\""), "")
    };
    assert!(text(&wrong).contains("role=\"alert\" id=\"alert\">Username or password is wrong.<"));
    assert_eq!(neutral(&wrong, "ann"), neutral(&unknown, "nobody"));
    assert_eq!(neutral(&wrong, "ann"), neutral(&disabled, "gone"));
}

#[tokio::test]
async fn an_unknown_username_costs_as_much_work_as_a_wrong_password() {
    let world = World::new().await;
    let mut browser = Browser::default();
    let page = browser.visit(&world, &authorize_url(&[])).await;
    let mut quickest = [Duration::MAX; 2];

    // The quickest of several, side by side in one run, and more of them on a machine that is busy with something else.
    for round in 0..40 {
        for (quickest, username) in quickest.iter_mut().zip(["ann", "nobody"]) {
            world.advance(Duration::from_secs(10));
            #[expect(clippy::disallowed_methods, reason = "measures real work, which no clock moved by hand can")]
            let start = Instant::now();
            browser.submit(&world, &page, &[("username", username), ("password", "not this one")]).await;
            *quickest = start.elapsed().min(*quickest);
        }
        if round >= 5 && quickest[1] > quickest[0] / 2 {
            return;
        }
    }

    // Without the comparison with nobody's hash, the second would be about a hundredth of the first.
    panic!("{quickest:?}");
}

#[tokio::test]
async fn after_a_mistake_the_same_page_logs_in() {
    let world = World::new().await;
    let mut browser = Browser::default();
    let page = browser.visit(&world, &authorize_url(&[])).await;
    let wrong = browser.submit(&world, &page, &[("username", "ann"), ("password", "not this one")]).await;
    world.advance(Duration::from_secs(1));

    let answer = browser.submit(&world, &wrong, &[("username", " ANN "), ("password", PASSWORD)]).await;

    world.redeem(&code(&world, &answer)).await.unwrap();
}

#[tokio::test]
async fn guessing_gets_slower_with_every_failure_and_then_no_answer_at_all() {
    let world = World::new().await;
    let mut browser = Browser::default();
    let page = browser.visit(&world, &authorize_url(&[])).await;
    let wrong = [("username", "ann"), ("password", "not this one")];
    // Failures cost 0.5, 1, 2, 4 s; each is waited out by the clock.
    for wait in [1, 1, 2, 0] {
        assert_eq!(browser.submit(&world, &page, &wrong).await.status(), 403);
        world.advance(Duration::from_secs(wait));
    }

    let refused = browser.submit(&world, &page, &wrong).await;
    let even_with_the_password = browser.submit(&world, &page, &[("username", "ann"), ("password", PASSWORD)]).await;
    world.advance(Duration::from_secs(4));
    let later = browser.submit(&world, &page, &[("username", "ann"), ("password", PASSWORD)]).await;

    for answer in [refused, even_with_the_password] {
        assert_eq!(answer.status(), 429);
        assert_eq!(answer.headers()[header::RETRY_AFTER], "4");
        assert!(text(&answer).contains("Too many attempts. Wait 4 seconds"));
    }
    code(&world, &later);
}

#[tokio::test]
async fn a_browser_that_logged_in_before_gets_in_while_strangers_guess() {
    let world = World::new().await;
    let (mut known, _) = world.logged_in().await;
    let (mut stranger, mut pretender) = (Browser::default(), Browser::default());
    pretender.cookies.insert("__Host-Http-issuer-device".to_owned(), "A".repeat(43));
    let page = stranger.visit(&world, &authorize_url(&[])).await;
    let pretender_page = pretender.visit(&world, &authorize_url(&[])).await;
    let (right, wrong) = ([("username", "ann"), ("password", PASSWORD)], [("username", "ann"), ("password", "wrong")]);
    for wait in [1, 1, 2, 0] {
        stranger.submit(&world, &page, &wrong).await;
        world.advance(Duration::from_secs(wait));
    }

    known.cookies.remove("__Host-Http-issuer-session");
    let known_page = known.visit(&world, &authorize_url(&[])).await;
    let let_in = known.submit(&world, &known_page, &right).await;

    assert_eq!(known_page.status(), 200, "the device cookie is no login");
    code(&world, &let_in);
    assert_eq!(stranger.submit(&world, &page, &right).await.status(), 429, "strangers still have to wait");
    assert_eq!(pretender.submit(&world, &pretender_page, &right).await.status(), 429);
}

#[tokio::test]
async fn a_known_browser_guesses_no_faster_than_strangers() {
    let world = World::new().await;
    let (mut known, _) = world.logged_in().await;
    let page = known.visit(&world, &authorize_url(&[("prompt", "login")])).await;
    let wrong = [("username", "ann"), ("password", "wrong")];

    for wait in [1, 1, 2, 0] {
        assert_eq!(known.submit(&world, &page, &wrong).await.status(), 403);
        world.advance(Duration::from_secs(wait));
    }

    assert_eq!(known.submit(&world, &page, &wrong).await.status(), 429);
    assert_eq!(known.submit(&world, &page, &[("username", "bob"), ("password", "wrong")]).await.status(), 403);
}

#[tokio::test]
async fn each_login_gives_the_device_a_new_cookie_and_the_old_one_is_a_strangers() {
    let world = World::new().await;
    let (mut browser, _) = world.logged_in().await;
    let mut copy = Browser { cookies: browser.cookies.clone() };
    let page = browser.visit(&world, &authorize_url(&[("prompt", "login")])).await;
    browser.submit(&world, &page, &[("username", "ann"), ("password", PASSWORD)]).await;
    let mut stranger = Browser::default();
    let page = stranger.visit(&world, &authorize_url(&[])).await;
    for wait in [1, 1, 2, 0] {
        stranger.submit(&world, &page, &[("username", "ann"), ("password", "wrong")]).await;
        world.advance(Duration::from_secs(wait));
    }

    let page = copy.visit(&world, &authorize_url(&[])).await;
    let refused = copy.submit(&world, &page, &[("username", "ann"), ("password", PASSWORD)]).await;

    assert_eq!(refused.status(), 429);
}

#[tokio::test]
async fn a_form_that_our_page_did_not_send_is_refused() {
    let world = World::new().await;
    let mut browser = Browser::default();
    let page = browser.visit(&world, &authorize_url(&[])).await;
    let form = Form::of(&page);
    let right = form.filled_in(&[("username", "ann"), ("password", PASSWORD)]);
    let other_page = Browser::default().visit(&world, &authorize_url(&[])).await;
    let others_token = Form::of(&other_page).filled_in(&[("username", "ann"), ("password", PASSWORD)]);
    let without_token = form.filled_in(&[("csrf", ""), ("username", "ann"), ("password", PASSWORD)]);
    let post = || {
        Request::post(format!("{ORIGIN}{}", form.action))
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
    };

    let mut refused = Vec::new();
    refused.push(browser.send(&world, post().header("sec-fetch-site", "cross-site"), right.clone().into()).await);
    refused
        .push(browser.send(&world, post().header(header::ORIGIN, "https://evil.example"), right.clone().into()).await);
    refused.push(browser.send(&world, post().header(header::ORIGIN, "null"), right.clone().into()).await);
    refused.push(browser.send(&world, post(), others_token.into()).await);
    refused.push(browser.send(&world, post(), without_token.into()).await);
    refused.push(Browser::default().send(&world, post(), right.clone().into()).await);

    for answer in refused {
        assert_eq!(answer.status(), 403, "{}", text(&answer));
        assert!(!answer.headers().contains_key(header::SET_COOKIE));
        assert!(!answer.headers().contains_key(header::LOCATION));
    }
    code(&world, &browser.send(&world, post(), right.into()).await);
}

#[tokio::test]
async fn the_form_cannot_be_used_for_another_redirect_uri() {
    let world = World::new().await;
    let mut browser = Browser::default();
    let page = browser.visit(&world, &authorize_url(&[])).await;
    let hostile = authorize_url(&[("redirect_uri", "https://evil.example/")]);
    let (_, request) = hostile.split_once('?').unwrap();

    let fields = [("request", request), ("username", "ann"), ("password", PASSWORD)];
    let answer = browser.submit(&world, &page, &fields).await;

    assert_eq!(answer.status(), 400);
    assert!(!answer.headers().contains_key(header::LOCATION));
}

#[tokio::test]
async fn a_login_replaces_the_session_cookie_and_the_old_one_is_dead() {
    let world = World::new().await;
    let (mut browser, _) = world.logged_in().await;
    let mut copy = Browser { cookies: browser.cookies.clone() };

    let page = browser.visit(&world, &authorize_url(&[("prompt", "login")])).await;
    browser.submit(&world, &page, &[("username", "ann"), ("password", PASSWORD)]).await;

    assert_ne!(browser.cookies, copy.cookies);
    assert_eq!(copy.visit(&world, &authorize_url(&[])).await.status(), 200);
    code(&world, &browser.visit(&world, &authorize_url(&[])).await);
}

#[tokio::test]
async fn a_session_cookie_from_elsewhere_is_not_adopted() {
    let world = World::new().await;
    let mut browser = Browser::default();
    browser.cookies.insert("__Host-Http-issuer-session".to_owned(), "planted".to_owned());

    browser.log_in(&world).await;

    assert_ne!(browser.cookies["__Host-Http-issuer-session"], "planted");
}
