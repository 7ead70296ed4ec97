//! The traffic of a deployment on PostgreSQL: `docs/scaling.md`.
//!
//! `cargo run --release -p imap-backendutil-benches --bin traffic -- [--mailboxes 1000000] [--deliveries 40] ..`; `--help` lists the
//! assumptions with their defaults.

use std::process::ExitCode;

use imap_backendutil_benches::traffic::{ASSUMPTIONS, Assumptions, Traffic};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|argument| argument == "--help") {
        for assumption in ASSUMPTIONS {
            println!(
                "--{:<20} {:>10}  {}",
                assumption.name, assumption.default, assumption.meaning
            );
        }
        return ExitCode::SUCCESS;
    }
    match parse(&arguments) {
        Some(assumptions) => {
            print(&Traffic::of(&assumptions));
            ExitCode::SUCCESS
        }
        None => {
            eprintln!("usage: traffic [--ASSUMPTION NUMBER]..; --help lists them");
            ExitCode::FAILURE
        }
    }
}

fn parse(arguments: &[String]) -> Option<Assumptions> {
    arguments
        .chunks(2)
        .try_fold(Assumptions::default(), |assumptions, pair| match pair {
            [name, value] => {
                let value: f64 = value.parse().ok()?;
                let is_meant = value.is_finite() && value >= 0.0;
                is_meant
                    .then(|| assumptions.with(name.strip_prefix("--")?, value))
                    .flatten()
            }
            _ => None,
        })
}

fn print(traffic: &Traffic) {
    let gigabytes = 1e9;
    let lines = [
        (
            "commands a second",
            traffic.commands,
            "at the peak, deliveries included",
        ),
        ("deliveries a second", traffic.deliveries, "at the peak"),
        (
            "statements a second",
            traffic.statements,
            "at the peak, each a round trip",
        ),
        (
            "commits a second",
            traffic.commits,
            "at the peak, each with a hint",
        ),
        (
            "hints a second",
            traffic.hints,
            "at the peak, over all connections that listen",
        ),
        ("sessions", traffic.sessions, "at the peak"),
        ("server processes", traffic.processes, ""),
        (
            "memory of them, GB",
            traffic.memory / gigabytes,
            "hubs and sessions",
        ),
        ("database connections", traffic.connections, ""),
        ("database servers", traffic.databases, "by statements and commits"),
        (
            "kept, GB",
            traffic.kept / gigabytes,
            "before replicas and backups",
        ),
        ("stored a day, GB", traffic.stored / gigabytes, ""),
        (
            "log a day, GB",
            traffic.log / gigabytes,
            "write-ahead log, without whole pages",
        ),
    ];
    for (name, value, note) in lines {
        println!("{name:<22} {value:>16.1}  {note}");
    }
}
