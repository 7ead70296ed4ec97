//! What was said, response by response.

use std::collections::{HashMap, VecDeque};

use bumpalo::Bump;
use imap_backend_test::{ClientModel, Contradiction, ContradictionKind};

use super::remembered::Remembered;
use super::selected::Selected;
use super::selecting::Closing;
use crate::command::Command;
use crate::finding::Finding;
use crate::response::{self, Condition, Heard, Response, Utf8};
use crate::rule::Rule;
use crate::transcript::Transcript;
use crate::wire::split::Side;

/// More are not told of one connection.
const MOST_FINDINGS: usize = 100;

/// Octets for the words of a response that are kept for the next one.
const MOST_WORDS: usize = 1 << 20;

/// What a response means for the octets that follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Nothing.
    Heard,
    /// The client's literal may come.
    LiteralComes,
    /// The command that is still coming was answered.
    AnsweredEarly,
    /// All that follows is compressed.
    Compressed,
    /// All that follows is TLS.
    Tls,
    /// The octets cannot be followed any more.
    Lost,
}

/// The command that the client has not finished.
#[derive(Clone, Copy, Debug)]
pub(super) struct Partial<'c> {
    pub(super) tag: Option<&'c str>,
    /// It waits for leave to send a literal.
    pub(super) waits: bool,
}

/// Lines that are no commands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Exchange {
    None,
    Idle { tag: String },
    Authenticate { tag: String },
}

/// What ENABLE and its like have switched on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Enabled {
    pub(super) condstore: bool,
    pub(super) qresync: bool,
    pub(super) rev2: bool,
    pub(super) utf8: bool,
    pub(super) uid_only: bool,
    /// Texts are in a language that the client has chosen.
    pub(super) language: bool,
    /// NOTIFY SET.
    pub(super) notify: bool,
    /// With SELECTED and MessageExpunge: the client has given up numbers.
    pub(super) notify_expunges: bool,
}

impl Enabled {
    /// Where UTF-8 may stand.
    fn utf8(self) -> Utf8 {
        match (self.rev2, self.utf8, self.language) {
            (true, _, _) | (_, true, true) => Utf8::InBoth,
            (_, true, _) => Utf8::InQuoted,
            (_, _, true) => Utf8::InTexts,
            _ => Utf8::Nowhere,
        }
    }
}

/// What the server's last list of capabilities has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Offered {
    /// There was one.
    pub(super) is_known: bool,
    /// IMAP4rev2, and no IMAP4rev1.
    pub(super) rev2_alone: bool,
    /// CONDSTORE or QRESYNC.
    pub(super) condstore: bool,
}

/// The mailbox that the client believes to have selected.
#[derive(Debug)]
pub(super) enum Mailbox {
    None,
    /// Nobody knows any more what the client has.
    Unknown,
    Selected(Box<Selected>),
}

#[derive(Debug)]
pub(super) struct Judge {
    name: String,
    pub(super) transcript: Transcript,
    /// Octets of the client's command that are in the transcript.
    shown: usize,
    pub(super) findings: Vec<Finding>,
    found: usize,
    pub(super) pending: VecDeque<Command>,
    pub(super) exchange: Exchange,
    /// Tags of IDLE whose continuation request has not come: the client may say DONE, and more, before it does.
    pub(super) uncontinued: VecDeque<String>,
    is_greeted: bool,
    pub(super) has_said_bye: bool,
    pub(super) offered: Offered,
    pub(super) enabled: Enabled,
    pub(super) mailbox: Mailbox,
    /// The mailbox of the SELECT in progress.
    pub(super) selecting: Option<Box<Selected>>,
    /// What SELECT closes, until CLOSED was said.
    pub(super) closing: Option<Closing>,
    pub(super) remembered: HashMap<String, Remembered>,
    /// Searches that are kept up to date (RFC 5267), with whether they are UID commands.
    pub(super) updated: HashMap<String, bool>,
    /// Where the words of a response are while it is judged.
    arena: Bump,
}

impl Judge {
    pub(super) fn new(name: String) -> Self {
        Self {
            name,
            transcript: Transcript::default(),
            shown: 0,
            findings: Vec::new(),
            found: 0,
            pending: VecDeque::new(),
            exchange: Exchange::None,
            uncontinued: VecDeque::new(),
            is_greeted: false,
            has_said_bye: false,
            offered: Offered::default(),
            enabled: Enabled::default(),
            mailbox: Mailbox::None,
            selecting: None,
            closing: None,
            remembered: HashMap::new(),
            updated: HashMap::new(),
            arena: Bump::new(),
        }
    }

    pub(super) fn report(&mut self, rule: Rule, what: impl Into<String>) {
        self.found += 1;
        if self.found <= MOST_FINDINGS {
            self.findings.push(Finding {
                rule,
                what: what.into(),
                connection: self.name.clone(),
                transcript: self.transcript.clone(),
            });
        }
    }

    /// What was found by this, which is not told yet.
    pub(super) fn found_by(&mut self, follow: impl Fn(&mut Self)) -> Vec<Finding> {
        let (told, found) = (self.findings.len(), self.found);
        follow(self);
        self.found = found;
        self.findings.split_off(told)
    }

    /// What was found before, and is sure now.
    pub(super) fn tell(&mut self, findings: Vec<Finding>) {
        let room = MOST_FINDINGS.saturating_sub(self.found);
        self.found += findings.len();
        self.findings.extend(findings.into_iter().take(room));
    }

    /// The view cannot be what the client has: it is not followed until the next SELECT.
    pub(super) fn contradicted(&mut self, contradiction: &Contradiction) {
        let rule = match contradiction.kind() {
            ContradictionKind::ExpungeTime | ContradictionKind::VanishedTime => Rule::ExpungeTime,
            ContradictionKind::ExpungeNumber => Rule::ExpungeNumber,
            ContradictionKind::VanishedUid => Rule::VanishedUid,
            ContradictionKind::ExistsShrinks => Rule::ExistsShrinks,
            ContradictionKind::FetchNumber => Rule::FetchNumber,
            ContradictionKind::UidChanged => Rule::UidChanged,
            ContradictionKind::UidReused => Rule::UidReused,
            ContradictionKind::RecentNumber => Rule::RecentNumber,
            _ => Rule::UidOrder,
        };
        self.report(rule, contradiction.to_string());
        if self.selecting.is_none() {
            self.mailbox = Mailbox::Unknown;
        }
    }

    /// What there is of a command that waits for leave to send a literal.
    pub(super) fn begun(&mut self, octets: &[u8]) {
        let is_secret = Command::read(octets).is_some_and(|command| command.is_secret());
        let new = octets.get(self.shown..).unwrap_or_default();
        match (is_secret, self.shown) {
            (false, _) => self.transcript.push(Side::Client, new),
            (true, 0) => {
                let words: Vec<&[u8]> = octets.splitn(3, |octet| *octet == b' ').take(2).collect();
                self.transcript
                    .push(Side::Client, &[&words.join(&b' ')[..], b" (not shown)"].concat());
            }
            (true, _) => {}
        }
        self.shown = octets.len();
    }

    /// It does not come.
    pub(super) fn not_sent(&mut self) {
        self.shown = 0;
    }

    /// A line of the client, or a whole command.
    pub(super) fn said(&mut self, octets: &[u8], is_answered: bool) {
        match &self.exchange {
            Exchange::Authenticate { .. } => return self.transcript.push(Side::Client, b"(not shown)"),
            Exchange::Idle { .. } => {
                self.exchange = Exchange::None;
                return self.transcript.push(Side::Client, octets);
            }
            Exchange::None => {}
        }
        self.begun(octets);
        self.shown = 0;
        let Some(command) = Command::read(octets) else {
            return;
        };
        if is_answered {
            return;
        }
        let tag = command.tag.clone();
        match command.name.as_str() {
            "IDLE" => {
                self.uncontinued.push_back(tag.clone());
                self.exchange = Exchange::Idle { tag };
            }
            "AUTHENTICATE" => self.exchange = Exchange::Authenticate { tag },
            _ => {}
        }
        self.pending.push_back(command);
    }

    /// A whole response, without literals of more than `kept` octets.
    pub(super) fn heard(&mut self, octets: &[u8], kept: u64, has_nul: bool, partial: Partial<'_>) -> Outcome {
        self.transcript.push(Side::Server, octets);
        let mut arena = std::mem::take(&mut self.arena);
        let heard = Heard::read(octets, kept, has_nul, self.enabled.utf8(), &arena);
        let outcome = self.judge(heard, octets, partial);
        match arena.allocated_bytes() > MOST_WORDS {
            true => arena = Bump::new(),
            false => arena.reset(),
        }
        self.arena = arena;
        outcome
    }

    fn judge(&mut self, heard: Heard<'_>, octets: &[u8], partial: Partial<'_>) -> Outcome {
        let Heard { response, faults } = heard;
        let lies = faults.iter().any(|fault| fault.rule() == Rule::LiteralSize);
        for fault in faults {
            self.report(fault.rule(), fault.what());
        }
        let is_greeting = !std::mem::replace(&mut self.is_greeted, true);
        let Some(response) = response else {
            return match lies {
                true => Outcome::Lost,
                false => self.unreadable(octets, partial),
            };
        };
        if is_greeting {
            self.greeted(&response);
        }
        match response {
            Response::Continuation => self.continued(partial),
            Response::Status(status) => self.status(&status, partial),
            Response::Data(data) => {
                self.data(&data);
                Outcome::Heard
            }
        }
    }

    /// A response that cannot be read: with the tag of a command it is the answer to that all the same.
    fn unreadable(&mut self, octets: &[u8], partial: Partial<'_>) -> Outcome {
        let Some(tag) = response::tag(octets) else {
            return Outcome::Heard;
        };
        match self.take_answered(tag) {
            Some(command) => self.answered_somehow(&command),
            None if partial.tag == Some(tag) => return Outcome::AnsweredEarly,
            None => {}
        }
        Outcome::Heard
    }

    fn greeted(&mut self, response: &Response<'_>) {
        let is_greeting = match response {
            Response::Status(status) => {
                status.tag.is_none()
                    && matches!(
                        status.condition,
                        Condition::Ok | Condition::Preauth | Condition::Bye
                    )
            }
            _ => false,
        };
        if !is_greeting {
            self.report(Rule::Greeting, "the first response is no greeting");
        }
    }

    fn continued(&mut self, partial: Partial<'_>) -> Outcome {
        if self.uncontinued.pop_front().is_some() {
            return Outcome::Heard;
        }
        if partial.waits {
            return Outcome::LiteralComes;
        }
        if !matches!(self.exchange, Exchange::Authenticate { .. }) {
            self.report(
                Rule::Continuation,
                "a continuation request that nothing waits for",
            );
        }
        Outcome::Heard
    }

    pub(super) fn server_closed(&mut self, left_of_literal: u64) {
        if left_of_literal > 0 {
            let what = format!("the connection ends {left_of_literal} octets before the end of a literal");
            self.report(Rule::LiteralSize, what);
        } else if !self.has_said_bye {
            self.report(Rule::CloseBye, "the server closed the connection without BYE");
        }
    }

    /// The command that is answered now.
    pub(super) fn current(&self) -> Option<&Command> {
        self.pending.front()
    }

    pub(super) fn is_in_progress(&self, name: &str) -> bool {
        self.pending.iter().any(|command| command.is(name))
    }

    /// The mailbox that responses are about: the one that is being selected, or that is.
    pub(super) fn selected(&mut self) -> Option<&mut Selected> {
        match (&mut self.selecting, &mut self.mailbox) {
            (Some(selecting), _) => Some(selecting),
            (None, Mailbox::Selected(selected)) => Some(selected),
            _ => None,
        }
    }

    /// What the client has in the mailbox that is selected.
    pub(super) fn view(&self) -> Option<&ClientModel> {
        match &self.mailbox {
            Mailbox::Selected(selected) => Some(&selected.view),
            _ => None,
        }
    }
}
