//! Stores for an index that may be lost, beside each other: SQLite, redb, LMDB, and a plain file for orientation.
//!
//!     index-stores FOLDER [STORE...]          all trials of all stores or of these, each store in a folder of its own
//!     index-stores FOLDER STORE : TRIAL       one trial, in this process
//!
//! The trial of a full disk wants `full` in FOLDER to be a small file system: `mount -t tmpfs -o size=48m none FOLDER/full`.
//! docs/benchmarks.md tells what came of it.

mod lmdb;
mod plain;
mod redb;
mod sqlite;
mod store;
mod trials;
mod workload;

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use crate::store::Fault;

const STORES: [&str; 6] = ["sqlite", "sqlite-shared", "redb", "redb-shared", "lmdb", "plain"];

fn main() -> Result<(), Fault> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [folder, store, ":", trial] => one(store, trial, Path::new(folder)),
        [folder] => STORES.iter().try_for_each(|store| all(store, Path::new(folder))),
        [folder, ref stores @ ..] => stores.iter().try_for_each(|store| all(store, Path::new(folder))),
        [] => Err("which folder?".into()),
    }
}

fn one(store: &str, trial: &str, folder: &Path) -> Result<(), Fault> {
    match store {
        "sqlite" => trials::run::<sqlite::Sqlite<false>>(trial, folder),
        "sqlite-shared" => trials::run::<sqlite::Sqlite<true>>(trial, folder),
        "redb" => trials::run::<redb::Redb<false>>(trial, folder),
        "redb-shared" => trials::run::<redb::Redb<true>>(trial, folder),
        "lmdb" => trials::run::<lmdb::Lmdb>(trial, folder),
        "plain" => trials::run::<plain::Plain>(trial, folder),
        _ => Err(format!("there is no store {store}").into()),
    }
}

fn start(store: &str, trial: &str, folder: &Path) -> Result<Child, Fault> {
    let mut command = Command::new(std::env::current_exe()?);
    command
        .arg(folder)
        .args([store, ":", trial])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    Ok(command.spawn()?)
}

/// Runs a trial in a process of its own, and prints what it printed, and how it ended if not well.
fn trial(store: &str, trial: &str, label: &str, folder: &Path) -> Result<(), Fault> {
    let output = start(store, trial, folder)?.wait_with_output()?;
    let said = String::from_utf8_lossy(&output.stdout);
    print!(
        "{store:13} {label:22} {}",
        if said.is_empty() { "\n" } else { &said }
    );
    if !output.status.success() {
        println!(
            "{store:13} {label:22} died: {}: {}",
            output.status,
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    Ok(())
}

/// Where the system lets us, what was read before is no longer in memory.
fn forget() {
    rustix::fs::sync();
    let _refused = std::fs::write("/proc/sys/vm/drop_caches", "3");
}

fn all(store: &str, folder: &Path) -> Result<(), Fault> {
    let (kept, copy) = (folder.join(store), folder.join("copy"));
    std::fs::create_dir_all(&kept)?;
    trial(store, "fill", "fill", &kept)?;
    forget();
    trial(store, "open", "open, caches dropped", &kept)?;
    trial(store, "open", "open", &kept)?;
    trial(store, "open", "open", &kept)?;
    forget();
    trial(store, "lookup", "lookup, caches dropped", &kept)?;
    trial(store, "lookup", "lookup", &kept)?;
    refill(&kept, &copy)?;
    for name in ["durable", "loose", "spread-pages", "spread-rows"] {
        trial(store, name, name, &copy)?;
    }
    for name in ["write-durable", "write-loose"] {
        killed(store, name, &copy)?;
    }
    beside(store, &copy)?;
    refill(&kept, &copy)?;
    trials::spoil(&copy)?;
    trial(store, "read-all", "noise in 16 places", &copy)?;
    refill(&kept, &copy)?;
    trial(store, "cut", "cut while open", &copy)?;
    trial(store, "read-all", "cut, opened again", &copy)?;
    std::fs::remove_dir_all(&copy)?;
    let small = folder.join("full");
    if small.is_dir() {
        trial(store, "full", "disk full", &small)?;
        for file in std::fs::read_dir(&small)? {
            std::fs::remove_file(file?.path())?;
        }
    }
    Ok(())
}

fn refill(from: &Path, to: &Path) -> Result<(), Fault> {
    let _absent = std::fs::remove_dir_all(to);
    std::fs::create_dir_all(to)?;
    for file in std::fs::read_dir(from)? {
        let file = file?;
        std::fs::copy(file.path(), to.join(file.file_name()))?;
    }
    Ok(())
}

/// The generation that a writer told last, when it was killed some time after its third.
fn kill(mut child: Child, after: Duration) -> Result<String, Fault> {
    let mut lines = BufReader::new(child.stdout.take().ok_or("no output")?).lines();
    let mut last = String::new();
    for line in lines.by_ref().take(3) {
        last = line?;
    }
    sleep(after);
    child.kill()?;
    child.wait()?;
    for line in lines {
        last = line?;
    }
    Ok(last)
}

fn killed(store: &str, name: &str, folder: &Path) -> Result<(), Fault> {
    for round in 0..5 {
        let told = kill(start(store, name, folder)?, Duration::from_millis(37 * round))?;
        trial(store, "whole", &format!("{name}, killed at {told}"), folder)?;
    }
    Ok(())
}

fn beside(store: &str, folder: &Path) -> Result<(), Fault> {
    let mut writer = start(store, "write-loose", folder)?;
    sleep(Duration::from_millis(500));
    trial(store, "watch", "beside a writer", folder)?;
    writer.kill()?;
    writer.wait()?;
    trial(store, "whole", "after both", folder)
}
