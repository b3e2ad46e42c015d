//! What clients get for a code or a refresh token.

use std::time::Duration;

use aws_lc_rs::digest;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use protocol::{SigningError, SigningKey, Timestamp};
use rusqlite::Transaction;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::{
    opaque::{self, Hash},
    scope::{Claims, Scope},
    signing::rolled_back,
    storage::{
        StorageError, access_token,
        account::Account,
        family::{Continued, Family},
        participant::Participant,
    },
};

/// Signs the tokens of one issuer.
pub(crate) struct Mint {
    pub(crate) key: SigningKey,
    pub(crate) issuer: String,
    pub(crate) audience: String,
    pub(crate) access_token_life: Duration,
}

/// An answer of the token endpoint (RFC 6749 §5.1, OpenID Connect Core §3.1.3.3).
#[derive(Serialize)]
pub(crate) struct TokenSet {
    access_token: String,
    token_type: &'static str,
    expires_in: u64,
    refresh_token: String,
    id_token: String,
    scope: String,
}

impl Mint {
    /// Signs what a family is due, and remembers the access token for `UserInfo`.
    ///
    /// `nonce` comes from the authorization request; a refresh has none (OpenID Connect Core §12.2).
    pub(crate) fn issue(
        &self,
        tx: &Transaction<'_>,
        continued: Continued,
        nonce: Option<&str>,
        now: Timestamp,
    ) -> Result<TokenSet, StorageError> {
        let Continued { family, refresh_token } = continued;
        let access_token = self.access_token(&family, now).map_err(rolled_back)?;
        let id_token = self.id_token(&family, nonce, &access_token, now).map_err(rolled_back)?;
        access_token::insert(tx, Hash::of(&access_token), family.id, now + self.access_token_life)?;
        Ok(TokenSet {
            access_token,
            token_type: "Bearer",
            expires_in: self.access_token_life.as_secs(),
            refresh_token,
            id_token,
            scope: family.scope,
        })
    }

    /// RFC 9068 §2.
    fn access_token(&self, family: &Family, now: Timestamp) -> Result<String, SigningError> {
        let claims = json!({
            "iss": self.issuer,
            "exp": (now + self.access_token_life).unix_seconds(),
            "aud": self.audience,
            "sub": family.account.subject,
            "client_id": family.client_id,
            "iat": now.unix_seconds(),
            "auth_time": family.authenticated_at.unix_seconds(),
            "acr": ACR_PASSWORD,
            "jti": opaque::identifier(),
            "scope": family.scope,
        });
        self.key.sign("at+jwt", &claims)
    }

    /// OpenID Connect Core §2.
    fn id_token(
        &self,
        family: &Family,
        nonce: Option<&str>,
        access_token: &str,
        now: Timestamp,
    ) -> Result<String, SigningError> {
        let mut claims = json!({
            "iss": self.issuer,
            "sub": family.account.subject,
            "aud": family.client_id,
            "exp": (now + self.access_token_life).unix_seconds(),
            "iat": now.unix_seconds(),
            "auth_time": family.authenticated_at.unix_seconds(),
            "sid": family.sid,
            "at_hash": at_hash(access_token),
            "acr": ACR_PASSWORD,
            "amr": ["pwd"],
        });
        if let Some(members) = claims.as_object_mut() {
            members.extend(nonce.map(|nonce| ("nonce".to_owned(), Value::from(nonce))));
            members.extend(profile_claims(&family.account, &family.scope));
        }
        self.key.sign("JWT", &claims)
    }

    /// OpenID Connect Back-Channel Logout 1.0 §2.4.
    pub(crate) fn logout_token(&self, participant: &Participant, now: Timestamp) -> Result<String, SigningError> {
        let claims = json!({
            "iss": self.issuer,
            "sub": participant.subject,
            "aud": participant.client_id,
            "iat": now.unix_seconds(),
            "exp": (now + LOGOUT_TOKEN_LIFE).unix_seconds(),
            "jti": opaque::identifier(),
            "sid": participant.sid,
            "events": { "http://schemas.openid.net/event/backchannel-logout": {} },
        });
        self.key.sign("logout+jwt", &claims)
    }
}

/// The claims about a person that a scope grants (OpenID Connect Core §5.4).
pub(crate) fn profile_claims(account: &Account, scope: &str) -> Map<String, Value> {
    let scope = Scope::granted(scope);
    let mut claims = Map::new();
    if scope.includes(Claims::Profile) {
        claims.insert("preferred_username".to_owned(), account.username.as_str().into());
        claims.extend(account.name.as_deref().map(|name| ("name".to_owned(), name.into())));
    }
    if scope.includes(Claims::Email) {
        claims.extend(account.email.as_deref().map(|email| ("email".to_owned(), email.into())));
    }
    claims
}

/// The left half of the access token's SHA-256 (OpenID Connect Core §3.1.3.6).
fn at_hash(access_token: &str) -> String {
    let hash = digest::digest(&digest::SHA256, access_token.as_bytes());
    let half = hash.as_ref().get(..16).unwrap_or_default();
    URL_SAFE_NO_PAD.encode(half)
}

/// The longest that §2.4 of Back-Channel Logout recommends.
const LOGOUT_TOKEN_LIFE: Duration = Duration::from_secs(120);
/// The one authentication context there is: a password was typed.
pub(crate) const ACR_PASSWORD: &str = "password";
