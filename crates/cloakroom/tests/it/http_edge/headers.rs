//! Which headers cross, which do not, and which every answer carries.

use cloakroom::cookie;
use testkit::{Answer, Ask, resource_server::Behaviour};

use crate::world::{EVIL, World};

#[tokio::test]
async fn what_an_upstream_could_take_for_ours_does_not_arrive() {
    let world = World::with_signed_in_browser().await;

    for path in ["/api", "/app", "/"] {
        let mut ask = world.fetch(path);
        for name in [
            "Authorization",
            "Forwarded",
            "X-Forwarded-For",
            "X-Forwarded-Host",
            "X-Forwarded-Proto",
            "X-Forwarded-User",
            "X_Forwarded_User",
            "X.Forwarded.User",
            "X-Real-IP",
            "X_Real_IP",
            "Cloakroom-User",
            "Cloakroom_User",
            "X-CSRF-Token",
            "X_CSRF",
            "Proxy-Authorization",
            "Keep-Alive",
            "Proxy-Connection",
            "Trailer",
        ] {
            ask = ask.header(name, "forged");
        }
        world.browser.send(ask.header("TE", "forged").header("X-Mine", "kept")).await;

        let received = world.resource_server.last();
        assert!(!received.head.contains("forged"), "{path}: {}", received.head);
        assert_eq!(received.header("x-mine"), Some("kept"));
        assert_eq!(received.header("x-csrf"), None);
        assert_eq!(received.header("host"), Some(world.resource_server.url().trim_start_matches("http://")));
        assert_eq!(received.header("authorization").is_some(), path != "/");
        assert_eq!(received.header("x-forwarded-host"), Some(world.host().as_str()));
        assert_eq!(received.header("x-forwarded-proto"), Some("http"));
        assert_eq!(received.header("x-forwarded-for"), Some("127.0.0.1"));
    }
}

#[tokio::test]
async fn connection_takes_nothing_of_ours_away() {
    let world = World::with_signed_in_browser().await;
    let (cookie, listed) = (world.cookie(), "close, Authorization, X-Forwarded-Host, x-forwarded-for, Cookie, X-Mine");
    let headers = [("X-CSRF", "1"), ("Cookie", cookie.as_str()), ("Connection", listed), ("X-Mine", "1")];

    let answer = world.raw("GET /api", &headers, "").await;

    assert_eq!(answer.status(), 200);
    let received = world.resource_server.last();
    assert!(received.header("authorization").unwrap().starts_with("Bearer access-"));
    assert_eq!(received.header("x-forwarded-host"), Some(world.host().as_str()));
    assert_eq!((received.header("x-mine"), received.header("connection")), (None, None));
}

#[tokio::test]
async fn our_cookies_stay_here_and_others_go_along() {
    let world = World::with_signed_in_browser().await;
    world.browser.plant(&world.url("/"), "theme", "dark");
    world.browser.plant(&world.url("/"), cookie::BOUNCE, "1");
    world.browser.plant(&world.url("/"), "__HOST-http-CLOAKROOM-other", "1");
    assert!(world.browser.cookie(cookie::LOGIN).is_some());

    for path in ["/api", "/app", "/"] {
        world.get(path).await;

        assert_eq!(world.resource_server.last().header("cookie"), Some("theme=dark"), "{path}");
    }
}

#[tokio::test]
async fn an_upstream_cannot_set_our_cookies_or_speak_for_us() {
    let world = World::with_signed_in_browser().await;
    let ticket = world.ticket();

    for path in ["/api", "/app", "/"] {
        let hostile = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: X-Gone\r\nX-Gone: 1\r\nKeep-Alive: 1\r\n\
            Set-Cookie: __Host-Http-cloakroom=planted; Secure; HttpOnly; Path=/\r\n\
            Set-Cookie: __HOST-HTTP-CLOAKROOM-LOGIN=planted; Secure; HttpOnly; Path=/\r\n\
            Set-Cookie:  __Host-Http-cloakroom-bounce=planted; Secure; HttpOnly; Path=/\r\n\
            Set-Cookie: theme=dark\r\nCloakroom-Rejection: no_session\r\nCloakroom_Contract: 9\r\n\r\nok";
        world.resource_server.answer_next(Behaviour::Raw(hostile.into()));

        let answer = world.get(path).await;

        assert_eq!(answer.header("set-cookie").as_deref(), Some("theme=dark"), "{path}");
        for name in ["cloakroom-rejection", "cloakroom_contract", "x-gone", "keep-alive", "connection"] {
            assert_eq!(answer.header(name), None, "{path}");
        }
    }
    assert_eq!(world.ticket(), ticket);
}

#[tokio::test]
async fn a_personal_answer_is_kept_from_every_cache() {
    let world = World::with_signed_in_browser().await;
    let cacheable =
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nCache-Control: public, max-age=600\r\nVary: Accept\r\n\r\nok";

    for path in ["/api", "/app"] {
        world.resource_server.answer_next(Behaviour::Raw(cacheable.to_vec()));
        let answer = world.get(path).await;

        assert_eq!(answer.header("cache-control").as_deref(), Some("private, no-store"));
        assert!(answer.header("vary").unwrap().contains("Accept"));
        assert_varies(&answer);
    }
    world.resource_server.answer_next(Behaviour::Raw(cacheable.to_vec()));
    let public = world.get("/").await;
    assert_eq!(public.header("cache-control").as_deref(), Some("public, max-age=600"));
}

#[tokio::test]
async fn every_answer_of_our_own_is_kept_from_every_cache_and_hardened() {
    let world = World::with_signed_in_browser().await;
    let stranger = World::new().await;
    let open = |path: &str| Ask::typed(world.url(path)).without_following();

    for answer in [
        world.get("/auth/session").await,
        world.get("/auth/csrf").await,
        world.get("/auth/nothing").await,
        world.browser.send(open("/auth/login")).await,
        world.browser.send(open("/auth/login?prompt=login")).await,
        world.browser.send(open("/auth/login?bad")).await,
        world.browser.send(open("/auth/callback/login")).await,
        world.browser.send(Ask::link(EVIL, world.url("/auth/login")).without_following()).await,
        world.browser.send(world.fetch("/auth/login").method(http::Method::OPTIONS)).await,
        world.browser.send(Ask::image(EVIL, world.url("/app"))).await,
        stranger.get("/api").await,
        stranger.browser.send(Ask::typed(stranger.url("/app")).without_following()).await,
        world.browser.send(world.post("/auth/logout")).await,
        world.browser.send(world.post("/auth/logout")).await,
    ] {
        let what = format!("{} {}", answer.status, answer.url);
        assert_eq!(answer.header("cache-control").as_deref(), Some("private, no-store"), "{what}");
        assert_eq!(answer.header("x-content-type-options").as_deref(), Some("nosniff"), "{what}");
        assert_eq!(answer.header("referrer-policy").as_deref(), Some("no-referrer"), "{what}");
        assert_varies(&answer);
        let kind = answer.header("content-type").unwrap_or_default();
        let is_json = kind.contains("json");
        assert_eq!(answer.header("cloakroom-contract").as_deref(), is_json.then_some("1"), "{what}");
        if kind.starts_with("text/html") {
            assert_is_inert(&answer);
        }
    }
}

#[tokio::test]
async fn a_page_repeats_nothing_from_the_request() {
    let world = World::new().await;

    for path in
        ["/auth/login?return_to=%3Cscript%3Ecanary", "/auth/callback/login?error=canary&state=canary", "/auth/canary"]
    {
        let page = world.browser.send(Ask::typed(world.url(path)).without_following()).await;

        assert!(page.header("content-type").unwrap().starts_with("text/html"));
        assert!(!page.text().contains("canary"), "{}", page.text());
    }
}

#[track_caller]
fn assert_varies(answer: &Answer) {
    let vary = answer.header("vary").unwrap_or_default();
    let names = ["Cookie", "Origin", "Referer", "Sec-Fetch-Dest", "Sec-Fetch-Mode", "Sec-Fetch-Site", "X-CSRF"];
    for name in names {
        assert!(vary.split(", ").any(|value| value == name), "{vary} at {}", answer.url);
    }
}

#[track_caller]
fn assert_is_inert(page: &Answer) {
    let policy = page.header("content-security-policy").unwrap_or_default();
    for directive in
        ["default-src 'none'", "style-src 'sha256-", "form-action 'self'", "frame-ancestors 'none'", "base-uri 'none'"]
    {
        assert!(policy.contains(directive), "{policy}");
    }
    assert_eq!(page.header("cross-origin-opener-policy").as_deref(), Some("same-origin"));
    assert!(page.header("vary").is_some_and(|vary| vary.contains("Accept")));
    assert!(!page.text().contains("<script") && !page.text().contains("javascript:"));
}
