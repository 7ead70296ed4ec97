//! What makes two states the same.
//!
//! Versions count from the hub's, so that a state does not depend on how long ago its like was seen, and sessions are
//! sorted, so that those of the same kind are interchangeable.

use std::collections::hash_map::DefaultHasher;
use std::hash::Hasher;

use imap_updates::{Access, ExpungeForm};

use super::pages::UnderWay;
use super::seat::Seat;
use super::setting::Feed;
use super::step::Reading;
use super::store::{Change, Row, bits_of, mask_of, members, uid_of};
use super::world::World;

pub fn of(world: &World) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(&octets(world));
    hasher.finish()
}

/// All that the future depends on, as far as the store, the clients and the sessions say it.
fn octets(world: &World) -> Vec<u8> {
    let (cursor, visible) = (world.cursor(), world.visible());
    let mut all = Vec::with_capacity(160);
    all.extend([world.store.arrived, world.unclaimed]);
    all.extend(visible.map(|flags| flags.unwrap_or(0xFF)));
    let defined = world.store.rows.iter().filter(|row| row.version <= cursor);
    all.push(u8::from(defined.clone().any(has_keyword)));
    let mut seats: Vec<Vec<u8>> = world.seats.iter().map(|seat| seat_octets(seat, world)).collect();
    seats.sort_unstable();
    all.extend(seats.concat());
    if world.setting.feed != Feed::Guard {
        log_octets(world, &mut all);
    }
    all
}

const fn has_keyword(row: &Row) -> bool {
    matches!(row.change, Change::Present(flags) if flags & super::store::WORK != 0)
}

/// How far a version lies behind another.
fn lag(of: u64, behind: u64) -> u8 {
    u8::try_from(behind.saturating_sub(of)).unwrap_or(u8::MAX)
}

pub fn seat_octets(seat: &Seat, world: &World) -> Vec<u8> {
    let (cursor, visible) = (world.cursor(), world.visible());
    let access = u8::from(seat.role.access == Access::ReadWrite);
    let form = u8::from(seat.role.form == ExpungeForm::Vanished);
    let me = seat.buffer.origin();
    let since = world
        .store
        .rows
        .iter()
        .filter(|row| row.version > seat.drained_at && row.version <= cursor);
    let pending = since
        .filter(|row| row.by != me)
        .fold(0, |mask, row| mask | 1_u8 << row.message);
    let held = seat.buffer.held();
    let mut all = vec![
        access | form << 1 | u8::from(seat.has_keyword) << 2,
        seat.known,
        seat.horizon,
        seat.recent,
        pending,
        lag(seat.told, cursor),
        held.map_or(0, |held| held.count as u8),
        held.map_or(0, |held| lag(held.below.get(), cursor)),
    ];
    for message in members(seat.known) {
        all.push(seat.client.flags_of(uid_of(message)).map_or(0xFF, bits_of));
        if visible[usize::from(message)].is_none() {
            let gone = world.store.changed_at(message, cursor);
            all.extend([lag(gone, cursor), u8::from(gone > seat.drained_at)]);
        }
    }
    if world.setting.makers {
        let own = world.store.rows.iter().filter(|row| row.by == me);
        all.extend(own.flat_map(|row| [row.message, lag(row.version, cursor) | u8::from(row.named) << 7]));
    }
    all
}

/// Rows that somebody may still read, the pages under way, and those that wait in the hub.
fn log_octets(world: &World, all: &mut Vec<u8>) {
    let cursor = world.cursor();
    let told = world.seats.iter().map(|seat| seat.told).min().unwrap_or(cursor);
    let floor = if world.setting.makers { 0 } else { told.min(cursor) };
    all.extend([lag(cursor, world.store.version), mask_of(&world.store.now())]);
    for row in world.store.rows.iter().filter(|row| row.version > floor) {
        row_octets(row, cursor, all);
    }
    for pages in [&world.under_way, &world.waiting] {
        let mut pages: Vec<Vec<u8>> = pages.iter().map(|page| page_octets(page, cursor)).collect();
        pages.sort_unstable();
        all.push(pages.len() as u8);
        all.extend(pages.concat());
    }
}

fn row_octets(row: &Row, cursor: u64, all: &mut Vec<u8>) {
    let change = match row.change {
        Change::Present(flags) => flags,
        Change::Gone => 0xFF,
    };
    all.extend([
        0x80_u64.wrapping_add(row.version).wrapping_sub(cursor) as u8,
        row.message,
        change,
    ]);
}

/// Of a page that is under way only what lies above the cursor matters.
fn page_octets(page: &UnderWay, cursor: u64) -> Vec<u8> {
    let place = |version: u64| 0x80_u64.wrapping_add(version).wrapping_sub(cursor) as u8;
    let whole = page.reading == Reading::Whole;
    let short = page.reading == Reading::Short;
    let mut all = vec![
        u8::from(whole) | u8::from(short) << 1 | u8::from(page.given) << 2,
        place(page.after.max(cursor)),
        place(page.upto.max(cursor)),
    ];
    if page.upto > cursor {
        let news = page.rows.iter().filter(|row| whole || row.version > cursor);
        news.for_each(|row| row_octets(row, cursor, &mut all));
    }
    all
}
