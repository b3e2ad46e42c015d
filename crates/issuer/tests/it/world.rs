//! A login server with one account and two clients, a browser, and a clock that moves by hand.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU32, Ordering},
    },
    time::Duration,
};

use axum::{Router, body::Body};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use cloakroom_issuer::{Clock, LoginServer, Profile, RegisteredClient, Settings};
use http::{Request, Response, header};
use http_body_util::BodyExt as _;
use protocol::{
    AuthorizationOutcome, AuthorizationServerMetadata, Client, ClientAuthentication, ClientId, CodeVerifier,
    EndpointUrl, ExpectedNonce, IdToken, IdTokenExpectation, Issuer, JwkSet, Secret, Timestamp, TokenError,
    TokenResponse,
};
use tower::ServiceExt as _;

pub(crate) const ISSUER: &str = "https://login.example/tenant";
pub(crate) const ORIGIN: &str = "https://login.example";
pub(crate) const REDIRECT_URI: &str = "https://app.example/auth/callback/main?x=1";
pub(crate) const PUBLIC_REDIRECT_URI: &str = "https://spa.example/";
pub(crate) const SIGNED_OUT_URI: &str = "https://app.example/bye";
pub(crate) const PASSWORD: &str = "correct horse battery";
pub(crate) const SECRET: &str = "a long & secret: +%/=string";
const NONCE: &str = "n-0S6_WzA2Mj";

pub(crate) struct World {
    pub(crate) server: Arc<LoginServer>,
    pub(crate) metadata: AuthorizationServerMetadata,
    router: Router,
    now: Arc<AtomicI64>,
    folder: Folder,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut Settings)) -> Self {
        let now = Arc::new(AtomicI64::new(1_800_000_000_000));
        let folder = Folder::new();
        let mut settings = settings();
        change(&mut settings);
        let server = LoginServer::open(settings, &folder.database(), clock(&now)).unwrap();
        let profile = Profile { name: Some("Ann Example".to_owned()), email: Some("ann@example.com".to_owned()) };
        server.accounts().add("Ann", &Secret::new(PASSWORD.to_owned()), profile).unwrap();
        let router = server.router();
        let issuer = Issuer::parse(ISSUER).unwrap();
        let answer = exchange(&router, protocol::discovery_request(&issuer)).await;
        let metadata = protocol::parse_discovery_response(&issuer, &answer).unwrap();
        Self { server, metadata, router, now, folder }
    }

    /// Closes the login server and opens it again on the same file.
    pub(crate) fn restart(mut self) -> Self {
        self.server = LoginServer::open(settings(), &self.folder.database(), clock(&self.now)).unwrap();
        self.router = self.server.router();
        self
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.folder.database()
    }

    pub(crate) fn advance(&self, span: Duration) {
        self.now.fetch_add(i64::try_from(span.as_millis()).unwrap(), Ordering::SeqCst);
    }

    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::from_unix_millis(self.now.load(Ordering::SeqCst))
    }

    pub(crate) async fn exchange(&self, request: Request<Bytes>) -> Response<Bytes> {
        exchange(&self.router, request).await
    }

    pub(crate) async fn keys(&self) -> JwkSet {
        protocol::parse_key_set_response(&self.exchange(protocol::key_set_request(&self.metadata)).await).unwrap()
    }

    pub(crate) async fn verify(&self, tokens: &TokenResponse, client_id: &str, nonce: ExpectedNonce<'_>) -> IdToken {
        let expected = IdTokenExpectation {
            issuer: &self.metadata.issuer,
            client_id: &ClientId::new(client_id.to_owned()).unwrap(),
            algorithms: &self.metadata.id_token_signing_algorithms,
            nonce,
            access_token: Some(&tokens.access_token),
            now: self.now(),
            leeway: Duration::ZERO,
            max_age: Some(Duration::from_secs(365 * 24 * 60 * 60)),
        };
        let id_token = tokens.id_token.as_ref().unwrap();
        protocol::verify_id_token(id_token, &self.keys().await, &expected).unwrap()
    }

    pub(crate) async fn redeem(&self, code: &str) -> Result<TokenResponse, TokenError> {
        self.redeem_as(&confidential(), code, REDIRECT_URI, &verifier()).await
    }

    pub(crate) async fn redeem_as(
        &self,
        client: &Client,
        code: &str,
        redirect_uri: &str,
        verifier: &CodeVerifier,
    ) -> Result<TokenResponse, TokenError> {
        let (code, redirect_uri) = (Secret::new(code.to_owned()), EndpointUrl::parse(redirect_uri).unwrap());
        let request = protocol::code_request(&self.metadata, client, &code, &redirect_uri, verifier);
        protocol::parse_token_response(&self.exchange(request).await)
    }

    pub(crate) async fn refresh(&self, token: &str) -> Result<TokenResponse, TokenError> {
        self.refresh_as(&confidential(), token).await
    }

    pub(crate) async fn refresh_as(&self, client: &Client, token: &str) -> Result<TokenResponse, TokenError> {
        let request = protocol::refresh_request(&self.metadata, client, &Secret::new(token.to_owned()));
        protocol::parse_token_response(&self.exchange(request).await)
    }

    /// Whether `UserInfo` still accepts the token.
    pub(crate) async fn userinfo_status(&self, access_token: &Secret<String>) -> u16 {
        let request = protocol::userinfo_request(&self.metadata, access_token).unwrap();
        self.exchange(request).await.status().as_u16()
    }

    /// A browser that has logged in, and the tokens that its client got.
    pub(crate) async fn logged_in(&self) -> (Browser, TokenResponse) {
        let mut browser = Browser::default();
        let code = browser.log_in(self).await;
        (browser, self.redeem(&code).await.unwrap())
    }
}

/// Cookies, and what a browser says about where a request comes from.
#[derive(Default)]
pub(crate) struct Browser {
    pub(crate) cookies: BTreeMap<String, String>,
}

impl Browser {
    /// Follows a link from another site.
    pub(crate) async fn visit(&mut self, world: &World, url: &str) -> Response<Bytes> {
        let request = Request::get(url).header("sec-fetch-site", "cross-site");
        self.send(world, request, Bytes::new()).await
    }

    /// Sends the form that `page` shows, with these fields filled in.
    pub(crate) async fn submit(
        &mut self,
        world: &World,
        page: &Response<Bytes>,
        fields: &[(&str, &str)],
    ) -> Response<Bytes> {
        let form = Form::of(page);
        let body = form.filled_in(fields);
        let request = Request::post(format!("{ORIGIN}{}", form.action))
            .header("sec-fetch-site", "same-origin")
            .header(header::ORIGIN, ORIGIN)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        self.send(world, request, body.into()).await
    }

    pub(crate) async fn send(
        &mut self,
        world: &World,
        request: http::request::Builder,
        body: Bytes,
    ) -> Response<Bytes> {
        let line: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let answer = world.exchange(request.header(header::COOKIE, line.join("; ")).body(body).unwrap()).await;
        for line in answer.headers().get_all(header::SET_COOKIE) {
            let line = line.to_str().unwrap();
            let (name, value) = line.split(';').next().unwrap().split_once('=').unwrap();
            if line.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        answer
    }

    /// Logs in as Ann and returns the code that the client gets.
    pub(crate) async fn log_in(&mut self, world: &World) -> String {
        let page = self.visit(world, &authorize_url(&[])).await;
        assert_eq!(page.status(), 200);
        let answer = self.submit(world, &page, &[("username", "ann"), ("password", PASSWORD)]).await;
        code(world, &answer)
    }
}

/// The form in a page.
pub(crate) struct Form {
    pub(crate) action: String,
    hidden: Vec<(String, String)>,
}

impl Form {
    pub(crate) fn of(page: &Response<Bytes>) -> Self {
        let html = text(page);
        let (_, form) = html.split_once("<form method=\"post\" action=\"").expect("the page has a form");
        let (action, rest) = form.split_once('"').unwrap();
        let hidden = rest.split("<input type=\"hidden\" name=\"").skip(1).map(|input| {
            let (name, rest) = input.split_once("\" value=\"").unwrap();
            (name.to_owned(), unescape(rest.split_once('"').unwrap().0))
        });
        Self { action: action.to_owned(), hidden: hidden.collect() }
    }

    /// The form as it is sent; a filled-in field replaces a hidden one.
    pub(crate) fn filled_in(&self, fields: &[(&str, &str)]) -> String {
        let kept = self.hidden.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let kept = kept.filter(|(name, _)| fields.iter().all(|(filled, _)| filled != name));
        encode(kept.chain(fields.iter().copied()))
    }
}

pub(crate) fn encode<'a>(fields: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

/// An authorization request of the confidential client, with parameters replaced, added or (when empty) left out.
pub(crate) fn authorize_url(changes: &[(&str, &str)]) -> String {
    let challenge = verifier().challenge();
    let usual = [
        ("response_type", "code"),
        ("client_id", "app"),
        ("redirect_uri", REDIRECT_URI),
        ("scope", "openid profile email"),
        ("state", "the state"),
        ("nonce", NONCE),
        ("code_challenge", challenge.as_str()),
        ("code_challenge_method", "S256"),
    ];
    let kept = usual.into_iter().filter(|(name, _)| changes.iter().all(|(changed, _)| changed != name));
    let fields = kept.chain(changes.iter().copied()).filter(|(_, value)| !value.is_empty());
    format!("{ISSUER}/authorize?{}", encode(fields))
}

/// The code in a redirect to the confidential client's redirect URI, all else about it verified.
pub(crate) fn code(world: &World, answer: &Response<Bytes>) -> String {
    match callback(world, answer) {
        AuthorizationOutcome::Code(code) => code.expose().clone(),
        AuthorizationOutcome::Refused(error) => panic!("refused: {error:?}"),
    }
}

/// The error in a redirect to the confidential client's redirect URI, all else about it verified.
pub(crate) fn refusal(world: &World, answer: &Response<Bytes>) -> String {
    match callback(world, answer) {
        AuthorizationOutcome::Code(_) => panic!("not refused"),
        AuthorizationOutcome::Refused(error) => error.code,
    }
}

fn callback(world: &World, answer: &Response<Bytes>) -> AuthorizationOutcome {
    assert_eq!(answer.status(), 303, "{}", text(answer));
    let query = location(answer).strip_prefix(REDIRECT_URI).expect("leads to the redirect URI").to_owned();
    let response = protocol::parse_authorization_response(query.strip_prefix('&').unwrap()).unwrap();
    assert_eq!(response.state.as_deref(), Some("the state"));
    response.verify_issuer(&world.metadata).unwrap();
    response.outcome
}

pub(crate) fn location(answer: &Response<Bytes>) -> String {
    answer.headers()[header::LOCATION].to_str().unwrap().to_owned()
}

pub(crate) fn text(answer: &Response<Bytes>) -> String {
    String::from_utf8(answer.body().to_vec()).unwrap()
}

pub(crate) fn is_refused(outcome: &Result<TokenResponse, TokenError>, code: &protocol::TokenErrorCode) -> bool {
    matches!(outcome, Err(TokenError::Refused { code: found, .. }) if found == code)
}

pub(crate) fn verifier() -> CodeVerifier {
    CodeVerifier::from_bytes(&[7; 32])
}

pub(crate) fn nonce() -> ExpectedNonce<'static> {
    ExpectedNonce::Exactly(NONCE)
}

pub(crate) fn confidential() -> Client {
    client("app", ClientAuthentication::SecretBasic(Secret::new(SECRET.to_owned())))
}

pub(crate) fn client(id: &str, authentication: ClientAuthentication) -> Client {
    Client { id: ClientId::new(id.to_owned()).unwrap(), authentication }
}

pub(crate) fn refresh_token(tokens: &TokenResponse) -> String {
    tokens.refresh_token.as_ref().unwrap().expose().clone()
}

/// The claims of a token, not verified.
pub(crate) fn claims(token: &Secret<String>) -> serde_json::Value {
    let payload = token.expose().split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

fn settings() -> Settings {
    let mut settings = Settings::new(Issuer::parse(ISSUER).unwrap(), "https://api.example");
    let client = |id: &str, secret: Option<&str>, redirect_uri: &str| RegisteredClient {
        id: ClientId::new(id.to_owned()).unwrap(),
        secret: secret.map(|secret| Secret::new(secret.to_owned())),
        redirect_uris: vec![redirect_uri.to_owned()],
        post_logout_redirect_uris: vec![SIGNED_OUT_URI.to_owned()],
        back_channel_logout_uri: None,
        name: format!("The <{id}>"),
    };
    settings.clients = vec![client("app", Some(SECRET), REDIRECT_URI), client("spa", None, PUBLIC_REDIRECT_URI)];
    settings
}

fn clock(now: &Arc<AtomicI64>) -> Clock {
    let now = Arc::clone(now);
    Clock::new(move || Timestamp::from_unix_millis(now.load(Ordering::SeqCst)))
}

async fn exchange(router: &Router, request: Request<Bytes>) -> Response<Bytes> {
    let answer = router.clone().oneshot(request.map(Body::from)).await.unwrap();
    let (head, body) = answer.into_parts();
    Response::from_parts(head, body.collect().await.unwrap().to_bytes())
}

fn unescape(text: &str) -> String {
    [("&#34;", "\""), ("&#39;", "'"), ("&#60;", "<"), ("&#62;", ">"), ("&#38;", "&")]
        .iter()
        .fold(text.to_owned(), |text, (escaped, plain)| text.replace(escaped, plain))
}

struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::SeqCst);
        let path = std::env::temp_dir().join(format!("cloakroom-issuer-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn database(&self) -> PathBuf {
        self.0.join("issuer.sqlite")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
