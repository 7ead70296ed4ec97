//! What is found in a Maildir.

use std::fmt;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Normal, worth knowing.
    Note,
    /// Mail is hidden, or clients may lose their synchronisation.
    Problem,
}

impl Severity {
    /// `note` or `problem`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Problem => "problem",
        }
    }
}

/// Something that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Finding {
    /// The directory, or a part of it, cannot be read.
    Unreadable(String),
    /// `new`, `cur` or `tmp` is missing; it is made when the mailbox is opened.
    MissingSubdirectory(&'static str),
    /// A directory whose name is no mailbox name: its mail is not shown.
    NoMailboxName(String),
    /// A directory that could be a mailbox but has no `cur/`: its mail is not shown.
    NoMailbox(String),
    /// A mailbox below INBOX that is there in another case of `INBOX` as well: its mail is not shown.
    SecondSpelling(String),
    /// A symbolic link where a mailbox could be: not followed.
    Link(String),
    /// Message files that this user may not read: one of them, and how many.
    UnreadableMessages(String, usize),
    /// A symbolic link, directory or device where messages are: never shown.
    NotAMessage(String),
    /// A file whose name no message can have: never shown.
    ImpossibleName(String),
    /// Two files with one base name: two messages that other programs take for one.
    Doubled(String),
    /// A file whose name claims another size than it has; the claim is not believed.
    WrongSize(String),
    /// There is no UID list: messages get UIDs when the mailbox is opened.
    NoUidList,
    /// The UID list has a fault; it is written anew when the mailbox changes.
    UidList(String),
    /// The highest UID is given away: no message can be added.
    UidsUsedUp,
    /// Messages that have no UID yet.
    WithoutUid(usize),
    /// Records of files that are gone.
    GoneRecords(usize),
    /// Keyword letters in file names that `dovecot-keywords` does not name.
    UnnamedLetters(String),
    /// Lines of `dovecot-keywords` that name no keyword.
    KeywordLines(usize),
    /// `imap-modseqs` is damaged or of another UIDVALIDITY: clients will be told of all messages once more.
    UnusableModSequences,
    /// Files in `tmp/` that crashed deliveries left more than 36 hours ago.
    OldTemporaries(usize),
    /// Somebody holds the UID list's lock, or died holding it.
    Locked,
    /// Subscriptions to mailboxes that do not exist.
    SubscribedAndGone(usize),
    /// A file of a mailbox or of the Maildir that is no regular file: it is not read.
    NotAFile(String),
    /// A directory or a file of the server's that this user may not change.
    Unchangeable(String),
    /// Files that belong to somebody else than the Maildir: one of them, and how many.
    OtherOwner(String, usize),
    /// A directory that every user of the system may change.
    OpenToAll(String),
    /// `maildirsize` says other octets and messages than there are.
    WrongUsage {
        /// What the file says.
        says: (i64, i64),
        /// What there is.
        is: (i64, i64),
    },
    /// `maildirsize` cannot be understood; it is written anew when the quota is asked for.
    UsageUnreadable,
}

impl Finding {
    /// How bad it is.
    #[must_use]
    pub fn severity(&self) -> Severity {
        match self {
            Self::Unreadable(_)
            | Self::NoMailboxName(_)
            | Self::NoMailbox(_)
            | Self::SecondSpelling(_)
            | Self::Link(_)
            | Self::UnreadableMessages(..)
            | Self::NotAMessage(_)
            | Self::ImpossibleName(_)
            | Self::Doubled(_)
            | Self::UidList(_)
            | Self::UidsUsedUp
            | Self::NotAFile(_)
            | Self::Unchangeable(_) => Severity::Problem,
            Self::MissingSubdirectory(_)
            | Self::WrongSize(_)
            | Self::NoUidList
            | Self::WithoutUid(_)
            | Self::GoneRecords(_)
            | Self::UnnamedLetters(_)
            | Self::KeywordLines(_)
            | Self::UnusableModSequences
            | Self::OldTemporaries(_)
            | Self::Locked
            | Self::SubscribedAndGone(_)
            | Self::OtherOwner(..)
            | Self::OpenToAll(_)
            | Self::WrongUsage { .. }
            | Self::UsageUnreadable => Severity::Note,
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(why) => write!(f, "cannot be read: {why}"),
            Self::MissingSubdirectory(name) => write!(f, "{name}/ is missing and will be made"),
            Self::NoMailboxName(name) => write!(f, "{name} is no mailbox name: what it holds is not shown"),
            Self::NoMailbox(name) => write!(f, "{name} has no cur/ and is no mailbox: what it holds is not shown"),
            Self::SecondSpelling(name) => write!(f, "{name} differs from another mailbox only in the case of INBOX: what it holds is not shown"),
            Self::Link(name) => write!(f, "{name} is a symbolic link, which is not followed: what it leads to is not shown"),
            Self::UnreadableMessages(name, count) => write!(f, "message files that may not be read: {count}, such as {name}"),
            Self::NotAMessage(name) => write!(f, "{name} is no regular file and is not shown"),
            Self::ImpossibleName(name) => write!(f, "{name} is not shown: a message's file name has no line break, and no colon at its start"),
            Self::Doubled(base) => write!(f, "two files are named {base}"),
            Self::WrongSize(name) => write!(f, "{name} does not have the size that its name says"),
            Self::NoUidList => f.write_str("has no UID list yet"),
            Self::UidList(fault) => write!(f, "UID list: {fault}"),
            Self::UidsUsedUp => f.write_str(
                "UIDs are used up: no message can be added until the UID list is removed, which makes clients load all mail anew",
            ),
            Self::WithoutUid(count) => write!(f, "messages without a UID: {count}"),
            Self::GoneRecords(count) => write!(f, "records of files that are gone: {count}"),
            Self::UnnamedLetters(letters) => write!(f, "keyword letters without a name: {letters}"),
            Self::KeywordLines(count) => write!(f, "lines of dovecot-keywords that name no keyword: {count}"),
            Self::UnusableModSequences => {
                f.write_str("imap-modseqs cannot be used: clients will be told of all messages once more")
            }
            Self::OldTemporaries(count) => write!(f, "files left in tmp/ by crashed deliveries: {count}"),
            Self::Locked => f.write_str("the UID list is locked"),
            Self::SubscribedAndGone(count) => {
                write!(f, "subscriptions to mailboxes that do not exist: {count}")
            }
            Self::NotAFile(name) => write!(f, "{name} is no regular file and is not read"),
            Self::Unchangeable(name) => write!(f, "{name} may not be changed by who runs this: nothing can be stored there"),
            Self::OtherOwner(name, count) => {
                write!(f, "files of another system user than the Maildir: {count}, such as {name}")
            }
            Self::OpenToAll(name) => write!(f, "{name} may be changed by every user of the system"),
            Self::WrongUsage { says, is } => {
                let ((said_octets, said_messages), (octets, messages)) = (says, is);
                write!(f, "maildirsize says {said_octets} octets and {said_messages} messages, and there are {octets} and {messages}")
            }
            Self::UsageUnreadable => f.write_str("maildirsize cannot be understood; it will be counted anew"),
        }
    }
}

/// One mailbox.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct MailboxReport {
    /// Its name.
    pub name: String,
    /// Number of messages.
    pub messages: usize,
    /// How many of them are in `new/`.
    pub new: usize,
    /// Octets in message files.
    pub octets: u64,
    /// UIDVALIDITY, if a UID list tells it.
    pub uid_validity: Option<u32>,
    /// UIDNEXT as the UID list tells it; messages without a UID raise it.
    pub uid_next: Option<u32>,
    /// What was found.
    pub findings: Vec<Finding>,
}

/// A user's Maildir.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Report {
    /// By name, INBOX first.
    pub mailboxes: Vec<MailboxReport>,
    /// What was found besides.
    pub findings: Vec<Finding>,
}

impl Report {
    /// The worst severity of all findings, if there is one.
    #[must_use]
    pub fn worst(&self) -> Option<Severity> {
        let all = self
            .mailboxes
            .iter()
            .flat_map(|mailbox| &mailbox.findings)
            .chain(&self.findings);
        all.map(Finding::severity).max()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for mailbox in &self.mailboxes {
            let MailboxReport {
                name,
                messages,
                new,
                octets,
                ..
            } = mailbox;
            write!(f, "{name}: {messages} messages ({new} in new/), {octets} octets")?;
            if let (Some(validity), Some(next)) = (mailbox.uid_validity, mailbox.uid_next) {
                write!(f, ", UIDVALIDITY {validity}, UIDNEXT {next}")?;
            }
            writeln!(f)?;
            write_findings(f, &mailbox.findings)?;
        }
        write_findings(f, &self.findings)
    }
}

fn write_findings(f: &mut fmt::Formatter<'_>, findings: &[Finding]) -> fmt::Result {
    for finding in findings {
        writeln!(f, "  {}: {finding}", finding.severity().as_str())?;
    }
    Ok(())
}
