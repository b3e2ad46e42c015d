//! The one function that turns a rejection into a response: a problem document (RFC 9457), or a page for a navigation.

use axum::body::Body;
use http::{HeaderName, HeaderValue, Response, StatusCode, Uri, header, request};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde::Serialize;
use tracing::{debug, info};

use super::{BadRequest, RETRY_AFTER_SECONDS, Rejection};
use crate::{
    bff::Bff,
    cookie::{self, Life},
    endpoints,
    navigation::{Manner, Site},
    pages::{self, Action},
    return_path::ReturnPath,
    route::{self, Access, Kind},
    session::record::EndReason,
    settings::{Frontend, SameSite},
};

const REJECTION: HeaderName = HeaderName::from_static("cloakroom-rejection");
const IN_QUERY: AsciiSet = CONTROLS.add(b' ').add(b'"').add(b'#').add(b'&').add(b'+').add(b'<').add(b'>').add(b'%');

/// What has to be known about a request to turn it away; taken before the request is consumed.
pub(crate) struct Asked<'a> {
    frontend: Option<&'a Frontend>,
    manner: Manner,
    site: Site,
    is_page_route: bool,
    has_bounced: bool,
    has_own_referer: bool,
    uri: Uri,
}

impl<'a> Asked<'a> {
    pub(crate) fn of(bff: &'a Bff, head: &request::Parts) -> Self {
        let frontend = route::find_frontend(bff, head).ok();
        let found = route::find(bff, head).ok();
        let own_referer = |frontend: &Frontend| {
            crate::navigation::text(&head.headers, "referer")
                .is_some_and(|url| frontend.origin.strip_from(url).is_some())
        };
        Self {
            frontend,
            manner: Manner::of(head),
            site: Site::of(&head.headers),
            is_page_route: found.is_some_and(|found| {
                found.route.kind == Kind::Page
                    && found.route.access == Access::Session
                    && !endpoints::is_ours(found.frontend, head)
            }),
            has_bounced: cookie::find(&head.headers, cookie::BOUNCE).is_some(),
            has_own_referer: frontend.is_some_and(own_referer),
            uri: head.uri.clone(),
        }
    }
}

/// The answer to a request that is turned away.
pub(crate) fn respond(bff: &Bff, asked: &Asked<'_>, rejection: &Rejection) -> Response<Body> {
    let (status, code) = rejection.status();
    if matches!(rejection, Rejection::CrossSite(_)) {
        info!(%rejection, code, path = asked.uri.path(), "turned away");
    } else {
        debug!(%rejection, code, "turned away");
    }
    let needs_login = matches!(rejection, Rejection::NoSession | Rejection::SessionEnded(_));
    let mut response = match asked.frontend {
        Some(frontend) if needs_login && asked.is_page_route && asked.manner == Manner::Navigation => {
            send_to_login(bff, asked, frontend, rejection)
        }
        _ if asked.manner != Manner::Call => page(asked, rejection, status),
        _ => problem(asked, rejection, status, code),
    };
    let headers = response.headers_mut();
    if !status.is_success() {
        headers.insert(REJECTION, HeaderValue::from_static(code));
    }
    match rejection {
        Rejection::TryAgain(_) => insert(headers, header::RETRY_AFTER, &RETRY_AFTER_SECONDS.to_string()),
        Rejection::TooManyRequests(_) => insert(headers, header::RETRY_AFTER, "60"),
        Rejection::BadRequest(BadRequest::Method(allowed)) => insert(headers, header::ALLOW, allowed),
        // A newer ticket has taken its place in this very browser, perhaps while this request was under way.
        Rejection::SessionEnded(EndReason::Replaced | EndReason::TicketSuperseded) => {}
        Rejection::SessionEnded(_) => {
            if let Some(frontend) = asked.frontend {
                headers.append(header::SET_COOKIE, cookie::clear_session(frontend));
            }
        }
        _ => {}
    }
    if response.status() == StatusCode::UNAUTHORIZED
        && let Some(frontend) = asked.frontend
    {
        let challenge = format!("Cloakroom login=\"{}/login\"", frontend.auth_path);
        insert(response.headers_mut(), header::WWW_AUTHENTICATE, &challenge);
    }
    response
}

/// A navigation without a session. If another site's link led here, the Strict cookie was held back: a page
/// goes on to `login` as a request of our own, and only then is it known whether somebody is signed in.
fn send_to_login(bff: &Bff, asked: &Asked<'_>, frontend: &Frontend, rejection: &Rejection) -> Response<Body> {
    let place = ReturnPath::of_request(&asked.uri, bff, frontend);
    let held_back = frontend.cookie_same_site == SameSite::Strict && matches!(rejection, Rejection::NoSession);
    // The return path comes last: the page adds the fragment to it.
    let bounce_url = login_url(frontend, &place, "auto=1&");
    match asked.site {
        Site::Foreign if held_back => return pages::bounce(&bounce_url),
        Site::Unknown if held_back && !asked.has_bounced && !asked.has_own_referer => {
            let mut page = pages::bounce(&bounce_url);
            let marker = cookie::set(cookie::BOUNCE, "1", SameSite::Lax, Life::Seconds(30));
            page.headers_mut().append(header::SET_COOKIE, marker);
            return page;
        }
        _ => {}
    }
    see_other(&bounce_url)
}

fn page(asked: &Asked<'_>, rejection: &Rejection, status: StatusCode) -> Response<Body> {
    let mut actions = Vec::new();
    if let Some(frontend) = asked.frontend {
        if matches!(
            rejection,
            Rejection::NoSession | Rejection::SessionEnded(_) | Rejection::BadRequest(BadRequest::Login(_))
        ) {
            actions.push(Action::new("Sign in", login_url(frontend, &ReturnPath::start(), "")));
        }
        actions.push(Action::new("Go to the start page", "/"));
    }
    pages::message(status, rejection.title(), explanation(rejection), &actions)
}

/// What a person can do about it.
fn explanation(rejection: &Rejection) -> &'static str {
    match rejection {
        Rejection::TooManyRequests(_) => {
            "This browser was sent to sign in several times within a minute, and came back without being signed in each \
             time. Its cookies may be blocked. Wait a minute, then try again."
        }
        Rejection::BadRequest(BadRequest::Login(_)) => {
            "It may be too old, or have begun in another browser. Signing in again will do."
        }
        Rejection::TryAgain(_) => {
            "Nothing is lost. Try again in a moment. If it keeps happening, the people who run this application can help."
        }
        Rejection::UpstreamFailed(_) => "The people who run this application can find out more from its log.",
        Rejection::Forbidden(_) => "The sign-in was declined. You can go back and try again.",
        _ => "",
    }
}

#[derive(Serialize)]
struct Problem<'a> {
    #[serde(rename = "type")]
    kind: String,
    title: &'a str,
    status: u16,
    code: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    login_url: Option<String>,
}

fn problem(asked: &Asked<'_>, rejection: &Rejection, status: StatusCode, code: &'static str) -> Response<Body> {
    let reason = match rejection {
        Rejection::SessionEnded(reason) => Some(reason.as_str()),
        _ => None,
    };
    let login_url = asked.frontend.filter(|_| status == StatusCode::UNAUTHORIZED);
    let document = Problem {
        kind: format!("urn:cloakroom:rejection:{code}"),
        title: rejection.title(),
        status: status.as_u16(),
        code,
        reason,
        login_url: login_url.map(|frontend| format!("{}/login", frontend.auth_path)),
    };
    let mut response = endpoints::json(status, &document);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    response
}

fn login_url(frontend: &Frontend, place: &ReturnPath, begun: &str) -> String {
    let place = utf8_percent_encode(place.as_str(), &IN_QUERY);
    format!("{}/login?{begun}return_to={place}", frontend.auth_path)
}

/// 303: whatever the method was, go on with GET (RFC 9110 §15.4.4).
pub(crate) fn see_other(url: &str) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SEE_OTHER;
    insert(response.headers_mut(), header::LOCATION, url);
    pages::harden(response.headers_mut());
    response
}

fn insert(headers: &mut http::HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

/// A preflight from an origin that is not listed gets no permission and reaches no upstream.
pub(crate) fn is_preflight(head: &request::Parts) -> bool {
    head.method == http::Method::OPTIONS
        && head.headers.contains_key(header::ORIGIN)
        && head.headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}
