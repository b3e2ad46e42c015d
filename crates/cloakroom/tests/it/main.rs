//! Flows through real HTTP, and every store against one contract.

mod csrf;
mod http_edge;
mod login;
mod logout;
mod refresh;
mod requests;
mod sessions;
#[cfg(feature = "sqlite")]
mod sqlite;
mod store_conformance;
mod world;
