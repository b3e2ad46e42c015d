//! A logout request, read once (OpenID Connect RP-Initiated Logout 1.0 §2).

use aws_lc_rs::constant_time::verify_slices_are_equal;
use protocol::{Algorithm, ExpectedType, JwkSet, JwsExpectation, verify_jws};
use serde_json::Value;

use crate::{parameters::Parameters, rejection::Rejection, server::LoginServer, settings::RegisteredClient};

/// A logout request whose client and redirect URI, where given, are registered.
pub(super) struct LogoutRequest {
    pub(super) post_logout_redirect_uri: Option<String>,
    pub(super) state: Option<String>,
    /// Session ids that the client knows.
    known_sids: Vec<String>,
}

impl LogoutRequest {
    pub(super) fn parse(parameters: &Parameters, server: &LoginServer) -> Result<Self, Rejection> {
        parameters.require_unrepeated().map_err(|_| Rejection::Malformed)?;
        let state = parameters.find("state");
        if state.is_some_and(|state| state.len() > LONGEST_STATE) {
            return Err(Rejection::Malformed);
        }
        let hint = parameters.find("id_token_hint").map(|token| Hint::verify(token, server)).transpose()?;
        let client = client(parameters.find("client_id"), hint.as_ref(), server)?;
        let known_sids = [parameters.find("logout_hint").map(str::to_owned), hint.and_then(|hint| hint.sid)];
        Ok(Self {
            post_logout_redirect_uri: redirect_uri(parameters.find("post_logout_redirect_uri"), client)?,
            state: state.map(str::to_owned),
            known_sids: known_sids.into_iter().flatten().collect(),
        })
    }

    /// Whether the client knows the id of this session, which only those who took part in its logins do.
    pub(super) fn proves(&self, sid: &str) -> bool {
        self.known_sids.iter().any(|known| verify_slices_are_equal(known.as_bytes(), sid.as_bytes()).is_ok())
    }
}

/// An ID token of ours; it may have expired (RP-Initiated Logout §4).
struct Hint {
    client_id: String,
    sid: Option<String>,
}

impl Hint {
    fn verify(token: &str, server: &LoginServer) -> Result<Self, Rejection> {
        let keys = JwkSet::from_public_jwks(&[server.mint.key.public_jwk()]);
        let expected = JwsExpectation { algorithms: &[Algorithm::Rs256], typ: ExpectedType::Exactly("JWT") };
        let verified = verify_jws(token, &keys, &expected).map_err(|_| Rejection::Malformed)?;
        let claim = |name| verified.claims.get(name).and_then(Value::as_str);
        if claim("iss") != Some(&server.mint.issuer) {
            return Err(Rejection::Malformed);
        }
        let client_id = claim("aud").ok_or(Rejection::Malformed)?.to_owned();
        Ok(Self { client_id, sid: claim("sid").map(str::to_owned) })
    }
}

/// The client that the request names; it and the hint must not contradict each other.
fn client<'a>(
    named: Option<&str>,
    hint: Option<&Hint>,
    server: &'a LoginServer,
) -> Result<Option<&'a RegisteredClient>, Rejection> {
    let hinted = hint.map(|hint| hint.client_id.as_str());
    let id = match (named, hinted) {
        (Some(named), Some(hinted)) if named != hinted => return Err(Rejection::Malformed),
        (Some(id), _) | (None, Some(id)) => id,
        (None, None) => return Ok(None),
    };
    server.clients.find(id).map(Some).ok_or(Rejection::UnknownClient)
}

fn redirect_uri(asked: Option<&str>, client: Option<&RegisteredClient>) -> Result<Option<String>, Rejection> {
    let Some(asked) = asked else { return Ok(None) };
    let client = client.ok_or(Rejection::UnknownClient)?;
    let registered = client.post_logout_redirect_uris.iter().find(|uri| uri.as_str() == asked);
    registered.cloned().map(Some).ok_or(Rejection::UnknownRedirectUri)
}

const LONGEST_STATE: usize = 4096;
