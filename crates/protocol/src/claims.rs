//! Claims that ID tokens and access tokens share (RFC 7519 §4.1), read strictly: a claim of the wrong JSON type is an
//! error, never absent and never converted.

use std::time::Duration;

use serde_json::{Map, Value};

use crate::{ClientId, Issuer, Subject, Timestamp};

/// The claims of a token whose signature holds.
pub(crate) struct Claims(pub(crate) Map<String, Value>);

/// Which claim does not hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum ClaimError {
    Missing(&'static str),
    Malformed(&'static str),
    WrongIssuer,
    WrongAudience,
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

    /// The user, if the token is about one.
    pub(crate) fn subject_if_any(&self) -> Result<Option<Subject>, ClaimError> {
        if self.0.contains_key("sub") { self.subject().map(Some) } else { Ok(None) }
    }

    /// Other audiences could replay the token elsewhere: none is trusted. `azp`, if present, must be us (OpenID Connect
    /// Core §3.1.3.7 items 3 to 5).
    pub(crate) fn require_sole_audience(&self, client_id: &ClientId) -> Result<(), ClaimError> {
        let is_us = |name: &str| name == client_id.as_str();
        let is_for_us_alone = self.audiences()?.into_iter().all(is_us);
        let is_issued_to_us = self.text("azp")?.is_none_or(is_us);
        if is_for_us_alone && is_issued_to_us { Ok(()) } else { Err(ClaimError::WrongAudience) }
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

    /// What is granted (RFC 9068 §2.2.3, RFC 7662 §2.2); empty when the token does not say, or says so.
    pub(crate) fn scope(&self) -> Result<Vec<String>, ClaimError> {
        let scope = match self.0.get("scope") {
            None => "",
            Some(Value::String(scope)) => scope,
            Some(_) => return Err(ClaimError::Malformed("scope")),
        };
        Ok(scope.split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect())
    }

    /// The token must hold now: `exp` and `iat` are required, `nbf` is heeded if present (RFC 7519 §4.1.4 to §4.1.6).
    pub(crate) fn require_lifetime(&self, now: Timestamp, leeway: Duration) -> Result<Lifetime, ClaimError> {
        let expires_at = self.require_unexpired(now, leeway)?.ok_or(ClaimError::Missing("exp"))?;
        let issued_at = self.require_begun(now, leeway)?.ok_or(ClaimError::Missing("iat"))?;
        Ok(Lifetime { issued_at, expires_at })
    }

    /// `exp`, if present, must be to come (RFC 7519 §4.1.4).
    pub(crate) fn require_unexpired(&self, now: Timestamp, leeway: Duration) -> Result<Option<Timestamp>, ClaimError> {
        let expires_at = self.time("exp")?;
        if expires_at.is_some_and(|expires_at| now >= expires_at + leeway) {
            return Err(ClaimError::Expired);
        }
        Ok(expires_at)
    }

    /// `iat` and `nbf`, where present, must be past (RFC 7519 §4.1.5, §4.1.6). Gives `iat`.
    pub(crate) fn require_begun(&self, now: Timestamp, leeway: Duration) -> Result<Option<Timestamp>, ClaimError> {
        let is_early = |time: Timestamp| time > now + leeway;
        let (issued_at, not_before) = (self.time("iat")?, self.time("nbf")?);
        if issued_at.is_some_and(is_early) || not_before.is_some_and(is_early) {
            return Err(ClaimError::NotYetValid);
        }
        Ok(issued_at)
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
