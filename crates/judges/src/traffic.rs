//! What clients do on any day, followed as `imap-conform watch` follows it.

use imap_conform::{Finding, Follower};
use std::io;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

/// A client that passes over whatever is wrong.
struct Client {
    stream: BufReader<TcpStream>,
    follower: Follower,
    tag: u32,
}

impl Client {
    async fn login(address: &str, user: &str) -> io::Result<Self> {
        let mut client = Self {
            stream: BufReader::new(TcpStream::connect(address).await?),
            follower: Follower::new("1"),
            tag: 0,
        };
        client.hear("* ").await?;
        client.say(&format!("LOGIN {user} secret")).await?;
        client.say("CAPABILITY").await?;
        Ok(client)
    }

    /// Hears lines up to one that begins so; an error where the connection is over.
    async fn hear(&mut self, begin: &str) -> io::Result<()> {
        loop {
            let mut line = Vec::new();
            if self.stream.read_until(b'\n', &mut line).await? == 0 {
                self.follower.server_closed();
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.follower.server(&line);
            if line.starts_with(begin.as_bytes()) {
                return Ok(());
            }
        }
    }

    async fn send(&mut self, octets: &[u8]) -> io::Result<()> {
        self.follower.client(octets);
        self.stream.write_all(octets).await
    }

    /// A command, with its answer.
    async fn say(&mut self, command: &str) -> io::Result<()> {
        self.tag += 1;
        let tag = self.tag;
        self.send(format!("t{tag} {command}\r\n").as_bytes()).await?;
        self.hear(&format!("t{tag} ")).await
    }

    async fn append(&mut self, mailbox: &str, number: u32) -> io::Result<()> {
        let message = format!("From: a@example.org\r\nSubject: number {number}\r\n\r\nText\r\n");
        self.say(&format!("APPEND {mailbox} {{{}+}}\r\n{message}", message.len()))
            .await
    }
}

/// What is found while clients read, file, remove and come back.
pub(crate) async fn watched(address: &str, user: &str) -> Vec<Finding> {
    let mut found = Vec::new();
    for day in [Day::Reading, Day::Removing, Day::ComingBack] {
        let mut clients = Vec::new();
        // A connection that is over ends the day, and what was found until then counts.
        let _ = day.pass(address, user, &mut clients).await;
        found.extend(
            clients
                .iter_mut()
                .flat_map(|client| client.follower.take_findings()),
        );
    }
    found
}

#[derive(Debug, Clone, Copy)]
enum Day {
    /// One client reads and files its mail.
    Reading,
    /// Two have the same mailbox, and one removes messages.
    Removing,
    /// One was away, and comes back by QRESYNC.
    ComingBack,
}

impl Day {
    async fn pass(self, address: &str, user: &str, clients: &mut Vec<Client>) -> io::Result<()> {
        for _ in 0..2 {
            clients.push(Client::login(address, user).await?);
        }
        let [one, two] = &mut clients[..] else {
            return Ok(());
        };
        match self {
            Self::Reading => read(one).await?,
            Self::Removing => remove(one, two).await?,
            Self::ComingBack => come_back(one, two).await?,
        }
        one.say("LOGOUT").await?;
        two.say("LOGOUT").await
    }
}

async fn read(client: &mut Client) -> io::Result<()> {
    client.say("CREATE filed").await?;
    for number in 1..=4 {
        client.append("INBOX", number).await?;
    }
    for command in [
        "LIST \"\" *",
        "STATUS INBOX (MESSAGES UIDNEXT UIDVALIDITY)",
        "SELECT INBOX",
        "FETCH 1:* (UID FLAGS RFC822.SIZE INTERNALDATE)",
        "UID FETCH 1:* (FLAGS BODY.PEEK[HEADER])",
        "FETCH 2 (UID RFC822.SIZE BODY[])",
        "SEARCH UNSEEN",
        "SEARCH RETURN (ALL) UNSEEN",
        "STORE 1 FLAGS (\\Answered)",
        "UID STORE 1:* +FLAGS (\\Flagged)",
        "UID COPY 1:2 filed",
        "EXAMINE filed",
        "FETCH 1:* (UID FLAGS)",
        "SELECT INBOX",
    ] {
        client.say(command).await?;
    }
    Ok(())
}

async fn remove(one: &mut Client, two: &mut Client) -> io::Result<()> {
    for client in [&mut *one, &mut *two] {
        client.say("SELECT INBOX").await?;
        client.say("FETCH 1:* (UID FLAGS)").await?;
    }
    one.append("INBOX", 5).await?;
    two.say("NOOP").await?;
    one.say("STORE 1 +FLAGS (\\Deleted)").await?;
    one.say("EXPUNGE").await?;
    two.say("FETCH 1:* (UID FLAGS)").await?;
    two.say("NOOP").await?;
    two.say("FETCH 1:* (UID FLAGS)").await?;
    one.say("UID STORE 1:* +FLAGS (\\Seen)").await?;
    two.say("NOOP").await?;
    one.say("STORE 2 +FLAGS (\\Deleted)").await?;
    one.say("CLOSE").await?;
    one.say("DELETE filed").await?;
    two.say("NOOP").await?;
    two.say("FETCH 1:* (UID FLAGS)").await?;
    two.append("INBOX", 6).await?;
    two.say("UID FETCH 1:* (FLAGS)").await
}

async fn come_back(one: &mut Client, two: &mut Client) -> io::Result<()> {
    one.say("ENABLE QRESYNC").await?;
    one.say("SELECT INBOX").await?;
    one.say("UID FETCH 1:* (FLAGS MODSEQ)").await?;
    two.say("SELECT INBOX").await?;
    two.say("STORE 1 +FLAGS ($Known)").await?;
    one.say("NOOP").await?;
    one.say("UID FETCH 1:* (FLAGS MODSEQ)").await?;
    two.append("INBOX", 7).await?;
    one.say("NOOP").await?;
    two.say("SELECT INBOX").await?;
    two.say("STORE * +FLAGS (\\Deleted)").await?;
    two.say("EXPUNGE").await?;
    two.say("SELECT INBOX").await?;
    one.say("NOOP").await?;
    one.say("UID FETCH 1:* (FLAGS) (CHANGEDSINCE 1 VANISHED)").await?;
    one.say("STATUS INBOX (HIGHESTMODSEQ)").await?;
    one.say("SELECT INBOX (QRESYNC (1 1))").await?;
    one.say("UID FETCH 1:* (FLAGS MODSEQ)").await?;
    one.say("UID STORE 1:* (UNCHANGEDSINCE 2) +FLAGS (\\Draft)").await
}
