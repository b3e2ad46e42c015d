//! Where a client wants to be told: an address that was registered, and the network it may lie in.

use std::net::IpAddr;

use http::Uri;
use protocol::{EndpointUrl, InvalidUrl};

/// A registered back-channel logout URI (OpenID Connect Back-Channel Logout 1.0 §2.2).
#[derive(Debug)]
pub(crate) struct Destination(EndpointUrl);

impl Destination {
    /// Takes `https`, and `http` on a loopback host; no address of a private network.
    pub(crate) fn parse(uri: &str) -> Result<Self, InvalidUrl> {
        let url = EndpointUrl::parse(uri)?;
        let host = url.uri().host().unwrap_or_default();
        let literal = host.trim_matches(['[', ']']).parse::<IpAddr>();
        match literal {
            Ok(address) if !Network::of(host).holds(address) => Err(InvalidUrl::Host),
            _ => Ok(Self(url)),
        }
    }

    pub(super) fn uri(&self) -> &Uri {
        self.0.uri()
    }
}

/// The addresses that a host's name may stand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Network {
    /// This machine, because the registered host says so.
    Loopback,
    /// Everything but loopback, private, link-local and other addresses that the internet does not route: a name that
    /// comes to point there must not lead a request in.
    Public,
}

impl Network {
    pub(super) fn of(host: &str) -> Self {
        let address = host.trim_matches(['[', ']']).parse::<IpAddr>();
        let is_loopback = address.map_or(host.eq_ignore_ascii_case("localhost"), |address| address.is_loopback());
        if is_loopback { Self::Loopback } else { Self::Public }
    }

    pub(super) fn holds(self, address: IpAddr) -> bool {
        match self {
            Self::Loopback => address.to_canonical().is_loopback(),
            Self::Public => is_public(address.to_canonical()),
        }
    }
}

/// Not one of the special blocks of RFC 6890 in which something private may listen.
fn is_public(address: IpAddr) -> bool {
    if address.is_loopback() || address.is_unspecified() || address.is_multicast() {
        return false;
    }
    match address {
        IpAddr::V4(address) => {
            let [first, second, ..] = address.octets();
            let is_shared = first == 100 && (64..128).contains(&second);
            !(address.is_private() || address.is_link_local() || address.is_broadcast() || first == 0 || is_shared)
        }
        IpAddr::V6(address) => !(address.is_unique_local() || address.is_unicast_link_local()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_destination_is_https_or_on_this_machine() {
        for uri in ["https://app.example/logout", "https://8.8.8.8/", "http://127.0.0.1:3000/x", "http://localhost:1/x"]
        {
            assert!(Destination::parse(uri).is_ok(), "{uri}");
        }
        for uri in ["http://app.example/logout", "https://app.example/#x", "com.example.app:/logout", "/logout", ""] {
            assert!(Destination::parse(uri).is_err(), "{uri}");
        }
    }

    #[test]
    fn an_address_of_a_private_network_is_no_destination() {
        for host in [
            "10.0.0.1",
            "192.168.1.1",
            "172.16.0.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "[fd00::1]",
            "[fe80::1]",
            "[::ffff:10.0.0.1]",
            "[::]",
        ] {
            assert!(Destination::parse(&format!("https://{host}/logout")).is_err(), "{host}");
        }
    }

    #[test]
    fn a_name_stands_for_public_addresses_and_that_of_this_machine_for_loopback() {
        let holds = |host, address: &str| Network::of(host).holds(address.parse().unwrap());

        assert!(holds("localhost", "127.0.0.1") && holds("LOCALHOST", "::1") && holds("app.example", "8.8.8.8"));
        assert!(!holds("localhost", "8.8.8.8") && !holds("app.example", "127.0.0.1"));
        assert!(!holds("app.example", "10.0.0.1") && !holds("app.example", "::1"));
    }
}
