//! The way of a person through the demo: sign in, call, restart, sign out.

use std::time::Duration;

use serde_json::Value;
use tokio::time::{sleep, timeout};

use crate::{
    browser::{Answer, Browser, From},
    demo::{announced, text},
    process::{Folder, Run, start},
    serve::configuration,
};

const TICKET: &str = "__Host-Http-cloakroom";

async fn demo_at(folder: &Folder, ports: (&str, &str), more: &[&str]) -> (Run, Value) {
    let path = folder.path().to_str().unwrap();
    let fixed = ["demo", "--json", "--folder", path, "--port", ports.0, "--login-port", ports.1];
    let mut demo = start(&[&fixed, more].concat());
    let line = announced(&mut demo).await;
    (demo, line)
}

fn port(url: &str) -> &str {
    url.rsplit(':').next().unwrap()
}

async fn sign_in(browser: &mut Browser, line: &Value) {
    let app = text(line, "app");
    let begun = browser.navigate(&format!("{app}/auth/login?return_to=/account"), From::Own).await;
    let page = browser.navigate(begun.location(), From::Elsewhere).await;
    let (csrf, request) = (page.after("name=\"csrf\" value=\""), page.after("name=\"request\" value=\""));
    let (user, password) = (text(line, "user"), text(line, "password"));
    let form = format!("csrf={}&request={}&username={user}&password={password}", encode(&csrf), encode(&request));
    let back = browser.submit(&action(&page, line), &form).await;
    let landed = browser.navigate(back.location(), From::Elsewhere).await;
    assert_eq!(landed.status, 200, "{landed:?}");
    assert!(landed.body.contains("http-equiv=\"refresh\"") && landed.body.contains("/account"), "{landed:?}");
}

/// Where the form of a page of the login server leads.
fn action(page: &Answer, line: &Value) -> String {
    let action = page.after("action=\"");
    if action.starts_with('/') { format!("{}{action}", text(line, "issuer")) } else { action }
}

fn encode(value: &str) -> String {
    value.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D").replace('&', "%26").replace(':', "%3A")
}

async fn is_signed_in(browser: &mut Browser, line: &Value) -> bool {
    let answer = browser.fetch("GET", &format!("{}/auth/session", text(line, "app"))).await;
    answer.body.contains("\"authenticated\":true")
}

#[tokio::test]
async fn alice_signs_in_and_the_api_sees_a_token_and_no_cookie() {
    let folder = Folder::new();
    let (_demo, line) = demo_at(&folder, ("0", "0"), &[]).await;
    let mut browser = Browser::default();

    sign_in(&mut browser, &line).await;
    let invoices = browser.fetch("GET", text(&line, "api")).await;
    let seen = browser.fetch("GET", &format!("{}/api/whoami", text(&line, "app"))).await;
    let account = browser.navigate(&format!("{}/account", text(&line, "app")), From::Own).await;

    assert!(invoices.status == 200 && invoices.body.contains("Looking-Glass Optics"), "{invoices:?}");
    assert!(seen.body.contains("\"cookie_arrived\":false"), "{seen:?}");
    assert!(account.status == 200 && account.body.contains("Hatter &amp; Hare"), "{account:?}");
    let ticket = browser.cookie(TICKET).unwrap();
    assert!(ticket.contains("HttpOnly") && ticket.contains("Secure") && ticket.contains("SameSite=Strict"), "{ticket}");
    for answer in [invoices, seen, account] {
        assert!(!answer.head.contains("eyJ") && !answer.body.contains("eyJ"), "{answer:?}");
    }
}

#[tokio::test]
async fn a_link_from_another_site_finds_her_signed_in() {
    let folder = Folder::new();
    let (_demo, line) = demo_at(&folder, ("0", "0"), &[]).await;
    let mut browser = Browser::default();
    sign_in(&mut browser, &line).await;
    let account = format!("{}/account", text(&line, "app"));

    let first = browser.navigate(&account, From::Elsewhere).await;
    let repeated = browser.navigate(&account, From::Own).await;

    assert!(first.status == 200 && first.body.contains("http-equiv=\"refresh\""), "{first:?}");
    assert!(!first.body.contains("Hatter"), "{first:?}");
    assert!(repeated.body.contains("Hatter &amp; Hare"), "{repeated:?}");
}

#[tokio::test]
async fn a_restart_keeps_her_signed_in_and_the_store_holds_no_token() {
    let folder = Folder::new();
    let (first, line) = demo_at(&folder, ("0", "0"), &[]).await;
    let mut browser = Browser::default();
    sign_in(&mut browser, &line).await;
    let ports = (port(text(&line, "app")), port(text(&line, "issuer")));

    first.signal("INT").await;
    let ended = first.ended().await;
    let stored = stored_bytes(&folder);
    let (second, again) = demo_at(&folder, ports, &[]).await;
    let invoices = browser.fetch("GET", text(&again, "api")).await;
    second.signal("INT").await;
    second.ended().await;
    let (_third, fresh) = demo_at(&folder, ports, &["--fresh"]).await;

    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(invoices.status, 200, "{invoices:?}");
    assert!(stored.len() > 4096);
    assert!(!stored.windows(3).any(|bytes| bytes == b"eyJ"));
    let ticket = browser.cookie(TICKET).unwrap().as_bytes()[..80].to_owned();
    assert!(!stored.windows(80).any(|bytes| bytes == ticket));
    assert!(!is_signed_in(&mut browser, &fresh).await);
    assert_eq!(text(&fresh, "password"), text(&line, "password"));
}

#[tokio::test]
async fn a_store_that_came_back_from_a_copy_says_how_many_sessions_it_voided() {
    let (original, copy) = (Folder::new(), Folder::new());
    let (demo, line) = demo_at(&original, ("0", "0"), &[]).await;
    sign_in(&mut Browser::default(), &line).await;
    demo.signal("INT").await;
    demo.ended().await;
    for name in ["sessions.db", "keys.json"] {
        std::fs::copy(original.path().join(name), copy.path().join(name)).unwrap();
    }
    let file = copy.write("c.toml", &configuration("127.0.0.1:0"));

    let mut serving = start(&["serve", "--config", file.to_str().unwrap()]);
    let log = serving.log_until("serving").await;

    assert!(log.lines().last().unwrap().contains("\"sessions_voided\":1"), "{log}");
}

#[tokio::test]
async fn signing_out_ends_the_session_and_leads_to_the_login_server() {
    let folder = Folder::new();
    let (_demo, line) = demo_at(&folder, ("0", "0"), &[]).await;
    let mut browser = Browser::default();
    sign_in(&mut browser, &line).await;
    assert!(is_signed_in(&mut browser, &line).await);

    let answer = browser.fetch("POST", &format!("{}/auth/logout", text(&line, "app"))).await;

    assert!(answer.status == 200 && answer.body.contains("logout_url"), "{answer:?}");
    assert!(!is_signed_in(&mut browser, &line).await);
    assert_eq!(browser.fetch("GET", text(&line, "api")).await.status, 401);
}

#[tokio::test]
async fn signing_out_at_the_login_server_ends_the_session_here() {
    let folder = Folder::new();
    let (_demo, line) = demo_at(&folder, ("0", "0"), &[]).await;
    let mut browser = Browser::default();
    sign_in(&mut browser, &line).await;
    assert!(is_signed_in(&mut browser, &line).await);

    let question = browser.navigate(&format!("{}/end-session", text(&line, "issuer")), From::Elsewhere).await;
    let form = format!("csrf={}", encode(&question.after("name=\"csrf\" value=\"")));
    let answer = browser.submit(&action(&question, &line), &form).await;

    assert!(answer.status == 200 && answer.body.contains("Signed out"), "{answer:?}");
    let told = session_when_ended(&mut browser, &line).await;
    assert!(told.contains("\"reason\":\"back_channel_logout\""), "{told}");
}

/// What the gateway says of the session once it has ended, within seconds.
async fn session_when_ended(browser: &mut Browser, line: &Value) -> String {
    let url = format!("{}/auth/session", text(line, "app"));
    let ended = async {
        loop {
            let answer = browser.fetch("GET", &url).await;
            if answer.body.contains("\"authenticated\":false") {
                return answer.body;
            }
            sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(Duration::from_secs(10), ended).await.expect("an end in time")
}

/// The session store and what lies beside it.
fn stored_bytes(folder: &Folder) -> Vec<u8> {
    let files = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path());
    let store = files.filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with("sessions.db"));
    store.flat_map(|path| std::fs::read(path).unwrap()).collect()
}
