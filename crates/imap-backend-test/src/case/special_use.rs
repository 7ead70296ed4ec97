//! What mailboxes are for: SPECIAL-USE and CREATE-SPECIAL-USE.

use crate::stage::{Stage, User, name};
use crate::verdict::{Answer, Stop, Verdict, ensure, equal};
use imap_backend::{
    Ability, Backend, Create, ErrorKind, ListQuery, MailboxName, Selection, Session, SpecialUse,
};

/// A mailbox that was created for a use is listed with it, for every session, until it is deleted; also under a new name.
pub async fn a_use_stays_with_its_mailbox<B: Backend>(stage: &Stage<B>) -> Verdict {
    let (mut user, mut other) = (stage.login().await?, stage.login().await?);
    let (first, second) = (name("kit first")?, name("kit second")?);
    create(&mut user, &first, SpecialUse::SENT).await?;
    for session in [&mut user, &mut other] {
        let uses = uses(session, &first).await?;
        equal("uses of a new mailbox", &uses, &SpecialUse::SENT)?;
    }
    user.session.rename(&first, &second).await.optional("RENAME")?;
    equal(
        "uses of a renamed mailbox",
        &uses(&mut other, &second).await?,
        &SpecialUse::SENT,
    )?;
    user.session.subscribe(&second).await.optional("SUBSCRIBE")?;
    let subscribed = user.subscriptions().await?;
    let entry = subscribed.iter().find(|entry| *entry.name() == second);
    equal(
        "uses in the list of subscriptions",
        &entry.map(|entry| entry.special_use()),
        &Some(SpecialUse::SENT),
    )?;
    user.session.delete(&second).await.optional("DELETE")?;
    user.create("kit second").await?;
    let fresh = uses(&mut other, &second).await?;
    equal(
        "uses of another mailbox of that name",
        &fresh,
        &SpecialUse::none(),
    )
}

/// A mailbox may have several uses; a use that is given to another mailbox is there, with or without staying here.
pub async fn a_use_can_be_given_to_another_mailbox<B: Backend>(stage: &Stage<B>) -> Verdict {
    let mut user = stage.login().await?;
    let (first, second) = (name("kit first")?, name("kit second")?);
    let both = SpecialUse::DRAFTS.and(SpecialUse::JUNK);
    create(&mut user, &first, both).await?;
    equal("uses of a new mailbox", &uses(&mut user, &first).await?, &both)?;
    create(&mut user, &second, SpecialUse::JUNK).await?;
    equal(
        "uses of a second mailbox",
        &uses(&mut user, &second).await?,
        &SpecialUse::JUNK,
    )?;
    ensure!(
        uses(&mut user, &first).await?.includes(SpecialUse::DRAFTS),
        "a use that was not given away to stay",
        "it is gone"
    );
    Ok(())
}

/// Where a use cannot be given, nothing is made.
pub async fn without_its_use_a_mailbox_is_not_made<B: Backend>(stage: &Stage<B>) -> Verdict {
    let mut user = stage.login().await?;
    user.needs(Ability::CreateSpecialUse, "CREATE-SPECIAL-USE")?;
    let mailbox = name("kit all")?;
    let how = Create::default().with_special_use(SpecialUse::ALL);
    match user.session.create(&mailbox, &how).await {
        Ok(_) => {
            let uses = uses(&mut user, &mailbox).await?;
            equal("uses of a mailbox made for \\All", &uses, &SpecialUse::ALL)
        }
        refused => {
            refused.refused("create for a use", &[ErrorKind::UseNotSupported])?;
            ensure!(!user.has(&mailbox).await?, "no mailbox", "it is listed");
            Ok(())
        }
    }
}

async fn create<S: Session>(user: &mut User<S>, mailbox: &MailboxName, uses: SpecialUse) -> Verdict {
    user.needs(Ability::CreateSpecialUse, "CREATE-SPECIAL-USE")?;
    let how = Create::default().with_special_use(uses);
    user.session
        .create(mailbox, &how)
        .await
        .must("create for a use")
        .map(drop)
}

async fn uses<S: Session>(user: &mut User<S>, mailbox: &MailboxName) -> Result<SpecialUse, Stop> {
    let query = ListQuery::new(Selection::Existing).with_pattern(mailbox.as_str());
    let entries = user.session.list(&query).await.must("list")?;
    let entry = entries.iter().find(|entry| entry.name() == mailbox);
    let entry = entry.ok_or_else(|| Stop::failed(format!("{mailbox} to be listed"), "it is not"))?;
    Ok(entry.special_use())
}
