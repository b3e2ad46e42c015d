//! Claims that ID tokens and access tokens share (RFC 7519 §4.1), read strictly: a claim of the wrong JSON type is an
//! error, never absent and never converted.

use std::time::Duration;

use serde_json::{Map, Value};

use crate::{Issuer, Subject, Timestamp};

/// The claims of a token whose signature holds.
pub(crate) struct Claims(pub(crate) Map<String, Value>);

/// Which claim does not hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum ClaimError {
    Missing(&'static str),
    Malformed(&'static str),
    WrongIssuer,
    Expired,
    NotYetValid,
}

/// When a token was issued and until when it holds.
pub(crate) struct Lifetime {
    pub(crate) issued_at: Timestamp,
    pub(crate) expires_at: Timestamp,
}

impl Claims {
    /// The issuer must be the expected one, byte for byte (OpenID Connect Core §3.1.3.7, RFC 9068 §4).
    pub(crate) fn require_issuer(&self, expected: &Issuer) -> Result<(), ClaimError> {
        match self.required_text("iss")? {
            issuer if issuer == expected.as_str() => Ok(()),
            _ => Err(ClaimError::WrongIssuer),
        }
    }

    /// The user (OpenID Connect Core §2).
    pub(crate) fn subject(&self) -> Result<Subject, ClaimError> {
        Subject::parse(self.required_text("sub")?).map_err(|_| ClaimError::Malformed("sub"))
    }

    /// For whom the token is: one audience or several (RFC 7519 §4.1.3), never none.
    pub(crate) fn audiences(&self) -> Result<Vec<&str>, ClaimError> {
        let malformed = ClaimError::Malformed("aud");
        match self.0.get("aud").ok_or(ClaimError::Missing("aud"))? {
            Value::String(one) => Ok(vec![one]),
            Value::Array(several) if !several.is_empty() => {
                several.iter().map(|one| one.as_str().ok_or(malformed)).collect()
            }
            _ => Err(malformed),
        }
    }

    /// The token must hold now: `exp` and `iat` are required, `nbf` is heeded if present (RFC 7519 §4.1.4 to §4.1.6).
    pub(crate) fn require_lifetime(&self, now: Timestamp, leeway: Duration) -> Result<Lifetime, ClaimError> {
        let expires_at = self.time("exp")?.ok_or(ClaimError::Missing("exp"))?;
        let issued_at = self.time("iat")?.ok_or(ClaimError::Missing("iat"))?;
        let is_early = |time: Timestamp| time > now + leeway;
        if now >= expires_at + leeway {
            return Err(ClaimError::Expired);
        }
        if is_early(issued_at) || self.time("nbf")?.is_some_and(is_early) {
            return Err(ClaimError::NotYetValid);
        }
        Ok(Lifetime { issued_at, expires_at })
    }

    /// A text that must be present and not empty.
    pub(crate) fn required_text(&self, name: &'static str) -> Result<&str, ClaimError> {
        self.text(name)?.ok_or(ClaimError::Missing(name))
    }

    /// A text that is not empty, if present.
    pub(crate) fn text(&self, name: &'static str) -> Result<Option<&str>, ClaimError> {
        match self.0.get(name) {
            None => Ok(None),
            Some(Value::String(text)) if !text.is_empty() => Ok(Some(text)),
            Some(_) => Err(ClaimError::Malformed(name)),
        }
    }

    /// A `NumericDate` (RFC 7519 §2), if present: a JSON number, with or without fraction, within the years that
    /// have four digits.
    pub(crate) fn time(&self, name: &'static str) -> Result<Option<Timestamp>, ClaimError> {
        let Some(value) = self.0.get(name) else { return Ok(None) };
        let seconds = value.as_number().and_then(serde_json::Number::as_f64);
        let since_epoch = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        match since_epoch {
            Some(span) if span <= MAX_DATE => Ok(Some(Timestamp::from_unix_millis(0) + span)),
            _ => Err(ClaimError::Malformed(name)),
        }
    }
}

/// 9999-12-31T23:59:59Z.
const MAX_DATE: Duration = Duration::from_secs(253_402_300_799);
