use std::{
    net::Ipv4Addr,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use aws_lc_rs::{
    encoding::{AsDer as _, Pkcs8V1Der},
    rsa::{KeyPair, KeySize},
};
use axum::body::Body;
use cloakroom::clock::Clock;
use http::StatusCode;
use protocol::{Issuer, SigningKey, Timestamp};
use tower_service::Service as _;

use super::*;
use crate::{
    demo::loopback::LoopbackClient,
    listener::{self, Limits},
    stop::Stop,
    tasks,
};

/// An issuer that serves the keys it is told to, and an API that believes it.
struct World {
    issuer: Issuer,
    api: Router,
    published: Arc<Mutex<Vec<Value>>>,
    clock: Arc<HandClock>,
}

struct HandClock(AtomicU64);

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_seconds(1_000_000) + self.monotonic()
    }

    fn monotonic(&self) -> Duration {
        Duration::from_secs(self.0.load(Ordering::Relaxed))
    }
}

fn signing_key(id: &str) -> SigningKey {
    let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
    let pkcs8: Pkcs8V1Der<'_> = pair.as_der().unwrap();
    SigningKey::rs256_from_pkcs8(id.to_owned(), pkcs8.as_ref()).unwrap()
}

impl World {
    async fn publishing(key: &SigningKey) -> Self {
        let socket = listener::bind((Ipv4Addr::LOCALHOST, 0).into(), "").await.unwrap();
        let url = format!("http://{}", socket.local_addr().unwrap());
        let published = Arc::new(Mutex::new(vec![key.public_jwk()]));
        let (metadata, keys) = (metadata(&url), Arc::clone(&published));
        let app = Router::new()
            .route("/.well-known/openid-configuration", get(async move || Json(metadata)))
            .route("/jwks", get(async move || Json(json!({ "keys": *keys.lock().unwrap() }))));
        tasks::spawn(listener::serve(vec![socket], Limits::for_one_peer(8), app, Stop::never()));
        let issuer = Issuer::parse(&url).unwrap();
        let clock = Arc::new(HandClock(AtomicU64::new(0)));
        let verifier = Verifier::new(issuer.clone(), LoopbackClient::new(), Arc::clone(&clock) as Arc<dyn Clock>);
        Self { issuer, api: router(Arc::new(verifier)), published, clock }
    }

    /// Claims of a token that is good, with these changes.
    fn claims(&self, changes: &Value) -> Value {
        let mut claims = json!({
            "iss": self.issuer.as_str(), "aud": AUDIENCE, "sub": "alice", "client_id": "app", "jti": "1",
            "iat": 999_990, "exp": 1_000_300, "scope": "openid profile invoices",
        });
        let (claims_map, changes) = (claims.as_object_mut().unwrap(), changes.as_object().unwrap().clone());
        claims_map.extend(changes);
        claims
    }

    async fn call(&self, request: http::request::Builder, body: &str) -> (StatusCode, HeaderMap, Value) {
        let request = request.header("content-type", "application/json").body(Body::from(body.to_owned())).unwrap();
        let (head, body) = self.api.clone().call(request).await.unwrap().into_parts();
        let body = axum::body::to_bytes(body, 64 * 1024).await.unwrap();
        (head.status, head.headers, serde_json::from_slice(&body).unwrap_or(Value::Null))
    }

    async fn invoices(&self, token: &str) -> (StatusCode, HeaderMap, Value) {
        self.call(Request::get("/api/invoices").header("authorization", format!("Bearer {token}")), "").await
    }
}

fn metadata(url: &str) -> Value {
    json!({
        "issuer": url, "authorization_endpoint": format!("{url}/authorize"), "token_endpoint": format!("{url}/token"),
        "jwks_uri": format!("{url}/jwks"),
    })
}

#[tokio::test]
async fn a_good_token_reads_and_adds_invoices_of_its_subject_only() {
    let key = signing_key("1");
    let world = World::publishing(&key).await;
    let token = |subject| key.sign("at+jwt", &world.claims(&json!({ "sub": subject }))).unwrap();
    let (alice, bob) = (token("alice"), token("bob"));

    let post = Request::post("/api/invoices").header("authorization", format!("bearer {alice}"));
    let added = world.call(post, r#"{"customer": "Dormouse", "amount_cents": 1}"#).await;

    assert_eq!(added.0, StatusCode::CREATED);
    assert_eq!(world.invoices(&alice).await.2["invoices"].as_array().unwrap().len(), 4);
    assert_eq!(world.invoices(&bob).await.2["invoices"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn without_a_token_the_challenge_names_no_error() {
    let world = World::publishing(&signing_key("1")).await;

    let (status, headers, _) = world.call(Request::get("/api/whoami"), "").await;

    assert_eq!(status, StatusCode::UNAUTHORIZED);
    assert_eq!(headers["www-authenticate"], r#"Bearer realm="sample-api""#);
}

#[tokio::test]
async fn a_token_that_is_wrong_in_any_way_is_refused() {
    let key = signing_key("1");
    let world = World::publishing(&key).await;
    let wrong = [
        ("audience", key.sign("at+jwt", &world.claims(&json!({ "aud": "https://other.example" })))),
        ("issuer", key.sign("at+jwt", &world.claims(&json!({ "iss": "https://other.example" })))),
        ("expiry", key.sign("at+jwt", &world.claims(&json!({ "exp": 999_999 })))),
        ("type", key.sign("JWT", &world.claims(&json!({})))),
        ("signature", signing_key("1").sign("at+jwt", &world.claims(&json!({})))),
        ("key", signing_key("2").sign("at+jwt", &world.claims(&json!({})))),
        ("everything", Ok("eyJ.eyJ.x".to_owned())),
    ];

    for (what, token) in wrong {
        let (status, headers, _) = world.invoices(&token.unwrap()).await;

        assert_eq!(status, StatusCode::UNAUTHORIZED, "{what}");
        assert_eq!(headers["www-authenticate"], r#"Bearer realm="sample-api", error="invalid_token""#, "{what}");
    }
}

#[tokio::test]
async fn a_token_without_the_scope_is_refused_with_what_is_missing() {
    let key = signing_key("1");
    let world = World::publishing(&key).await;
    let token = key.sign("at+jwt", &world.claims(&json!({ "scope": "openid email" }))).unwrap();

    let (status, headers, _) = world.invoices(&token).await;

    assert_eq!(status, StatusCode::FORBIDDEN);
    let challenge = headers["www-authenticate"].to_str().unwrap();
    assert!(
        challenge.contains("insufficient_scope") && challenge.contains(&format!("scope=\"{SCOPE}\"")),
        "{challenge}"
    );
}

#[tokio::test]
async fn a_new_key_of_the_issuer_is_fetched_but_not_at_every_token() {
    let (old, new) = (signing_key("1"), signing_key("2"));
    let world = World::publishing(&old).await;
    let sign = |key: &SigningKey| key.sign("at+jwt", &world.claims(&json!({}))).unwrap();
    assert_eq!(world.invoices(&sign(&old)).await.0, StatusCode::OK);
    world.published.lock().unwrap().push(new.public_jwk());

    let at_once = world.invoices(&sign(&new)).await.0;
    world.clock.0.fetch_add(11, Ordering::Relaxed);
    let later = world.invoices(&sign(&new)).await.0;

    assert_eq!(at_once, StatusCode::UNAUTHORIZED);
    assert_eq!(later, StatusCode::OK);
}

#[tokio::test]
async fn what_the_api_sees_is_told() {
    let key = signing_key("1");
    let world = World::publishing(&key).await;
    let token = key.sign("at+jwt", &world.claims(&json!({}))).unwrap();
    let whoami = || Request::get("/api/whoami").header("authorization", format!("Bearer {token}"));

    let (_, _, without) = world.call(whoami(), "").await;
    let (_, _, with) = world.call(whoami().header("cookie", "a=b"), "").await;

    assert_eq!((&without["sub"], &without["token_expires_in_seconds"]), (&json!("alice"), &json!(300)));
    assert_eq!((&without["cookie_arrived"], &with["cookie_arrived"]), (&json!(false), &json!(true)));
}

#[tokio::test]
async fn invoices_are_bounded_in_number_and_content() {
    let key = signing_key("1");
    let world = World::publishing(&key).await;
    let token = key.sign("at+jwt", &world.claims(&json!({}))).unwrap();
    let post = || Request::post("/api/invoices").header("authorization", format!("Bearer {token}"));

    for refused in [
        r#"{"customer": "", "amount_cents": 1}"#,
        r#"{"customer": "A", "amount_cents": 0}"#,
        r#"{"customer": "A"}"#,
        "{",
    ] {
        assert!(world.call(post(), refused).await.0.is_client_error(), "{refused}");
    }
    for _ in 0..30 {
        world.call(post(), r#"{"customer": "A", "amount_cents": 1}"#).await;
    }

    let invoices = world.invoices(&token).await.2["invoices"].as_array().unwrap().clone();
    assert_eq!((invoices.len(), &invoices[19]["number"]), (20, &json!(33)));
}
