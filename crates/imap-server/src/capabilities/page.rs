//! The page `docs/capabilities.md` against the code.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::{CAPABILITIES, Needs};

/// Those that depend on the connection: of the ones that end in `=`, what follows depends as well.
const OF_THE_CONNECTION: [&str; 9] = [
    "APPENDLIMIT=",
    "AUTH=",
    "COMPRESS=DEFLATE",
    "JMAPACCESS",
    "LOGINDISABLED",
    "MESSAGELIMIT=",
    "SAVELIMIT=",
    "STARTTLS",
    "UNAUTHENTICATE",
];

/// The cells of a capability's row, behind its name.
fn rows(page: &str) -> BTreeMap<&str, Vec<&str>> {
    page.lines()
        .filter(|line| {
            line.starts_with("| ") && !line.starts_with("| capability") && !line.starts_with("| ---")
        })
        .map(|line| {
            let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
            (cells[0], cells[1..].to_vec())
        })
        .collect()
}

#[test]
fn the_page_of_capabilities_says_what_the_code_does() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(here.join("../../docs/capabilities.md")).unwrap();
    let rows = rows(&page);
    let offered: BTreeMap<&str, String> = CAPABILITIES
        .iter()
        .map(|&(name, needs)| match needs {
            Needs::Nothing => (name, "the server".to_owned()),
            Needs::Ability(ability) => (name, format!("`Ability::{ability:?}`")),
            Needs::Both(one, other) => (name, format!("`Ability::{one:?}`, `Ability::{other:?}`")),
        })
        .chain(OF_THE_CONNECTION.map(|name| (name, "the server".to_owned())))
        .collect();
    let names: BTreeSet<&str> = offered.keys().copied().collect();
    assert_eq!(rows.keys().copied().collect::<BTreeSet<_>>(), names);
    for (name, cells) in rows {
        let [rfc, does, by, _switched_on, test] = cells[..] else {
            panic!("{name}: {cells:?}");
        };
        assert!(!rfc.is_empty() && !does.is_empty(), "{name}");
        assert_eq!(by, offered[name], "{name}");
        let file = match test.ends_with(".txt") {
            true => here.join("tests/transcript").join(test),
            false => here.join("tests/it").join(test),
        };
        assert!(file.is_file(), "{name}: no test {test}");
    }
}
