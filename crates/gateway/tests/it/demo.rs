use serde_json::Value;
use tokio::net::TcpListener;

use crate::process::{Folder, Run, get, run, start};

fn demo(folder: &Folder) -> Run {
    start(&["demo", "--json", "--port", "0", "--login-port", "0", "--folder", folder.path().to_str().unwrap()])
}

pub(crate) async fn announced(demo: &mut Run) -> Value {
    serde_json::from_str(&demo.line().await).unwrap()
}

pub(crate) fn text<'a>(line: &'a Value, member: &str) -> &'a str {
    line[member].as_str().unwrap_or_else(|| panic!("{member} in {line}"))
}

#[tokio::test]
async fn everything_that_is_announced_answers() {
    let folder = Folder::new();
    let mut demo = demo(&folder);
    let line = announced(&mut demo).await;

    let app = get(text(&line, "app"), &[]).await;
    let api = get(text(&line, "api"), &["x-csrf: 1", "sec-fetch-site: same-origin"]).await;
    let session =
        get(&format!("{}/auth/session", text(&line, "app")), &["x-csrf: 1", "sec-fetch-site: same-origin"]).await;
    let issuer = get(&format!("{}/.well-known/openid-configuration", text(&line, "issuer")), &[]).await;
    let elsewhere = get(text(&line, "elsewhere"), &[]).await;

    assert!(app.starts_with("HTTP/1.1 200") && app.contains("id=\"sign-in\""), "{app}");
    assert!(app.to_ascii_lowercase().contains("content-security-policy: default-src 'self'"), "{app}");
    assert!(api.starts_with("HTTP/1.1 401") && api.contains("no_session"), "{api}");
    assert!(session.contains("\"authenticated\":false"), "{session}");
    assert!(issuer.contains(&format!("\"issuer\":\"{}\"", text(&line, "issuer"))), "{issuer}");
    assert!(elsewhere.contains(&format!("{}/account", text(&line, "app"))), "{elsewhere}");
    assert_eq!(text(&line, "user"), "alice");
}

#[tokio::test]
async fn another_site_is_refused_and_a_page_leads_to_the_login() {
    let folder = Folder::new();
    let mut demo = demo(&folder);
    let line = announced(&mut demo).await;

    let foreign = get(text(&line, "api"), &["x-csrf: 1", "origin: https://evil.example"]).await;
    let bare = get(text(&line, "api"), &[]).await;
    let navigation = ["sec-fetch-mode: navigate", "sec-fetch-dest: document", "sec-fetch-site: none"];
    let page = get(&format!("{}/account", text(&line, "app")), &navigation).await;

    for refused in [foreign, bare] {
        assert!(refused.starts_with("HTTP/1.1 403") && refused.contains("\"csrf\""), "{refused}");
    }
    assert!(
        page.starts_with("HTTP/1.1 303") && page.contains("location: /auth/login?auto=1&return_to=/account\r\n"),
        "{page}"
    );
}

#[tokio::test]
async fn ctrl_c_ends_it_with_code_0_and_the_password_stays_the_same() {
    let folder = Folder::new();
    let mut first = demo(&folder);
    let password = text(&announced(&mut first).await, "password").to_owned();
    first.signal("INT").await;

    let ended = first.ended().await;
    let is_store_closed = !folder.path().join("sessions.db-wal").exists();
    let mut second = demo(&folder);
    let again = announced(&mut second).await;

    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(ended.stdout, "", "one line and nothing else");
    assert!(is_store_closed);
    assert_eq!(text(&again, "password"), password);
}

#[tokio::test]
async fn a_taken_port_is_named_with_the_way_out() {
    let holder = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = holder.local_addr().unwrap().port().to_string();
    let folder = Folder::new();
    let path = folder.path().to_str().unwrap();

    let app = run(&["demo", "--json", "--port", &port, "--login-port", "0", "--folder", path]).await;
    let login = run(&["demo", "--json", "--port", "0", "--login-port", &port, "--folder", path]).await;

    for (ended, way_out) in [(app, "--port"), (login, "--login-port")] {
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert!(ended.stderr.contains(&port) && ended.stderr.contains(way_out), "{ended:?}");
        assert_eq!(ended.stdout, "", "nothing is announced that does not answer");
    }
}

#[tokio::test]
async fn people_get_five_things_to_try_without_colours_in_a_pipe() {
    let folder = Folder::new();
    let mut demo = start(&["demo", "--port", "0", "--login-port", "0", "--folder", folder.path().to_str().unwrap()]);
    let mut text = String::new();
    while !text.contains("Ctrl-C") {
        text += &demo.line().await;
    }

    assert!(text.contains("Five things to try") && text.contains("alice"), "{text}");
    assert!(!text.contains('\x1b'), "{text}");
}
