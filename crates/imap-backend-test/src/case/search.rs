//! SEARCH, for stores that evaluate it themselves.

use crate::mail::Mail;
use crate::selected::Selected;
use crate::stage::{Stage, User};
use crate::verdict::{Answer, Stop, Verdict, equal};
use chrono::{DateTime, NaiveDate, Utc};
use imap_backend::search::Wanted;
use imap_backend::{
    Ability, Backend, FlagAction, FlagChange, Mailbox, MailboxName, Need, ObjectId, Query, Record, SearchKey,
    Session,
};
use imap_message::Needle;
use imap_seq::{ModSeq, Uid, UidSet};
use imap_updates::{Access, Flag, Flags, kind};
use std::collections::BTreeSet;

/// Flags, NOT, OR, AND and UID sets.
pub async fn flags_and_their_opposites<B: Backend>(stage: &Stage<B>) -> Verdict {
    let (_user, mut corpus) = corpus(stage).await?;
    let flag = |flag| SearchKey::Flag(flag);
    let not = |key| SearchKey::Not(Box::new(key));
    let uids = SearchKey::Uids(UidSet::from_iter([corpus.uids[1], corpus.uids[3]]));
    corpus.finds(SearchKey::All, &[0, 1, 2, 3]).await?;
    corpus.finds(flag(Flag::Seen), &[0, 1]).await?;
    corpus.finds(not(flag(Flag::Seen)), &[2, 3]).await?;
    corpus
        .finds(
            SearchKey::Or(vec![flag(Flag::Flagged), flag(Flag::Answered)]),
            &[1, 2],
        )
        .await?;
    let uids_of_all = corpus.uids.iter().rev();
    let each = uids_of_all.map(|uid| SearchKey::Uids(UidSet::from_iter([*uid])));
    corpus.finds(SearchKey::Or(each.collect()), &[0, 1, 2, 3]).await?;
    corpus
        .finds(SearchKey::And(vec![flag(Flag::Seen), flag(Flag::Flagged)]), &[1])
        .await?;
    corpus
        .finds(
            SearchKey::And(vec![uids.clone(), not(flag(Flag::Deleted))]),
            &[1, 3],
        )
        .await?;
    corpus.finds(not(uids), &[0, 2]).await
}

/// LARGER, SMALLER, BEFORE, ON, SINCE and their SENT forms. The days are the same in every zone a store may keep
/// dates in: some know only the moment.
pub async fn sizes_and_dates<B: Backend>(stage: &Stage<B>) -> Verdict {
    let (_user, mut corpus) = corpus(stage).await?;
    let date = |text: &str| {
        text.parse::<NaiveDate>()
            .map_err(|error| Stop::failed("a date", error.to_string()))
    };
    corpus.finds(SearchKey::Larger(1000), &[3]).await?;
    corpus.finds(SearchKey::Smaller(1000), &[0, 1, 2]).await?;
    corpus.finds(SearchKey::Before(date("2020-02-02")?), &[0]).await?;
    corpus.finds(SearchKey::On(date("2020-02-02")?), &[1]).await?;
    corpus
        .finds(SearchKey::Since(date("2020-02-02")?), &[1, 2, 3])
        .await?;
    let moment = |text: &str| {
        let moment = text.parse::<DateTime<Utc>>();
        moment.map_err(|error| Stop::failed("a moment", error.to_string()))
    };
    let second = moment("2020-02-02T18:30:00Z")?;
    let before = moment("2020-02-02T18:29:59Z")?;
    corpus.finds(SearchKey::ArrivedUpTo(second), &[0, 1]).await?;
    corpus.finds(SearchKey::ArrivedUpTo(before), &[0]).await?;
    corpus.finds(SearchKey::ArrivedFrom(second), &[1, 2, 3]).await?;
    corpus
        .finds(SearchKey::SentOn(date("2024-11-05")?), &[0, 1, 2])
        .await?;
    corpus
        .finds(SearchKey::SentBefore(date("2024-11-05")?), &[3])
        .await?;
    corpus
        .finds(SearchKey::SentSince(date("2024-11-05")?), &[0, 1, 2])
        .await
}

/// MODSEQ finds what has changed since, also as a part of others.
pub async fn mod_sequences<B: Backend>(stage: &Stage<B>) -> Verdict {
    let (user, mut corpus) = corpus(stage).await?;
    user.needs(Ability::ModSequences, "mod-sequences that are kept")?;
    let [first, .., last] = corpus.uids[..] else {
        return Err(Stop::failed("four messages", "others"));
    };
    let before = corpus.modseq(last).await?;
    corpus.finds(SearchKey::ModSeq(before), &[3]).await?;
    let flags = Flags::from_iter([Flag::Draft]);
    let change = FlagChange::new(FlagAction::Add, flags);
    corpus.selected.store(&[first], &change).await?;
    let after = corpus.modseq(first).await?;
    let not = |key| SearchKey::Not(Box::new(key));
    corpus.finds(SearchKey::ModSeq(before), &[0, 3]).await?;
    corpus.finds(SearchKey::ModSeq(after), &[0]).await?;
    corpus.finds(not(SearchKey::ModSeq(after)), &[1, 2, 3]).await?;
    let either = vec![SearchKey::ModSeq(after), SearchKey::Flag(Flag::Flagged)];
    corpus.finds(SearchKey::Or(either), &[0, 1]).await
}

/// EMAILID and THREADID find the messages whose records have them, also as a part of others.
pub async fn object_ids<B: Backend>(stage: &Stage<B>) -> Verdict {
    let (user, mut corpus) = corpus(stage).await?;
    user.needs(Ability::ObjectId, "object ids")?;
    let uids = corpus.uids.clone();
    let records = corpus.selected.fetch(&uids, Need::OBJECT_IDS).await?;
    let records: Vec<Record> = records.into_iter().flatten().collect();
    let having = |is_it: &dyn Fn(&Record) -> bool| places(&records, is_it);
    for id in records.iter().filter_map(Record::email_id) {
        let same = having(&|record| record.email_id() == Some(id));
        let others = having(&|record| record.email_id() != Some(id));
        corpus.finds(SearchKey::EmailId(id.clone()), &same).await?;
        let not = SearchKey::Not(Box::new(SearchKey::EmailId(id.clone())));
        corpus.finds(not, &others).await?;
    }
    for id in records.iter().filter_map(Record::thread_id) {
        let same = having(&|record| record.thread_id() == Some(id));
        corpus.finds(SearchKey::ThreadId(id.clone()), &same).await?;
    }
    let ends = [records.first(), records.last()];
    let ends = ends.into_iter().flatten().filter_map(Record::email_id);
    let either = ends.cloned().map(SearchKey::EmailId).collect();
    corpus.finds(SearchKey::Or(either), &[0, 3]).await?;
    let nobodys = ObjectId::new("nobodys-id").ok_or_else(|| Stop::failed("an object id", "none"))?;
    corpus.finds(SearchKey::EmailId(nobodys.clone()), &[]).await?;
    corpus.finds(SearchKey::ThreadId(nobodys), &[]).await
}

/// SAVEDBEFORE, SAVEDON, SAVEDSINCE and SAVEDATESUPPORTED go by the save dates of the records, in UTC; by the internal date
/// where a record has none.
pub async fn save_dates<B: Backend>(stage: &Stage<B>) -> Verdict {
    let (user, mut corpus) = corpus(stage).await?;
    user.needs(Ability::SaveDate, "save dates")?;
    let uids = corpus.uids.clone();
    let need = Need::SAVE_DATE.and(Need::INTERNAL_DATE);
    let records = corpus.selected.fetch(&uids, need).await?;
    let records: Vec<Record> = records.into_iter().flatten().collect();
    let day = |record: &Record| {
        let received = record.internal_date().map(|date| date.date_naive());
        record.save_date().map(|date| date.date_naive()).or(received)
    };
    let having = |is_it: &dyn Fn(&Record) -> bool| places(&records, is_it);
    let days: BTreeSet<NaiveDate> = records.iter().filter_map(day).collect();
    for limit in days
        .iter()
        .flat_map(|day| [day.pred_opt(), Some(*day), day.succ_opt()])
    {
        let Some(limit) = limit else { continue };
        let before = having(&|record| day(record).is_some_and(|day| day < limit));
        let on = having(&|record| day(record) == Some(limit));
        let since = having(&|record| day(record).is_some_and(|day| day >= limit));
        corpus.finds(SearchKey::SavedBefore(limit), &before).await?;
        corpus.finds(SearchKey::SavedOn(limit), &on).await?;
        corpus.finds(SearchKey::SavedSince(limit), &since).await?;
        let not = SearchKey::Not(Box::new(SearchKey::SavedBefore(limit)));
        corpus.finds(not, &since).await?;
    }
    let saved = having(&|record| record.save_date().is_some());
    corpus.finds(SearchKey::SaveDateSupported, &saved).await
}

/// HEADER, BODY and TEXT, without regard to case; an empty text finds every message that has the field.
pub async fn texts<B: Backend>(stage: &Stage<B>) -> Verdict {
    let (_user, mut corpus) = corpus(stage).await?;
    let header = |name: &str, text: &str| SearchKey::Header(name.into(), Needle::new(text));
    corpus.finds(header("subject", "APPLE"), &[0, 1]).await?;
    corpus.finds(header("From", "kit@example"), &[0, 1, 2]).await?;
    corpus.finds(header("X-Kit", ""), &[3]).await?;
    corpus.finds(SearchKey::Body(Needle::new("needle")), &[3]).await?;
    corpus
        .finds(SearchKey::Body(Needle::new("kit@example")), &[])
        .await?;
    corpus
        .finds(SearchKey::Text(Needle::new("kit@example")), &[0, 1, 2])
        .await?;
    let both = vec![SearchKey::Flag(Flag::Seen), SearchKey::Text(Needle::new("pear"))];
    corpus.finds(SearchKey::And(both), &[1]).await
}

/// A message that this client was not told of is not found, nor is one that is gone.
pub async fn only_announced_messages_are_found<B: Backend>(stage: &Stage<B>) -> Verdict {
    let (mut user, mut corpus) = corpus(stage).await?;
    let inbox = MailboxName::inbox();
    let new = user.append(&inbox, Mail::new("unannounced apple")).await?.uid();
    user.select(&inbox, Access::ReadWrite)
        .await?
        .remove(&[corpus.uids[0]])
        .await?;
    corpus.finds(SearchKey::All, &[1, 2, 3]).await?;
    let apple = SearchKey::Header("subject".into(), Needle::new("apple"));
    corpus.finds(apple.clone(), &[1]).await?;
    corpus.selected.noop().await?;
    corpus.uids.push(new);
    corpus.finds(SearchKey::All, &[1, 2, 3, 4]).await?;
    corpus.finds(apple, &[1, 4]).await
}

/// MIN and MAX are among what a store answers that was asked for no more; COUNT is the number of what it answers.
pub async fn what_is_wanted_is_found<B: Backend>(stage: &Stage<B>) -> Verdict {
    let (_user, mut corpus) = corpus(stage).await?;
    let all = UidSet::from_iter([corpus.uids[0], corpus.uids[1]]);
    for wanted in [Wanted::All, Wanted::Count, Wanted::Min, Wanted::Max] {
        let found = corpus.search(SearchKey::Flag(Flag::Seen), wanted).await?;
        let needed = match wanted {
            Wanted::Min => UidSet::from_iter(all.first()),
            Wanted::Max => UidSet::from_iter(all.last()),
            _ => all.clone(),
        };
        equal(
            &format!("matches that are missing, {wanted:?}"),
            &needed.difference(&found),
            &UidSet::new(),
        )?;
        equal(
            &format!("what is no match, {wanted:?}"),
            &found.difference(&all),
            &UidSet::new(),
        )?;
    }
    Ok(())
}

/// A mailbox that is opened read-only while another one is selected: each is searched by itself, and nothing is taken from
/// either.
pub async fn a_mailbox_is_searched_beside_the_selected_one<B: Backend>(stage: &Stage<B>) -> Verdict {
    let mut user = stage.login().await?;
    let (inbox, other) = (MailboxName::inbox(), user.second_mailbox().await?);
    let mut uids = Vec::new();
    for mail in [Mail::new("one"), Mail::new("two").flagged([Flag::Seen])] {
        uids.push(user.append(&inbox, mail).await?.uid());
    }
    let there = user
        .append(&other, Mail::new("three").flagged([Flag::Seen]))
        .await?
        .uid();
    let selected = user.select(&inbox, Access::ReadWrite).await?;
    let mut here = Corpus { selected, uids };
    let selected = user.select(&other, Access::ReadOnly).await?;
    let mut beside = Corpus {
        selected,
        uids: vec![there],
    };
    let seen = || SearchKey::Flag(Flag::Seen);
    beside.finds(seen(), &[0]).await?;
    here.finds(seen(), &[1]).await?;
    beside.selected.mailbox.close().await.must("close")?;
    here.finds(SearchKey::All, &[0, 1]).await?;
    let news = here.selected.noop().await?;
    equal("news of the selected mailbox", &news.is_silent(), &true)?;
    let recent = user.select(&other, Access::ReadWrite).await?.figures.recent;
    equal("RECENT of the other mailbox afterwards", &recent, &1)
}

/// The places of the records of which something is true.
fn places(records: &[Record], is_it: &dyn Fn(&Record) -> bool) -> Vec<usize> {
    let having = records.iter().enumerate().filter(|(_, record)| is_it(record));
    having.map(|(place, _)| place).collect()
}

struct Corpus<M> {
    selected: Selected<M>,
    uids: Vec<Uid>,
}

impl<M: Mailbox> Corpus<M> {
    /// The key finds the messages at these places and no others.
    async fn finds(&mut self, key: SearchKey, places: &[usize]) -> Verdict {
        let what = format!("what {key:?} finds");
        let found = self.search(key, Wanted::All).await?;
        equal(&what, &found, &places.iter().map(|at| self.uids[*at]).collect())
    }

    async fn modseq(&mut self, uid: Uid) -> Result<ModSeq, Stop> {
        let record = self.selected.fetch_one(uid, Need::MODSEQ).await?;
        let modseq = record.modseq();
        modseq.ok_or_else(|| Stop::failed(format!("a mod-sequence of UID {uid}"), "none"))
    }

    async fn search(&mut self, key: SearchKey, wanted: Wanted) -> Result<UidSet, Stop> {
        let _command = self.selected.updates.begin(kind::Search);
        let view = self.selected.updates.view().clone();
        let query = Query::new(key, view.clone()).with_wanted(wanted);
        let found = self.selected.mailbox.search(&query).await.optional("SEARCH")?;
        // What else matches, the server leaves out.
        Ok(found.uids().intersection(&view.uids().collect()))
    }
}

/// Four messages that differ in everything a search can ask for.
async fn corpus<B: Backend>(
    stage: &Stage<B>,
) -> Result<(User<B::Session>, Corpus<<B::Session as Session>::Mailbox>), Stop> {
    let mut user = stage.login().await?;
    let inbox = MailboxName::inbox();
    let long = format!(
        "Date: Mon, 4 Nov 2024 23:30:00 -0800\r\nX-Kit: yes\r\n\r\n{}needle\r\n",
        "a line of hay\r\n".repeat(100)
    );
    let mails = [
        Mail::new("apple")
            .flagged([Flag::Seen])
            .dated("2020-02-01T23:59:59+00:00"),
        Mail::new("Apple and pear")
            .flagged([Flag::Seen, Flag::Flagged])
            .dated("2020-02-02T10:30:00-08:00"),
        Mail::new("plum")
            .flagged([Flag::Answered])
            .dated("2020-02-03T00:00:00+00:00"),
        Mail::raw(long),
    ];
    let mut uids = Vec::new();
    for mail in mails {
        uids.push(user.append(&inbox, mail).await?.uid());
    }
    let selected = user.select(&inbox, Access::ReadWrite).await?;
    Ok((user, Corpus { selected, uids }))
}
