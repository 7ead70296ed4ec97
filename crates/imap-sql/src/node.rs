//! One process on the database: a hub for each mailbox that its sessions have open, and when the hubs read the log.

use std::collections::BTreeSet;
use std::sync::{Arc, Weak};

use imap_backend::{Error, ErrorKind, MailboxName};
use imap_seq::{ModSeq, Uid, UidSet};
use imap_updates::{Access, Hubs, Limits, LogHub, Page};

use crate::behind::Behind;
use crate::engine::{Database, Dialect, Hint, Statements};
use crate::looks::Looks;
use crate::news::News;
use crate::orders::Orders;
use crate::summaries::Summaries;
use crate::tables::accounts::AccountId;
use crate::tables::mailboxes::{self, MailboxKey};
use crate::tables::{log, messages, names};
use crate::writers::{Writers, Writing};

/// So many hubs are kept for mailboxes that nobody has open, because opening one reads the whole mailbox.
const KEPT_OPEN: usize = 256;

/// A process of several: nothing connects it with the others but the database. Clones are the same process.
#[derive(Clone, Debug)]
pub(crate) struct Node(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    database: Database,
    hubs: Hubs<MailboxKey, LogHub>,
    writers: Arc<Writers>,
    news: Arc<News>,
    looks: Arc<Looks>,
    behind: Arc<Behind>,
    summaries: Summaries,
    orders: Orders,
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.news.end();
        self.looks.end();
        self.behind.end();
    }
}

/// A node that somebody has, if anybody has it still.
pub(crate) struct WeakNode(Weak<Shared>);

impl WeakNode {
    pub(crate) fn upgrade(&self) -> Option<Node> {
        self.0.upgrade().map(Node)
    }
}

/// A transaction that changes mailboxes.
#[derive(Debug)]
pub(crate) struct Change<'c> {
    pub(crate) statements: Statements<'c>,
    /// Whose hubs read the log afterwards.
    changed: BTreeSet<MailboxKey>,
}

/// What a session finds that comes into a mailbox.
#[derive(Debug)]
pub(crate) struct Entered {
    /// Its place among the writers; none for one that only reads.
    pub(crate) writing: Option<Writing>,
    /// The messages that are `\Recent` for it: those that it is the first to be told of, and perhaps some that are gone.
    pub(crate) recent: UidSet,
    /// The first message without `\Seen`.
    pub(crate) first_unseen: Option<Uid>,
    /// How far the mailbox was; `None` where nobody knows.
    pub(crate) version: Option<ModSeq>,
}

impl Change<'_> {
    /// The sessions of this mailbox are to be told when the transaction is committed.
    pub(crate) fn changes(&mut self, key: MailboxKey) {
        self.changed.insert(key);
    }
}

impl Node {
    pub(crate) fn new(database: Database) -> Self {
        Self(Arc::new(Shared {
            database,
            hubs: Hubs::new(KEPT_OPEN),
            writers: Arc::default(),
            news: Arc::default(),
            looks: Arc::default(),
            behind: Arc::default(),
            summaries: Summaries::default(),
            orders: Orders::default(),
        }))
    }

    pub(crate) fn downgrade(&self) -> WeakNode {
        WeakNode(Arc::downgrade(&self.0))
    }

    /// What this process hears of the others.
    pub(crate) fn news(&self) -> &Arc<News> {
        &self.0.news
    }

    /// Who brings what is behind up to date.
    pub(crate) fn looks(&self) -> &Arc<Looks> {
        &self.0.looks
    }

    /// Whether a mailbox is as the database has it, but for what is on its way: then nobody has to ask.
    pub(crate) fn is_told_of(&self, key: MailboxKey) -> bool {
        self.0.news.are_heard() && !self.0.looks.are_owed(key)
    }

    /// What was sorted and threaded last.
    pub(crate) fn orders(&self) -> &Orders {
        &self.0.orders
    }

    /// What is done behind the commands.
    pub(crate) fn behind(&self) -> &Arc<Behind> {
        &self.0.behind
    }

    /// What was read lately of the messages.
    pub(crate) fn summaries(&self) -> &Summaries {
        &self.0.summaries
    }

    /// Has the database send its hints to this process.
    pub(crate) fn listen(&self) {
        let news = Arc::clone(&self.0.news);
        self.0.database.listen(Box::new(move |hint| news.hint(hint)));
    }

    pub(crate) fn dialect(&self) -> Dialect {
        self.0.database.dialect()
    }

    /// Runs blocking work on a thread that may block. What has begun there is not cancelled when the connection is lost.
    pub(crate) async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let node = self.clone();
        let done = tokio::task::spawn_blocking(move || work(&node)).await;
        done.map_err(|panic| Error::new(ErrorKind::ServerBug).with_source(panic))?
    }

    /// Queries in one consistent view, on such a thread.
    pub(crate) async fn query<T: Send + 'static>(
        &self,
        query: impl FnOnce(Statements<'_>) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        self.blocking(move |node| node.read(query)).await
    }

    /// A transaction, on such a thread; see [`commit`](Self::commit).
    pub(crate) async fn change<T: Send + 'static>(
        &self,
        work: impl FnMut(&mut Change<'_>) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        self.blocking(move |node| node.commit(work)).await
    }

    /// Queries in one consistent view. Blocks.
    pub(crate) fn read<T>(&self, query: impl FnOnce(Statements<'_>) -> Result<T, Error>) -> Result<T, Error> {
        self.0.database.read(query)
    }

    /// A transaction, after which the sessions of this process are told what the log says of it. It is never published
    /// directly: others may have committed before it, and have to be told first. Blocks.
    ///
    /// `work` may be done more than once, and has no effect but in the database: see [`Database::write`].
    pub(crate) fn commit<T>(
        &self,
        mut work: impl FnMut(&mut Change<'_>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let (answer, changed) = self.0.database.write(|statements| {
            let mut change = Change {
                statements,
                changed: BTreeSet::new(),
            };
            let answer = work(&mut change)?;
            Ok((answer, change.changed))
        })?;
        self.0.database.changed(changed.iter().map(|key| key.id));
        if !changed.is_empty() && self.dialect() == Dialect::Sqlite {
            self.0.behind.look(); // messages may have left octets
        }
        for key in changed {
            if let Some(hub) = self.0.hubs.get(&key)
                && let Err(error) = self.catch_up(key, &hub)
            {
                // What is committed stands; the next look tells it.
                tracing::warn!(%error, "the log of a mailbox could not be read after a change");
                self.0.news.hint(Hint::Mailbox(key.id, None));
            }
        }
        Ok(answer)
    }

    /// Reads the log: after each commit of ours, before SELECT and STATUS, and when a client asks for news or idles. Blocks.
    pub(crate) fn catch_up(&self, key: MailboxKey, hub: &LogHub) -> Result<(), Error> {
        let mut claimed = UidSet::new();
        let caught_up = hub.catch_up_blocking(|after| self.page((key, hub), after, &mut claimed))?;
        if !caught_up.hidden().is_empty() || !caught_up.reused().is_empty() {
            tracing::error!(
                ?caught_up,
                mailbox = key.id,
                "UIDs did not become visible in their order"
            );
        }
        Ok(())
    }

    /// The page after a version. Where sessions of this process may be told of messages that nobody was told of, it claims
    /// them first; `claimed` are those of the pages before.
    fn page(
        &self,
        (key, hub): (MailboxKey, &LogHub),
        after: ModSeq,
        claimed: &mut UidSet,
    ) -> Result<Page, Error> {
        let read = self.read(|statements| log::read(statements, key, after, claimed))?;
        if !read.has_unclaimed || !self.0.writers.are_in(key) {
            return Ok(read.page);
        }
        // In one transaction: what comes later is not on the page, and not claimed.
        let (read, all) = self.0.database.write(|statements| {
            let all = claimed.union(&mailboxes::claim_recent(statements, key)?);
            Ok((log::read(statements, key, after, &all)?, all))
        })?;
        *claimed = all;
        // Some may be known here already: they came while no session could be told of them.
        hub.claimed_recent(claimed);
        Ok(read.page)
    }

    /// A session comes into the mailbox. One that may write has its place among the writers first: what arrives from then on is
    /// claimed, by whoever reads it. Blocks.
    pub(crate) fn enter(&self, key: MailboxKey, access: Access) -> Result<Entered, Error> {
        let may_write = access == Access::ReadWrite;
        let writing = may_write.then(|| Writing::begin(&self.0.writers, key));
        let (row, first_unseen) = self.read(|statements| {
            let row = mailboxes::current(statements, key)?;
            Ok((row, messages::first_unseen(statements, key.id)?))
        })?;
        let unclaimed = row.map(|row| row.unclaimed()).unwrap_or_default();
        let mut version = row.map(|row| row.highest_modseq);
        let recent = match may_write && !unclaimed.is_empty() {
            true => {
                version = None; // it may have gone on
                self.commit(|change| mailboxes::claim_recent(change.statements, key))?
            }
            false => unclaimed,
        };
        Ok(Entered {
            writing,
            recent,
            first_unseen,
            version,
        })
    }

    /// The hubs that sessions have open.
    pub(crate) fn in_use(&self) -> Vec<(MailboxKey, LogHub)> {
        let all = self.0.hubs.all().into_iter();
        all.filter(|(_, hub)| hub.sessions() > 0).collect()
    }

    /// The hub of a mailbox, at this version at least; up to date where there is none. Blocks.
    pub(crate) fn open(&self, key: MailboxKey, version: Option<ModSeq>) -> Result<LogHub, Error> {
        let hub = self.0.hubs.get_or_open(key, || {
            let snapshot = self.read(|statements| log::snapshot(statements, key))?;
            let (snapshot, uid_next) = snapshot.ok_or(ErrorKind::NonExistent)?;
            LogHub::of_snapshot(snapshot, Some(uid_next), Limits::default())
                .map_err(|error| Error::new(ErrorKind::Corruption).with_source(error))
        })?;
        if version.is_none_or(|version| hub.cursor() < version) {
            self.catch_up(key, &hub)?; // nobody may have used it for long
        }
        match hub.closed() {
            Some(_) => Err(ErrorKind::NonExistent.into()),
            None => Ok(hub),
        }
    }

    /// The hub of a mailbox, if somebody has it open.
    pub(crate) fn opened(&self, key: MailboxKey) -> Option<LogHub> {
        self.0.hubs.get(&key)
    }

    /// A mailbox by its name. Blocks.
    pub(crate) fn find(
        &self,
        account: AccountId,
        name: &MailboxName,
        missing: ErrorKind,
    ) -> Result<MailboxKey, Error> {
        let key = self.read(|statements| names::find(statements, account, name))?;
        key.ok_or_else(|| missing.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Place;
    use crate::tables::accounts;

    /// RFC 3501, section 2.3.2.
    #[test]
    fn what_came_while_nobody_could_be_told_is_recent_for_the_next_session_whoever_claims_it() {
        let node = Node::new(Database::open(Place::Memory, std::time::Duration::ZERO).unwrap());
        let key = node
            .commit(|change| {
                let account = accounts::make(change.statements, "ann")?;
                let key = names::find(change.statements, account, &MailboxName::inbox())?;
                Ok(key.unwrap())
            })
            .unwrap();
        let hub = node.open(key, None).unwrap();
        let looking = hub.select(Access::ReadOnly);
        node.commit(|change| {
            let statements = change.statements;
            statements.execute("INSERT INTO blobs (size) VALUES (0)", &[])?;
            let sql = "INSERT INTO messages (mailbox, blob) SELECT ?1, max(id) FROM blobs";
            statements.execute(sql, &[key.id.into()])?;
            change.changes(key);
            Ok(())
        })
        .unwrap();
        // A session comes in, and before it claims anything another one reads the log.
        let writing = Writing::begin(&node.0.writers, key);
        node.catch_up(key, &hub).unwrap();
        let entered = node.enter(key, Access::ReadWrite).unwrap();
        let first = hub.select_with_recent(Access::ReadWrite, &entered.recent);
        assert_eq!(first.updates.recent(), 1);
        let entered = node.enter(key, Access::ReadWrite).unwrap();
        let second = hub.select_with_recent(Access::ReadWrite, &entered.recent);
        assert_eq!(second.updates.recent(), 0);
        drop((looking, writing));
    }
}
