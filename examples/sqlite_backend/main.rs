//! The smallest correct backend on an SQL database: SQLite, one user, INBOX and Archive, which other programs change too.
//!
//! `cargo run -p imap-backendutil-examples --example sqlite_backend [ADDRESS:PORT [FILE]]`, user and password `demo`. Without
//! a file the mail is in memory. It prints the following line and serves until it is interrupted:
//! ```text
//! listening on 127.0.0.1:1143
//! ```
//! `docs/databases.md` explains it. `schema.sql` is the schema, `node.rs` is where the log is read, `mailbox.rs` has the
//! commands. It passes the conformance kit (`tests/sqlite_backend.rs`); what it does not have, CREATE, is skipped there.

pub(crate) mod mailbox;
pub(crate) mod node;

use imap_backend::*;
use mailbox::{Message, Selected};
use node::{Node, OrUnavailable as _, find};
use rusqlite::Connection;

impl Backend for Node {
    type Session = Self;
    fn abilities(&self) -> Abilities {
        Abilities::default().with(Ability::ModSequences)
    }
    async fn login(&self, _: &Peer, who: Credentials) -> Result<Self, LoginError> {
        let known = who.user() == "demo" && who.password() == Some("demo");
        known.then(|| self.clone()).ok_or(LoginError::Refused)
    }
}

impl Session for Node {
    type Mailbox = Selected;
    fn abilities(&self) -> Abilities {
        Backend::abilities(self)
    }

    async fn list(&mut self, _: &ListQuery) -> Result<Vec<ListEntry>, Error> {
        let names = |db: &Connection| {
            let mut statement = db.prepare("SELECT name FROM mailboxes")?;
            statement.query_map((), |row| row.get::<_, String>(0))?.collect::<Result<Vec<_>, _>>()
        };
        let names = self.blocking(move |node| node.read(|db| names(db).or_unavailable())).await?;
        Ok(names.iter().filter_map(|name| MailboxName::new(name)).map(ListEntry::mailbox).collect())
    }

    async fn select(&mut self, name: &MailboxName, how: &Select) -> Result<Opened<Selected>, Error> {
        let (name, access) = (name.clone(), how.access());
        self.blocking(move |node| {
            let id = node.read(|db| find(db, &name, ErrorKind::NonExistent))?;
            // UIDNEXT and HIGHESTMODSEQ are those of the hub's cursor; the database may be further by now.
            let (hub, selection) = node.open(id, access)?;
            let mailbox = Selected { node: node.clone(), id, hub, origin: selection.updates.origin() };
            Ok(Opened::new(mailbox, selection.updates, id.try_into()?)
                .with_uid_next(selection.uid_next)
                .with_highest_modseq(selection.highest_modseq))
        })
        .await
    }

    async fn append(
        &mut self,
        name: &MailboxName,
        how: &Append,
        mut source: impl MessageSource,
    ) -> Result<Appended, Error> {
        let target = name.clone();
        let id = self.blocking(move |node| node.read(|db| find(db, &target, ErrorKind::TryCreate))).await?;
        let octets = source.read_all().await?; // the first octets that the client sends
        if octets.contains(&0) {
            return Err(ErrorKind::UnknownEncoding.into());
        }
        let message = Message::new(how, imap_message::to_crlf(&octets).into_owned());
        self.blocking(move |node| {
            let uid = node.change(&[id], |db| message.insert(db, id))?;
            Ok(Appended::new(id.try_into()?, uid.try_into()?))
        })
        .await
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let address = arguments.next().unwrap_or("127.0.0.1:1143".into());
    let connection = match arguments.next() {
        Some(file) => Connection::open(file)?,
        None => Connection::open_in_memory()?,
    };
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!("listening on {}", listener.local_addr()?);
    let server = imap_server::Server::builder(Node::new(connection)?).build();
    Ok(server.serve(listener, imap_server::Shutdown::new()).await?)
}
