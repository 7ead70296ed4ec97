//! How much a user may hold.

use crate::mail::{Mail, Series};
use crate::stage::{Stage, User};
use crate::verdict::{Answer, Stop, Verdict, ensure, equal};
use bytes::Bytes;
use imap_backend::{
    Ability, Append, Backend, Error, ErrorKind, Mailbox, MailboxName, MessageSource, Quota, Session,
};
use imap_seq::UidSet;
use imap_updates::{Access, Flag};

/// More octets than any case stores.
const ENOUGH: u64 = 1 << 20;

/// Messages and octets count as they come and go, in every mailbox.
pub async fn what_is_held_is_told<B: Backend>(stage: &Stage<B>) -> Verdict {
    let mut user = ready(stage, 100, ENOUGH).await?;
    let (inbox, other) = (MailboxName::inbox(), user.second_mailbox().await?);
    held(&mut user, 0).await?;
    for _ in 0..2 {
        let gone = Mail::new("gone").flagged([Flag::Deleted]);
        user.append(&inbox, gone).await?;
    }
    user.append(&other, Mail::new("stays")).await?;
    held(&mut user, 3).await?;
    let mut selected = user.select(&inbox, Access::ReadWrite).await?;
    let all = selected.model.uids().into_iter().collect();
    selected.mailbox.copy(&all, &other).await.must("copy")?;
    held(&mut user, 5).await?;
    selected.mailbox.expunge(&all).await.must("expunge")?;
    held(&mut user, 3).await?;
    user.session.delete(&other).await.optional("DELETE")?;
    held(&mut user, 0).await
}

/// A message is refused before it is read where its size says that it does not fit, and afterwards where nobody knew.
pub async fn a_message_that_does_not_fit_is_not_read<B: Backend>(stage: &Stage<B>) -> Verdict {
    let mut user = ready(stage, 100, 4096).await?;
    let inbox = MailboxName::inbox();
    for (announced, then) in [(Some(5000), Then::Error), (None, Then::Octets(5000))] {
        let source = Silent { announced, then };
        let answer = user.session.append(&inbox, &Append::default(), source).await;
        answer.refused("append of 5000 octets where 4096 fit", &[ErrorKind::OverQuota])?;
    }
    stage.limit(1, ENOUGH)?;
    user.append(&inbox, Mail::new("one")).await?;
    let source = Silent {
        announced: Some(1),
        then: Then::Error,
    };
    let answer = user.session.append(&inbox, &Append::default(), source).await;
    answer.refused(
        "append of a second message where one fits",
        &[ErrorKind::OverQuota],
    )?;
    equal("messages", &user.look(&inbox).await?.0.len(), &1)
}

/// Of the messages of one COPY or APPEND, all are stored or none. A MOVE takes no room.
pub async fn several_that_do_not_fit_are_refused_together<B: Backend>(stage: &Stage<B>) -> Verdict {
    let mut user = ready(stage, 3, ENOUGH).await?;
    let (inbox, other) = (MailboxName::inbox(), user.second_mailbox().await?);
    for _ in 0..2 {
        user.append(&inbox, Mail::new("one")).await?;
    }
    let mut selected = user.select(&inbox, Access::ReadWrite).await?;
    let both: UidSet = selected.model.uids().into_iter().collect();
    let copied = selected.mailbox.copy(&both, &other).await;
    copied.refused("copy of two messages where one fits", &[ErrorKind::OverQuota])?;
    equal("messages there", &user.look(&other).await?.0.len(), &0)?;
    let abilities = user.session.abilities();
    if abilities.has(Ability::MultiAppend) {
        let series = Series::whole([Mail::new("one"), Mail::new("two")]);
        let appended = user.session.append_all(&other, series).await;
        appended.refused("append of two messages where one fits", &[ErrorKind::OverQuota])?;
        equal("messages there", &user.look(&other).await?.0.len(), &0)?;
    }
    user.append(&inbox, Mail::new("the last")).await?;
    if abilities.has(Ability::Move) {
        selected
            .mailbox
            .move_to(&both, &other)
            .await
            .must("move at the limit")?;
        equal("messages there", &user.look(&other).await?.0.len(), &2)?;
    }
    Ok(())
}

/// Where something was expunged, as much can be stored.
pub async fn what_goes_gives_room_back<B: Backend>(stage: &Stage<B>) -> Verdict {
    let mut user = ready(stage, 1, ENOUGH).await?;
    let inbox = MailboxName::inbox();
    for _ in 0..3 {
        let mail = Mail::new("next").flagged([Flag::Deleted]);
        let uid = user.append(&inbox, mail).await?.uid();
        let mut selected = user.select(&inbox, Access::ReadWrite).await?;
        let gone = [uid].into_iter().collect();
        selected.mailbox.expunge(&gone).await.must("expunge")?;
    }
    held(&mut user, 0).await
}

async fn ready<B: Backend>(stage: &Stage<B>, messages: u64, octets: u64) -> Result<User<B::Session>, Stop> {
    let user = stage.login().await?;
    user.needs(Ability::Quota, "quotas")?;
    stage.limit(messages, octets)?;
    Ok(user)
}

/// So many messages are used, and octets where there are messages.
async fn held<S: Session>(user: &mut User<S>, messages: u64) -> Verdict {
    let quotas = user
        .session
        .quotas(Some(&MailboxName::inbox()))
        .await
        .must("quotas")?;
    let used = quotas
        .iter()
        .filter_map(Quota::messages)
        .map(|usage| usage.used());
    equal(
        "messages that are used",
        &used.collect::<Vec<_>>(),
        &vec![messages],
    )?;
    let octets: Vec<_> = quotas
        .iter()
        .filter_map(Quota::storage)
        .map(|usage| usage.used())
        .collect();
    // How many they are is the store's affair: of each message, some.
    let is_right = |octets: &u64| (*octets >= messages * 50) && (*octets == 0) == (messages == 0);
    ensure!(
        octets.len() == 1 && octets.iter().all(is_right),
        format!("the octets of {messages} messages"),
        format!("{octets:?}")
    );
    Ok(())
}

/// A message of which not an octet may be wanted, or of which nobody has said how large it is.
pub(super) struct Silent {
    pub(super) announced: Option<u64>,
    pub(super) then: Then,
}

pub(super) enum Then {
    Error,
    Octets(usize),
}

impl MessageSource for Silent {
    fn size(&self) -> Option<u64> {
        self.announced
    }

    async fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        match self.then {
            Then::Error => Err(ErrorKind::ServerBug.into()),
            Then::Octets(0) => Ok(None),
            Then::Octets(left) => {
                self.then = Then::Octets(0);
                Ok(Some(vec![b'x'; left].into()))
            }
        }
    }
}
