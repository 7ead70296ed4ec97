//! How root and node find the child: guess, look whether the guess holds, search only when it does not.
//!
//! The look is a branch that the processor predicts, so that the loads behind the guess start before it is confirmed.

/// Children whose keys a search compares at once, without branches.
pub(super) const WIDE: usize = 64;

/// Children that a search among many compares at once, around a guess that is near.
const WINDOW: usize = 8;

/// The last of any number of bounds that is at most `value`; `None` when all are above.
#[inline]
pub(super) fn among_many(bounds: &[u32], value: u32, guess: usize) -> Option<usize> {
    let guess = guess.min(bounds.len().checked_sub(1)?);
    if holds(bounds, value, guess) {
        return Some(guess);
    }
    near(bounds, value, guess)
}

fn near(bounds: &[u32], value: u32, guess: usize) -> Option<usize> {
    let start = guess
        .saturating_sub(WINDOW / 2)
        .min(bounds.len().saturating_sub(WINDOW));
    if let Some(window) = bounds[start..].first_chunk::<WINDOW>() {
        let behind = bounds.get(start + WINDOW);
        if window[0] <= value && behind.is_none_or(|&behind| value < behind) {
            let at_most: u32 = window.iter().map(|&bound| u32::from(bound <= value)).sum();
            return Some(start + at_most as usize - 1);
        }
    }
    bounds.partition_point(|&bound| bound <= value).checked_sub(1)
}

/// The last of the first `len` bounds that is at most `value`; `None` when all are above.
#[inline]
pub(super) fn among(bounds: &[u32; WIDE], len: usize, value: u32, guess: usize) -> Option<usize> {
    let guess = guess % WIDE;
    if guess < len && holds(&bounds[..len], value, guess) {
        return Some(guess);
    }
    let at_most: u32 = bounds.iter().map(|&bound| u32::from(bound <= value)).sum();
    (at_most as usize).min(len).checked_sub(1)
}

#[inline]
fn holds(bounds: &[u32], value: u32, guess: usize) -> bool {
    bounds[guess] <= value && bounds.get(guess + 1).is_none_or(|&next| value < next)
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
