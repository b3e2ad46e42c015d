//! What the authorization server remembers: codes, grants, and every refresh token it ever saw.

use std::{collections::HashMap, time::Duration};

use cloakroom::random::{Random as _, SystemRandom};
use protocol::Timestamp;

use super::script::RefreshTokens;
use crate::Gate;

/// The books of one authorization server.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    pub(super) codes: HashMap<String, Code>,
    grants: Vec<Grant>,
    pub(super) presentations: Vec<Presentation>,
    pub(super) revocations: Vec<String>,
    pub(super) revoked: Gate,
    pub(super) redemptions: usize,
    pub(super) secrets: Vec<String>,
    access_tokens: HashMap<String, String>,
}

/// A code that has not been redeemed.
#[derive(Clone, Debug)]
pub(super) struct Code {
    pub(super) redirect_uri: String,
    pub(super) challenge: String,
    pub(super) nonce: String,
    pub(super) subject: String,
}

/// What one login allowed.
#[derive(Debug)]
struct Grant {
    subject: String,
    nonce: String,
    current: Option<String>,
    /// When each earlier refresh token was first used.
    spent: HashMap<String, Timestamp>,
}

/// A refresh token that was presented.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Presentation {
    /// Which.
    pub refresh_token: String,
    /// What came of it.
    pub verdict: Verdict,
}

/// What came of a presentation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// It was good, and has been used.
    Accepted,
    /// It had been used before, within the leeway.
    Forgiven,
    /// It had been used before: the grant has ended.
    Reused,
    /// It never was good, or is not any longer.
    Unknown,
    /// Nobody looked at it: a trouble came first.
    NotActedUpon,
}

/// Whose tokens are to be minted.
#[derive(Clone, Debug)]
pub(super) struct Granted {
    pub(super) grant: usize,
    pub(super) subject: String,
    pub(super) nonce: String,
}

impl Ledger {
    /// A new unguessable text, remembered as a secret.
    pub(super) fn secret(&mut self, kind: &str) -> String {
        let mut bytes = [0; 16];
        SystemRandom.fill(&mut bytes);
        let text = format!("{kind}-{:032x}", u128::from_be_bytes(bytes));
        self.secrets.push(text.clone());
        text
    }

    pub(super) fn open_grant(&mut self, code: Code) -> Granted {
        let granted = Granted { grant: self.grants.len(), subject: code.subject.clone(), nonce: code.nonce.clone() };
        self.grants.push(Grant { subject: code.subject, nonce: code.nonce, current: None, spent: HashMap::new() });
        granted
    }

    /// The next refresh token of a grant, if there is to be one.
    pub(super) fn next_refresh_token(&mut self, grant: usize, kind: RefreshTokens) -> Option<String> {
        let lasting = kind == RefreshTokens::Lasting && self.grants[grant].current.is_some();
        if kind == RefreshTokens::None || lasting {
            return None;
        }
        let token = self.secret("refresh");
        self.grants[grant].current = Some(token.clone());
        Some(token)
    }

    pub(super) fn access_token(&mut self, subject: &str) -> String {
        let token = self.secret("access");
        self.access_tokens.insert(token.clone(), subject.to_owned());
        token
    }

    pub(super) fn subject_of(&self, access_token: &str) -> Option<&str> {
        self.access_tokens.get(access_token).map(String::as_str)
    }

    /// Judges a presentation and notes it. Whoever is granted something gets new tokens.
    pub(super) fn present(&mut self, token: &str, kind: RefreshTokens, now: Timestamp) -> Option<Granted> {
        let (verdict, granted) = self.judge(token, kind, now);
        self.presentations.push(Presentation { refresh_token: token.to_owned(), verdict });
        granted
    }

    /// Notes a presentation that a trouble kept from being judged.
    pub(super) fn pass_over(&mut self, token: &str) {
        let verdict = Verdict::NotActedUpon;
        self.presentations.push(Presentation { refresh_token: token.to_owned(), verdict });
    }

    fn judge(&mut self, token: &str, kind: RefreshTokens, now: Timestamp) -> (Verdict, Option<Granted>) {
        for (number, grant) in self.grants.iter_mut().enumerate() {
            let granted = Granted { grant: number, subject: grant.subject.clone(), nonce: grant.nonce.clone() };
            if grant.current.as_deref() == Some(token) {
                if kind != RefreshTokens::Lasting {
                    grant.current = None;
                    grant.spent.insert(token.to_owned(), now);
                }
                return (Verdict::Accepted, Some(granted));
            }
            let Some(spent_at) = grant.spent.get(token) else { continue };
            let leeway = if let RefreshTokens::Leeway(leeway) = kind { leeway } else { Duration::ZERO };
            if spent_at.duration_until(now) < leeway {
                grant.current = None;
                return (Verdict::Forgiven, Some(granted));
            }
            grant.current = None;
            return (Verdict::Reused, None);
        }
        (Verdict::Unknown, None)
    }

    pub(super) fn revoke(&mut self, token: &str) {
        for grant in &mut self.grants {
            grant.current.take_if(|current| current == token);
        }
        self.access_tokens.remove(token);
        self.revocations.push(token.to_owned());
        self.revoked.knock();
    }

    pub(super) fn live_refresh_tokens(&self) -> Vec<String> {
        self.grants.iter().filter_map(|grant| grant.current.clone()).collect()
    }
}
