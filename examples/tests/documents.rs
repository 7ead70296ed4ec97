//! Code in the book is code of the examples: a block that names its file is in that file, line for line.

#![allow(clippy::unwrap_used, reason = "in tests a panic is the answer")]

use std::path::{Path, PathBuf};

/// The pages, each with how many blocks of code it has at least.
const PAGES: [(&str, usize); 2] = [("writing-a-backend.md", 4), ("databases.md", 10)];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

fn docs() -> PathBuf {
    root().join("docs")
}

#[test]
fn the_pages_code_is_in_the_examples() {
    for (name, least) in PAGES {
        let page = std::fs::read_to_string(docs().join(name)).unwrap();
        let mut checked = 0;
        let mut lines = page.lines();
        while let Some(line) = lines.next() {
            let Some(file) = line.strip_prefix("<!-- from ").and_then(|rest| rest.strip_suffix(" -->"))
            else {
                continue;
            };
            let fence = if file.ends_with(".sql") { "```sql" } else { "```rust,ignore" };
            assert_eq!(lines.next(), Some(fence), "{name}, after {line}");
            let block: Vec<_> = lines.by_ref().take_while(|line| *line != "```").collect();
            let source = std::fs::read_to_string(root().join(file)).unwrap();
            let source: Vec<_> = source.lines().collect();
            assert!(
                source.windows(block.len()).any(|window| window == block.as_slice()),
                "{file} does not have what {name} says:\n{}",
                block.join("\n")
            );
            checked += 1;
        }
        assert!(checked >= least, "{name} shows code");
    }
}

#[test]
fn the_pages_links_lead_to_files() {
    for (name, _) in PAGES.into_iter().chain([("scaling.md", 0)]) {
        let page = std::fs::read_to_string(docs().join(name)).unwrap();
        let links: Vec<_> = page.split("](").skip(1).filter_map(|rest| rest.split(')').next()).collect();
        assert!(!links.is_empty(), "{name} has links");
        for link in links.into_iter().filter(|link| !link.starts_with("https://")) {
            let file = link.split('#').next().unwrap();
            assert!(docs().join(file).exists(), "{name}: {link}");
        }
    }
}
