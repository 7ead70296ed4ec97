//! A client that sends what it is told to send, and another session that changes INBOX meanwhile.

use std::time::Duration;

use imap_backend::{Peer, Transport};
use imap_backend_test::MemoryBackend;
use imap_server::{Server, Shutdown};
use tokio::io::{duplex, split};
use tokio::runtime::Builder;
use tokio::time::{Instant, sleep, timeout};

use super::pipe::{self, Listening, Speaking};

/// Octets that the pipe holds in each direction.
const PIPE: usize = 64 << 10;
/// Longer than anything that the server waits for: half an hour of silence.
const PATIENCE: Duration = Duration::from_secs(32 * 60);
/// What a server takes to end that has nothing to wait for but failed logins.
const SOON: Duration = Duration::from_secs(60);
/// COPY doubles a mailbox, and CATENATE a message: a few octets of them fill any memory.
const MOST_MESSAGES: u64 = 200;
const MOST_OCTETS: u64 = 1 << 20;
/// A client that asked for more hangs up: messages can be fetched as often as a line has room for.
const MOST_OUTPUT: usize = 4 << 20;

/// What is said before the octets.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Start {
    NotAuthenticated,
    Authenticated,
    Selected,
    ReadOnly,
    Idling,
    /// VANISHED in place of EXPUNGE, and mod-sequences.
    QResync,
    UidOnly,
    Rev2,
    Notify,
    /// A search and a sort whose results are kept up to date.
    Contexts,
    /// The octets are compressed on their way.
    Compressed,
    /// The octets are what the server takes for compressed.
    Deflate,
    /// QRESYNC, UIDONLY, IMAP4rev2, NOTIFY and COMPRESS.
    Everything,
}

impl Start {
    pub(super) fn from_octet(octet: u8) -> Self {
        match octet % 16 {
            0 => Self::NotAuthenticated,
            1 => Self::Authenticated,
            2 => Self::ReadOnly,
            3 => Self::Idling,
            8 => Self::QResync,
            9 => Self::UidOnly,
            10 => Self::Rev2,
            11 => Self::Notify,
            12 => Self::Contexts,
            13 => Self::Compressed,
            14 => Self::Deflate,
            15 => Self::Everything,
            _ => Self::Selected,
        }
    }

    pub(super) fn is_compressed(self) -> bool {
        self.lines().last() == Some(&COMPRESS)
    }

    pub(super) fn lines(self) -> &'static [&'static str] {
        match self {
            Self::NotAuthenticated => &[],
            Self::Authenticated => &[LOGIN],
            Self::Selected => &[LOGIN, SELECT],
            Self::ReadOnly => &[LOGIN, "s2 EXAMINE INBOX"],
            Self::Idling => &[LOGIN, SELECT, "s3 IDLE"],
            Self::QResync => &[LOGIN, "s3 ENABLE QRESYNC", SELECT],
            Self::UidOnly => &[LOGIN, "s3 ENABLE UIDONLY", SELECT],
            Self::Rev2 => &[LOGIN, "s3 ENABLE IMAP4rev2", SELECT],
            Self::Notify => &[LOGIN, SELECT, NOTIFY],
            Self::Contexts => &[
                LOGIN,
                SELECT,
                "s3 SEARCH RETURN (UPDATE ALL) SEEN",
                "s4 UID SORT RETURN (UPDATE) (REVERSE SUBJECT) UTF-8 ALL",
            ],
            Self::Compressed | Self::Deflate => &[LOGIN, SELECT, COMPRESS],
            Self::Everything => &[
                LOGIN,
                "s3 ENABLE QRESYNC UIDONLY IMAP4rev2",
                SELECT,
                NOTIFY,
                COMPRESS,
            ],
        }
    }
}

const LOGIN: &str = "s1 LOGIN joe secret";
const SELECT: &str = "s2 SELECT INBOX";
const NOTIFY: &str = "s5 NOTIFY SET (SELECTED (MessageNew (UID PREVIEW) MessageExpunge FlagChange)) \
    (PERSONAL (MessageNew MessageExpunge FlagChange MailboxName SubscriptionChange))";
const COMPRESS: &str = "s6 COMPRESS DEFLATE";

/// What happens between two pieces.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Pause {
    /// The server reads what it has.
    Short,
    /// An idling server looks for changes.
    Long,
    /// The other session makes another mailbox, or adds a message to it.
    Elsewhere,
    /// It appends a message, changes a flag, expunges a message.
    Append,
    Flags,
    Expunge,
}

impl Pause {
    pub(super) fn from_octet(octet: u8) -> Self {
        match octet % 8 {
            0..=2 => Self::Short,
            3 => Self::Elsewhere,
            4 => Self::Append,
            5 => Self::Flags,
            6 => Self::Expunge,
            _ => Self::Long,
        }
    }
}

/// What comes behind the octets.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// The client closes its side.
    Closes,
    /// It says LOGOUT, and closes its side.
    LogsOut,
    /// It says nothing more.
    IsSilent,
    /// The server is told to stop.
    ServerStops,
}

impl Ending {
    pub(super) fn from_octet(octet: u8) -> Self {
        match octet % 8 {
            0..=3 => Self::Closes,
            4 | 5 => Self::LogsOut,
            6 => Self::IsSilent,
            _ => Self::ServerStops,
        }
    }

    pub(super) fn octets(self) -> &'static [u8] {
        match self {
            Self::LogsOut => b"\r\ne1 LOGOUT\r\n",
            _ => b"",
        }
    }
}

pub(super) struct Piece<'o> {
    pub(super) octets: &'o [u8],
    pub(super) pause: Pause,
}

impl<'o> Piece<'o> {
    pub(super) fn new(octets: &'o [u8]) -> Self {
        Self {
            octets,
            pause: Pause::Short,
        }
    }
}

pub(super) struct Plan<'o> {
    pub(super) start: Start,
    pub(super) pieces: Vec<Piece<'o>>,
    pub(super) ending: Ending,
}

impl Plan<'_> {
    /// Everything that the client says, as the server reads it.
    pub(super) fn octets(&self) -> Vec<u8> {
        let mut octets = Vec::new();
        for line in self.start.lines() {
            octets.extend_from_slice(line.as_bytes());
            octets.extend_from_slice(b"\r\n");
        }
        let mut rest: Vec<u8> = Vec::new();
        self.pieces
            .iter()
            .for_each(|piece| rest.extend_from_slice(piece.octets));
        rest.extend_from_slice(self.ending.octets());
        match self.start {
            Start::Deflate => octets.extend(pipe::as_read(&rest)),
            _ => octets.extend(rest),
        }
        octets
    }

    /// Whether nothing but the client decides what it is told.
    pub(super) fn is_undisturbed(&self) -> bool {
        self.ending != Ending::ServerStops && self.pieces.iter().all(|piece| piece.pause == Pause::Short)
    }
}

/// What the server said, and whether to its end: a client that hears too much hangs up.
pub(super) struct Heard {
    pub(super) octets: Vec<u8>,
    pub(super) is_all: bool,
}

/// Plays the plan, with time that stands still while anybody works.
pub(super) fn talk(plan: &Plan<'_>) -> Heard {
    let runtime = Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let world = World::new();
        let mut other = world.connect();
        other.deliver().await;
        let mut client = world.connect();
        client.until(b"\r\n").await;
        for line in plan.start.lines() {
            client.send(line.as_bytes()).await;
            client.send(b"\r\n").await;
            let answer = if line.ends_with("IDLE") {
                "+ idling"
            } else {
                &line[..3]
            };
            let line_end = client.until(answer.as_bytes()).await;
            if *line == COMPRESS {
                client.listening.inflate_from(line_end);
            }
        }
        if matches!(plan.start, Start::Compressed | Start::Everything) {
            client.speaking.compress_from_here();
        }
        client.play(plan, &mut other, &world.shutdown).await
    })
}

struct World {
    server: Server<MemoryBackend>,
    shutdown: Shutdown,
}

impl World {
    fn new() -> Self {
        let backend = MemoryBackend::new("joe", "secret");
        backend.limit(Some(MOST_MESSAGES), Some(MOST_OCTETS));
        Self {
            server: Server::builder(backend).build(),
            shutdown: Shutdown::new(),
        }
    }

    fn connect(&self) -> Client {
        let (ours, theirs) = duplex(PIPE);
        let (server, shutdown) = (self.server.clone(), self.shutdown.clone());
        let peer = Peer::new(None, Transport::Plain);
        tokio::spawn(async move { server.serve_connection(theirs, peer, shutdown).await });
        let (reader, writer) = split(ours);
        Client {
            listening: Listening::new(reader),
            speaking: Speaking::new(writer),
            looked_at: 0,
        }
    }
}

struct Client {
    listening: Listening,
    speaking: Speaking,
    looked_at: usize,
}

impl Client {
    async fn send(&mut self, octets: &[u8]) {
        self.speaking.say(octets).await;
    }

    /// Reads until these octets were heard, and the line that they begin has ended; says where.
    async fn until(&mut self, octets: &[u8]) -> usize {
        loop {
            let heard = &self.listening.heard;
            if let Some(at) = memchr::memmem::find(&heard[self.looked_at..], octets) {
                let rest = self.looked_at + at + octets.len() - 1;
                if let Some(end) = memchr::memchr(b'\n', &heard[rest..]) {
                    self.looked_at = heard.len();
                    return rest + end + 1;
                }
            }
            let more = timeout(SOON, self.listening.more()).await;
            assert!(
                more == Ok(true),
                "no answer: {}",
                self.listening.heard.escape_ascii()
            );
        }
    }

    async fn command(&mut self, tag: &str, command: &str) {
        self.send(format!("{tag} {command}\r\n").as_bytes()).await;
        self.until(format!("{tag} ").as_bytes()).await;
    }

    /// Three messages in INBOX, and the session to change them.
    async fn deliver(&mut self) {
        self.until(b"\r\n").await;
        self.command("o1", "LOGIN joe secret").await;
        for message in MESSAGES {
            self.append(message).await;
        }
        self.command("o4", "SELECT INBOX").await;
    }

    async fn append(&mut self, message: &str) {
        let head = format!(
            "APPEND INBOX (\\Seen work) \" 1-Jan-2024 10:00:00 +0100\" {{{}+}}",
            message.len()
        );
        self.command("o2", &format!("{head}\r\n{message}")).await;
    }

    async fn change(&mut self, pause: Pause) {
        match pause {
            Pause::Short => sleep(Duration::from_millis(1)).await,
            Pause::Long => sleep(Duration::from_secs(20)).await,
            Pause::Elsewhere => {
                self.command("o8", "CREATE other").await;
                self.command("o9", "COPY 1 other").await;
            }
            Pause::Append => self.append("Subject: new\r\n\r\nnew\r\n").await,
            Pause::Flags => self.command("o5", "STORE 1 +FLAGS (\\Flagged new)").await,
            Pause::Expunge => {
                self.command("o6", "STORE 1 +FLAGS.SILENT (\\Deleted)").await;
                self.command("o7", "EXPUNGE").await;
            }
        }
    }

    /// Sends the pieces while it reads, and waits for the end.
    async fn play(self, plan: &Plan<'_>, other: &mut Self, shutdown: &Shutdown) -> Heard {
        let Self {
            mut listening,
            mut speaking,
            ..
        } = self;
        let write = async {
            for piece in &plan.pieces {
                speaking.say(piece.octets).await;
                other.change(piece.pause).await;
            }
            speaking.say(plan.ending.octets()).await;
            match plan.ending {
                Ending::Closes | Ending::LogsOut => speaking.close().await,
                Ending::ServerStops => shutdown.start(),
                Ending::IsSilent => {}
            }
            // The other half of the stream stays: dropping it is the reader's.
            (speaking, Instant::now())
        };
        let read = async {
            while listening.heard.len() < MOST_OUTPUT {
                if !listening.more().await {
                    return (listening.heard, true, Instant::now());
                }
            }
            (listening.heard, false, Instant::now())
        };
        let both = timeout(2 * PATIENCE, async { tokio::join!(read, write) }).await;
        let ((octets, is_all, ended), (_, sent)) = both.expect("the server ends");
        let due = match plan.ending {
            Ending::IsSilent => PATIENCE,
            _ => SOON,
        };
        assert!(
            !is_all || ended.duration_since(sent) < due,
            "the server ends late"
        );
        Heard { octets, is_all }
    }
}

const MESSAGES: [&str; 3] = [
    "From: a@example.org\r\nSubject: one\r\nDate: Mon, 1 Jan 2024 10:00:00 +0100\r\n\r\nbody of one\r\n",
    "Subject: =?utf-8?Q?tw=C3=B6?=\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n\
     --b\r\n\r\ntext\r\n--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: inner\r\n\r\nx\r\n--b--\r\n",
    "To: \"J\\\"oe\" <joe@example.org>, group: x@y;\r\nContent-Type: text/html; charset=utf-8\r\n\
     Content-Transfer-Encoding: base64\r\n\r\nR3LDvMOfZQ==\r\n",
];
