//! How long it takes until a session in IDLE is told what another program did to a large mailbox.
//!
//! `cargo run --release -p imap-maildir --example told -- DIRECTORY MESSAGES`, with a directory on a file system in memory.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a measurement ends at the first error"
)]

use std::error::Error;
use std::path::Path;
use std::time::{Duration, Instant};

use imap_backend::{Mailbox as _, Opened};
use imap_backend::{MailboxName, PollReason, Select, Session as _};
use imap_maildir::{Authenticator, MailRoot, MaildirBackend, MaildirMailbox, PasswordCheck};
use imap_updates::{Access, Followers, UpdateBuffer, kind};

/// How often each change is made.
const ROUNDS: usize = 5;

struct Nobody;

impl Authenticator for Nobody {
    async fn verify(&self, _: &str, _: &str) -> Result<PasswordCheck, Box<dyn Error + Send + Sync>> {
        Ok(PasswordCheck::Refused)
    }
}

/// Links to one file in `cur/`: on a file system in memory they take no room to speak of.
fn make_messages(root: &Path, count: usize) {
    for place in ["new", "cur", "tmp"] {
        std::fs::create_dir_all(root.join(place)).unwrap();
    }
    let text = root.join("tmp/text");
    std::fs::write(&text, "Subject: x\n\nx\n").unwrap();
    for number in 0..count {
        std::fs::hard_link(
            &text,
            root.join(format!("cur/{}.M1P1.host:2,S", 1_000_000 + number)),
        )
        .unwrap();
    }
}

/// Waits until the session is told something, and gives how long that took.
async fn told(updates: &mut UpdateBuffer, act: impl FnOnce()) -> Duration {
    let began = Instant::now();
    act();
    loop {
        updates.changed().await;
        let command = updates.begin(kind::Noop);
        let drained = updates.drain(command.permit(Followers::None));
        let is_empty = drained.iter().next().is_none();
        updates.written(drained);
        if !is_empty {
            return began.elapsed();
        }
    }
}

fn print(what: &str, mut times: Vec<Duration>) {
    times.sort();
    let median = times[times.len() / 2];
    println!(
        "{what:<10} median {median:>10.3?}   longest {:>10.3?}",
        times[times.len() - 1]
    );
}

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let home = arguments.next().expect("a directory");
    let count = arguments.next().expect("how many messages").parse().unwrap();
    let home = Path::new(&home);
    let root = home.join("u");
    make_messages(&root, count);
    let backend = MaildirBackend::new(MailRoot::new(home.join("%u")), Nobody).unwrap();
    let mut session = backend.session("u").await.unwrap();
    let began = Instant::now();
    let opened: Opened<MaildirMailbox> = session
        .select(&MailboxName::inbox(), &Select::new(Access::ReadWrite))
        .await
        .unwrap();
    println!("SELECT of {count} messages {:.3?}", began.elapsed());
    let (mut mailbox, mut updates) = opened.into_parts();
    // What is looked at once more after the mailbox was opened is over then.
    tokio::time::sleep(Duration::from_secs(40)).await;
    mailbox.poll(PollReason::Idling).await.unwrap();
    let mut times = [Vec::new(), Vec::new(), Vec::new()];
    for round in 0..ROUNDS {
        let (cur, base) = (root.join("cur"), format!("{}.M1P1.host", 1_000_000 + round));
        let (before, after) = (cur.join(format!("{base}:2,S")), cur.join(format!("{base}:2,FS")));
        times[0].push(told(&mut updates, || std::fs::rename(&before, &after).unwrap()).await);
        tokio::time::sleep(Duration::from_secs(2)).await;
        let new = root.join(format!("new/9999999.M{round}P1.host"));
        times[1].push(
            told(&mut updates, || {
                std::fs::hard_link(root.join("tmp/text"), new).unwrap()
            })
            .await,
        );
        tokio::time::sleep(Duration::from_secs(2)).await;
        times[2].push(told(&mut updates, || std::fs::remove_file(&after).unwrap()).await);
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
    for (what, times) in ["rename", "delivery", "removal"].into_iter().zip(times) {
        print(what, times);
    }
}
