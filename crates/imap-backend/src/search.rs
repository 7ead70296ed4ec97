//! SEARCH: what is asked, what was found, and an evaluation for every store that can
//! [`fetch`](crate::Mailbox::fetch).

mod criterion;
mod evaluate;
mod header;
pub(crate) mod pace;
mod pieces;
#[cfg(test)]
mod tests;

pub use evaluate::evaluate;
pub(crate) use header::header;

use chrono::{DateTime, NaiveDate, Utc};
use imap_message::Needle;
use imap_seq::{ModSeq, Uid, UidSet, View};
use imap_updates::Flag;

use crate::object_id::ObjectId;

/// What SEARCH asks of one mailbox (RFC 9051, section 6.4.4).
#[derive(Debug, Clone)]
pub struct Query {
    key: SearchKey,
    view: View,
    wanted: Wanted,
}

/// What of the messages that match is wanted (RFC 4731, section 3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Wanted {
    /// All of them.
    #[default]
    All,
    /// How many there are. An answer with all of them serves as well.
    Count,
    /// The one with the lowest UID. An answer with more serves as well, if the lowest is among them.
    Min,
    /// The one with the highest UID. An answer with more serves as well, if the highest is among them.
    Max,
}

impl Query {
    /// All messages of the view that match the criterion.
    #[must_use]
    pub const fn new(key: SearchKey, view: View) -> Self {
        Self {
            key,
            view,
            wanted: Wanted::All,
        }
    }

    /// Only this of the messages that match.
    #[must_use]
    pub const fn with_wanted(mut self, wanted: Wanted) -> Self {
        self.wanted = wanted;
        self
    }

    /// The criterion.
    #[must_use]
    pub const fn key(&self) -> &SearchKey {
        &self.key
    }

    /// The messages that the client knows of. Others that match do no harm: the server leaves them out.
    #[must_use]
    pub const fn view(&self) -> &View {
        &self.view
    }

    /// The messages of the view that may match, ascending: `SEARCH UID 5` looks at one message, not at all. What a set of UIDs
    /// leaves over that all of them have to be in; not those that are gone.
    pub fn candidates(&self) -> impl Iterator<Item = Uid> {
        let required: Vec<&UidSet> = match &self.key {
            SearchKey::Uids(uids) => vec![uids],
            SearchKey::And(keys) => keys.iter().filter_map(SearchKey::as_uids).collect(),
            _ => Vec::new(),
        };
        self.view
            .uids()
            .filter(|&uid| !self.view.is_expunged(uid))
            .filter(move |&uid| required.iter().all(|set| set.contains(uid)))
    }

    /// What of the messages that match is wanted; answering all of them is always allowed.
    #[must_use]
    pub const fn wanted(&self) -> Wanted {
        self.wanted
    }
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Found {
    uids: UidSet,
}

impl Found {
    /// These messages match.
    #[must_use]
    pub const fn new(uids: UidSet) -> Self {
        Self { uids }
    }

    /// The messages that match.
    #[must_use]
    pub const fn uids(&self) -> &UidSet {
        &self.uids
    }
}

/// One SEARCH criterion (RFC 9051, section 6.4.4), resolved: sequence sets, `*`, `\Recent` and charsets are gone.
///
/// The RFC's opposites are [`Not`](Self::Not): UNSEEN is `Not(Flag(Seen))`. FROM, TO, CC, BCC and SUBJECT are
/// [`Header`](Self::Header).
///
/// Clients write alternatives as a chain, `OR a OR b OR c d`, of hundreds of keys: that is one [`Or`](Self::Or) of four
/// keys here, not three that nest. Dropping, cloning, comparing with a message and most of what else is done to a key
/// takes stack for each level that keys nest; whoever makes keys bounds it. `imap-server` makes at most 1,000 keys in at
/// most 64 levels of parentheses, OR and NOT.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum SearchKey {
    /// ALL.
    All,
    /// Messages of this set: UID and sequence sets, and what only the session knows (RECENT, NEW, OLD).
    Uids(UidSet),
    /// ANSWERED, DELETED, DRAFT, FLAGGED, SEEN, KEYWORD.
    Flag(Flag),
    /// BEFORE: the internal date, without time and zone, is earlier.
    Before(NaiveDate),
    /// ON: the internal date is within this day.
    On(NaiveDate),
    /// SINCE: the internal date is within or later than this day.
    Since(NaiveDate),
    /// OLDER: the internal date is this moment or earlier, to the second (RFC 5032, section 2).
    ArrivedUpTo(DateTime<Utc>),
    /// YOUNGER: the internal date is this moment or later, to the second.
    ArrivedFrom(DateTime<Utc>),
    /// MODSEQ: the mod-sequence is this or higher (RFC 7162, section 3.1.5). Asked only where
    /// [`Ability::ModSequences`](crate::Ability::ModSequences) is on.
    ModSeq(ModSeq),
    /// EMAILID: the message has this one (RFC 8474, section 6). This and THREADID are asked only where
    /// [`Ability::ObjectId`](crate::Ability::ObjectId) is on.
    EmailId(ObjectId),
    /// THREADID: the message has this one.
    ThreadId(ObjectId),
    /// SAVEDBEFORE: the save date, without time, is earlier. Of a message without one the internal date counts (RFC 8514,
    /// section 4.3). This and the next three are asked only where [`Ability::SaveDate`](crate::Ability::SaveDate) is on.
    SavedBefore(NaiveDate),
    /// SAVEDON: as ON, with the save date.
    SavedOn(NaiveDate),
    /// SAVEDSINCE: as SINCE, with the save date.
    SavedSince(NaiveDate),
    /// SAVEDATESUPPORTED: the message has a save date.
    SaveDateSupported,
    /// SENTBEFORE: as BEFORE, with the `Date:` header.
    SentBefore(NaiveDate),
    /// SENTON: as ON, with the `Date:` header.
    SentOn(NaiveDate),
    /// SENTSINCE: as SINCE, with the `Date:` header.
    SentSince(NaiveDate),
    /// LARGER: more octets than this.
    Larger(u64),
    /// SMALLER: fewer octets than this.
    Smaller(u64),
    /// HEADER: a field of this name contains the text; an empty text finds every message that has the field.
    Header(String, Needle),
    /// BODY: the body contains the text.
    Body(Needle),
    /// TEXT: header or body contains the text.
    Text(Needle),
    /// All of them: a search program of several keys, or a parenthesised list. Of no keys it matches everything.
    And(Vec<Self>),
    /// At least one of them: an OR, or a chain of them. Of no keys it matches nothing.
    Or(Vec<Self>),
    /// NOT.
    Not(Box<Self>),
}

impl SearchKey {
    /// Whether a message may begin or cease to match when its flags change, and its mod-sequence with them. Nothing else of a
    /// message changes.
    #[must_use]
    pub fn depends_on_flags(&self) -> bool {
        match self {
            Self::Flag(_) | Self::ModSeq(_) => true,
            Self::And(keys) | Self::Or(keys) => keys.iter().any(Self::depends_on_flags),
            Self::Not(key) => key.depends_on_flags(),
            Self::All
            | Self::Uids(_)
            | Self::Before(_)
            | Self::On(_)
            | Self::Since(_)
            | Self::ArrivedUpTo(_)
            | Self::ArrivedFrom(_)
            | Self::EmailId(_)
            | Self::ThreadId(_)
            | Self::SavedBefore(_)
            | Self::SavedOn(_)
            | Self::SavedSince(_)
            | Self::SaveDateSupported
            | Self::SentBefore(_)
            | Self::SentOn(_)
            | Self::SentSince(_)
            | Self::Larger(_)
            | Self::Smaller(_)
            | Self::Header(..)
            | Self::Body(_)
            | Self::Text(_) => false,
        }
    }

    const fn as_uids(&self) -> Option<&UidSet> {
        match self {
            Self::Uids(uids) => Some(uids),
            _ => None,
        }
    }
}
