//! SORT and THREAD, for stores that have an order ready.

use crate::mail::Mail;
use crate::selected::Selected;
use crate::stage::{Stage, User};
use crate::verdict::{Answer, Stop, Verdict, equal};
use imap_backend::{
    Algorithm, Backend, Mailbox, MailboxName, Query, SearchKey, Session, SortBy, SortKey, Threads,
};
use imap_seq::{Uid, UidSet};
use imap_updates::{Access, Flag, kind};

/// Every criterion, and the empty text before all others; REVERSE turns one criterion around and no other.
pub async fn messages_come_in_the_order_of_the_criteria<B: Backend>(stage: &Stage<B>) -> Verdict {
    let (_user, mut corpus) = corpus(stage).await?;
    let by = SortKey::new;
    for (key, places) in [
        (by(SortBy::Arrival), [4, 3, 2, 1, 0]),
        (by(SortBy::Size), [4, 0, 1, 3, 2]),
        (by(SortBy::Date), [2, 1, 0, 4, 3]),
        (by(SortBy::From), [2, 4, 1, 3, 0]),
        (by(SortBy::To), [0, 3, 4, 2, 1]),
        (by(SortBy::Cc), [0, 1, 2, 4, 3]),
        (by(SortBy::Subject), [2, 4, 3, 0, 1]),
        (by(SortBy::DisplayFrom), [4, 1, 2, 3, 0]),
        (by(SortBy::DisplayTo), [0, 3, 4, 1, 2]),
        (by(SortBy::Subject).reversed(), [0, 1, 3, 2, 4]),
    ] {
        corpus.sorts(SearchKey::All, &[key], &places).await?;
    }
    let subject_then_date = [by(SortBy::Subject), by(SortBy::Date)];
    corpus
        .sorts(SearchKey::All, &subject_then_date, &[2, 4, 3, 1, 0])
        .await?;
    let subject_then_newest = [by(SortBy::Subject).reversed(), by(SortBy::Date).reversed()];
    corpus
        .sorts(SearchKey::All, &subject_then_newest, &[0, 1, 3, 4, 2])
        .await
}

/// What does not match is not sorted, and what is gone is not either.
pub async fn only_what_matches_is_sorted<B: Backend>(stage: &Stage<B>) -> Verdict {
    let (mut user, mut corpus) = corpus(stage).await?;
    let by = [SortKey::new(SortBy::Arrival)];
    corpus.sorts(SearchKey::Flag(Flag::Seen), &by, &[3, 1]).await?;
    let inbox = MailboxName::inbox();
    let mut other = user.select(&inbox, Access::ReadWrite).await?;
    other.remove(&[corpus.uids[3]]).await?;
    corpus.selected.noop().await?;
    corpus.sorts(SearchKey::Flag(Flag::Seen), &by, &[1]).await?;
    // What was sorted before is no reason to forget what came since.
    let early = Mail::new("early").dated("2024-12-31T12:00:00+00:00");
    let early = early.flagged([Flag::Seen]);
    corpus.uids.push(user.append(&inbox, early).await?.uid());
    corpus.selected.noop().await?;
    corpus.sorts(SearchKey::Flag(Flag::Seen), &by, &[5, 1]).await?;
    corpus.sorts(SearchKey::All, &by, &[5, 4, 2, 1, 0]).await
}

/// Subjects make threads without `Re:` and the like; references do, also to messages that are not there.
pub async fn threads_follow_subjects_or_references<B: Backend>(stage: &Stage<B>) -> Verdict {
    let (_user, mut corpus) = corpus(stage).await?;
    let all = SearchKey::All;
    corpus
        .threads(all.clone(), Algorithm::OrderedSubject, "[2 [4]] [1 [0]] [3]")
        .await?;
    corpus
        .threads(all.clone(), Algorithm::References, "[- [2] [4] [3]] [1 [0]]")
        .await?;
    corpus
        .threads(all, Algorithm::Refs, "[1] [0] [4] [- [2] [3]]")
        .await?;
    corpus
        .threads(SearchKey::Flag(Flag::Seen), Algorithm::References, "[1] [3]")
        .await
}

struct Corpus<M> {
    selected: Selected<M>,
    uids: Vec<Uid>,
}

impl<M: Mailbox> Corpus<M> {
    fn query(&mut self, key: SearchKey) -> Query {
        let _command = self.selected.updates.begin(kind::Sort);
        Query::new(key, self.selected.updates.view().clone())
    }

    /// The messages that match are those at these places, in this order.
    async fn sorts(&mut self, key: SearchKey, by: &[SortKey], places: &[usize]) -> Verdict {
        let what = format!("the order of {by:?}");
        let query = self.query(key);
        let mut sorted = self.selected.mailbox.sort(&query, by).await.optional("SORT")?;
        // What else matches, the server leaves out.
        let known: UidSet = query.view().uids().collect();
        sorted.retain(|&uid| known.contains(uid));
        equal(&what, &self.places(&sorted), &places.to_vec())
    }

    /// The threads are these, with places for messages.
    async fn threads(&mut self, key: SearchKey, algorithm: Algorithm, wanted: &str) -> Verdict {
        let query = self.query(key);
        let threads = self.selected.mailbox.thread(&query, algorithm).await;
        let mut threads = threads.optional("THREAD")?;
        let known: UidSet = query.view().uids().collect();
        threads.retain(|uid| known.contains(uid));
        equal(
            &format!("threads by {algorithm:?}"),
            &self.shown(&threads),
            &wanted.to_owned(),
        )
    }

    fn places(&self, uids: &[Uid]) -> Vec<usize> {
        let place = |uid: &Uid| self.uids.iter().position(|known| known == uid);
        uids.iter().map(|uid| place(uid).unwrap_or(usize::MAX)).collect()
    }

    /// `[1 [2] [3]] [4]`.
    fn shown(&self, threads: &Threads) -> String {
        let mut shown = String::new();
        let mut due: Vec<u32> = Vec::new();
        for entry in threads.entries() {
            shown.push_str(if shown.is_empty() { "[" } else { " [" });
            match entry.uid() {
                Some(uid) => shown.push_str(&self.places(&[uid])[0].to_string()),
                None => shown.push('-'),
            }
            due.push(entry.children());
            while due.pop_if(|children| *children == 0).is_some() {
                shown.push(']');
                if let Some(siblings) = due.last_mut() {
                    *siblings -= 1;
                }
            }
        }
        shown
    }
}

/// Five messages that differ in everything that they can be sorted by.
async fn corpus<B: Backend>(
    stage: &Stage<B>,
) -> Result<(User<B::Session>, Corpus<<B::Session as Session>::Mailbox>), Stop> {
    let mut user = stage.login().await?;
    let headers = [
        "From: Bo <kit@example.org>\r\nDate: Tue, 5 Nov 2024 10:00:00 +0100\r\nSubject: Re: [kit] pear\r\nMessage-ID: <0@kit>",
        "From: anne@example.org (Anne)\r\nTo: zoe@example.org\r\nDate: Tue, 5 Nov 2024 23:00:00 +1500\r\n\
         Subject: PEAR\r\nMessage-ID: <1@kit>",
        "From: =?utf-8?q?=C3=84nne?= <1@example.org>\r\nTo: Zorro <X@example.org>\r\nDate: Mon, 4 Nov 2024 10:00:00 +0100\r\n\
         Subject: =?utf-8?q?Apple?= (fwd)\r\nMessage-ID: <2@kit>\r\nReferences: <lost@kit>",
        "From: \"\" <b@example.org>\r\nCc: cc@example.org\r\nSubject: \u{e4}pple, the subject that is the longest of them all\r\n\
         Message-ID: <3@kit>\r\nIn-Reply-To: the message <lost@kit>",
        "From: Aa <Ab@b>\r\nTo: list: y@x;\r\nSubject: apple",
    ];
    let dates = ["05", "04", "03", "02", "01"];
    let mut uids = Vec::new();
    for (place, (header, day)) in headers.iter().zip(dates).enumerate() {
        let mail = Mail::raw(format!("{header}\r\n\r\n{place}\r\n"));
        let mail = mail.dated(&format!("2025-01-{day}T12:00:00+00:00"));
        let mail = match place % 2 {
            1 => mail.flagged([Flag::Seen]),
            _ => mail,
        };
        uids.push(user.append(&MailboxName::inbox(), mail).await?.uid());
    }
    let selected = user.select(&MailboxName::inbox(), Access::ReadWrite).await?;
    Ok((user, Corpus { selected, uids }))
}
