//! A look at a user's Maildir that changes nothing: what `maildird check` prints.

use std::collections::HashMap;
use std::fmt;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use rustix::fs::FileType;

use crate::account::is_mailbox;
use crate::disk::directory::{Directory, Place, open_control};
use crate::disk::keywords::Keywords;
use crate::disk::subscriptions;
use crate::format::filename::{ClaimedSizes, is_message_name, split};
use crate::format::flags::Info;
use crate::format::mailbox_names::mailbox_name;
use crate::format::uidlist::{Fault, Parsed, parse};

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Normal, worth knowing.
    Note,
    /// Mail is hidden, or clients may lose their synchronisation.
    Problem,
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
    /// A symbolic link where a mailbox could be: not followed.
    Link(String),
    /// Message files that this user may not read: one of them, and how many.
    UnreadableMessages(String, usize),
    /// A symbolic link, directory or device where messages are: never shown.
    NotAMessage(String),
    /// Two files with one base name: two messages that other programs take for one.
    Doubled(String),
    /// A file whose name claims another size than it has; the claim is not believed.
    WrongSize(String),
    /// There is no UID list: messages get UIDs when the mailbox is opened.
    NoUidList,
    /// The UID list has a fault; it is written anew when the mailbox changes.
    UidList(Fault),
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
    /// Files in `tmp/` that crashed deliveries left more than 36 hours ago.
    OldTemporaries(usize),
    /// Somebody holds the UID list's lock, or died holding it.
    Locked,
    /// Subscriptions to mailboxes that do not exist.
    SubscribedAndGone(usize),
}

impl Finding {
    /// How bad it is.
    #[must_use]
    pub fn severity(&self) -> Severity {
        match self {
            Self::Unreadable(_)
            | Self::NoMailboxName(_)
            | Self::NoMailbox(_)
            | Self::Link(_)
            | Self::UnreadableMessages(..)
            | Self::NotAMessage(_)
            | Self::Doubled(_)
            | Self::UidList(_)
            | Self::UidsUsedUp => Severity::Problem,
            Self::MissingSubdirectory(_)
            | Self::WrongSize(_)
            | Self::NoUidList
            | Self::WithoutUid(_)
            | Self::GoneRecords(_)
            | Self::UnnamedLetters(_)
            | Self::KeywordLines(_)
            | Self::OldTemporaries(_)
            | Self::Locked
            | Self::SubscribedAndGone(_) => Severity::Note,
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
            Self::Link(name) => write!(f, "{name} is a symbolic link, which is not followed: what it leads to is not shown"),
            Self::UnreadableMessages(name, count) => write!(f, "message files that may not be read: {count}, such as {name}"),
            Self::NotAMessage(name) => write!(f, "{name} is no regular file and is not shown"),
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
            Self::OldTemporaries(count) => write!(f, "files left in tmp/ by crashed deliveries: {count}"),
            Self::Locked => f.write_str("the UID list is locked"),
            Self::SubscribedAndGone(count) => {
                write!(f, "subscriptions to mailboxes that do not exist: {count}")
            }
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
        let mark = if finding.severity() == Severity::Problem {
            "problem"
        } else {
            "note"
        };
        writeln!(f, "  {mark}: {finding}")?;
    }
    Ok(())
}

/// Reads a user's Maildir and reports. Changes nothing, takes no lock, reads no message; a mailbox in use may look odd for a moment.
///
/// Time and memory: one `stat` for each message file, and their names.
///
/// # Errors
/// The directory itself cannot be read. What is wrong below it is in the report.
pub fn inspect(root: &Path) -> io::Result<Report> {
    let mut report = Report::default();
    let mut names = vec!["INBOX".to_owned()];
    report.mailboxes.push(inspect_mailbox("INBOX", root));
    let mut entries = fs::read_dir(root)?.collect::<io::Result<Vec<_>>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let name = entry.file_name();
        if !name.as_bytes().starts_with(b".") {
            continue;
        }
        let shown = || name.to_string_lossy().into_owned();
        let path = entry.path();
        if !is_mailbox(&path) {
            let link = entry.file_type()?.is_symlink();
            if link && path.join("cur").is_dir() {
                report.findings.push(Finding::Link(shown()));
            } else if !link && may_hold_mail(&path) {
                report.findings.push(Finding::NoMailbox(shown()));
            }
            continue;
        }
        match mailbox_name(name.as_bytes()) {
            Some(mailbox) => {
                report.mailboxes.push(inspect_mailbox(mailbox.as_str(), &path));
                names.push(imap_backend::mutf7::encode(mailbox.as_str()));
            }
            None => report.findings.push(Finding::NoMailboxName(shown())),
        }
    }
    let root = fs::File::open(root)?;
    match subscriptions::read(std::os::fd::AsFd::as_fd(&root)) {
        Ok(subscribed) => {
            let gone = subscribed.iter().filter(|name| !names.contains(name)).count();
            report
                .findings
                .extend((gone > 0).then_some(Finding::SubscribedAndGone(gone)));
        }
        Err(error) => report
            .findings
            .push(Finding::Unreadable(format!("subscriptions: {error}"))),
    }
    Ok(report)
}

/// Whether what is no mailbox looks like one all the same.
fn may_hold_mail(path: &Path) -> bool {
    ["new", "tmp"].iter().any(|sub| path.join(sub).is_dir())
}

fn inspect_mailbox(name: &str, path: &Path) -> MailboxReport {
    let mut report = MailboxReport {
        name: name.to_owned(),
        ..MailboxReport::default()
    };
    for sub in ["new", "cur", "tmp"] {
        if fs::symlink_metadata(path.join(sub)).is_err() {
            report.findings.push(Finding::MissingSubdirectory(sub));
        }
    }
    let read = if report.findings.is_empty() {
        read_mailbox(path, &mut report)
    } else {
        count_messages(path, &mut report)
    };
    if let Err(error) = read {
        report.findings.push(Finding::Unreadable(error.to_string()));
    }
    report
}

/// What can be said of a mailbox that lacks a part.
fn count_messages(path: &Path, report: &mut MailboxReport) -> io::Result<()> {
    for sub in ["new", "cur"] {
        let entries = match fs::read_dir(path.join(sub)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            entries => entries?,
        };
        for entry in entries {
            let entry = entry?;
            if entry.file_type()?.is_file() && is_message_name(entry.file_name().as_bytes()) {
                report.messages += 1;
                report.new += usize::from(sub == "new");
                report.octets += entry.metadata()?.len();
            }
        }
    }
    Ok(())
}

fn read_mailbox(path: &Path, report: &mut MailboxReport) -> io::Result<()> {
    let directory = Directory::open_untouched(path)?;
    let mut files: HashMap<Box<[u8]>, Place> = HashMap::new();
    let mut letters = 0u32;
    let mut unreadable = Vec::new();
    for place in [Place::New, Place::Cur] {
        directory.entries(Some(place), |name, stat| {
            if name.starts_with(b".") {
                return;
            }
            let shown = name.escape_ascii().to_string();
            if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile || !is_message_name(name) {
                return report.findings.push(Finding::NotAMessage(shown));
            }
            if !directory.is_readable(place, name) {
                unreadable.push(shown.clone());
            }
            let (base, suffix) = split(name);
            report.messages += 1;
            report.new += usize::from(place == Place::New);
            let size = u64::try_from(stat.st_size).unwrap_or(0);
            report.octets += size;
            Info::parse(suffix)
                .keywords()
                .for_each(|index| letters |= 1 << index);
            if ClaimedSizes::of(base)
                .physical
                .is_some_and(|claimed| claimed != size)
            {
                report.findings.push(Finding::WrongSize(shown));
            }
            if files.insert(base.into(), place).is_some() {
                report
                    .findings
                    .push(Finding::Doubled(base.escape_ascii().to_string()));
            }
        })?;
    }
    if let Some(first) = unreadable.first().cloned() {
        report
            .findings
            .push(Finding::UnreadableMessages(first, unreadable.len()));
    }
    let mut old = 0;
    let now = crate::disk::clock::seconds();
    directory.entries(None, |_, stat| {
        old += usize::from(now - stat.st_mtime.max(stat.st_ctime) > 36 * 3600)
    })?;
    report
        .findings
        .extend((old > 0).then_some(Finding::OldTemporaries(old)));
    name_letters(&directory, letters, report)?;
    read_list(&directory, &files, report)
}

fn name_letters(directory: &Directory, letters: u32, report: &mut MailboxReport) -> io::Result<()> {
    let mut keywords = Keywords::default();
    keywords.refresh(directory)?;
    let rubbish = keywords.rubbish();
    report
        .findings
        .extend((rubbish > 0).then_some(Finding::KeywordLines(rubbish)));
    let used = (0u8..26).filter(|index| letters & (1 << index) != 0);
    let unnamed: String = used
        .filter(|&index| keywords.name(index).is_none())
        .map(|index| char::from(b'a' + index))
        .collect();
    report
        .findings
        .extend((!unnamed.is_empty()).then_some(Finding::UnnamedLetters(unnamed)));
    Ok(())
}

fn read_list(
    directory: &Directory,
    files: &HashMap<Box<[u8]>, Place>,
    report: &mut MailboxReport,
) -> io::Result<()> {
    let flags = rustix::fs::OFlags::RDONLY;
    let lock = format!("{}.lock", crate::disk::uidlist_file::FILE_NAME);
    if open_control(directory.root(), &lock, flags)?.is_some() {
        report.findings.push(Finding::Locked);
    }
    let Some(mut file) = open_control(directory.root(), crate::disk::uidlist_file::FILE_NAME, flags)? else {
        report.findings.push(Finding::NoUidList);
        return Ok(());
    };
    let mut octets = Vec::new();
    io::Read::read_to_end(&mut file, &mut octets)?;
    let Parsed {
        header,
        records,
        faults,
        highest,
        ..
    } = parse(&octets);
    report.findings.extend(faults.into_iter().map(Finding::UidList));
    if let Some(header) = header {
        report.uid_validity = Some(header.uid_validity);
        let next = header.next_uid.max(highest.saturating_add(1));
        report.uid_next = Some(next);
        report
            .findings
            .extend((next == u32::MAX).then_some(Finding::UidsUsedUp));
    }
    let known = records
        .iter()
        .filter(|record| files.contains_key(&*record.base))
        .count();
    let (gone, without) = (records.len() - known, files.len() - known);
    report
        .findings
        .extend((gone > 0).then_some(Finding::GoneRecords(gone)));
    report
        .findings
        .extend((without > 0).then_some(Finding::WithoutUid(without)));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(root: &Path, file: &str, text: &str) {
        let path = root.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn sorted_tree(root: &Path) -> Vec<String> {
        let mut all = Vec::new();
        for entry in fs::read_dir(root).unwrap() {
            let entry = entry.unwrap();
            all.push(format!(
                "{:?} {:?}",
                entry.path(),
                entry.metadata().unwrap().modified().unwrap()
            ));
            if entry.file_type().unwrap().is_dir() {
                all.extend(sorted_tree(&entry.path()));
            }
        }
        all.sort();
        all
    }

    #[test]
    fn a_sound_maildir_has_no_finding() {
        let home = tempfile::tempdir().unwrap();
        for sub in ["new", "tmp"] {
            fs::create_dir(home.path().join(sub)).unwrap();
        }
        write(home.path(), "cur/1.a:2,S", "text");
        write(
            home.path(),
            "dovecot-uidlist",
            "3 V7 N9 G0123456789abcdef0123456789abcdef\n3 :1.a\n",
        );
        let report = inspect(home.path()).unwrap();
        assert_eq!(report.worst(), None, "{report}");
        assert_eq!(
            report.to_string(),
            "INBOX: 1 messages (0 in new/), 4 octets, UIDVALIDITY 7, UIDNEXT 9\n"
        );
    }

    #[test]
    fn everything_odd_is_reported_and_nothing_is_changed() {
        let home = tempfile::tempdir().unwrap();
        for sub in ["tmp", ".a", ".a/new", ".a/tmp", ".&AGE-/cur"] {
            fs::create_dir_all(home.path().join(sub)).unwrap();
        }
        write(home.path(), "cur/1.a:2,Sb", "text");
        write(home.path(), "new/1.a", "text");
        write(home.path(), "new/2.b,S=9", "text");
        fs::create_dir(home.path().join("cur/directory")).unwrap();
        write(
            home.path(),
            "dovecot-uidlist",
            "3 V7 N9 G0123456789abcdef0123456789abcdef\n3 :gone\n4 :to",
        );
        write(home.path(), "dovecot-uidlist.lock", "");
        write(home.path(), "subscriptions", "a\nabsent\n");
        write(home.path(), ".a/cur/.keep", "");
        fs::remove_dir(home.path().join(".a/new")).unwrap();
        let before = sorted_tree(home.path());
        let report = inspect(home.path()).unwrap();
        assert_eq!(sorted_tree(home.path()), before);
        assert_eq!(report.worst(), Some(Severity::Problem));
        let mut inbox = report.mailboxes[0].findings.clone();
        inbox.sort_by_key(ToString::to_string);
        let expected = [
            Finding::UidList(Fault::Torn),
            Finding::WrongSize("2.b,S=9".into()),
            Finding::NotAMessage("directory".into()),
            Finding::UnnamedLetters("b".into()),
            Finding::WithoutUid(2),
            Finding::GoneRecords(1),
            Finding::Locked,
            Finding::Doubled("1.a".into()),
        ];
        let mut expected = Vec::from(expected);
        expected.sort_by_key(ToString::to_string);
        assert_eq!(inbox, expected);
        assert_eq!(report.mailboxes[0].messages, 3);
        assert_eq!(report.mailboxes[1].name, "a");
        assert_eq!(
            report.mailboxes[1].findings,
            [Finding::MissingSubdirectory("new")]
        );
        assert_eq!(
            report.findings,
            [
                Finding::NoMailboxName(".&AGE-".into()),
                Finding::SubscribedAndGone(1)
            ]
        );
    }

    #[test]
    fn mail_that_is_hidden_and_uids_that_are_used_up_are_problems() {
        let home = tempfile::tempdir().unwrap();
        for sub in ["tmp", ".half/new", ".cache", "elsewhere/cur"] {
            fs::create_dir_all(home.path().join(sub)).unwrap();
        }
        write(home.path(), "cur/1.a", "text");
        write(home.path(), "new/2.b", "text");
        std::os::unix::fs::symlink(home.path().join("elsewhere"), home.path().join(".link")).unwrap();
        write(
            home.path(),
            "dovecot-uidlist",
            "3 V7 N9 G0123456789abcdef0123456789abcdef\n4294967294 :1.a\n",
        );
        write(home.path(), "dovecot-keywords", "0 $Junk\nrubbish\n99 $Far\n");
        let report = inspect(home.path()).unwrap();
        assert_eq!(
            report.mailboxes[0].findings,
            [
                Finding::KeywordLines(2),
                Finding::UidsUsedUp,
                Finding::WithoutUid(1)
            ]
        );
        assert_eq!(
            report.findings,
            [Finding::NoMailbox(".half".into()), Finding::Link(".link".into())]
        );
        assert_eq!(report.worst(), Some(Severity::Problem));
    }

    #[test]
    fn a_mailbox_that_lacks_a_part_is_counted_all_the_same() {
        let home = tempfile::tempdir().unwrap();
        write(home.path(), "cur/1.a:2,S", "text");
        write(home.path(), "cur/2.b:2,S", "text");
        let report = inspect(home.path()).unwrap();
        let inbox = &report.mailboxes[0];
        assert_eq!((inbox.messages, inbox.new, inbox.octets), (2, 0, 8));
        assert_eq!(
            inbox.findings,
            [
                Finding::MissingSubdirectory("new"),
                Finding::MissingSubdirectory("tmp")
            ]
        );
    }
}
