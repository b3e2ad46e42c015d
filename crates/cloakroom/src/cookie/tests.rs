use super::*;
use crate::random::SystemRandom;

fn headers(cookies: &[&str]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for cookie in cookies {
        headers.append(header::COOKIE, HeaderValue::try_from(*cookie).unwrap());
    }
    headers
}

fn text(ticket: &Ticket) -> String {
    URL_SAFE_NO_PAD.encode(ticket.bytes.expose())
}

#[test]
fn a_minted_ticket_is_eighty_characters_and_opens() {
    let keys = KeyRing::generate(&SystemRandom);
    let ticket = Ticket::mint(Bucket(5), &keys, &SystemRandom);

    let opened = presented_ticket(&keys, &headers(&[&format!("a=b; {SESSION}={}", text(&ticket))])).unwrap();

    assert_eq!(text(&ticket).len(), 80);
    assert_eq!(opened.store_key(), ticket.store_key());
    assert_eq!(opened.secret(), ticket.secret());
}

#[test]
fn no_changed_character_makes_another_ticket() {
    let keys = KeyRing::generate(&SystemRandom);
    let ticket = text(&Ticket::mint(Bucket(5), &keys, &SystemRandom));

    for position in 0..ticket.len() {
        for replacement in ['A', 'b', '_', '=', '+', ' '] {
            let mut changed: Vec<char> = ticket.chars().collect();
            if changed[position] == replacement {
                continue;
            }
            changed[position] = replacement;
            let changed: String = changed.into_iter().collect();

            assert!(Ticket::parse(&changed, &keys).is_none(), "{changed}");
        }
    }
}

#[test]
fn a_ticket_of_another_installation_is_none() {
    let (keys, other) = (KeyRing::generate(&SystemRandom), KeyRing::generate(&SystemRandom));
    let ticket = text(&Ticket::mint(Bucket(0), &other, &SystemRandom));

    assert!(Ticket::parse(&ticket, &keys).is_none());
}

#[test]
fn two_different_values_are_no_session_and_the_same_twice_is_one() {
    let name = SESSION;

    assert_eq!(find(&headers(&[&format!("{name}=a; {name}=b")]), name), None);
    assert_eq!(find(&headers(&[&format!("{name}=a"), &format!("{name}=b")]), name), None);
    assert_eq!(find(&headers(&[&format!("{name}=a; {name}=a")]), name), Some("a"));
}

#[test]
fn names_match_byte_for_byte() {
    for almost in
        ["__host-http-cloakroom", "__Host-Http-cloakroom ", "__Host-Http-cloakroo%6d", "__Host-Http-cloakroom2"]
    {
        assert_eq!(find(&headers(&[&format!("{almost}=a")]), SESSION), None, "{almost}");
    }
    assert_eq!(find(&headers(&[&format!(" {SESSION}=a ;b=c")]), SESSION), Some("a"));
}

#[test]
fn a_cookie_with_foreign_bytes_does_not_hide_ours() {
    let mut headers = HeaderMap::new();
    let line = [b"legacy=Jos\xe9; caf\xc3\xa9=1; ".as_slice(), SESSION.as_bytes(), b"=a"].concat();
    headers.append(header::COOKIE, HeaderValue::from_bytes(&line).unwrap());

    assert_eq!(find(&headers, SESSION), Some("a"));

    strip_ours(&mut headers);

    assert_eq!(headers.get(header::COOKIE).unwrap().as_bytes(), b"legacy=Jos\xe9; caf\xc3\xa9=1");
}

#[test]
fn only_our_cookies_are_taken_off() {
    let mut headers =
        headers(&[&format!("theme=dark; {SESSION}=x; {LOGIN}=y; lang=en"), "bare", &format!("{BOUNCE}=1")]);

    strip_ours(&mut headers);

    let left: Vec<_> = headers.get_all(header::COOKIE).iter().collect();
    assert_eq!(left, ["theme=dark; lang=en; bare"]);
}

#[test]
fn an_upstream_cannot_set_our_cookies_in_any_letter_case() {
    let mut headers = HeaderMap::new();
    for cookie in
        ["__Host-Http-cloakroom=x; Secure", " __hOsT-hTTp-CLOAKROOM-login=x", "=__Host-Http-cloakroom=x", "theme=dark"]
    {
        headers.append(header::SET_COOKIE, HeaderValue::from_static(cookie));
    }

    refuse_ours(&mut headers);

    let left: Vec<_> = headers.get_all(header::SET_COOKIE).iter().collect();
    assert_eq!(left, ["theme=dark"]);
}

#[test]
fn deleting_repeats_every_attribute() {
    let deletion = set(SESSION, "", SameSite::Strict, Life::Over);

    assert_eq!(
        deletion,
        "__Host-Http-cloakroom=; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT"
    );
}
