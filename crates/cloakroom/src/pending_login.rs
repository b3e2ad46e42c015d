//! A pending login: from `login` to `callback`, sealed into `state`. Nothing is stored before the callback, so a login can
//! end on any node, and any number of tabs can sign in at once.
//!
//! `state` = base64url( version 1 ‖ key id 1 ‖ id 16 ‖ sealed ), bound to this browser's login cookie. The code verifier
//! and the nonce are made again from id and login cookie; neither is ever written down.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{HeaderMap, HeaderValue};
use protocol::{CodeVerifier, Secret, Timestamp};

use crate::{
    cookie::{self, Life},
    keys::{Binding, KeyRing, OpenError, Purpose},
    random::{self, Random},
    return_path::ReturnPath,
    seal,
    session::{
        fields::{Reader, Writer},
        record::StoreKey,
    },
    settings::{SameSite, Settings},
};

const VERSION: u8 = 1;
/// The longest `state` that is looked at.
const LONGEST: usize = 8 * 1024;

/// How long a login may take.
pub(crate) const LIFE_SECONDS: u32 = 3600;

/// The secret that ties pending logins to one browser; in the login cookie.
pub(crate) struct BrowserSecret(Secret<[u8; 32]>);

/// What has to be remembered until the callback.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct PendingLogin {
    /// Makes it good for one callback.
    pub(crate) id: [u8; 16],
    /// The authorization server's configured name.
    pub(crate) server: String,
    /// The frontend's configured name.
    pub(crate) frontend: String,
    /// Where to go afterwards.
    pub(crate) return_path: String,
    /// The session that this login replaces. The callback could not see it: its Strict cookie stays away.
    pub(crate) replaces: Option<StoreKey>,
    /// When it began.
    pub(crate) began_at: Timestamp,
    /// `max_age` in seconds, which the ID token must honour.
    pub(crate) max_age: Option<u32>,
    /// Whether no person, but a redirect of ours began it.
    pub(crate) begun: Begun,
}

/// Who began a login.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Begun {
    ByPerson,
    Automatically,
}

impl PendingLogin {
    /// The value of `state`.
    pub(crate) fn seal(&self, browser: &BrowserSecret, keys: &KeyRing, random: &dyn Random) -> String {
        let fields = Writer::default()
            .text(1, &self.server)
            .text(2, &self.frontend)
            .text(3, &self.return_path)
            .optional(self.replaces, |fields, key| fields.bytes(4, &key.0))
            .time(5, self.began_at)
            .optional(self.max_age, |fields, age| fields.bytes(6, &age.to_be_bytes()))
            .optional((self.begun == Begun::Automatically).then_some(()), |fields, ()| fields.bytes(7, &[]))
            .finish();
        let (key_id, sealed) = keys.seal(&binding(&self.id, &browser.hash()), &fields, random);
        let mut state = vec![VERSION, key_id];
        state.extend_from_slice(&self.id);
        state.extend_from_slice(&sealed);
        URL_SAFE_NO_PAD.encode(state)
    }

    /// The pending login in a `state` that this browser was given. Nothing for any other.
    pub(crate) fn open(state: &str, browser: &BrowserSecret, keys: &KeyRing) -> Result<Self, OpenError> {
        if state.len() > LONGEST {
            return Err(OpenError::Forged);
        }
        let bytes = URL_SAFE_NO_PAD.decode(state).map_err(|_| OpenError::Forged)?;
        let ([VERSION, key_id], rest) = bytes.split_first_chunk::<2>().ok_or(OpenError::Forged)? else {
            return Err(OpenError::Forged);
        };
        let (id, sealed) = rest.split_first_chunk::<16>().ok_or(OpenError::Forged)?;
        let fields = keys.open(*key_id, &binding(id, &browser.hash()), sealed)?;
        Self::parse(*id, fields.expose()).ok_or(OpenError::Forged)
    }

    fn parse(id: [u8; 16], bytes: &[u8]) -> Option<Self> {
        let fields = Reader::parse(bytes)?;
        Some(Self {
            id,
            server: fields.owned(1)?,
            frontend: fields.owned(2)?,
            return_path: fields.owned(3)?,
            replaces: fields.bytes(4).map(TryInto::try_into).transpose().ok()?.map(StoreKey),
            began_at: fields.time(5)?,
            max_age: fields.bytes(6).map(TryInto::try_into).transpose().ok()?.map(u32::from_be_bytes),
            begun: if fields.bytes(7).is_some() { Begun::Automatically } else { Begun::ByPerson },
        })
    }

    /// Code verifier (RFC 7636) and nonce of this login in this browser. The same each time they are asked for.
    pub(crate) fn secrets(
        &self,
        key_id: u8,
        browser: &BrowserSecret,
        keys: &KeyRing,
    ) -> Option<(CodeVerifier, String)> {
        let derive = |what: u8| {
            let mut subject = vec![what];
            subject.extend_from_slice(&self.id);
            subject.extend_from_slice(browser.0.expose());
            keys.derive(key_id, Purpose::LoginSecrets, &subject)
        };
        let (verifier, nonce) = (derive(1)?, derive(2)?);
        Some((CodeVerifier::from_bytes(verifier.expose()), URL_SAFE_NO_PAD.encode(nonce.expose())))
    }

    /// Names the pending login for single use.
    pub(crate) fn once_id(&self) -> [u8; 32] {
        seal::sha256(&[b"cloakroom/1/pending-login", &self.id])
    }
}

fn binding<'a>(id: &'a [u8; 16], browser: &'a [u8; 32]) -> Binding<'a> {
    Binding { purpose: Purpose::State, subject: id, context: browser }
}

/// The id of the key that a `state` was sealed with.
pub(crate) fn key_id(state: &str) -> Option<u8> {
    let start = URL_SAFE_NO_PAD.decode(state.get(..4)?).ok()?;
    start.get(1).copied()
}

impl BrowserSecret {
    /// The secret that this browser presents.
    pub(crate) fn presented(headers: &HeaderMap) -> Option<Self> {
        let mut secret = [0; 32];
        let value = cookie::find(headers, cookie::LOGIN)?;
        let complete = value.len() == 43 && URL_SAFE_NO_PAD.decode_slice(value, &mut secret) == Ok(32);
        complete.then(|| Self(Secret::new(secret)))
    }

    /// A new one, for a browser that presents none.
    pub(crate) fn generate(random: &dyn Random) -> Self {
        Self(Secret::new(random::bytes(random)))
    }

    /// The login cookie.
    pub(crate) fn set_cookie(&self) -> HeaderValue {
        let value = URL_SAFE_NO_PAD.encode(self.0.expose());
        let mut cookie = cookie::set(cookie::LOGIN, &value, SameSite::Lax, Life::Seconds(LIFE_SECONDS));
        cookie.set_sensitive(true);
        cookie
    }

    /// Names the browser without telling the secret.
    pub(crate) fn hash(&self) -> [u8; 32] {
        seal::sha256(&[b"cloakroom/1/login-cookie", self.0.expose()])
    }
}

/// The return path that was sealed, judged again: settings may have changed since.
pub(crate) fn return_path(login: &PendingLogin, settings: &Settings) -> ReturnPath {
    let frontend = settings.frontends.iter().find(|frontend| frontend.name == login.frontend);
    frontend
        .and_then(|frontend| ReturnPath::parse(&login.return_path, settings, frontend))
        .unwrap_or_else(ReturnPath::start)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::SystemRandom;

    fn login() -> PendingLogin {
        PendingLogin {
            id: [7; 16],
            server: "login".to_owned(),
            frontend: "app".to_owned(),
            return_path: "/orders?page=2#top".to_owned(),
            replaces: Some(StoreKey([9; 32])),
            began_at: Timestamp::from_unix_seconds(1_000),
            max_age: Some(60),
            begun: Begun::Automatically,
        }
    }

    #[test]
    fn a_state_opens_only_in_the_browser_that_began_the_login() {
        let keys = KeyRing::generate(&SystemRandom);
        let (mine, other) = (BrowserSecret::generate(&SystemRandom), BrowserSecret::generate(&SystemRandom));

        let state = login().seal(&mine, &keys, &SystemRandom);

        assert_eq!(PendingLogin::open(&state, &mine, &keys).unwrap(), login());
        assert_eq!(PendingLogin::open(&state, &other, &keys).err(), Some(OpenError::Forged));
        assert_eq!(PendingLogin::open(&state, &mine, &KeyRing::generate(&SystemRandom)).err(), Some(OpenError::Forged));
    }

    #[test]
    fn no_changed_character_of_a_state_opens() {
        let keys = KeyRing::generate(&SystemRandom);
        let browser = BrowserSecret::generate(&SystemRandom);
        let state = login().seal(&browser, &keys, &SystemRandom);

        for position in 0..state.len() {
            let mut changed = state.clone().into_bytes();
            changed[position] = if changed[position] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();

            assert!(PendingLogin::open(&changed, &browser, &keys).is_err(), "{position}");
        }
    }

    #[test]
    fn verifier_and_nonce_differ_by_login_and_browser_and_are_stable() {
        let keys = KeyRing::generate(&SystemRandom);
        let (a, b) = (BrowserSecret::generate(&SystemRandom), BrowserSecret::generate(&SystemRandom));
        let text = |browser: &BrowserSecret, id| {
            let (verifier, nonce) = PendingLogin { id, ..login() }.secrets(1, browser, &keys).unwrap();
            (verifier.expose().to_owned(), nonce)
        };

        assert_eq!(text(&a, [1; 16]), text(&a, [1; 16]));
        assert_ne!(text(&a, [1; 16]), text(&b, [1; 16]));
        assert_ne!(text(&a, [1; 16]), text(&a, [2; 16]));
        assert_ne!(text(&a, [1; 16]).0, text(&a, [1; 16]).1);
    }
}
