//! TLS for outgoing connections. The one module that moves when rustls does.

use std::{sync::Arc, time::Duration};

use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use rustls::{ClientConfig, RootCertStore, crypto::CryptoProvider};
use rustls_platform_verifier::Verifier;
use tracing::warn;

/// TLS could not be set up at all.
pub(crate) type TlsError = rustls::Error;

/// Connects over TCP and, for `https`, TLS; both within the limit.
pub(crate) fn connector(connect_limit: Duration) -> Result<HttpsConnector<HttpConnector>, TlsError> {
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_connect_timeout(Some(connect_limit));
    let tls = client_config()?;
    Ok(HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1().wrap_connector(tcp))
}

/// Trusts what the operating system trusts; where it has no certificates at all, Mozilla's list.
fn client_config() -> Result<ClientConfig, TlsError> {
    // Never the process-wide provider: this is a library, and that choice is the program's.
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions()?;
    match Verifier::new(Arc::<CryptoProvider>::clone(&provider)) {
        Ok(verifier) => {
            Ok(builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth())
        }
        Err(error) => {
            warn!(%error, "this system has no trusted certificates: using the built-in list");
            let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
            Ok(builder.with_root_certificates(roots).with_no_client_auth())
        }
    }
}
