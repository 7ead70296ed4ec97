//! Where mail comes from.

use imap_backend::MailboxName;

use crate::message::{Item, Message};
use crate::progress::{Progress, Unit};
use crate::target::{Delivered, Target};
use crate::{Failure, Folder};

/// A place with mailboxes.
pub trait Source {
    /// What stands between the parts of a mailbox's name.
    fn delimiter(&self) -> char;

    /// What its amounts count.
    fn unit(&self) -> Unit;

    /// Its mailboxes.
    ///
    /// # Errors
    /// It cannot be read.
    async fn folders(&mut self) -> Result<Vec<Folder>, Failure>;

    /// Gives all messages of a mailbox, in their order.
    ///
    /// # Errors
    /// Those of `into`, or nothing more can be read.
    async fn read<T: Target>(&mut self, folder: &Folder, into: &mut Intake<'_, T>) -> Result<(), Failure>;
}

/// Takes the messages of one mailbox.
#[derive(Debug)]
pub struct Intake<'t, T> {
    target: &'t mut T,
    progress: &'t mut Progress,
    /// What people call the mailbox.
    shown: String,
}

impl<'t, T: Target> Intake<'t, T> {
    /// Opens the mailbox of the target.
    ///
    /// # Errors
    /// It cannot be opened.
    pub(crate) async fn open(
        target: &'t mut T,
        mailbox: &MailboxName,
        folder: &Folder,
        progress: &'t mut Progress,
    ) -> Result<Self, Failure> {
        target.open(mailbox).await?;
        Ok(Self {
            target,
            progress,
            shown: folder.name.to_string(),
        })
    }

    /// People know the mailbox by this.
    pub(crate) fn shown_as(&mut self, shown: String) {
        self.shown = shown;
    }

    /// Whether the target has this message; if so, no more is to be done about it.
    pub fn has(&mut self, item: &Item) -> bool {
        let has = self.target.has(item);
        if has {
            self.progress.count(&Delivered::TakenBefore, item.amount);
        }
        has
    }

    /// Stores a message that the target has not.
    ///
    /// # Errors
    /// Nothing more can be read, or stored.
    pub async fn take(&mut self, item: &Item, message: &mut impl Message) -> Result<(), Failure> {
        let delivered = self.target.deliver(item, message).await;
        match delivered.map_err(|error| format!("{}: {}: {error}", self.shown, item.shown))? {
            Delivered::Refused(why) => self.leave_out(item, &why),
            delivered => self.progress.count(&delivered, item.amount),
        }
        Ok(())
    }

    /// Says that a message is left out, and why.
    pub fn leave_out(&mut self, item: &Item, why: &str) {
        let line = format!("{}: {} is left out: {why}", self.shown, item.shown);
        self.progress.say(&line);
        self.progress
            .count(&Delivered::Refused(String::new()), item.amount);
    }

    /// Says that a whole mailbox is left out.
    pub(crate) fn leave_out_all(&mut self, why: &str) {
        self.progress
            .say(&format!("{}: the mailbox is left out: {why}", self.shown));
        self.progress.count(&Delivered::Refused(String::new()), 0);
    }
}
