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

/// Gives a number that storages keep its way into a signed 64-bit column, and back.
macro_rules! stored {
    ($name:ident, $plain:ty, $bounds:literal) => {
        /// For a signed 64-bit column: holds every value as it is.
        impl From<$name> for i64 {
            fn from(number: $name) -> Self {
                // It cannot fail: the largest value fits. A cast would hide it if that changed.
                Self::try_from(number.get()).unwrap_or(Self::MAX)
            }
        }

        /// From a signed 64-bit column.
        impl TryFrom<i64> for $name {
            type Error = NumberOutOfRange;

            #[doc = concat!("[`NumberOutOfRange`] unless ", $bounds, ".")]
            fn try_from(number: i64) -> Result<Self, NumberOutOfRange> {
                let plain = <$plain>::try_from(number).ok();
                plain.and_then(Self::new).ok_or(NumberOutOfRange {
                    kind: stringify!($name),
                    number,
                })
            }
        }
    };
}

stored!(Uid, u32, "it is 1 to 4,294,967,295");
stored!(UidValidity, u32, "it is 1 to 4,294,967,295");
stored!(ModSeq, u64, "it is 1 to 2^63 - 1");

/// A number from a storage that is no [`Uid`], [`UidValidity`] or [`ModSeq`]: the storage, or what reads it, is at fault.
///
/// Databases have signed 64-bit columns. One way is total, the other one checked:
///
/// ```
/// use imap_seq::{ModSeq, Uid};
/// let column = i64::from(Uid::MAX);
/// assert_eq!(Uid::try_from(column)?, Uid::MAX);
/// assert_eq!(ModSeq::try_from(0).unwrap_err().to_string(), "0 is not a ModSeq");
/// # Ok::<(), imap_seq::NumberOutOfRange>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NumberOutOfRange {
    kind: &'static str,
    number: i64,
}

impl fmt::Display for NumberOutOfRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is not a {}", self.number, self.kind)
    }
}

impl std::error::Error for NumberOutOfRange {}

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

    #[test]
    fn a_signed_column_holds_every_number_and_gives_it_back() {
        for number in [1, 2, 1 << 31, u32::MAX] {
            let uid = Uid::new(number).unwrap();
            assert_eq!(i64::from(uid), i64::from(number));
            assert_eq!(Uid::try_from(i64::from(number)), Ok(uid));
            let validity = UidValidity::new(number).unwrap();
            assert_eq!(UidValidity::try_from(i64::from(validity)), Ok(validity));
        }
        for number in [1, 1 << 32, i64::MAX] {
            let modseq = ModSeq::new(number.unsigned_abs()).unwrap();
            assert_eq!(i64::from(modseq), number);
            assert_eq!(ModSeq::try_from(number), Ok(modseq));
        }
    }

    #[test]
    fn a_column_with_something_else_is_refused_and_named() {
        for number in [0, -1, 1 << 32, i64::MIN, i64::MAX] {
            assert!(Uid::try_from(number).is_err(), "{number}");
            assert!(UidValidity::try_from(number).is_err(), "{number}");
        }
        for number in [0, -1, i64::MIN] {
            assert!(ModSeq::try_from(number).is_err(), "{number}");
        }
        let error = Uid::try_from(-7).unwrap_err();
        assert_eq!(error.to_string(), "-7 is not a Uid");
    }
}
