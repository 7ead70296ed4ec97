//! What stands in the index beside the mail (`imap-index`): pages of messages, and a head that says what they are worth.
//!
//! Each piece ends with the CRC-32 of what is before it. The fields are those of `postcard`, in the order in which they stand here:
//! whoever changes one gives the file another [`VERSION`].

use serde::{Deserialize, Serialize};

/// Of the format. A file of another version is dropped.
pub(crate) const VERSION: u32 = 1;

/// A message in a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MessageRecord<'a> {
    pub(crate) uid: u32,
    pub(crate) is_in_new: bool,
    /// The file name with its information part.
    pub(crate) name: &'a [u8],
    /// RFC822.SIZE, where it is known.
    pub(crate) size: Option<u64>,
    /// INTERNALDATE, seconds since the epoch, where it is known.
    pub(crate) date: Option<i64>,
    /// SAVEDATE, where it is known.
    pub(crate) saved: Option<u32>,
    pub(crate) modseq: u64,
}

/// What the head knows of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PageNote {
    pub(crate) number: u32,
    /// No message of it has a lower UID.
    pub(crate) first: u32,
    pub(crate) count: u32,
    pub(crate) highest_modseq: u64,
}

/// The state of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct VersionNote {
    pub(crate) file: FileNote,
    pub(crate) size: u64,
    pub(crate) modified: (i64, i64),
    pub(crate) changed: (i64, i64),
}

/// What a mailbox is, but for its messages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Head {
    /// Of the system that wrote it.
    pub(crate) boot: String,
    pub(crate) directory: FileNote,
    pub(crate) list: ListNote,
    pub(crate) numbers: NumbersNote,
    /// `dovecot-keywords` as it was when it was read, its time in seconds, and what it said.
    pub(crate) keywords: (Option<(VersionNote, i64)>, String),
    pub(crate) new: ListedNote,
    pub(crate) cur: ListedNote,
    pub(crate) settled_up_to: u32,
    pub(crate) left_in_new: u64,
    pub(crate) uid_next: Option<u32>,
    /// Expunges up to here are forgotten.
    pub(crate) forgotten: u64,
    /// Ascending: a mod-sequence, and the UIDs that were expunged then.
    pub(crate) vanished: Vec<(u64, Vec<u8>)>,
    /// UIDs, as their set writes itself.
    pub(crate) all: Vec<u8>,
    /// For each flag letter the UIDs that have it.
    pub(crate) flagged: Vec<(u8, Vec<u8>)>,
    pub(crate) in_new: Vec<u8>,
    pub(crate) pages: Vec<PageNote>,
    pub(crate) next_page: u32,
    /// Keys of the hashes of base names.
    pub(crate) name_key: (u64, u64),
}

/// Device and inode.
pub(crate) type FileNote = (u64, u64);

/// The UID list, as far as it was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ListNote {
    pub(crate) uid_validity: u32,
    pub(crate) next_uid: u32,
    pub(crate) guid: Option<String>,
    pub(crate) others: Vec<String>,
    pub(crate) highest: u32,
    pub(crate) version: VersionNote,
    pub(crate) offset: u64,
    pub(crate) records: u64,
}

/// The mod-sequences, as far as their file was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct NumbersNote {
    pub(crate) file: FileNote,
    pub(crate) read: u64,
    /// The checksum of what was read.
    pub(crate) checksum: u32,
    pub(crate) last: u64,
    /// The boot of a process that gives out numbers, and its ceiling.
    pub(crate) running: Option<(String, u64)>,
    pub(crate) keywords: Vec<(u8, String)>,
    pub(crate) size_when_new: u64,
}

/// What was found out about a message's content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SummaryNote<'a> {
    /// The file that was read: device and inode, octets, modification time.
    pub(crate) content: (FileNote, u64, (i64, i64)),
    /// The summary, as it writes itself.
    pub(crate) octets: &'a [u8],
}

/// What is known of a subdirectory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ListedNote {
    /// The state that it was known in; none where no time stamp proves one.
    pub(crate) version: Option<VersionNote>,
    /// What listing it takes, in microseconds.
    pub(crate) cost: u64,
}

/// A value with its checksum.
pub(crate) fn seal(value: &impl Serialize) -> Vec<u8> {
    // Nothing that is written here is refused by the format.
    let mut octets = postcard::to_allocvec(value).unwrap_or_default();
    octets.extend_from_slice(&crc32fast::hash(&octets).to_be_bytes());
    octets
}

/// The value, if the checksum is right.
pub(crate) fn unseal<'a, T: Deserialize<'a>>(octets: &'a [u8]) -> Option<T> {
    let (octets, sum) = octets.split_at_checked(octets.len().checked_sub(4)?)?;
    (crc32fast::hash(octets).to_be_bytes() == *sum).then_some(())?;
    postcard::from_bytes(octets).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_was_sealed_is_what_was_meant_and_a_flipped_bit_is_found(
            name in proptest::collection::vec(any::<u8>(), 0..40),
            numbers in any::<(u32, bool, Option<u64>, Option<i64>, Option<u32>, u64)>(),
            place in any::<prop::sample::Index>(),
            bit in 0..8,
        ) {
            let (uid, is_in_new, size, date, saved, modseq) = numbers;
            let records = vec![MessageRecord { uid, is_in_new, name: &name, size, date, saved, modseq }];
            let mut octets = seal(&records);
            prop_assert_eq!(unseal::<Vec<MessageRecord<'_>>>(&octets), Some(records));
            let place = place.index(octets.len());
            octets[place] ^= 1u8 << bit;
            prop_assert_eq!(unseal::<Vec<MessageRecord<'_>>>(&octets), None);
        }

        #[test]
        fn any_octets_are_a_value_or_none(octets in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut sealed = octets.clone();
            sealed.extend_from_slice(&crc32fast::hash(&octets).to_be_bytes());
            let _ = unseal::<Head>(&sealed);
            let _ = unseal::<Vec<MessageRecord<'_>>>(&sealed);
        }
    }
}
