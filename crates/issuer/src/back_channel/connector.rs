//! Connections to clients: names are resolved here, so that none leads into a network it has no business in.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
    vec,
};

use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::{
    HttpConnector,
    dns::{GaiResolver, Name},
};
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::Verifier;
use tower_service::Service;

use super::destination::Network;

/// Connects over TCP and, for `https`, TLS.
pub(super) type Connector = HttpsConnector<HttpConnector<Resolver>>;

/// The connector; trusts what the operating system trusts.
pub(super) fn connector() -> Result<Connector, rustls::Error> {
    let mut tcp = HttpConnector::new_with_resolver(Resolver(GaiResolver::new()));
    tcp.enforce_http(false);
    tcp.set_connect_timeout(Some(CONNECT_LIMIT));
    let tls = client_config()?;
    Ok(HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1().wrap_connector(tcp))
}

/// Asks the operating system, and keeps the addresses that the name may stand for.
#[derive(Clone)]
pub(super) struct Resolver(GaiResolver);

impl Service<Name> for Resolver {
    type Response = vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let network = Network::of(name.as_str());
        let resolving = self.0.call(name);
        Box::pin(async move {
            let found = resolving.await?.filter(|address| network.holds(address.ip())).collect::<Vec<_>>();
            if found.is_empty() {
                return Err(io::Error::other("the name has no address that logout tokens may be sent to"));
            }
            Ok(found.into_iter())
        })
    }
}

/// The operating system's certificates; where it has none at all, Mozilla's list.
fn client_config() -> Result<ClientConfig, rustls::Error> {
    // Never the process-wide provider: this is a library, and that choice is the program's.
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions()?;
    Ok(match Verifier::new(provider) {
        Ok(verifier) => builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth(),
        Err(error) => {
            tracing::warn!(%error, "this system has no trusted certificates: using the built-in list");
            let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
            builder.with_root_certificates(roots).with_no_client_auth()
        }
    })
}

const CONNECT_LIMIT: Duration = Duration::from_secs(2);
