//! A resource server's side of access tokens (RFC 6750, RFC 9068): who calls, and may they?
//!
//! Every check of mission row A7: signature (keys from the issuer, over HTTP), type, issuer, audience, expiry, scope.

use std::{sync::Arc, time::Duration};

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use cloakroom::clock::Clock;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use protocol::{
    AccessToken, AccessTokenError, AccessTokenExpectation, Algorithm, Issuer, JwkSet, discovery_request,
    key_set_request, parse_discovery_response, parse_key_set_response, verify_access_token,
};
use serde_json::json;
use tokio::sync::Mutex;

use super::{loopback::LoopbackClient, sample_api};

/// Verifies access tokens of one issuer. Fetches its keys when they are needed, and again for a token with a new key.
pub(super) struct Verifier {
    issuer: Issuer,
    client: LoopbackClient,
    clock: Arc<dyn Clock>,
    keys: Mutex<Keys>,
}

#[derive(Default)]
struct Keys {
    set: JwkSet,
    fetched_at: Option<Duration>,
}

/// Why a request gets no answer of the resource server (RFC 6750 §3.1).
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It carries no token.
    NoToken,
    /// Its token is not believed.
    InvalidToken(AccessTokenError),
    /// Its token does not grant the scope that is needed.
    InsufficientScope,
    /// The issuer's keys cannot be had, so nothing is known about the token.
    KeysUnavailable(String),
}

impl Verifier {
    pub(super) fn new(issuer: Issuer, client: LoopbackClient, clock: Arc<dyn Clock>) -> Self {
        Self { issuer, client, clock, keys: Mutex::default() }
    }

    /// The token of a request that may call the sample API.
    pub(super) async fn require_token(&self, headers: &HeaderMap) -> Result<AccessToken, Refusal> {
        let token = bearer(headers).ok_or(Refusal::NoToken)?;
        let verified = match self.verify(token, Freshness::AsCached).await? {
            Err(AccessTokenError::UnknownKey) => self.verify(token, Freshness::FetchAgain).await?,
            known => known,
        };
        let verified = verified.map_err(Refusal::InvalidToken)?;
        if verified.scope.iter().any(|scope| scope == sample_api::SCOPE) {
            Ok(verified)
        } else {
            Err(Refusal::InsufficientScope)
        }
    }

    /// How long a token is still good, in whole seconds.
    pub(super) fn seconds_left(&self, token: &AccessToken) -> u64 {
        self.clock.now().duration_until(token.expires_at).as_secs()
    }

    async fn verify(
        &self,
        token: &str,
        freshness: Freshness,
    ) -> Result<Result<AccessToken, AccessTokenError>, Refusal> {
        let keys = self.keys(freshness).await.map_err(Refusal::KeysUnavailable)?;
        let expected = AccessTokenExpectation {
            issuer: &self.issuer,
            audience: sample_api::AUDIENCE,
            algorithms: &ALGORITHMS,
            now: self.clock.now(),
            leeway: Duration::ZERO,
        };
        Ok(verify_access_token(token, &keys, &expected))
    }

    async fn keys(&self, freshness: Freshness) -> Result<JwkSet, String> {
        // Held while fetching: whoever else needs the keys waits for the same answer.
        let mut keys = self.keys.lock().await;
        let age = keys.fetched_at.map(|at| self.clock.monotonic().saturating_sub(at));
        let is_due = age.is_none_or(|age| freshness == Freshness::FetchAgain && age > SHORTEST_PAUSE);
        if is_due {
            keys.set = self.fetch_keys().await?;
            keys.fetched_at = Some(self.clock.monotonic());
        }
        Ok(keys.set.clone())
    }

    async fn fetch_keys(&self) -> Result<JwkSet, String> {
        let answer = self.client.send(discovery_request(&self.issuer)).await.map_err(|error| error.to_string())?;
        let metadata = parse_discovery_response(&self.issuer, &answer).map_err(|error| error.to_string())?;
        let answer = self.client.send(key_set_request(&metadata)).await.map_err(|error| error.to_string())?;
        parse_key_set_response(&answer).map_err(|error| error.to_string())
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Freshness {
    AsCached,
    FetchAgain,
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, error) = match self {
            Self::NoToken => (StatusCode::UNAUTHORIZED, None),
            Self::InvalidToken(error) => {
                tracing::info!(%error, "the sample API refused an access token");
                (StatusCode::UNAUTHORIZED, Some("invalid_token"))
            }
            Self::InsufficientScope => (StatusCode::FORBIDDEN, Some("insufficient_scope")),
            Self::KeysUnavailable(reason) => {
                tracing::warn!(reason, "the sample API cannot have the issuer's keys");
                return (StatusCode::SERVICE_UNAVAILABLE, Json(json!({"error": "temporarily_unavailable"})))
                    .into_response();
            }
        };
        let challenge = match error {
            None => HeaderValue::from_static(r#"Bearer realm="sample-api""#),
            Some("insufficient_scope") => HeaderValue::from_static(INSUFFICIENT_SCOPE),
            Some(_) => HeaderValue::from_static(r#"Bearer realm="sample-api", error="invalid_token""#),
        };
        let body = Json(json!({"error": error.unwrap_or("no_token")}));
        (status, [(header::WWW_AUTHENTICATE, challenge)], body).into_response()
    }
}

/// The token in `Authorization: Bearer …` (RFC 6750 §2.1); the scheme's letter case does not matter (RFC 9110 §11.1).
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (scheme, token) = values.next()?.to_str().ok()?.split_once(' ')?;
    (scheme.eq_ignore_ascii_case("bearer") && values.next().is_none()).then_some(token)
}

/// What the built-in login server may sign with; never a shared secret.
const ALGORITHMS: [Algorithm; 2] = [Algorithm::Rs256, Algorithm::Es256];
/// Tokens with made-up keys must not make us ask the issuer all the time.
const SHORTEST_PAUSE: Duration = Duration::from_secs(10);
const INSUFFICIENT_SCOPE: &str = r#"Bearer realm="sample-api", error="insufficient_scope", scope="invoices""#;
