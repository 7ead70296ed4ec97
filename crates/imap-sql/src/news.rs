//! What other processes did: hints of the database, and a look at all mailboxes in use every few seconds, for hints that were
//! lost.
//!
//! A hint says only that there is something to read; what, the log says, which the threads of `looks` read. Without hints
//! everything still arrives, within the interval; with them, NOOP needs no query.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use imap_backend::Error;
use imap_seq::ModSeq;
use imap_updates::LogHub;
use parking_lot::{Condvar, Mutex};

use crate::engine::Hint;
use crate::node::{Node, WeakNode};
use crate::tables::mailboxes::{self, MailboxKey};

/// The news of a process.
#[derive(Debug, Default)]
pub(crate) struct News {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// Which mailboxes to look at.
    hinted: Hinted,
    /// The database sends hints.
    is_listening: bool,
    /// Nothing failed since the last look at all mailboxes.
    has_looked: bool,
    /// Nobody needs news any more.
    ended: bool,
}

#[derive(Debug, Default)]
struct Hinted {
    /// Each up to the largest mod-sequence that was hinted at; `i64::MAX` where a hint had none.
    mailboxes: BTreeMap<i64, i64>,
    all: bool,
}

impl Hinted {
    fn is_empty(&self) -> bool {
        self.mailboxes.is_empty() && !self.all
    }
}

impl News {
    /// Takes a hint. Waits for nothing.
    pub(crate) fn hint(&self, hint: Hint) {
        let mut state = self.state.lock();
        match hint {
            Hint::Mailbox(id, upto) => {
                let known = state.hinted.mailboxes.entry(id).or_default();
                *known = upto.unwrap_or(i64::MAX).max(*known);
            }
            Hint::Anywhere => state.hinted.all = true,
            Hint::Listening => {
                // What was said before nobody heard.
                state.is_listening = true;
                state.has_looked = false;
                state.hinted.all = true;
            }
            Hint::Deaf => state.is_listening = false,
        }
        drop(state);
        self.changed.notify_one();
    }

    /// Whether hints reach this process: then nobody has to ask the database whether something changed.
    pub(crate) fn are_heard(&self) -> bool {
        let state = self.state.lock();
        state.is_listening && state.has_looked
    }

    pub(crate) fn end(&self) {
        self.state.lock().ended = true;
        self.changed.notify_one();
    }

    /// What to look at next; after the interval everything. `None` at the end.
    fn next(&self, interval: Duration) -> Option<Hinted> {
        let until = Instant::now() + interval;
        let mut state = self.state.lock();
        while state.hinted.is_empty() && !state.ended {
            if self.changed.wait_until(&mut state, until).timed_out() {
                state.hinted.all = true;
            }
        }
        (!state.ended).then(|| std::mem::take(&mut state.hinted))
    }

    /// How a look went. One that failed is made again, at everything.
    fn note(&self, looked_at_all: bool, failed: bool) {
        let mut state = self.state.lock();
        if failed {
            state.has_looked = false;
            state.hinted.all = true;
        } else if looked_at_all {
            state.has_looked = true;
        }
    }
}

/// Follows what other processes do, on a thread of its own, until the node is gone.
///
/// # Errors
/// Where there can be no thread.
pub(crate) fn follow(node: &Node, interval: Duration) -> std::io::Result<()> {
    let (news, node) = (Arc::clone(node.news()), node.downgrade());
    std::thread::Builder::new()
        .name("imap-sql-news".to_owned())
        .spawn(move || follow_until_end(&news, &node, interval))
        .map(drop)
}

fn follow_until_end(news: &News, node: &WeakNode, interval: Duration) {
    let mut is_failing = false;
    while let Some(hinted) = news.next(interval) {
        let Some(node) = node.upgrade() else { return };
        let looked = look(&node, &hinted);
        match &looked {
            Err(error) if !is_failing => tracing::warn!(%error, "the database cannot be asked for news"),
            Ok(()) if is_failing => tracing::info!("the database answers again"),
            _ => {}
        }
        is_failing = looked.is_err();
        news.note(hinted.all, is_failing);
        if hinted.all {
            node.behind().look(); // another program may have stored messages, or removed some
        }
        if is_failing {
            // Hints must not make the next look come sooner while nothing answers.
            std::thread::sleep(interval.min(Duration::from_secs(1)));
        }
    }
}

/// Has somebody look at those that are behind.
fn look(node: &Node, hinted: &Hinted) -> Result<(), Error> {
    let mut in_use = node.in_use();
    if hinted.all {
        in_use = behind(node, in_use)?;
    } else {
        // What this process did it has read already.
        let is_behind = |hub: &LogHub, upto: i64| i64::from(hub.cursor()) < upto;
        in_use.retain(|(key, hub)| {
            hinted
                .mailboxes
                .get(&key.id)
                .is_some_and(|&upto| is_behind(hub, upto))
        });
    }
    for (key, hub) in in_use {
        node.looks().add(key, hub);
    }
    Ok(())
}

/// Those whose hubs are not where the database is: one query for many.
fn behind(node: &Node, in_use: Vec<(MailboxKey, LogHub)>) -> Result<Vec<(MailboxKey, LogHub)>, Error> {
    let ids: Vec<i64> = in_use.iter().map(|(key, _)| key.id).collect();
    let now: HashMap<MailboxKey, ModSeq> = match ids.is_empty() {
        true => HashMap::new(),
        false => node.read(|statements| mailboxes::positions(statements, &ids))?,
    };
    let is_behind = |(key, hub): &(MailboxKey, LogHub)| now.get(key).is_none_or(|now| hub.cursor() < *now);
    Ok(in_use.into_iter().filter(is_behind).collect())
}
