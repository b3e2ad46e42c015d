//! Bodies that tell whose turn it is: the client's, or ours.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use axum::body::{Body, Bytes};
use http::{Request, Response};
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};

use super::activity::{Exchange, Part};

/// The request, whose body waits for its client only while somebody reads it: an upstream that does not take it is no
/// fault of the client.
pub(super) fn arriving(request: Request<Incoming>, exchange: &Arc<Exchange>) -> Request<Body> {
    request.map(|body| Body::new(Arriving { body, exchange: Arc::clone(exchange) }))
}

/// The answer, whose body waits for its client while more of it is at hand than the client takes.
pub(super) fn leaving(response: Response<Body>, exchange: Arc<Exchange>) -> Response<Body> {
    exchange.wait_for(Part::Taking);
    response.map(|body| Body::new(Leaving { body, exchange }))
}

struct Arriving {
    body: Incoming,
    exchange: Arc<Exchange>,
}

impl HttpBody for Arriving {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        match polled {
            Poll::Pending => self.exchange.wait_for(Part::Sending),
            Poll::Ready(_) => self.exchange.stop_waiting_for(Part::Sending),
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Arriving {
    fn drop(&mut self) {
        self.exchange.stop_waiting_for(Part::Sending);
    }
}

struct Leaving {
    body: Body,
    exchange: Arc<Exchange>,
}

impl HttpBody for Leaving {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        match polled {
            Poll::Ready(Some(_)) => self.exchange.wait_for(Part::Taking),
            Poll::Ready(None) | Poll::Pending => self.exchange.stop_waiting_for(Part::Taking),
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Leaving {
    fn drop(&mut self) {
        self.exchange.stop_waiting_for(Part::Taking);
    }
}
