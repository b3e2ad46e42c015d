//! A client that wants to be told of logouts: a socket on this machine, and what arrived there.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{Router, extract::State, routing::post};
use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};
use protocol::{ClientId, LogoutToken, LogoutTokenError, LogoutTokenExpectation, Secret};
use tokio::{net::TcpListener, sync::mpsc, task::JoinSet, time::timeout};

use crate::world::World;

/// Where logout tokens arrive.
pub(crate) struct ListeningClient {
    pub(crate) uri: String,
    arrived: mpsc::UnboundedReceiver<Arrived>,
    /// Ends with the client.
    _serving: JoinSet<std::io::Result<()>>,
}

/// A logout token, and what came with it.
pub(crate) struct Arrived {
    pub(crate) headers: HeaderMap,
    pub(crate) token: Secret<String>,
}

#[derive(Clone)]
struct Door {
    answers: Arc<Mutex<VecDeque<StatusCode>>>,
    arrived: mpsc::UnboundedSender<Arrived>,
}

impl ListeningClient {
    /// Answers so, one after the other, and 200 from then on.
    pub(crate) async fn answering(answers: &[StatusCode]) -> Self {
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let uri = format!("http://{}/back-channel", socket.local_addr().unwrap());
        let (sender, arrived) = mpsc::unbounded_channel();
        let door = Door { answers: Arc::new(Mutex::new(answers.iter().copied().collect())), arrived: sender };
        let app = Router::new().route("/back-channel", post(arrive)).with_state(door);
        let mut serving = JoinSet::new();
        serving.spawn(async move { axum::serve(socket, app).await });
        Self { uri, arrived, _serving: serving }
    }

    pub(crate) async fn accepting() -> Self {
        Self::answering(&[]).await
    }

    /// The next token that arrives.
    pub(crate) async fn next(&mut self) -> Arrived {
        timeout(Duration::from_secs(15), self.arrived.recv()).await.expect("a logout token in time").unwrap()
    }

    /// Whether nothing arrives for so long that more would have come.
    pub(crate) async fn is_left_alone(&mut self) -> bool {
        timeout(Duration::from_millis(400), self.arrived.recv()).await.is_err()
    }
}

/// Each answer has an address to go on to, which only redirects mean.
async fn arrive(
    State(door): State<Door>,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, [(header::HeaderName, &'static str); 1]) {
    let token = protocol::parse_logout_request(&body).unwrap();
    door.arrived.send(Arrived { headers, token }).unwrap();
    let status = door.answers.lock().unwrap().pop_front().unwrap_or(StatusCode::OK);
    (status, [(header::LOCATION, "/back-channel")])
}

impl Arrived {
    /// The token, verified as a client does.
    pub(crate) async fn verify(&self, world: &World, client_id: &str) -> Result<LogoutToken, LogoutTokenError> {
        let expected = LogoutTokenExpectation {
            issuer: &world.metadata.issuer,
            client_id: &ClientId::new(client_id.to_owned()).unwrap(),
            algorithms: &world.metadata.id_token_signing_algorithms,
            now: world.now(),
            leeway: Duration::ZERO,
            max_age: Duration::from_secs(120),
        };
        protocol::verify_logout_token(&self.token, &world.keys().await, &expected)
    }
}
