//! How root and node find the child: guess, look whether the guess holds, search only when it does not.

/// The last child whose key is at most `number`; `None` when all keys are above.
#[inline]
pub(super) fn by_number(keys: &[u32], number: u32, guess: usize) -> Option<usize> {
    let guess = guess.min(keys.len().checked_sub(1)?);
    if keys[guess] <= number && keys.get(guess + 1).is_none_or(|&next| number < next) {
        return Some(guess);
    }
    keys.partition_point(|&key| key <= number).checked_sub(1)
}

/// The last child with at most `rank` members before it. There is a child, and before the first are none.
#[inline]
pub(super) fn by_rank(befores: &[u32], rank: u32, guess: usize) -> usize {
    let guess = guess.min(befores.len() - 1);
    if befores[guess] <= rank && befores.get(guess + 1).is_none_or(|&next| rank < next) {
        return guess;
    }
    befores.partition_point(|&before| before <= rank) - 1
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
