//! Seeds each fault, asks each judge, and prints the table of `docs/judges.md`.

use clap::Parser;
use judges::{Bench, JUDGES, Said, seeds, table};
use std::process::ExitCode;
use std::sync::Arc;
use tokio::sync::Semaphore;

#[derive(Debug, Parser)]
#[command(version, about)]
struct Arguments {
    /// Only faults whose names contain this.
    #[arg(default_value = "")]
    only: String,
    /// Faults that are judged at a time: most of the time goes by in waiting for what does not come.
    #[arg(long, default_value_t = 8)]
    at_once: usize,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let room = Arc::new(Semaphore::new(arguments.at_once.max(1)));
    let judged: Vec<_> = seeds::named(&arguments.only)
        .map(|seed| {
            let room = Arc::clone(&room);
            (
                seed,
                tokio::spawn(async move {
                    let _place = room.acquire_owned().await;
                    let mut said = Vec::new();
                    for judge in JUDGES {
                        said.push(Bench::new(seed).await.ask(judge).await);
                    }
                    said
                }),
            )
        })
        .collect();
    print!("{}", table::HEAD);
    let mut unseen = Vec::new();
    for (seed, judged) in judged {
        let said = judged.await.expect("a judge does not panic");
        print!("{}", table::row(seed, &said));
        if !said.iter().any(|said| matches!(said, Said::Found(_))) {
            unseen.push(seed.name);
        }
    }
    eprintln!("seen by nobody: {unseen:?}");
    ExitCode::from(u8::from(!unseen.is_empty()))
}
