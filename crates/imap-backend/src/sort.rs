//! SORT (RFC 5256, RFC 5957): by what, and an evaluation for every store that can [`fetch`](crate::Mailbox::fetch).

mod evaluate;
mod key;
mod keys;
mod known;
pub(crate) mod paced;

pub use evaluate::evaluate;
pub(crate) use evaluate::known_to;
pub use key::{MOST_TEXT, Sortable};
pub use keys::Keys;
pub use known::{Known, Lookup};

/// One sort criterion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SortKey {
    by: SortBy,
    order: Order,
}

impl SortKey {
    /// By this, the smallest first.
    #[must_use]
    pub const fn new(by: SortBy) -> Self {
        Self {
            by,
            order: Order::Ascending,
        }
    }

    /// REVERSE: the largest first. Messages that are equal by it stay in the order of the mailbox.
    #[must_use]
    pub const fn reversed(self) -> Self {
        Self {
            order: Order::Descending,
            ..self
        }
    }

    /// By what.
    #[must_use]
    pub const fn by(&self) -> SortBy {
        self.by
    }

    /// In which order.
    #[must_use]
    pub const fn order(&self) -> Order {
        self.order
    }
}

/// What messages are sorted by (RFC 5256, section 3, SORT; RFC 5957, section 4). Texts are compared by
/// [`casemap`](imap_message::casemap).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SortBy {
    /// ARRIVAL: internal date and time.
    Arrival,
    /// CC: the mailbox of the first address there.
    Cc,
    /// DATE: the sent date, or the internal date where the message has none.
    Date,
    /// DISPLAYFROM: the display name of the first address in `From:`, or the address.
    DisplayFrom,
    /// DISPLAYTO: as DISPLAYFROM, of `To:`.
    DisplayTo,
    /// FROM: the mailbox of the first address there.
    From,
    /// SIZE: octets.
    Size,
    /// SUBJECT: the base subject.
    Subject,
    /// TO: the mailbox of the first address there.
    To,
}

/// In which order messages are sorted by one criterion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Order {
    /// The smallest first.
    Ascending,
    /// The largest first.
    Descending,
}
