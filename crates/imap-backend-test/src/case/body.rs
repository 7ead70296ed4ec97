//! The handles to message octets that `fetch` answers.

use crate::mail::Mail;
use crate::read::{body_of, read_whole, same_octets};
use crate::stage::Stage;
use crate::verdict::{Answer, Stop, Verdict, ensure, equal};
use imap_backend::{Backend, Body, ErrorKind, MailboxName, Need};
use imap_message::Summary;
use imap_updates::Access;
use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

/// Somewhat longer than twice what a server reads at a time.
const LONG: usize = 150_000;

/// A message no two pieces of which are alike.
fn long() -> Mail {
    let lines = (0..LONG / 12).map(|number| format!("line {number:>5}\r\n"));
    Mail::raw(format!("Subject: long\r\n\r\n{}", lines.collect::<String>()))
}

/// Any piece can be read: at the start, in the middle, across the ends of chunks, to the last octet, past the end. A
/// piece is as long as was asked for, or ends where the message ends. Pieces together are the message.
pub async fn a_handle_reads_any_piece<B: Backend>(stage: &Stage<B>) -> Verdict {
    let mut user = stage.login().await?;
    let inbox = MailboxName::inbox();
    for mail in [long(), Mail::new("short"), Mail::raw("Subject: no end\r\n\r\nx")] {
        let whole = mail.octets().clone();
        let uid = user.append(&inbox, mail).await?.uid();
        let mut selected = user.select(&inbox, Access::ReadOnly).await?;
        let record = selected.fetch_one(uid, Need::BODY).await?;
        let body = body_of(&record)?;
        let size = body.size().await.must("the size of a body")?;
        equal("size of the body", &size, &(whole.len() as u64))?;
        let places = [
            0,
            1,
            17,
            4_095,
            8_191,
            65_535,
            65_536,
            whole.len() / 2,
            whole.len() - 1,
        ];
        let lengths = [1, 2, 100, 4_096, 65_537, whole.len(), whole.len() + 1, usize::MAX];
        for at in places.into_iter().filter(|at| *at < whole.len()) {
            for length in lengths {
                let end = at.saturating_add(length).min(whole.len());
                let piece = body.read_at(at as u64, length).await.must("reading a body")?;
                let what = format!("{length} octets from {at} of {}", whole.len());
                same_octets(&what, &piece.into(), &whole[at..end])?;
            }
        }
        for at in [size, size + 1, u64::MAX] {
            let piece = body
                .read_at(at, 100)
                .await
                .must("reading past the end of a body")?;
            same_octets(&format!("octets from {at} of {size}"), &piece.into(), b"")?;
        }
        let none = body.read_at(0, 0).await.must("reading nothing")?;
        same_octets("no octets", &none.into(), b"")?;
        same_octets("the pieces together", &read_whole(body).await?, &whole)?;
    }
    Ok(())
}

/// Clones of a handle, and another handle to the message, read the same at the same time, each in its own order.
pub async fn clones_of_a_handle_agree<B: Backend>(stage: &Stage<B>) -> Verdict {
    let mut user = stage.login().await?;
    let inbox = MailboxName::inbox();
    let whole = long().octets().clone();
    let uid = user.append(&inbox, long()).await?.uid();
    let mut selected = user.select(&inbox, Access::ReadOnly).await?;
    let record = selected.fetch_one(uid, Need::BODY).await?;
    let again = selected.fetch_one(uid, Need::BODY).await?;
    let (one, clone, other) = (body_of(&record)?, body_of(&record)?.clone(), body_of(&again)?);
    let piece = 7_000;
    for at in (0..whole.len()).step_by(piece) {
        let end = (at + piece).min(whole.len());
        let back = whole.len() - end;
        for body in [&clone, other] {
            let (forward, backward) = both(one, at, body, back, piece).await?;
            same_octets(&format!("{piece} octets from {at}"), &forward, &whole[at..end])?;
            let end = (back + piece).min(whole.len());
            same_octets(
                &format!("{piece} octets from {back}"),
                &backward,
                &whole[back..end],
            )?;
        }
    }
    Ok(())
}

/// Two pieces that are read at the same time.
async fn both(
    one: &Body,
    at: usize,
    other: &Body,
    back: usize,
    length: usize,
) -> Result<(crate::read::Octets, crate::read::Octets), Stop> {
    let mut first = pin!(one.read_at(at as u64, length));
    let mut second = pin!(other.read_at(back as u64, length));
    let (mut forward, mut backward) = (None, None);
    poll_fn(|context| {
        if forward.is_none()
            && let Poll::Ready(read) = first.as_mut().poll(context)
        {
            forward = Some(read);
        }
        if backward.is_none()
            && let Poll::Ready(read) = second.as_mut().poll(context)
        {
            backward = Some(read);
        }
        match forward.is_some() && backward.is_some() {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    })
    .await;
    let (Some(forward), Some(backward)) = (forward, backward) else {
        return Err(Stop::failed("two pieces", "none"));
    };
    Ok((
        forward.must("reading a body")?.into(),
        backward.must("reading a body")?.into(),
    ))
}

/// RFC822.SIZE, the size of the handle and the number of octets that are read are one number, also where line ends were
/// added.
pub async fn sizes_agree<B: Backend>(stage: &Stage<B>) -> Verdict {
    let mut user = stage.login().await?;
    let inbox = MailboxName::inbox();
    for mail in [
        Mail::new("crlf"),
        Mail::raw("Subject: lf\n\none\ntwo\n"),
        Mail::raw("x"),
        long(),
    ] {
        user.append(&inbox, mail).await?;
    }
    let mut selected = user.select(&inbox, Access::ReadOnly).await?;
    let uids = selected.model.uids();
    for record in selected
        .fetch(&uids, Need::BODY.and(Need::SIZE))
        .await?
        .iter()
        .flatten()
    {
        let body = body_of(record)?;
        let size = body.size().await.must("the size of a body")?;
        let read = read_whole(body).await?.len() as u64;
        let uid = record.uid();
        equal(
            &format!("size of UID {uid}: of the record, of the handle, of what is read"),
            &(record.size(), size, read),
            &(Some(read), read, read),
        )?;
    }
    Ok(())
}

/// A summary that the store keeps says the same as one that is made of the message: envelope, structure, size. One of
/// the header alone has the envelope.
pub async fn summaries_are_those_of_the_messages<B: Backend>(stage: &Stage<B>) -> Verdict {
    let mut user = stage.login().await?;
    let inbox = MailboxName::inbox();
    let multipart = "From: a <a@example.org>\nTo: b@example.org, c@example.org\n\
        Date: Tue, 5 Nov 2024 10:00:00 +0100\nSubject: parts\nMIME-Version: 1.0\n\
        Content-Type: multipart/mixed; boundary=b\n\n--b\n\none\ntwo\n--b\nContent-Type: text/html\n\n<p>\n--b--\n";
    for mail in [
        Mail::new("plain"),
        Mail::raw(multipart),
        Mail::raw("no header at all"),
        long(),
    ] {
        user.append(&inbox, mail).await?;
    }
    let mut selected = user.select(&inbox, Access::ReadOnly).await?;
    let uids = selected.model.uids();
    let mut kept = 0;
    for need in [Need::SUMMARY, Need::HEADER_SUMMARY] {
        for record in selected
            .fetch(&uids, need.and(Need::BODY))
            .await?
            .iter()
            .flatten()
        {
            let Some(summary) = record.summary() else {
                continue;
            };
            kept += 1;
            let made = Summary::of(&read_whole(body_of(record)?).await?);
            let uid = record.uid();
            equal(
                &format!("envelope of UID {uid}"),
                &summary.envelope(),
                &made.envelope(),
            )?;
            if need == Need::SUMMARY || summary.structure().is_some() {
                equal(
                    &format!("structure of UID {uid}"),
                    &summary.structure(),
                    &made.structure(),
                )?;
                equal(
                    &format!("size of UID {uid} in its summary"),
                    &summary.size(),
                    &made.size(),
                )?;
            }
        }
    }
    match kept {
        0 => Err(Stop::skipped("summaries that it keeps")),
        _ => Ok(()),
    }
}

/// Whoever asks for a summary and gets none gets the message, of which it can be made.
pub async fn without_a_summary_there_is_a_body<B: Backend>(stage: &Stage<B>) -> Verdict {
    let mut user = stage.login().await?;
    let inbox = MailboxName::inbox();
    let uid = user.append(&inbox, Mail::new("needs")).await?.uid();
    let mut selected = user.select(&inbox, Access::ReadOnly).await?;
    for need in [Need::SUMMARY, Need::HEADER_SUMMARY] {
        let record = selected.fetch_one(uid, need).await?;
        ensure!(
            record.summary().is_some() || record.body().is_some(),
            format!("a summary or a body for {need:?}"),
            "neither"
        );
    }
    Ok(())
}

/// A handle that was taken before its message was expunged reads that message, or fails with `[EXPUNGEISSUED]`. It never
/// reads another one.
pub async fn a_handle_outlives_its_message_or_says_so<B: Backend>(stage: &Stage<B>) -> Verdict {
    let (mut user, mut other) = (stage.login().await?, stage.login().await?);
    let inbox = MailboxName::inbox();
    let mails = ["goes", "the next", "the last"].map(Mail::new);
    let mut uids = Vec::new();
    for mail in &mails {
        uids.push(user.append(&inbox, mail.clone()).await?.uid());
    }
    let mut selected = user.select(&inbox, Access::ReadOnly).await?;
    let record = selected.fetch_one(uids[0], Need::BODY).await?;
    let body = body_of(&record)?;
    let mut removing = other.select(&inbox, Access::ReadWrite).await?;
    removing.remove(&uids[..1]).await?;
    user.append(&inbox, Mail::new("came later")).await?;
    for at in [0, 10] {
        match body.read_at(at as u64, usize::MAX).await {
            Err(error) if error.kind() == ErrorKind::ExpungeIssued => {}
            answer => {
                let seen = answer.must("reading an expunged message to succeed, or be ExpungeIssued; it")?;
                same_octets("an expunged message", &seen.into(), &mails[0].octets()[at..])?;
            }
        }
    }
    // The others are read as before.
    same_octets(
        "a message that stays",
        &selected.read(uids[1]).await?.octets,
        mails[1].octets(),
    )
}
