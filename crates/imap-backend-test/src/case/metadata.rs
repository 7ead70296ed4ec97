//! Annotations of mailboxes and of the server.

use crate::stage::{Stage, User, name};
use crate::verdict::{Answer, Stop, Verdict, ensure, equal};
use bytes::Bytes;
use imap_backend::{Ability, Backend, EntryName, ErrorKind, MailboxName, Metadata, Session};

/// What is set is there for every session, with every octet, until it is removed.
pub async fn annotations_are_kept<B: Backend>(stage: &Stage<B>) -> Verdict {
    let (mut user, mut other) = (stage.login().await?, stage.login().await?);
    user.needs(Ability::Metadata, "annotations")?;
    let inbox = MailboxName::inbox();
    let (private, shared) = (entry("/private/comment")?, entry("/shared/vendor/kit/a b")?);
    let octets = Bytes::from_static(b"two\r\nlines \xff\t\"");
    for place in [Some(&inbox), None] {
        let changes = [
            (private.clone(), Some(octets.clone())),
            (shared.clone(), Some(Bytes::new())),
        ];
        set(&mut user, place, &changes).await?;
        let seen = get(&mut other, place).await?;
        equal("a value", &seen.get(&private), &Some(&octets))?;
        equal("an empty value", &seen.get(&shared), &Some(&Bytes::new()))?;
        set(&mut other, place, &[(private.clone(), None)]).await?;
        let seen = get(&mut user, place).await?;
        equal("a value that was removed", &seen.get(&private), &None)?;
        equal("a value that was not", &seen.get(&shared), &Some(&Bytes::new()))?;
    }
    Ok(())
}

/// Annotations of a mailbox are its own, follow it to another name and are not those of a new mailbox of its old name.
pub async fn annotations_go_with_their_mailbox<B: Backend>(stage: &Stage<B>) -> Verdict {
    let mut user = stage.login().await?;
    user.needs(Ability::Metadata, "annotations")?;
    let (first, second) = (user.create("kit first").await?, name("kit second")?);
    let (comment, value) = (entry("/private/comment")?, Bytes::from_static(b"mine"));
    set(&mut user, Some(&first), &[(comment.clone(), Some(value.clone()))]).await?;
    for other in [Some(&MailboxName::inbox()), None] {
        let seen = get(&mut user, other).await?;
        equal("the value elsewhere", &seen.get(&comment), &None)?;
    }
    user.session.rename(&first, &second).await.optional("RENAME")?;
    let seen = get(&mut user, Some(&second)).await?;
    equal("the value after RENAME", &seen.get(&comment), &Some(&value))?;
    user.session.delete(&second).await.optional("DELETE")?;
    let gone = user.session.metadata(Some(&second)).await;
    gone.map(drop)
        .refused("metadata of a deleted mailbox", &[ErrorKind::NonExistent])?;
    user.create("kit second").await?;
    let seen = get(&mut user, Some(&second)).await?;
    equal("the value in a new mailbox", &seen.get(&comment), &None)
}

/// Where one change cannot be made, none is; and there is a bound.
pub async fn annotations_change_all_or_none<B: Backend>(stage: &Stage<B>) -> Verdict {
    let mut user = stage.login().await?;
    user.needs(Ability::Metadata, "annotations")?;
    let inbox = MailboxName::inbox();
    let value = Some(Bytes::from_static(b"x"));
    let many: Result<Vec<_>, Stop> = (0..=Metadata::MOST_ENTRIES)
        .map(|number| Ok((entry(&format!("/private/{number}"))?, value.clone())))
        .collect();
    let many = many?;
    let refused = user.session.set_metadata(Some(&inbox), &many).await;
    refused.refused("too many annotations", &[ErrorKind::Limit])?;
    let seen = get(&mut user, Some(&inbox)).await?;
    ensure!(seen.iter().next().is_none(), "no annotation", format!("{seen:?}"));
    set(&mut user, Some(&inbox), &many[1..]).await
}

fn entry(text: &str) -> Result<EntryName, Stop> {
    EntryName::new(text).ok_or_else(|| Stop::failed("a possible entry", text))
}

async fn get<S: Session>(user: &mut User<S>, mailbox: Option<&MailboxName>) -> Result<Metadata, Stop> {
    user.session.metadata(mailbox).await.must("metadata")
}

async fn set<S: Session>(
    user: &mut User<S>,
    mailbox: Option<&MailboxName>,
    changes: &[imap_backend::MetadataChange],
) -> Verdict {
    let set = user.session.set_metadata(mailbox, changes).await;
    set.must("set of metadata")
}
