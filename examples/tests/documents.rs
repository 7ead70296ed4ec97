//! Code in the book is code of the examples: a block that names its file is in that file, line for line.

#![allow(clippy::unwrap_used, reason = "in tests a panic is the answer")]

use std::path::Path;

#[test]
fn the_guides_code_is_in_the_examples() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let page = std::fs::read_to_string(root.join("docs/writing-a-backend.md")).unwrap();
    let mut checked = 0;
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        let Some(file) = line.strip_prefix("<!-- from ").and_then(|rest| rest.strip_suffix(" -->")) else {
            continue;
        };
        assert_eq!(lines.next(), Some("```rust,ignore"), "after {line}");
        let block: Vec<_> = lines.by_ref().take_while(|line| *line != "```").collect();
        let source = std::fs::read_to_string(root.join(file)).unwrap();
        let source: Vec<_> = source.lines().collect();
        assert!(
            source.windows(block.len()).any(|window| window == block.as_slice()),
            "{file} does not have:\n{}",
            block.join("\n")
        );
        checked += 1;
    }
    assert!(checked >= 4, "the guide shows code");
}

#[test]
fn the_guides_links_lead_to_files() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("docs");
    let page = std::fs::read_to_string(docs.join("writing-a-backend.md")).unwrap();
    let links: Vec<_> = page.split("](").skip(1).filter_map(|rest| rest.split(')').next()).collect();
    assert!(links.len() >= 4, "{links:?}");
    for link in links {
        assert!(docs.join(link).exists(), "{link}");
    }
}
