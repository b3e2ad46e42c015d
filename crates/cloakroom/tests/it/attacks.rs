//! ATTACKS.md names a test for every attack. This one fails when a named test does not exist.

#![expect(clippy::unwrap_used, reason = "a test fails where one fails")]

use std::{collections::HashSet, fs, path::Path};

#[test]
fn every_test_that_this_page_names_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let page = fs::read_to_string(root.join("ATTACKS.md")).unwrap();
    let mut tests = HashSet::new();
    for folder in ["crates", "tests"] {
        collect(&root.join(folder), &mut tests);
    }

    let rows =
        page.lines().filter(|line| line.starts_with('|') && !line.contains("---") && !line.ends_with("| Test |"));
    let mut named = 0;
    for row in rows {
        let last = row.trim_end_matches([' ', '|']).rsplit('|').next().unwrap();
        for name in last.split(';').map(|name| name.trim().trim_matches(['`', '"'])) {
            assert!(tests.contains(name), "ATTACKS.md names a test that does not exist: {name}");
            named += 1;
        }
    }

    assert!(named > 60, "only {named} tests were found in the page");
}

/// The names of Rust tests (functions) and browser tests (`test("…")`) below a folder.
fn collect(folder: &Path, tests: &mut HashSet<String>) {
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            if !path.ends_with("node_modules") {
                collect(&path, tests);
            }
            continue;
        }
        let Ok(text) = fs::read_to_string(&path) else { continue };
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("rs") => {
                let functions = text.split("fn ").skip(1).filter_map(|rest| rest.split_once('(')).map(|(name, _)| name);
                tests.extend(functions.map(str::to_owned));
            }
            Some("js") => {
                let quoted = text.split("test(").skip(1).filter_map(|rest| rest.trim_start().strip_prefix('"'));
                let names = quoted.filter_map(|rest| rest.split_once('"')).map(|(name, _)| name);
                tests.extend(names.map(str::to_owned));
            }
            _ => {}
        }
    }
}
