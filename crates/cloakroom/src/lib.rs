//! Cloakroom keeps OAuth tokens on the server, sealed, and gives the browser a ticket: an `HttpOnly` cookie.

pub mod clock;
pub mod random;
pub mod session;
