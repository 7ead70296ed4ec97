//! What holds in every state, and at the end of every trace: asked of the objects that the trace leaves behind.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use imap_updates::{Access, Closed, Ended, Followers, Ingest, Recency, Release, kind};

use super::fault::{self, Fault};
use super::line::Line;
use super::setting::SESSIONS;
use super::step::name;
use super::store::{flags_of, mask_of, modseq, uid, uid_of, uids};
use super::world::{Hub, World};
use super::{Judgement, law, meaning, noise, shown};

/// All of them; the world is at its end afterwards. What sets mean is asked once in each state.
pub fn judge(mut world: World, new: bool) -> Judgement {
    for session in 0..SESSIONS {
        meaning::numbers_mean_what_the_client_means(&mut world, session)?;
        if new {
            meaning::sets_mean_what_the_client_means(&mut world, session)?;
        }
    }
    noise::changes_nothing(&mut world)?;
    nobody_sleeps_beside_news(&mut world)?;
    foreign_permits_hold(&mut world)?;
    at_rest_everybody_has_the_mailbox(&mut world)?;
    whoever_sleeps_is_woken(&mut world)?;
    a_lost_drain_ends_the_session(&mut world)?;
    if new {
        return what_came_late_is_shown_to_who_comes_later(world);
    }
    the_end_is_told(&mut world)
}

/// IDLE never waits while there is something to tell.
fn nobody_sleeps_beside_news(world: &mut World) -> Judgement {
    let (visible, cursor) = (world.visible(), world.cursor());
    let there = mask_of(&visible);
    for seat in &mut world.seats {
        let gone = seat.known & !there != 0;
        let new = there & !((1 << seat.horizon) - 1) != 0;
        let me = seat.buffer.origin();
        let since = world.store.rows.iter();
        let mut since = since.filter(|row| row.version > seat.drained_at && row.version <= cursor);
        let flags = since.any(|row| row.by != me && seat.known & there >> row.message & 1 == 1);
        let _idle = seat.buffer.begin(kind::Idle);
        let sleeps = seat
            .buffer
            .poll_changed(&mut Context::from_waker(Waker::noop()))
            .is_pending();
        let sleeps = sleeps || world.fault == Some(Fault::WakesOnlyForWhatComesLater);
        law!(
            !sleeps || !(gone || new || flags),
            "IDLE sleeps, and there is something to tell"
        );
    }
    Ok(())
}

/// Another session's permit, NOTIFY's without NOTIFY, and that of a command whose followers have numbers.
fn foreign_permits_hold(world: &mut World) -> Judgement {
    let other = world.seats[SESSIONS - 1].buffer.begin(kind::Noop);
    for (session, release) in [
        (0, other.permit(Followers::None)),
        (1, Release::after_notify_selected()),
    ] {
        let seat = &mut world.seats[session];
        let _command = seat.buffer.begin(kind::Noop);
        let drained = seat.buffer.drain(release);
        let told = Line::of(&drained).iter().any(Line::is_expunge);
        law!(!told, "EXPUNGE with a permit that is not this command's");
        world.hear(session as u8, drained, super::commands::FETCH, false, None)?;
    }
    Ok(())
}

/// All pages arrive, and everybody says NOOP: then each client has exactly the mailbox.
fn at_rest_everybody_has_the_mailbox(world: &mut World) -> Judgement {
    for page in std::mem::take(&mut world.under_way) {
        world.deliver(page.clone())?;
        world.deliver(page)?;
    }
    world.catch_up()?;
    let now = world.store.now();
    for session in 0..SESSIONS as u8 {
        world.noop(session)?;
        let seat = &world.seats[usize::from(session)];
        let (has, needs) = (uids(seat.known), uids(mask_of(&now)));
        law!(
            has == needs,
            "at rest the client has {has:?}, and the mailbox {needs:?}"
        );
        for (message, flags) in (0..).zip(now) {
            let has = seat.client.flags_of(uid_of(message)).cloned();
            let needs = flags.map(flags_of);
            law!(
                has == needs,
                "at rest UID {} has {} for client {}, and it has {}",
                uid_of(message),
                shown(has),
                name(session),
                shown(needs)
            );
        }
        law!(seat.buffer.held().is_none(), "at rest something is held");
        let again = fault::run(
            None,
            super::commands::NOOP,
            &mut world.seats[usize::from(session)].buffer,
            Followers::None,
        );
        law!(again.is_empty(), "a second NOOP tells what the first one told");
    }
    Ok(())
}

struct Counter(AtomicUsize);

impl Wake for Counter {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// At rest everybody sleeps in IDLE, and a change wakes everybody.
fn whoever_sleeps_is_woken(world: &mut World) -> Judgement {
    let counters: [_; SESSIONS] = std::array::from_fn(|_| Arc::new(Counter(AtomicUsize::new(0))));
    for (seat, counter) in world.seats.iter_mut().zip(&counters) {
        let _idle = seat.buffer.begin(kind::Idle);
        let waker = Waker::from(Arc::clone(counter));
        let ready = seat.buffer.poll_changed(&mut Context::from_waker(&waker));
        law!(ready == Poll::Pending, "IDLE has something to tell after NOOP");
    }
    match &world.hub {
        Hub::Guarded(hub) => {
            let _applied = hub.lock().arrive(uid(900), Recency::NotRecent);
        }
        Hub::Logged(hub) => {
            let (after, upto) = (world.store.version, world.store.version + 1);
            let page = imap_updates::Page::changes(modseq(after), modseq(upto));
            let _applied = hub.apply(page.present(modseq(upto), uid(900), flags_of(0)));
        }
    }
    for (seat, counter) in world.seats.iter_mut().zip(&counters) {
        law!(
            counter.0.load(Ordering::Relaxed) == 1,
            "a change does not wake a session in IDLE"
        );
        let ready = seat.buffer.poll_changed(&mut Context::from_waker(Waker::noop()));
        law!(ready == Poll::Ready(()), "who was woken finds nothing");
    }
    Ok(())
}

/// A drain that was not written ends its session: nobody knows what the client has.
fn a_lost_drain_ends_the_session(world: &mut World) -> Judgement {
    let buffer = &mut world.seats[0].buffer;
    let lost = buffer.drain(Release::hold());
    law!(!lost.is_empty(), "there was nothing to tell");
    drop(lost);
    let next = buffer.drain(Release::hold());
    let ended = next.ended();
    law!(
        next.is_empty() && ended == Some(Ended::NotWritten),
        "after a lost drain: {ended:?}"
    );
    Ok(())
}

/// A UID that is lower than one that was told is shown when nobody is there whose numbers it would shift.
fn what_came_late_is_shown_to_who_comes_later(mut world: World) -> Judgement {
    let Hub::Guarded(hub) = &world.hub else {
        return Ok(());
    };
    let late = hub.lock().arrive(uid(15), Recency::NotRecent);
    law!(late == Ingest::Late, "a UID below all others is {late:?}");
    let exists = hub.subscribe(Access::ReadOnly).exists();
    world.seats.clear();
    let alone = hub.subscribe(Access::ReadOnly).exists();
    law!(
        alone == exists + 1,
        "with sessions {exists} messages are shown, without others {alone}"
    );
    Ok(())
}

/// The mailbox is deleted: each session is told, in IDLE too, and nothing is taken any more.
fn the_end_is_told(world: &mut World) -> Judgement {
    for seat in &mut world.seats[1..] {
        let command = seat.buffer.begin(kind::Noop);
        let drained = seat.buffer.drain(command.permit(Followers::None));
        seat.buffer.written(drained);
    }
    match &world.hub {
        Hub::Guarded(hub) => {
            hub.lock().close(Closed::Deleted);
            let refused = hub.lock().arrive(uid(910), Recency::NotRecent);
            law!(
                refused == Ingest::Closed,
                "a deleted mailbox takes a message: {refused:?}"
            );
        }
        Hub::Logged(hub) => hub.close(Closed::Deleted),
    }
    for seat in &mut world.seats[1..] {
        let ready = seat.buffer.poll_changed(&mut Context::from_waker(Waker::noop()));
        law!(
            ready == Poll::Ready(()),
            "IDLE sleeps on in a mailbox that was deleted"
        );
        let ended = seat.buffer.ended();
        law!(
            ended == Some(Ended::Mailbox(Closed::Deleted)),
            "the deletion is not known: {ended:?}"
        );
        let drained = seat.buffer.drain(Release::hold());
        let ended = drained
            .ended()
            .filter(|_| world.fault != Some(Fault::DeletedInSilence));
        law!(
            ended == Some(Ended::Mailbox(Closed::Deleted)),
            "the deletion is not told: {ended:?}"
        );
    }
    Ok(())
}
