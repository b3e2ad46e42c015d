//! An authorization request, read once (RFC 6749 §4.1.1, RFC 7636 §4.3, OpenID Connect Core §3.1.2.1).

use std::time::Duration;

use super::destination::Destination;
use crate::{
    clients::Clients,
    parameters::{Parameters, Repeated},
    rejection::Rejection,
    scope::Scopes,
    settings::RegisteredClient,
};

/// A request that can be answered.
#[derive(Debug, Clone)]
pub(crate) struct AuthorizationRequest {
    pub(crate) client_id: String,
    pub(crate) destination: Destination,
    /// What is granted if the person logs in.
    pub(crate) scope: String,
    pub(crate) challenge: String,
    pub(crate) nonce: Option<String>,
    pub(crate) prompt: Prompt,
    /// How old the login may be; `None`: as old as it is.
    pub(crate) max_age: Option<Duration>,
    pub(crate) login_hint: Option<String>,
}

/// What the client wants the person to see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Prompt {
    /// The login page, if nobody is logged in.
    AsNeeded,
    /// Nothing.
    None,
    /// The login page.
    Login,
}

/// Why a request is not answered with a code.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// Nothing may be sent to the redirect URI.
    Page(Rejection),
    /// The client is told.
    Redirect(Destination, ErrorCode),
}

/// The error that a client is told (RFC 6749 §4.1.2.1, OpenID Connect Core §3.1.2.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ErrorCode {
    InvalidRequest,
    UnsupportedResponseType,
    InvalidScope,
    LoginRequired,
    RequestNotSupported,
    RequestUriNotSupported,
    RegistrationNotSupported,
}

impl AuthorizationRequest {
    /// Reads a request; the first thing that is wrong with it decides.
    pub(crate) fn parse(parameters: &Parameters, clients: &Clients, scopes: &Scopes) -> Result<Self, Refusal> {
        let client = parameters
            .find("client_id")
            .and_then(|id| clients.find(id))
            .ok_or(Refusal::Page(Rejection::UnknownClient))?;
        let destination = destination(parameters, client)?;
        Self::parse_rest(parameters, (client, scopes), destination.clone())
            .map_err(|error| Refusal::Redirect(destination, error))
    }

    fn parse_rest(
        parameters: &Parameters,
        (client, scopes): (&RegisteredClient, &Scopes),
        destination: Destination,
    ) -> Result<Self, ErrorCode> {
        parameters.require_unrepeated().map_err(|Repeated| ErrorCode::InvalidRequest)?;
        require_supported(parameters)?;
        Ok(Self {
            client_id: client.id.as_str().to_owned(),
            scope: parameters.find("scope").and_then(|asked| scopes.grant(asked)).ok_or(ErrorCode::InvalidScope)?,
            challenge: challenge(parameters)?,
            nonce: nonce(parameters)?,
            prompt: prompt(parameters)?,
            max_age: max_age(parameters)?,
            login_hint: parameters.find("login_hint").filter(|hint| hint.len() <= LONGEST_HINT).map(str::to_owned),
            destination,
        })
    }
}

impl ErrorCode {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::UnsupportedResponseType => "unsupported_response_type",
            Self::InvalidScope => "invalid_scope",
            Self::LoginRequired => "login_required",
            Self::RequestNotSupported => "request_not_supported",
            Self::RequestUriNotSupported => "request_uri_not_supported",
            Self::RegistrationNotSupported => "registration_not_supported",
        }
    }
}

fn destination(parameters: &Parameters, client: &RegisteredClient) -> Result<Destination, Refusal> {
    let asked = parameters.find("redirect_uri").ok_or(Refusal::Page(Rejection::UnknownRedirectUri))?;
    let registered = client.redirect_uris.iter().find(|uri| uri.as_str() == asked);
    let redirect_uri = registered.ok_or(Refusal::Page(Rejection::UnknownRedirectUri))?.clone();
    // The state comes back with the browser: a longer one than any client uses is not carried.
    let state = match parameters.find("state") {
        Some(state) if state.len() > LONGEST_STATE => return Err(Refusal::Page(Rejection::Malformed)),
        state => state.map(str::to_owned),
    };
    Ok(Destination { redirect_uri, state })
}

fn require_supported(parameters: &Parameters) -> Result<(), ErrorCode> {
    match parameters.find("response_type") {
        Some("code") => {}
        Some(_) => return Err(ErrorCode::UnsupportedResponseType),
        None => return Err(ErrorCode::InvalidRequest),
    }
    if parameters.find("response_mode").is_some_and(|mode| mode != "query") {
        return Err(ErrorCode::InvalidRequest);
    }
    let unsupported = [
        ("request", ErrorCode::RequestNotSupported),
        ("request_uri", ErrorCode::RequestUriNotSupported),
        ("registration", ErrorCode::RegistrationNotSupported),
    ];
    match unsupported.into_iter().find(|(name, _)| parameters.find(name).is_some()) {
        Some((_, error)) => Err(error),
        None => Ok(()),
    }
}

/// Required of every client, with S256 (RFC 9700 §2.1.1): the base64url of a SHA-256.
fn challenge(parameters: &Parameters) -> Result<String, ErrorCode> {
    let is_s256 = parameters.find("code_challenge_method") == Some("S256");
    let is_hash = |text: &&str| {
        text.len() == 43 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    let challenge = parameters.find("code_challenge").filter(is_hash).filter(|_| is_s256);
    challenge.map(str::to_owned).ok_or(ErrorCode::InvalidRequest)
}

fn nonce(parameters: &Parameters) -> Result<Option<String>, ErrorCode> {
    match parameters.find("nonce") {
        Some(nonce) if nonce.len() > LONGEST_NONCE => Err(ErrorCode::InvalidRequest),
        nonce => Ok(nonce.map(str::to_owned)),
    }
}

/// `consent` needs no page, because clients are the operator's own; choosing another account is logging in.
fn prompt(parameters: &Parameters) -> Result<Prompt, ErrorCode> {
    let mut prompt = Prompt::AsNeeded;
    let Some(asked) = parameters.find("prompt") else { return Ok(prompt) };
    for value in asked.split(' ') {
        match value {
            "none" if asked == "none" => prompt = Prompt::None,
            "login" | "select_account" => prompt = Prompt::Login,
            "consent" => {}
            _ => return Err(ErrorCode::InvalidRequest),
        }
    }
    Ok(prompt)
}

fn max_age(parameters: &Parameters) -> Result<Option<Duration>, ErrorCode> {
    let Some(text) = parameters.find("max_age") else { return Ok(None) };
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    let seconds = text.parse().ok().filter(|_| is_number).ok_or(ErrorCode::InvalidRequest)?;
    Ok(Some(Duration::from_secs(seconds)))
}

const LONGEST_STATE: usize = 4096;
const LONGEST_NONCE: usize = 512;
const LONGEST_HINT: usize = 128;
