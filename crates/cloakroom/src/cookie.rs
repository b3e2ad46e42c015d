//! Which session does the browser name? Opens and seals the session cookie: the ticket.
//!
//! A ticket is 60 bytes, 80 characters of base64url:
//! `version 1 ‖ key id 1 ‖ bucket 2 ‖ selector 16 ‖ secret 32 ‖ MAC 8`. The selector names the record (the store knows
//! only its hash), the secret opens it, and the MAC keeps garbage from the store. All that the cookie rules promise
//! (`__Host-Http-`: only set over HTTPS, by HTTP, for this host and every path) is RFC 6265bis and its successor draft.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{HeaderMap, HeaderValue, header, request};
use protocol::Secret;

use crate::{
    bff::Bff,
    csrf::{OwnPage, TokenOwed},
    keys::{self, KeyRing},
    random::{self, Random},
    rejection::Rejection,
    route::Access,
    seal,
    session::record::{Bucket, StoreKey},
    settings::{Frontend, SameSite},
};

/// The ticket's layout that this program writes and reads.
pub const TICKET_VERSION: u8 = 1;
/// The cookie that carries the ticket.
pub const SESSION: &str = "__Host-Http-cloakroom";
/// The cookie that ties pending logins to a browser.
pub const LOGIN: &str = "__Host-Http-cloakroom-login";
/// The cookie that says a browser was just sent on from another site's link.
pub const BOUNCE: &str = "__Host-Http-cloakroom-bounce";

const LENGTH: usize = 60;
const MAC_LENGTH: usize = 8;

/// A ticket whose MAC is right. Whether its session exists, the store knows.
pub struct Ticket {
    bytes: Secret<[u8; LENGTH]>,
}

/// Who sent the request, as its cookie says.
#[derive(Debug)]
pub(crate) enum Presented<'a> {
    /// Nobody, as far as this route cares.
    Nobody,
    /// A browser with a ticket.
    Ticket {
        ticket: Ticket,
        /// The session must be for this frontend.
        frontend: &'a Frontend,
        /// Still to be judged, once the session is known.
        owes: Option<TokenOwed>,
    },
}

/// The ticket that the request presents.
///
/// # Errors
///
/// [`Rejection::NoSession`] where the route needs a session and the request names none. A cookie that is not a ticket of
/// this installation, or two different ones, counts as none.
pub(crate) fn open<'a>(bff: &Bff, head: &request::Parts, own_page: OwnPage<'a>) -> Result<Presented<'a>, Rejection> {
    if own_page.route().access == Access::Public {
        return Ok(Presented::Nobody);
    }
    let ticket = presented_ticket(bff.keys(), &head.headers).ok_or(Rejection::NoSession)?;
    let (frontend, owes) = own_page.into_owed();
    Ok(Presented::Ticket { ticket, frontend, owes })
}

/// The ticket in these headers, if there is exactly one and its MAC is right.
pub(crate) fn presented_ticket(keys: &KeyRing, headers: &HeaderMap) -> Option<Ticket> {
    Ticket::parse(find(headers, SESSION)?, keys)
}

impl Ticket {
    /// A new ticket for a new session in this bucket.
    pub(crate) fn mint(bucket: Bucket, keys: &KeyRing, random: &dyn Random) -> Self {
        let mut bytes = [0; LENGTH];
        bytes[0] = TICKET_VERSION;
        bytes[1] = keys.primary();
        bytes[2..4].copy_from_slice(&bucket.0.to_be_bytes());
        bytes[4..52].copy_from_slice(&random::bytes::<48>(random));
        let mac = keys.ticket_mac(bytes[1], &bytes[..LENGTH - MAC_LENGTH]);
        bytes[52..].copy_from_slice(&mac.expect("the primary key is in the ring"));
        Self { bytes: Secret::new(bytes) }
    }

    fn parse(text: &str, keys: &KeyRing) -> Option<Self> {
        let mut bytes = [0; LENGTH];
        if text.len() != LENGTH / 3 * 4 || URL_SAFE_NO_PAD.decode_slice(text, &mut bytes) != Ok(LENGTH) {
            return None;
        }
        let (signed, mac) = bytes.split_at(LENGTH - MAC_LENGTH);
        let expected = keys.ticket_mac(bytes[1], signed)?;
        (bytes[0] == TICKET_VERSION && keys::is_same_mac(&expected, mac)).then(|| Self { bytes: Secret::new(bytes) })
    }

    /// The record it names.
    pub(crate) fn store_key(&self) -> StoreKey {
        StoreKey(seal::sha256(&[b"cloakroom/1/store-key", &self.bytes.expose()[4..20]]))
    }

    /// What opens that record, with the key ring.
    pub(crate) fn secret(&self) -> &[u8; 32] {
        self.bytes.expose()[20..].first_chunk().expect("a ticket has 40 bytes after its selector")
    }

    /// Tells which wrap it opens, without telling the secret.
    pub(crate) fn wrap_id(&self) -> [u8; 16] {
        let hash = seal::sha256(&[b"cloakroom/1/wrap-id", self.secret()]);
        *hash.first_chunk().expect("a SHA-256 is 32 bytes")
    }

    /// Names the whole ticket in the cache, so that a hit proves every byte.
    pub(crate) fn hash(&self) -> [u8; 32] {
        seal::sha256(&[b"cloakroom/1/ticket", self.bytes.expose()])
    }

    /// The session cookie with this ticket.
    pub(crate) fn set_cookie(&self, frontend: &Frontend) -> HeaderValue {
        let value = Secret::new(URL_SAFE_NO_PAD.encode(self.bytes.expose()));
        let mut header = set(SESSION, value.expose(), frontend.cookie_same_site, Life::Browser);
        header.set_sensitive(true);
        header
    }
}

impl std::fmt::Debug for Ticket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Ticket({:?})", self.store_key())
    }
}

/// How long a browser keeps a cookie.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Life {
    /// Until it closes.
    Browser,
    /// So many seconds.
    Seconds(u32),
    /// Not any longer.
    Over,
}

/// A `Set-Cookie` value. Deleting repeats every attribute, or the prefix rules would keep the old cookie alive.
pub(crate) fn set(name: &str, value: &str, same_site: SameSite, life: Life) -> HeaderValue {
    let life = match life {
        Life::Browser => String::new(),
        Life::Seconds(seconds) => format!("; Max-Age={seconds}"),
        Life::Over => "; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT".to_owned(),
    };
    let cookie = format!("{name}={value}; Path=/; Secure; HttpOnly; SameSite={}{life}", same_site.as_str());
    HeaderValue::try_from(cookie).expect("names and values of our cookies are plain ASCII")
}

/// Deletes the session cookie.
pub(crate) fn clear_session(frontend: &Frontend) -> HeaderValue {
    set(SESSION, "", frontend.cookie_same_site, Life::Over)
}

/// The value of a cookie. Nothing when it is not there, or there with different values: then somebody planted one.
pub(crate) fn find<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = pairs(headers).filter(|pair| pair.name == name.as_bytes()).map(|pair| pair.value);
    let first = values.next()?;
    if values.any(|other| other != first) {
        return None;
    }
    std::str::from_utf8(first).ok()
}

/// Removes our cookies from the request, in place: an upstream has no use for them. What is left is one header
/// (RFC 9113 §8.2.3), byte for byte.
pub(crate) fn strip_ours(headers: &mut HeaderMap) {
    if !headers.contains_key(header::COOKIE) {
        return;
    }
    let kept: Vec<&[u8]> = pairs(headers).filter(|pair| !is_ours(pair.name)).map(|pair| pair.whole).collect();
    let kept = HeaderValue::from_bytes(&kept.join(b"; ".as_slice()));
    headers.remove(header::COOKIE);
    if let Ok(value) = kept
        && !value.is_empty()
    {
        headers.insert(header::COOKIE, value);
    }
}

/// Removes attempts of an upstream to set one of our cookies, in place.
pub(crate) fn refuse_ours(headers: &mut HeaderMap) {
    let theirs: Vec<HeaderValue> =
        headers.get_all(header::SET_COOKIE).iter().filter(|value| !sets_ours(value)).cloned().collect();
    headers.remove(header::SET_COOKIE);
    for value in theirs {
        headers.append(header::SET_COOKIE, value);
    }
}

/// A cookie without a name, `=ours=x`, would come back as `ours=x`.
fn sets_ours(value: &HeaderValue) -> bool {
    let pair = value.as_bytes().split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
    let pair = pair.strip_prefix(b"=").unwrap_or(pair).trim_ascii();
    is_ours(pair.split(|byte| *byte == b'=').next().unwrap_or_default())
}

/// Whether a cookie's name is one of ours, or one that a browser might take for it (prefixes ignore letter case).
fn is_ours(name: &[u8]) -> bool {
    name.trim_ascii().get(..SESSION.len()).is_some_and(|start| start.eq_ignore_ascii_case(SESSION.as_bytes()))
}

struct Pair<'a> {
    whole: &'a [u8],
    name: &'a [u8],
    value: &'a [u8],
}

/// Every cookie of the request. Bytes, not text: what another application's cookie holds must not hide ours.
fn pairs(headers: &HeaderMap) -> impl Iterator<Item = Pair<'_>> {
    let lines = headers.get_all(header::COOKIE).iter().map(HeaderValue::as_bytes);
    let pairs = lines.flat_map(|line| line.split(|byte| *byte == b';')).map(<[u8]>::trim_ascii);
    pairs.filter(|pair| !pair.is_empty()).map(|whole| match whole.iter().position(|byte| *byte == b'=') {
        Some(end) => Pair { whole, name: &whole[..end], value: &whole[end + 1..] },
        None => Pair { whole, name: &[], value: whole },
    })
}

#[cfg(test)]
mod tests;
