//! OK, NO, BAD, BYE: untagged ones with their codes, and the ends of commands.

use imap_seq::{Uid, UidSet};

use super::judge::{Enabled, Exchange, Judge, Mailbox, Offered, Outcome, Partial};
use super::selected::Selected;
use crate::command::Command;
use crate::response::{Condition, Status, empty_text};
use crate::rule::Rule;
use crate::wire::value::Value;

impl Judge {
    pub(super) fn status(&mut self, status: &Status<'_>, partial: Partial<'_>) -> Outcome {
        self.code(status.code);
        // Before the first list of capabilities nobody knows whether the server speaks IMAP4rev2 alone.
        let may_be_rev2 = self.enabled.rev2 || (status.tag.is_none() && !self.offered.is_known);
        if status.has_empty_text && !may_be_rev2 {
            let fault = empty_text();
            self.report(fault.rule(), fault.what());
        }
        let Some(tag) = status.tag else {
            self.has_said_bye |= status.condition == Condition::Bye;
            return Outcome::Heard;
        };
        if let Some(command) = self.take_answered(tag) {
            return self.answered(&command, status);
        }
        if partial.tag == Some(tag) {
            return Outcome::AnsweredEarly;
        }
        self.report(
            Rule::Tag,
            format!("the tag {tag}, which no command in progress has"),
        );
        Outcome::Heard
    }

    /// The command with this tag, which is not in progress any more.
    pub(super) fn take_answered(&mut self, tag: &str) -> Option<Command> {
        match &self.exchange {
            Exchange::Idle { tag: of } | Exchange::Authenticate { tag: of } if of == tag => {
                self.exchange = Exchange::None;
            }
            _ => {}
        }
        self.uncontinued.retain(|of| of != tag);
        let at = self.pending.iter().position(|command| command.tag == tag)?;
        self.pending.remove(at)
    }

    /// Nobody knows what the command was answered.
    pub(super) fn answered_somehow(&mut self, command: &Command) {
        match command.name.as_str() {
            "SELECT" | "EXAMINE" => self.select_answered(command, Condition::Bad),
            "CLOSE" | "UNSELECT" | "UNAUTHENTICATE" => self.mailbox = Mailbox::Unknown,
            _ => {}
        }
    }

    fn answered(&mut self, command: &Command, status: &Status<'_>) -> Outcome {
        if command.is_select() {
            self.select_answered(command, status.condition);
        }
        if status.condition != Condition::Ok {
            return Outcome::Heard;
        }
        self.enabled.condstore |= command.enables_condstore();
        match command.name.as_str() {
            "CLOSE" | "UNSELECT" => self.mailbox = Mailbox::None,
            "EXAMINE" if !status.is("READ-ONLY") => {
                self.report(Rule::ReadOnly, "EXAMINE is answered without READ-ONLY");
            }
            "LOGOUT" if !self.has_said_bye => self.report(Rule::LogoutBye, "LOGOUT is answered without BYE"),
            "STARTTLS" => return Outcome::Tls,
            "COMPRESS" => return Outcome::Compressed,
            "UNAUTHENTICATE" => self.unauthenticated(),
            "NOTIFY" => {
                self.enabled.notify = command.has("SET");
                self.enabled.notify_expunges = command.has("(SELECTED (") && command.has("MESSAGEEXPUNGE");
            }
            "SEARCH" | "SORT" | "ESEARCH" if command.has("UPDATE") => {
                self.updated.insert(command.tag.clone(), command.wants_uids());
            }
            _ => {}
        }
        Outcome::Heard
    }

    /// Nothing of the user before is left (RFC 8437, section 4.1): the next one's mailboxes are others, of whatever name.
    fn unauthenticated(&mut self) {
        self.mailbox = Mailbox::None;
        self.enabled = Enabled {
            rev2: self.offered.rev2_alone,
            ..Enabled::default()
        };
        self.remembered.clear();
        self.updated.clear();
    }

    fn select_answered(&mut self, command: &Command, condition: Condition) {
        let was_selected = self.select_ended(condition == Condition::Ok);
        let selecting = self.selecting.take();
        // After BAD nobody knows whether it was tried.
        self.mailbox = match condition {
            Condition::Bad => Mailbox::Unknown,
            _ => Mailbox::None,
        };
        self.updated.clear();
        if condition != Condition::Ok {
            return;
        }
        if was_selected.is_some_and(|closed| self.wants_closed(closed, command.mailbox())) {
            self.report(Rule::SelectClosed, "the mailbox before was closed without CLOSED");
        }
        let mut selected = selecting.unwrap_or_else(|| Box::new(Selected::new(command.mailbox())));
        selected.opened();
        let rev1 = !self.enabled.rev2;
        let required = [
            (selected.has_flags, true, "FLAGS"),
            (selected.has_exists, true, "EXISTS"),
            (selected.has_recent, rev1, "RECENT"),
            (selected.uid_validity.is_some(), !rev1, "UIDVALIDITY"),
            (selected.uid_next.is_some(), !rev1, "UIDNEXT"),
            (selected.has_permanent_flags, !rev1, "PERMANENTFLAGS"),
            (selected.has_list, !rev1, "LIST"),
        ];
        for (_, _, what) in required
            .into_iter()
            .filter(|(has, is_required, _)| *is_required && !has)
        {
            self.report(
                Rule::SelectWhole,
                format!("{} is answered without {what}", command.name),
            );
        }
        if let Some(name) = selected.name.clone() {
            let broken = self
                .remembered
                .entry(name)
                .or_default()
                .update(selected.remembered());
            if let Some((rule, what)) = broken {
                self.report(rule, what);
            }
        }
        self.mailbox = Mailbox::Selected(selected);
    }

    /// Whether CLOSED is due between these: by IMAP4rev2 always, by CONDSTORE and QRESYNC between different ones, enabled or not.
    fn wants_closed(&self, closed: Option<String>, opened: Option<String>) -> bool {
        let condstore = self.enabled.qresync || self.offered.condstore;
        self.enabled.rev2 || (condstore && closed != opened)
    }

    fn code(&mut self, code: &[Value<'_>]) {
        let Some(name) = code.first().and_then(Value::atom) else {
            return;
        };
        let arguments = &code[1..];
        match name.to_ascii_uppercase().as_str() {
            "CLOSED" => self.closed(),
            "CAPABILITY" => self.capability(arguments),
            "COPYUID" => self.copy_uid(arguments),
            "APPENDUID" => {
                let uids = arguments.get(1).and_then(Value::atom).and_then(uid_set);
                if uids.is_none() {
                    self.report(Rule::UidPlus, "APPENDUID without a UID");
                }
            }
            "UIDVALIDITY" | "UIDNEXT" | "HIGHESTMODSEQ" | "NOMODSEQ" | "PERMANENTFLAGS" => {
                self.about_a_mailbox(|judge| judge.mailbox_code(name, arguments.first()));
            }
            _ => {}
        }
    }

    fn mailbox_code(&mut self, name: &str, argument: Option<&Value<'_>>) {
        let Some(selected) = self.selected() else {
            return;
        };
        match name.to_ascii_uppercase().as_str() {
            "UIDVALIDITY" => selected.uid_validity = argument.and_then(Value::number),
            "UIDNEXT" => selected.say_uid_next(argument.and_then(Value::number)),
            "HIGHESTMODSEQ" => selected.highest = argument.and_then(Value::number).max(selected.highest),
            "NOMODSEQ" => selected.keeps_no_modseqs = true,
            _ => selected.has_permanent_flags = true,
        }
    }

    pub(super) fn capability(&mut self, values: &[Value<'_>]) {
        let has = |name: &str| {
            let is_it = |value: &Value<'_>| value.atom().is_some_and(|atom| atom.eq_ignore_ascii_case(name));
            values.iter().any(is_it)
        };
        let rev2_alone = has("IMAP4rev2") && !has("IMAP4rev1");
        self.offered = Offered {
            is_known: true,
            rev2_alone,
            condstore: has("CONDSTORE") || has("QRESYNC"),
        };
        match (has("IMAP4rev1"), has("IMAP4rev2")) {
            (false, false) => self.report(
                Rule::Capability,
                "a list of capabilities without IMAP4rev1 and IMAP4rev2",
            ),
            // Only where both are offered it needs ENABLE (RFC 9051, appendix A).
            (false, true) => self.enabled.rev2 = true,
            (true, _) => {}
        }
    }

    fn copy_uid(&mut self, arguments: &[Value<'_>]) {
        let set = |at: usize| arguments.get(at).and_then(Value::atom).and_then(uid_set);
        match (set(1), set(2)) {
            (Some(from), Some(to)) if from.len() == to.len() => {}
            (Some(from), Some(to)) => {
                self.report(
                    Rule::UidPlus,
                    format!("COPYUID of {} originals and {} copies", from.len(), to.len()),
                );
            }
            _ => self.report(Rule::UidPlus, "COPYUID without its sets of UIDs"),
        }
    }
}

/// `1:3,7`, in either order; `None` where it is something else, or has a 0.
pub(super) fn uid_set(text: &str) -> Option<UidSet> {
    let mut set = UidSet::new();
    for range in text.split(',') {
        let (first, last) = range.split_once(':').unwrap_or((range, range));
        let uid = |text: &str| text.parse().ok().and_then(Uid::new);
        let (first, last) = (uid(first)?, uid(last)?);
        set.insert_range(first.min(last), first.max(last));
    }
    Some(set)
}
