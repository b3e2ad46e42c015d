//! Taking an address to listen on, and saying clearly why it cannot be had.

use std::{
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
};

use thiserror::Error;
use tokio::net::TcpListener;

/// Listens on one address. `way_out` tells what to write to choose another.
pub(crate) async fn bind(address: SocketAddr, way_out: &str) -> Result<TcpListener, BindError> {
    TcpListener::bind(address).await.map_err(|error| BindError::new(address, &error, way_out))
}

/// Listens on this port wherever a browser may look for `localhost`: IPv4 and, where the machine has it, IPv6. With
/// port 0, on one that is free on both.
pub(crate) async fn bind_localhost(port: u16, way_out: &str) -> Result<Vec<TcpListener>, BindError> {
    let mut attempts = 0;
    loop {
        attempts += 1;
        let first = bind((Ipv4Addr::LOCALHOST, port).into(), way_out).await?;
        let taken =
            first.local_addr().map_err(|error| BindError::new((Ipv4Addr::LOCALHOST, port).into(), &error, way_out))?;
        match TcpListener::bind((Ipv6Addr::LOCALHOST, taken.port())).await {
            Ok(second) => return Ok(vec![first, second]),
            // Another program would get half of the browser's requests.
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                if port != 0 || attempts == MOST_ATTEMPTS {
                    return Err(BindError::new((Ipv6Addr::LOCALHOST, taken.port()).into(), &error, way_out));
                }
            }
            // A machine without IPv6.
            Err(_) => return Ok(vec![first]),
        }
    }
}

/// An address that cannot be had: what was tried, who may hold it, and the way out.
#[derive(Debug, Error)]
#[error("cannot listen on {address}: {reason}. {way_out}")]
pub(crate) struct BindError {
    address: SocketAddr,
    reason: String,
    way_out: String,
}

impl BindError {
    fn new(address: SocketAddr, error: &io::Error, way_out: &str) -> Self {
        let port = address.port();
        let reason = match error.kind() {
            io::ErrorKind::AddrInUse => format!(
                "the port is taken, perhaps by another `cloakroom` or a development server (`ss -ltnp sport = :{port}` \
                 or `lsof -i :{port}` shows by whom)"
            ),
            io::ErrorKind::PermissionDenied => {
                format!("the system does not allow it ({error}); ports below 1024 need a privilege")
            }
            io::ErrorKind::AddrNotAvailable => "this machine does not have that address".to_owned(),
            _ => error.to_string(),
        };
        Self { address, reason, way_out: way_out.to_owned() }
    }
}

const MOST_ATTEMPTS: u32 = 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_taken_port_is_named_with_the_way_out() {
        let holder = bind((Ipv4Addr::LOCALHOST, 0).into(), "").await.unwrap();
        let address = holder.local_addr().unwrap();

        let error = bind(address, "Choose another with --port.").await.unwrap_err().to_string();

        assert!(error.contains(&address.to_string()) && error.contains("taken"), "{error}");
        assert!(error.ends_with("Choose another with --port."), "{error}");
    }

    #[tokio::test]
    async fn a_free_port_for_localhost_is_the_same_on_every_address() {
        let sockets = bind_localhost(0, "").await.unwrap();

        let ports = sockets.iter().map(|socket| socket.local_addr().unwrap().port()).collect::<Vec<_>>();

        assert!(ports[0] != 0 && ports.iter().all(|port| *port == ports[0]), "{ports:?}");
    }

    #[tokio::test]
    async fn a_port_of_localhost_that_somebody_holds_on_either_address_is_taken() {
        let Ok(holder) = TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).await else { return };
        let port = holder.local_addr().unwrap().port();

        let error = bind_localhost(port, "").await.unwrap_err().to_string();

        assert!(error.contains("taken"), "{error}");
    }
}
