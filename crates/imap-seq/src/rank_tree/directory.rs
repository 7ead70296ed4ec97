//! How root and node find a child: guess, check the guess, search only if it is wrong.
//!
//! The check is a branch that the processor predicts, so the loads that follow a guess start before it is confirmed.

/// Children whose bounds a search compares at once, without branches.
pub(super) const WIDE: usize = 64;

/// Children that a search among many compares first, around a guess that is near.
const WINDOW: usize = 8;

/// Whether `guess` is the last of the ascending bounds that is at most `value`.
#[inline]
pub(super) fn holds<T>(bounds: &[T], bound: impl Fn(&T) -> u32, value: u32, guess: usize) -> bool {
    bounds.get(guess).is_some_and(|one| bound(one) <= value)
        && bounds.get(guess + 1).is_none_or(|next| value < bound(next))
}

/// The last of any number of bounds that is at most `value`; `None` when all are above.
pub(super) fn among_many<T>(
    bounds: &[T],
    bound: impl Fn(&T) -> u32,
    value: u32,
    guess: usize,
) -> Option<usize> {
    let guess = guess.min(bounds.len().checked_sub(1)?);
    if holds(bounds, &bound, value, guess) {
        return Some(guess);
    }
    let start = guess
        .saturating_sub(WINDOW / 2)
        .min(bounds.len().saturating_sub(WINDOW));
    if let Some(window) = bounds[start..].first_chunk::<WINDOW>() {
        let behind = bounds.get(start + WINDOW);
        if bound(&window[0]) <= value && behind.is_none_or(|behind| value < bound(behind)) {
            let at_most: usize = window.iter().map(|one| usize::from(bound(one) <= value)).sum();
            return Some(start + at_most - 1);
        }
    }
    bounds.partition_point(|one| bound(one) <= value).checked_sub(1)
}

/// The last of a node's bounds, all but the one that ends them, that is at most `value`; `None` when all are above.
pub(super) fn among(bounds: &[u32; WIDE + 1], value: u32, guess: usize) -> Option<usize> {
    if guess < WIDE && bounds[guess] <= value && value < bounds[guess + 1] {
        return Some(guess);
    }
    let at_most: u32 = bounds[..WIDE]
        .iter()
        .map(|&bound| u32::from(bound <= value))
        .sum();
    (at_most as usize).checked_sub(1)
}

/// Children for each member, in units of 2^-32: guesses the child from a rank.
pub(super) fn per_member(children: usize, members: u32) -> u64 {
    ((children as u64) << 32) / u64::from(members.max(1))
}

/// The guess that [`per_member`] gives for a rank.
#[inline]
pub(super) fn guess(rank: u32, per_member: u64) -> usize {
    ((u64::from(rank) * per_member) >> 32) as usize
}
