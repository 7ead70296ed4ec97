//! Threads of messages that are looked at one after the other.

use std::hash::{BuildHasher, RandomState};

use imap_message::{BaseSubject, Summary, casemap};

use super::forest::{Forest, Seen};
use super::graph::Graph;
use super::{Algorithm, Threads};
use crate::record::Record;
use crate::search::pace::Pace;
use crate::sort::sent_or_arrived;

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

    /// The next message; without a summary if it cannot be read.
    pub(super) fn add(&mut self, record: &Record, summary: Option<&Summary>) {
        let subject = match (self.algorithm, summary) {
            (Algorithm::Refs, _) | (_, None) => String::new(),
            (_, Some(summary)) => summary.subject_text(),
        };
        let base = BaseSubject::of(&subject);
        self.form.clear();
        casemap(&base.text, &mut self.form);
        let hash = || self.hashers.each_ref().map(|hasher| hasher.hash_one(&self.form));
        self.messages.push(Seen {
            date: sent_or_arrived(record, summary),
            subject: (!self.form.is_empty()).then(hash),
            uid: record.uid(),
            is_reply_or_forward: base.is_reply_or_forward,
        });
        if self.algorithm != Algorithm::OrderedSubject {
            let id = summary.and_then(|summary| summary.message_id().next());
            self.graph
                .add(id, summary.into_iter().flat_map(Summary::ancestors));
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
