//! `[listen]`: where browsers, or the TLS-terminating proxy, connect.

use std::net::SocketAddr;

use super::{document::Document, report::Problem, section::Section};

/// Where the program listens.
#[derive(Debug)]
pub(crate) struct Listen {
    /// The address and port.
    pub(crate) address: SocketAddr,
    /// Who speaks TLS with the browser.
    pub(crate) tls: Tls,
    /// How many connections are open at the same time; more wait until an idle one has made room. Default 4096. Without
    /// a proxy, one peer has at most a quarter of them, or 64 where that is more.
    pub(crate) connections: usize,
}

/// Who speaks TLS with the browser.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Tls {
    /// Nobody: only for origins on this machine.
    Off,
    /// A proxy in front of this program.
    Terminated,
}

pub(super) fn read(section: &Section<'_>) -> Option<Listen> {
    let address = section.required("address", |text| {
        text.parse::<SocketAddr>().map_err(|_| {
            format!("{text:?} is not an address: write IP address and port, such as `127.0.0.1:8080` or `[::]:8080`")
        })
    });
    let tls = section.optional("tls", Tls::Off, |text| match text {
        "off" => Ok(Tls::Off),
        "terminated" => Ok(Tls::Terminated),
        _ => Err(format!(
            "{text:?} is unknown: write `off`, or `terminated` when a proxy in front of this program speaks TLS"
        )),
    });
    let connections = section.number("connections", 4096, 1..1_000_001);
    section.refuse_unknown_keys();
    Some(Listen { address: address?, tls: tls?, connections: connections? })
}

/// A frontend's origin is `https`, and nobody speaks TLS.
pub(super) fn tls_is_missing(document: &Document<'_>, frontend: usize) -> Problem {
    let place = format!("frontends[{frontend}].origin");
    let why = "is https, and this program does not speak TLS itself";
    Problem::refused(&place, document.span_of(&place), why).with_help(
        "put a proxy that terminates TLS in front of it and say so with `tls = \"terminated\"` in `[listen]`",
    )
}
