//! Every interleaving of three sessions, as deep as you have time: `cargo run --release -p imap-updates --example exhaustive`.
//!
//! Prints how many states and traces there are, or a shortest trace that breaks a law. Options: `--setting NAME`, `--depth N`,
//! `--every-trace` (no two traces are merged), `--threads N`, `--short` (the depths of `cargo test`), `--faults` (what each fault
//! of other servers leads to), `--fault NAME` (the trace that one of them leads to; the names are in `fault.rs`).
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

#[path = "../tests/exhaustive/mod.rs"]
mod exhaustive;

use exhaustive::fault::{FAULTS, Fault};
use exhaustive::search::{Found, Search};
use exhaustive::setting::{SETTINGS, Setting};

struct Options {
    settings: Vec<Setting>,
    depth: Option<usize>,
    every_trace: bool,
    short: bool,
    faults: bool,
    fault: Option<Fault>,
    threads: usize,
}

fn options() -> Result<Options, String> {
    let mut options = Options {
        settings: SETTINGS.to_vec(),
        depth: None,
        every_trace: false,
        short: false,
        faults: false,
        fault: None,
        threads: std::thread::available_parallelism().map_or(2, usize::from),
    };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or(format!("{argument} needs a value"));
        let number = |text: String| text.parse().map_err(|_| format!("{text} is no number"));
        match argument.as_str() {
            "--setting" => {
                let name = value()?;
                options.settings.retain(|setting| setting.name == name);
            }
            "--fault" => {
                let name = value()?;
                let named = FAULTS.iter().find(|fault| format!("{fault:?}") == name);
                options.fault = Some(*named.ok_or(format!("{name}: no such fault"))?);
            }
            "--depth" => options.depth = Some(number(value()?)?),
            "--threads" => options.threads = number(value()?)?,
            "--every-trace" => options.every_trace = true,
            "--short" => options.short = true,
            "--faults" => options.faults = true,
            _ => return Err(format!("{argument}: no such option")),
        }
    }
    Ok(options)
}

fn main() {
    let options = options().unwrap_or_else(|wrong| {
        eprintln!("{wrong}");
        std::process::exit(2);
    });
    // A panic is a finding, and is printed with its trace.
    std::panic::set_hook(Box::new(|_| {}));
    if options.faults {
        return show_faults(options.threads);
    }
    if let Some(fault) = options.fault {
        let found = Search::for_fault(fault, options.threads).run(|_, _| ());
        return println!(
            "{}",
            found
                .broken
                .map_or_else(|| "nothing".to_owned(), |broken| broken.to_string())
        );
    }
    let (mut states, mut traces) = (0, 0);
    for setting in &options.settings {
        let found = search(&options, *setting);
        states += found.states;
        traces += found.traces;
        if let Some(broken) = found.broken {
            println!("{}: after {} traces\n{broken}", setting.name, found.traces);
            std::process::exit(1);
        }
    }
    println!("all: {states} states, {traces} traces: no law is broken");
}

fn search(options: &Options, setting: Setting) -> Found {
    let planned = if options.short {
        setting.depths.0
    } else {
        setting.depths.1
    };
    let search = Search {
        setting,
        fault: None,
        depth: options.depth.unwrap_or(planned),
        merge: !options.every_trace,
        threads: options.threads,
        tells: true,
    };
    search.run(|depth, found| {
        let (states, traces) = (found.states, found.traces);
        println!(
            "{}: depth {depth}: {states} states, {traces} traces",
            setting.name
        );
    })
}

/// A table of what each fault leads to, in Markdown.
fn show_faults(threads: usize) {
    println!("| a server that is wrong in this | seen in | search | the shortest trace breaks |");
    println!("| --- | --- | --- | --- |");
    for &fault in FAULTS {
        let found = Search::for_fault(fault, threads).run(|_, _| ());
        let verdict = found.broken.map_or_else(
            || "nothing".to_owned(),
            |broken| {
                let steps = broken.trace.len();
                format!(
                    "{} ({steps} step{})",
                    broken.law,
                    if steps == 1 { "" } else { "s" }
                )
            },
        );
        println!(
            "| {} | {} | {} | {verdict} |",
            fault.says(),
            fault.seen(),
            fault.setting().name
        );
    }
}
