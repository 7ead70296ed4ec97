//! The page says what the judges say.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

use judges::seeds::{SEEDS, Seed};
use judges::{Bench, JUDGES, Judge, Said, table};
use std::path::Path;

fn page() -> String {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/judges.md");
    std::fs::read_to_string(page).unwrap()
}

fn is_found(cell: &str) -> bool {
    cell != Said::Nothing.to_string() && !cell.starts_with('(')
}

#[test]
fn the_page_has_a_line_of_each_fault_and_some_judge_sees_it() {
    let page = page();
    assert!(page.contains(table::HEAD));
    for seed in SEEDS {
        let cells = table::cells(&page, seed).unwrap_or_else(|| panic!("no line of {}", seed.name));
        assert!(
            cells.iter().any(|cell| is_found(cell)),
            "nobody sees {}",
            seed.name
        );
    }
}

/// What the page says of a fault, and is not so. The cases of `imap-conform` that find nothing are not run again, nor its
/// random sessions: that is what the program is for.
async fn wrong(seed: &Seed, cells: Vec<String>) -> Option<String> {
    for (judge, cell) in JUDGES.into_iter().zip(cells) {
        let bench = Bench::new(seed).await;
        let is_so = match judge {
            Judge::ConformRandom => true,
            Judge::ConformCases => !is_found(&cell) || bench.fails(&cell).await,
            _ => bench.ask(judge).await.to_string() == cell,
        };
        if !is_so {
            let said = bench.ask(judge).await;
            return Some(format!(
                "{}, {judge:?}: {cell} on the page, now {said}\n",
                seed.name
            ));
        }
    }
    None
}

#[tokio::test(flavor = "multi_thread")]
async fn each_judge_still_says_what_the_page_says() {
    let page = page();
    let asked: Vec<_> = SEEDS
        .iter()
        .map(|seed| {
            let cells = table::cells(&page, seed).unwrap();
            let cells = cells.into_iter().map(str::to_owned).collect();
            tokio::spawn(wrong(seed, cells))
        })
        .collect();
    let mut all = String::new();
    for asked in asked {
        all.extend(asked.await.unwrap());
    }
    assert!(all.is_empty(), "{all}");
}
