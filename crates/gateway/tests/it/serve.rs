use tokio::net::TcpListener;

use crate::process::{Folder, get, run, start};

pub(crate) fn configuration(address: &str) -> String {
    format!(
        r#"
[listen]
address = "{address}"
[store]
path = "sessions.db"
[keys]
path = "keys.json"
[[frontends]]
name = "app"
origin = "http://localhost:4711"
[[frontends.routes]]
path = "/api"
kind = "api"
upstream = "http://127.0.0.1:9"
[[authorization_servers]]
name = "main"
issuer = "https://login.invalid"
client_id = "app"
client_authentication = "none"
"#
    )
}

#[tokio::test]
async fn a_broken_configuration_ends_with_code_2_and_shows_the_place() {
    let folder = Folder::new();
    let file = folder.write("c.toml", &configuration("127.0.0.1:0").replace("upstream", "upsteam"));
    let file = file.to_str().unwrap();

    for command in ["serve", "check"] {
        let ended = run(&[command, "--config", file]).await;

        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.stderr.contains("did you mean `upstream`?") && ended.stderr.contains("c.toml:"), "{ended:?}");
        assert!(ended.stdout.is_empty() && !ended.stderr.contains('\x1b'), "{ended:?}");
    }
}

#[tokio::test]
async fn a_missing_configuration_ends_with_code_2() {
    let ended = run(&["serve", "--config", "/nowhere/c.toml"]).await;

    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.stderr.starts_with("error: ") && ended.stderr.contains("/nowhere/c.toml"), "{ended:?}");
}

#[tokio::test]
async fn check_touches_nothing() {
    let folder = Folder::new();
    let file = folder.write("c.toml", &configuration("127.0.0.1:0"));

    let ended = run(&["check", "--config", file.to_str().unwrap()]).await;

    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.contains("http://localhost:4711"), "{ended:?}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[tokio::test]
async fn plain_http_to_another_machine_is_warned_of_and_no_error() {
    let folder = Folder::new();
    let text = configuration("127.0.0.1:0").replace("http://127.0.0.1:9", "http://10.0.0.5");
    let file = folder.write("c.toml", &text);

    let checked = run(&["check", "--config", file.to_str().unwrap()]).await;
    let mut serving = start(&["serve", "--config", file.to_str().unwrap()]);
    let log = serving.log_until("serving").await;

    assert_eq!(checked.code, Some(0), "{checked:?}");
    assert!(checked.stderr.contains("warning") && checked.stderr.contains("unencrypted"), "{checked:?}");
    assert!(log.contains("\"WARN\"") && log.contains("unencrypted"), "{log}");
}

#[tokio::test]
async fn a_taken_port_is_named_with_the_way_out() {
    let holder = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = holder.local_addr().unwrap().to_string();
    let folder = Folder::new();
    let file = folder.write("c.toml", &configuration("127.0.0.1:0"));

    let ended = run(&["serve", "--config", file.to_str().unwrap(), "--listen", &address]).await;

    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains(&address) && ended.stderr.contains("--listen"), "{ended:?}");
}

#[tokio::test]
async fn it_serves_until_it_is_told_to_stop() {
    let folder = Folder::new();
    let file = folder.write("c.toml", &configuration("127.0.0.1:0"));
    let mut serving = start(&["serve", "--config", file.to_str().unwrap()]);
    let log = serving.log_until("serving").await;
    let address = log.split("\"address\":\"").nth(1).unwrap().split('"').next().unwrap().to_owned();

    let foreign = get(&format!("http://{address}/api/x"), &["x-csrf: 1"]).await;
    serving.signal("TERM").await;
    let ended = serving.ended().await;

    assert!(foreign.starts_with("HTTP/1.1 404") && foreign.contains("no_route"), "{foreign}");
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stderr.contains("stopped"), "{ended:?}");
    assert!(!folder.path().join("sessions.db-wal").exists(), "the store was closed");
}

#[tokio::test]
async fn the_first_line_of_the_log_says_what_is_served_from_where() {
    let folder = Folder::new();
    let file = folder.write("c.toml", &configuration("127.0.0.1:0"));
    let mut serving = start(&["serve", "--config", file.to_str().unwrap()]);

    let line: serde_json::Value = serde_json::from_str(&serving.log_until("serving").await).unwrap();

    assert!(line["address"].as_str().unwrap().starts_with("127.0.0.1:"), "{line}");
    assert_eq!(line["frontends"], "app at http://localhost:4711");
    assert_eq!(line["store"], folder.path().join("sessions.db").to_str().unwrap());
    assert!(line.get("sessions_voided").is_none(), "{line}");
}

#[tokio::test]
async fn a_store_is_not_served_with_another_key_ring() {
    let folder = Folder::new();
    let file = folder.write("c.toml", &configuration("127.0.0.1:0"));
    let mut first = start(&["serve", "--config", file.to_str().unwrap()]);
    first.log_until("serving").await;
    first.signal("TERM").await;
    first.ended().await;
    std::fs::remove_file(folder.path().join("keys.json")).unwrap();

    let second = run(&["serve", "--config", file.to_str().unwrap()]).await;

    assert_eq!(second.code, Some(1), "{second:?}");
    assert!(second.stderr.contains("key ring") && !second.stderr.contains("serving"), "{second:?}");
}

#[tokio::test]
async fn two_gateways_do_not_share_a_store() {
    let folder = Folder::new();
    let file = folder.write("c.toml", &configuration("127.0.0.1:0"));
    let mut first = start(&["serve", "--config", file.to_str().unwrap()]);
    first.log_until("serving").await;

    let second = run(&["serve", "--config", file.to_str().unwrap()]).await;

    assert_eq!(second.code, Some(1), "{second:?}");
    assert!(second.stderr.contains("sessions.db") && second.stderr.contains("in use"), "{second:?}");
}

#[tokio::test]
async fn a_store_that_is_no_database_is_refused_and_left_alone() {
    let folder = Folder::new();
    let store = folder.write("sessions.db", &"this is a letter to my aunt\n".repeat(100));
    let file = folder.write("c.toml", &configuration("127.0.0.1:0"));

    let ended = run(&["serve", "--config", file.to_str().unwrap()]).await;

    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("not a session store"), "{ended:?}");
    assert!(std::fs::read_to_string(store).unwrap().starts_with("this is a letter"));
}

#[tokio::test]
async fn the_help_teaches_with_examples() {
    for arguments in [&["--help"][..], &["serve", "--help"], &["check", "--help"], &["demo", "--help"]] {
        let ended = run(arguments).await;

        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert!(ended.stdout.contains("Examples:") && ended.stdout.contains("cloakroom "), "{ended:?}");
    }
    assert!(run(&["--version"]).await.stdout.starts_with("cloakroom 0."));
}
