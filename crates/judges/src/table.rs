//! The table of `docs/judges.md`.

use crate::judge::{JUDGES, Said};
use crate::seeds::Seed;

/// Its first two lines.
pub const HEAD: &str = "\
| fault | what it does | RFC | kit: cases | kit: at random | exhaustive | `imap-conform`: cases | at random | `watch` |
| --- | --- | --- | --- | --- | --- | --- | --- | --- |
";

/// The line of a fault.
#[must_use]
pub fn row(seed: &Seed, said: &[Said]) -> String {
    let said: Vec<String> = said.iter().map(Said::to_string).collect();
    let Seed { name, about, rfc, .. } = seed;
    format!("| {name} | {about} | {} | {} |\n", &rfc[4..], said.join(" | "))
}

/// What a page says of each fault: the cells of its judges, where it has a line of that fault.
#[must_use]
pub fn cells<'p>(page: &'p str, seed: &Seed) -> Option<Vec<&'p str>> {
    let begin = format!("| {} | {} | {} | ", seed.name, seed.about, &seed.rfc[4..]);
    let line = page.lines().find_map(|line| line.strip_prefix(&begin))?;
    let cells: Vec<&str> = line.trim_end_matches(" |").split(" | ").collect();
    (cells.len() == JUDGES.len()).then_some(cells)
}
