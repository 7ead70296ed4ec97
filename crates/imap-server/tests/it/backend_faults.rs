//! A backend that fails or panics: the client is told as much as it may know, and other clients nothing.

use imap_backend::{
    Append, Appended, Backend, Copied, Credentials, Error, ErrorKind, Fetched, FlagChange, ListEntry,
    ListQuery, LoginError, Mailbox, MailboxName, MessageSource, Need, Opened, Peer, Select, Session, Stored,
};
use imap_seq::{Uid, UidSet};
use imap_server::{Server, Shutdown};

use crate::common::{connect, local};

/// Does what the name of the mailbox says.
struct Faulty;

impl Backend for Faulty {
    type Session = Self;

    async fn login(&self, _: &Peer, credentials: Credentials) -> Result<Self, LoginError> {
        match credentials.user() {
            "broken" => Err(Error::new(ErrorKind::Unavailable)
                .with_source("the secret of the store")
                .into()),
            "held" => Err(Error::from(ErrorKind::InUse).into()),
            _ => Ok(Self),
        }
    }
}

impl Session for Faulty {
    type Mailbox = NoMailbox;

    async fn list(&mut self, _: &ListQuery) -> Result<Vec<ListEntry>, Error> {
        panic!("the backend has a bug")
    }

    async fn select(&mut self, name: &MailboxName, _: &Select) -> Result<Opened<NoMailbox>, Error> {
        Err(Error::new(kind(name)).with_source("the secret of the store"))
    }

    async fn append(
        &mut self,
        name: &MailboxName,
        _: &Append,
        mut message: impl MessageSource,
    ) -> Result<Appended, Error> {
        if name.as_str() == "late" {
            message.chunk().await?;
            return Err(ErrorKind::OverQuota.into());
        }
        Err(kind(name).into())
    }
}

fn kind(name: &MailboxName) -> ErrorKind {
    match name.as_str() {
        "damaged" => ErrorKind::Corruption,
        "locked" => ErrorKind::InUse,
        "full" => ErrorKind::OverQuota,
        _ => ErrorKind::NoPermission,
    }
}

/// Never opened.
struct NoMailbox;

impl Mailbox for NoMailbox {
    async fn fetch(&mut self, _: &[Uid], _: Need) -> Result<Fetched, Error> {
        Err(ErrorKind::ServerBug.into())
    }

    async fn store(&mut self, _: &UidSet, _: &FlagChange) -> Result<Stored, Error> {
        Err(ErrorKind::ServerBug.into())
    }

    async fn copy(&mut self, _: &UidSet, _: &MailboxName) -> Result<Copied, Error> {
        Err(ErrorKind::ServerBug.into())
    }

    async fn expunge(&mut self, _: &UidSet) -> Result<(), Error> {
        Err(ErrorKind::ServerBug.into())
    }
}

#[tokio::test(start_paused = true)]
async fn the_kind_of_an_error_is_told_and_nothing_else() {
    let server = Server::builder(Faulty).build();
    let mut client = connect(&server, local(), &Shutdown::new());
    client.line().await;
    let refused = client.command("LOGIN broken x").await;
    assert_eq!(
        refused,
        ["NO [UNAVAILABLE] logins cannot be checked at the moment"]
    );
    let refused = client.command("LOGIN held x").await;
    assert_eq!(refused, ["NO [INUSE] another server has the mail to itself"]);
    client.ok("LOGIN joe x").await;
    for (command, answer) in [
        ("SELECT damaged", "NO [CORRUPTION] the stored mail is damaged"),
        ("SELECT locked", "NO [INUSE] the mailbox is in use"),
        ("SELECT other", "NO [NOPERM] permission denied"),
        (
            "STATUS damaged (MESSAGES)",
            "NO [CORRUPTION] the stored mail is damaged",
        ),
        ("CREATE x", "NO [CANNOT] not supported by this mail store"),
    ] {
        assert_eq!(client.command(command).await, [answer], "{command}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_append_can_be_refused_before_and_after_it_was_sent() {
    let server = Server::builder(Faulty).build();
    let mut client = connect(&server, local(), &Shutdown::new());
    client.line().await;
    client.ok("LOGIN joe x").await;
    client.send("a APPEND full {5}\r\n").await;
    assert_eq!(client.line().await, "a NO [OVERQUOTA] the quota is exceeded");
    client.send("b APPEND late {5}\r\n").await;
    assert_eq!(client.line().await, "+ OK");
    client.send("12345\r\nc NOOP\r\n").await;
    assert_eq!(client.line().await, "b NO [OVERQUOTA] the quota is exceeded");
    assert_eq!(client.line().await, "c OK NOOP completed");
}

/// The tests of this server see a panic that the client never hears of.
#[tokio::test(start_paused = true)]
#[should_panic(expected = "the server panicked")]
async fn a_panic_that_a_test_has_not_meant_fails_the_test() {
    let server = Server::builder(Faulty).build();
    let mut client = connect(&server, local(), &Shutdown::new());
    client.line().await;
    client.ok("LOGIN joe x").await;
    client.send("a LIST \"\" *\r\n").await;
    client.rest().await;
}

#[tokio::test(start_paused = true)]
async fn a_panic_ends_its_own_connection_with_bye_and_no_other() {
    let server = Server::builder(Faulty).build();
    let shutdown = Shutdown::new();
    let mut other = connect(&server, local(), &shutdown);
    other.line().await;
    let mut client = connect(&server, local(), &shutdown);
    client.line().await;
    client.ok("LOGIN joe x").await;
    client.panics.expect_one();
    other.panics.expect_one();
    client.send("a LIST \"\" *\r\n").await;
    assert_eq!(client.rest().await, ["* BYE internal error"]);
    client.ended().await;
    other.ok("LOGIN joe x").await;
}
