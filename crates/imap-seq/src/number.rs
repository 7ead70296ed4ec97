//! `Uid`, `SeqNum`, `UidValidity` and `ModSeq`: four numbers of IMAP that must never be mistaken for each other.

use std::fmt;
use std::num::{NonZeroU32, NonZeroU64};

/// Gives a non-zero 32-bit number of the protocol its constructor, its bounds and its text form.
macro_rules! number32 {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(NonZeroU32);

        impl $name {
            /// 1, the smallest.
            pub const MIN: Self = Self(NonZeroU32::MIN);
            /// 4,294,967,295, the largest.
            pub const MAX: Self = Self(NonZeroU32::MAX);

            /// From a plain number; `None` for 0, which the protocol does not know.
            #[must_use]
            pub const fn new(number: u32) -> Option<Self> {
                match NonZeroU32::new(number) {
                    Some(number) => Some(Self(number)),
                    None => None,
                }
            }

            /// The plain number, 1 to 4,294,967,295.
            #[must_use]
            pub const fn get(self) -> u32 {
                self.0.get()
            }

            /// The next larger one; `None` after [`MAX`](Self::MAX).
            #[must_use]
            pub const fn next(self) -> Option<Self> {
                match self.0.checked_add(1) {
                    Some(number) => Some(Self(number)),
                    None => None,
                }
            }
        }

        /// From a signed 64-bit column, as databases have them.
        impl TryFrom<i64> for $name {
            type Error = OutOfRange;

            fn try_from(number: i64) -> Result<Self, OutOfRange> {
                let number32 = u32::try_from(number).ok().and_then(Self::new);
                number32.ok_or(OutOfRange { number })
            }
        }

        /// For a signed 64-bit column.
        impl From<$name> for i64 {
            fn from(number: $name) -> Self {
                number.get().into()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }
    };
}

number32! {
    /// A unique identifier: names one message of a mailbox for good, 1 to 4,294,967,295, strictly ascending in the
    /// order of arrival (RFC 9051, section 2.3.1.1).
    ///
    /// There is no conversion to or from [`SeqNum`] but through a [`View`](crate::View):
    ///
    /// ```compile_fail,E0308
    /// # use imap_seq::{MailboxIndex, SeqNum, Uid};
    /// let view = MailboxIndex::default().view();
    /// view.uid_of(Uid::MIN); // a UID where a message sequence number is wanted
    /// ```
    Uid
}

number32! {
    /// A message sequence number: the place of a message in one client's view, 1 to the number of messages that this
    /// client was told of (RFC 9051, section 2.3.1.2). It means nothing outside that view.
    SeqNum
}

number32! {
    /// The UIDVALIDITY of a mailbox, 1 to 4,294,967,295: a UID is worth something only together with it (RFC 9051,
    /// section 2.3.1.1).
    UidValidity
}

/// A mod-sequence, 1 to 9,223,372,036,854,775,807: grows with each change of a message's metadata (RFC 7162,
/// section 3.1; 63 bits since that RFC, so that signed 64-bit columns can hold it).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ModSeq(NonZeroU64);

impl ModSeq {
    /// 1, the smallest.
    pub const MIN: Self = Self(NonZeroU64::MIN);
    /// 2^63 - 1, the largest.
    pub const MAX: Self = match NonZeroU64::new(i64::MAX.unsigned_abs()) {
        Some(largest) => Self(largest),
        None => Self::MIN,
    };

    /// From a plain number; `None` for 0 and above [`MAX`](Self::MAX).
    #[must_use]
    pub const fn new(number: u64) -> Option<Self> {
        match NonZeroU64::new(number) {
            Some(number) if number.get() <= Self::MAX.0.get() => Some(Self(number)),
            _ => None,
        }
    }

    /// The plain number, 1 to 2^63 - 1.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0.get()
    }

    /// The next larger one; `None` after [`MAX`](Self::MAX).
    #[must_use]
    pub const fn next(self) -> Option<Self> {
        Self::new(self.0.get() + 1)
    }
}

/// From a signed 64-bit column, as databases have them.
impl TryFrom<i64> for ModSeq {
    type Error = OutOfRange;

    fn try_from(number: i64) -> Result<Self, OutOfRange> {
        let modseq = u64::try_from(number).ok().and_then(Self::new);
        modseq.ok_or(OutOfRange { number })
    }
}

/// For a signed 64-bit column.
impl From<ModSeq> for i64 {
    fn from(modseq: ModSeq) -> Self {
        // No mod-sequence has the 64th bit.
        modseq.get().cast_signed()
    }
}

/// A number of a database that the protocol does not know: 0, negative, or too large.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfRange {
    number: i64,
}

impl fmt::Display for OutOfRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is not a number of the protocol", self.number)
    }
}

impl std::error::Error for OutOfRange {}

impl fmt::Display for ModSeq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for ModSeq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ModSeq({})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_is_no_number_of_the_protocol() {
        assert_eq!(Uid::new(0), None);
        assert_eq!(SeqNum::new(0), None);
        assert_eq!(UidValidity::new(0), None);
        assert_eq!(ModSeq::new(0), None);
    }

    #[test]
    fn the_largest_uid_is_a_uid_and_has_no_next() {
        assert_eq!(Uid::new(u32::MAX), Some(Uid::MAX));
        assert_eq!(Uid::MAX.next(), None);
        assert_eq!(Uid::MIN.next().map(Uid::get), Some(2));
    }

    #[test]
    fn a_mod_sequence_ends_at_63_bits() {
        assert_eq!(ModSeq::MAX.get(), (1 << 63) - 1);
        assert_eq!(ModSeq::new(1 << 63), None);
        assert_eq!(ModSeq::MAX.next(), None);
        assert_eq!(ModSeq::MIN.next().map(ModSeq::get), Some(2));
    }

    #[test]
    fn a_column_of_a_database_holds_every_number_and_gives_it_back() {
        for uid in [Uid::MIN, Uid::MAX] {
            assert_eq!(Uid::try_from(i64::from(uid)), Ok(uid));
        }
        for modseq in [ModSeq::MIN, ModSeq::MAX] {
            assert_eq!(ModSeq::try_from(i64::from(modseq)), Ok(modseq));
        }
        assert_eq!(i64::from(ModSeq::MAX), i64::MAX);
        assert_eq!(UidValidity::try_from(7).map(UidValidity::get), Ok(7));
    }

    #[test]
    fn what_a_column_holds_beyond_the_protocol_is_refused() {
        for number in [0, -1, i64::MIN] {
            assert_eq!(Uid::try_from(number), Err(OutOfRange { number }));
            assert_eq!(UidValidity::try_from(number), Err(OutOfRange { number }));
            assert_eq!(ModSeq::try_from(number), Err(OutOfRange { number }));
        }
        assert!(Uid::try_from(1 << 32).is_err() && Uid::try_from(i64::MAX).is_err());
        assert_eq!(
            Uid::try_from(1 << 32).unwrap_err().to_string(),
            "4294967296 is not a number of the protocol"
        );
    }

    #[test]
    fn an_option_of_a_number_costs_nothing() {
        assert_eq!(size_of::<Option<Uid>>(), 4);
        assert_eq!(size_of::<Option<ModSeq>>(), 8);
    }

    #[test]
    fn numbers_print_plainly_and_debug_with_their_name() {
        assert_eq!(Uid::MAX.to_string(), "4294967295");
        assert_eq!(format!("{:?}", SeqNum::MIN), "SeqNum(1)");
        assert_eq!(format!("{:?}", ModSeq::MIN), "ModSeq(1)");
    }
}
