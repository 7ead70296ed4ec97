//! One command of a client: as much of it as the rules ask for.

use imap_updates::{Cell, RELEASE_TABLE};

/// A command in progress.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Command {
    pub(crate) tag: String,
    /// In upper case, without `UID`.
    pub(crate) name: String,
    pub(crate) is_uid: bool,
    /// The rest of its line, in upper case; long literals are left out.
    pub(crate) arguments: String,
    /// As above, as it was written.
    pub(crate) written: String,
}

impl Command {
    /// From its octets; `None` where there is not even a tag and a word.
    pub(crate) fn read(octets: &[u8]) -> Option<Self> {
        let line = String::from_utf8_lossy(octets);
        let line = line.trim_end_matches(['\r', '\n']);
        let (tag, rest) = line.split_once(' ')?;
        let (word, rest) = rest.split_once(' ').unwrap_or((rest, ""));
        let is_uid = word.eq_ignore_ascii_case("UID");
        let (name, rest) = match is_uid {
            true => rest.split_once(' ').unwrap_or((rest, "")),
            false => (word, rest),
        };
        let is_read = !tag.is_empty() && !name.is_empty();
        is_read.then(|| Self {
            tag: tag.to_owned(),
            name: name.to_ascii_uppercase(),
            is_uid,
            arguments: rest.to_ascii_uppercase(),
            written: rest.to_owned(),
        })
    }

    pub(crate) fn is(&self, name: &str) -> bool {
        self.name == name
    }

    /// Whether a password is in it, or may follow it.
    pub(crate) fn is_secret(&self) -> bool {
        self.is("LOGIN") || self.is("AUTHENTICATE")
    }

    pub(crate) fn is_select(&self) -> bool {
        self.is("SELECT") || self.is("EXAMINE")
    }

    /// Whether the words stand among its arguments.
    pub(crate) fn has(&self, words: &str) -> bool {
        self.arguments.contains(words)
    }

    /// Whether EXPUNGE may be sent while this is the command that is answered: what the release table says, and yes for commands
    /// that it does not know.
    pub(crate) fn permits_expunge(&self) -> bool {
        let name = match self.is_uid {
            true => format!("UID {}", self.name),
            false => self.name.clone(),
        };
        let row = RELEASE_TABLE.iter().find(|row| row.command == name);
        row.is_none_or(|row| row.expunge != Cell::Never)
    }

    /// As [`Self::permits_expunge`], for VANISHED.
    pub(crate) fn permits_vanished(&self) -> bool {
        let is_search = self.is_search() && !self.is("ESEARCH");
        self.permits_expunge() && !(self.is_uid && is_search && self.has_numbers())
    }

    pub(crate) fn is_search(&self) -> bool {
        ["SEARCH", "SORT", "THREAD", "ESEARCH"].contains(&self.name.as_str())
    }

    /// Whether it is answered with UIDs: ESEARCH is in any case (RFC 7377, section 2.1).
    pub(crate) fn wants_uids(&self) -> bool {
        self.is_uid || self.is("ESEARCH")
    }

    /// Whether a search has a key that is a set of message sequence numbers.
    fn has_numbers(&self) -> bool {
        let is_set = |word: &str| {
            word.starts_with(|first: char| first.is_ascii_digit() || first == '*')
                && word.chars().all(|c| c.is_ascii_digit() || ":,*".contains(c))
        };
        let mut before = "";
        self.arguments.split([' ', '(', ')']).any(|word| {
            let is_argument = [
                "UID", "LARGER", "SMALLER", "OLDER", "YOUNGER", "MODSEQ", "PARTIAL",
            ]
            .contains(&before);
            before = word;
            is_set(word) && !is_argument
        })
    }

    /// Whether it switches CONDSTORE on (RFC 7162, section 3.1).
    pub(crate) fn enables_condstore(&self) -> bool {
        match self.name.as_str() {
            "SELECT" | "EXAMINE" => self.has("(CONDSTORE") || self.has("CONDSTORE)") || self.has("(QRESYNC"),
            "FETCH" => self.has("MODSEQ") || self.has("CHANGEDSINCE"),
            "STORE" => self.has("UNCHANGEDSINCE"),
            "STATUS" => self.has("HIGHESTMODSEQ"),
            "SEARCH" | "SORT" => self.has("MODSEQ"),
            _ => false,
        }
    }

    /// The mailbox that SELECT, EXAMINE or STATUS names, as other names of it would be written: `INBOX` in any case.
    pub(crate) fn mailbox(&self) -> Option<String> {
        let first = match self.written.strip_prefix('"') {
            Some(quoted) => quoted.split('"').next()?,
            None => self.written.split(' ').next()?,
        };
        Some(canonical(first))
    }

    /// The largest partial of `BODY[...]<o.n>` that it asks for.
    pub(crate) fn largest_partial(&self) -> Option<u64> {
        let partials = self.arguments.split('<').skip(1);
        let sizes = partials.filter_map(|rest| rest.split('>').next()?.split_once('.')?.1.parse().ok());
        sizes.max()
    }
}

/// `INBOX` in any case is one mailbox.
pub(crate) fn canonical(name: &str) -> String {
    match name.eq_ignore_ascii_case("INBOX") {
        true => "INBOX".to_owned(),
        false => name.to_owned(),
    }
}
