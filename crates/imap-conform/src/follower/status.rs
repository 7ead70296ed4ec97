//! OK, NO, BAD, BYE: untagged ones with their codes, and the ends of commands.

use imap_seq::{Uid, UidSet};

use super::judge::{Enabled, Exchange, Judge, Mailbox, Outcome, Partial};
use super::selected::Selected;
use crate::command::Command;
use crate::response::{Condition, Status};
use crate::rule::Rule;
use crate::wire::value::Value;

impl Judge {
    pub(super) fn status(&mut self, status: &Status<'_>, partial: Partial<'_>) -> Outcome {
        self.code(&status.code);
        let Some(tag) = status.tag else {
            self.has_said_bye |= status.condition == Condition::Bye;
            return Outcome::Heard;
        };
        match &self.exchange {
            Exchange::Idle { tag: of, .. } | Exchange::Authenticate { tag: of } if of == tag => {
                self.exchange = Exchange::None;
            }
            _ => {}
        }
        let at = self.pending.iter().position(|command| command.tag == tag);
        if let Some(command) = at.and_then(|at| self.pending.remove(at)) {
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
            "UNAUTHENTICATE" => {
                self.mailbox = Mailbox::None;
                self.enabled = Enabled::default();
            }
            "NOTIFY" => {
                self.enabled.notify = command.has("SET");
                self.enabled.notify_expunges = command.has("(SELECTED (") && command.has("MESSAGEEXPUNGE");
            }
            "SEARCH" | "SORT" if command.has("UPDATE") => {
                self.updated.insert(command.tag.clone(), command.is_uid);
            }
            _ => {}
        }
        Outcome::Heard
    }

    fn select_answered(&mut self, command: &Command, condition: Condition) {
        let was_selected = matches!(self.mailbox, Mailbox::Selected(_));
        let was_closed = std::mem::take(&mut self.has_said_closed);
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
        if was_selected && !was_closed && (self.enabled.qresync || self.enabled.rev2) {
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

    fn code(&mut self, code: &[Value<'_>]) {
        let Some(name) = code.first().and_then(Value::atom) else {
            return;
        };
        let arguments = &code[1..];
        match name.to_ascii_uppercase().as_str() {
            "CLOSED" => {
                (self.has_said_closed, self.selecting) = (true, None);
                self.mailbox = Mailbox::None;
            }
            "CAPABILITY" => self.capability(arguments),
            "COPYUID" => self.copy_uid(arguments),
            "APPENDUID" => {
                let uids = arguments.get(1).and_then(Value::atom).and_then(uid_set);
                if uids.is_none() {
                    self.report(Rule::UidPlus, "APPENDUID without a UID");
                }
            }
            "UIDVALIDITY" | "UIDNEXT" | "HIGHESTMODSEQ" | "NOMODSEQ" | "PERMANENTFLAGS" => {
                self.mailbox_code(name, arguments.first());
            }
            _ => {}
        }
    }

    fn mailbox_code(&mut self, name: &str, argument: Option<&Value<'_>>) {
        self.expect_new_mailbox();
        let Some(selected) = self.selected() else {
            return;
        };
        match name.to_ascii_uppercase().as_str() {
            "UIDVALIDITY" => selected.uid_validity = argument.and_then(Value::number),
            "UIDNEXT" => selected.uid_next = argument.and_then(Value::number),
            "HIGHESTMODSEQ" => selected.highest = argument.and_then(Value::number).max(selected.highest),
            "NOMODSEQ" => selected.keeps_no_modseqs = true,
            _ => selected.has_permanent_flags = true,
        }
    }

    pub(super) fn capability(&mut self, values: &[Value<'_>]) {
        let has = |revision: &str| {
            let is_it = |value: &Value<'_>| {
                value
                    .atom()
                    .is_some_and(|atom| atom.eq_ignore_ascii_case(revision))
            };
            values.iter().any(is_it)
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
