//! Flows through real HTTP, and every store against one contract.

#[cfg(feature = "sqlite")]
mod sqlite;
mod store_conformance;
