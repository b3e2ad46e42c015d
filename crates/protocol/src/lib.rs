//! OAuth 2.0, OpenID Connect and JOSE messages: make a request, process a response.
//!
//! Nothing here opens a socket, reads a file or a clock, or draws a random number: the caller sends the
//! [`http::Request`]s, passes the [`http::Response`]s back, and gives the time and random bytes as arguments.
//! So every rule of the specifications can be tested without a network, and the same code serves a gateway, a
//! native application and a login server.
//!
//! The `Debug` output of every type made here hides secrets. That of [`http::Request`] and [`http::Response`] shows the
//! body, where the secrets are: never log a whole message.
//!
//! The modules, in the order of a login:
//!
//! | Module | Message |
//! |---|---|
//! | [`metadata`] | what the authorization server offers (OpenID Connect Discovery, RFC 8414) |
//! | [`key_set`] | its public keys |
//! | [`client`] | who we are to it |
//! | [`pkce`] | the proof that ties the code to this login (RFC 7636) |
//! | [`authorization`] | to the authorization server and back, through the browser (RFC 6749 §4.1, RFC 9207) |
//! | [`token`] | code or refresh token in, token set out (RFC 6749 §4.1.3, §5, §6) |
//! | [`id_token`] | who logged in (OpenID Connect Core §2, §3.1.3.7) |
//! | [`userinfo`] | claims about them (OpenID Connect Core §5.3) |
//! | [`access_token`] | the resource server's side (RFC 9068, plain JWT) |
//! | [`introspection`] | the same for tokens that only their server can read (RFC 7662) |
//! | [`revocation`] | tokens no longer needed (RFC 7009) |
//! | [`end_session`] | logout at the authorization server (OpenID Connect RP-Initiated Logout) |
//! | [`logout_token`] | logout that the authorization server tells us of (OpenID Connect Back-Channel Logout) |
//!
//! Below them: [`jose`] (signatures and keys), [`identifier`] (URLs and ids that were checked once), [`secret`] and
//! [`time`]. Everything is re-exported here, so `protocol::verify_id_token` is enough.

pub mod access_token;
pub mod authorization;
mod claims;
pub mod client;
pub mod end_session;
pub mod id_token;
pub mod identifier;
pub mod introspection;
pub mod jose;
mod json;
pub mod key_set;
pub mod logout_token;
mod message;
pub mod metadata;
pub mod pkce;
pub mod revocation;
pub mod secret;
pub mod time;
pub mod token;
pub mod userinfo;

pub use access_token::*;
pub use authorization::*;
pub use client::*;
pub use end_session::*;
pub use id_token::*;
pub use identifier::*;
pub use introspection::*;
pub use jose::*;
pub use key_set::*;
pub use logout_token::*;
pub use metadata::*;
pub use pkce::*;
pub use revocation::*;
pub use secret::*;
pub use time::*;
pub use token::*;
pub use userinfo::*;
