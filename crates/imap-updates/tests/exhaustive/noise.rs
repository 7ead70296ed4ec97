//! What was said before, is said again; what never was, is refused; what is known, is told to who asks.

use imap_seq::UidSet;
use imap_updates::{Echo, HubGuard, Ingest, LogHub, MailboxHub, Origin, Recency};

use super::store::{MOST, WORK, flags_of, mask_of, uid, uid_of};
use super::world::{Hub, World};
use super::{Judgement, fault, law, shown};

/// Nothing that is said twice or for nothing changes what a client hears.
pub fn changes_nothing(world: &mut World) -> Judgement {
    match &world.hub {
        Hub::Guarded(hub) => {
            said_twice(world, hub)?;
            // Taking a late one away again was a change, and the only one.
            world.store.version += 1;
            Ok(())
        }
        Hub::Logged(hub) => {
            status_is_that_of_the_cursor(world, hub)?;
            world.deliver_the_past()
        }
    }
}

fn said_twice(world: &World, hub: &MailboxHub<()>) -> Judgement {
    let mut guard = hub.lock();
    let before = guard.highest_modseq().get();
    for message in 0..world.store.arrived {
        known_message(world, &mut guard, message)?;
    }
    let late = guard.arrive(uid(5), Recency::Recent);
    law!(late == Ingest::Late, "a UID below all others is {late:?}");
    drop(guard.expunge(&std::iter::once(uid(5)).collect()));
    let keywords = guard.keywords().len();
    let unknown = guard.flags_changed(uid(401), flags_of(WORK), Origin::EXTERNAL, Echo::Tell);
    law!(unknown == Ingest::Unknown, "flags of UID 401: {unknown:?}");
    let now = guard.keywords().len();
    law!(now == keywords, "a keyword of no message is the mailbox's");
    let moved = guard.highest_modseq().get() - before;
    law!(moved == 1, "noise moved HIGHESTMODSEQ by {moved}");
    Ok(())
}

fn known_message(world: &World, guard: &mut HubGuard<'_, ()>, message: u8) -> Judgement {
    let (there, number) = (world.store.flags(message).is_some(), uid_of(message));
    // A hub that remembers little knows that a UID is too low, and not that it was used.
    if !there && world.setting.memory < usize::from(MOST) {
        return Ok(());
    }
    let done = guard.arrive(number, Recency::Recent);
    let needs = if there { Ingest::Duplicate } else { Ingest::Reused };
    law!(done == needs, "UID {number} again is {done:?}");
    if !there {
        let gone: UidSet = std::iter::once(number).collect();
        law!(guard.expunge(&gone).is_empty(), "UID {number} is expunged twice");
        let done = guard.flags_changed(number, flags_of(1), Origin::EXTERNAL, Echo::Tell);
        law!(
            done == Ingest::Unknown,
            "flags of UID {number}, which is gone: {done:?}"
        );
    }
    Ok(())
}

fn status_is_that_of_the_cursor(world: &World, hub: &LogHub) -> Judgement {
    let cursor = hub.cursor();
    let status = fault::status(world.fault, hub.status(), &world.visible());
    law!(status.highest_modseq == cursor, "STATUS says {status:?}");
    let (messages, needs) = (status.messages, mask_of(&world.visible()).count_ones());
    law!(
        messages == needs,
        "STATUS says {messages} messages, and {needs} are there"
    );
    let (next, needs) = (status.uid_next, uid_of(world.store.arrived_by(cursor.get())));
    law!(next == Some(needs), "UIDNEXT {} is not {needs}", shown(next));
    Ok(())
}
