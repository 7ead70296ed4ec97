//! Several servers on one PostgreSQL, strict clients on all of them, an administrator, and faults: what was acknowledged has to
//! be there in the end, and nobody is told what cannot be.
//!
//! ```sh
//! cargo run -p nemesis -- --rounds 20 --seed 1
//! cargo run --release -p nemesis -- figures
//! ```
//!
//! A round has a database of its own, three server processes with a proxy between each and PostgreSQL, and eight clients. Everything
//! that is attempted is noted before it is sent, and everything that is answered after it was read ([`history`]); the judge
//! ([`judge`]) reads that, what the clients had at rest, and what the database has. A seed repeats the order of faults and
//! deeds of each that takes part, not how the system mixes them.
//!
//! What it needs: PostgreSQL of Debian's package `postgresql`. With `libfaketime` clocks jump.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Parser as _;
use test_postgres::Server as Postgres;

mod admin;
mod child;
mod client;
mod cluster;
mod database;
mod faults;
mod figures;
mod history;
mod judge;
mod mail;
mod proxy;
mod round;
mod sabotage;
mod server;
mod session;
mod wire;

use faults::Counts;
use round::Plan;
use sabotage::Sabotage;

/// Servers on one PostgreSQL, strict clients and faults; exit code 1 where something was found.
#[derive(Debug, clap::Parser)]
struct Arguments {
    #[command(subcommand)]
    mode: Option<Mode>,
    #[arg(long, default_value_t = 20)]
    rounds: u64,
    /// Of the first round; the next ones count on.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How long clients and faults go on in a round.
    #[arg(long, default_value_t = 2.0)]
    seconds_per_round: f64,
    /// Keeps the servers' logs of rounds in which something was found.
    #[arg(long)]
    keep: Option<PathBuf>,
    /// Does harm on purpose, to see it found.
    #[arg(long)]
    sabotage: Option<Sabotage>,
}

#[derive(Debug, clap::Subcommand)]
enum Mode {
    /// Measures how soon others see an APPEND, and how many there are in a second.
    Figures,
    /// A server process of a round.
    #[command(hide = true)]
    Server(server::Arguments),
    /// An administrator of a round.
    #[command(hide = true)]
    Admin(admin::Arguments),
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = match &arguments.mode {
        Some(Mode::Server(server)) => server::serve(server).await,
        Some(Mode::Admin(admin)) => admin::act(admin).await,
        Some(Mode::Figures) => {
            with_postgres(async |postgres| figures::measure(&postgres).await.map(|()| true)).await
        }
        None => with_postgres(async |postgres| rounds(&arguments, &postgres).await).await,
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("nemesis: {error}");
            ExitCode::FAILURE
        }
    }
}

/// With a PostgreSQL of its own, until that is done, or until somebody ends it: Ctrl-C, SIGTERM.
async fn with_postgres(
    work: impl AsyncFnOnce(Arc<Postgres>) -> std::io::Result<bool>,
) -> Result<(), Box<dyn std::error::Error>> {
    let postgres =
        Postgres::start().ok_or("there is no PostgreSQL here: install Debian's package postgresql")?;
    postgres.end_with_this_process();
    let postgres = Arc::new(postgres);
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        done = work(postgres) => match done? {
            true => Ok(()),
            false => Err("something was found".into()),
        },
        _ = tokio::signal::ctrl_c() => Err("interrupted".into()),
        _ = terminate.recv() => Err("ended".into()),
    }
}

/// Whether nothing was found.
async fn rounds(arguments: &Arguments, postgres: &Arc<Postgres>) -> std::io::Result<bool> {
    let counts = Arc::new(Counts::default());
    let begin = Instant::now();
    let (mut acknowledged, mut unknown, mut found) = (0, 0, 0);
    if !cluster::has_clocks() {
        println!("no clock jumps: there is no libfaketime here");
    }
    for seed in arguments.seed..arguments.seed + arguments.rounds {
        let folder = tempfile::tempdir()?;
        let plan = Plan {
            seed,
            time: Duration::from_secs_f64(arguments.seconds_per_round),
            sabotage: arguments.sabotage,
        };
        let began = Instant::now();
        let outcome = round::run(&plan, postgres, &counts, folder.path()).await?;
        println!(
            "seed {seed}: {} acknowledged, {} not known, {} messages, {:.1} s, {} findings",
            outcome.acknowledged,
            outcome.unknown,
            outcome.messages,
            began.elapsed().as_secs_f64(),
            outcome.findings.len()
        );
        outcome
            .findings
            .iter()
            .for_each(|finding| println!("    {finding}"));
        if let (Some(keep), false) = (&arguments.keep, outcome.findings.is_empty()) {
            let logs = folder.keep();
            std::fs::create_dir_all(keep)?;
            std::fs::write(keep.join(format!("seed-{seed}")), logs.display().to_string())?;
        }
        acknowledged += outcome.acknowledged;
        unknown += outcome.unknown;
        found += outcome.findings.len();
    }
    println!(
        "{} rounds in {:.0} s: {acknowledged} acknowledged, {unknown} not known, {found} findings",
        arguments.rounds,
        begin.elapsed().as_secs_f64()
    );
    for (fault, count) in counts.all() {
        println!("{count:8} {fault}");
    }
    Ok(found == 0)
}
