//! The text of `dovecot-acl`: who may do what in a mailbox, as Dovecot writes it.
//!
//! A line is `<identifier> <letters> [:<named rights>]`. The identifier is `owner`, `user=NAME`, `group=NAME`,
//! `group-override=NAME`, `authenticated`, `anyone` or `anonymous`, with `-` before it where the rights are denied; one with a
//! space in it is in quotes. Clients say the same without `user=`, and `$NAME` and `!$NAME` for the groups.
//!
//! A named right that IMAP has is worth its letter. Other ones, and letters that nobody knows, stay in their line when it is
//! changed, and grant nothing. Lines that are not understood, comments among them, mean nothing here and stay as they are.

use imap_backend::{Acl, Identifier, Rights};

/// What Dovecot calls the rights.
const NAMES: [(&str, Rights); 11] = [
    ("lookup", Rights::LOOKUP),
    ("read", Rights::READ),
    ("write", Rights::WRITE),
    ("write-seen", Rights::KEEP_SEEN),
    ("write-deleted", Rights::DELETE_MESSAGES),
    ("insert", Rights::INSERT),
    ("post", Rights::POST),
    ("expunge", Rights::EXPUNGE),
    ("create", Rights::CREATE),
    ("delete", Rights::DELETE),
    ("admin", Rights::ADMINISTER),
];

/// What Dovecot puts before the names of users and groups, and what clients do.
const PREFIXES: [(&str, &str); 3] = [("group-override=", "!$"), ("group=", "$"), ("user=", "")];

/// The lines of a file, in their order.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub(crate) struct AclLines {
    lines: Vec<Line>,
}

/// A line, and what it means if it is understood.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Line {
    text: Vec<u8>,
    entry: Option<Entry>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    identifier: Identifier,
    rights: Rights,
    /// Letters that are no rights.
    letters: String,
    /// Named rights that have no letter.
    named: Vec<String>,
}

impl AclLines {
    pub(crate) fn parse(octets: &[u8]) -> Self {
        if octets.is_empty() {
            return Self::default();
        }
        let octets = octets.strip_suffix(b"\n").unwrap_or(octets);
        let line = |text: &[u8]| Line {
            text: text.to_vec(),
            entry: std::str::from_utf8(text).ok().and_then(Entry::parse),
        };
        Self {
            lines: octets.split(|&octet| octet == b'\n').map(line).collect(),
        }
    }

    pub(crate) fn write(&self) -> Vec<u8> {
        let lines = self.lines.iter();
        lines
            .flat_map(|line| line.text.iter().chain(b"\n"))
            .copied()
            .collect()
    }

    /// The entries. Two lines of one identifier are one entry.
    pub(crate) fn acl(&self) -> Acl {
        let entries = self.lines.iter().filter_map(|line| line.entry.as_ref());
        entries
            .map(|entry| (entry.identifier.clone(), entry.rights))
            .collect()
    }

    /// Whether a line can say whom an identifier means. One such as `$`, a group without a name, has no line.
    pub(crate) fn can_say(identifier: &Identifier) -> bool {
        as_clients_say(&as_dovecot_says(identifier)).as_deref() == Some(identifier.as_str())
    }

    /// Has one line say what an identifier is granted; none where it has no entry.
    pub(crate) fn set(&mut self, identifier: &Identifier, rights: Option<Rights>) {
        let is_of = |line: &Line| matches!(&line.entry, Some(entry) if entry.identifier == *identifier);
        let place = self.lines.iter().position(is_of);
        let before: Vec<Entry> = self
            .lines
            .iter()
            .filter(|line| is_of(line))
            .filter_map(|line| line.entry.clone())
            .collect();
        self.lines.retain(|line| !is_of(line));
        if let Some(rights) = rights {
            let entry = Entry {
                identifier: identifier.clone(),
                rights,
                letters: before.iter().map(|entry| entry.letters.as_str()).collect(),
                named: before.into_iter().flat_map(|entry| entry.named).collect(),
            };
            let line = Line {
                text: entry.to_line().into_bytes(),
                entry: Some(entry),
            };
            self.lines.insert(place.unwrap_or(self.lines.len()), line);
        }
    }
}

impl Entry {
    fn parse(line: &str) -> Option<Self> {
        let (identifier, rest) = split(line)?;
        let identifier = Identifier::new(&as_clients_say(&identifier)?)?;
        let (letters, names) = rest.split_once(':').unwrap_or((rest, ""));
        let letters = letters.trim_matches([' ', '\t']);
        let mut entry = Self {
            identifier,
            rights: Rights::of_letters(letters),
            letters: letters
                .chars()
                .filter(|letter| Rights::of_letters(&letter.to_string()).is_empty())
                .collect(),
            named: Vec::new(),
        };
        for name in names.split([' ', ',', '\t']).filter(|name| !name.is_empty()) {
            match NAMES.iter().find(|(known, _)| *known == name) {
                Some((_, right)) => entry.rights = entry.rights.and(*right),
                None => entry.named.push(name.to_owned()),
            }
        }
        Some(entry)
    }

    fn to_line(&self) -> String {
        let identifier = as_dovecot_says(&self.identifier);
        let mut line = match identifier.contains(' ') {
            true => format!("\"{}\"", identifier.replace('\\', "\\\\").replace('"', "\\\"")),
            false => identifier,
        };
        line.push(' ');
        line.push_str(&self.rights.letters());
        line.push_str(&self.letters);
        if !self.named.is_empty() {
            line.push_str(" :");
            line.push_str(&self.named.join(" "));
        }
        line
    }
}

/// The identifier of a line, out of its quotes, and what follows.
fn split(line: &str) -> Option<(String, &str)> {
    let Some(quoted) = line.strip_prefix('"') else {
        let (identifier, rest) = line.split_once(' ').unwrap_or((line, ""));
        return Some((identifier.to_owned(), rest));
    };
    let mut identifier = String::new();
    let mut characters = quoted.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => {
                let rest = &quoted[at + 1..];
                return (rest.is_empty() || rest.starts_with(' ')).then_some((identifier, rest));
            }
            '\\' => identifier.push(characters.next()?.1),
            character => identifier.push(character),
        }
    }
    None
}

/// `-user=fred` is `-fred`; `None` for what is no identifier.
fn as_clients_say(text: &str) -> Option<String> {
    let (sign, subject) = match text.strip_prefix('-') {
        Some(subject) => ("-", subject),
        None => ("", text),
    };
    let special = [Identifier::OWNER, Identifier::AUTHENTICATED, Identifier::ANYONE];
    if special.contains(&subject) {
        return Some(text.to_owned());
    }
    if subject == "anonymous" {
        return Some(format!("{sign}{}", Identifier::ANYONE));
    }
    let (name, said) = PREFIXES
        .iter()
        .find_map(|(prefix, said)| Some((subject.strip_prefix(prefix)?, said)))?;
    // A user whose name would mean something else to clients can be named by no client.
    let is_ambiguous = said.is_empty()
        && (special.contains(&name) || name.starts_with(['-', '$']) || name.starts_with("!$"));
    (!name.is_empty() && !is_ambiguous).then(|| format!("{sign}{said}{name}"))
}

fn as_dovecot_says(identifier: &Identifier) -> String {
    let sign = if identifier.is_negative() { "-" } else { "" };
    let subject = identifier.subject();
    if [Identifier::OWNER, Identifier::AUTHENTICATED, Identifier::ANYONE].contains(&subject) {
        return format!("{sign}{subject}");
    }
    let said = PREFIXES
        .iter()
        .find_map(|(prefix, said)| Some(format!("{prefix}{}", subject.strip_prefix(said)?)));
    format!("{sign}{}", said.unwrap_or_default())
}

/// What a user may do in a mailbox of his own, as Dovecot reads the file: his own line goes before that of `owner`, and what
/// others are granted or denied does not matter. The same for the lines that deny.
pub(crate) fn rights_of_owner(acl: &Acl, user: &str) -> Rights {
    let entry = |sign: &str| {
        let named = [user, Identifier::OWNER].into_iter();
        let mut identifiers = named.filter_map(|name| Identifier::new(&format!("{sign}{name}")));
        identifiers.find_map(|identifier| acl.get(&identifier))
    };
    let granted = entry("").unwrap_or(Rights::ALL);
    granted.without(entry("-").unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(lines: &AclLines) -> String {
        let acl = lines.acl();
        let entries = acl
            .iter()
            .map(|(identifier, rights)| format!("{identifier} {}", rights.letters()));
        entries.collect::<Vec<_>>().join("|")
    }

    fn identifier(text: &str) -> Identifier {
        Identifier::new(text).unwrap()
    }

    /// The identifiers and rights of Dovecot's documentation.
    #[test]
    fn lines_are_read_as_dovecot_reads_them() {
        for (line, entry) in [
            ("owner lrwstipekxa", "owner lrswipkxtea"),
            ("user=timo lr", "timo lr"),
            ("group=staff rw", "$staff rw"),
            ("group-override=tempdisabled", "!$tempdisabled "),
            ("authenticated l", "authenticated l"),
            ("anyone lr", "anyone lr"),
            ("anonymous lr", "anyone lr"),
            ("-user=timo w", "-timo w"),
            ("-anonymous w", "-anyone w"),
            ("user=timo :read lookup,custom", "timo lr"),
            ("user=timo l :write-seen write-deleted", "timo lst"),
            ("user=timo \t lr\t:insert", "timo lri"),
            ("\"user=foo bar\" l", "foo bar l"),
            ("\"-user=a \\\"b\\\" \\\\c\" l", "-a \"b\" \\c l"),
            ("owner lrZ9", "owner lr"),
        ] {
            assert_eq!(shown(&AclLines::parse(line.as_bytes())), entry, "{line}");
        }
        for none in [
            "",
            "# a comment",
            "bogus lr",
            "user= lr",
            "\"user=x lr",
            "\"user=x\"lr",
            "user=owner lr",
            "user=$x l",
        ] {
            assert_eq!(shown(&AclLines::parse(none.as_bytes())), "", "{none}");
        }
    }

    /// Dovecot 2.3.19, after `doveadm acl set`; it reads what is written here, too.
    #[test]
    fn a_file_that_dovecot_has_written_is_read() {
        let text =
            b"anyone lr\ngroup=staff l\nowner akxeilprwts\n\"user=new one\" \nuser=timo ilpr :custom\n\
                     -user=timo s\nuser=u akeilprwts\nuser=zoe lr\n";
        let lines = AclLines::parse(text);
        let entries = "anyone lr|$staff l|owner lrswipkxtea|new one |timo lrip|-timo s|u lrswipktea|zoe lr";
        assert_eq!(shown(&lines), entries);
        assert_eq!(rights_of_owner(&lines.acl(), "u").letters(), "lrswipktea");
        assert_eq!(lines.write(), text);
    }

    #[test]
    fn what_is_not_understood_stays_when_a_line_is_changed() {
        let text = b"# mine\nowner lrwstipekxa\n\nbogus x\nuser=timo lrZ :custom read\n\xff\xfe\nanyone l\nuser=timo s";
        let mut lines = AclLines::parse(text);
        assert_eq!(lines.write(), [&text[..], b"\n"].concat());
        lines.set(&identifier("timo"), Some(Rights::of_letters("ri")));
        lines.set(&identifier("new one"), Some(Rights::none()));
        lines.set(&identifier("anyone"), None);
        lines.set(&identifier("-$team"), Some(Rights::WRITE));
        let after = b"# mine\nowner lrwstipekxa\n\nbogus x\nuser=timo riZ :custom\n\xff\xfe\n\"user=new one\" \n-group=team w\n";
        assert_eq!(lines.write(), after);
        assert_eq!(AclLines::parse(after), lines);
    }

    /// Dovecot takes the most specific line, where other backends take the union.
    #[test]
    fn an_owner_has_what_his_most_specific_lines_say() {
        for (text, rights) in [
            ("", "lrswipkxtea"),
            ("anyone a\nowner lr", "lr"),
            ("owner lrw\nuser=ann l", "l"),
            ("-owner w", "lrsipkxtea"),
            ("owner lrw\n-user=ann r\n-owner w", "lw"),
            ("-anyone lr\n-user=fred lr", "lrswipkxtea"),
        ] {
            let acl = AclLines::parse(text.as_bytes()).acl();
            assert_eq!(rights_of_owner(&acl, "ann").letters(), rights, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_octet_is_lost_of_what_is_not_changed(text in proptest::collection::vec(any::<u8>(), 0..60)) {
            let lines = AclLines::parse(&text);
            let ended = [text.as_slice(), b"\n"].concat();
            let expected = if text.is_empty() || text.ends_with(b"\n") { &text } else { &ended };
            prop_assert_eq!(&lines.write(), expected);
        }

        #[test]
        fn an_entry_comes_back_from_its_line(name in "-?[$!]{0,2}[ -~\u{e9}]{1,6}", rights in 0u16..2048) {
            let all = Rights::ALL.letters();
            let chosen = all.char_indices().filter(|(at, _)| rights & (1 << at) != 0);
            let rights = Rights::of_letters(&chosen.map(|(_, letter)| letter).collect::<String>());
            if let Some(identifier) = Identifier::new(&name).filter(AclLines::can_say) {
                let mut lines = AclLines::default();
                lines.set(&identifier, Some(rights));
                let read = AclLines::parse(&lines.write());
                prop_assert_eq!(&read, &lines, "{}", String::from_utf8_lossy(&lines.write()));
            }
        }
    }
}
