//! Sorting that gives way to others.

use std::cmp::Ordering;

use crate::search::pace::Pace;

/// So many are sorted at a time, which takes less than a millisecond.
const RUN: usize = 4096;

/// What it takes to compare and move one, as much as so many octets of text; see [`Pace`].
const WORK: usize = 32;

/// Sorts in O(n log n), and gives way in between. Items that are equal may change places.
pub(crate) async fn sorted<T: Copy + Send>(
    mut items: Vec<T>,
    compare: impl Fn(&T, &T) -> Ordering + Send,
    pace: &mut Pace,
) -> Vec<T> {
    for run in items.chunks_mut(RUN) {
        run.sort_unstable_by(&compare);
        pace.after(WORK * run.len()).await;
    }
    let mut merged = Vec::new();
    let mut length = RUN;
    while length < items.len() {
        merged.clear();
        merged.reserve_exact(items.len());
        for pair in items.chunks(2 * length) {
            let (mut one, mut other) = pair.split_at(length.min(pair.len()));
            while !one.is_empty() || !other.is_empty() {
                let before = merged.len();
                merge(&mut one, &mut other, &mut merged, &compare);
                pace.after(WORK * (merged.len() - before)).await;
            }
        }
        std::mem::swap(&mut items, &mut merged);
        length *= 2;
    }
    items
}

/// Merges the next [`RUN`].
fn merge<'a, T: Copy>(
    one: &mut &'a [T],
    other: &mut &'a [T],
    merged: &mut Vec<T>,
    compare: impl Fn(&T, &T) -> Ordering,
) {
    let end = merged.len() + RUN;
    while merged.len() < end {
        let from = match (one.first(), other.first()) {
            (Some(first), Some(second)) if compare(first, second).is_le() => &mut *one,
            (Some(_), None) => &mut *one,
            (_, Some(_)) => &mut *other,
            (None, None) => return,
        };
        if let Some((&next, rest)) = from.split_first() {
            merged.push(next);
            *from = rest;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::pace::tests::turns;

    #[test]
    fn many_are_sorted_in_turns() {
        let mut state = 1_u64;
        let items: Vec<u64> = (0..100_000)
            .map(|_| {
                state = state
                    .wrapping_mul(6364136223846793005)
                    .wrapping_add(1442695040888963407);
                state >> 40
            })
            .collect();
        for length in [0, 1, RUN - 1, RUN, RUN + 1, 3 * RUN + 5, items.len()] {
            let mut wanted = items[..length].to_vec();
            let mut pace = Pace::new();
            let (sorted, turns) = turns(sorted(wanted.clone(), u64::cmp, &mut pace));
            wanted.sort_unstable();
            assert_eq!(sorted, wanted);
            assert!(turns >= length / RUN, "{turns}");
        }
    }
}
