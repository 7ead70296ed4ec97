//! The FLAGS and PERMANENTFLAGS of the selected mailbox, as this client was told them (RFC 9051, sections 7.3.5 and 7.1).

use imap_backend::{Mailbox, NewKeywords, Rights};
use imap_updates::{Access, Flags, Keyword};

use crate::wire;

/// The keywords that FLAGS has named to this client, and what it may do with them.
#[derive(Debug)]
pub(crate) struct MailboxFlags {
    /// Sorted.
    keywords: Vec<Keyword>,
    access: Access,
    new_keywords: NewKeywords,
    rights: Rights,
}

impl MailboxFlags {
    /// Nothing has been named yet: [`write`](Self::write) comes next.
    pub(crate) fn new(
        keywords: Vec<Keyword>,
        access: Access,
        new_keywords: NewKeywords,
        rights: Rights,
    ) -> Self {
        Self {
            keywords,
            access,
            new_keywords,
            rights,
        }
    }

    /// From now on these rights say which flags can be changed.
    pub(crate) fn adopt_rights(&mut self, out: &mut Vec<u8>, rights: Rights) {
        if std::mem::replace(&mut self.rights, rights) != rights {
            self.write(out);
        }
    }

    /// The mailbox defines these keywords now.
    pub(crate) fn replace(&mut self, out: &mut Vec<u8>, keywords: &[Keyword], mailbox: &impl Mailbox) {
        if self.keywords != keywords {
            self.keywords = keywords.to_vec();
            self.write_anew(out, mailbox);
        }
    }

    /// Before a FETCH row with flags: a keyword that the client has not heard of is introduced first, also where this
    /// session's own STORE has made it.
    pub(crate) fn introduce(&mut self, out: &mut Vec<u8>, flags: &Flags, mailbox: &impl Mailbox) {
        let before = self.keywords.len();
        for keyword in flags.keywords() {
            if let Err(place) = self.keywords.binary_search(keyword) {
                self.keywords.insert(place, keyword.clone());
            }
        }
        if self.keywords.len() > before {
            self.write_anew(out, mailbox);
        }
    }

    /// As [`write`](Self::write): the keyword that is new may have been the last that the mailbox has room for.
    fn write_anew(&mut self, out: &mut Vec<u8>, mailbox: &impl Mailbox) {
        self.new_keywords = mailbox.new_keywords().unwrap_or(self.new_keywords);
        self.write(out);
    }

    /// FLAGS and PERMANENTFLAGS.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        let keywords = self.keywords.iter();
        wire::mailbox_flags(out, keywords.clone());
        match (self.access, self.new_keywords) {
            (Access::ReadOnly, _) => wire::untagged_ok(out, "PERMANENTFLAGS ()", "no flag can be changed"),
            (Access::ReadWrite, NewKeywords::Allowed) => {
                wire::permanent_flags(out, self.rights, keywords, Some("\\*"));
            }
            (Access::ReadWrite, NewKeywords::Refused) => {
                wire::permanent_flags(out, self.rights, keywords, None);
            }
        }
    }
}
