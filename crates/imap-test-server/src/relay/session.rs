//! What client and server say to each other, command by command: no input and no output happens here.

use super::outgoing::Out;
use crate::fault::{Command, How, Place, Step};
use crate::log::Side;
use crate::response::{Response, ResponseReader, literal_size};
use crate::world::World;
use bytes::{Bytes, BytesMut};
use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

/// What the server is given in the place of a command that it is not to see.
const REFUSED: &str = "X-REFUSED";

/// What the client says next.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Expects {
    Command,
    /// A literal, and whether the server sees it.
    Literal {
        left: usize,
        passed: bool,
    },
    /// A literal, when the server asks for it in the command of this tag.
    Asked {
        size: usize,
        tag: String,
    },
    /// The command goes on behind a literal.
    Rest {
        passed: bool,
    },
    /// DONE, for the command of this tag.
    Done {
        tag: String,
    },
    /// The words of an AUTHENTICATE of this tag.
    Sasl {
        tag: String,
    },
    /// Compressed octets, for ever.
    Anything,
    /// A TLS handshake, which is not read here.
    Handshake,
}

/// A command that is not yet answered.
struct Unanswered {
    command: Command,
    faults: Vec<How>,
    /// So many responses came already.
    index: usize,
    /// The client has had an answer that was not the server's.
    is_answered: bool,
}

/// What the client has said.
#[derive(Default)]
struct Said {
    /// The names of its commands, without those that were refused each time.
    names: BTreeSet<String>,
    /// The names of those that were answered OK once.
    accepted: BTreeSet<String>,
}

impl Said {
    fn begun(&mut self, name: &str) {
        self.names.insert(name.to_owned());
    }

    fn answered(&mut self, name: &str, is_ok: bool) {
        if is_ok {
            self.begun(name);
            self.accepted.insert(name.to_owned());
        } else if !self.accepted.contains(name) {
            self.names.remove(name);
        }
        // Nobody has logged in any more.
        if is_ok && name == "UNAUTHENTICATE" {
            for login in ["LOGIN", "AUTHENTICATE"] {
                self.names.remove(login);
                self.accepted.remove(login);
            }
        }
    }
}

/// The conversation on one connection.
pub(crate) struct Session {
    pub(crate) world: Arc<World>,
    pub(crate) number: usize,
    /// What the server has yet to be given.
    pub(crate) to_server: BytesMut,
    outgoing: Vec<Out>,
    input: BytesMut,
    expects: Expects,
    /// The tag of the command that is being said.
    current: String,
    said: Said,
    unanswered: VecDeque<Unanswered>,
    responses: ResponseReader,
    secured: bool,
    /// The next response is a greeting that the client does not see: it has had one.
    greeted: bool,
    /// Nothing is sent any more.
    over: bool,
}

impl Session {
    pub(crate) fn new(world: Arc<World>, number: usize) -> Self {
        let mut session = Self {
            world,
            number,
            to_server: BytesMut::new(),
            outgoing: Vec::new(),
            input: BytesMut::new(),
            expects: Expects::Command,
            current: String::new(),
            said: Said::default(),
            unanswered: VecDeque::new(),
            responses: ResponseReader::default(),
            secured: false,
            greeted: false,
            over: false,
        };
        session.await_answer(Command {
            tag: "*".into(),
            name: "GREETING".into(),
            line: String::new(),
        });
        session
    }

    pub(crate) fn secured(&mut self) {
        self.secured = true;
    }

    pub(crate) fn is_secured(&self) -> bool {
        self.secured
    }

    /// TLS has begun, and another server behind it. What the client said in the clear is forgotten (RFC 9051, section 6.2.1).
    pub(crate) fn starts_anew(&mut self) {
        self.secured();
        self.to_server.clear();
        self.input.clear();
        self.expects = Expects::Command;
        self.unanswered.clear();
        self.responses = ResponseReader::default();
        self.greeted = true;
        self.over = false;
    }

    /// Whether what the client says next is read here. A quick client has begun its handshake before all that was said to it
    /// is known to be sent.
    pub(crate) fn reads(&self) -> bool {
        self.expects != Expects::Handshake
    }

    pub(crate) fn take_outgoing(&mut self) -> Vec<Out> {
        std::mem::take(&mut self.outgoing)
    }

    pub(crate) fn client_said(&mut self, octets: &[u8]) {
        self.input.extend_from_slice(octets);
        while self.take_input() {}
    }

    pub(crate) fn server_said(&mut self, octets: &[u8]) {
        self.responses.add(octets);
        while self.expects != Expects::Anything {
            let Some(response) = self.responses.next() else {
                break;
            };
            self.respond(response);
            while self.take_input() {}
        }
        if self.expects == Expects::Anything {
            let rest = self.responses.take_rest();
            self.outgoing.push(Out::Octets(rest, "(compressed)".into()));
        }
    }

    /// Takes one piece of what the client has said; none where it is not whole.
    fn take_input(&mut self) -> bool {
        match self.expects.clone() {
            Expects::Anything => {
                let all = self.input.split();
                self.to_server.extend_from_slice(&all);
                false
            }
            Expects::Asked { .. } | Expects::Handshake => false,
            Expects::Literal { left: 0, passed } => {
                self.expects = Expects::Rest { passed };
                true
            }
            Expects::Literal { left, passed } => {
                let octets = self.input.split_to(left.min(self.input.len())).freeze();
                self.pass(&octets, passed);
                let left = left - octets.len();
                self.expects = Expects::Literal { left, passed };
                !octets.is_empty()
            }
            _ => match memchr::memchr(b'\n', &self.input) {
                Some(end) => {
                    let line = self.input.split_to(end + 1).freeze();
                    self.take_line(line);
                    true
                }
                None => false,
            },
        }
    }

    fn take_line(&mut self, line: Bytes) {
        match self.expects.clone() {
            Expects::Command => self.take_command(line),
            Expects::Rest { passed } => {
                self.pass(&line, passed);
                self.expect_behind(&line, passed);
            }
            Expects::Done { .. } => {
                self.pass(&line, true);
                let done = Command {
                    tag: String::new(),
                    name: String::from_utf8_lossy(&line).trim().to_ascii_uppercase(),
                    line: String::new(),
                };
                let is_done = done.name == "DONE";
                if self
                    .faults_at(&done)
                    .iter()
                    .any(|how| matches!(how, How::LoseBehind))
                {
                    self.input.clear();
                }
                // What comes behind DONE is a command, whether IDLE is answered already or not.
                if is_done {
                    self.expects = Expects::Command;
                }
            }
            _ => self.pass(&line, true),
        }
    }

    /// The first line of a command: here it is decided what becomes of it.
    fn take_command(&mut self, line: Bytes) {
        self.world
            .log
            .add(self.number, Side::Client, &String::from_utf8_lossy(&line));
        if line.trim_ascii().eq_ignore_ascii_case(b"DONE") {
            return self.take_stray_done(&line);
        }
        let Some(command) = parse(&line) else {
            self.to_server.extend_from_slice(&line);
            return self.expect_behind(&line, true);
        };
        self.current.clone_from(&command.tag);
        let faults = self.faults_at(&command);
        self.said.begun(&command.name);
        let lost = faults.iter().any(|how| matches!(how, How::LoseBehind));
        let refused = faults.iter().any(|how| matches!(how, How::Answer(_)));
        if !refused && command.name == "STARTTLS" && self.world.offers_starttls(self.secured) {
            let begin = format!("{} OK begin TLS negotiation now", command.tag);
            self.emit(vec![Response::line(&begin).into()]);
            self.expects = Expects::Handshake;
            return self.outgoing.push(Out::StartTls);
        }
        match refused {
            true => {
                let refused = format!("{} {REFUSED}\r\n", command.tag);
                self.to_server.extend_from_slice(refused.as_bytes());
            }
            false => self
                .to_server
                .extend_from_slice(&self.world.switches.adjusted(&command, &line)),
        }
        match command.name.as_str() {
            "IDLE" if !refused => {
                self.expects = Expects::Done {
                    tag: command.tag.clone(),
                }
            }
            "AUTHENTICATE" if !refused => {
                self.expects = Expects::Sasl {
                    tag: command.tag.clone(),
                }
            }
            _ => self.expect_behind(&line, !refused),
        }
        self.unanswered.push_back(Unanswered {
            command,
            faults,
            index: 0,
            is_answered: false,
        });
        if lost {
            self.input.clear();
        }
    }

    /// DONE where no IDLE waits for it: a word that is no command, or a tag, as the server takes it.
    fn take_stray_done(&mut self, line: &[u8]) {
        let command = Command {
            tag: "DONE".into(),
            name: "DONE".into(),
            line: String::new(),
        };
        let faults = self.faults_at(&command);
        if refusal(&faults).is_none() {
            return self.to_server.extend_from_slice(line);
        }
        self.to_server
            .extend_from_slice(format!("DONE {REFUSED}\r\n").as_bytes());
        self.unanswered.push_back(Unanswered {
            command,
            faults,
            index: 0,
            is_answered: false,
        });
    }

    /// What a line's end promises: a literal, or the next command. Who was refused does not send a literal unasked.
    fn expect_behind(&mut self, line: &[u8], passed: bool) {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        self.expects = match literal_size(line) {
            Some((_, left, true)) => Expects::Literal { left, passed },
            Some((_, size, false)) if passed => Expects::Asked {
                size,
                tag: self.current.clone(),
            },
            _ => Expects::Command,
        };
    }

    /// Further octets of a command.
    fn pass(&mut self, octets: &[u8], passed: bool) {
        if octets.is_empty() {
            return;
        }
        self.world
            .log
            .add(self.number, Side::Client, &String::from_utf8_lossy(octets));
        if passed {
            self.to_server.extend_from_slice(octets);
        }
    }

    /// What goes wrong at this command; first of all that it is switched off.
    fn faults_at(&self, command: &Command) -> Vec<How> {
        let off = self.world.switches.refusal(command).map(How::Answer);
        off.into_iter()
            .chain(self.world.faults_at(command, &self.said.names))
            .collect()
    }

    fn await_answer(&mut self, command: Command) {
        let faults = self.faults_at(&command);
        self.unanswered.push_back(Unanswered {
            command,
            faults,
            index: 0,
            is_answered: false,
        });
    }

    fn respond(&mut self, response: Response) {
        if std::mem::take(&mut self.greeted) {
            return;
        }
        let tag = response.tag();
        let last = self.is_last(&tag);
        self.allow_input(&tag);
        if last && self.unanswered.front().is_some_and(|first| first.is_answered) {
            self.unanswered.pop_front();
            return;
        }
        let compressed = last && self.starts_compression(&response);
        let steps = match self.unanswered.front_mut() {
            Some(unanswered) => {
                let response = match (last, refusal(&unanswered.faults)) {
                    (true, Some(text)) => Response::line(&format!("{tag} {text}")),
                    _ => response,
                };
                let place = Place {
                    command: &unanswered.command,
                    index: unanswered.index,
                    last,
                };
                unanswered.index += 1;
                if last {
                    self.said.answered(&unanswered.command.name, response.is_ok());
                }
                changed(&unanswered.faults, place, response)
            }
            None => self.said_unasked(response),
        };
        if last {
            self.unanswered.pop_front();
        }
        self.emit(steps);
        if tag == "+" {
            self.end_idle();
        }
        if compressed {
            self.expects = Expects::Anything;
        }
    }

    /// Ends an IDLE that is to end by itself. The server waits for DONE, and is told it in the client's place.
    fn end_idle(&mut self) {
        let Some(first) = self.unanswered.front_mut() else {
            return;
        };
        let tag = first.command.tag.clone();
        let text = first.faults.iter().find_map(|how| match how {
            How::EndIdle(text) => Some(text),
            _ => None,
        });
        let (Some(text), true) = (text, self.expects == Expects::Done { tag: tag.clone() }) else {
            return;
        };
        let ended = Response::line(&format!("{tag} {text}"));
        first.is_answered = true;
        self.to_server.extend_from_slice(b"DONE\r\n");
        self.expects = Expects::Command;
        self.emit(vec![ended.into()]);
    }

    /// Whether a response of this tag ends an answer. Commands before the one that it ends were never answered.
    fn is_last(&mut self, tag: &str) -> bool {
        let greeting = self
            .unanswered
            .front()
            .is_some_and(|first| first.command.name == "GREETING");
        if greeting {
            return true;
        }
        let ends = |unanswered: &Unanswered| unanswered.command.tag == tag;
        match self.unanswered.iter().position(ends) {
            Some(earlier) => {
                self.unanswered.drain(..earlier);
                true
            }
            None => false,
        }
    }

    /// What the client may say now that the server has said this.
    fn allow_input(&mut self, tag: &str) {
        match &self.expects {
            Expects::Asked { size, .. } if tag == "+" => {
                self.expects = Expects::Literal {
                    left: *size,
                    passed: true,
                };
            }
            Expects::Asked { tag: of, .. } | Expects::Done { tag: of } | Expects::Sasl { tag: of }
                if of == tag =>
            {
                self.expects = Expects::Command;
            }
            _ => {}
        }
    }

    /// Says BYE and closes the connection, whatever is in progress. Between compressed octets no line can be said.
    pub(crate) fn say_bye(&mut self, text: &str) {
        let mut steps = vec![Step::Close];
        if self.expects != Expects::Anything {
            steps.insert(0, Response::line(&format!("* BYE {text}")).into());
        }
        self.emit(steps);
    }

    fn starts_compression(&self, response: &Response) -> bool {
        let command = self.unanswered.front().map(|first| first.command.name.as_str());
        command == Some("COMPRESS") && response.contains(" OK")
    }

    fn said_unasked(&self, response: Response) -> Vec<Step> {
        let command = Command {
            tag: String::new(),
            name: String::new(),
            line: String::new(),
        };
        let place = Place {
            command: &command,
            index: 0,
            last: false,
        };
        changed(&self.world.faults_at(&command, &self.said.names), place, response)
    }

    fn emit(&mut self, steps: Vec<Step>) {
        for step in steps {
            if self.over {
                return;
            }
            let out = match step {
                Step::Send(response) => Out::Octets(response.octets().into(), response.to_string()),
                Step::Octets(octets) => {
                    let shown = String::from_utf8_lossy(&octets).into_owned();
                    Out::Octets(octets.into(), shown)
                }
                Step::Pause(time) => Out::Pause(time),
                Step::Hang => Out::Hang,
                Step::Close => Out::Close,
            };
            self.over = matches!(out, Out::Hang | Out::Close);
            self.outgoing.push(out);
        }
    }
}

/// The first line of a command; `None` where it has no tag.
fn parse(line: &[u8]) -> Option<Command> {
    let line = String::from_utf8_lossy(line);
    let (tag, line) = line.trim_end_matches(['\r', '\n']).split_once(' ')?;
    if tag.is_empty() || tag.contains(['*', '+', '(', ')', '{', '"', '%', '\\']) {
        return None;
    }
    let line = match line.rfind('{') {
        Some(at) if line.ends_with('}') => &line[..at],
        _ => line,
    };
    let mut words = line.split(' ');
    let first = words.next()?.to_ascii_uppercase();
    let name = match first.as_str() {
        "UID" => format!("UID {}", words.next()?.to_ascii_uppercase()),
        _ => first,
    };
    Some(Command {
        tag: tag.to_owned(),
        name,
        line: line.to_owned(),
    })
}

/// What is answered in the place of the server.
fn refusal(faults: &[How]) -> Option<&str> {
    faults.iter().find_map(|how| match how {
        How::Answer(text) => Some(text.as_str()),
        _ => None,
    })
}

/// What becomes of a response, one fault after the other.
fn changed(faults: &[How], place: Place<'_>, response: Response) -> Vec<Step> {
    let mut steps = vec![Step::Send(response)];
    for how in faults {
        let How::Change(change) = how else { continue };
        let changed = steps.into_iter().flat_map(|step| match step {
            Step::Send(response) => change(place, response),
            other => vec![other],
        });
        steps = changed.collect();
    }
    steps
}
