//! The keys that URLs are authorized with.

use crate::stage::{Stage, User, name};
use crate::verdict::{Answer, Stop, Verdict, equal};
use imap_backend::{Ability, Backend, ErrorKind, MailboxName, Session, UrlKey};

const FIRST: UrlKey = UrlKey::new([1; UrlKey::OCTETS]);
const SECOND: UrlKey = UrlKey::new([2; UrlKey::OCTETS]);

/// The key that was there first stays, for every session; none is made where only somebody asks.
pub async fn a_key_is_made_once<B: Backend>(stage: &Stage<B>) -> Verdict {
    let (mut user, mut other) = (stage.login().await?, stage.login().await?);
    user.needs(Ability::UrlAuth, "keys for URLs")?;
    let inbox = MailboxName::inbox();
    equal(
        "a key that nobody made",
        &key(&mut user, &inbox, None).await?,
        &None,
    )?;
    let made = key(&mut user, &inbox, Some(&FIRST)).await?;
    equal("the first key", &made, &Some(FIRST))?;
    let made = key(&mut other, &inbox, Some(&SECOND)).await?;
    equal("the key of another session", &made, &Some(FIRST))?;
    equal(
        "the key that is there",
        &key(&mut other, &inbox, None).await?,
        &Some(FIRST),
    )
}

/// A key is its mailbox's: it follows it to another name, is that of no other mailbox, and goes when the mailbox goes.
pub async fn a_key_goes_with_its_mailbox<B: Backend>(stage: &Stage<B>) -> Verdict {
    let mut user = stage.login().await?;
    user.needs(Ability::UrlAuth, "keys for URLs")?;
    let (first, second) = (user.create("kit first").await?, name("kit second")?);
    key(&mut user, &first, Some(&FIRST)).await?;
    let elsewhere = key(&mut user, &MailboxName::inbox(), None).await?;
    equal("the key of another mailbox", &elsewhere, &None)?;
    user.session.rename(&first, &second).await.optional("RENAME")?;
    equal(
        "the key after RENAME",
        &key(&mut user, &second, None).await?,
        &Some(FIRST),
    )?;
    user.session.delete(&second).await.optional("DELETE")?;
    let gone = user.session.url_key(&second, Some(&FIRST)).await;
    gone.map(drop)
        .refused("the key of a deleted mailbox", &[ErrorKind::NonExistent])?;
    user.create("kit second").await?;
    equal(
        "the key of a new mailbox",
        &key(&mut user, &second, None).await?,
        &None,
    )
}

/// RESETKEY removes the key of one mailbox, or all of them.
pub async fn forgotten_keys_are_gone<B: Backend>(stage: &Stage<B>) -> Verdict {
    let (mut user, mut other) = (stage.login().await?, stage.login().await?);
    user.needs(Ability::UrlAuth, "keys for URLs")?;
    let places = [MailboxName::inbox(), user.create("kit other").await?];
    for place in &places {
        key(&mut user, place, Some(&FIRST)).await?;
    }
    user.session
        .forget_url_keys(Some(&places[0]))
        .await
        .must("removal of a key")?;
    equal("a removed key", &key(&mut other, &places[0], None).await?, &None)?;
    equal(
        "a key that stays",
        &key(&mut other, &places[1], None).await?,
        &Some(FIRST),
    )?;
    let made = key(&mut other, &places[0], Some(&SECOND)).await?;
    equal("the key after that", &made, &Some(SECOND))?;
    user.session
        .forget_url_keys(None)
        .await
        .must("removal of all keys")?;
    for place in &places {
        equal("a removed key", &key(&mut other, place, None).await?, &None)?;
    }
    let missing = user.session.forget_url_keys(Some(&name("kit missing")?)).await;
    missing.refused(
        "removal of the key of a missing mailbox",
        &[ErrorKind::NonExistent],
    )
}

/// The owner of a URL is found without a password, and has the keys that are his; nobody else is found.
pub async fn the_owner_of_a_url_is_found<B: Backend>(stage: &Stage<B>) -> Verdict {
    let mut user = stage.login().await?;
    user.needs(Ability::UrlAuth, "keys for URLs")?;
    let inbox = MailboxName::inbox();
    key(&mut user, &inbox, Some(&FIRST)).await?;
    let owner = stage.url_owner(stage.user()).await?;
    let session = owner.ok_or_else(|| Stop::failed("the owner of a URL", "none"))?;
    let mut owner = User { session };
    equal(
        "the owner's key",
        &key(&mut owner, &inbox, None).await?,
        &Some(FIRST),
    )?;
    for nobody in ["kit nobody", "", "../..", "a\0b"] {
        let found = stage.url_owner(nobody).await?.is_some();
        equal(&format!("whether {nobody:?} is somebody"), &found, &false)?;
    }
    Ok(())
}

async fn key<S: Session>(
    user: &mut User<S>,
    mailbox: &MailboxName,
    fresh: Option<&UrlKey>,
) -> Result<Option<UrlKey>, Stop> {
    user.session.url_key(mailbox, fresh).await.must("key for URLs")
}
