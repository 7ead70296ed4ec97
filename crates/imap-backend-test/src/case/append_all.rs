//! APPEND of several messages, all or none, and of messages that are put together of others.

use crate::mail::{Mail, Series};
use crate::read::same_octets;
use crate::stage::{Stage, User, name};
use crate::verdict::{Answer, Stop, Verdict, ensure, equal};
use bytes::Bytes;
use imap_backend::{
    Ability, Backend, Error, ErrorKind, Mailbox, MailboxName, MessageSource, Need, Select, Session,
};
use imap_updates::{Access, Flag};

/// Messages have their own flags and dates, ascending UIDs in the order in which they came, and are told to who watches.
pub async fn messages_come_back_in_their_order<B: Backend>(stage: &Stage<B>) -> Verdict {
    let mut user = ready(stage).await?;
    let inbox = MailboxName::inbox();
    let mut watching = user.select(&inbox, Access::ReadWrite).await?;
    let large = format!("Subject: large\r\n\r\n{}", "0123456789abcdef\r\n".repeat(40_000));
    let mails = [
        Mail::new("one").flagged([Flag::Seen]),
        Mail::raw(large).dated("2001-02-03T04:05:06+07:00"),
        Mail::new("three").flagged([Flag::Draft, Flag::Flagged]),
        Mail::new("four"),
    ];
    let series = Series::whole(mails.clone());
    let appended = user.session.append_all(&inbox, series).await.must("append_all")?;
    let told = watching.noop().await?.arrived;
    equal(
        "messages told to a session",
        &told,
        &appended.uids().iter().collect(),
    )?;
    let (messages, validity) = user.look(&inbox).await?;
    equal("UIDVALIDITY", &appended.uid_validity(), &validity)?;
    equal("messages", &messages.iter().map(|m| m.uid).collect(), &told)?;
    for (message, mail) in messages.iter().zip(&mails) {
        same_octets("octets", &message.octets, mail.octets())?;
        equal("flags", &message.flags, mail.append().flags())?;
    }
    let date = messages.get(1).and_then(|message| message.internal_date);
    let expected = mails[1].append().internal_date();
    equal(
        "internal date, in seconds",
        &date.map(|date| date.timestamp()),
        &expected.map(|date| date.timestamp()),
    )
}

/// A client that goes away in the middle of a message, or says nonsense between two, leaves none of them.
pub async fn what_goes_wrong_leaves_no_message<B: Backend>(stage: &Stage<B>) -> Verdict {
    let mut user = ready(stage).await?;
    let inbox = MailboxName::inbox();
    let mut watching = user.select(&inbox, Access::ReadWrite).await?;
    let mails = || [Mail::new("one"), Mail::new(&"two ".repeat(100))];
    for series in [Series::broken_off(mails()), Series::going_wrong(mails())] {
        let answer = user.session.append_all(&inbox, series).await;
        answer.refused("append_all that breaks off", &[ErrorKind::ClientGone])?;
        let news = watching.noop().await?;
        ensure!(news.is_silent(), "nothing to tell", news.to_string());
        equal("messages", &user.look(&inbox).await?.0.len(), &0)?;
    }
    let uid = user.append(&inbox, Mail::new("whole")).await?.uid();
    equal("messages told", &watching.noop().await?.arrived, &vec![uid])
}

/// Where one message cannot be stored, none is.
pub async fn a_refused_message_takes_the_others_along<B: Backend>(stage: &Stage<B>) -> Verdict {
    let mut user = ready(stage).await?;
    let inbox = MailboxName::inbox();
    let series = Series::whole([
        Mail::new("one"),
        Mail::raw(&b"Subject: nul\r\n\r\na\0b\r\n"[..]),
        Mail::new("three"),
    ]);
    let stored = match user.session.append_all(&inbox, series).await {
        Err(error) if error.kind() == ErrorKind::UnknownEncoding => 0,
        answer => answer
            .must("append_all with a NUL to succeed, or be UnknownEncoding; it")?
            .uids()
            .len(),
    };
    ensure!(
        stored == 0 || stored == 3,
        "all messages or none",
        format!("{stored}")
    );
    let messages = user.look(&inbox).await?.0;
    equal("messages", &(messages.len() as u64), &stored)
}

/// A missing mailbox is `[TRYCREATE]` and not created.
pub async fn a_missing_mailbox_is_not_created<B: Backend>(stage: &Stage<B>) -> Verdict {
    let mut user = ready(stage).await?;
    let missing = name("kit missing")?;
    let answer = user
        .session
        .append_all(&missing, Series::whole([Mail::new("nowhere")]))
        .await;
    answer.refused("append_all to a missing mailbox", &[ErrorKind::TryCreate])?;
    ensure!(
        !user.has(&missing).await?,
        "no mailbox to come into being",
        "it is listed"
    );
    Ok(())
}

async fn ready<B: Backend>(stage: &Stage<B>) -> Result<User<B::Session>, Stop> {
    let user = stage.login().await?;
    user.needs(Ability::MultiAppend, "MULTIAPPEND")?;
    Ok(user)
}

/// The message of INBOX, read when the store asks for the octets of a new one.
struct Reading<S> {
    session: S,
    is_read: bool,
}

impl<S: Session> MessageSource for Reading<S> {
    fn size(&self) -> Option<u64> {
        None
    }

    async fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        if std::mem::replace(&mut self.is_read, true) {
            return Ok(None);
        }
        let how = Select::new(Access::ReadOnly);
        let opened = self.session.select(&MailboxName::inbox(), &how).await?;
        let (mut mailbox, updates) = opened.into_parts();
        let uids: Vec<_> = updates.view().uids().collect();
        let fetched = mailbox.fetch(&uids, Need::BODY).await?;
        let record = fetched.into_records().next().ok_or(ErrorKind::ExpungeIssued)?;
        let body = record.body().ok_or(ErrorKind::ServerBug)?;
        Ok(Some(body.read_at(0, usize::MAX >> 1).await?))
    }
}

/// A session stores what another of the same user reads meanwhile, in the same mailbox.
pub async fn another_session_reads_while_one_stores<B: Backend>(stage: &Stage<B>) -> Verdict {
    let mut user = stage.login().await?;
    user.needs(Ability::Catenate, "CATENATE")?;
    let inbox = MailboxName::inbox();
    let mail = Mail::new("twice");
    user.append(&inbox, mail.clone()).await?;
    let Some(session) = user.session.another() else {
        return Err(Stop::failed("another session, as it was offered", "none"));
    };
    let source = Reading {
        session,
        is_read: false,
    };
    let appended = user.session.append(&inbox, &mail.append(), source).await;
    appended.must("append of what another session reads")?;
    let messages = user.look(&inbox).await?.0;
    equal("messages", &messages.len(), &2)?;
    same_octets("octets", &messages[1].octets, mail.octets())
}
