//! Cloakroom keeps OAuth tokens on the server, sealed, and gives the browser a ticket: an `HttpOnly` cookie.
//!
//! Settings go in, a [`Router`](axum::Router) comes out: [`bff::Bff::builder`]. The modules follow a request; a reader
//! starts at `proxy`.

// The way of an API request.
mod proxy;
pub mod route;
pub mod csrf;
pub mod cookie;
pub mod session;
pub mod refresh;
pub mod policy;
mod upstream;

// Our own endpoints, and what they need.
mod claims;
mod endpoints;
mod pages;
mod pending_login;
mod return_path;
mod revocation;

// What all of them stand on.
pub mod authorization_server;
pub mod bff;
pub mod clock;
mod front_door;
pub mod keys;
mod navigation;
pub mod random;
pub mod rejection;
mod seal;
pub mod settings;
mod tls;

#[cfg(test)]
mod properties;

pub use endpoints::CONTRACT;
