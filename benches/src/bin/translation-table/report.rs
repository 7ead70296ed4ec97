//! The table of targets, and the files in `docs/`.

use std::fmt::Write;
use std::path::Path;
use std::{fs, io};

use imap_backendutil_benches::plot::Plot;

/// Where the table stands in `docs/sequence-numbers.md`.
const BEGIN: &str = "<!-- measured: written by translation-table -->\n";
const END: &str = "<!-- end of measured -->\n";

/// What was measured.
#[derive(Default)]
pub(crate) struct Report {
    rows: Vec<String>,
    notes: Vec<String>,
    plots: Vec<(&'static str, Plot)>,
}

impl Report {
    /// A row with a target: met when the value is at most the limit.
    pub(crate) fn target(&mut self, work: &str, limit: f64, value: f64, detail: &str) {
        let verdict = if value <= limit { "met" } else { "**missed**" };
        let row = format!(
            "| {work} | <= {} | {} | {verdict} | {detail} |",
            plain(limit),
            plain(value)
        );
        eprintln!("{row}");
        self.rows.push(row);
    }

    /// A row whose target is a fraction 1/n: `times` is how many times faster.
    pub(crate) fn factor(&mut self, work: &str, at_least: f64, times: f64, detail: &str) {
        let verdict = if times >= at_least { "met" } else { "**missed**" };
        let row = format!("| {work} | <= 1/{at_least} | 1/{times:.0} | {verdict} | {detail} |");
        eprintln!("{row}");
        self.rows.push(row);
    }

    /// A figure without a target.
    pub(crate) fn note(&mut self, text: String) {
        eprintln!("{text}");
        self.notes.push(text);
    }

    pub(crate) fn plot(&mut self, file: &'static str, plot: Plot) {
        self.plots.push((file, plot));
    }

    pub(crate) fn table(&self) -> String {
        let mut text =
            "| work | target | measured | | nanoseconds, or bytes |\n| --- | --- | --- | --- | --- |\n"
                .to_owned();
        for row in &self.rows {
            let _ = writeln!(text, "{row}");
        }
        text.push('\n');
        for note in &self.notes {
            let _ = writeln!(text, "* {note}");
        }
        text
    }

    /// Replaces the table in the document, and writes the plots beside it.
    pub(crate) fn write(&self) -> io::Result<()> {
        let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
        let document = docs.join("sequence-numbers.md");
        let text = fs::read_to_string(&document)?;
        let missing = || io::Error::other("docs/sequence-numbers.md has no place for the table");
        let (before, rest) = text.split_once(BEGIN).ok_or_else(missing)?;
        let (_, after) = rest.split_once(END).ok_or_else(missing)?;
        fs::write(
            &document,
            format!("{before}{BEGIN}\n{}\n{END}{after}", self.table()),
        )?;
        for (file, plot) in &self.plots {
            fs::write(docs.join("sequence-numbers").join(file), plot.svg()?)?;
        }
        Ok(())
    }
}

fn plain(value: f64) -> String {
    if value >= 20.0 {
        format!("{value:.0}")
    } else {
        format!("{value:.2}")
    }
}
