//! Numbers, UIDs and sets mean what the client means by them.

use imap_seq::{SeqNum, Uid};
use imap_updates::kind;

use super::fault::Fault;
use super::numbers::{Numbers, SEQ_SETS, UID_SETS};
use super::store::{MOST, mask_of, uids};
use super::world::World;
use super::{Judgement, law, shown};

/// Numbers, UIDs and sets, in the view that the client has.
pub fn numbers_mean_what_the_client_means(world: &mut World, session: usize) -> Judgement {
    let (visible, arrived, fault) = (world.visible(), world.store.arrived, world.fault);
    let seat = &mut world.seats[session];
    let _command = seat.buffer.begin(kind::Search);
    let list = uids(seat.known);
    let exists = list.len() as u32;
    let numbers = Numbers {
        buffer: &seat.buffer,
        fault,
        visible: &visible,
        arrived,
    };
    let said = seat.buffer.exists();
    law!(
        said == exists && seat.buffer.view().exists() == exists,
        "the view has {said} messages, not {exists}"
    );
    let gone = (seat.known & !mask_of(&visible)).count_ones();
    for number in 1..=u32::from(MOST) + 1 {
        let (is, needs) = (numbers.uid_of(number), list.get(number as usize - 1).copied());
        law!(
            is == needs,
            "message {number} is UID {}, for the client {}",
            shown(is),
            shown(needs)
        );
        for uid in [number * 10, number * 10 - 5] {
            let at = list.iter().position(|&known| known == uid);
            let (is, needs) = (numbers.seq_of(uid), at.map(|at| at as u32 + 1));
            law!(
                is == needs,
                "UID {uid} is message {}, for the client {}",
                shown(is),
                shown(needs)
            );
        }
    }
    let all = seat.buffer.resolve_seqs(&SEQ_SETS[2].set);
    let expunged = all.map_or(0, |all| all.expunged().len());
    let expunged = if fault == Some(Fault::ExpungedIsAbsent) {
        0
    } else {
        expunged
    };
    law!(
        expunged == u64::from(gone),
        "of 1:* {expunged} are said to be gone, and {gone} are"
    );
    let pending = seat.buffer.pending_expunges();
    law!(
        pending == gone,
        "{pending} EXPUNGEs are pending, and {gone} have to be"
    );
    let view = seat.buffer.view();
    let all: Vec<u32> = view.uids().map(Uid::get).collect();
    law!(all == list, "the view has the UIDs {all:?}, the client {list:?}");
    let seqs = view.uids().filter_map(|uid| view.seq_of(uid));
    law!(
        seqs.map(SeqNum::get).eq(1..=exists),
        "the numbers do not run from 1 to {exists}"
    );
    Ok(())
}

/// The same for sets.
pub fn sets_mean_what_the_client_means(world: &mut World, session: usize) -> Judgement {
    let (visible, arrived, fault) = (world.visible(), world.store.arrived, world.fault);
    let seat = &mut world.seats[session];
    let list = uids(seat.known);
    let exists = list.len() as u32;
    let last = list.last().copied().unwrap_or(0);
    let numbers = Numbers {
        buffer: &seat.buffer,
        fault,
        visible: &visible,
        arrived,
    };
    for sets in SEQ_SETS.iter() {
        let is = numbers.seqs(sets);
        let refused = sets.asked.largest() > exists || exists == 0;
        let meant = list
            .iter()
            .zip(1..)
            .filter(|(_, number)| sets.asked.means(*number, exists));
        let needs = (!refused).then(|| meant.map(|(&uid, _)| uid).collect::<Vec<u32>>());
        law!(
            is == needs,
            "the numbers {} are the UIDs {:?}, for the client {:?}",
            sets.asked.text(),
            is.unwrap_or_default(),
            needs.unwrap_or_default()
        );
    }
    for sets in UID_SETS.iter() {
        let is = numbers.uids(sets);
        let needs: Vec<u32> = list
            .iter()
            .copied()
            .filter(|&uid| sets.asked.means(uid, last))
            .collect();
        law!(
            is == needs,
            "the UIDs {} are {is:?}, for the client {needs:?}",
            sets.asked.text()
        );
    }
    Ok(())
}
