//! Flows through the router, with the clients' half of the protocol from `protocol`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails there; the lint only excepts test functions")]

mod accounts;
mod authorization;
mod back_channel;
mod discovery;
mod hostile;
mod listening_client;
mod login_page;
mod logout;
mod refresh;
mod token;
mod world;
