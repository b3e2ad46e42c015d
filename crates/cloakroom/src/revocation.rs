//! Refresh tokens that nobody will use any more are revoked where they came from (RFC 7009).

use std::sync::Arc;

use protocol::Secret;

use crate::bff::Bff;

/// Has a refresh token revoked at the authorization server of this name. No answer waits for it.
pub(crate) fn revoke_later(bff: &Arc<Bff>, server: &str, token: Option<Secret<String>>) {
    let Some(token) = token else { return };
    let (task_bff, server) = (Arc::clone(bff), server.to_owned());
    bff.spawn(async move {
        if let Some(server) = task_bff.server(&server) {
            server.revoke(&token).await;
        }
    });
}
