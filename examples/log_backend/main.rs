//! A database with a change log, which several servers share: a backend on `Hubs` and `LogHub`.
//!
//! `cargo run -p imap-backendutil-examples --example log_backend`
//!
//! `node.rs` is where the log is read, `columns.rs` makes pages of it; `session.rs` and `mailbox.rs` are the three traits,
//! `database.rs` is the database. Here two servers run on it, Ann is on the first, Bob and Cat are on the second.
//! ```text
//!  Bob says  IDLE
//!  Bob hears + idling
//! -- An administrator's tool delivers a message.
//!  Bob hears * 1 EXISTS
//!  Bob hears * 1 RECENT
//!  Ann says  NOOP
//!  Ann hears * 1 EXISTS
//!  Ann hears * 1 RECENT
//!  Ann hears a3 OK NOOP completed
//! -- Ann changes flags: she hears the answer to STORE, and Bob hears what she did.
//!  Ann says  STORE 1 +FLAGS (\Flagged)
//!  Ann hears * 1 FETCH (FLAGS (\Flagged \Recent))
//!  Ann hears a4 OK STORE completed
//!  Bob hears * 1 FETCH (UID 1 FLAGS (\Flagged \Recent))
//! -- The tool removes the message, and clears the log.
//!  Bob hears * 1 EXPUNGE
//!  Bob hears * 0 RECENT
//!  Ann says  NOOP
//!  Ann hears * 1 EXPUNGE
//!  Ann hears * 0 RECENT
//!  Ann hears a5 OK NOOP completed
//! -- Cat, on Bob's server, deletes the mailbox that Ann has selected.
//!  Ann says  SELECT Archive
//!  Ann hears * OK [CLOSED] the previous mailbox is closed
//!  Ann hears * FLAGS (\Answered \Flagged \Deleted \Seen \Draft)
//!  Ann hears * OK [PERMANENTFLAGS (\Answered \Flagged \Deleted \Seen \Draft \*)] flags that can be changed
//!  Ann hears * 0 EXISTS
//!  Ann hears * 0 RECENT
//!  Ann hears * OK [UIDVALIDITY 2] UIDs are valid
//!  Ann hears * OK [UIDNEXT 1] predicted next UID
//!  Ann hears * OK [HIGHESTMODSEQ 1] highest mod-sequence
//!  Ann hears a7 OK [READ-WRITE] mailbox selected
//!  Cat says  DELETE Archive
//!  Cat hears a3 OK DELETE completed
//!  Ann says  NOOP
//!  Ann hears a8 OK NOOP completed
//!  Ann hears * BYE the selected mailbox was deleted
//! ```

mod columns;
pub(crate) mod database;
pub(crate) mod mailbox;
pub(crate) mod node;
mod session;

use database::{Database, MessageRow};
use imap_backend::Error;
use imap_backendutil_examples::Client;
use imap_server::Server;
use node::Node;

/// What an administrator's tool does to INBOX, without a word to any server.
struct Administrator(Database);

impl Administrator {
    fn deliver(&self, subject: &str) -> Result<(), Error> {
        let octets = format!("Subject: {subject}\r\n\r\n").into();
        let mut transaction = self.0.begin();
        transaction.insert(1, MessageRow { octets, ..MessageRow::default() })?;
        transaction.commit();
        Ok(())
    }
    fn remove(&self, uid: i64) -> Result<(), Error> {
        let mut transaction = self.0.begin();
        transaction.remove(1, uid)?;
        transaction.clear_tombstones(1)?;
        transaction.commit();
        Ok(())
    }
}

/// A server with a node of its own.
fn server(database: &Database) -> Server<Node> {
    let node = Node::new(database.clone());
    node.follow_hints();
    Server::builder(node).build()
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let database = Database::new();
    let administrator = Administrator(database.clone());
    let (first, second) = (server(&database), server(&database));
    let mut ann = Client::connect(&first, "Ann").await?;
    let mut bob = Client::connect(&second, "Bob").await?;
    bob.begin("IDLE").await?;

    println!("-- An administrator's tool delivers a message.");
    administrator.deliver("one")?;
    bob.hear().await?;
    bob.hear().await?;
    ann.say("NOOP").await?;

    println!("-- Ann changes flags: she hears the answer to STORE, and Bob hears what she did.");
    ann.say("STORE 1 +FLAGS (\\Flagged)").await?;
    bob.hear().await?;

    println!("-- The tool removes the message, and clears the log.");
    administrator.remove(1)?;
    bob.hear().await?;
    bob.hear().await?;
    ann.say("NOOP").await?;

    println!("-- Cat, on Bob's server, deletes the mailbox that Ann has selected.");
    ann.quietly("CREATE Archive").await?;
    ann.say("SELECT Archive").await?;
    let mut cat = Client::connect(&second, "Cat").await?;
    cat.say("DELETE Archive").await?;
    ann.say("NOOP").await?;
    ann.hear().await?;
    Ok(())
}
