use std::time::Duration;

use cloakroom::route::{Access, Kind};

use super::*;

const GOOD: &str = r#"
[listen]
address = "127.0.0.1:8080"
[store]
path = "sessions.db"
[keys]
path = "/keys.json"
[[frontends]]
name = "app"
origin = "http://localhost:8080"
lifetimes.idle = "10m"
[[frontends.routes]]
path = "/api"
kind = "api"
upstream = "http://127.0.0.1:9000"
body_limit = "1MiB"
[[authorization_servers]]
name = "main"
issuer = "https://login.example.com"
client_id = "app"
client_authentication = "none"
"#;

fn load_text(text: &str) -> Result<Config, String> {
    parse(Path::new("/etc/cloakroom/c.toml"), text).map_err(|error| plain(&error.to_string()))
}

/// The report for `GOOD` with one change.
fn report_after(from: &str, to: &str) -> String {
    assert!(GOOD.contains(from), "{from}");
    load_text(&GOOD.replacen(from, to, 1)).unwrap_err()
}

fn write_private(file: &Path, text: &str) {
    fs::write(file, text).unwrap();
    #[cfg(unix)]
    fs::set_permissions(file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
}

/// Without colours.
fn plain(text: &str) -> String {
    anstream::adapter::strip_str(text).to_string()
}

#[test]
fn a_small_configuration_becomes_settings_with_safe_defaults() {
    let config = load_text(GOOD).unwrap();

    let frontend = &config.settings.frontends[0];
    let route = &frontend.routes[0];
    assert_eq!(config.listen.address.port(), 8080);
    assert_eq!(config.store, Path::new("/etc/cloakroom/sessions.db"));
    assert_eq!(config.key_ring, Path::new("/keys.json"));
    assert_eq!(frontend.authorization_servers, ["main"]);
    assert_eq!(frontend.lifetimes.idle, Duration::from_secs(600));
    assert_eq!(frontend.lifetimes.absolute, Duration::from_secs(12 * 3600));
    assert_eq!((route.access, route.kind, route.body_limit), (Access::Session, Kind::Api, 1 << 20));
    assert_eq!(config.settings.authorization_servers[0].scope, "openid profile");
}

#[test]
fn an_unknown_key_is_shown_with_the_nearest_known_one() {
    let report = report_after("origin =", "orgin =");

    assert!(report.contains("unknown key `orgin` in `frontends[0]`"), "{report}");
    assert!(report.contains("/etc/cloakroom/c.toml:10:1"), "{report}");
    assert!(report.contains("^^^^^ did you mean `origin`?"), "{report}");
    assert!(report.contains("`frontends[0]` has no `origin`"), "{report}");
}

#[test]
fn every_problem_is_reported_at_once_and_in_the_order_of_the_file() {
    let text = GOOD.replace("127.0.0.1:8080", "localhost").replace("\"api\"", "\"apis\"").replace("10m", "10");

    let report = load_text(&text).unwrap_err();

    let places = ["`listen.address`", "`frontends[0].lifetimes.idle`", "`frontends[0].routes[0].kind`"];
    let found = places.map(|place| report.find(place).unwrap_or_else(|| panic!("{place} in {report}")));
    assert!(found.is_sorted(), "{report}");
}

#[test]
fn a_value_of_another_type_says_what_was_found() {
    let report = report_after("\"10m\"", "600");

    assert!(report.contains("must be a text in quotes, found a whole number"), "{report}");
}

#[test]
fn a_contradiction_is_shown_where_it_stands() {
    let report = report_after("\"10m\"", "\"20h\"");

    assert!(report.contains("`frontends[0].lifetimes.idle` cannot be used"), "{report}");
    assert!(report.contains("11 | lifetimes.idle = \"20h\""), "{report}");
}

#[test]
fn https_needs_somebody_who_speaks_tls() {
    let report = report_after("http://localhost:8080", "https://app.example.com");
    let terminated = GOOD
        .replace("http://localhost:8080", "https://app.example.com")
        .replace("[store]", "tls = \"terminated\"\n[store]");

    assert!(report.contains("tls = \"terminated\""), "{report}");
    assert!(load_text(&terminated).is_ok());
}

#[test]
fn plain_http_is_for_this_machine_only() {
    let report = report_after("http://localhost:8080", "http://app.example.com");

    assert!(report.contains("only localhost may use it"), "{report}");
}

#[test]
fn a_secret_in_the_file_is_refused_and_not_repeated() {
    for key in ["client_secret", "client_secrets", "password"] {
        let report = report_after("client_authentication = \"none\"", &format!("{key} = \"hunter2-hunter2\""));

        assert!(report.contains("secrets do not stand in the configuration"), "{report}");
        assert!(report.contains("client_secret_file"), "{report}");
        assert!(!report.contains("hunter2"), "{report}");
    }
}

#[test]
fn a_secret_that_breaks_the_syntax_is_not_repeated_either() {
    let report = report_after("client_authentication = \"none\"", "client_secret = \"hunter2");

    assert!(report.contains("this is not TOML"), "{report}");
    assert!(!report.contains("hunter2"), "{report}");
}

#[test]
fn no_layout_of_a_secret_is_printed() {
    let above = GOOD.split("[[authorization_servers]]").next().unwrap();
    let section = "[[authorization_servers]]\nname = \"main\"\nissuer = \"https://login.example.com\"\n";
    let inline = [
        "authorization_servers = [{ name = \"main\", oops = 1, client_secret = \"hunter2\", kind = 1 }]\n",
        "authorization_servers = [\n{ name = 1, # client_secret = 'hunter2'\nclient_secret\n=\n'hunter2' },\n]\n",
    ];
    let layouts = [
        "client_secret = \"hunter2\"; oops = 1",
        "\"client_secret\" = 'hunter2'\noops = 1",
        "\"client\\u005fsecr\\u0065t\" = 'hunter2'",
        "oops = 1\nclient_secret = \"\"\"\nx\nhunter2\"\"\"",
        "client_secret = '''\nhunter2\n'''\noops",
        "client_secret = \"\"\"\nhunter2 \\q\"\"\"",
        "client_secret = [\n'x',\n'hunter2']",
        "client_secret.value = 'hunter2'",
        "client_secret = { hunter2 = \"hunter2\" }",
        "[authorization_servers.client_secret]\nvalue = 'hunter2'",
        "oops = 1 # client_secret: hunter2",
        "client_secret: hunter2",
        "client_secret = hunter2",
        "client_secret =\n\"hunter2\"",
        "client_secret = 'x'\nclient_secret = 'hunter2'",
        "password\t=\t'hunter2' oops",
    ];
    let inline = inline.map(|layout| format!("{layout}{above}"));
    let texts = inline.into_iter().chain(layouts.map(|layout| format!("{above}{section}{layout}\n")));

    for text in texts {
        for end in 0..=text.len() {
            let Err(report) = load_text(&text[..end]) else { continue };

            assert!(!report.contains("unter"), "{text}\n{report}");
        }
        assert!(load_text(&text).is_err(), "{text}");
    }
}

#[test]
fn a_confidential_client_needs_exactly_one_place_for_its_secret() {
    let none = report_after("client_authentication = \"none\"", "");
    let both =
        report_after("client_authentication = \"none\"", "client_secret_file = \"a\"\nclient_secret_env = \"B\"");
    let gone = report_after("client_authentication = \"none\"", "client_secret_file = \"not-there\"");
    let unset = report_after("client_authentication = \"none\"", "client_secret_env = \"CLOAKROOM_TEST_UNSET\"");
    let useless = report_after("\"none\"", "\"none\"\nclient_secret_file = \"a\"");

    assert!(none.contains("has no `client_secret_file`"), "{none}");
    assert!(both.contains("which one counts?"), "{both}");
    assert!(gone.contains("/etc/cloakroom/not-there cannot be read"), "{gone}");
    assert!(unset.contains("CLOAKROOM_TEST_UNSET is not set"), "{unset}");
    assert!(useless.contains("a public client has no secret"), "{useless}");
}

#[test]
fn a_secret_file_is_read_without_its_last_newline() {
    let file = std::env::temp_dir().join(format!("cloakroom-client-secret-{}", std::process::id()));
    write_private(&file, "a secret of its own\n");
    let named = format!("client_secret_file = {file:?}");

    let config = load_text(&GOOD.replace("client_authentication = \"none\"", &named)).unwrap();

    let authentication = &config.settings.authorization_servers[0].client.authentication;
    let protocol::ClientAuthentication::SecretBasic(secret) = authentication else { panic!("{authentication:?}") };
    assert_eq!(secret.expose(), "a secret of its own");
    fs::remove_file(file).unwrap();
}

#[cfg(unix)]
#[test]
fn a_secret_file_that_others_can_read_is_refused() {
    use std::os::unix::fs::PermissionsExt as _;
    let file = std::env::temp_dir().join(format!("cloakroom-open-secret-{}", std::process::id()));
    write_private(&file, "a secret of its own\n");
    let text = GOOD.replace("client_authentication = \"none\"", &format!("client_secret_file = {file:?}"));
    let with_mode = |mode| {
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        load_text(&text)
    };

    assert!(with_mode(0o600).is_ok() && with_mode(0o400).is_ok());
    for mode in [0o644, 0o640, 0o620, 0o601] {
        let report = with_mode(mode).unwrap_err();
        assert!(report.contains("can be read by others") && report.contains("chmod 600"), "{report}");
        assert!(!report.contains("of its own"), "{report}");
    }
    fs::remove_file(file).unwrap();
}

#[test]
fn tokens_in_plain_http_to_another_machine_are_warned_of() {
    let warnings = |upstream: &str, kind: &str| {
        let text = GOOD.replace("http://127.0.0.1:9000", upstream).replace("\"api\"", &format!("{kind:?}"));
        load_text(&text).unwrap().warnings
    };

    for exposed in ["http://10.0.0.5", "http://api", "http://api.example.com:9000/x", "http://[fd00::1]:80"] {
        let [warning] = &warnings(exposed, "api")[..] else { panic!("{exposed}") };
        assert!(warning.sentence.contains("`frontends[0].routes[0].upstream`"), "{warning:?}");
        assert!(warning.sentence.contains("unencrypted") && !warning.sentence.contains('\n'), "{warning:?}");
        assert!(plain(&warning.report).contains("c.toml:15:12"), "{warning:?}");
        assert_eq!(warnings(exposed, "page").len(), 1);
        assert_eq!(warnings(exposed, "public").len(), 0, "carries no token");
    }
    for fine in ["http://127.0.0.1:1", "http://127.1.2.3", "http://[::1]:1", "http://LOCALHOST:1", "https://10.0.0.5"] {
        assert_eq!(warnings(fine, "api").len(), 0, "{fine}");
    }
}

#[test]
fn a_missing_table_is_named() {
    let report = report_after("[keys]\npath = \"/keys.json\"\n", "");

    assert!(report.contains("the file has no `[keys]`"), "{report}");
}

#[test]
fn a_file_that_is_not_there_points_to_the_way_out() {
    let error = load(Path::new("/nowhere/cloakroom.toml")).unwrap_err().to_string();

    assert!(error.contains("/nowhere/cloakroom.toml") && error.contains("--config FILE"), "{error}");
}

#[test]
fn the_example_loads() {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/cloakroom.toml");
    let text = fs::read_to_string(&example).unwrap();
    let secret = "client_secret_file = \"client-secret\"";
    assert!(text.contains(secret));

    let config = parse(&example, &text.replace(secret, "client_authentication = \"none\""));

    let config = config.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(config.settings.frontends.len(), 1);
}

#[test]
fn no_text_makes_the_reader_panic() {
    for end in 0..GOOD.len() {
        let _ = load_text(&GOOD[..end]);
    }
    for wrong in [
        "frontends = 1",
        "frontends = [1]",
        "[frontends]",
        "listen = []",
        "authorization_servers = [{name = 1}]",
        "\u{feff}",
    ] {
        assert!(load_text(wrong).is_err(), "{wrong}");
    }
}
