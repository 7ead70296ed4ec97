//! What a server writes of a drain. Owned, so that a faulty server can write something else.

use std::fmt;

use imap_seq::{ModSeq, SeqNum, Uid, UidSet};
use imap_updates::{Drained, Flags, Keyword, Recency, Untagged};

#[derive(Clone, Debug)]
pub enum Line {
    MailboxFlags(Vec<Keyword>),
    Fetch {
        seq: SeqNum,
        uid: Uid,
        flags: Flags,
        recent: Recency,
        modseq: ModSeq,
    },
    Expunge(SeqNum),
    Vanished(UidSet),
    Exists(u32),
    Recent(u32),
}

impl Line {
    pub fn of(drained: &Drained) -> Vec<Self> {
        let line = |untagged| match untagged {
            Untagged::MailboxFlags(keywords) => Self::MailboxFlags(keywords.to_vec()),
            Untagged::Fetch {
                seq,
                uid,
                flags,
                recent,
                modseq,
            } => Self::Fetch {
                seq,
                uid,
                flags: flags.clone(),
                recent,
                modseq,
            },
            Untagged::Expunge(seq) => Self::Expunge(seq),
            Untagged::Vanished(uids) => Self::Vanished(uids.clone()),
            Untagged::Exists(exists) => Self::Exists(exists),
            Untagged::Recent(recent) => Self::Recent(recent),
            other => unreachable!("a response that this test does not know: {other:?}"),
        };
        drained.iter().map(line).collect()
    }

    pub fn untagged(&self) -> Untagged<'_> {
        match self {
            Self::MailboxFlags(keywords) => Untagged::MailboxFlags(keywords),
            Self::Fetch {
                seq,
                uid,
                flags,
                recent,
                modseq,
            } => Untagged::Fetch {
                seq: *seq,
                uid: *uid,
                flags,
                recent: *recent,
                modseq: *modseq,
            },
            Self::Expunge(seq) => Untagged::Expunge(*seq),
            Self::Vanished(uids) => Untagged::Vanished(uids),
            Self::Exists(exists) => Untagged::Exists(*exists),
            Self::Recent(recent) => Untagged::Recent(*recent),
        }
    }

    /// Its place in the order within a drain.
    pub const fn rank(&self) -> u8 {
        match self {
            Self::MailboxFlags(_) => 1,
            Self::Fetch { .. } => 2,
            Self::Expunge(_) | Self::Vanished(_) => 3,
            Self::Exists(_) => 4,
            Self::Recent(_) => 5,
        }
    }

    pub const fn is_expunge(&self) -> bool {
        matches!(self, Self::Expunge(_) | Self::Vanished(_))
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MailboxFlags(keywords) => {
                f.write_str("* FLAGS (")?;
                keywords.iter().try_for_each(|keyword| write!(f, "{keyword}"))?;
                f.write_str(")")
            }
            Self::Fetch {
                seq,
                uid,
                flags,
                modseq,
                ..
            } => write!(f, "* {seq} FETCH (UID {uid} FLAGS {flags} MODSEQ ({modseq}))"),
            Self::Expunge(seq) => write!(f, "* {seq} EXPUNGE"),
            Self::Vanished(uids) => write!(f, "* VANISHED {uids}"),
            Self::Exists(exists) => write!(f, "* {exists} EXISTS"),
            Self::Recent(recent) => write!(f, "* {recent} RECENT"),
        }
    }
}
