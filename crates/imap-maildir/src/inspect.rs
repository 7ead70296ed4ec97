//! A look at a user's Maildir that changes nothing: what `maildird check` prints.

mod report;

use std::collections::HashSet;
use std::io;
use std::os::fd::{AsFd as _, BorrowedFd};
use std::path::Path;

use crate::disk::control_file;
use crate::disk::directory::{Directory, FileAt, OLD_TEMPORARY_SECONDS, Subdirectory};
use crate::disk::keywords_file::KeywordsFile;
use crate::disk::modseq_file;
use crate::disk::storage::{self, CWD, FileKind};
use crate::disk::subscriptions_file;
use crate::disk::tree::is_mailbox;
use crate::disk::uidlist_file::FILE_NAME;
use crate::format::file_name::{ClaimedSizes, is_message_name, split};
use crate::format::flags::Info;
use crate::format::mailbox_names::mailbox_name;
use crate::format::modseqs::is_of;
use crate::format::uidlist::{Parsed, parse};

pub use report::{Finding, MailboxReport, Report, Severity};

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
    let root_handle = storage::open_directory(CWD, &storage::canonical_path(root)?)?;
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
        if !is_mailbox(&path) {
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
                report.mailboxes.push(inspect_mailbox(mailbox.as_str(), &path));
                names.push(imap_backend::mutf7::encode(mailbox.as_str()));
            }
            None => report.findings.push(Finding::NoMailboxName(shown())),
        }
    }
    report
        .findings
        .extend(check_subscriptions(root_handle.as_fd(), &names));
    Ok(report)
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

fn inspect_mailbox(name: &str, path: &Path) -> MailboxReport {
    let mut report = MailboxReport {
        name: name.to_owned(),
        ..MailboxReport::default()
    };
    for sub in ["new", "cur", "tmp"] {
        if storage::status(CWD, path.join(sub)).is_err() {
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
        let directory = match storage::open_directory(CWD, path.join(sub)) {
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

fn read_mailbox(path: &Path, report: &mut MailboxReport) -> io::Result<()> {
    let directory = Directory::open_untouched(path)?;
    let mut files: HashSet<Box<[u8]>> = HashSet::new();
    let mut letters = 0u32;
    let mut unreadable = Vec::new();
    for subdirectory in Subdirectory::BOTH {
        directory.entries(subdirectory, |name, status| {
            if name.starts_with(b".") {
                return;
            }
            let shown = name.escape_ascii().to_string();
            if status.kind != FileKind::Regular {
                return report.findings.push(Finding::NotAMessage(shown));
            }
            if !is_message_name(name) {
                return report.findings.push(Finding::ImpossibleName(shown));
            }
            if !directory.is_readable(FileAt::new(subdirectory, name)) {
                unreadable.push(shown.clone());
            }
            let (base, suffix) = split(name);
            report.messages += 1;
            report.new += usize::from(subdirectory == Subdirectory::New);
            let size = status.size;
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
            if !files.insert(base.into()) {
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
    directory.temporaries(|_, status| old += usize::from(now - status.latest() > OLD_TEMPORARY_SECONDS))?;
    report
        .findings
        .extend((old > 0).then_some(Finding::OldTemporaries(old)));
    name_letters(&directory, letters, report)?;
    read_list(&directory, &files, report)?;
    let mod_sequences = report
        .uid_validity
        .and_then(|of| check_mod_sequences(&directory, of));
    report.findings.extend(mod_sequences);
    Ok(())
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

fn read_list(
    directory: &Directory,
    files: &HashSet<Box<[u8]>>,
    report: &mut MailboxReport,
) -> io::Result<()> {
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
        .filter(|record| files.contains(&*record.base))
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
