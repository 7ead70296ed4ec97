//! How much an account may hold, and holds (Maildir++'s `maildirsize`; RFC 9208).
//!
//! | what | costs |
//! | --- | --- |
//! | a message that comes or goes | the file is read, and has a line more |
//! | counting | a listing of every mailbox: where the file is missing, damaged or as long as it may be, or says that there is no room and may be wrong |
//!
//! The limits are those in the file where another program wrote them, and those of the setting otherwise. `Trash` does not
//! count, as Maildir++ says; a message with `\Deleted` counts until it is expunged (RFC 9208, section 4.1.4).
//!
//! What cannot be read, written or counted stops no mail: there is room then.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::{AsFd as _, BorrowedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use imap_backend::{Error, ErrorKind, MailboxName, Quota, Usage};

use super::Account;
use crate::disk::maildirsize_file::{self, Found, Recount};
use crate::format::mailbox_names::directory_name;
use crate::format::maildirsize::{Amount, Limits, TRASH};

/// How often a sum that says that there is no room is made sure of, at most: a client that is at its limit and makes room for one
/// message after the other must not have everything listed for each.
const COUNTED_AGAIN_EVERY: Duration = Duration::from_secs(60);

/// What this process knows beside the file.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    /// When was counted last.
    counted: Option<Instant>,
    /// Messages for which there is a line and perhaps no file yet.
    under_way: Amount,
}

/// What an account may hold and holds.
#[derive(Clone, Copy, Debug)]
struct Balance {
    limits: Limits,
    used: Amount,
}

/// Room that was taken for messages; dropped before they are [there](Self::keep), it is given back.
#[derive(Debug)]
pub(crate) struct Taken {
    account: Arc<Account>,
    amount: Amount,
    is_kept: bool,
}

impl Account {
    /// The quotas of a mailbox, or of the account.
    pub(crate) async fn quotas(self: &Arc<Self>, name: Option<&MailboxName>) -> Result<Vec<Quota>, Error> {
        // A mailbox that cannot be has those that it would have.
        let directory = name
            .and_then(|name| directory_name(name).ok())
            .unwrap_or_default();
        if directory == TRASH {
            return Ok(Vec::new());
        }
        let balance = self
            .blocking(|account| Ok(account.balance(Amount::default())))
            .await?;
        let usage = |used: i64, limit| Usage::new(u64::try_from(used).unwrap_or(0), limit);
        let quota = balance
            .filter(|balance| !balance.limits.is_none())
            .map(|Balance { limits, used }| {
                let mut quota = Quota::new("");
                if let Some(limit) = limits.storage {
                    quota = quota.with_storage(usage(used.octets, limit));
                }
                match limits.messages {
                    Some(limit) => quota.with_messages(usage(used.messages, limit)),
                    None => quota,
                }
            });
        Ok(quota.into_iter().collect())
    }

    /// Refuses what does not fit into a mailbox. Blocks.
    pub(crate) fn check_room(&self, mailbox: &Path, more: Amount) -> Result<(), Error> {
        if !self.counts(mailbox) {
            return Ok(());
        }
        match self.balance(more) {
            Some(Balance { limits, used }) if !limits.allow(used, more) => Err(ErrorKind::OverQuota.into()),
            _ => Ok(()),
        }
    }

    /// Takes room for messages that come into a mailbox, or refuses it. What `leaving` tells will go when they are there.
    /// Blocks; nothing is counted for it.
    pub(crate) fn take_room(
        self: &Arc<Self>,
        mailbox: &Path,
        more: Amount,
        leaving: Amount,
    ) -> Result<Taken, Error> {
        let mut amount = Amount::default();
        if self.counts(mailbox) {
            let mut ledger = self.ledger.lock();
            let now = self.with_root(|root| Ok(self.quota_state(root)?.balance()));
            let net = more.and(leaving.negated());
            if now.is_some_and(|Balance { limits, used }| !limits.allow(used, net)) {
                return Err(ErrorKind::OverQuota.into());
            }
            amount = more;
            ledger.under_way = ledger.under_way.and(amount);
            self.write_line(amount);
        }
        Ok(Taken {
            account: Arc::clone(self),
            amount,
            is_kept: false,
        })
    }

    /// Notes that messages have gone from a mailbox. Blocks.
    pub(crate) fn give_back(&self, mailbox: &Path, less: Amount) {
        if self.counts(mailbox) && less != Amount::default() {
            let ledger = self.ledger.lock();
            self.write_line(less.negated());
            drop(ledger);
            // A file of many lines is made short, also by a client that only expunges.
            let _ = self.balance(Amount::default());
        }
    }

    /// Notes that a mailbox has another name now. Blocks.
    pub(super) fn note_renaming(&self, from: &Path, to: &Path) {
        if self.counts(from) == self.counts(to) {
            return;
        }
        let all = self.weigh_all(self.tree.name_of(to));
        match self.counts(from) {
            true => self.give_back(from, all),
            false => self.give_back(to, all.negated()),
        }
    }

    /// What is in a mailbox that is about to go, by its name in the root; nothing where nobody keeps count. Blocks.
    pub(super) fn weigh_all(&self, mailbox: &OsStr) -> Amount {
        let counted = self.with_root(|root| match maildirsize_file::read(root)? {
            Some(_) => maildirsize_file::count(root, mailbox).map(Some),
            None => Ok(None),
        });
        counted.unwrap_or_default()
    }

    /// Whether the messages of a mailbox count.
    pub(crate) fn counts(&self, mailbox: &Path) -> bool {
        mailbox == self.tree.path() || mailbox.file_name() != Some(OsStr::new(TRASH))
    }

    /// What is allowed and used; counted where that is due for so much more. None where there is no limit and no file, or nothing
    /// can be told.
    fn balance(&self, more: Amount) -> Option<Balance> {
        let mut ledger = self.ledger.lock();
        self.with_root(|root| {
            let state = self.quota_state(root)?;
            if !state.is_due(more, ledger.counted) {
                return Ok(state.balance());
            }
            let recount = Recount {
                limits: state.limits,
                by_setting: state.by_setting,
                under_way: ledger.under_way,
            };
            match recount.write(root, self.sharing(), &self.directories()?, state.found) {
                Ok(used) => {
                    ledger.counted = Some(Instant::now());
                    Ok(Some(Balance {
                        limits: state.limits,
                        used,
                    }))
                }
                Err(error) => {
                    tracing::debug!(%error, maildir = ?self.root(), "maildirsize is not written anew");
                    Ok(state.balance())
                }
            }
        })
    }

    /// The directories in the root of the mailboxes that count.
    fn directories(&self) -> io::Result<Vec<OsString>> {
        let mut all = vec![OsString::from(".")];
        self.tree.mailboxes(|name| {
            let name = OsStr::from_bytes(name);
            if name != TRASH {
                all.push(name.to_owned());
            }
        })?;
        Ok(all)
    }

    fn quota_state(&self, root: BorrowedFd<'_>) -> io::Result<State> {
        let found = maildirsize_file::read(root)?;
        let (setting, said) = (self.shared.quota, found.map(|found| found.says.limits));
        let said = said.unwrap_or_default();
        let by_another = !said.is_none() && said != setting && !maildirsize_file::are_of_setting(root, said)?;
        Ok(State {
            found,
            limits: if by_another { said } else { setting },
            by_setting: !by_another,
        })
    }

    fn write_line(&self, change: Amount) {
        self.with_root(|root| Ok(Some(maildirsize_file::append(root, change)?)));
    }

    fn with_root<T>(&self, work: impl FnOnce(BorrowedFd<'_>) -> io::Result<Option<T>>) -> Option<T> {
        let done = self.tree.handle().and_then(|root| work(root.as_fd()));
        done.unwrap_or_else(|error| {
            match error.kind() {
                // Nothing is counted, and nothing refused: whoever sets quotas has to know.
                io::ErrorKind::PermissionDenied => self.tell("a quota cannot be kept", "*", &error),
                _ => tracing::debug!(%error, maildir = ?self.root(), "maildirsize cannot be used"),
            }
            None
        })
    }
}

/// The file, and the limits that are to be in it.
struct State {
    found: Option<Found>,
    limits: Limits,
    by_setting: bool,
}

impl State {
    /// None where nothing tells what is used.
    fn balance(&self) -> Option<Balance> {
        let used = self.found?.says.sum?.used;
        Some(Balance {
            limits: self.limits,
            used,
        })
    }

    /// Whether it is time to count.
    fn is_due(&self, more: Amount, counted: Option<Instant>) -> bool {
        let Some(found) = self.found else {
            return !self.limits.is_none();
        };
        let Some(sum) = found
            .says
            .sum
            .filter(|_| !found.is_large && found.says.limits == self.limits)
        else {
            return true;
        };
        let may_be_wrong = sum.lines > 1 || found.is_old;
        let was_counted = counted.is_some_and(|at| at.elapsed() < COUNTED_AGAIN_EVERY);
        let is_full = !self.limits.allow(sum.used, more) || self.limits.are_exceeded_by(sum.used);
        is_full && may_be_wrong && !was_counted
    }
}

impl Taken {
    /// The messages are there.
    pub(crate) fn keep(mut self) {
        self.is_kept = true;
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        if self.amount == Amount::default() {
            return;
        }
        let mut ledger = self.account.ledger.lock();
        ledger.under_way = ledger.under_way.and(self.amount.negated());
        if !self.is_kept {
            self.account.write_line(self.amount.negated());
        }
    }
}
