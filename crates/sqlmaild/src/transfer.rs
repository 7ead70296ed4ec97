//! Mail that comes into an account of the database, or goes out of it.

use std::collections::HashSet;
use std::path::Path;

use imap_backend::{MailboxName, Nobody, Session};
use imap_daemon::Failure;
use imap_maildir::MaildirSession;
use imap_maildir::local::{self, ANYBODY};
use imap_sql::admin::{Admin, AdminError, Delivery, Place};
use imap_sql::{SqlBackend, SqlSession, Store};
use imap_transfer::{
    Counted, Delivered, Item, Message, Octets, Plan, Progress, Source, Stored, Target, mark,
};

/// An account that takes messages in. That it has taken one is written in the transaction that stores it.
pub(crate) struct Account {
    admin: Admin,
    session: SqlSession,
    place: Place,
    taken: HashSet<String>,
}

impl Account {
    /// An account that is there.
    ///
    /// # Errors
    /// [`AdminError::NoAccount`], or what the database says.
    pub(crate) async fn open(store: &Store, name: &str) -> Result<Self, Failure> {
        Ok(Self {
            admin: Admin::new(store),
            session: session(store, name).await?,
            place: Place {
                account: name.to_owned(),
                mailbox: MailboxName::inbox(),
            },
            taken: HashSet::new(),
        })
    }

    /// Takes the mail of a source in. What was taken before is not stored again.
    ///
    /// # Errors
    /// Nothing more can be read or stored: what is stored stays, and another import goes on from there. Or, after all others,
    /// that messages were left out.
    pub(crate) async fn import(mut self, source: &mut impl Source) -> Result<(), Failure> {
        let plan = Plan::of(source, self.session.delimiter()).await?;
        let mut progress = Progress::new("imported");
        plan.carry(source, &mut self, &mut progress).await?;
        progress.outcome()
    }
}

impl Target for Account {
    type Session = SqlSession;

    fn session(&mut self) -> &mut SqlSession {
        &mut self.session
    }

    fn user(&self) -> &str {
        &self.place.account
    }

    async fn open(&mut self, mailbox: &MailboxName) -> Result<(), Failure> {
        self.place.mailbox = mailbox.clone();
        self.taken = self.admin.taken(&self.place).await?;
        Ok(())
    }

    fn has(&mut self, item: &Item) -> bool {
        self.taken.contains(&item.name)
    }

    async fn deliver(&mut self, item: &Item, message: &mut impl Message) -> Result<Delivered, Failure> {
        let delivery = Delivery {
            append: message.append(),
            item: Some(item.name.clone()),
        };
        let mut octets = Octets::of(message);
        let delivered = self.admin.deliver(&self.place, &delivery, &mut octets).await;
        if let Some(why) = octets.failed() {
            return why.refusal();
        }
        match delivered {
            Ok(imap_sql::admin::Delivered::Stored(_)) => Ok(Delivered::Stored),
            Ok(imap_sql::admin::Delivered::TakenBefore) => Ok(Delivered::TakenBefore),
            Err(error @ AdminError::Nul) => Ok(Delivered::Refused(error.to_string())),
            Err(error) => Err(error.into()),
        }
    }

    async fn close(&mut self) -> Result<(), Failure> {
        Ok(())
    }
}

/// The mail of a Maildir.
///
/// # Errors
/// It is none, or cannot be read.
pub(crate) async fn maildir(path: &Path) -> Result<Stored<MaildirSession>, Failure> {
    Ok(Stored::new(local::open(path).await?, ANYBODY))
}

/// Stores the messages of an account in a Maildir that is made. One that was broken off goes on where it ended.
///
/// # Errors
/// The first message that cannot be stored, or a Maildir that no export has made.
pub(crate) async fn export_maildir(store: &Store, account: &str, path: &Path) -> Result<(), Failure> {
    let mut source = Stored::new(session(store, account).await?, account);
    let plan = Plan::of(&mut source, MAILDIR_DELIMITER).await?;
    let _mark = mark(path)?;
    let mut target = Counted::new(local::make(path).await?, ANYBODY);
    let mut progress = Progress::new("exported");
    plan.carry(&mut source, &mut target, &mut progress).await?;
    progress.outcome()
}

/// What stands between the parts of names in a Maildir.
const MAILDIR_DELIMITER: char = '.';

/// Writes the messages of an account, or of one of its mailboxes, into mbox files.
///
/// # Errors
/// See [`imap_transfer::export_mbox`].
pub(crate) async fn export_mbox(
    store: &Store,
    account: &str,
    path: &Path,
    mailbox: Option<MailboxName>,
) -> Result<(), Failure> {
    let mut session = session(store, account).await?;
    let mut progress = Progress::new("exported");
    imap_transfer::export_mbox(&mut session, path, mailbox, &mut progress).await
}

async fn session(store: &Store, account: &str) -> Result<SqlSession, Failure> {
    if !Admin::new(store).has_account(account).await? {
        return Err(AdminError::NoAccount(account.to_owned()).into());
    }
    Ok(SqlBackend::new(store.clone(), Nobody).session(account).await?)
}
