//! A store that can only be listed: nobody tells it when another program changes the mail.
//!
//! `cargo run -p imap-backendutil-examples --example polled_backend`
//!
//! `poll` looks, with at most one listing at a time for all sessions; what is different is told like any update.
//! ```text
//! -- Another program removes UID 1 and adds UID 7.
//!  Ann says  FETCH 2 UID
//!  Ann hears * 2 FETCH (UID 2)
//!  Ann hears a3 OK FETCH completed
//!  Ann says  NOOP
//!  Ann hears * 1 EXPUNGE
//!  Ann hears * 3 EXISTS
//!  Ann hears * 1 RECENT
//!  Ann hears a4 OK NOOP completed
//!  Ann says  FETCH 3 (UID BODY.PEEK[HEADER])
//!  Ann hears * 3 FETCH (UID 7 BODY[HEADER] {18}
//!  Ann hears Subject: seven
//!  Ann hears
//!  Ann hears )
//!  Ann hears a5 OK FETCH completed
//! ```

mod session;
mod table;

use imap_backend::*;
use imap_backendutil_examples::Client;
use imap_poller::{Absence, MailboxPoller, Pace, Reason};
use imap_seq::{Uid, UidSet};
use imap_updates::Flags;
use std::time::Instant;
use table::Table;

/// Backend, session and mailbox in one: there is a single mailbox, and the poller is in the place of its hub.
#[derive(Clone)]
struct Polled {
    table: Table,
    poller: MailboxPoller,
    started: Instant,
}

impl Mailbox for Polled {
    async fn fetch(&mut self, uids: &[Uid], _: Need) -> Result<Fetched, Error> {
        let record = |&uid: &Uid| Some(Record::new(uid, Flags::empty()).with_body(self.table.message(uid)?));
        Ok(uids.iter().map(record).collect())
    }
    async fn store(&mut self, _: &UidSet, _: &FlagChange) -> Result<Stored, Error> {
        Err(ErrorKind::Unsupported.into())
    }
    async fn copy(&mut self, _: &UidSet, _: &MailboxName) -> Result<Copied, Error> {
        Err(ErrorKind::Unsupported.into())
    }
    async fn expunge(&mut self, _: &UidSet) -> Result<(), Error> {
        Err(ErrorKind::Unsupported.into())
    }
    async fn poll(&mut self, reason: PollReason) -> Result<(), Error> {
        let reason = match reason {
            PollReason::Asked => Reason::Asked,
            PollReason::Idling => Reason::Idle,
            _ => return Ok(()),
        };
        let list = async || Ok::<_, Error>(self.table.list());
        // Too early, by the pace: what there is comes with a later listing.
        let _told = self.poller.look(reason, || self.started.elapsed(), list).await?;
        Ok(())
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let uid = |number| Uid::new(number).expect("not 0");
    let table = Table::new([(uid(1), "one"), (uid(2), "two"), (uid(3), "three")]);
    // One listing is proof of absence here. A store that reads while others write asks twice: `InListings`.
    let poller = MailboxPoller::open(table.list(), Absence::IsProof, Pace::default())?;
    let backend = Polled { table: table.clone(), poller, started: Instant::now() };
    let server = imap_server::Server::builder(backend).build();
    let mut ann = Client::connect(&server, "Ann").await?;
    println!("-- Another program removes UID 1 and adds UID 7.");
    table.replace(uid(1), uid(7), "seven");
    for command in ["FETCH 2 UID", "NOOP", "FETCH 3 (UID BODY.PEEK[HEADER])"] {
        ann.say(command).await?;
    }
    Ok(())
}
