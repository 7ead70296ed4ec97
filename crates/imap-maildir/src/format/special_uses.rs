//! The text of `special-uses`: what mailboxes are for (RFC 6154).
//!
//! The first line is `V<tab>1`. Each further line is a mailbox: its attributes with spaces between them, a tab, and its name in
//! modified UTF-7, parts separated by `.`. A line without attributes says that the mailbox has no use, whatever its name.
//! Lines that say anything else are passed over.

use std::collections::BTreeMap;

use imap_backend::{MailboxName, SpecialUse, mutf7};

use crate::format::mailbox_names::DELIMITER;

const VERSION: &str = "V\t1";

/// Whether names promise a use where the file says nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ByName {
    Yes,
    No,
}

/// The uses that were given to mailboxes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct SpecialUses {
    given: BTreeMap<MailboxName, SpecialUse>,
}

impl SpecialUses {
    pub(crate) fn parse(octets: &[u8]) -> Self {
        let lines = octets.split(|&octet| octet == b'\n');
        let lines = lines.filter_map(|line| std::str::from_utf8(line).ok());
        let given = lines.filter(|line| *line != VERSION).filter_map(|line| {
            let (uses, name) = line.split_once('\t')?;
            let name = MailboxName::new(&mutf7::decode(name.as_bytes()).ok()?)?;
            Some((name.canonical(DELIMITER), SpecialUse::of_text(uses)))
        });
        Self {
            given: given.collect(),
        }
    }

    pub(crate) fn write(&self) -> Vec<u8> {
        let line =
            |(name, uses): (&MailboxName, &SpecialUse)| format!("{uses}\t{}\n", mutf7::encode(name.as_str()));
        let lines: String = self.given.iter().map(line).collect();
        format!("{VERSION}\n{lines}").into_bytes()
    }

    /// How many mailboxes have a line.
    pub(crate) fn len(&self) -> usize {
        self.given.len()
    }

    /// What a mailbox is for.
    pub(crate) fn of(&self, name: &MailboxName, by_name: ByName) -> SpecialUse {
        match (self.given.get(name), by_name) {
            (Some(uses), _) => *uses,
            (None, ByName::Yes) => self.promised_by(name),
            (None, ByName::No) => SpecialUse::none(),
        }
    }

    /// What the name promises and no other mailbox was given.
    fn promised_by(&self, name: &MailboxName) -> SpecialUse {
        let promised = SpecialUse::by_name(name.as_str());
        let taken = self.given.values().copied();
        promised.without(taken.fold(SpecialUse::none(), SpecialUse::and))
    }

    /// Gives a mailbox these uses. Each use is one mailbox's: those that had it lose it.
    pub(crate) fn give(&mut self, name: &MailboxName, uses: SpecialUse) {
        for held in self.given.values_mut() {
            *held = held.without(uses);
        }
        self.given.insert(name.clone(), uses);
    }

    /// The mailbox is gone.
    pub(crate) fn forget(&mut self, name: &MailboxName) {
        self.given.remove(name);
    }

    /// The mailbox and those below it have other names.
    pub(crate) fn rename(&mut self, from: &MailboxName, to: &MailboxName) {
        let given = std::mem::take(&mut self.given);
        self.given = given
            .into_iter()
            .map(|(name, uses)| match name.as_str().strip_prefix(from.as_str()) {
                Some(rest) if rest.is_empty() || rest.starts_with(DELIMITER) => {
                    (MailboxName::new(&format!("{to}{rest}")).unwrap_or(name), uses)
                }
                _ => (name, uses),
            })
            .collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn name(text: &str) -> MailboxName {
        MailboxName::new(text).unwrap()
    }

    #[test]
    fn a_use_is_one_mailboxs_and_goes_before_what_a_name_promises() {
        let mut uses = SpecialUses::default();
        assert_eq!(uses.of(&name("Sent"), ByName::Yes), SpecialUse::SENT);
        assert_eq!(uses.of(&name("Sent"), ByName::No), SpecialUse::none());
        assert_eq!(uses.of(&name("a.Sent"), ByName::Yes), SpecialUse::none());
        uses.give(&name("a"), SpecialUse::SENT.and(SpecialUse::JUNK));
        uses.give(&name("b"), SpecialUse::JUNK);
        assert_eq!(uses.of(&name("a"), ByName::Yes), SpecialUse::SENT);
        assert_eq!(uses.of(&name("Sent"), ByName::Yes), SpecialUse::none());
        assert_eq!(uses.write(), b"V\t1\n\\Sent\ta\n\\Junk\tb\n");
    }

    #[test]
    fn uses_follow_their_mailbox_to_its_new_name() {
        let mut uses = SpecialUses::parse(b"V\t1\n\\Sent\ta\n\\Junk\ta.b\n\\Trash\tab\n");
        uses.rename(&name("a"), &name("c.d"));
        uses.forget(&name("ab"));
        assert_eq!(uses.write(), b"V\t1\n\\Sent\tc.d\n\\Junk\tc.d.b\n");
    }

    #[test]
    fn lines_that_say_nothing_are_passed_over() {
        let uses = SpecialUses::parse(b"V\t1\nSent\n\\Sent\t\n\\Sent\t\xff\n\\Sent \\Other\tinbox.a\n\n");
        assert_eq!(uses.write(), b"V\t1\n\\Sent\tINBOX.a\n");
    }

    proptest! {
        #[test]
        fn parse_inverts_write(names in proptest::collection::btree_map("[a-hü\t ][a-z&.]{0,8}", 0_u16..8, 0..6)) {
            let mut uses = SpecialUses::default();
            for (text, number) in names {
                if let Some(name) = MailboxName::new(&text) {
                    let all = [SpecialUse::SENT, SpecialUse::JUNK, SpecialUse::DRAFTS];
                    let some = all.into_iter().enumerate().filter(|(bit, _)| number & 1 << bit != 0);
                    uses.give(&name, some.fold(SpecialUse::none(), |uses, (_, other)| uses.and(other)));
                }
            }
            prop_assert_eq!(SpecialUses::parse(&uses.write()), uses);
        }
    }
}
