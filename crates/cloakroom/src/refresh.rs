//! Is the access token good? At most one refresh at a time per session, across all nodes.

mod attempt;
pub mod decision;
pub(crate) mod flights;
pub mod profile;

use std::{sync::Arc, time::Duration};

use protocol::Secret;
use tracing::error;

use self::{
    attempt::Attempt,
    decision::{Event, Next, decide},
    flights::{Boarded, Landing, Passenger},
};
use crate::{
    authorization_server::Server,
    bff::Bff,
    rejection::Rejection,
    session::{ActiveSession, Visitor},
};

/// A request waits at most so long for a refresh.
const LONGEST_WAIT: Duration = Duration::from_secs(9);

/// Who sent the request, with tokens that can be used.
#[derive(Debug)]
pub enum FreshVisitor {
    /// Nobody, as far as this route cares.
    Nobody,
    /// A user with a good access token.
    Session(FreshSession),
}

/// Proof that a session's access token is good.
///
/// ```compile_fail
/// let forged = cloakroom::refresh::FreshSession { session: todo!() };
/// ```
#[derive(Clone, Debug)]
pub struct FreshSession {
    session: ActiveSession,
}

/// The session with an access token that is still good, refreshed if need be.
///
/// The refresh belongs to no request: it runs on a task of its own, and a caller that goes away cancels nothing. While
/// the access token is good nobody waits for it.
///
/// # Errors
///
/// - [`Rejection::SessionEnded`]: the authorization server refused the refresh token.
/// - [`Rejection::NoSession`]: the access token has ended and there is no refresh token. The session itself goes on.
/// - [`Rejection::TryAgain`]: the authorization server or the store did not answer; the session is kept.
pub(crate) async fn ensure_fresh(bff: &Arc<Bff>, visitor: Visitor) -> Result<FreshVisitor, Rejection> {
    let Visitor::Session(session) = visitor else { return Ok(FreshVisitor::Nobody) };
    let server = server_of(bff, &session)?;
    let record = session.opened().record();
    let decision = decide(record, Event::Needed, &server.settings().profile, bff.now());
    if decision.next == Next::Serve && decision.operation.is_none() {
        return Ok(fresh(session));
    }
    let can_refresh = session.opened().secrets().map_err(|_| damaged(&session))?.refresh_token.is_some();
    if !can_refresh {
        return if is_good(bff, &session) { Ok(fresh(session)) } else { Err(Rejection::NoSession) };
    }
    let flight = (session.key(), record.generation);
    if server.is_backing_off() || bff.flights().is_resting(flight, bff.clock().monotonic()) {
        return serve_if_good(bff, session);
    }
    let passenger = board(bff, &session);
    if is_good(bff, &session) { Ok(fresh(session)) } else { wait(bff, session, passenger).await }
}

/// Whether the session can still call resource servers: its access token is good, or can be refreshed.
pub(crate) fn has_tokens(bff: &Bff, session: &ActiveSession) -> bool {
    is_good(bff, session) || session.opened().secrets().is_ok_and(|secrets| secrets.refresh_token.is_some())
}

fn board(bff: &Arc<Bff>, session: &ActiveSession) -> Passenger {
    match bff.flights().board((session.key(), session.opened().record().generation)) {
        Boarded::Passenger(passenger) => passenger,
        Boarded::Pilot(pilot) => {
            let passenger = pilot.passenger();
            let (task_bff, session) = (Arc::clone(bff), session.clone());
            bff.spawn(async move {
                let landing = Attempt::new(&task_bff, &session).run().await;
                pilot.land(landing);
            });
            passenger
        }
    }
}

async fn wait(bff: &Arc<Bff>, session: ActiveSession, passenger: Passenger) -> Result<FreshVisitor, Rejection> {
    match tokio::time::timeout(LONGEST_WAIT, passenger.landing()).await {
        Ok(Landing::Session(opened)) => serve_if_good(bff, session.renewed(opened)),
        Ok(Landing::Ended(reason)) => Err(Rejection::SessionEnded(reason)),
        Ok(Landing::Hold) | Err(_) => serve_if_good(bff, session),
    }
}

fn serve_if_good(bff: &Bff, session: ActiveSession) -> Result<FreshVisitor, Rejection> {
    if is_good(bff, &session) {
        Ok(fresh(session))
    } else {
        Err(Rejection::TryAgain("the access token could not be refreshed yet".to_owned()))
    }
}

fn is_good(bff: &Bff, session: &ActiveSession) -> bool {
    session.opened().record().access_token_life.is_none_or(|life| profile::is_good(life, bff.now()))
}

fn fresh(session: ActiveSession) -> FreshVisitor {
    FreshVisitor::Session(FreshSession { session })
}

fn server_of<'a>(bff: &'a Bff, session: &ActiveSession) -> Result<&'a Server, Rejection> {
    let name = &session.identity().server;
    bff.server(name).ok_or_else(|| {
        error!(server = name, "a session's authorization server is not configured any more; the session is kept");
        Rejection::TryAgain(format!("the authorization server {name:?} is not configured"))
    })
}

fn damaged(session: &ActiveSession) -> Rejection {
    error!(key = ?session.key(), "a session's tokens cannot be opened; it is kept");
    Rejection::TryAgain("the tokens of a session cannot be opened".to_owned())
}

impl FreshSession {
    /// The access token, in the wrapper that only [`upstream`](crate::upstream) opens.
    pub(crate) fn access_token(&self) -> Result<Secret<String>, Rejection> {
        self.session.opened().access_token().map_err(|_| damaged(&self.session))
    }
}
