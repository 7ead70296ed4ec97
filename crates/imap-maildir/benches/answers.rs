//! What the index answers of 100,000 messages without touching a file: flags, SEARCH, STATUS.
//!
//! `cargo bench -p imap-maildir` prints the best of ten runs of each: processor time of the asking thread, so that a busy
//! machine does not change the figures. Linux only.

use std::time::Duration;

use imap_backend::{Mailbox as _, MailboxName, Need, Query, SearchKey, Select, Session as _, StatusQuery};
use imap_maildir::{Authenticator, MailRoot, MaildirBackend, PasswordCheck};
use imap_seq::Uid;
use imap_updates::{Access, Flag};

const MESSAGES: usize = 100_000;
/// How many UIDs the server asks for at a time.
const AT_A_TIME: usize = 256;
const RUNS: usize = 10;

struct Everybody;

impl Authenticator for Everybody {
    async fn verify(
        &self,
        _: &str,
        _: &str,
    ) -> Result<PasswordCheck, Box<dyn std::error::Error + Send + Sync>> {
        Ok(PasswordCheck::Accepted)
    }
}

/// Processor time that this thread has used.
fn processor_time() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanoseconds = text.split(' ').next().and_then(|field| field.parse().ok());
    Duration::from_nanos(nanoseconds.unwrap_or_default())
}

fn print_best(what: &str, times: &[Duration]) {
    if let Some(best) = times.iter().min() {
        println!("{what}: {best:?}");
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let home = tempfile::tempdir()?;
    let cur = home.path().join("ann/cur");
    std::fs::create_dir_all(&cur)?;
    for number in 0..MESSAGES {
        let flags = ["S", "FS", "", "RS"][number % 4];
        std::fs::write(cur.join(format!("{number}.bench:2,{flags}")), "x\n")?;
    }
    let backend = MaildirBackend::new(MailRoot::new(home.path().join("%u")), Everybody)?;
    let mut session = backend.session("ann").await?;
    let select = Select::new(Access::ReadWrite);
    let (mut mailbox, updates) = session.select(&MailboxName::inbox(), &select).await?.into_parts();
    let view = updates.view().clone();
    let uids: Vec<Uid> = view.uids().collect();

    let mut times = Vec::new();
    for _ in 0..RUNS {
        let start = processor_time();
        for uids in uids.chunks(AT_A_TIME) {
            std::hint::black_box(mailbox.fetch(uids, Need::FLAGS).await?);
        }
        times.push(processor_time().saturating_sub(start));
    }
    print_best("flags of 100,000 messages, 256 at a time", &times);

    for (what, key) in [
        ("SEARCH ALL", SearchKey::All),
        ("SEARCH FLAGGED", SearchKey::Flag(Flag::Flagged)),
    ] {
        let query = Query::new(key, view.clone());
        let mut times = Vec::new();
        for _ in 0..RUNS {
            let start = processor_time();
            std::hint::black_box(mailbox.search(&query).await?);
            times.push(processor_time().saturating_sub(start));
        }
        print_best(what, &times);
    }

    let mut times = Vec::new();
    for _ in 0..RUNS {
        let start = processor_time();
        std::hint::black_box(session.status(&MailboxName::inbox(), StatusQuery::ALL).await?);
        times.push(processor_time().saturating_sub(start));
    }
    print_best("STATUS", &times);
    Ok(())
}
