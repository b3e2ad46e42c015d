//! A search for what must not be found: tokens, tickets, verifiers and secrets in logs, in the store, in the browser.

use std::{
    fs, io,
    sync::{Arc, Mutex, PoisonError},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use cloakroom::{clock::Clock, session::store::sqlite::SqliteStore};
use testkit::{
    Ask, HandClock,
    authorization_server::{IdTokenDefect, Trouble},
    resource_server::Behaviour,
};
use tracing_subscriber::{filter::LevelFilter, fmt::MakeWriter};

use crate::{
    store_conformance::SqliteHarness,
    world::{EVIL, Operation, Plan, World},
};

#[tokio::test]
async fn no_secret_is_found_where_it_does_not_belong() {
    let log = Log::default();
    // With one subscriber alone, a thread without it could decide for all that nothing is to be logged.
    let _second = tracing::Dispatch::new(tracing_subscriber::registry());
    let writer = tracing_subscriber::fmt().with_max_level(LevelFilter::TRACE).with_ansi(false).with_writer(log.clone());
    let _logging = tracing::subscriber::set_default(writer.finish());
    let folder = SqliteHarness::default();
    let (world, mut places) = world_on_disk(&folder).await;

    let tickets = live_through_everything(&world, &folder, &mut places).await;

    places.push(("the log".to_owned(), log.bytes()));
    places.push((
        "debug output".to_owned(),
        format!("{:?} {:?}", world.node.bff, world.store.records().await).into_bytes(),
    ));
    let tokens = world.authorization_server.secrets();
    let traces: Vec<Needle> = tokens.iter().flat_map(|token| needles_of_token(token)).collect();
    let ticket_traces: Vec<Needle> = tickets.iter().flat_map(|ticket| needles_of_ticket(ticket)).collect();
    for (place, haystack) in &places {
        assert_none(&traces, place, haystack);
        assert_none(&ticket_traces, place, haystack);
    }
    // The browser is given codes and tickets, each in its own place, and nothing else.
    let kept_from_browsers: Vec<Needle> =
        traces.into_iter().filter(|needle| !needle.name.starts_with("code-")).collect();
    assert_none(&kept_from_browsers, "the browser", &world.browser.seen());
    // The search finds what is there.
    assert!(tokens.len() > 15 && tickets.len() == 3, "{} tokens, {} tickets", tokens.len(), tickets.len());
    assert!(contains(&log.bytes(), b"session started") && contains(&log.bytes(), b"DEBUG"));
    assert!(tickets.iter().all(|ticket| contains(&world.browser.seen(), ticket.as_bytes())));
    let keys: Vec<_> = world.store.records().await.iter().map(|record| record.key.0).collect();
    assert!(
        places
            .iter()
            .any(|(place, bytes)| place.contains("sessions.db") && keys.iter().any(|key| contains(bytes, key)))
    );
}

type Place = (String, Vec<u8>);

async fn world_on_disk(folder: &SqliteHarness) -> (World, Vec<Place>) {
    let clock = Arc::<HandClock>::default();
    let store = SqliteStore::open(&folder.path(), Arc::clone(&clock) as Arc<dyn Clock>).expect("the store opens");
    (World::with(Plan { store: Some(Arc::new(store)), clock, ..Plan::default() }).await, Vec::new())
}

/// Logins good and bad, calls, refreshes good and bad, logouts. Returns the tickets that were given out.
async fn live_through_everything(world: &World, folder: &SqliteHarness, places: &mut Vec<Place>) -> Vec<String> {
    for defect in [IdTokenDefect::Nonce, IdTokenDefect::Signature, IdTokenDefect::AccessTokenHash] {
        world.authorization_server.script().id_token = defect;
        world.browser.open(world.url("/auth/login")).await;
    }
    world.authorization_server.script().id_token = IdTokenDefect::None;
    for trouble in [Trouble::InvalidGrant, Trouble::Html, Trouble::AnswerLost] {
        world.authorization_server.script().redemption_troubles.push_back(trouble);
        world.browser.open(world.url("/auth/login")).await;
    }
    // An echo would tell the browser what only the resource server may know.
    world.resource_server.answer_always(Behaviour::Raw(b"HTTP/1.1 204 No Content\r\n\r\n".to_vec()));
    let callback = world.callback_of(&world.browser, "/auth/login").await;
    world.arrive(&callback.with_parameter("state", "forged")).await;
    world.arrive(&callback).await;
    world.arrive(&callback).await;
    let mut tickets = vec![world.ticket().expect("the browser is signed in")];

    world.get("/api").await;
    world.browser.send(Ask::form(EVIL, world.url("/app"), &[])).await;
    let commit = world.store.hold_once(Operation::Commit);
    world.clock.advance_seconds(240);
    world.get("/api").await;
    commit.reached().await;
    // A refresh token is in flight, in escrow.
    look_at_disk(folder, places);
    commit.open();
    world.settle().await;
    for trouble in [Trouble::TooMany(1), Trouble::Status(500)] {
        world.authorization_server.script().refresh_troubles.push_back(trouble);
        world.clock.advance_seconds(240);
        world.get("/api").await;
        world.settle().await;
        world.clock.advance_seconds(50);
        world.get("/api").await;
        world.settle().await;
    }
    look_at_disk(folder, places);
    world.browser.send(Ask::link(world.url("/"), world.url("/auth/login?prompt=login"))).await;
    tickets.push(world.ticket().expect("the browser is signed in"));
    world.get("/auth/csrf").await;
    world.browser.send(world.post("/auth/logout")).await;
    world.settle().await;
    world.browser.open(world.url("/auth/login")).await;
    tickets.push(world.ticket().expect("the browser is signed in"));
    world.authorization_server.refuse_next_refresh();
    world.clock.advance_seconds(295);
    world.get("/api").await;
    world.settle().await;
    look_at_disk(folder, places);
    tickets
}

fn look_at_disk(folder: &SqliteHarness, places: &mut Vec<Place>) {
    for entry in fs::read_dir(folder.folder.path()).expect("the folder is there") {
        let path = entry.expect("the folder can be listed").path();
        places.push((path.display().to_string(), fs::read(&path).expect("the file can be read")));
    }
}

struct Needle {
    name: String,
    bytes: Vec<u8>,
}

impl Needle {
    fn new(name: &str, bytes: impl Into<Vec<u8>>) -> Self {
        Self { name: name.to_owned(), bytes: bytes.into() }
    }
}

/// As it is, in parts where it has parts, and as text within text.
fn needles_of_token(token: &str) -> Vec<Needle> {
    let mut needles = vec![
        Needle::new(token, token),
        Needle::new(token, format!("{:?}", token.as_bytes()).trim_matches(['[', ']'])),
        Needle::new(token, URL_SAFE_NO_PAD.encode(token)),
    ];
    if let [_, claims, signature] = token.split('.').collect::<Vec<_>>()[..] {
        needles.extend([Needle::new(token, claims), Needle::new(token, signature)]);
    }
    needles.retain(|needle| !needle.bytes.is_empty());
    needles
}

/// As it is, and its selector and secret in any form.
fn needles_of_ticket(ticket: &str) -> Vec<Needle> {
    let bytes = URL_SAFE_NO_PAD.decode(ticket).expect("a ticket is base64url");
    let parts = [&bytes[4..20], &bytes[20..52]];
    let mut needles = vec![Needle::new("ticket", ticket)];
    for part in parts {
        needles.push(Needle::new("ticket, raw", part));
        needles.push(Needle::new("ticket, hex", hex(part)));
        needles.push(Needle::new("ticket, debug", format!("{part:?}")));
    }
    needles
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

#[track_caller]
fn assert_none(needles: &[Needle], place: &str, haystack: &[u8]) {
    for needle in needles {
        assert!(!contains(haystack, &needle.bytes), "{} is in {place}", needle.name);
    }
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    let first = needle[0];
    let starts = haystack.iter().enumerate().filter(|(_, byte)| **byte == first);
    starts.into_iter().any(|(start, _)| haystack[start..].starts_with(needle))
}

/// Everything that was logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn bytes(&self) -> Vec<u8> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}
