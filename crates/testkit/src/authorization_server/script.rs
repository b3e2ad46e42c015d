//! What the authorization server is told to do.

use std::{collections::VecDeque, time::Duration};

use crate::Gate;

/// Everything a test can decide. The default behaves well.
#[derive(Debug)]
pub struct Script {
    /// Who signs in.
    pub subject: String,
    /// The `name` that the user has at the moment.
    pub name: String,
    /// The authorization server's session id, if it names one.
    pub sid: Option<String>,
    /// Whether and when the user authenticated: seconds before now.
    pub authenticated_ago: Option<Duration>,
    /// `acr` of the ID token.
    pub acr: Option<String>,
    /// Life of access tokens; nothing for servers that do not tell.
    pub access_token_life: Option<Duration>,
    /// How refresh tokens are treated.
    pub refresh_tokens: RefreshTokens,
    /// What is wrong with ID tokens.
    pub id_token: IdTokenDefect,
    /// `iss` of the authorization response.
    pub issuer_parameter: IssuerParameter,
    /// Whether the metadata promises `iss` (RFC 9207 §3).
    pub announces_issuer: bool,
    /// Answers logins with this error (RFC 6749 §4.1.2.1).
    pub login_error: Option<String>,
    /// What happens to the next code redemptions, one after the other.
    pub redemption_troubles: VecDeque<Trouble>,
    /// What happens to the next refreshes, one after the other.
    pub refresh_troubles: VecDeque<Trouble>,
    /// What happens to every refresh after those.
    pub every_refresh: Option<Trouble>,
    /// The subject that UserInfo speaks of, if it is another.
    pub user_info_subject: Option<String>,
    /// Which of the two signing keys is in use.
    pub signing_key: usize,
}

/// How refresh tokens are treated.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RefreshTokens {
    /// None are given.
    None,
    /// Each is good for one use; a second use ends the grant (RFC 9700 §4.14.2).
    OneTime,
    /// As before, but a second use is forgiven for so long, and the last answer counts.
    Leeway(Duration),
    /// The same one stays good.
    Lasting,
}

/// `iss` of the authorization response (RFC 9207).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum IssuerParameter {
    /// As it should be.
    Right,
    /// Left out.
    Missing,
    /// Another server's.
    Wrong,
}

/// What is wrong with an ID token.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum IdTokenDefect {
    /// Nothing.
    None,
    /// There is none.
    Absent,
    /// Another login's `nonce`.
    Nonce,
    /// No `nonce`.
    NoNonce,
    /// Another client's `aud`.
    Audience,
    /// Our `aud` and another.
    ExtraAudience,
    /// Another `iss`.
    Issuer,
    /// `exp` is past.
    Expired,
    /// `exp` is text.
    TextualExpiry,
    /// `iat` is to come.
    FromTheFuture,
    /// No `sub`.
    NoSubject,
    /// The `at_hash` of another access token.
    AccessTokenHash,
    /// `alg` is `none`, without signature.
    AlgorithmNone,
    /// Signed with the client's secret (`HS256`), under the public key's id.
    SharedSecret,
    /// Signed with another key under the right key's id.
    Signature,
    /// Signed with a key that is not in the key set.
    UnknownKey,
    /// Typed as an access token.
    Type,
}

/// What happens to a token request.
#[derive(Clone, Debug)]
pub enum Trouble {
    /// 400 `invalid_grant`; nothing is done.
    InvalidGrant,
    /// 400 with this code (RFC 6749 §5.2 and its extensions); nothing is done.
    Refused(&'static str),
    /// 401 `invalid_client`; nothing is done.
    InvalidClient,
    /// 429 with `Retry-After` in seconds; nothing is done.
    TooMany(u32),
    /// This status with a page of HTML; nothing is done.
    Status(u16),
    /// It is done, and answered with 200 and a page of HTML.
    Html,
    /// It is done, and the answer breaks off in the middle.
    Truncated,
    /// It is done, and the connection closed without an answer.
    AnswerLost,
    /// The connection is closed without an answer; nothing is done.
    RequestLost,
    /// Nothing is done, and nothing is ever answered.
    Hang,
    /// It is done when the gate opens, and answered.
    Held(Gate),
    /// It is done, and answered with the ID token of another user.
    OtherSubject,
}

impl Trouble {
    /// Whether the request has its effect all the same.
    pub(super) fn acts(&self) -> bool {
        match self {
            Self::Html | Self::Truncated | Self::AnswerLost | Self::Held(_) | Self::OtherSubject => true,
            Self::InvalidGrant
            | Self::Refused(_)
            | Self::InvalidClient
            | Self::TooMany(_)
            | Self::Status(_)
            | Self::RequestLost
            | Self::Hang => false,
        }
    }
}

impl Default for Script {
    fn default() -> Self {
        Self {
            subject: "alice".to_owned(),
            name: "Alice".to_owned(),
            sid: Some("server-session-1".to_owned()),
            authenticated_ago: Some(Duration::ZERO),
            acr: None,
            access_token_life: Some(Duration::from_secs(300)),
            refresh_tokens: RefreshTokens::OneTime,
            id_token: IdTokenDefect::None,
            issuer_parameter: IssuerParameter::Right,
            announces_issuer: true,
            login_error: None,
            redemption_troubles: VecDeque::new(),
            refresh_troubles: VecDeque::new(),
            every_refresh: None,
            user_info_subject: None,
            signing_key: 0,
        }
    }
}
