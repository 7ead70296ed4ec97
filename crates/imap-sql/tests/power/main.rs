//! A loss of power at every moment: nothing that was answered is lost, and no transaction is half there.
//!
//! A process goes through a story and says after each step that it has been answered, while `strace` records what it writes
//! and syncs. Then the disk is made as a crash may leave it, before and after each of these calls: with all that was written
//! (the process was killed), with what was synced alone, and with some of the rest, the last write torn (the power failed). A
//! new process opens it, and finds what was answered up to there, and of the step that was under way all or nothing.
//!
//! Where there is no `strace` it is skipped, unless the environment says `TEST_STRACE=required`.

#![allow(
    clippy::unwrap_used,
    reason = "outside of a `#[test]`, clippy does not see that these are tests"
)]

mod disk;
mod story;
mod trace;

use std::path::Path;
use std::process::{Command, Stdio};

use disk::{Disk, Loss};
use story::{Model, Story};
use trace::Event;

const FILE: &str = "IMAP_SQL_POWER_FILE";

/// The process that is recorded.
#[tokio::test]
#[ignore = "the test below runs it"]
async fn the_story() {
    let path = std::env::var(FILE).unwrap();
    Story::new(Path::new(&path)).await.tell().await;
}

#[tokio::test]
async fn what_was_answered_is_there_after_a_loss_of_power_at_any_moment() {
    let Some(events) = record() else { return };
    let tried = crash_everywhere(&events, Disk::default()).await;
    println!("{tried:?} crashes, {} calls", events.len());
    assert!(tried.unwrap() > 500);
    // The test can see a sync that is missing.
    for file in ["mail.db", "mail.db-wal"] {
        let found = crash_everywhere(&events, Disk::that_lies_about(file)).await;
        assert!(found.is_err(), "without the syncs of {file} something is lost");
    }
}

/// Answers how many crashes were tried, or what was wrong after the first.
async fn crash_everywhere(events: &[Event], mut disk: Disk) -> Result<usize, String> {
    let models = Model::after_each_step();
    let (mut answered, mut tried) = (0, 0);
    for (at, event) in events.iter().enumerate() {
        disk.apply(event);
        if matches!(event, Event::Answered) {
            answered += 1;
        }
        if !is_of_interest(events, at) || !disk.has_database() {
            continue;
        }
        let seed = u64::try_from(at).unwrap();
        for loss in [Loss::Nothing, Loss::Unsynced, Loss::Some(seed)] {
            let home = scratch();
            disk.leave(home.path(), loss);
            let found = story::read(&home.path().join("mail.db")).await;
            let allowed = [models.get(answered), models.get(answered + 1)];
            if !found.as_ref().is_ok_and(|found| allowed.contains(&Some(found))) {
                return Err(format!(
                    "call {at} of {}, {answered} steps answered, {loss:?}: found {found:?}, allowed {allowed:?}",
                    events.len()
                ));
            }
            tried += 1;
        }
    }
    assert_eq!(answered, models.len() - 1);
    Ok(tried)
}

/// A folder in memory where there is one: the disk of this machine is not what is tested.
fn scratch() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").unwrap_or_else(|_| tempfile::tempdir().unwrap())
}

/// All calls near a sync, and some of those between: one of 41, or of what `POWER_EVERY` says.
fn is_of_interest(events: &[Event], at: usize) -> bool {
    let every = std::env::var("POWER_EVERY").map_or(41, |number| number.parse().unwrap());
    let near = &events[at.saturating_sub(2)..(at + 2).min(events.len())];
    let is_mark =
        |event: &Event| matches!(event, Event::Sync { .. } | Event::Answered | Event::Remove { .. });
    near.iter().any(is_mark) || at.is_multiple_of(every)
}

/// What the process of the story did with its files. None where nothing records it.
fn record() -> Option<Vec<Event>> {
    let home = tempfile::tempdir().unwrap();
    let trace = home.path().join("trace");
    let folder = home.path().join("mail");
    std::fs::create_dir(&folder).unwrap();
    let recorded = Command::new("strace")
        .args(["-f", "-xx", "-s", "200000", "-e", trace::CALLS, "-o"])
        .arg(&trace)
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "the_story", "--ignored", "--nocapture"])
        .env(FILE, folder.join("mail.db"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    match recorded {
        Ok(status) => assert!(status.success(), "the story is told to its end"),
        Err(error) => {
            let required = std::env::var("TEST_STRACE").is_ok_and(|value| value == "required");
            assert!(!required, "strace: {error}");
            eprintln!("skipped: strace: {error}");
            return None;
        }
    }
    Some(trace::parse(&std::fs::read(&trace).unwrap(), &folder))
}
