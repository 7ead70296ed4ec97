//! Follows one connection by its octets.

mod data;
mod judge;
mod remembered;
mod selected;
mod selecting;
mod status;

use imap_backend_test::ClientModel;
use imap_seq::SeqNum;

use crate::finding::Finding;
use crate::transcript::Transcript;
use crate::wire::inflate::Inflater;
use crate::wire::split::{Announced, Side, Splitter, Step};
use judge::{Judge, Outcome, Partial};

/// Octets that a client may send before it was asked for them.
const MOST_HELD: usize = 1 << 20;

/// What STARTTLS does to a connection, and what can be done.
const GOES_ON_IN_TLS: &str = "the connection goes on in TLS, which only its ends can read; a proxy that is an end of it follows: \
    --tls towards the server, --certificate and --key towards the client";

/// Follows one connection: every octet of both directions, in the order in which it was seen, and what it means.
///
/// Where octets pass through a proxy, they have to be given before they are passed on: so an answer is never seen before its
/// question.
///
/// ```
/// use imap_conform::{Follower, Rule};
/// let mut follower = Follower::new("1");
/// follower.server(b"* OK ready\r\n");
/// follower.client(b"a SELECT INBOX\r\n");
/// follower.server(b"* FLAGS ()\r\n* 2 EXISTS\r\n* 0 RECENT\r\na OK done\r\n* 1 EXPUNGE\r\n");
/// let findings = follower.take_findings();
/// assert_eq!(findings[0].rule(), Rule::ExpungeTime);
/// ```
#[derive(Debug)]
pub struct Follower {
    from_client: Splitter,
    from_server: Splitter,
    /// The client announced a literal, and waits for the server's leave.
    waits: Option<Announced>,
    /// What it sent nevertheless.
    held: Vec<u8>,
    /// A command was answered before all of it had come.
    is_answered: bool,
    inflaters: Option<(Inflater, Inflater)>,
    lost: Option<&'static str>,
    is_client_gone: bool,
    judge: Judge,
}

impl Follower {
    /// At the beginning of a connection, before the greeting. The name is what findings call it.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            from_client: Splitter::new(Side::Client),
            from_server: Splitter::new(Side::Server),
            waits: None,
            held: Vec::new(),
            is_answered: false,
            inflaters: None,
            lost: None,
            is_client_gone: false,
            judge: Judge::new(name.into()),
        }
    }

    /// Octets that the client sent.
    pub fn client(&mut self, octets: &[u8]) {
        if self.lost.is_some() {
            return;
        }
        let Some((mut inflater, other)) = self.inflaters.take() else {
            return self.client_plain(octets);
        };
        let inflated = inflater.inflate(octets, |octets| self.client_plain(octets));
        self.inflaters = Some((inflater, other));
        if inflated.is_err() {
            self.lost = Some("what the client sends is not DEFLATE");
        }
    }

    /// Octets that the server sent.
    pub fn server(&mut self, octets: &[u8]) {
        if self.lost.is_some() {
            return;
        }
        let compressed = match self.inflaters {
            None => self.server_plain(octets),
            Some(_) => Some(octets),
        };
        let (Some(octets), Some((other, mut inflater))) = (compressed, self.inflaters.take()) else {
            return;
        };
        let inflated = inflater.inflate(octets, |octets| {
            self.server_plain(octets);
        });
        self.inflaters = Some((other, inflater));
        if inflated.is_err() {
            self.lost = Some("what the server sends is not DEFLATE");
        }
    }

    /// The client closed its side.
    pub fn client_closed(&mut self) {
        self.is_client_gone = true;
    }

    /// The server closed its side, or the connection is over.
    pub fn server_closed(&mut self) {
        if self.lost.is_none() && !self.is_client_gone {
            self.judge.server_closed(self.from_server.left_of_literal());
        }
    }

    /// Whether there is something for the next call of [`Self::take_findings`].
    #[must_use]
    pub fn has_found(&self) -> bool {
        !self.judge.findings.is_empty()
    }

    /// What was found since the last call.
    pub fn take_findings(&mut self) -> Vec<Finding> {
        std::mem::take(&mut self.judge.findings)
    }

    /// How many messages the client has in the mailbox that it has selected.
    #[must_use]
    pub fn exists(&self) -> Option<u32> {
        self.judge.view().map(ClientModel::exists)
    }

    /// The UID of the message with this number, where the client was told it.
    #[must_use]
    pub fn uid_of(&self, seq: u32) -> Option<u32> {
        let uid = self.judge.view()?.uid_of(SeqNum::new(seq)?)?;
        Some(uid.get())
    }

    /// Why the connection is not followed any more, if it is not: it went on in TLS, or nobody can tell where a response ends.
    #[must_use]
    pub fn lost(&self) -> Option<&'static str> {
        self.lost
    }

    /// The end of what was said.
    #[must_use]
    pub fn transcript(&self) -> &Transcript {
        &self.judge.transcript
    }

    /// Behind STARTTLS, to one that is an end of the TLS itself: what it hears next can be followed.
    #[cfg(feature = "program")]
    pub(crate) fn secured(&mut self) {
        self.lost = None;
    }

    fn client_plain(&mut self, mut octets: &[u8]) {
        while !octets.is_empty() {
            if self.waits.is_some() {
                self.held.extend_from_slice(octets);
                if self.held.len() > MOST_HELD {
                    self.lost = Some("the client does not wait for the continuation request");
                }
                return;
            }
            let (taken, step) = self.from_client.take(octets);
            octets = &octets[taken..];
            match step {
                Step::More => {}
                Step::Literal(literal) => {
                    self.judge.begun(self.from_client.text());
                    self.waits = Some(literal).filter(|literal| !literal.is_non_sync);
                }
                Step::Whole => {
                    let is_answered = std::mem::take(&mut self.is_answered);
                    self.judge.said(self.from_client.text(), is_answered);
                    self.from_client.clear();
                }
                Step::TooLong => self.lost = Some("the client sends a line without an end"),
            }
        }
    }

    /// Gives what follows COMPRESS's OK.
    fn server_plain<'o>(&mut self, mut octets: &'o [u8]) -> Option<&'o [u8]> {
        while !octets.is_empty() && self.lost.is_none() {
            let (taken, step) = self.from_server.take(octets);
            octets = &octets[taken..];
            match step {
                Step::More | Step::Literal(_) => {}
                Step::TooLong => self.lost = Some("the server sends a line without an end"),
                Step::Whole => {
                    let outcome = self.hear();
                    self.from_server.clear();
                    if outcome == Outcome::Compressed {
                        self.inflaters = Some((Inflater::new(), Inflater::new()));
                        return Some(octets);
                    }
                }
            }
        }
        None
    }

    fn hear(&mut self) -> Outcome {
        let begun = self
            .from_client
            .text()
            .split(|octet| *octet == b' ')
            .next()
            .unwrap_or_default();
        let partial = Partial {
            tag: std::str::from_utf8(begun).ok().filter(|tag| !tag.is_empty()),
            waits: self.waits.is_some(),
        };
        let server = &self.from_server;
        let outcome = self
            .judge
            .heard(server.text(), server.kept(), server.has_nul(), partial);
        match outcome {
            Outcome::LiteralComes => self.go_on(),
            Outcome::AnsweredEarly if self.waits.is_some() => {
                self.from_client.clear();
                self.judge.not_sent();
                self.go_on();
            }
            Outcome::AnsweredEarly => self.is_answered = true,
            Outcome::Tls => self.lost = Some(GOES_ON_IN_TLS),
            Outcome::Lost => self.lost = Some("nobody can tell where the next response begins"),
            Outcome::Heard | Outcome::Compressed => {}
        }
        outcome
    }

    /// What the client sent while it waited.
    fn go_on(&mut self) {
        self.waits = None;
        let held = std::mem::take(&mut self.held);
        self.client_plain(&held);
    }
}
