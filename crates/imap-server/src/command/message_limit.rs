//! MESSAGELIMIT and SAVELIMIT (RFC 9738): a command processes so many messages at most, those with the highest UIDs, and says
//! which was the last. What has to be done whole or not at all is not begun.

use std::collections::VecDeque;
use std::num::NonZeroU32;

use imap_backend::{Need, Walk};
use imap_seq::{Uid, UidSet};

use crate::completion::Completion;
use crate::config::Limits;

/// How many messages one command processes, if that is limited.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MessageLimit(Option<NonZeroU32>);

impl MessageLimit {
    /// No limit.
    pub(crate) const NONE: Self = Self(None);

    /// For commands other than COPY and APPEND.
    pub(crate) const fn of(limits: &Limits) -> Self {
        Self(limits.message_limit)
    }

    /// For COPY and APPEND.
    pub(crate) fn of_saving(limits: &Limits) -> Self {
        Self(limits.message_limit.or(limits.save_limit))
    }

    /// Whether so many messages are too many.
    pub(crate) fn is_exceeded_by(self, messages: u64) -> bool {
        self.0.is_some_and(|limit| messages > limit.get().into())
    }

    /// Those of these messages that are processed, where not all are: UIDs ascend.
    pub(super) fn highest(self, uids: impl Iterator<Item = Uid>) -> Option<UidSet> {
        let limit = self.0?.get() as usize;
        let mut highest = VecDeque::new();
        let mut are_all = true;
        for uid in uids {
            highest.push_back(uid);
            if highest.len() > limit {
                highest.pop_front();
                are_all = false;
            }
        }
        (!are_all).then(|| highest.into_iter().collect())
    }

    /// Leaves those of a set that are processed, and gives the code that says so, where not all are.
    pub(super) fn cut(self, uids: &mut UidSet) -> Option<String> {
        *uids = self.highest(uids.iter())?;
        Some(self.code(uids.first()))
    }

    /// NO: all of the messages have to be processed, and are too many. `last` is the lowest that could be.
    pub(crate) fn refusal(self, last: Option<Uid>) -> Completion {
        Completion::no(self.code(last), "too many messages for one command")
    }

    /// `MESSAGELIMIT 1000 23221`: the lowest message that was processed, where some were (RFC 9738, section 5).
    pub(super) fn code(self, last: Option<Uid>) -> String {
        let limit = self.0.map_or(0, NonZeroU32::get);
        match last {
            Some(last) => format!("MESSAGELIMIT {limit} {last}"),
            None => format!("MESSAGELIMIT {limit}"),
        }
    }
}

/// Messages, one after the other.
pub(super) type Uids<'u> = Box<dyn Iterator<Item = Uid> + Send + 'u>;

/// From the highest to the lowest, as a limited command has to go through its messages (RFC 9738, section 3.1).
pub(super) fn descending(uids: &UidSet, need: Need) -> Walk<Uids<'static>> {
    let ascending: Vec<Uid> = uids.iter().collect();
    Walk::new(Box::new(ascending.into_iter().rev()) as Uids<'_>, need).descending()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uids(of: &[u32]) -> UidSet {
        of.iter().copied().filter_map(Uid::new).collect()
    }

    #[test]
    fn the_highest_are_left_where_there_are_too_many_and_all_where_there_are_not() {
        let limit = MessageLimit(NonZeroU32::new(2));
        for (all, left, code) in [
            (&[][..], &[][..], None),
            (&[3, 9], &[3, 9], None),
            (&[3, 9, 10], &[9, 10], Some("MESSAGELIMIT 2 9")),
            (&[1, 2, 3, 4, 5], &[4, 5], Some("MESSAGELIMIT 2 4")),
        ] {
            let mut set = uids(all);
            assert_eq!(limit.cut(&mut set).as_deref(), code, "{all:?}");
            assert_eq!(set, uids(left), "{all:?}");
        }
        assert_eq!(MessageLimit(None).cut(&mut uids(&[1, 2, 3])), None);
    }

    #[test]
    fn the_message_limit_holds_for_saving_and_takes_the_place_of_a_save_limit() {
        let (one, two) = (NonZeroU32::new(1), NonZeroU32::new(2));
        for (message_limit, save_limit, of, of_saving) in [
            (None, None, None, None),
            (one, None, one, one),
            (None, two, None, two),
            (two, one, two, two),
        ] {
            let mut limits = Limits::default();
            (limits.message_limit, limits.save_limit) = (message_limit, save_limit);
            assert_eq!(MessageLimit::of(&limits).0, of);
            assert_eq!(MessageLimit::of_saving(&limits).0, of_saving);
        }
    }
}
