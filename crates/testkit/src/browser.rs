//! A browser as far as cookies, Fetch Metadata, redirects and CORS preflights go.
//!
//! `localhost` and `127.0.0.1` are two sites, both of them trustworthy as browsers have it: `Secure` cookies are kept.

mod answer;
mod ask;
mod jar;
mod metadata;
mod wire;

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use http::{Method, StatusCode, header};

use self::jar::Jar;
pub use self::{
    answer::Answer,
    ask::{Ask, PageAt},
};
use crate::{HandClock, Url};

/// More hops than any sane sequence of redirects has; browsers stop at 20, too.
const MOST_HOPS: usize = 20;

/// A browser with its cookies.
#[derive(Debug)]
pub struct Browser {
    kind: Kind,
    jar: Mutex<Jar>,
    proxy: Mutex<Option<SocketAddr>>,
    seen: Mutex<Vec<u8>>,
}

/// Whether a browser tells where its requests come from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    /// It sends `Sec-Fetch-*`.
    Modern,
    /// It does not.
    Old,
}

impl Browser {
    /// A browser of today.
    pub fn new(clock: Arc<HandClock>) -> Self {
        Self::of_kind(Kind::Modern, clock)
    }

    /// A browser from before Fetch Metadata.
    pub fn old(clock: Arc<HandClock>) -> Self {
        Self::of_kind(Kind::Old, clock)
    }

    fn of_kind(kind: Kind, clock: Arc<HandClock>) -> Self {
        Self { kind, jar: Mutex::new(Jar::new(clock)), proxy: Mutex::default(), seen: Mutex::default() }
    }

    /// The value of a cookie, `HttpOnly` or not.
    pub fn cookie(&self, name: &str) -> Option<String> {
        self.jar().value(name)
    }

    /// The `Set-Cookie` values that broke a rule.
    pub fn refused_cookies(&self) -> Vec<String> {
        self.jar().refused.clone()
    }

    /// Puts a cookie in by force, as somebody with access to the machine could.
    pub fn plant(&self, url: &Url, name: &str, value: &str) {
        self.jar().plant(url, name, value);
    }

    /// Forgets a cookie.
    pub fn forget(&self, name: &str) {
        self.jar().forget(name);
    }

    /// Sends every request there from now on, whatever host it is for: a load balancer that changed its mind.
    pub fn connect_to(&self, address: SocketAddr) {
        *self.proxy.lock().unwrap_or_else(PoisonError::into_inner) = Some(address);
    }

    /// Every header and body that came in so far, with the cookies that stay invisible to pages.
    pub fn seen(&self) -> Vec<u8> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Types an address, or follows a bookmark.
    pub async fn open(&self, url: impl Into<Url>) -> Answer {
        self.send(Ask::typed(url)).await
    }

    fn jar(&self) -> MutexGuard<'_, Jar> {
        self.jar.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a request and follows redirects and self-refreshing pages, as far as the request allows it.
    ///
    /// A request that CORS forbids is not made: the answer is then that of the preflight.
    pub async fn send(&self, ask: Ask) -> Answer {
        if let Some(refused) = self.preflight(&ask).await {
            return refused;
        }
        let (mut ask, mut chain, mut earlier) = (ask, Vec::new(), Vec::new());
        for _ in 0..MOST_HOPS {
            chain.push(ask.url.clone());
            let mut answer = self.once(&ask, &chain).await;
            let next = if ask.follows { next(&ask, &answer) } else { Next::Nothing };
            match next {
                Next::Nothing => {
                    answer.earlier = earlier;
                    return answer;
                }
                Next::Redirect(redirected) => ask = *redirected,
                Next::Page(opened) => {
                    ask = *opened;
                    chain.clear();
                }
            }
            earlier.push(answer);
        }
        panic!("more than {MOST_HOPS} hops: {:#?}", chain.iter().map(ToString::to_string).collect::<Vec<_>>());
    }

    async fn preflight(&self, ask: &Ask) -> Option<Answer> {
        let preflight = ask.preflight()?;
        let answer = self.once(&preflight, std::slice::from_ref(&preflight.url)).await;
        let origin = ask.initiator.as_ref().map(|page| page.url.origin());
        let allowed = answer.status.is_success()
            && answer.header("access-control-allow-origin").is_some_and(|allowed| Some(allowed) == origin);
        (!allowed).then_some(answer)
    }

    async fn once(&self, ask: &Ask, chain: &[Url]) -> Answer {
        let mut headers = metadata::headers(ask, chain, self.kind == Kind::Modern);
        let cookies = self.jar().cookies(&ask.url, metadata::cookie_context(ask, chain));
        if !cookies.is_empty() && ask.sends_cookies {
            headers.insert(header::COOKIE, cookies.parse().expect("cookies are text"));
        }
        let proxy = *self.proxy.lock().unwrap_or_else(PoisonError::into_inner);
        let server = proxy.unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], ask.url.port())));
        let answer = wire::exchange(server, ask, headers).await;
        for cookie in answer.headers.get_all(header::SET_COOKIE) {
            self.jar().store(&ask.url, cookie.to_str().expect("cookies are text"));
        }
        self.remember(&answer);
        answer
    }

    fn remember(&self, answer: &Answer) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        for (name, value) in &answer.headers {
            seen.extend_from_slice(name.as_str().as_bytes());
            seen.extend_from_slice(b": ");
            seen.extend_from_slice(value.as_bytes());
            seen.push(b'\n');
        }
        seen.extend_from_slice(&answer.body);
        seen.push(b'\n');
    }
}

enum Next {
    Nothing,
    Redirect(Box<Ask>),
    Page(Box<Ask>),
}

fn next(ask: &Ask, answer: &Answer) -> Next {
    if answer.status.is_redirection()
        && let Some(location) = answer.header("location")
    {
        let keeps_method = matches!(answer.status, StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT);
        let mut redirected = ask.clone();
        redirected.url = ask.url.join(&location);
        if !keeps_method && ask.method != Method::HEAD {
            redirected.method = Method::GET;
            redirected.body = None;
        }
        return Next::Redirect(Box::new(redirected));
    }
    match answer.refresh() {
        Some(reference) if ask.is_navigation() => {
            Next::Page(Box::new(Ask::link(answer.page(), ask.url.join(&reference))))
        }
        _ => Next::Nothing,
    }
}
