//! Flows through real HTTP, and every store against one contract.

mod attacks;
mod back_channel;
mod boundaries;
mod csrf;
mod findings;
mod http_edge;
mod login;
mod logout;
mod parity;
mod refresh;
mod requests;
#[cfg(feature = "sqlite")]
mod secrecy;
mod sessions;
#[cfg(feature = "sqlite")]
mod sqlite;
mod store_conformance;
mod world;
