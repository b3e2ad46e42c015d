//! One client is told of one end (OpenID Connect Back-Channel Logout 1.0 §2.5 to §2.8).

use std::{error::Error, io, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use http_body_util::Full;
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use tokio::time::{sleep, timeout};

use super::{
    connector::{Connector, connector},
    destination::Destination,
};
use crate::{clock::Clock, storage::participant::Participant, tokens::Mint};

/// Makes logout tokens and posts them.
pub(super) struct Delivery {
    mint: Arc<Mint>,
    clock: Clock,
    client: Client<Connector, Full<Bytes>>,
}

/// What became of one request.
enum Outcome {
    Accepted,
    /// The client's last word.
    Refused(StatusCode),
    /// Trying again can help.
    Failed(String),
}

impl Delivery {
    pub(super) fn new(mint: Arc<Mint>, clock: Clock) -> io::Result<Self> {
        let client = Client::builder(TokioExecutor::new())
            .pool_max_idle_per_host(0)
            .retry_canceled_requests(false)
            .build(connector().map_err(io::Error::other)?);
        Ok(Self { mint, clock, client })
    }

    /// Tells the client, trying again while that can help. All tries carry the same token, so a client that acted on one
    /// whose answer was lost knows the next by its `jti`.
    pub(super) async fn deliver(&self, participant: &Participant, destination: &Destination) {
        let client_id = &participant.client_id;
        let token = match self.mint.logout_token(participant, self.clock.now()) {
            Ok(token) => token,
            Err(error) => return tracing::error!(client_id, %error, "a logout token cannot be signed"),
        };
        let form = form_urlencoded::Serializer::new(String::new()).append_pair("logout_token", &token).finish();
        let form = Bytes::from(form);
        for pause in PAUSES {
            sleep(pause).await;
            match self.post(destination, form.clone()).await {
                Outcome::Accepted => return tracing::info!(client_id, "a client was told that a session has ended"),
                Outcome::Refused(status) => {
                    return tracing::warn!(client_id, %status, "a client refused to be told that a session has ended");
                }
                Outcome::Failed(reason) => {
                    tracing::info!(client_id, reason, "a client could not be told that a session has ended");
                }
            }
        }
        tracing::warn!(client_id, tries = PAUSES.len(), "a client was not told that a session has ended: gave up");
    }

    async fn post(&self, destination: &Destination, form: Bytes) -> Outcome {
        let mut request = Request::new(Full::new(form));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = destination.uri().clone();
        let content_type = header::HeaderValue::from_static("application/x-www-form-urlencoded");
        request.headers_mut().insert(header::CONTENT_TYPE, content_type);
        match timeout(ANSWER_LIMIT, self.client.request(request)).await {
            Ok(Ok(answer)) => Outcome::of(answer.status()),
            Ok(Err(error)) => Outcome::Failed(with_causes(&error)),
            Err(_) => Outcome::Failed(format!("no answer within {} seconds", ANSWER_LIMIT.as_secs())),
        }
    }
}

impl Outcome {
    /// §2.8: 200, for which some frameworks send 204. Redirects are not followed: what is registered is what is asked.
    fn of(status: StatusCode) -> Self {
        let is_passing = [StatusCode::REQUEST_TIMEOUT, StatusCode::TOO_MANY_REQUESTS].contains(&status);
        match status {
            status if status.is_success() => Self::Accepted,
            status if status.is_server_error() || is_passing => Self::Failed(status.to_string()),
            status => Self::Refused(status),
        }
    }
}

/// An error and what caused it: the outermost one rarely says what happened.
fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

/// Before each try. With [`ANSWER_LIMIT`] for each, all end well before the token does.
const PAUSES: [Duration; 3] = [Duration::ZERO, Duration::from_secs(2), Duration::from_secs(8)];
const ANSWER_LIMIT: Duration = Duration::from_secs(5);
