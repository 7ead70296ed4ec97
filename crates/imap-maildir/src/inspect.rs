//! A look at a user's Maildir that changes nothing: what `maildird check` prints.

mod access;
mod report;

use std::collections::HashMap;
use std::io;
use std::os::fd::{AsFd as _, BorrowedFd};
use std::path::Path;

use crate::disk::control_file;
use crate::disk::directory::{Directory, FileAt, OLD_TEMPORARY_SECONDS, Subdirectory};
use crate::disk::keywords_file::KeywordsFile;
use crate::disk::maildirsize_file;
use crate::disk::modseq_file;
use crate::disk::storage::{self, CWD, FileKind, FileStatus};
use crate::disk::subscriptions_file;
use crate::disk::tree::is_mailbox;
use crate::disk::uidlist_file::FILE_NAME;
use crate::format::file_name::{ClaimedSizes, is_message_name, split};
use crate::format::flags::Info;
use crate::format::mailbox_names::mailbox_name;
use crate::format::maildirsize::{Amount, TRASH};
use crate::format::modseqs::is_of;
use crate::format::uidlist::{Parsed, parse};

pub use report::{Finding, MailboxReport, Report, Severity};

use self::access::Strangers;

/// Reads a user's Maildir and reports. Changes nothing, takes no lock, reads no message; a mailbox in use may look odd for a moment.
///
/// Time and memory: one `stat` for each message file, and their names.
///
/// # Errors
/// The directory itself cannot be read. What is wrong below it is in the report.
pub fn inspect(root: &Path) -> io::Result<Report> {
    let mut report = Report::default();
    let mut names = vec!["INBOX".to_owned()];
    let real_root = storage::canonical_path(root)?;
    let root_handle = storage::open_directory(CWD, &real_root)?;
    let status = storage::status_of(&root_handle)?;
    report
        .mailboxes
        .push(inspect_mailbox("INBOX", root, status.owner));
    let mut counted = Counted::default();
    counted.add(root);
    let mut entries = Vec::new();
    storage::list(&root_handle, |name, _| {
        let hidden = name.to_bytes().starts_with(b".");
        entries.extend(hidden.then(|| name.to_bytes().to_vec()));
        Ok(())
    })?;
    entries.sort();
    for entry in entries {
        let shown = || String::from_utf8_lossy(&entry).into_owned();
        let path = root.join(<std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(
            &entry,
        ));
        if !is_mailbox(&path).unwrap_or(false) {
            let is_link = storage::status(&root_handle, &*entry)?.kind == FileKind::Link;
            if is_link && is_directory(&path.join("cur")) {
                report.findings.push(Finding::Link(shown()));
            } else if !is_link && may_hold_mail(&path) {
                report.findings.push(Finding::NoMailbox(shown()));
            }
            continue;
        }
        match mailbox_name(&entry) {
            Some(mailbox) if names.contains(&imap_backend::mutf7::encode(mailbox.as_str())) => {
                report.findings.push(Finding::SecondSpelling(shown()));
            }
            Some(mailbox) => {
                report
                    .mailboxes
                    .push(inspect_mailbox(mailbox.as_str(), &path, status.owner));
                if entry != TRASH.as_bytes() {
                    counted.add(&path);
                }
                names.push(imap_backend::mutf7::encode(mailbox.as_str()));
            }
            None => report.findings.push(Finding::NoMailboxName(shown())),
        }
    }
    report
        .findings
        .extend(check_subscriptions(root_handle.as_fd(), &names));
    report.findings.extend(access::open_to_all(&real_root));
    report.findings.extend(check_usage(root_handle.as_fd(), &counted));
    Ok(report)
}

/// What counts for the quota, unless a mailbox could not be counted.
#[derive(Debug, Default)]
struct Counted {
    all: Amount,
    is_partial: bool,
}

impl Counted {
    fn add(&mut self, mailbox: &Path) {
        match maildirsize_file::count(CWD, mailbox.as_os_str()) {
            Ok(amount) => self.all = self.all.and(amount),
            Err(_) => self.is_partial = true,
        }
    }
}

fn check_usage(root: BorrowedFd<'_>, counted: &Counted) -> Option<Finding> {
    let found = match maildirsize_file::read(root) {
        Ok(found) => found?,
        Err(error) => return Some(Finding::Unreadable(format!("maildirsize: {error}"))),
    };
    let Some(sum) = found.says.sum else {
        return Some(Finding::UsageUnreadable);
    };
    let figures = |amount: Amount| (amount.octets, amount.messages);
    let (says, is) = (figures(sum.used), figures(counted.all));
    (says != is && !counted.is_partial).then_some(Finding::WrongUsage { says, is })
}

fn check_subscriptions(root: BorrowedFd<'_>, mailboxes: &[String]) -> Option<Finding> {
    match subscriptions_file::read(root) {
        Ok(subscribed) => {
            let gone = subscribed.names().iter();
            let gone = gone.filter(|name| !mailboxes.contains(name)).count();
            (gone > 0).then_some(Finding::SubscribedAndGone(gone))
        }
        Err(error) => Some(Finding::Unreadable(format!("subscriptions: {error}"))),
    }
}

fn is_directory(path: &Path) -> bool {
    storage::status(CWD, path).is_ok_and(|status| status.kind == FileKind::Directory)
}

/// Whether what is no mailbox looks like one all the same.
fn may_hold_mail(path: &Path) -> bool {
    ["new", "tmp"].iter().any(|sub| is_directory(&path.join(sub)))
}

fn inspect_mailbox(name: &str, path: &Path, owner: u32) -> MailboxReport {
    let mut report = MailboxReport {
        name: name.to_owned(),
        ..MailboxReport::default()
    };
    let mut strangers = Strangers::to(owner);
    for sub in ["new", "cur", "tmp"] {
        if storage::status(CWD, path.join(sub)).is_err() {
            report.findings.push(Finding::MissingSubdirectory(sub));
        }
    }
    let beside = access::check(path, &mut strangers);
    let is_file = |finding: &Finding| !matches!(finding, Finding::NotAFile(_));
    let is_whole = report.findings.is_empty() && beside.iter().all(is_file);
    report.findings.extend(beside);
    let read = if is_whole {
        read_mailbox(path, &mut report, &mut strangers)
    } else {
        count_messages(path, &mut report)
    };
    if let Err(error) = read {
        report.findings.push(Finding::Unreadable(error.to_string()));
    }
    report.findings.extend(strangers.finding());
    report
}

fn check_mod_sequences(directory: &Directory, uid_validity: u32) -> Option<Finding> {
    let usable = match modseq_file::inspect(directory) {
        Ok(None) => true,
        Ok(Some(lines)) => is_of(&lines, uid_validity),
        Err(_) => false,
    };
    (!usable).then_some(Finding::UnusableModSequences)
}

/// What can be said of a mailbox that lacks a part.
fn count_messages(path: &Path, report: &mut MailboxReport) -> io::Result<()> {
    for sub in ["new", "cur"] {
        let directory = match storage::open_directory(CWD, &*path.join(sub)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            opened => opened?,
        };
        storage::list(&directory, |name, _| {
            let status = storage::status(&directory, name)?;
            if status.kind == FileKind::Regular && is_message_name(name.to_bytes()) {
                report.messages += 1;
                report.new += usize::from(sub == "new");
                report.octets += status.size;
            }
            Ok(())
        })?;
    }
    Ok(())
}

fn read_mailbox(path: &Path, report: &mut MailboxReport, strangers: &mut Strangers) -> io::Result<()> {
    let directory = Directory::open_untouched(path)?;
    let mut messages = Messages::default();
    for subdirectory in Subdirectory::BOTH {
        directory.entries(subdirectory, |name, status| {
            if !name.starts_with(b".") {
                strangers.look(&name.escape_ascii().to_string(), status);
                messages.look(&directory, FileAt::new(subdirectory, name), status, report);
            }
        })?;
    }
    if let Some(first) = messages.unreadable.first().cloned() {
        report
            .findings
            .push(Finding::UnreadableMessages(first, messages.unreadable.len()));
    }
    let mut old = 0;
    let now = crate::disk::clock::seconds();
    directory.temporaries(|_, status| old += usize::from(now - status.latest() > OLD_TEMPORARY_SECONDS))?;
    report
        .findings
        .extend((old > 0).then_some(Finding::OldTemporaries(old)));
    name_letters(&directory, messages.letters, report)?;
    read_list(&directory, &messages.files, report)?;
    let mod_sequences = report
        .uid_validity
        .and_then(|of| check_mod_sequences(&directory, of));
    report.findings.extend(mod_sequences);
    Ok(())
}

/// The base names of messages: where each file lies, and what is behind the base in its name.
type Files = HashMap<Box<[u8]>, (Subdirectory, Box<[u8]>)>;

/// What the names of a mailbox say.
#[derive(Debug, Default)]
struct Messages {
    files: Files,
    /// The letters of keywords, as bits.
    letters: u32,
    unreadable: Vec<String>,
}

impl Messages {
    fn look(
        &mut self,
        directory: &Directory,
        at: FileAt<'_>,
        status: &FileStatus,
        report: &mut MailboxReport,
    ) {
        let shown = at.name.escape_ascii().to_string();
        if status.kind != FileKind::Regular {
            return report.findings.push(Finding::NotAMessage(shown));
        }
        if !is_message_name(at.name) {
            return report.findings.push(Finding::ImpossibleName(shown));
        }
        let (base, suffix) = split(at.name);
        if let Some((subdirectory, suffix)) = self.files.insert(base.into(), (at.subdirectory, suffix.into()))
        {
            let name = [base, &*suffix].concat();
            let other = FileAt::new(subdirectory, &name);
            // A server may have renamed it since it was listed.
            if other == at || !directory.is_readable(other) {
                return;
            }
            report
                .findings
                .push(Finding::Doubled(base.escape_ascii().to_string()));
        }
        if !directory.is_readable(at) {
            self.unreadable.push(shown.clone());
        }
        report.messages += 1;
        report.new += usize::from(at.subdirectory == Subdirectory::New);
        report.octets += status.size;
        let letters = Info::parse(suffix).keywords();
        self.letters |= letters.fold(0, |letters, index| letters | 1 << index);
        let claimed = ClaimedSizes::of(base).physical;
        if claimed.is_some_and(|claimed| claimed != status.size) {
            report.findings.push(Finding::WrongSize(shown));
        }
    }
}

fn name_letters(directory: &Directory, letters: u32, report: &mut MailboxReport) -> io::Result<()> {
    let mut keywords = KeywordsFile::default();
    keywords.refresh(directory)?;
    let unreadable = keywords.names().unreadable_lines();
    report
        .findings
        .extend((unreadable > 0).then_some(Finding::KeywordLines(unreadable)));
    let used = (0u8..26).filter(|index| letters & (1 << index) != 0);
    let unnamed: String = used
        .filter(|&index| keywords.names().name(index).is_none())
        .map(|index| char::from(b'a' + index))
        .collect();
    report
        .findings
        .extend((!unnamed.is_empty()).then_some(Finding::UnnamedLetters(unnamed)));
    Ok(())
}

fn read_list(directory: &Directory, files: &Files, report: &mut MailboxReport) -> io::Result<()> {
    if storage::status(directory.root(), format!("{FILE_NAME}.lock")).is_ok() {
        report.findings.push(Finding::Locked);
    }
    let Some(octets) = control_file::read(directory.root(), FILE_NAME, u64::MAX)? else {
        report.findings.push(Finding::NoUidList);
        return Ok(());
    };
    let Parsed {
        header,
        records,
        faults,
        highest,
        ..
    } = parse(&octets);
    report
        .findings
        .extend(faults.iter().map(|fault| Finding::UidList(fault.to_string())));
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
    use std::fs;

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
        write(home.path(), "cur/line\nbreak", "");
        write(home.path(), "new/:2,S", "");
        write(home.path(), ".INBOX.b/cur/1.a", "");
        write(home.path(), ".inbox.b/cur/1.a", "");
        fs::remove_dir(home.path().join(".a/new")).unwrap();
        let before = sorted_tree(home.path());
        let report = inspect(home.path()).unwrap();
        assert_eq!(sorted_tree(home.path()), before);
        assert_eq!(report.worst(), Some(Severity::Problem));
        let mut inbox = report.mailboxes[0].findings.clone();
        inbox.sort_by_key(ToString::to_string);
        let expected = [
            Finding::UidList("the last line is torn".to_owned()),
            Finding::WrongSize("2.b,S=9".into()),
            Finding::NotAMessage("directory".into()),
            Finding::ImpossibleName("line\\nbreak".into()),
            Finding::ImpossibleName(":2,S".into()),
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
        assert_eq!(report.mailboxes[1].name, "INBOX.b");
        assert_eq!(report.mailboxes[2].name, "a");
        assert_eq!(
            report.mailboxes[2].findings,
            [Finding::MissingSubdirectory("new")]
        );
        assert_eq!(
            report.findings,
            [
                Finding::NoMailboxName(".&AGE-".into()),
                Finding::SecondSpelling(".inbox.b".into()),
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
        write(home.path(), "imap-modseqs", "rubbish\n");
        let report = inspect(home.path()).unwrap();
        assert_eq!(
            report.mailboxes[0].findings,
            [
                Finding::KeywordLines(2),
                Finding::UidsUsedUp,
                Finding::WithoutUid(1),
                Finding::UnusableModSequences
            ]
        );
        assert_eq!(
            report.findings,
            [Finding::NoMailbox(".half".into()), Finding::Link(".link".into())]
        );
        assert_eq!(report.worst(), Some(Severity::Problem));
    }

    #[test]
    fn what_is_no_file_is_named_and_maildirsize_is_compared_with_what_counts() {
        use std::os::unix::fs::symlink;
        let home = tempfile::tempdir().unwrap();
        for sub in ["cur", "new", "tmp", ".a/new", ".a/tmp"] {
            fs::create_dir_all(home.path().join(sub)).unwrap();
        }
        write(home.path(), ".a/cur/1.a,S=7:2,S", "text");
        write(home.path(), "new/2.b", "text");
        write(home.path(), ".Trash/cur/3.c", "text");
        let usage = |lines: &str| {
            write(home.path(), "maildirsize", lines);
            let mut findings = inspect(home.path()).unwrap().findings;
            findings
                .retain(|finding| matches!(finding, Finding::WrongUsage { .. } | Finding::UsageUnreadable));
            findings
        };
        assert_eq!(usage("100S\n4 1\n7 1\n"), []);
        let (says, is) = ((12, 2), (11, 2));
        assert_eq!(usage("100S\n12 2\n"), [Finding::WrongUsage { says, is }]);
        assert_eq!(usage("100S\nrubbish\n"), [Finding::UsageUnreadable]);
        symlink("elsewhere", home.path().join("imap-modseqs")).unwrap();
        let open_to_all = std::os::unix::fs::PermissionsExt::from_mode(0o777);
        fs::set_permissions(home.path(), open_to_all).unwrap();
        fs::create_dir(home.path().join(".a/dovecot-acl")).unwrap();
        let report = inspect(home.path()).unwrap();
        let is_file = |finding: &Finding| matches!(finding, Finding::NotAFile(_));
        for (mailbox, name) in [(0, "imap-modseqs"), (2, "dovecot-acl")] {
            let findings = &report.mailboxes[mailbox].findings;
            assert!(findings.contains(&Finding::NotAFile(name.into())), "{findings:?}");
            assert_eq!(findings.iter().filter(|finding| is_file(finding)).count(), 1);
        }
        assert!(
            report
                .findings
                .contains(&Finding::OpenToAll("the Maildir".into()))
        );
    }

    #[test]
    fn a_name_that_a_server_changes_while_it_is_listed_is_not_two_messages() {
        let home = tempfile::tempdir().unwrap();
        for sub in ["cur", "new", "tmp"] {
            fs::create_dir_all(home.path().join(sub)).unwrap();
        }
        write(home.path(), "new/1.a", "text");
        let directory = Directory::open_untouched(home.path()).unwrap();
        let (mut messages, mut report) = (Messages::default(), MailboxReport::default());
        let mut look = |subdirectory, name: &[u8]| {
            directory
                .entries(subdirectory, |found, status| {
                    if found == name {
                        messages.look(&directory, FileAt::new(subdirectory, name), status, &mut report);
                    }
                })
                .unwrap();
        };
        look(Subdirectory::New, b"1.a");
        fs::rename(home.path().join("new/1.a"), home.path().join("cur/1.a:2,S")).unwrap();
        look(Subdirectory::Cur, b"1.a:2,S");
        assert_eq!((report.messages, report.findings), (1, vec![]));
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
