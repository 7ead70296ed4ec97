//! The target of an export: a store that exports alone have made.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use imap_backend::{MailboxName, Need, Record, Session};

use crate::Failure;
use crate::message::{Item, Message, Octets};
use crate::stored::Reading;
use crate::target::{self, Delivered, Target};

/// A file in the folder of an export. No other folder is written to: what is in it could be taken for what was exported.
const MARK: &str = "imap-export";

/// A message, as far as an export has to tell it from others of the store that it makes: date and octets.
type Seen = (i64, u64);

/// A store in which nothing is but what exports from one place have put there: messages that look alike are counted.
#[derive(Debug)]
pub struct Counted<S> {
    session: S,
    user: String,
    mailbox: MailboxName,
    /// How many of each the exports before this one have stored. They are the first: messages go in their order.
    done: HashMap<Seen, u64>,
}

impl<S: Session> Counted<S> {
    /// The store that this session of `user` sees.
    #[must_use]
    pub fn new(session: S, user: &str) -> Self {
        Self {
            session,
            user: user.to_owned(),
            mailbox: MailboxName::inbox(),
            done: HashMap::new(),
        }
    }
}

impl<S: Session> Target for Counted<S> {
    type Session = S;

    fn session(&mut self) -> &mut S {
        &mut self.session
    }

    fn user(&self) -> &str {
        &self.user
    }

    async fn open(&mut self, mailbox: &MailboxName) -> Result<(), Failure> {
        self.mailbox = mailbox.clone();
        self.done.clear();
        let mut written = Reading::open(&mut self.session, mailbox).await?;
        let count = async |record: Record| {
            let date = record.internal_date().map_or(0, |date| date.timestamp());
            *self.done.entry((date, record.size().unwrap_or(0))).or_default() += 1;
            Ok(())
        };
        let need = Need::INTERNAL_DATE.and(Need::SIZE);
        written.each(written.uids.clone(), need, count).await
    }

    fn has(&mut self, item: &Item) -> bool {
        let date = item.date.map_or(0, |date| date.timestamp());
        let left = self.done.get_mut(&(date, item.size.unwrap_or(0)));
        let Some(left) = left.filter(|left| **left > 0) else {
            return false;
        };
        *left -= 1;
        true
    }

    async fn deliver(&mut self, _: &Item, message: &mut impl Message) -> Result<Delivered, Failure> {
        let append = message.append();
        let mut octets = Octets::of(message);
        let stored = target::append(&mut self.session, &self.mailbox, &append, &mut octets).await;
        if let Some(why) = octets.failed() {
            return why.refusal();
        }
        Ok(stored?.map_or_else(Delivered::Refused, |_| Delivered::Stored))
    }

    async fn close(&mut self) -> Result<(), Failure> {
        Ok(())
    }
}

/// Makes the folder of an export, unless an export has. It is this export's alone as long as the file that it gives is open.
///
/// # Errors
/// Another export works there, or what is there is no export's.
pub fn mark(path: &Path) -> Result<File, Failure> {
    let failed = |error: io::Error| format!("cannot export to {}: {error}", path.display());
    let mark = path.join(MARK);
    if !mark.exists() {
        if path.exists() && fs::read_dir(path).map_err(failed)?.next().is_some() {
            return Err(format!("{} is not empty, and no export has made it", path.display()).into());
        }
        let mut folder = fs::DirBuilder::new();
        folder.mode(0o700).recursive(true).create(path).map_err(failed)?;
    }
    let mut options = OpenOptions::new();
    let made = options
        .write(true)
        .create(true)
        .truncate(false)
        .open(mark)
        .map_err(failed)?;
    lock(&made, "another export is writing to it").map_err(failed)?;
    Ok(made)
}

/// Keeps other processes out as long as the file is open.
pub(crate) fn lock(file: &File, otherwise: &'static str) -> io::Result<()> {
    file.try_lock().map_err(|error| match error {
        TryLockError::WouldBlock => io::Error::other(otherwise),
        TryLockError::Error(error) => error,
    })
}
