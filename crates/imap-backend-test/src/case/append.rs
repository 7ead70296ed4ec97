//! APPEND: what goes in comes out.

use crate::mail::{Mail, Source};
use crate::read::same_octets;
use crate::stage::{Stage, name};
use crate::verdict::{Answer, Verdict, ensure, equal};
use imap_backend::{Backend, ErrorKind, MailboxName, Need, Session};
use imap_updates::{Access, Flag};

/// A message with CRLF line ends comes back as it is: 8-bit octets, long lines, lines of dots, no line end at the
/// end. Its size is the number of its octets.
pub async fn messages_come_back_octet_for_octet<B: Backend>(stage: &Stage<B>) -> Verdict {
    let mut user = stage.login().await?;
    let inbox = MailboxName::inbox();
    let long = format!("Subject: long\r\n\r\n{}\r\n", "x".repeat(4000));
    let messages: [&[u8]; 5] = [
        b"Subject: plain\r\n\r\nbody\r\n",
        b"Subject: \xe9\xff\r\n\r\n\x01\x80\xfe\r\n.\r\n..\r\nFrom me\r\n",
        b"Subject: no body\r\n\r\n",
        b"Subject: no end\r\n\r\nlast line",
        long.as_bytes(),
    ];
    for octets in messages {
        let uid = user.append(&inbox, Mail::raw(octets.to_vec())).await?.uid();
        let mut selected = user.select(&inbox, Access::ReadOnly).await?;
        let message = selected.read(uid).await?;
        same_octets("octets", &message.octets, octets)?;
        let what = format!("size of {:?}", message.octets);
        equal(&what, &message.size, &Some(octets.len() as u64))?;
    }
    Ok(())
}

/// Flags and internal date are those of the APPEND; the date to the second.
pub async fn flags_and_date_are_kept<B: Backend>(stage: &Stage<B>) -> Verdict {
    let mut user = stage.login().await?;
    let inbox = MailboxName::inbox();
    let mail = Mail::new("flags")
        .flagged([Flag::Seen, Flag::Answered])
        .dated("2001-02-03T04:05:06+07:00");
    let append = mail.append();
    let uid = user.append(&inbox, mail).await?.uid();
    let bare = user.append(&inbox, Mail::new("none")).await?.uid();
    let mut selected = user.select(&inbox, Access::ReadOnly).await?;
    let record = selected.fetch_one(uid, Need::INTERNAL_DATE).await?;
    equal("flags", record.flags(), append.flags())?;
    let date = |date: Option<chrono::DateTime<chrono::FixedOffset>>| date.map(|date| date.timestamp());
    equal(
        "internal date, in seconds",
        &date(record.internal_date()),
        &date(append.internal_date()),
    )?;
    let record = selected.fetch_one(bare, Need::INTERNAL_DATE).await?;
    ensure!(
        record.flags().is_empty(),
        "no flags where none were given",
        record.flags().to_string()
    );
    ensure!(
        record.internal_date().is_some(),
        "an internal date where none was given",
        "none"
    );
    Ok(())
}

/// Line ends of LF alone become CRLF, and the size counts them so.
pub async fn bare_lf_comes_back_as_crlf<B: Backend>(stage: &Stage<B>) -> Verdict {
    let mut user = stage.login().await?;
    let inbox = MailboxName::inbox();
    let uid = user
        .append(&inbox, Mail::raw(&b"Subject: lf\n\none\r\ntwo\n"[..]))
        .await?
        .uid();
    let mut selected = user.select(&inbox, Access::ReadOnly).await?;
    let message = selected.read(uid).await?;
    let expected = b"Subject: lf\r\n\r\none\r\ntwo\r\n";
    same_octets("octets", &message.octets, expected)?;
    equal("size", &message.size, &Some(expected.len() as u64))
}

/// A message with NUL is refused, or stored without it.
pub async fn nul_never_comes_back<B: Backend>(stage: &Stage<B>) -> Verdict {
    let mut user = stage.login().await?;
    let inbox = MailboxName::inbox();
    let mail = Mail::raw(&b"Subject: nul\r\n\r\na\0b\r\n"[..]);
    let answer = user.session.append(&inbox, &mail.append(), mail.source()).await;
    let uid = match answer {
        Err(error) if error.kind() == ErrorKind::UnknownEncoding => {
            let left = user.look(&inbox).await?.0.len();
            return equal("messages after a refused APPEND", &left, &0);
        }
        answer => answer
            .must("append of a message with NUL to succeed, or be UnknownEncoding; it")?
            .uid(),
    };
    let mut selected = user.select(&inbox, Access::ReadOnly).await?;
    let octets = selected.read(uid).await?.octets;
    ensure!(!octets.contains(&0), "octets without NUL", format!("{octets:?}"));
    Ok(())
}

/// APPEND to a missing mailbox is `[TRYCREATE]` and creates nothing.
pub async fn a_missing_mailbox_is_not_created<B: Backend>(stage: &Stage<B>) -> Verdict {
    let mut user = stage.login().await?;
    let missing = name("kit missing")?;
    let mail = Mail::new("nowhere");
    let answer = user.session.append(&missing, &mail.append(), mail.source()).await;
    answer.refused("append to a missing mailbox", &[ErrorKind::TryCreate])?;
    ensure!(
        !user.has(&missing).await?,
        "no mailbox to come into being",
        "it is listed"
    );
    Ok(())
}

/// A client that goes away in the middle leaves no message, and the mailbox works on.
pub async fn a_broken_off_message_leaves_nothing<B: Backend>(stage: &Stage<B>) -> Verdict {
    let mut user = stage.login().await?;
    let inbox = MailboxName::inbox();
    let mut watching = user.select(&inbox, Access::ReadWrite).await?;
    let mail = Mail::new(&"half ".repeat(100));
    let half = Source::broken_off(mail.octets().clone());
    let answer = user.session.append(&inbox, &mail.append(), half).await;
    answer.refused("append of half a message", &[ErrorKind::ClientGone])?;
    let news = watching.noop().await?;
    ensure!(news.is_silent(), "nothing to tell", news.to_string());
    let uid = user.append(&inbox, Mail::new("whole")).await?.uid();
    let (messages, _) = user.look(&inbox).await?;
    equal(
        "messages after half a message and a whole one",
        &messages.iter().map(|m| m.uid).collect(),
        &vec![uid],
    )
}
