//! What goes wrong, and when.

use crate::response::Response;
use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

/// A command as its first line says it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Command {
    /// Its tag; empty for what the server says unasked.
    pub tag: String,
    /// Its name in capitals, such as `UID FETCH`; `GREETING` for the server's first line, empty for what it says unasked.
    pub name: String,
    /// The line without its tag and its end, up to the first literal.
    pub line: String,
}

/// Where in the answer to a command a response stands.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Place<'c> {
    /// The command that is being answered.
    pub command: &'c Command,
    /// So many responses came before.
    pub index: usize,
    /// It is the tagged response, or the greeting.
    pub last: bool,
}

/// What is done in the place of a response.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Step {
    /// It is sent.
    Send(Response),
    /// Octets are sent, whatever they are.
    Octets(Vec<u8>),
    /// Nothing is sent for so long.
    Pause(Duration),
    /// Nothing is sent any more. The connection stays open.
    Hang,
    /// The connection is closed.
    Close,
}

impl From<Response> for Step {
    fn from(response: Response) -> Self {
        Self::Send(response)
    }
}

type Change = Arc<dyn Fn(Place<'_>, Response) -> Vec<Step> + Send + Sync>;

/// What is done to a command, or to its answer.
#[derive(Clone)]
pub(crate) enum How {
    /// The server never sees the command; this is answered, behind its tag.
    Answer(String),
    /// Each response of the answer goes through this.
    Change(Change),
    /// What the client sends behind the command, in the same packet, is lost.
    LoseBehind,
    /// IDLE is answered with this behind its continuation request, and has ended.
    EndIdle(String),
}

/// Something that the server gets wrong: once, at the next command of that name, unless it is said otherwise.
///
/// ```
/// use imap_test_server::{Fault, TestServer};
/// let server = TestServer::start();
/// server.fault(Fault::on("APPEND").answer("NO [OVERQUOTA] the mailbox is full"));
/// server.fault(Fault::on("UID FETCH").after(1).cut_literal(100));
/// server.fault("always NOOP lose EXISTS".parse().unwrap());
/// ```
#[derive(Clone)]
pub struct Fault {
    pub(crate) on: On,
    pub(crate) how: How,
}

/// The command that a [`Fault`] happens at.
#[derive(Debug, Clone)]
pub struct On {
    command: String,
    containing: String,
    lacking: Option<String>,
    longer_than: usize,
    until: Vec<String>,
    /// So many commands more that fit are passed over.
    skip: u32,
    /// So often; `None` for always.
    times: Option<u32>,
}

impl Fault {
    /// At the next command of this name: `FETCH`, `UID FETCH`, `LOGIN`; `GREETING` for the server's first line; `DONE` for the end
    /// of IDLE; `*` for everything that the server says.
    ///
    /// What goes wrong with a command is settled when it begins. To end an IDLE that has begun, there is
    /// [`TestServer::disconnect_all`](crate::TestServer::disconnect_all).
    #[must_use]
    pub fn on(command: &str) -> On {
        On {
            command: command.to_ascii_uppercase(),
            containing: String::new(),
            lacking: None,
            longer_than: 0,
            until: Vec::new(),
            skip: 0,
            times: Some(1),
        }
    }

    /// Whether the command is one that this fault happens at, after the client has said these on its connection. Counts it.
    pub(crate) fn happens_at(&mut self, command: &Command, said: &BTreeSet<String>) -> bool {
        let on = &mut self.on;
        if !on.fits(command, said) || on.times == Some(0) {
            return false;
        }
        if on.skip > 0 {
            on.skip -= 1;
            return false;
        }
        if let Some(times) = &mut on.times {
            *times -= 1;
        }
        true
    }
}

impl On {
    fn fits(&self, command: &Command, said: &BTreeSet<String>) -> bool {
        let line = command.line.to_ascii_uppercase();
        (self.command == "*" || self.command == command.name)
            && line.contains(&self.containing)
            && self.lacking.as_ref().is_none_or(|words| !line.contains(words))
            && line.len() >= self.longer_than
            && !self.until.iter().any(|earlier| said.contains(earlier))
    }

    /// Only where the command's line, up to its first literal, has these words.
    #[must_use]
    pub fn containing(mut self, words: &str) -> Self {
        self.containing = words.to_ascii_uppercase();
        self
    }

    /// Only where the command's line has these words nowhere.
    #[must_use]
    pub fn lacking(mut self, words: &str) -> Self {
        self.lacking = Some(words.to_ascii_uppercase());
        self
    }

    /// Only where the command's line, up to its first literal, is longer than so many octets.
    #[must_use]
    pub fn longer_than(mut self, octets: usize) -> Self {
        self.longer_than = octets;
        self
    }

    /// Only while the client has not said this command on its connection: one that is refused was not said. Of several, one is enough.
    ///
    /// ```
    /// # use imap_test_server::Fault;
    /// // Before login.
    /// let fault = Fault::on("ID").always().until("LOGIN").until("AUTHENTICATE").answer("BAD not yet");
    /// ```
    #[must_use]
    pub fn until(mut self, command: &str) -> Self {
        self.until.push(command.to_ascii_uppercase());
        self
    }

    /// Not at the next so many commands that fit.
    #[must_use]
    pub fn after(mut self, commands: u32) -> Self {
        self.skip = commands;
        self
    }

    /// So often.
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.times = Some(times);
        self
    }

    /// Every time.
    #[must_use]
    pub fn always(mut self) -> Self {
        self.times = None;
        self
    }

    /// The server does nothing and answers this: `NO [OVERQUOTA] full`, `BAD no`, `OK`.
    #[must_use]
    pub fn answer(self, text: &str) -> Fault {
        self.how(How::Answer(text.to_owned()))
    }

    /// Says `* BYE` with this text, and closes the connection.
    #[must_use]
    pub fn bye(self, text: &str) -> Fault {
        let bye = Response::line(&format!("* BYE {text}"));
        self.change(move |_, _| vec![bye.clone().into(), Step::Close])
    }

    /// Closes the connection in the place of an answer.
    #[must_use]
    pub fn disconnect(self) -> Fault {
        self.change(|_, _| vec![Step::Close])
    }

    /// Closes the connection after so many octets of the first literal.
    #[must_use]
    pub fn cut_literal(self, octets: usize) -> Fault {
        self.change(move |_, response| match response.has_literal() {
            true => vec![Step::Octets(response.octets_into_literal(octets)), Step::Close],
            false => vec![response.into()],
        })
    }

    /// Announces so many octets more, or fewer, than the first literal of each response has.
    #[must_use]
    pub fn misstate_literal(self, by: isize) -> Fault {
        self.edit(move |response| response.misstate_literal(by))
    }

    /// Waits before it answers.
    #[must_use]
    pub fn delay(self, time: Duration) -> Fault {
        self.change(move |place, response| match place.index {
            0 => vec![Step::Pause(time), response.into()],
            _ => vec![response.into()],
        })
    }

    /// Says nothing any more, and keeps the connection.
    #[must_use]
    pub fn silence(self) -> Fault {
        self.change(|_, _| vec![Step::Hang])
    }

    /// Leaves out the untagged responses of this kind, such as `EXISTS` or `EXPUNGE`.
    #[must_use]
    pub fn lose(self, kind: &str) -> Fault {
        let kind = kind.to_owned();
        self.change(move |_, response| match response.is(&kind) {
            true => Vec::new(),
            false => vec![response.into()],
        })
    }

    /// Adds this to the number of the untagged responses of this kind: `EXPUNGE`, `EXISTS`, `FETCH`.
    #[must_use]
    pub fn misnumber(self, kind: &str, by: i32) -> Fault {
        let kind = kind.to_owned();
        self.edit(move |response| {
            if let (true, Some(number)) = (response.is(&kind), response.number()) {
                let wrong = number.saturating_add_signed(by);
                response.change_text(|text| text.replacen(&number.to_string(), &wrong.to_string(), 1));
            }
        })
    }

    /// Says a line before the answer's first response.
    #[must_use]
    pub fn begin_with(self, line: &str) -> Fault {
        let said = Response::line(line);
        self.change(move |place, response| match place.index {
            0 => vec![said.clone().into(), response.into()],
            _ => vec![response.into()],
        })
    }

    /// Says a line before the tagged response.
    #[must_use]
    pub fn end_with(self, line: &str) -> Fault {
        let said = Response::line(line);
        self.change(move |place, response| match place.last {
            true => vec![said.clone().into(), response.into()],
            false => vec![response.into()],
        })
    }

    /// Puts a text in the place of another in what the server says, outside literals.
    #[must_use]
    pub fn replace(self, old: &str, new: &str) -> Fault {
        let (old, new) = (old.to_owned(), new.to_owned());
        self.edit(move |response| response.replace(&old, &new))
    }

    /// Ends IDLE by itself, with this answer (`OK done`) behind the continuation request: what the client says next is a command, also
    /// where it is DONE.
    #[must_use]
    pub fn end_idle(self, text: &str) -> Fault {
        self.how(How::EndIdle(text.to_owned()))
    }

    /// Loses what the client has sent behind the command in the same packet.
    #[must_use]
    pub fn lose_behind(self) -> Fault {
        self.how(How::LoseBehind)
    }

    /// Changes each response of the answer.
    #[must_use]
    pub fn edit(self, edit: impl Fn(&mut Response) + Send + Sync + 'static) -> Fault {
        self.change(move |_, mut response| {
            edit(&mut response);
            vec![response.into()]
        })
    }

    /// Does something else in the place of each response of the answer.
    #[must_use]
    pub fn change(self, change: impl Fn(Place<'_>, Response) -> Vec<Step> + Send + Sync + 'static) -> Fault {
        self.how(How::Change(Arc::new(change)))
    }

    fn how(self, how: How) -> Fault {
        Fault { on: self, how }
    }
}

impl fmt::Debug for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fault")
            .field("on", &self.on)
            .finish_non_exhaustive()
    }
}

/// A text that is no [`Fault`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadFault(String);

impl fmt::Display for BadFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not a fault: {}", self.0)
    }
}

impl std::error::Error for BadFault {}

/// `[always] COMMAND EFFECT [ARGUMENT]`, with the effects `answer TEXT`, `bye TEXT`, `disconnect`, `cut-literal OCTETS`,
/// `misstate-literal OCTETS`, `delay MILLISECONDS`, `silence`, `lose KIND`, `misnumber KIND BY`, `begin-with LINE`, `end-with
/// LINE`, `end-idle TEXT`. `UID` belongs to the command behind it.
impl FromStr for Fault {
    type Err = BadFault;

    fn from_str(text: &str) -> Result<Self, BadFault> {
        let parse = || {
            let (always, rest) = match text.strip_prefix("always ") {
                Some(rest) => (true, rest),
                None => (false, text),
            };
            let uid = usize::from(rest.get(..4).is_some_and(|uid| uid.eq_ignore_ascii_case("UID ")));
            let (at, _) = rest.match_indices(' ').nth(uid)?;
            let on = Self::on(&rest[..at]);
            let on = if always { on.always() } else { on };
            let (effect, argument) = rest[at + 1..].split_once(' ').unwrap_or((&rest[at + 1..], ""));
            on.named(effect, argument)
        };
        parse().ok_or_else(|| BadFault(text.to_owned()))
    }
}

impl On {
    /// The fault of an effect's name and argument.
    fn named(self, effect: &str, argument: &str) -> Option<Fault> {
        Some(match effect {
            "answer" => self.answer(argument),
            "bye" => self.bye(argument),
            "disconnect" => self.disconnect(),
            "cut-literal" => self.cut_literal(argument.parse().ok()?),
            "misstate-literal" => self.misstate_literal(argument.parse().ok()?),
            "delay" => self.delay(Duration::from_millis(argument.parse().ok()?)),
            "silence" => self.silence(),
            "lose" => self.lose(argument),
            "misnumber" => {
                let (kind, by) = argument.split_once(' ')?;
                self.misnumber(kind, by.parse().ok()?)
            }
            "begin-with" => self.begin_with(argument),
            "end-with" => self.end_with(argument),
            "end-idle" => self.end_idle(argument),
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(name: &str) -> Command {
        Command {
            tag: "a".into(),
            name: name.into(),
            line: format!("{name} 1:* (FLAGS)"),
        }
    }

    #[test]
    fn a_fault_happens_once_at_its_command_or_as_often_as_it_says() {
        let mut once = Fault::on("fetch").disconnect();
        assert!(
            !once.happens_at(&command("UID FETCH"), &BTreeSet::new())
                && once.happens_at(&command("FETCH"), &BTreeSet::new())
        );
        assert!(!once.happens_at(&command("FETCH"), &BTreeSet::new()));
        let mut third = Fault::on("FETCH").after(2).disconnect();
        let happened: Vec<bool> = (0..4)
            .map(|_| third.happens_at(&command("FETCH"), &BTreeSet::new()))
            .collect();
        assert_eq!(happened, [false, false, true, false]);
        let mut always = Fault::on("FETCH").containing("flags").always().disconnect();
        assert!(
            always.happens_at(&command("FETCH"), &BTreeSet::new())
                && always.happens_at(&command("FETCH"), &BTreeSet::new())
        );
        let mut other = Fault::on("FETCH").containing("BODY").disconnect();
        assert!(!other.happens_at(&command("FETCH"), &BTreeSet::new()));
    }

    #[test]
    fn a_fault_is_read_from_a_line_and_nonsense_is_not() {
        let fault: Fault = "always UID FETCH cut-literal 10".parse().unwrap();
        assert_eq!((fault.on.command.as_str(), fault.on.times), ("UID FETCH", None));
        let fault: Fault = "append answer NO [OVERQUOTA] full".parse().unwrap();
        assert_eq!((fault.on.command.as_str(), fault.on.times), ("APPEND", Some(1)));
        assert!(matches!(fault.how, How::Answer(text) if text == "NO [OVERQUOTA] full"));
        for nonsense in [
            "",
            "FETCH",
            "FETCH explode",
            "FETCH cut-literal x",
            "FETCH misnumber EXISTS",
        ] {
            assert!(nonsense.parse::<Fault>().is_err(), "{nonsense}");
        }
    }
}
