//! Somebody who writes SQL by hand while servers run, for the conformance kit.

use std::rc::Rc;

use imap_backend::{Error, ErrorKind, MailboxName};
use imap_backend_test::{Outside, OutsideMessage, Subject};
use imap_sql::{Options, SqlBackend};
use imap_updates::{Flag, Flags};

use super::{Home, Secret, backend};

/// A database with everything that the kit can ask for: SQL by hand, a second process, a restart, quotas.
pub(crate) fn subject(home: Home) -> Subject<SqlBackend<Secret>> {
    let home = Rc::new(home);
    let open = |home: &Home| backend(home.open(&Options::default().without_hints()));
    let (reopened, limited) = (Rc::clone(&home), Rc::clone(&home));
    Subject::new(open(&home), "ann", "secret")
        .with_limits(move |messages, octets| limited.by_hand(&quotas(messages, octets)).unwrap())
        .with_second(open(&home))
        .with_reopen(async move || open(&reopened))
        .with_outside(Hand(home))
}

/// What somebody writes who limits the accounts.
fn quotas(messages: u64, octets: u64) -> String {
    let storage = octets / 1024;
    format!(
        "DELETE FROM quotas;
         INSERT INTO quotas (account, resource, most) SELECT id, 'MESSAGE', {messages} FROM accounts;
         INSERT INTO quotas (account, resource, most) SELECT id, 'STORAGE', {storage} FROM accounts;"
    )
}

struct Hand(Rc<Home>);

impl Hand {
    fn run(&self, sql: &str) -> Result<(), Error> {
        let done = self.0.by_hand(sql);
        done.map_err(|error| Error::new(ErrorKind::ServerBug).with_source(error))
    }

    /// What stores a message, without BEGIN and COMMIT.
    fn insert(&self, mailbox: &MailboxName, octets: &[u8]) -> String {
        let hex: String = octets.iter().map(|octet| format!("{octet:02x}")).collect();
        let (text, size) = (self.0.octets(&hex), octets.len());
        format!(
            "INSERT INTO blobs (size) VALUES ({size});
             INSERT INTO chunks (blob, number, octets) SELECT max(id), 0, {text} FROM blobs;
             INSERT INTO messages (mailbox, blob) SELECT m.id, max(b.id)
                 FROM mailboxes m, blobs b WHERE m.name = '{mailbox}' GROUP BY m.id;"
        )
    }
}

/// The rows of a message.
fn rows(mailbox: &MailboxName, message: &OutsideMessage) -> String {
    let uid = message.uid;
    format!("uid = {uid} AND mailbox = (SELECT id FROM mailboxes WHERE name = '{mailbox}')")
}

impl Outside for Hand {
    async fn deliver(&self, mailbox: &MailboxName, octets: &[u8]) -> Result<(), Error> {
        self.run(&format!("BEGIN; {} COMMIT;", self.insert(mailbox, octets)))
    }

    async fn remove(&self, mailbox: &MailboxName, message: &OutsideMessage) -> Result<(), Error> {
        self.run(&format!("DELETE FROM messages WHERE {}", rows(mailbox, message)))
    }

    async fn set_flags(
        &self,
        mailbox: &MailboxName,
        message: &OutsideMessage,
        flags: &Flags,
    ) -> Result<(), Error> {
        let bit = |flag: Flag| match flag {
            Flag::Answered => 1,
            Flag::Flagged => 2,
            Flag::Seen => 8,
            Flag::Draft => 16,
            other => panic!("{other}"),
        };
        let flags: i64 = flags.iter().map(bit).sum();
        let rows = rows(mailbox, message);
        self.run(&format!("UPDATE messages SET flags = {flags} WHERE {rows}"))
    }

    async fn delete(&self, mailbox: &MailboxName) -> Result<(), Error> {
        self.run(&format!("DELETE FROM mailboxes WHERE name = '{mailbox}'"))
    }

    async fn rename(&self, from: &MailboxName, to: &MailboxName) -> Result<(), Error> {
        self.run(&format!(
            "UPDATE mailboxes SET name = '{to}' WHERE name = '{from}'"
        ))
    }

    async fn roll_back(&self, mailbox: &MailboxName, octets: &[u8]) -> Result<(), Error> {
        let insert = self.insert(mailbox, octets);
        self.run(&format!(
            "BEGIN; DELETE FROM messages; {insert} UPDATE messages SET flags = 31; ROLLBACK;"
        ))
    }
}
