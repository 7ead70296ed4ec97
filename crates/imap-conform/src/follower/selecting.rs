//! What is said of mailboxes while SELECT is answered.

use super::judge::{Judge, Mailbox};
use super::selected::Selected;
use crate::finding::Finding;

/// More findings that are not sure are not kept.
const MOST_UNSURE: usize = 10;

/// The mailbox that SELECT closes: whether what is said now is about that or about the new one, CLOSED tells (RFC 7162, section
/// 3.2.11), or the tagged OK where CLOSED is not said.
#[derive(Debug, Default)]
pub(super) struct Closing {
    /// One was selected, of this name as far as it could be read.
    pub(super) was_selected: Option<Option<String>>,
    /// What is wrong if all is about the mailbox that is closed.
    of_old: Vec<Finding>,
    /// What is wrong if all is about the new one.
    of_new: Vec<Finding>,
}

impl Judge {
    /// Follows what is about a mailbox. During SELECT it may be about either, and is followed as if about each; what is wrong with
    /// both is told at once.
    pub(super) fn about_a_mailbox(&mut self, follow: impl Fn(&mut Self)) {
        let Some(command) = self.pending.front().filter(|command| command.is_select()) else {
            return follow(self);
        };
        let name = command.mailbox();
        let new = self
            .selecting
            .take()
            .unwrap_or_else(|| Box::new(Selected::new(name)));
        if matches!(self.mailbox, Mailbox::None) {
            self.selecting = Some(new);
            return follow(self);
        }
        let mut closing = self.closing.take().unwrap_or_else(|| self.begin_closing());
        let of_old = self.found_by(&follow);
        self.selecting = Some(new);
        let of_new = self.found_by(&follow);
        let is_in = |findings: &[Finding], one: &Finding| findings.iter().any(|other| other.rule == one.rule);
        let (sure, of_old): (Vec<_>, Vec<_>) = of_old.into_iter().partition(|one| is_in(&of_new, one));
        let of_new = of_new.into_iter().filter(|one| !is_in(&sure, one));
        closing.of_new.extend(of_new);
        closing.of_old.extend(of_old);
        closing.of_new.truncate(MOST_UNSURE);
        closing.of_old.truncate(MOST_UNSURE);
        self.closing = Some(closing);
        self.tell(sure);
    }

    fn begin_closing(&self) -> Closing {
        Closing {
            was_selected: match &self.mailbox {
                Mailbox::Selected(selected) => Some(selected.name.clone()),
                Mailbox::None | Mailbox::Unknown => None,
            },
            ..Closing::default()
        }
    }

    /// CLOSED: all before it was about the mailbox that was selected.
    pub(super) fn closed(&mut self) {
        let closing = self.closing.take().unwrap_or_default();
        self.tell(closing.of_old);
        self.selecting = None;
        self.mailbox = Mailbox::None;
    }

    /// SELECT was answered; where it was OK, all that was not said before CLOSED was about the new mailbox. Gives what was closed without
    /// CLOSED, if something was.
    pub(super) fn select_ended(&mut self, is_ok: bool) -> Option<Option<String>> {
        let closing = self.closing.take().unwrap_or_else(|| self.begin_closing());
        if is_ok {
            self.tell(closing.of_new);
        }
        closing.was_selected
    }
}
