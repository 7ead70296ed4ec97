//! What attacks cost a running `maildird`, and what another user notices of them.
//!
//! `cargo build --release -p maildird && cargo run --release -p imap-backendutil-benches --bin attack-table --
//! target/release/maildird [NAME ...]`
//!
//! Each attack has a server and a Maildir of its own, in a temporary directory, on loopback. One user attacks for at most
//! ten seconds and leaves without a word; another one, who has a small mailbox selected, sends a NOOP every 50 ms all the
//! time. The names are those of `docs/testing.md`; without any, all are run, in some minutes and with 4 GB of disk (most of
//! it holes; `TMPDIR` says where). Needs Linux: memory and processor time come from `/proc`.

mod attacks;
mod client;
mod innocent;
mod mail;
mod server;

use std::io;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use attacks::{ATTACKS, Attack};
use innocent::Innocent;
use server::Server;

fn main() -> io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let Some(program) = arguments.next() else {
        eprintln!("usage: attack-table MAILDIRD [NAME ...]");
        eprintln!("attacks:");
        for attack in ATTACKS {
            eprintln!("  {:4} {}", attack.name, attack.what);
        }
        std::process::exit(2);
    };
    let wanted: Vec<String> = arguments.collect();
    if let Some(unknown) = wanted
        .iter()
        .find(|name| ATTACKS.iter().all(|attack| attack.name != **name))
    {
        eprintln!("there is no attack {unknown}");
        std::process::exit(2);
    }
    println!(
        "| attack | NOOP beside it, p50 / p99 / longest, ms | memory before / peak / after, MiB | processor, s | in the second after, s | stop, s | what came of it |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- |");
    for attack in ATTACKS {
        if wanted.is_empty() || wanted.iter().any(|name| name == attack.name) {
            print_row(attack, Path::new(&program))?;
        }
    }
    Ok(())
}

fn print_row(attack: &Attack, program: &Path) -> io::Result<()> {
    eprintln!("{}: {}", attack.name, attack.what);
    let mut server = Server::start(program, attack.prepare)?;
    let innocent = Innocent::start(&server)?;
    // The first looks at both mailboxes are not part of the attack.
    sleep(Duration::from_millis(500));
    let (memory, processor) = (server.memory()?, server.processor()?);
    server.forget_peak()?;
    innocent.forget();
    let outcome = (attack.run)(&server)?;
    let used = server.processor()? - processor;
    sleep(Duration::from_secs(1));
    let after = server.processor()? - processor - used;
    let peak = server.peak_memory()?;
    sleep(Duration::from_secs(4));
    let left = server.memory()?;
    let times = innocent.stop()?;
    let stop = server.stop()?;
    let name = attack.name;
    println!(
        "| {name} | {times} | {memory} / {peak} / {left} | {used:.1} | {after:.1} | {stop:.1} | {outcome} |"
    );
    Ok(())
}
