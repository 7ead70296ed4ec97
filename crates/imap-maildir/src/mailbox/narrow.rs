//! SEARCH for strings: the index of texts says which messages need not be read.

use std::io;
use std::sync::Arc;

use imap_backend::{Error, SearchKey};
use imap_message::Needle;
use imap_seq::UidSet;

use crate::format::segment::numbers_of;
use crate::mailbox::error::panicked;
use crate::mailbox::open::OpenMailbox;
use crate::mailbox::texts::Texts;

/// Reading so few messages takes no longer than asking.
const FEW: u64 = if cfg!(test) { 1 } else { 16 };
/// So many strings of one search are asked for, each of which may take milliseconds.
const MOST_STRINGS: usize = 32;
/// So many trigrams of a string: each costs a look, and more find little more.
const MOST_TRIGRAMS: usize = 24;

/// What a message has to have in its text for a criterion to match.
#[derive(Debug)]
enum Condition {
    /// All of these trigrams.
    Trigrams(Vec<u32>),
    And(Vec<Self>),
    Or(Vec<Self>),
}

impl OpenMailbox {
    /// Those of the messages that may match, as far as that is known: the others do not.
    ///
    /// # Errors
    /// Where something panicked.
    pub(crate) async fn may_match(
        self: &Arc<Self>,
        key: &SearchKey,
        messages: UidSet,
    ) -> Result<UidSet, Error> {
        if messages.len() < FEW || !self.cache.filler().is_on() {
            return Ok(messages);
        }
        let Some(condition) = Condition::of(key, &mut MOST_STRINGS.clone()) else {
            return Ok(messages);
        };
        let mailbox = Arc::clone(self);
        let narrow = move || {
            let Some(texts) = mailbox.texts() else {
                return messages;
            };
            match condition.narrow(&texts, &messages) {
                Ok(left) => left,
                Err(error) => {
                    mailbox.drop_texts(&texts, &error);
                    mailbox.cache.filler().look_at(&mailbox);
                    messages
                }
            }
        };
        tokio::task::spawn_blocking(narrow).await.map_err(panicked)
    }
}

impl Condition {
    /// `None` where every text may do. Asks for no more strings than are `left`.
    fn of(key: &SearchKey, left: &mut usize) -> Option<Self> {
        match key {
            SearchKey::Header(_, needle) | SearchKey::Body(needle) | SearchKey::Text(needle) => {
                let trigrams = trigrams_of(needle)?;
                *left = left.checked_sub(1)?;
                Some(Self::Trigrams(trigrams))
            }
            SearchKey::And(keys) => {
                let known: Vec<_> = keys.iter().filter_map(|key| Self::of(key, left)).collect();
                (!known.is_empty()).then_some(Self::And(known))
            }
            SearchKey::Or(keys) => {
                let all: Option<_> = keys.iter().map(|key| Self::of(key, left)).collect();
                all.map(Self::Or)
            }
            _ => None,
        }
    }

    fn narrow(&self, texts: &Texts, messages: &UidSet) -> io::Result<UidSet> {
        let searchable = texts.searchable().intersection(messages);
        let found = self.met_by(texts, &searchable)?;
        Ok(messages.difference(&searchable).union(&found))
    }

    /// The messages that may meet it.
    fn met_by(&self, texts: &Texts, messages: &UidSet) -> io::Result<UidSet> {
        match self {
            Self::Trigrams(trigrams) => Ok(texts.with_all(trigrams)?.intersection(messages)),
            Self::And(conditions) => {
                let mut left = messages.clone();
                for condition in conditions {
                    if left.is_empty() {
                        break;
                    }
                    left = condition.met_by(texts, &left)?;
                }
                Ok(left)
            }
            Self::Or(conditions) => {
                let mut found = UidSet::new();
                for condition in conditions {
                    found = found.union(&condition.met_by(texts, messages)?);
                }
                Ok(found)
            }
        }
    }
}

/// `None` for a string of fewer than three characters.
fn trigrams_of(needle: &Needle) -> Option<Vec<u32>> {
    let mut trigrams = numbers_of(&needle.in_searched_text());
    trigrams.truncate(MOST_TRIGRAMS);
    (!trigrams.is_empty()).then_some(trigrams)
}
