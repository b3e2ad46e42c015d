//! Connections in, answers out: our own accept loop on hyper.
//!
//! What is bounded: open connections, in all and of one peer (`places`); the time for a request's head, for a client that
//! leaves us waiting, and for idleness (`patience`); the size of a head, requests at a time and bytes in flight
//! (`connection`); the time that a graceful stop takes.

mod activity;
mod address;
mod bodies;
mod connection;
mod patience;
mod places;
mod watched;

use std::{convert::Infallible, net::SocketAddr, sync::Arc, time::Duration};

use axum::{Router, body::Body};
use cloakroom::bff::Bff;
use http::{Request, Response};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::mpsc,
    time::{sleep, timeout},
};
use tower_service::Service as _;

use self::places::Places;
pub(crate) use self::{
    address::{bind, bind_localhost},
    places::Limits,
};
use crate::{stop::Stop, tasks};

/// Answers requests.
pub(crate) trait Answer: Clone + Send + Sync + 'static {
    /// The answer to a request. Every request gets one.
    fn answer(&self, request: Request<Body>) -> impl Future<Output = Response<Body>> + Send;
}

impl Answer for Arc<Bff> {
    async fn answer(&self, request: Request<Body>) -> Response<Body> {
        Bff::answer(self, request).await
    }
}

impl Answer for Router {
    async fn answer(&self, request: Request<Body>) -> Response<Body> {
        let Ok(response): Result<_, Infallible> = self.clone().call(request).await;
        response
    }
}

/// Serves these sockets until a stop is requested and what is under way is finished, or ten seconds later, or at
/// once when that is demanded. `limits` hold for all sockets together.
pub(crate) async fn serve(sockets: Vec<TcpListener>, limits: Limits, answer: impl Answer, stop: Stop) {
    let places = Places::new(limits);
    let (alive, mut all_gone) = mpsc::channel::<Infallible>(1);
    for socket in sockets {
        tasks::spawn(accept_all(socket, Arc::clone(&places), answer.clone(), stop.clone(), alive.clone()));
    }
    drop(alive);
    let mut requested = stop.clone();
    requested.requested().await;
    let mut demanded = stop;
    tokio::select! {
        // Each connection holds a sender: the channel ends when the last connection does.
        finished = timeout(GRACE, all_gone.recv()) => {
            if finished.is_err() {
                tracing::warn!(seconds = GRACE.as_secs(), "requests were cut off: they took longer than the graceful stop");
            }
        }
        () = demanded.demanded() => tracing::warn!("requests were cut off: a second signal demanded it"),
    }
}

async fn accept_all(
    socket: TcpListener,
    places: Arc<Places>,
    answer: impl Answer,
    mut stop: Stop,
    alive: mpsc::Sender<Infallible>,
) {
    loop {
        let (stream, peer, place) = tokio::select! {
            (stream, peer) = accept(&socket) => (stream, peer, places.take(peer)),
            () = stop.requested() => return,
        };
        let place = tokio::select! {
            place = place => place,
            () = stop.requested() => return,
        };
        let Some(place) = place else {
            tracing::debug!(%peer, "a connection was turned away: its peer has its share already");
            continue;
        };
        let (answer, stop, alive) = (answer.clone(), stop.clone(), alive.clone());
        tasks::spawn(async move {
            connection::serve(stream, peer, place.activity(), answer, stop).await;
            drop((place, alive));
        });
    }
}

/// The next connection.
async fn accept(socket: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match socket.accept().await {
            Ok((stream, peer)) => {
                // Answers are written whole; waiting for more to send only makes them late.
                drop(stream.set_nodelay(true));
                return (stream, peer);
            }
            // The peer went away again, or we are out of file descriptors: the next try can only be better later.
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                sleep(PAUSE_AFTER_FAILURE).await;
            }
        }
    }
}

/// How long requests under way may take to finish after a stop was requested.
const GRACE: Duration = Duration::from_secs(10);
const PAUSE_AFTER_FAILURE: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests;
