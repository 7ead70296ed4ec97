//! What a client finds in an account.

use std::collections::{BTreeMap, BTreeSet};

use super::expected::Expected;
use super::*;
use imap_seq::ModSeq;

/// What a client finds in a mailbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SeenMailbox {
    pub(super) uid_validity: u32,
    pub(super) uid_next: u32,
    pub(super) keywords: BTreeSet<String>,
    pub(super) highest_modseq: u64,
    /// What vanished since these mod-sequences, as far as is remembered.
    pub(super) vanished: BTreeMap<u64, Option<BTreeSet<u32>>>,
    pub(super) messages: Vec<SeenMessage>,
    pub(super) annotations: Annotations,
}

/// Values of annotations, by entry.
pub(super) type Annotations = BTreeMap<String, String>;

/// What a client finds of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SeenMessage {
    pub(super) uid: u32,
    pub(super) text: String,
    /// Sorted.
    pub(super) flags: Vec<String>,
    pub(super) modseq: u64,
    /// Seconds since the epoch.
    pub(super) date: i64,
}

/// What a client finds in an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) mailboxes: BTreeMap<String, SeenMailbox>,
    pub(super) subscribed: BTreeSet<String>,
    /// Annotations of the server.
    pub(super) of_server: Annotations,
}

/// What a client finds in an account; `expected` says what clients would ask for.
///
/// # Errors
/// What cannot be opened or read.
pub(super) async fn see(fixture: &Fixture, expected: &Expected) -> Result<Seen, String> {
    let failed = |error| format!("{error:?}");
    let mut session = fixture.backend.session("u").await.map_err(failed)?;
    let listed = session.list(&ListQuery::default()).await.map_err(failed)?;
    let mut mailboxes = BTreeMap::new();
    for entry in listed {
        if entry.listed_as() == imap_backend::ListedAs::Mailbox {
            let mailbox = entry.name().to_string();
            let seen = see_mailbox(&mut session, &mailbox, &expected.told_modseqs(&mailbox)).await;
            let seen = seen.map_err(|error| format!("{mailbox}: {error}"))?;
            mailboxes.insert(mailbox, seen);
        }
    }
    let subscribed = ListQuery::new(Selection::Subscribed);
    let subscribed = session.list(&subscribed).await.map_err(failed)?;
    Ok(Seen {
        mailboxes,
        subscribed: subscribed.iter().map(|entry| entry.name().to_string()).collect(),
        of_server: see_annotations(&mut session, None).await?,
    })
}

async fn see_annotations(
    session: &mut MaildirSession,
    mailbox: Option<&MailboxName>,
) -> Result<Annotations, String> {
    let metadata = session.metadata(mailbox).await;
    let metadata = metadata.map_err(|error| format!("{error:?}"))?;
    let shown = |(name, value): (&imap_backend::EntryName, &Bytes)| {
        (name.to_string(), String::from_utf8_lossy(value).into_owned())
    };
    Ok(metadata.iter().map(shown).collect())
}

/// What a client finds in a mailbox.
///
/// # Errors
/// What cannot be opened or read.
pub(super) async fn see_mailbox(
    session: &mut MaildirSession,
    mailbox: &str,
    since: &[u64],
) -> Result<SeenMailbox, String> {
    let failed = |error| format!("{error:?}");
    let select = Select::new(Access::ReadWrite);
    let opened = session.select(&name(mailbox), &select).await.map_err(failed)?;
    let highest_modseq = opened.highest_modseq().ok_or("no HIGHESTMODSEQ")?.get();
    let mut client = Client::of(opened);
    let uids: Vec<_> = client.updates().view().uids().collect();
    let need = Need::BODY.and(Need::SIZE).and(Need::INTERNAL_DATE);
    let mut messages = Vec::new();
    let fetched = client.mailbox().fetch(&uids, need).await.map_err(failed)?;
    for (uid, record) in uids.into_iter().zip(fetched) {
        let record = record.ok_or_else(|| format!("UID {uid} is not there"))?;
        let body = record.body().ok_or("no body")?;
        let octets = body.read_at(0, 1 << 20).await.map_err(failed)?;
        messages.push(SeenMessage {
            uid: uid.get(),
            text: String::from_utf8_lossy(&octets).into_owned(),
            flags: sorted(record.flags()),
            modseq: record.modseq().ok_or("no mod-sequence")?.get(),
            date: record.internal_date().ok_or("no date")?.timestamp(),
        });
    }
    let mut vanished = BTreeMap::new();
    for &since in since {
        let modseq = ModSeq::new(since).ok_or("0 was told")?;
        let uids = client.mailbox().vanished_since(modseq).await.map_err(failed)?;
        vanished.insert(since, uids.map(|uids| uids.iter().map(Uid::get).collect()));
    }
    Ok(SeenMailbox {
        annotations: see_annotations(session, Some(&name(mailbox))).await?,
        highest_modseq,
        vanished,
        uid_validity: client.uid_validity.get(),
        uid_next: client.uid_next.map_or(0, Uid::get),
        keywords: client
            .keywords
            .iter()
            .map(|keyword| keyword.as_str().to_owned())
            .collect(),
        messages,
    })
}

/// In an order of their own, without what belongs to one session.
pub(super) fn sorted(flags: &Flags) -> Vec<String> {
    let text = flags.to_string();
    let flags = text.trim_matches(['(', ')']).split_whitespace();
    let flags: BTreeSet<_> = flags
        .filter(|flag| *flag != "\\Recent")
        .map(str::to_owned)
        .collect();
    flags.into_iter().collect()
}
