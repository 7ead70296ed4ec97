//! Threads of messages that are looked at one after the other.

use std::hash::{BuildHasher, RandomState};

use imap_message::{BaseSubject, KeptHeader, casemap};

use super::forest::{Forest, Seen};
use super::graph::Graph;
use super::{Algorithm, Threads};
use crate::search::pace::Pace;
use crate::sort::Sortable;

/// Takes messages in the order of the mailbox.
#[derive(Debug)]
pub(super) struct Builder {
    algorithm: Algorithm,
    graph: Graph,
    messages: Vec<Seen>,
    hashers: [RandomState; 2],
    form: Vec<u8>,
}

impl Builder {
    pub(super) fn new(algorithm: Algorithm) -> Self {
        Self {
            algorithm,
            graph: Graph::default(),
            messages: Vec::new(),
            hashers: Default::default(),
            form: Vec::new(),
        }
    }

    /// The next message; without a header if it cannot be read.
    pub(super) fn add(&mut self, message: &Sortable<'_>) {
        let subject = match (self.algorithm, message.header) {
            (Algorithm::Refs, _) | (_, None) => String::new(),
            (_, Some(header)) => header.subject_text(),
        };
        let base = BaseSubject::of(&subject);
        self.form.clear();
        casemap(&base.text, &mut self.form);
        let hash = || self.hashers.each_ref().map(|hasher| hasher.hash_one(&self.form));
        self.messages.push(Seen {
            date: message.sent_or_arrived(),
            subject: (!self.form.is_empty()).then(hash),
            uid: message.uid,
            is_reply_or_forward: base.is_reply_or_forward,
        });
        if self.algorithm != Algorithm::OrderedSubject {
            let header = message.header;
            let id = header.and_then(|header| header.message_id().next());
            self.graph
                .add(id, header.into_iter().flat_map(KeptHeader::ancestors));
        }
    }

    pub(super) async fn finish(self, pace: &mut Pace) -> Threads {
        let messages = self.messages;
        if self.algorithm == Algorithm::OrderedSubject {
            return Forest::by_subject(messages, pace).await.into_threads(pace).await;
        }
        let above = self.graph.finish(pace).await;
        let mut forest = Forest::new(messages, above, pace).await;
        if self.algorithm == Algorithm::Refs {
            return forest.into_threads_by_newest(pace).await;
        }
        forest.join_subjects(pace).await;
        forest.into_threads(pace).await
    }
}
