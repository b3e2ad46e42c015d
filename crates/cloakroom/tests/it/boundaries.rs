//! What each module may know of the others. The table *is* the architecture: change it on purpose, and say why.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    iter::Peekable,
    path::{Path, PathBuf},
    str::Chars,
};

/// A module, and what it may name: a whole module, or one file of it.
const TABLE: [(&str, &str); 26] = [
    // The way of a request: a step knows the proof that the step before it made.
    ("proxy", "bff cookie csrf policy refresh rejection route session upstream"),
    ("route", "bff rejection settings"),
    ("csrf", "keys navigation rejection route settings"),
    ("cookie", "bff csrf keys random rejection route seal session::record settings"),
    ("session", "bff clock cookie csrf keys navigation random rejection seal settings"),
    ("refresh", "authorization_server bff claims rejection session"),
    ("policy", "csrf refresh rejection route"),
    ("upstream", "authorization_server::http_client bff cookie policy rejection settings tls"),
    // Our own endpoints, and what they need.
    (
        "endpoints",
        "authorization_server bff claims cookie csrf keys navigation pages pending_login random \
        refresh rejection return_path revocation session settings",
    ),
    ("pending_login", "cookie keys random return_path seal session::fields session::record settings"),
    ("return_path", "bff rejection route settings"),
    ("revocation", "bff"),
    ("claims", ""),
    ("pages", "seal upstream"),
    // What all of them stand on.
    ("front_door", "bff endpoints proxy rejection route"),
    ("bff", "authorization_server clock front_door keys random refresh session settings tls upstream"),
    ("rejection", "bff cookie endpoints navigation pages return_path route session::record settings"),
    ("authorization_server", "clock refresh::decision settings tls"),
    ("settings", "refresh::profile route"),
    ("keys", "random seal"),
    ("seal", "random"),
    ("navigation", ""),
    ("clock", ""),
    ("random", ""),
    ("tls", ""),
    ("lib", ""),
];

/// The files that take a secret out of its wrapper, and what for. The access token is sealed in one and sent upstream in
/// another; to the authorization server it goes in its wrapper.
const EXPOSING: [(&str, &str); 8] = [
    ("authorization_server.rs", "an ID token that cannot be verified yet, to compare whose it is"),
    ("cookie.rs", "the ticket, into the cookie"),
    ("csrf.rs", "the session-bound token, to compare it"),
    ("keys.rs", "keys, into the cipher"),
    ("pending_login.rs", "the login cookie"),
    ("seal.rs", "keys, into the cipher"),
    ("session/zones.rs", "tokens, into a seal"),
    ("upstream/headers.rs", "the access token, into `Authorization`"),
];

#[test]
fn each_module_names_only_what_the_table_allows() {
    let table = BTreeMap::from(TABLE);

    for (file, text) in sources() {
        let module = file.split('/').next().unwrap().trim_end_matches(".rs");
        let allowed = table.get(module).unwrap_or_else(|| panic!("{module} is not in the table"));
        for name in names(&text) {
            let owner = name.split("::").next().unwrap();
            let fits = owner == module || allowed.split(' ').any(|allowed| allowed == owner || allowed == name);
            assert!(fits, "{file} names {name}, and the table does not allow it");
        }
    }
}

#[test]
fn the_table_allows_nothing_that_is_not_needed() {
    let mut needed: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (file, text) in sources() {
        let module = file.split('/').next().unwrap().trim_end_matches(".rs").to_owned();
        needed.entry(module).or_default().extend(names(&text));
    }

    for (module, allowed) in TABLE {
        let needed = needed.get(module).unwrap_or_else(|| panic!("there is no {module}"));
        for name in allowed.split(' ').filter(|name| !name.is_empty()) {
            let used = needed.iter().any(|used| used == name || used.split("::").next() == Some(name));
            assert!(used, "{module} does not need {name} any more");
        }
    }
}

#[test]
fn no_endpoint_knows_another() {
    for (file, text) in sources().into_iter().filter(|(file, _)| file.starts_with("endpoints/")) {
        for after in text.split("super::").skip(1) {
            let name: String =
                after.chars().take_while(|character| character.is_alphanumeric() || *character == '_').collect();
            let is_endpoint = source_folder().join(format!("endpoints/{name}.rs")).exists() && name != "form";
            assert!(!is_endpoint, "{file} names {name}");
        }
    }
}

#[test]
fn secrets_leave_their_wrapper_where_the_list_says_and_nowhere_else() {
    let exposing: BTreeSet<String> = sources()
        .into_iter()
        .filter(|(file, text)| text.contains(".expose()") && !file.starts_with("keys/"))
        .map(|(file, _)| file)
        .collect();

    assert_eq!(exposing, EXPOSING.iter().map(|(file, _)| (*file).to_owned()).collect());
}

#[test]
fn tasks_are_spawned_in_one_place() {
    for (file, text) in sources().into_iter().filter(|(file, _)| file != "bff/tasks.rs") {
        for way in ["tokio::spawn", "task::spawn", "JoinSet", "spawn_blocking", "spawn_local"] {
            assert!(!text.contains(way), "{file} spawns with {way}");
        }
    }
}

fn source_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// Every source file below `src`, without comments and tests.
fn sources() -> Vec<(String, String)> {
    let (mut folders, mut sources) = (vec![source_folder()], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("the sources are there") {
            let path = entry.expect("the sources can be listed").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") && !is_test(&path) {
                let name = path.strip_prefix(source_folder()).expect("it lies below").to_str().expect("it is plain");
                sources.push((name.to_owned(), without_tests(&fs::read_to_string(&path).expect("it is text"))));
            }
        }
    }
    sources
}

fn is_test(path: &Path) -> bool {
    path.ends_with("tests.rs") || path.ends_with("properties.rs")
}

fn without_tests(text: &str) -> String {
    let text = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
    let text = text.split("#[cfg(test)]\npub(crate) mod tests").next().unwrap_or_default();
    text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// The modules that a text names after `crate::`: `a`, or `a::b` where that is a file.
fn names(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for tree in text.split("crate::").skip(1) {
        collect(&mut tree.chars().peekable(), &[], &mut found);
    }
    found
}

fn collect(rest: &mut Peekable<Chars<'_>>, path: &[String], found: &mut BTreeSet<String>) {
    while rest.next_if(|character| character.is_whitespace()).is_some() {}
    if rest.next_if_eq(&'{').is_some() {
        while rest.peek().is_some_and(|character| *character != '}') {
            collect(rest, path, found);
            while rest.next_if(|character| *character == ',' || character.is_whitespace()).is_some() {}
        }
        rest.next();
        return;
    }
    let mut path = path.to_vec();
    path.push(
        std::iter::from_fn(|| rest.next_if(|character| character.is_alphanumeric() || *character == '_')).collect(),
    );
    if rest.next_if_eq(&':').is_some() && rest.next_if_eq(&':').is_some() {
        return collect(rest, &path, found);
    }
    // `*`, `as name`, calls and generics end a path.
    while path.len() > 1 && rest.next_if(|character| !",}".contains(*character) && *character != '\n').is_some() {}
    let file = path.get(1).filter(|name| source_folder().join(&path[0]).join(format!("{name}.rs")).exists());
    found.insert(file.map_or_else(|| path[0].clone(), |file| format!("{}::{file}", path[0])));
}
