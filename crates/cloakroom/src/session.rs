//! What a session holds; starting, loading and ending one.

pub mod record;
pub mod store;
