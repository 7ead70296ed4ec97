//! Subscriptions: names that a user marked, whether or not there are such mailboxes.

use crate::stage::{Stage, User, name};
use crate::verdict::{Answer, Stop, Verdict, ensure, equal};
use imap_backend::{Backend, ListEntry, ListQuery, MailboxName, Selection, Session, Subscription};
use std::collections::BTreeSet;

/// A name stays subscribed until it is unsubscribed, whether or not there is such a mailbox.
pub async fn they_are_kept<B: Backend>(stage: &Stage<B>) -> Verdict {
    let mut user = stage.login().await?;
    let missing = name("kit not there")?;
    user.session.subscribe(&missing).await.optional("SUBSCRIBE")?;
    let after = user.subscriptions().await?;
    if !after.iter().any(|entry| *entry.name() == missing) && all_subscribed(&mut user).await? {
        return Err(Stop::skipped(
            "subscriptions of its own (every mailbox is subscribed)",
        ));
    }
    lists_subscription(&after, &missing)?;
    let mut other = stage.login().await?;
    lists_subscription(&other.subscriptions().await?, &missing)?;
    user.session.unsubscribe(&missing).await.optional("UNSUBSCRIBE")?;
    let last = user.subscriptions().await?;
    ensure!(
        !last.iter().any(|entry| *entry.name() == missing),
        format!("{missing:?} to be unsubscribed"),
        format!("{last:?}")
    );
    Ok(())
}

/// A mailbox that is deleted stays subscribed, as a name without a mailbox: in lists of subscriptions, in no other.
pub async fn a_subscription_outlives_its_mailbox<B: Backend>(stage: &Stage<B>) -> Verdict {
    let mut user = stage.login().await?;
    let mailbox = user.create("kit").await?;
    user.session.subscribe(&mailbox).await.optional("SUBSCRIBE")?;
    let subscribed = user.subscriptions().await?;
    let seen: Vec<_> = subscribed
        .iter()
        .filter(|entry| *entry.name() == mailbox)
        .collect();
    let expected = ListEntry::mailbox(mailbox.clone());
    equal("entries of a subscribed mailbox", &seen, &vec![&expected])?;
    user.session.delete(&mailbox).await.optional("DELETE")?;
    let after = user.subscriptions().await?;
    if !after.iter().any(|entry| *entry.name() == mailbox) && all_subscribed(&mut user).await? {
        return Err(Stop::skipped(
            "subscriptions of its own (every mailbox is subscribed)",
        ));
    }
    lists_subscription(&after, &mailbox)?;
    ensure!(!user.has(&mailbox).await?, "no mailbox in LIST", "it is listed");
    let narrow = ListQuery::new(Selection::Subscribed).with_pattern("kit*");
    let narrowed = user
        .session
        .list(&narrow)
        .await
        .must("list of subscriptions with a pattern")?;
    lists_subscription(&narrowed, &mailbox)
}

/// A list of mailboxes says of each whether it is subscribed: NOTIFY tells that, and looks only at those that are where it is
/// asked to.
pub async fn lists_of_mailboxes_say_which_are_subscribed<B: Backend>(stage: &Stage<B>) -> Verdict {
    let mut user = stage.login().await?;
    let (marked, other) = (user.create("kit").await?, user.create("kit other").await?);
    user.session.subscribe(&marked).await.optional("SUBSCRIBE")?;
    if all_subscribed(&mut user).await? {
        return Err(Stop::skipped(
            "subscriptions of its own (every mailbox is subscribed)",
        ));
    }
    subscribed_in_list(&mut user, &marked, Subscription::Subscribed).await?;
    subscribed_in_list(&mut user, &other, Subscription::NotSubscribed).await?;
    user.session.unsubscribe(&marked).await.optional("UNSUBSCRIBE")?;
    subscribed_in_list(&mut user, &marked, Subscription::NotSubscribed).await
}

async fn subscribed_in_list<S: Session>(
    user: &mut User<S>,
    mailbox: &MailboxName,
    expected: Subscription,
) -> Verdict {
    let listed = user.list().await?;
    let entries = listed.iter().filter(|entry| entry.name() == mailbox);
    let seen: Vec<_> = entries.map(ListEntry::subscription).collect();
    let what = format!("subscription of {mailbox:?} in a list of mailboxes");
    equal(&what, &seen, &vec![expected])
}

/// Whether the store has no subscriptions of its own: it lists every mailbox as subscribed, and nothing else.
async fn all_subscribed<S: Session>(user: &mut User<S>) -> Result<bool, Stop> {
    let names = |entries: Vec<ListEntry>| entries.into_iter().map(|entry| entry.name().clone()).collect();
    let (subscribed, listed): (BTreeSet<_>, BTreeSet<_>) =
        (names(user.subscriptions().await?), names(user.list().await?));
    Ok(subscribed == listed)
}

/// A name without a mailbox is among the subscribed ones, once and as what it is.
fn lists_subscription(entries: &[ListEntry], missing: &MailboxName) -> Verdict {
    let seen: Vec<_> = entries.iter().filter(|entry| entry.name() == missing).collect();
    let expected = ListEntry::non_existent(missing.clone());
    equal(
        "entries of a subscribed name without a mailbox",
        &seen,
        &vec![&expected],
    )
}
