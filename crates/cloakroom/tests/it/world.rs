//! A small world around one token handler: real sockets, partners that do what they are told, and time that stands still.

#![expect(clippy::unwrap_used, reason = "tests call these, and fail where one fails")]

mod flaky_store;
mod plan;

use std::{
    fmt::Write as _,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use cloakroom::{
    bff::Bff,
    clock::Clock,
    cookie,
    keys::KeyRing,
    random::{Random, SystemRandom},
    session::{
        record::{EndReason, Record, Status},
        store::{SessionStore, memory::MemoryStore},
    },
    settings::Settings,
};
use http::Method;
use testkit::{
    Answer, Ask, AuthorizationServer, Browser, HandClock, ResourceServer, Server, Url,
    raw::{self, RawAnswer},
    server::{Answering, Bound},
};
use tokio::runtime::Runtime;

pub(crate) use self::{
    flaky_store::{FlakyStore, Operation},
    plan::{BODY_LIMIT, Plan, SECOND_SERVER},
};

/// Another site, as hostile as can be.
pub(crate) const EVIL: &str = "https://evil.test/";

/// Everything around a token handler.
pub(crate) struct World {
    pub(crate) clock: Arc<HandClock>,
    pub(crate) authorization_server: AuthorizationServer,
    pub(crate) resource_server: ResourceServer,
    pub(crate) store: Arc<FlakyStore>,
    pub(crate) browser: Browser,
    pub(crate) node: Node,
    origin: String,
    other_origin: String,
    plan: Plan,
    seed: Seed,
}

/// One process of the token handler.
pub(crate) struct Node {
    pub(crate) bff: Arc<Bff>,
    server: Server,
}

impl World {
    /// A world in which nobody is signed in.
    pub(crate) async fn new() -> Self {
        Self::with(Plan::default()).await
    }

    /// A world in which the browser is signed in.
    pub(crate) async fn with_signed_in_browser() -> Self {
        Self::signed_in(Plan::default()).await
    }

    /// A world of one's own in which the browser is signed in.
    pub(crate) async fn signed_in(plan: Plan) -> Self {
        let world = Self::with(plan).await;
        world.sign_in().await;
        world
    }

    /// A world of one's own.
    pub(crate) async fn with(plan: Plan) -> Self {
        let clock = Arc::clone(&plan.clock);
        let authorization_server = AuthorizationServer::start(Arc::clone(&clock)).await;
        let resource_server = ResourceServer::start().await;
        let store = plan.store.clone().unwrap_or_else(|| Arc::new(MemoryStore::new(as_clock(&clock))));
        let store = Arc::new(FlakyStore::new(store));
        let (bound, seed) = (Bound::new().await, Seed::new());
        let (origin, other_origin) = plan::origins(bound.address());
        let settings = plan::settings(&plan, &authorization_server, &resource_server, bound.address());
        let node = Node::start(bound, build(settings, &seed, &store, &clock));
        let browser = Browser::new(Arc::clone(&clock));
        Self { clock, authorization_server, resource_server, store, browser, node, origin, other_origin, plan, seed }
    }

    /// A second process with the same settings, keys and store.
    pub(crate) async fn add_node(&self) -> Node {
        self.node_in_the_making().await
    }

    /// The same on a runtime of its own, to be stopped dead.
    pub(crate) async fn add_node_on(&self, runtime: &Runtime) -> Node {
        runtime.spawn(self.node_in_the_making()).await.unwrap()
    }

    fn node_in_the_making(&self) -> impl Future<Output = Node> + Send + use<> {
        let settings =
            plan::settings(&self.plan, &self.authorization_server, &self.resource_server, self.node.address());
        let bff = build(settings, &self.seed, &self.store, &self.clock);
        async { Node::start(Bound::new().await, bff) }
    }

    /// Stops the process and starts it again, with the store that is opened once nothing of the old one is left.
    #[cfg(feature = "sqlite")]
    pub(crate) async fn restart_on(mut self, open: impl FnOnce() -> Arc<dyn SessionStore>) -> Self {
        let settings =
            plan::settings(&self.plan, &self.authorization_server, &self.resource_server, self.node.address());
        let bound = Bound::new().await;
        self.browser.connect_to(bound.address());
        self.node.server.close().await;
        let old = (self.store, self.node, self.plan.store.take());
        drop(old);
        let store = Arc::new(FlakyStore::new(open()));
        let node = Node::start(bound, build(settings, &self.seed, &store, &self.clock));
        Self { store, node, ..self }
    }

    /// The absolute URL of a path on the frontend.
    pub(crate) fn url(&self, path: &str) -> Url {
        Url::parse(&format!("{}{path}", self.origin))
    }

    /// The same on the other frontend, which has the same routes and another host.
    pub(crate) fn other_url(&self, path: &str) -> Url {
        Url::parse(&format!("{}{path}", self.other_origin))
    }

    /// The frontend's origin.
    pub(crate) fn origin(&self) -> &str {
        &self.origin
    }

    /// The frontend's host and port.
    pub(crate) fn host(&self) -> String {
        self.url("/").authority().to_owned()
    }

    /// Signs the browser in, as its user does.
    pub(crate) async fn sign_in(&self) {
        let landed = self.browser.open(self.url("/auth/login?return_to=/")).await;
        assert_eq!((landed.url.path(), landed.status.as_u16()), ("/", 200), "{}", landed.text());
        assert!(self.ticket().is_some());
    }

    /// Begins a login and stops where the authorization server sends the browser back to.
    pub(crate) async fn callback_of(&self, browser: &Browser, login: &str) -> Url {
        let begun = browser.send(Ask::typed(self.url(login)).without_following()).await;
        let location = begun.header("location").unwrap_or_else(|| panic!("no login began: {}", begun.text()));
        let approved = browser.send(Ask::typed(location).without_following()).await;
        Url::parse(&approved.header("location").expect("the authorization server sends the browser back"))
    }

    /// Has the browser arrive at a callback URL, from the authorization server, without going on from there.
    pub(crate) async fn arrive(&self, callback: &Url) -> Answer {
        let from = format!("{}/authorize", self.authorization_server.issuer());
        self.browser.send(Ask::link(from, callback).without_following()).await
    }

    /// Our own page calls the API.
    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.browser.send(self.fetch(path)).await
    }

    /// A call by our own page, to be changed before it is sent.
    pub(crate) fn fetch(&self, path: &str) -> Ask {
        Ask::fetch(self.url("/"), self.url(path))
    }

    /// A POST by our own page.
    pub(crate) fn post(&self, path: &str) -> Ask {
        self.fetch(path).method(Method::POST)
    }

    /// A request exactly as written, with `Host`, and with whatever else makes it complete.
    pub(crate) async fn raw(&self, method_and_target: &str, headers: &[(&str, &str)], body: &str) -> RawAnswer {
        let mut request = format!("{method_and_target} HTTP/1.1\r\nConnection: close\r\n");
        if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
            write!(request, "Host: {}\r\n", self.host()).unwrap();
        }
        if !body.is_empty() {
            write!(request, "Content-Length: {}\r\n", body.len()).unwrap();
        }
        for (name, value) in headers {
            write!(request, "{name}: {value}\r\n").unwrap();
        }
        write!(request, "\r\n{body}").unwrap();
        raw::exchange(self.node.address(), request.as_bytes()).await
    }

    /// The `Cookie` header with the browser's ticket.
    pub(crate) fn cookie(&self) -> String {
        format!("theme=dark; {}={}", cookie::SESSION, self.ticket().unwrap_or_default())
    }

    /// What `GET session` says, without counting as use.
    pub(crate) async fn session(&self) -> serde_json::Value {
        let answer = self.get("/auth/session?touch=0").await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    }

    /// Whether the browser is signed in, as far as `GET session` knows.
    pub(crate) async fn is_signed_in(&self) -> bool {
        self.session().await["authenticated"] == true
    }

    /// The ticket in the browser.
    pub(crate) fn ticket(&self) -> Option<String> {
        self.browser.cookie(cookie::SESSION)
    }

    /// The one session record there is.
    pub(crate) async fn record(&self) -> Record {
        let mut records = self.store.records().await;
        assert_eq!(records.len(), 1, "{records:?}");
        records.remove(0)
    }

    /// How many sessions can be used.
    pub(crate) async fn session_count(&self) -> usize {
        self.store.records().await.iter().filter(|record| record.status == Status::Active).count()
    }

    /// Why each session ended that has.
    pub(crate) async fn end_reasons(&self) -> Vec<EndReason> {
        let ended = self.store.records().await.into_iter().filter_map(|record| match record.status {
            Status::Active => None,
            Status::Dead { reason, .. } | Status::Revoked { reason, .. } => Some(reason),
        });
        ended.collect()
    }

    /// Lets time pass, as slowly as it really does, until this is done.
    pub(crate) async fn while_time_passes<T>(&self, work: impl Future<Output = T>) -> T {
        let ticking = async {
            loop {
                tokio::time::sleep(Duration::from_millis(10)).await;
                self.clock.advance(Duration::from_millis(10));
            }
        };
        tokio::select! {
            done = work => done,
            () = ticking => unreachable!("time never ends"),
        }
    }

    /// Lets the work end that no request waits for.
    pub(crate) async fn settle(&self) {
        self.node.bff.stop(Duration::from_secs(5)).await;
    }
}

impl Node {
    fn start(bound: Bound, bff: Arc<Bff>) -> Self {
        let answering: Answering = {
            let bff = Arc::clone(&bff);
            Arc::new(move |request| {
                let bff = Arc::clone(&bff);
                Box::pin(async move { bff.answer(request).await })
            })
        };
        Self { bff, server: bound.serve(answering) }
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.server.address()
    }
}

/// The same random bytes for every node, as long as they are asked for a key ring.
struct Seed(Mutex<u8>);

impl Seed {
    fn new() -> Self {
        let mut seed = [0];
        SystemRandom.fill(&mut seed);
        Self(Mutex::new(seed[0]))
    }

    fn key_ring(&self) -> KeyRing {
        KeyRing::generate(self)
    }
}

impl Random for Seed {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(*self.0.lock().expect("nobody panics with the seed"));
    }
}

fn as_clock(clock: &Arc<HandClock>) -> Arc<dyn Clock> {
    Arc::clone(clock) as Arc<dyn Clock>
}

fn build(settings: Settings, seed: &Seed, store: &Arc<FlakyStore>, clock: &Arc<HandClock>) -> Arc<Bff> {
    let store = Arc::clone(store) as Arc<dyn SessionStore>;
    let builder = Bff::builder(settings, seed.key_ring(), store).clock(as_clock(clock));
    builder.build().expect("the settings of the test world are good")
}
