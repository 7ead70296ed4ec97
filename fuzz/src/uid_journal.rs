//! Any octets as a journal of UIDs, and a journal that was written, cut or changed: what is read keeps the rules of UIDs, and
//! damage is never read as something else than what was written.

use imap_seq::{Uid, UidValidity};

use crate::input::Input;
use crate::journal::format::{self, Replayed};

pub fn run(octets: &[u8]) {
    let mut input = Input::new(octets);
    match input.below(3) {
        0 => any(&[format::MAGIC, input.rest()].concat()),
        1 => contents(input),
        _ => written(input),
    }
}

fn any(journal: &[u8]) {
    if let Ok(replayed) = format::replay(journal) {
        keeps_the_rules(&replayed);
        // Without what was torn it says the same.
        let whole = format::replay(&journal[..journal.len() - replayed.torn]);
        assert_eq!(whole.map(|whole| (whole.torn, whole.ids)), Ok((0, replayed.ids)));
    }
}

/// Any contents, with the checksums that they ought to have.
fn contents(mut input: Input<'_>) {
    let ids = crate::ids::Ids::new(UidValidity::MIN);
    let mut journal = [format::MAGIC, &format::begin(&ids)].concat();
    while !input.is_empty() {
        let length = 1 + usize::from(input.octet());
        journal.append(&mut format::record(input.take(length)));
    }
    any(&journal);
}

fn keeps_the_rules(replayed: &Replayed) {
    let ids = &replayed.ids;
    assert!(ids.iter().is_sorted_by(|one, other| one.0 < other.0));
    for (uid, id) in ids.iter() {
        assert_eq!((ids.uid(id), ids.id(uid)), (Some(uid), Some(id)));
        assert!(ids.uid_next().is_none_or(|next| uid < next));
    }
}

/// Pages and messages that go, as the input says; then one octet is changed, and the end is cut off.
fn written(mut input: Input<'_>) {
    let mut ids = crate::ids::Ids::new(UidValidity::MIN);
    let mut journal = [format::MAGIC, &format::begin(&ids)].concat();
    let mut states = vec![(journal.len(), ids.clone())];
    for _ in 0..input.below(8) {
        let uid_next = ids.uid_next().map_or(1, Uid::get);
        let names: Vec<String> = (0..=input.below(4))
            .map(|at| format!("{uid_next} {at}"))
            .collect();
        let page = (uid_next..)
            .filter_map(Uid::new)
            .zip(names.iter().map(String::as_str));
        let mut record = format::given(&mut page.clone().peekable());
        page.for_each(|(uid, id)| ids.insert(uid, id).unwrap());
        let gone = ids.iter().map(|(uid, _)| uid).nth(input.below(4).into());
        if let Some(uid) = gone.filter(|_| input.below(2) == 0) {
            journal.append(&mut record);
            states.push((journal.len(), ids.clone()));
            record = format::gone(&mut std::iter::once(uid));
            ids.remove(uid);
        }
        journal.append(&mut record);
        states.push((journal.len(), ids.clone()));
    }
    let (at, change) = (usize::from(input.u16()) % journal.len(), input.octet());
    let cut = journal.len() - usize::from(input.u16()) % journal.len();
    journal[at] ^= change;
    if let Ok(replayed) = format::replay(&journal[..cut]) {
        keeps_the_rules(&replayed);
        let whole = cut - replayed.torn;
        let said = states.iter().find(|(end, _)| *end == whole);
        assert_eq!(said.map(|(_, ids)| ids), Some(&replayed.ids));
        assert!(change == 0 || at >= whole, "a changed octet was read");
    }
}
