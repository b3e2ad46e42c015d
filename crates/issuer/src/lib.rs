//! The built-in login server: a small standard OpenID provider for teams without one.
//!
//! To the rest of Cloakroom it is one authorization server among others; nothing here is known there. It has accounts
//! with passwords, and speaks OpenID Connect: discovery, authorization code with PKCE, ID tokens, one-time refresh
//! tokens, `UserInfo`, revocation, logout at the client's request, and word to
//! the clients of a session that has ended.
//!
//! START HERE: [`LoginServer`]. One file per endpoint under `endpoints`; everything that must happen exactly once is a
//! transaction under `storage`.
//!
//! | The database holds | Never |
//! |---|---|
//! | Argon2id hashes of passwords | passwords |
//! | SHA-256 of session and device cookies, codes, access and refresh tokens | anything that can be presented |
//! | the signing key and the key of the forms | — keep the file as you keep a private key |

mod accounts;
mod back_channel;
mod browser;
mod clients;
mod clock;
mod endpoints;
mod opaque;
mod pages;
mod parameters;
mod random;
mod rejection;
mod scope;
mod server;
mod settings;
mod signing;
mod storage;
mod tokens;

pub use accounts::{AccountError, Accounts, Profile};
pub use clients::ClientError;
pub use clock::Clock;
pub use server::{LoginServer, OpenError};
pub use settings::{RegisteredClient, Settings};
pub use storage::StorageError;
