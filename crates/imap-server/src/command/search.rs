//! SEARCH and UID SEARCH (RFC 9051, section 6.4.4): the client's keys become the backend's, without numbers of this
//! session's view and without charsets.

use imap_backend::{Backend, Mailbox, Query, SearchKey};
use imap_codec::imap_types::core::{AString, Charset, Vec1};
use imap_codec::imap_types::search::SearchKey as Wanted;
use imap_codec::imap_types::sequence::SequenceSet;
use imap_message::Needle;
use imap_seq::{Bound, SeqNum, SetItem, UidSet};
use imap_updates::{Flag, UpdateBuffer};
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::task::block_in_place;

use super::{Numbers, resolve};
use crate::client::Client;
use crate::completion::{Answer, Completion};
use crate::convert;
use crate::wire;

impl<B: Backend> Client<B> {
    pub(crate) async fn search(
        &mut self,
        charset: Option<&Charset<'_>>,
        criteria: &Vec1<Wanted<'_>>,
        numbers: Numbers,
    ) -> Answer {
        let selected = self.state.selected()?;
        known(charset)?;
        let view = selected.updates.view().clone();
        let key = all(criteria, &selected.updates)?;
        let reading = reading(criteria.as_ref());
        if reading.texts > MOST_TEXTS {
            return Ok(Completion::no(
                "LIMIT",
                format!("SEARCH takes at most {MOST_TEXTS} of BODY and TEXT"),
            ));
        }
        let query = Query::new(key, view);
        let found = if reading.contents {
            // Never closed; without its permit the search would still be right, only dearer for everybody else.
            let _turn = self.server.searches.acquire().await;
            off_the_runtime(selected.mailbox.search(&query)).await?
        } else {
            selected.mailbox.search(&query).await?
        };
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
        // Messages that still have a number may be missing among the hits (RFC 9051, section 7.1).
        Ok(match selected.updates.held() {
            Some(_) => completed.with_code("EXPUNGEISSUED"),
            None => completed,
        })
    }
}

/// Each looks through all text of all messages: so many are far more than a person asks for.
const MOST_TEXTS: usize = 64;

/// What a search has to read.
#[derive(Debug, Clone, Copy, Default)]
struct Reading {
    /// Whether it has to look into messages at all.
    contents: bool,
    /// How many of its keys look through whole messages.
    texts: usize,
}

impl Reading {
    /// Both together.
    fn and(self, other: Self) -> Self {
        Self {
            contents: self.contents || other.contents,
            texts: self.texts + other.texts,
        }
    }
}

fn reading(criteria: &[Wanted<'_>]) -> Reading {
    criteria.iter().fold(Reading::default(), |before, key| {
        let here = match key {
            Wanted::Body(_) | Wanted::Text(_) => Reading {
                contents: true,
                texts: 1,
            },
            Wanted::And(keys) => reading(keys.as_ref()),
            Wanted::Not(key) => reading(std::slice::from_ref(key)),
            Wanted::Or(a, b) => reading(std::slice::from_ref(&**a)).and(reading(std::slice::from_ref(&**b))),
            Wanted::From(_)
            | Wanted::To(_)
            | Wanted::Cc(_)
            | Wanted::Bcc(_)
            | Wanted::Subject(_)
            | Wanted::Header(..)
            | Wanted::SentBefore(_)
            | Wanted::SentOn(_)
            | Wanted::SentSince(_) => Reading {
                contents: true,
                texts: 0,
            },
            _ => Reading::default(),
        };
        before.and(here)
    })
}

/// Looking for text keeps a core busy for as long as a mailbox is large. On a runtime of several threads the search
/// gives its worker to the other clients meanwhile; on one of a single thread there is nobody to give it to.
async fn off_the_runtime<T>(search: impl Future<Output = T>) -> T {
    let runtime = Handle::current();
    match runtime.runtime_flavor() {
        RuntimeFlavor::MultiThread => block_in_place(|| runtime.block_on(search)),
        _ => search.await,
    }
}

/// Whether any criterion, at any depth, is a set of message sequence numbers.
pub(crate) fn has_sequence_numbers(criteria: &[Wanted<'_>]) -> bool {
    criteria.iter().any(|key| match key {
        Wanted::SequenceSet(_) => true,
        Wanted::And(keys) => has_sequence_numbers(keys.as_ref()),
        Wanted::Not(key) => has_sequence_numbers(std::slice::from_ref(key)),
        Wanted::Or(a, b) => {
            has_sequence_numbers(std::slice::from_ref(a)) || has_sequence_numbers(std::slice::from_ref(b))
        }
        _ => false,
    })
}

fn known(charset: Option<&Charset<'_>>) -> Result<(), Completion> {
    let Some(charset) = charset else { return Ok(()) };
    let name = charset.as_ref();
    if name.eq_ignore_ascii_case("US-ASCII") || name.eq_ignore_ascii_case("UTF-8") {
        return Ok(());
    }
    Err(Completion::no(
        "BADCHARSET (US-ASCII UTF-8)",
        "charset is not supported",
    ))
}

fn all(criteria: &Vec1<Wanted<'_>>, updates: &UpdateBuffer) -> Result<SearchKey, Completion> {
    let mut keys = criteria
        .as_ref()
        .iter()
        .map(|key| convert_key(key, updates))
        .collect::<Result<Vec<_>, _>>()?;
    match keys.len() {
        1 => keys.pop().ok_or_else(|| Completion::bad("SEARCH without a key")),
        _ => Ok(SearchKey::And(keys)),
    }
}

/// One key. The codec has bounded how deep they nest.
fn convert_key(key: &Wanted<'_>, updates: &UpdateBuffer) -> Result<SearchKey, Completion> {
    use SearchKey as Key;
    let flag = |flag| Ok(Key::Flag(flag));
    let not = |key| Ok(Key::Not(Box::new(key)));
    match key {
        Wanted::And(keys) => all(keys, updates),
        Wanted::Or(a, b) => Ok(Key::Or(vec![convert_key(a, updates)?, convert_key(b, updates)?])),
        Wanted::Not(key) => not(convert_key(key, updates)?),
        Wanted::All => Ok(Key::All),
        Wanted::SequenceSet(set) => uids(set, Numbers::Seqs, updates),
        Wanted::Uid(set) => uids(set, Numbers::Uids, updates),
        Wanted::Answered => flag(Flag::Answered),
        Wanted::Deleted => flag(Flag::Deleted),
        Wanted::Draft => flag(Flag::Draft),
        Wanted::Flagged => flag(Flag::Flagged),
        Wanted::Seen => flag(Flag::Seen),
        Wanted::Unanswered => not(Key::Flag(Flag::Answered)),
        Wanted::Undeleted => not(Key::Flag(Flag::Deleted)),
        Wanted::Undraft => not(Key::Flag(Flag::Draft)),
        Wanted::Unflagged => not(Key::Flag(Flag::Flagged)),
        Wanted::Unseen => not(Key::Flag(Flag::Seen)),
        Wanted::Keyword(atom) => flag(Flag::Keyword(convert::keyword(atom.as_ref())?)),
        Wanted::Unkeyword(atom) => not(Key::Flag(Flag::Keyword(convert::keyword(atom.as_ref())?))),
        Wanted::Recent => Ok(recent(updates)),
        Wanted::New => Ok(Key::And(vec![
            recent(updates),
            Key::Not(Box::new(Key::Flag(Flag::Seen))),
        ])),
        Wanted::Old => not(recent(updates)),
        Wanted::Before(date) => Ok(Key::Before(*date.as_ref())),
        Wanted::On(date) => Ok(Key::On(*date.as_ref())),
        Wanted::Since(date) => Ok(Key::Since(*date.as_ref())),
        Wanted::SentBefore(date) => Ok(Key::SentBefore(*date.as_ref())),
        Wanted::SentOn(date) => Ok(Key::SentOn(*date.as_ref())),
        Wanted::SentSince(date) => Ok(Key::SentSince(*date.as_ref())),
        Wanted::Larger(octets) => Ok(Key::Larger((*octets).into())),
        Wanted::Smaller(octets) => Ok(Key::Smaller((*octets).into())),
        Wanted::Bcc(text) => header("Bcc", text),
        Wanted::Cc(text) => header("Cc", text),
        Wanted::From(text) => header("From", text),
        Wanted::To(text) => header("To", text),
        Wanted::Subject(text) => header("Subject", text),
        Wanted::Header(name, text) => header(&convert::text(name)?, text),
        Wanted::Body(text) => Ok(Key::Body(needle(text)?)),
        Wanted::Text(text) => Ok(Key::Text(needle(text)?)),
        _ => Err(Completion::bad("SEARCH key is not supported")),
    }
}

/// A number that is out of range, `*` in an empty mailbox included, matches nothing. The grammar lets a server answer BAD
/// (RFC 9051, section 9: seq-number); no other server does so for SEARCH, and clients search empty mailboxes.
fn uids(set: &SequenceSet, numbers: Numbers, updates: &UpdateBuffer) -> Result<SearchKey, Completion> {
    if numbers == Numbers::Uids {
        return Ok(SearchKey::Uids(resolve(updates, set, numbers)?.uids().collect()));
    }
    let mut found = UidSet::new();
    let set: imap_seq::SequenceSet<SeqNum> = convert::sequence_set(set)?;
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
    Ok(SearchKey::Uids(found))
}

fn recent(updates: &UpdateBuffer) -> SearchKey {
    SearchKey::Uids(UidSet::clone(updates.recent_uids()))
}

fn header(name: &str, text: &AString<'_>) -> Result<SearchKey, Completion> {
    Ok(SearchKey::Header(name.to_owned(), needle(text)?))
}

fn needle(text: &AString<'_>) -> Result<Needle, Completion> {
    Ok(Needle::new(&convert::text(text)?))
}
