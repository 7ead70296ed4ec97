//! The demo's mail store: a users file and a Maildir in the demo's folder.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use imap_backend::mutf7;
use imap_daemon::Failure;
use imap_daemon::passwords::Phc;
use imap_daemon::users::{self, IfMissing};
use imap_demo::{
    DemoMailbox, DemoMessage, Folder, FolderError, History, KEYWORDS, Owner, USER, Welcome, corpus, private,
};
use imap_maildir::MailRoot;

const OWNER: Owner = Owner {
    program: "maildird",
    readme: README,
};

const WELCOME: Welcome = Welcome {
    program: "maildird",
    place: "Everything in it is an ordinary file: this message lies in\n\
        the folder new of the Maildir, and when you read it, it moves to cur with an S at the end of its name.",
};

const README: &str = "The mail store of maildird-demo, kept between runs.\n\
    Stop the demo and delete this folder to begin anew.\n\n\
    demo/Maildir   the mail of the user demo; INBOX is cur, new and tmp, every other mailbox a folder with a dot\n\
    users          who can log in: demo, with the password demo\n\
    tls            a certificate that this machine made for itself\n";

/// A demo's folder, ready to serve.
#[derive(Debug)]
pub(crate) struct Store {
    folder: Folder,
    history: History,
}

/// Why there is no demo.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DemoError {
    /// The folder cannot be used.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The mail cannot be made.
    #[error("cannot make the demo's mail in {}: {source}", folder.display())]
    Mail {
        /// The demo's folder.
        folder: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// No users file.
    #[error("cannot make the demo's user: {0}")]
    User(Failure),
}

impl Store {
    /// Opens the folder, and makes whatever is missing from it.
    ///
    /// # Errors
    /// See [`DemoError`]. What was made so far stays, and the next try goes on from there.
    pub(crate) fn open(folder: &Path) -> Result<Self, DemoError> {
        let mut store = Self {
            folder: Folder::open(folder, OWNER)?,
            history: History::Kept,
        };
        if !store.home().exists() {
            store.history = store.make_mail().map_err(|source| DemoError::Mail {
                folder: store.folder.path().to_owned(),
                source,
            })?;
        }
        if !store.users().exists() {
            make_user(&store.users()).map_err(DemoError::User)?;
        }
        Ok(store)
    }

    /// Whether the mail was there before.
    pub(crate) fn history(&self) -> History {
        self.history
    }

    /// The folder.
    pub(crate) fn folder(&self) -> &Folder {
        &self.folder
    }

    /// The Maildir of the one user.
    pub(crate) fn maildir(&self) -> PathBuf {
        self.home().join("Maildir")
    }

    /// The users file.
    pub(crate) fn users(&self) -> PathBuf {
        self.folder.path().join("users")
    }

    /// Where each user's Maildir is.
    pub(crate) fn mail_root(&self) -> MailRoot {
        MailRoot::new(self.folder.path().join("%u/Maildir"))
    }

    fn home(&self) -> PathBuf {
        self.folder.path().join(USER)
    }

    /// Writes the corpus beside its place and renames it: half a demo is never taken for a whole one.
    fn make_mail(&self) -> io::Result<History> {
        let staging = self.folder.path().join(".making");
        if staging.exists() {
            fs::remove_dir_all(&staging)?;
        }
        let root = staging.join("Maildir");
        private::directory(&root)?;
        let corpus = corpus(WELCOME);
        for mailbox in &corpus {
            write_mailbox(&root, mailbox)?;
        }
        let keywords = KEYWORDS
            .iter()
            .enumerate()
            .map(|(letter, keyword)| format!("{letter} {keyword}\n"));
        private::file(
            &root.join("dovecot-keywords"),
            keywords.collect::<String>().as_bytes(),
        )?;
        // Dovecot's form: parts separated by tabs, in modified UTF-7.
        let names = corpus
            .iter()
            .map(|mailbox| mutf7::encode(mailbox.name).replace('.', "\t") + "\n");
        private::file(
            &root.join("subscriptions"),
            format!("V\t2\n\n{}", names.collect::<String>()).as_bytes(),
        )?;
        fs::rename(&staging, self.home())?;
        let messages = corpus.iter().map(|mailbox| mailbox.messages.len()).sum();
        Ok(History::New {
            messages,
            mailboxes: corpus.len(),
        })
    }
}

/// A users file with the one user.
fn make_user(path: &Path) -> Result<(), Failure> {
    let (name, phc) = (USER.parse()?, Phc::of(&USER.parse()?)?);
    Ok(users::change(path, IfMissing::Create, |users| {
        users.add(name, phc)
    })?)
}

fn write_mailbox(root: &Path, mailbox: &DemoMailbox) -> io::Result<()> {
    let folder = match mailbox.name {
        "INBOX" => root.to_owned(),
        name => root.join(format!(".{}", mutf7::encode(name))),
    };
    for part in ["cur", "new", "tmp"] {
        private::directory(&folder.join(part))?;
    }
    if folder != root {
        private::file(&folder.join("maildirfolder"), b"")?;
    }
    for (index, message) in mailbox.messages.iter().enumerate() {
        write_message(&folder, index, message)?;
    }
    Ok(())
}

fn write_message(folder: &Path, index: usize, message: &DemoMessage) -> io::Result<()> {
    // Microseconds in the order of the corpus: a store that numbers new files by name keeps that order.
    let base = format!("{}.M{index:06}P1Q{index}.demo", message.arrived);
    let path = match message.flags {
        Some(flags) => folder.join("cur").join(format!("{base}:2,{flags}")),
        None => folder.join("new").join(base),
    };
    let file = private::file(&path, &message.octets)?;
    let arrived = Duration::from_secs(u64::try_from(message.arrived).unwrap_or(0));
    file.set_modified(SystemTime::UNIX_EPOCH + arrived)
}

#[cfg(test)]
mod tests {
    use super::*;
    use imap_daemon::users::Users;
    use std::os::unix::fs::PermissionsExt;

    fn files(folder: &Path) -> Vec<PathBuf> {
        let mut found = Vec::new();
        for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if entry.is_dir() {
                found.extend(files(&entry))
            } else {
                found.push(entry)
            }
        }
        found
    }

    #[test]
    fn the_folder_is_made_once_private_and_kept_as_the_user_left_it() {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("demo-mail");
        let store = Store::open(&folder).unwrap();
        assert_eq!(
            store.history(),
            History::New {
                messages: 200,
                mailboxes: 10
            }
        );
        let mail = files(&store.maildir());
        let messages = |mail: &[PathBuf]| {
            let is_mail = |path: &&PathBuf| {
                matches!(
                    path.parent().unwrap().file_name().unwrap().to_str(),
                    Some("cur" | "new")
                )
            };
            mail.iter().filter(is_mail).count()
        };
        assert_eq!(messages(&mail), 200);
        assert!(
            mail.iter()
                .all(|path| fs::metadata(path).unwrap().permissions().mode() & 0o77 == 0)
        );
        assert!(store.maildir().join(".Gr&APwA3w-e/maildirfolder").exists());
        assert!(store.maildir().join(".&ZeVnLIqe-/cur").exists());
        let subscriptions = fs::read_to_string(store.maildir().join("subscriptions")).unwrap();
        assert!(
            subscriptions.starts_with("V\t2\n\nINBOX\nArchive\nArchive\t2024\n"),
            "{subscriptions}"
        );
        assert_eq!(Users::read(&store.users()).unwrap().names().count(), 1);
        let gone = mail
            .iter()
            .find(|path| path.starts_with(store.maildir().join("cur")))
            .unwrap();
        fs::remove_file(gone).unwrap();
        drop(store);
        let store = Store::open(&folder).unwrap();
        assert_eq!(store.history(), History::Kept);
        assert_eq!(messages(&files(&store.maildir())), 199);
    }

    #[test]
    fn a_demo_that_was_cut_short_is_made_from_the_beginning() {
        let folder = tempfile::tempdir().unwrap();
        drop(Store::open(folder.path()).unwrap());
        fs::rename(folder.path().join("demo"), folder.path().join(".making")).unwrap();
        fs::remove_dir_all(folder.path().join(".making/Maildir/new")).unwrap();
        let store = Store::open(folder.path()).unwrap();
        assert_eq!(
            store.history(),
            History::New {
                messages: 200,
                mailboxes: 10
            }
        );
        assert!(store.maildir().join("new").exists());
    }
}
