//! May this session do this? The first rule that matches decides, and is named.

use http::request;
use protocol::Secret;

use crate::{
    csrf,
    refresh::{FreshSession, FreshVisitor},
    rejection::{BadRequest, Rejection},
    route::{Access, Found},
};

/// Proof that a request may go upstream, with what goes along.
///
/// ```compile_fail
/// let forged = cloakroom::policy::Permit { found: todo!(), session: None, rule: "" };
/// ```
#[derive(Debug)]
pub struct Permit<'a> {
    found: Found<'a>,
    session: Option<FreshSession>,
    rule: &'static str,
}

/// The permit of a request that has passed every earlier step.
///
/// 1. A change of protocols is not proxied in this version.
/// 2. A public route lets everybody through.
/// 3. Any other lets a user with a session through.
pub(crate) fn permit<'a>(
    found: Found<'a>,
    visitor: FreshVisitor,
    head: &request::Parts,
) -> Result<Permit<'a>, Rejection> {
    if csrf::is_websocket(&head.headers) {
        return Err(BadRequest::Upgrade.into());
    }
    match (found.route.access, visitor) {
        (Access::Public, _) => Ok(Permit { found, session: None, rule: "public" }),
        (Access::Session, FreshVisitor::Session(session)) => {
            Ok(Permit { found, session: Some(session), rule: "session" })
        }
        (Access::Session, FreshVisitor::Nobody) => Err(Rejection::NoSession),
    }
}

impl<'a> Permit<'a> {
    /// The frontend and route that it is for.
    pub(crate) fn found(&self) -> Found<'a> {
        self.found
    }

    /// The rule that gave it.
    pub(crate) fn rule(&self) -> &'static str {
        self.rule
    }

    /// Whether the answer belongs to one user.
    pub(crate) fn is_personal(&self) -> bool {
        self.session.is_some()
    }

    /// The access token that goes along, if one does.
    pub(crate) fn access_token(&self) -> Result<Option<Secret<String>>, Rejection> {
        self.session.as_ref().map(FreshSession::access_token).transpose()
    }
}
