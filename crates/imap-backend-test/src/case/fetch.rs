//! What `Mailbox::fetch` answers.

use crate::mail::Mail;
use crate::read::{body_of, read_whole, same_octets};
use crate::stage::Stage;
use crate::verdict::{Answer, Verdict, ensure, equal};
use imap_backend::walk::MOST_UIDS;
use imap_backend::{Backend, Mailbox, MailboxName, Need, Record};
use imap_updates::{Access, Flag};

/// One entry for each UID in the order of the question, `None` for a message that is gone.
pub async fn answers_come_in_the_order_of_the_question<B: Backend>(stage: &Stage<B>) -> Verdict {
    let mut user = stage.login().await?;
    let inbox = MailboxName::inbox();
    let mut uids = Vec::new();
    for subject in ["one", "two", "three", "four"] {
        uids.push(user.append(&inbox, Mail::new(subject)).await?.uid());
    }
    let mut selected = user.select(&inbox, Access::ReadWrite).await?;
    let gone = uids[1];
    selected.remove(&[gone]).await?;
    for question in [
        [uids[0], gone, uids[2], uids[3]],
        [uids[3], uids[0], gone, uids[2]],
    ] {
        let answer = selected.fetch(&question, Need::FLAGS).await?;
        let answer: Vec<_> = answer
            .iter()
            .map(|record| record.as_ref().map(Record::uid))
            .collect();
        let expected: Vec<_> = question
            .iter()
            .map(|uid| (*uid != gone).then_some(*uid))
            .collect();
        equal(&format!("the answer to {question:?}"), &answer, &expected)?;
    }
    Ok(())
}

/// Date, size, header and octets are there when they are asked for, alone and together.
pub async fn what_is_needed_is_there<B: Backend>(stage: &Stage<B>) -> Verdict {
    let mut user = stage.login().await?;
    let inbox = MailboxName::inbox();
    let mail = Mail::new("need");
    let uid = user.append(&inbox, mail.clone()).await?.uid();
    let mut selected = user.select(&inbox, Access::ReadOnly).await?;
    let date = selected
        .fetch_one(uid, Need::INTERNAL_DATE)
        .await?
        .internal_date();
    ensure!(date.is_some(), "an internal date", "none");
    let size = selected.fetch_one(uid, Need::SIZE).await?.size();
    equal("size", &size, &Some(mail.octets().len() as u64))?;
    let record = selected.fetch_one(uid, Need::BODY).await?;
    same_octets("octets", &read_whole(body_of(&record)?).await?, mail.octets())?;
    let record = selected.fetch_one(uid, Need::HEADER).await?;
    let end = mail.octets().len() - "The body of need.\r\n".len();
    let header = body_of(&record)?.read_first(end).await.must("reading a header")?;
    same_octets("the header", &header.into(), &mail.octets()[..end])?;
    let message = selected.read(uid).await?;
    equal("size, asked for with the rest", &message.size, &size)?;
    equal("date, asked for with the rest", &message.internal_date, &date)?;
    same_octets("octets, asked for with the rest", &message.octets, mail.octets())
}

/// Reading a message does not set `\Seen`: the server does that, where the client did not say PEEK.
pub async fn reading_changes_no_flags<B: Backend>(stage: &Stage<B>) -> Verdict {
    let mut user = stage.login().await?;
    let inbox = MailboxName::inbox();
    let uid = user
        .append(&inbox, Mail::new("unread").flagged([Flag::Flagged]))
        .await?
        .uid();
    let mut selected = user.select(&inbox, Access::ReadWrite).await?;
    let before = selected.fetch_one(uid, Need::FLAGS).await?;
    selected.read(uid).await?;
    let after = selected.fetch_one(uid, Need::FLAGS).await?;
    equal("flags after reading", after.flags(), before.flags())?;
    let news = selected.noop().await?;
    ensure!(news.is_silent(), "nothing to tell", news.to_string());
    Ok(())
}

/// As many UIDs as a server asks for at a time have as many entries, most of them `None` here; no UIDs have none.
pub async fn long_questions_are_answered_whole<B: Backend>(stage: &Stage<B>) -> Verdict {
    let mut user = stage.login().await?;
    let inbox = MailboxName::inbox();
    let uid = user.append(&inbox, Mail::new("one")).await?.uid();
    let mut selected = user.select(&inbox, Access::ReadOnly).await?;
    let mut question: Vec<_> = std::iter::successors(Some(uid), |uid| uid.next())
        .take(MOST_UIDS)
        .collect();
    question.reverse();
    for need in [Need::FLAGS, Need::BODY] {
        let answer = selected.fetch(&question, need).await?;
        let there: Vec<_> = answer.iter().flatten().map(Record::uid).collect();
        equal("messages that are there", &there, &vec![uid])?;
    }
    let none = selected
        .mailbox
        .fetch(&[], Need::FLAGS)
        .await
        .must("fetch of nothing")?;
    equal("entries for no UIDs", &none.len(), &0)
}
