//! Input that no honest browser or client sends.

use bytes::Bytes;
use http::{Request, header};

use crate::world::{Browser, ISSUER, PASSWORD, World, authorize_url, encode, text};

const FORM: &str = "application/x-www-form-urlencoded";

#[tokio::test]
async fn what_a_request_says_is_never_markup_on_a_page() {
    let world = World::new().await;
    let (mut browser, _) = world.logged_in().await;
    let markup = "\"><script>alert(1)</script><img src=x onerror=alert(1)>'";

    for name in ["client_id", "redirect_uri", "state", "login_hint", "nonce", "ui_locales"] {
        let url = authorize_url(&[(name, markup), ("prompt", "login")]);
        let page = text(&browser.visit(&world, &url).await);
        assert!(!page.contains("<script") && !page.contains("<img"), "{name}: {page}");
    }
    let page = browser.visit(&world, &authorize_url(&[("prompt", "login")])).await;
    let page = text(&browser.submit(&world, &page, &[("username", markup), ("password", markup)]).await);
    assert!(!page.contains("<script") && !page.contains("<img"), "{page}");
    let page = browser.visit(&world, &format!("{ISSUER}/end-session?{}", encode([("state", markup)]))).await;
    assert!(!text(&page).contains("<script"));
}

#[tokio::test]
async fn odd_usernames_and_passwords_are_just_wrong() {
    let world = World::new().await;
    let mut browser = Browser::default();
    let page = browser.visit(&world, &authorize_url(&[])).await;
    let (long, longer) = ("a".repeat(129), "p".repeat(30_000));

    for (username, password) in [
        ("", ""),
        ("ann", ""),
        ("", PASSWORD),
        ("ann\0", PASSWORD),
        ("ann'--", PASSWORD),
        ("аnn", PASSWORD),
        (&*long, PASSWORD),
        ("someone", &*longer),
        ("\u{202e}nna", "\u{0}\u{1}"),
    ] {
        let answer = browser.submit(&world, &page, &[("username", username), ("password", password)]).await;
        assert_eq!(answer.status(), 403, "{username:?}");
    }
}

#[tokio::test]
async fn repeated_form_fields_are_refused() {
    let world = World::new().await;
    let mut browser = Browser::default();
    let page = browser.visit(&world, &authorize_url(&[])).await;

    let fields = [("username", "ann"), ("password", PASSWORD), ("password", PASSWORD)];
    let answer = browser.submit(&world, &page, &fields).await;

    assert_eq!(answer.status(), 400);
}

#[tokio::test]
async fn bodies_are_forms_of_at_most_64_kib() {
    let world = World::new().await;
    let post = |path: &str, media_type: &str, body: &str| {
        let request = Request::post(format!("{ISSUER}{path}")).header(header::CONTENT_TYPE, media_type);
        request.body(Bytes::from(body.to_owned())).unwrap()
    };
    let large = format!("a={}", "b".repeat(64 * 1024));

    for path in ["/authorize", "/login", "/end-session", "/end-session/confirm"] {
        assert_eq!(world.exchange(post(path, FORM, &large)).await.status(), 413, "{path}");
        assert_eq!(world.exchange(post(path, "text/plain", "a=b")).await.status(), 415, "{path}");
    }
    for path in ["/token", "/revoke"] {
        assert_eq!(world.exchange(post(path, FORM, &large)).await.status(), 400, "{path}");
        assert_eq!(world.exchange(post(path, "application/json", "{}")).await.status(), 400, "{path}");
    }
}

#[tokio::test]
async fn garbage_in_headers_and_bodies_is_answered_not_crashed_on() {
    let world = World::new().await;
    let garbage = [&b"%"[..], b"%zz=%", b"=&=&=", b"\xff\xfe=\x00", b"client_id=%ff%fe&token=%00", b"a;b;c"];

    for path in ["/authorize", "/login", "/token", "/revoke", "/end-session", "/end-session/confirm", "/userinfo"] {
        for body in garbage {
            let request = Request::post(format!("{ISSUER}{path}"))
                .header(header::CONTENT_TYPE, FORM)
                .header(header::COOKIE, &b";;==;__Host-Http-issuer-session;__Host-Http-issuer-login=\xff"[..])
                .header(header::AUTHORIZATION, &b"Basic \xff"[..]);
            let answer = world.exchange(request.body(Bytes::from_static(body)).unwrap()).await;
            assert!(answer.status().is_client_error() || path == "/end-session", "{path} {body:?} {}", answer.status());
        }
    }
}

#[tokio::test]
async fn a_cookie_with_foreign_bytes_does_not_hide_ours() {
    let world = World::new().await;
    let (browser, _) = world.logged_in().await;
    let ours = format!("__Host-Http-issuer-session={}", browser.cookies["__Host-Http-issuer-session"]);
    let before: [&[u8]; 3] = ["name=Zoé; ".as_bytes(), b"a=\xff\xfe;", b"=\x80; b; "];

    for before in before {
        let one_line = [before, ours.as_bytes()].concat();
        let request = Request::get(authorize_url(&[])).header(header::COOKIE, &one_line[..]).body(Bytes::new());
        assert_eq!(world.exchange(request.unwrap()).await.status(), 303, "{before:?}");

        // As HTTP/2 brings them.
        let request = Request::get(authorize_url(&[])).header(header::COOKIE, before).header(header::COOKIE, &ours);
        assert_eq!(world.exchange(request.body(Bytes::new()).unwrap()).await.status(), 303, "{before:?}");
    }
}

#[tokio::test]
async fn another_host_is_refused_everywhere() {
    let world = World::new().await;
    let paths = ["/.well-known/openid-configuration", "/jwks", "/authorize", "/userinfo", "/end-session", "/nowhere"];
    let ask = |path: &str, hosts: &[&str]| {
        let path = format!("/tenant{path}");
        let request = hosts.iter().fold(Request::get(path), |request, host| request.header(header::HOST, *host));
        world.exchange(request.body(Bytes::new()).unwrap())
    };

    for path in paths {
        for hosts in [&["evil.example"][..], &["login.example.evil.example"], &["login.example:81"], &[""], &[]] {
            assert_eq!(ask(path, hosts).await.status(), 421, "{path} {hosts:?}");
        }
        assert_eq!(ask(path, &["login.example", "evil.example"]).await.status(), 421, "{path}");
        assert_ne!(ask(path, &["login.example"]).await.status(), 421, "{path}");
    }
    let absolute = Request::get(format!("{ISSUER}/jwks")).header(header::HOST, "evil.example");
    assert_eq!(world.exchange(absolute.body(Bytes::new()).unwrap()).await.status(), 421);
}

#[tokio::test]
async fn a_head_starts_and_ends_nothing() {
    let world = World::new().await;
    let (mut browser, tokens) = world.logged_in().await;
    let sid = crate::world::claims(tokens.id_token.as_ref().unwrap())["sid"].as_str().unwrap().to_owned();
    let end_session = format!("{ISSUER}/end-session?{}", encode([("client_id", "app"), ("logout_hint", &*sid)]));

    for url in [authorize_url(&[]), end_session] {
        let answer = browser.send(&world, Request::head(&url), Bytes::new()).await;

        assert_eq!(answer.status(), 405, "{url}");
        assert_eq!(answer.headers()[header::ALLOW], "GET, POST");
        assert!(!answer.headers().contains_key(header::LOCATION) && !answer.headers().contains_key(header::SET_COOKIE));
    }
    assert_eq!(browser.visit(&world, &authorize_url(&[])).await.status(), 303, "still signed in");
}

#[tokio::test]
async fn a_state_comes_back_encoded_whatever_it_is() {
    let world = World::new().await;
    let (mut browser, _) = world.logged_in().await;
    let state = "a&code=evil#x\r\nSet-Cookie: y=z ä";

    let answer = browser.visit(&world, &authorize_url(&[("state", state)])).await;

    let location = crate::world::location(&answer);
    let (_, query) = location.split_once('?').unwrap();
    let found: Vec<_> = form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name == "state").collect();
    assert_eq!(found, [("state".into(), state.into())]);
    assert_eq!(form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name == "code").count(), 1);
    assert!(!location.contains('#'));
}

#[tokio::test]
async fn an_overlong_state_gets_a_page() {
    let world = World::new().await;

    let answer = Browser::default().visit(&world, &authorize_url(&[("state", &"s".repeat(4097))])).await;

    assert_eq!(answer.status(), 400);
}
