//! The Maildir backend passes the conformance kit.

#![allow(
    clippy::unwrap_used,
    reason = "outside of a `#[test]`, clippy does not see that these are tests"
)]

use std::error::Error;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use imap_backend::{ErrorKind, MailboxName};
use imap_backend_test::{Outside, OutsideMessage, RandomRuns, Subject, run_all};
use imap_maildir::{Authenticator, MailRoot, MaildirBackend, PasswordCheck};
use imap_updates::{Flag, Flags};
use tempfile::TempDir;

/// One user, "ann", with the password "secret".
struct Secret;

impl Authenticator for Secret {
    async fn verify(
        &self,
        user: &str,
        password: &str,
    ) -> Result<PasswordCheck, Box<dyn Error + Send + Sync>> {
        Ok(if user == "ann" && password == "secret" {
            PasswordCheck::Accepted
        } else {
            PasswordCheck::Refused
        })
    }
}

/// A Maildir with everything that the kit can ask for: other programs, a second process, a restart, quotas.
fn subject() -> Subject<MaildirBackend<Secret>> {
    let home = Rc::new(tempfile::tempdir().unwrap());
    let open = |home: &TempDir| {
        let backend = MaildirBackend::new(MailRoot::new(home.path().join("%u")), Secret).unwrap();
        // However small a mailbox is, so that the kit tries the index too.
        backend.with_index_from(Some(1))
    };
    let reopened = Rc::clone(&home);
    let maildirsize = home.path().join("ann/maildirsize");
    // As another program sets it.
    let limit =
        move |messages, octets| std::fs::write(&maildirsize, format!("{octets}S,{messages}C\n")).unwrap();
    Subject::new(open(&home), "ann", "secret")
        .with_limits(limit)
        .with_second(open(&home))
        .with_reopen(async move || open(&reopened))
        .with_outside(Program(home))
}

/// A program that works on the files, as a delivery agent and another mail program do.
struct Program(Rc<TempDir>);

impl Program {
    fn folder(&self, mailbox: &MailboxName) -> PathBuf {
        let root = self.0.path().join("ann");
        match mailbox.is_inbox() {
            true => root,
            false => root.join(format!(".{mailbox}")),
        }
    }

    /// The file with this message; none where the backend moves it meanwhile.
    fn find(&self, mailbox: &MailboxName, message: &OutsideMessage) -> Option<PathBuf> {
        let folder = self.folder(mailbox);
        let files = |place: &str| std::fs::read_dir(folder.join(place)).unwrap();
        let mut files = files("new")
            .chain(files("cur"))
            .map(|entry| entry.unwrap().path());
        let line = format!("Subject: {}", message.subject);
        files.find(|file| {
            let text = std::fs::read_to_string(file).unwrap_or_default();
            text.lines().any(|other| other == line)
        })
    }

    /// Changes the file with this message, wherever the backend moves it meanwhile.
    fn change(
        &self,
        mailbox: &MailboxName,
        message: &OutsideMessage,
        change: impl Fn(&Path) -> std::io::Result<()>,
    ) -> Result<(), imap_backend::Error> {
        for _ in 0..1000 {
            match self.find(mailbox, message).map(|file| change(&file)) {
                Some(Err(error)) if error.kind() == std::io::ErrorKind::NotFound => {}
                Some(result) => return done(result),
                None => {}
            }
        }
        panic!("no file has {message:?}");
    }
}

/// Changes a directory so that its time stamp tells. Within one tick of the file system's clock it would stay what it was when the
/// backend listed the directory; then the change is found a little later only, when the backend looks once more.
fn with_new_stamp(directory: &Path, change: impl FnOnce() -> std::io::Result<()>) -> std::io::Result<()> {
    let stamp = || directory.metadata()?.modified();
    let before = stamp()?;
    change()?;
    while stamp()? == before {
        let tick = directory.join(".tick");
        std::fs::write(&tick, "")?;
        std::fs::remove_file(&tick)?;
    }
    Ok(())
}

fn done(result: std::io::Result<()>) -> Result<(), imap_backend::Error> {
    result.map_err(|error| imap_backend::Error::new(ErrorKind::ServerBug).with_source(error))
}

/// The name of a message's file without its flags.
fn base(file: &Path) -> String {
    let name = file.file_name().unwrap().to_str().unwrap();
    name.split(':').next().unwrap().to_owned()
}

impl Outside for Program {
    async fn deliver(&self, mailbox: &MailboxName, octets: &[u8]) -> Result<(), imap_backend::Error> {
        static DELIVERED: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let number = DELIVERED.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let folder = self.folder(mailbox);
        for place in ["tmp", "new", "cur"] {
            std::fs::create_dir_all(folder.join(place)).unwrap();
        }
        let name = format!("1700000000.M{number}P1.elsewhere");
        std::fs::write(folder.join("tmp").join(&name), octets).unwrap();
        done(with_new_stamp(&folder.join("new"), || {
            std::fs::rename(folder.join("tmp").join(&name), folder.join("new").join(&name))
        }))
    }

    async fn remove(
        &self,
        mailbox: &MailboxName,
        message: &OutsideMessage,
    ) -> Result<(), imap_backend::Error> {
        self.change(mailbox, message, |file| {
            with_new_stamp(file.parent().unwrap(), || std::fs::remove_file(file))
        })
    }

    async fn set_flags(
        &self,
        mailbox: &MailboxName,
        message: &OutsideMessage,
        flags: &Flags,
    ) -> Result<(), imap_backend::Error> {
        let letter = |flag: Flag| match flag {
            Flag::Draft => 'D',
            Flag::Flagged => 'F',
            Flag::Answered => 'R',
            Flag::Seen => 'S',
            other => panic!("{other}"),
        };
        let mut letters: Vec<_> = flags.iter().map(letter).collect();
        letters.sort_unstable();
        let letters: String = letters.into_iter().collect();
        let cur = self.folder(mailbox).join("cur");
        self.change(mailbox, message, |file| {
            let to = cur.join(format!("{}:2,{letters}", base(file)));
            // Where it was in `new/`, that directory has to tell too: the file is missed there.
            with_new_stamp(file.parent().unwrap(), || {
                with_new_stamp(&cur, || std::fs::rename(file, &to))
            })
        })
    }

    async fn delete(&self, mailbox: &MailboxName) -> Result<(), imap_backend::Error> {
        let folder = self.folder(mailbox);
        // A server that has it open may write there meanwhile: who removes it removes that too.
        let mut attempts = (0..100).map(|_| std::fs::remove_dir_all(&folder));
        let is_over = |removed: &std::io::Result<()>| !matches!(removed, Err(error) if error.kind() == std::io::ErrorKind::DirectoryNotEmpty);
        done(attempts.find(is_over).expect("a server fills it again and again"))
    }

    async fn rename(&self, from: &MailboxName, to: &MailboxName) -> Result<(), imap_backend::Error> {
        done(std::fs::rename(self.folder(from), self.folder(to)))
    }

    /// Both processes watch the directories, and one may be about to give the message its UID.
    async fn settle(&self) {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_maildir_backend_passes_every_case_but_those_of_what_a_maildir_has_not() {
    let report = run_all(async || subject()).await;
    report.assert_passed();
    let has_not = ["transaction that is rolled back"];
    assert!(
        report
            .skipped()
            .all(|(_, what)| has_not.iter().any(|missing| what.starts_with(missing))),
        "{report}"
    );
}

/// `KIT_RUNS=10000` for a long run.
#[tokio::test(flavor = "multi_thread")]
async fn random_runs_of_sessions_processes_and_other_programs_agree() {
    let many = std::env::var("KIT_RUNS").ok().map(|runs| runs.parse().unwrap());
    let mut runs = RandomRuns::new(1).runs(many.unwrap_or(12));
    if many.is_some() {
        runs = runs.for_at_most(std::time::Duration::from_secs(24 * 3600));
    }
    let report = runs.run(async || subject()).await;
    println!("{report}");
    report.assert_passed();
    assert!(
        report
            .missing()
            .all(|what| what == "transaction that is rolled back"),
        "{report}"
    );
}
