//! Serving HTTP on a loopback socket that can be shut and opened again.

use std::{
    convert::Infallible,
    net::SocketAddr,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
};

use axum::body::Body;
use http::{Request, Response};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Notify,
    task::JoinSet,
};

/// What answers a request.
pub type Answering = Arc<dyn Fn(Request<Body>) -> AnswerFuture + Send + Sync>;
/// An answer on its way.
pub type AnswerFuture = Pin<Box<dyn Future<Output = Response<Body>> + Send>>;

/// A port of this machine that nobody answers at yet.
#[derive(Debug)]
pub struct Bound {
    listener: TcpListener,
    address: SocketAddr,
}

/// A server that runs until it is dropped. Requests carry the peer's [`SocketAddr`] and a [`Hangup`] as extensions.
pub struct Server {
    address: SocketAddr,
    answering: Answering,
    /// The accepting task; the connections end with it.
    running: Mutex<JoinSet<()>>,
}

/// Closes the connection of the request it came with, without an answer.
#[derive(Clone, Debug, Default)]
pub struct Hangup(Arc<Notify>);

impl Bound {
    /// A free port of 127.0.0.1.
    pub async fn new() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("there is a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        Self { listener, address }
    }

    /// Where it is.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Begins to answer.
    pub fn serve(self, answering: Answering) -> Server {
        let server = Server { address: self.address, answering, running: Mutex::default() };
        server.run(self.listener);
        server
    }
}

impl Server {
    /// Where it is.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Refuses new connections and breaks off those that are open.
    pub async fn close(&self) {
        let mut running = std::mem::take(&mut *self.running());
        running.shutdown().await;
    }

    /// Listens again at the same address.
    pub async fn open_again(&self) {
        let listener = TcpListener::bind(self.address).await.expect("the port is still free");
        self.run(listener);
    }

    fn run(&self, listener: TcpListener) {
        self.running().spawn(accept(listener, Arc::clone(&self.answering)));
    }

    fn running(&self) -> std::sync::MutexGuard<'_, JoinSet<()>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Server {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Server({})", self.address)
    }
}

impl Hangup {
    /// Closes the connection; never returns to whoever answers on it.
    pub async fn now(&self) -> Response<Body> {
        self.0.notify_one();
        std::future::pending().await
    }
}

async fn accept(listener: TcpListener, answering: Answering) {
    let mut connections = JoinSet::new();
    loop {
        if let Ok((stream, peer)) = listener.accept().await {
            connections.spawn(connection(stream, peer, Arc::clone(&answering)));
        }
        while connections.try_join_next().is_some() {}
    }
}

async fn connection(stream: TcpStream, peer: SocketAddr, answering: Answering) {
    let hangup = Hangup::default();
    let service = service_fn(|request: Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(peer);
        request.extensions_mut().insert(hangup.clone());
        let answer = answering(request);
        async { Ok::<_, Infallible>(answer.await) }
    });
    let builder = auto::Builder::new(TokioExecutor::new());
    tokio::select! {
        _broken = builder.serve_connection(TokioIo::new(stream), service) => {}
        () = hangup.0.notified() => {}
    }
}
