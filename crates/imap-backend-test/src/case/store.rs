//! STORE: flags and keywords.

use crate::mail::Mail;
use crate::selected::Selected;
use crate::stage::Stage;
use crate::verdict::{Stop, Verdict, ensure, equal};
use imap_backend::{Backend, FlagAction, FlagChange, Mailbox, MailboxName, Need, NewKeywords};
use imap_seq::Uid;
use imap_updates::{Access, Flag, Flags, Keyword};

fn change<const N: usize>(action: FlagAction, flags: [Flag; N]) -> FlagChange {
    FlagChange::new(action, Flags::from_iter(flags))
}

async fn flags_of<M: Mailbox>(selected: &mut Selected<M>, uid: Uid) -> Result<Flags, Stop> {
    Ok(selected.fetch_one(uid, Need::FLAGS).await?.flags().clone())
}

/// `FLAGS`, `+FLAGS` and `-FLAGS` do what they say, to the messages of the set and no others.
pub async fn flags_are_replaced_added_and_removed<B: Backend>(stage: &Stage<B>) -> Verdict {
    let mut user = stage.login().await?;
    let inbox = MailboxName::inbox();
    let first = [Flag::Answered, Flag::Draft];
    let uid = user
        .append(&inbox, Mail::new("one").flagged(first.clone()))
        .await?
        .uid();
    let other = user
        .append(&inbox, Mail::new("two").flagged(first.clone()))
        .await?
        .uid();
    let mut selected = user.select(&inbox, Access::ReadWrite).await?;
    let steps = [
        (
            change(FlagAction::Add, [Flag::Seen, Flag::Draft]),
            vec![Flag::Answered, Flag::Draft, Flag::Seen],
        ),
        (
            change(FlagAction::Remove, [Flag::Answered, Flag::Flagged]),
            vec![Flag::Draft, Flag::Seen],
        ),
        (
            change(FlagAction::Replace, [Flag::Flagged, Flag::Deleted]),
            vec![Flag::Flagged, Flag::Deleted],
        ),
        (change(FlagAction::Add, []), vec![Flag::Flagged, Flag::Deleted]),
        (change(FlagAction::Replace, []), vec![]),
    ];
    for (change, expected) in steps {
        selected.store(&[uid], &change).await?;
        let flags = flags_of(&mut selected, uid).await?;
        equal(
            &format!("flags after {change:?}"),
            &flags,
            &Flags::from_iter(expected),
        )?;
    }
    let flags = flags_of(&mut selected, other).await?;
    equal(
        "flags of a message that was not named",
        &flags,
        &Flags::from_iter(first),
    )
}

/// Flags are still there for the next selection, and for another session.
pub async fn flags_outlive_the_selection<B: Backend>(stage: &Stage<B>) -> Verdict {
    let mut user = stage.login().await?;
    let inbox = MailboxName::inbox();
    let uid = user.append(&inbox, Mail::new("one")).await?.uid();
    let mut selected = user.select(&inbox, Access::ReadWrite).await?;
    selected
        .store(&[uid], &change(FlagAction::Add, [Flag::Seen, Flag::Flagged]))
        .await?;
    drop(selected);
    let expected = Flags::from_iter([Flag::Seen, Flag::Flagged]);
    for session in [&mut user, &mut stage.login().await?] {
        let (messages, _) = session.look(&inbox).await?;
        equal(
            "flags",
            &messages.first().map(|m| m.flags.clone()),
            &Some(expected.clone()),
        )?;
    }
    Ok(())
}

/// Keywords are kept, compared without regard to case, and listed by the next SELECT.
pub async fn keywords_are_kept_and_defined<B: Backend>(stage: &Stage<B>) -> Verdict {
    let mut user = stage.login().await?;
    let inbox = MailboxName::inbox();
    let uid = user.append(&inbox, Mail::new("one")).await?.uid();
    let mut selected = user.select(&inbox, Access::ReadWrite).await?;
    if selected.figures.new_keywords == NewKeywords::Refused {
        return Err(Stop::skipped("keywords of the client's choice"));
    }
    let keyword = |text| Keyword::new(text).map_err(|error| Stop::failed("a keyword", error.to_string()));
    let (work, other_case) = (Flag::Keyword(keyword("$Work")?), Flag::Keyword(keyword("$WORK")?));
    selected
        .store(&[uid], &change(FlagAction::Add, [work.clone(), Flag::Seen]))
        .await?;
    selected
        .store(&[uid], &change(FlagAction::Add, [other_case.clone()]))
        .await?;
    let flags = flags_of(&mut selected, uid).await?;
    equal("flags", &flags, &Flags::from_iter([work, Flag::Seen]))?;
    drop(selected);
    let mut again = user.select(&inbox, Access::ReadWrite).await?;
    let defined = again
        .figures
        .keywords
        .iter()
        .any(|defined| defined.as_str().eq_ignore_ascii_case("$Work"));
    ensure!(
        defined,
        "$Work among the keywords of SELECT",
        format!("{:?}", again.figures.keywords)
    );
    again
        .store(&[uid], &change(FlagAction::Remove, [other_case]))
        .await?;
    let flags = flags_of(&mut again, uid).await?;
    equal(
        "flags after the keyword was removed",
        &flags,
        &Flags::from_iter([Flag::Seen]),
    )
}

/// A message that another session expunged is passed over; the others are changed.
pub async fn gone_messages_are_passed_over<B: Backend>(stage: &Stage<B>) -> Verdict {
    let (mut user, mut other) = (stage.login().await?, stage.login().await?);
    let inbox = MailboxName::inbox();
    let gone = user.append(&inbox, Mail::new("one")).await?.uid();
    let stays = user.append(&inbox, Mail::new("two")).await?.uid();
    let mut selected = user.select(&inbox, Access::ReadWrite).await?;
    other
        .select(&inbox, Access::ReadWrite)
        .await?
        .remove(&[gone])
        .await?;
    selected
        .store(&[gone, stays], &change(FlagAction::Add, [Flag::Seen]))
        .await?;
    let (messages, _) = user.look(&inbox).await?;
    let seen: Vec<_> = messages.into_iter().map(|m| (m.uid, m.flags)).collect();
    equal(
        "messages and flags",
        &seen,
        &vec![(stays, Flags::from_iter([Flag::Seen]))],
    )
}
