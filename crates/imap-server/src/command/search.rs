//! SEARCH and UID SEARCH (RFC 9051, section 6.4.4): the client's keys become the backend's, without numbers of this
//! session's view.

use std::future::poll_fn;
use std::pin::pin;
use std::time::{Duration, Instant};

use imap_backend::{Backend, Mailbox, Query, SearchKey};
use imap_seq::{Bound, SeqNum, SequenceSet, SetItem, UidSet};
use imap_updates::{Flag, UpdateBuffer};
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::task::block_in_place;

use super::permitted;
use crate::client::Client;
use crate::completion::{Answer, Completion};
use crate::numbers::Numbers;
use crate::syntax::search::{Key, Numbering, Program, Reading};
use crate::wire;

/// What becomes of expunges that the client was not told of, at the end of a search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ExpungesHere {
    /// The messages keep their numbers.
    Held,
    /// They are told before the tagged line.
    Told,
}

impl<B: Backend> Client<B> {
    pub(crate) async fn search(
        &mut self,
        program: Program,
        numbers: Numbers,
        expunges: ExpungesHere,
    ) -> Answer {
        permitted(numbers, self.enabled)?;
        if program.numbering == Numbering::UsesSequenceNumbers {
            permitted(Numbers::Seqs, self.enabled)?;
        }
        let selected = self.state.selected()?;
        let view = selected.updates.view().clone();
        let query = Query::new(resolved(program.key, &selected.updates), view);
        let search = selected.mailbox.search(&query);
        let search = async {
            match program.reading {
                Reading::Contents => off_the_runtime(search).await,
                Reading::Attributes => search.await,
            }
        };
        let search = self.server.turns.take_for(&self.user, search);
        let found = self.channel.while_present(search).await??;
        let (found, view) = (found.uids(), query.view());
        let out = self.channel.io.out();
        match numbers {
            Numbers::Seqs => wire::search(
                out,
                found
                    .iter()
                    .filter_map(|uid| view.seq_of(uid))
                    .map(|seq| seq.get()),
            ),
            Numbers::Uids => {
                wire::search(
                    out,
                    found
                        .iter()
                        .filter(|&uid| view.seq_of(uid).is_some())
                        .map(|uid| uid.get()),
                );
            }
        }
        let completed = Completion::ok("SEARCH completed");
        // Asked after the search: messages that went while it looked are missing among the hits as well. They still have
        // their numbers, so the client is told why it does not see them (RFC 9051, section 7.1).
        Ok(match expunges {
            ExpungesHere::Held if selected.updates.pending_expunges() > 0 => {
                completed.with_code("EXPUNGEISSUED")
            }
            _ => completed,
        })
    }
}

/// A store may look for text without a pause for as long as a message is large. On a runtime of several threads such a
/// search gives its worker to the other clients meanwhile; on one of a single thread there is nobody to give it to. What
/// has paused soon keeps its worker: giving it away costs more than a short look.
async fn off_the_runtime<T>(search: impl Future<Output = T>) -> T {
    let mut search = pin!(search);
    let mut gives_away = Handle::current().runtime_flavor() == RuntimeFlavor::MultiThread;
    let may_give_away = gives_away;
    poll_fn(|context| {
        let began = Instant::now();
        let polled = match gives_away {
            true => block_in_place(|| search.as_mut().poll(context)),
            false => search.as_mut().poll(context),
        };
        gives_away = may_give_away && began.elapsed() > SHORT;
        polled
    })
    .await
}

/// What is over so soon need not be kept away from the other clients.
const SHORT: Duration = Duration::from_millis(1);

/// The key with the session's numbers as UIDs. Recurses as deep as the parser lets keys nest.
fn resolved(key: Key, updates: &UpdateBuffer) -> SearchKey {
    let all = |keys: Vec<Key>| keys.into_iter().map(|key| resolved(key, updates)).collect();
    match key {
        Key::Plain(key) => *key,
        Key::Seqs(set) => numbered(&set, updates),
        Key::Uids(set) => SearchKey::Uids(updates.resolve_uids(&set).uids().collect()),
        Key::Recent => recent(updates),
        Key::New => SearchKey::And(vec![recent(updates), not(SearchKey::Flag(Flag::Seen))]),
        Key::Old => not(recent(updates)),
        Key::And(keys) => SearchKey::And(all(keys)),
        Key::Or(keys) => SearchKey::Or(all(keys)),
        Key::Not(key) => not(resolved(*key, updates)),
    }
}

fn not(key: SearchKey) -> SearchKey {
    SearchKey::Not(Box::new(key))
}

fn recent(updates: &UpdateBuffer) -> SearchKey {
    SearchKey::Uids(UidSet::clone(updates.recent_uids()))
}

/// A number that is out of range, `*` in an empty mailbox included, matches nothing. The grammar lets a server answer BAD
/// (RFC 9051, section 9: seq-number); no other server does so for SEARCH, and clients search empty mailboxes.
fn numbered(set: &SequenceSet<SeqNum>, updates: &UpdateBuffer) -> SearchKey {
    let mut found = UidSet::new();
    let (view, exists) = (updates.view(), updates.view().exists());
    let last = SeqNum::new(exists);
    let number = |bound: &Bound<SeqNum>| match bound {
        Bound::Number(number) => Some(number.get()),
        Bound::Last => last.map(SeqNum::get),
    };
    for item in set.items() {
        let (from, to) = match item {
            SetItem::Single(bound) => (bound, bound),
            SetItem::Range(from, to) => (from, to),
        };
        let (Some(from), Some(to)) = (number(from), number(to)) else {
            continue;
        };
        let there = from.min(to)..=from.max(to).min(exists);
        found.extend(there.filter_map(SeqNum::new).filter_map(|seq| view.uid_of(seq)));
    }
    SearchKey::Uids(found)
}
