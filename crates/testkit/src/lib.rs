//! Partners for tests, on real loopback sockets: an authorization server that does whatever a script says and keeps a
//! ledger of refresh tokens, a resource server that echoes what arrived, a browser that obeys the rules for cookies and
//! Fetch Metadata, a raw socket for what no client would send, and a clock that is moved by hand.

#![expect(clippy::missing_panics_doc, reason = "a partner that cannot play its part panics, and so fails the test")]

pub mod authorization_server;
pub mod browser;
pub mod clock;
pub mod gate;
pub mod raw;
pub mod resource_server;
pub mod server;
pub mod url;

pub use self::{
    authorization_server::AuthorizationServer,
    browser::{Answer, Ask, Browser},
    clock::HandClock,
    gate::Gate,
    resource_server::ResourceServer,
    server::Server,
    url::Url,
};
