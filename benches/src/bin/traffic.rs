//! The traffic of a deployment on PostgreSQL: `docs/scaling.md`.
//!
//! `cargo run --release -p imap-backendutil-benches --bin traffic -- [--mailboxes 1000000] [--deliveries 40] ..`; `--help` lists the
//! assumptions with their defaults. With `--simulate 60` a minute of one database that has all these mailboxes is played through.

use std::process::ExitCode;

use imap_backendutil_benches::traffic::simulation::{Seen, percentile, simulate};
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
        println!(
            "--simulate             SECONDS  plays one database with all the mailboxes through, at the peak"
        );
        return ExitCode::SUCCESS;
    }
    match parse(&arguments) {
        Some((assumptions, Some(seconds))) => {
            print_seen(&mut simulate(&assumptions, seconds), seconds);
            ExitCode::SUCCESS
        }
        Some((assumptions, None)) => {
            print(&Traffic::of(&assumptions));
            ExitCode::SUCCESS
        }
        None => {
            eprintln!("usage: traffic [--ASSUMPTION NUMBER].. [--simulate SECONDS]; --help lists them");
            ExitCode::FAILURE
        }
    }
}

/// What is assumed, and for how many seconds it is to be simulated, if at all.
fn parse(arguments: &[String]) -> Option<(Assumptions, Option<f64>)> {
    let (mut assumptions, mut seconds) = (Assumptions::default(), None);
    for pair in arguments.chunks(2) {
        let [name, value] = pair else { return None };
        let value: f64 = value.parse().ok()?;
        if !value.is_finite() || value < 0.0 {
            return None;
        }
        match name.strip_prefix("--")? {
            "simulate" => seconds = Some(value),
            name => assumptions = assumptions.with(name, value)?,
        }
    }
    Some((assumptions, seconds))
}

fn print_seen(seen: &mut Seen, seconds: f64) {
    let milliseconds = |values: &mut [f64]| {
        let [half, most] = [50, 99].map(|of| 1e3 * percentile(values, of));
        format!("{half:.1} ms, p99 {most:.1} ms")
    };
    println!("cores busy             {:.0} %", 100.0 * seen.busy);
    println!("waited for a connection  {}", milliseconds(&mut seen.waited));
    for (of, took) in &mut seen.took {
        if !took.is_empty() {
            println!(
                "{of:<22} {:.1} a second: {}",
                took.len() as f64 / seconds,
                milliseconds(took)
            );
        }
    }
    println!(
        "told in IDLE           {:.1} a second: {}",
        seen.told.len() as f64 / seconds,
        milliseconds(&mut seen.told)
    );
    let per_second = |count: u64| count as f64 / seconds;
    println!(
        "commits, syncs         {:.0}, {:.0} a second",
        per_second(seen.commits),
        per_second(seen.syncs)
    );
    println!(
        "hints sent, heard      {:.0}, {:.0} a second",
        per_second(seen.sent),
        per_second(seen.heard)
    );
    println!("not over at the end    {}", seen.left);
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
