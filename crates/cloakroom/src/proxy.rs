//! START HERE: an API request in seven calls.
//!
//! Each step returns what only it can make: none can be left out or put in another order.

use std::sync::Arc;

use axum::body::Body;
use http::{Request, Response};

use crate::{bff::Bff, cookie, csrf, policy, refresh, rejection::Rejection, route, session, upstream};

/// The resource server's answer to the request, made on behalf of the user whose ticket it carries.
///
/// # Errors
///
/// Any [`Rejection`]. Nothing has been sent upstream then, except with [`Rejection::UpstreamFailed`].
pub(crate) async fn proxy(bff: &Arc<Bff>, request: Request<Body>) -> Result<Response<Body>, Rejection> {
    let (head, body) = request.into_parts();

    let route = route::find(bff, &head)?;
    let own_page = csrf::require_own_page(route, &head)?;
    let ticket = cookie::open(bff, &head, own_page)?;
    let session = session::load(bff, ticket).await?;
    let session = refresh::ensure_fresh(bff, session).await?;
    let permit = policy::permit(route, session, &head)?;

    upstream::forward(bff, permit, head, body).await
}
