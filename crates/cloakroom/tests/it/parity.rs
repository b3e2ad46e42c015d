//! The page that both sides are tested against says what the code says.

use std::{collections::BTreeSet, fs, path::Path};

use cloakroom::{
    CONTRACT, cookie, csrf,
    rejection::{BadRequest, Rejection},
    session::record::EndReason,
};

#[test]
fn the_contract_has_the_number_of_the_page() {
    assert!(page().starts_with(&format!("# Wire contract, version {CONTRACT}\n")));
}

#[test]
fn rejection_codes_and_statuses_are_those_of_the_page() {
    let mut documented = BTreeSet::new();
    for row in rows(&section("## 6. ")).into_iter().filter(|row| !row.contains("reserved")) {
        let code = quoted(&row)[0].clone();
        let statuses = row.split('|').nth(2).unwrap();
        let numbers = statuses.split(|character: char| !character.is_ascii_digit()).filter(|text| text.len() == 3);
        documented.extend(numbers.map(|status| (code.clone(), status.parse::<u16>().unwrap())));
    }

    let mut ours: BTreeSet<(String, u16)> =
        rejections().iter().map(Rejection::status).map(|(status, code)| (code.to_owned(), status.as_u16())).collect();
    // A head that is too long never becomes a request: the listener answers it.
    ours.insert(("bad_request".to_owned(), 431));

    assert_eq!(ours, documented);
}

#[test]
fn end_reasons_are_those_of_the_page() {
    let section = section("## 7. ");
    let (list, _) = section.split_once("The reason is known").unwrap();

    let documented: BTreeSet<String> = quoted(list).into_iter().collect();

    assert_eq!(
        EndReason::ALL.map(|reason| reason.as_str().to_owned()).into_iter().collect::<BTreeSet<_>>(),
        documented
    );
}

#[test]
fn cookie_names_are_those_of_the_page() {
    let documented: BTreeSet<String> = rows(&section("## 3. ")).iter().map(|row| quoted(row)[0].clone()).collect();

    assert_eq!(documented, [cookie::SESSION, cookie::LOGIN, cookie::BOUNCE].map(str::to_owned).into());
}

#[test]
fn the_static_header_is_that_of_the_page() {
    let page = page();

    assert!(page.contains("*Static header*: `X-CSRF: 1`"));
    assert_eq!((csrf::STATIC_HEADER.as_str(), csrf::TOKEN_HEADER.as_str()), ("x-csrf", "x-csrf-token"));
    assert!(page.contains("`X-CSRF-Token`"));
}

/// One of each. The match below does not compile when one is missing.
fn rejections() -> Vec<Rejection> {
    let bad = [
        BadRequest::AmbiguousTarget,
        BadRequest::TargetTooLong,
        BadRequest::Host,
        BadRequest::Parameter(""),
        BadRequest::Method(""),
        BadRequest::BodyTooLarge,
        BadRequest::ContentType,
        BadRequest::Upgrade,
        BadRequest::NotANavigation,
        BadRequest::Login(""),
    ];
    let others = [
        Rejection::NoRoute,
        Rejection::CrossSite(""),
        Rejection::NoSession,
        Rejection::SessionEnded(EndReason::Idle),
        Rejection::Forbidden(""),
        Rejection::TooManyRequests(""),
        Rejection::TryAgain(String::new()),
        Rejection::UpstreamFailed(String::new()),
    ];
    let all: Vec<Rejection> = bad.map(Rejection::from).into_iter().chain(others).collect();
    for rejection in &all {
        match rejection {
            Rejection::NoRoute
            | Rejection::CrossSite(_)
            | Rejection::NoSession
            | Rejection::SessionEnded(_)
            | Rejection::Forbidden(_)
            | Rejection::TooManyRequests(_)
            | Rejection::TryAgain(_)
            | Rejection::UpstreamFailed(_) => {}
            Rejection::BadRequest(problem) => match problem {
                BadRequest::AmbiguousTarget
                | BadRequest::TargetTooLong
                | BadRequest::Host
                | BadRequest::Parameter(_)
                | BadRequest::Method(_)
                | BadRequest::BodyTooLarge
                | BadRequest::ContentType
                | BadRequest::Upgrade
                | BadRequest::NotANavigation
                | BadRequest::Login(_) => {}
            },
        }
    }
    all
}

fn page() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/wire.md");
    fs::read_to_string(path).expect("the contract is written down")
}

fn section(heading: &str) -> String {
    let page = page();
    let (_, rest) = page.split_once(&format!("\n{heading}")).expect("the section is there");
    rest.split("\n## ").next().unwrap_or_default().to_owned()
}

/// The rows of a section's tables that begin with something in backticks.
fn rows(section: &str) -> Vec<String> {
    section.lines().filter(|line| line.starts_with("| `")).map(str::to_owned).collect()
}

fn quoted(text: &str) -> Vec<String> {
    text.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}
