//! Identifiers of mailboxes and messages (OBJECTID, RFC 8474), made of what a Maildir has anyway.
//!
//! A mailbox has that of its UID list (`G`, 32 hexadecimal digits). A message has its base name, which stays what it is as long as
//! the message is in its mailbox. A copy has another base name, in which `,E=` says what the first one's identifier was: so it has the
//! same, whatever becomes of the first one, and no file has to remember it.

use std::hash::Hasher as _;

use imap_backend::ObjectId;
use siphasher::sip128::{Hasher128 as _, SipHasher13};

use crate::format::uidlist::is_guid;

/// What stands before the identifier in a base name.
const FIELD: &[u8] = b"E=";

/// The identifier of a mailbox: 16 octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MailboxGuid(u128);

impl MailboxGuid {
    /// That of a UID list's header; none unless it is 32 hexadecimal digits.
    pub(crate) fn new(digits: &str) -> Option<Self> {
        number(digits).map(Self)
    }

    /// That of a mailbox whose UID list has none yet and may not be written: always the same for this directory and UIDVALIDITY, and
    /// for no other of this account.
    pub(crate) fn of_directory(inode: u64, uid_validity: u32) -> Self {
        Self(hash(|hasher| {
            hasher.write(&inode.to_le_bytes());
            hasher.write(&uid_validity.to_le_bytes());
        }))
    }

    /// As it stands in a UID list's header.
    pub(crate) fn digits(self) -> String {
        format!("{:032x}", self.0)
    }

    /// MAILBOXID.
    pub(crate) fn id(self) -> ObjectId {
        object_id('F', self.0)
    }
}

/// EMAILID of the message with this base name.
pub(crate) fn email_id(base: &[u8]) -> ObjectId {
    object_id('M', email_number(base))
}

/// This base name for a copy of a message: it has the same EMAILID.
pub(crate) fn with_email_id_of(original: &[u8], base: &[u8]) -> Vec<u8> {
    let field = format!(",E={:032x}", email_number(original));
    [base, field.as_bytes()].concat()
}

/// What the first `,E=` says, if it can be ours; else a hash, of 128 bits that mean the same in every process.
fn email_number(base: &[u8]) -> u128 {
    let fields = base.split(|&octet| octet == b',').skip(1);
    let said = fields.filter_map(|field| field.strip_prefix(FIELD)).next();
    said.and_then(|digits| std::str::from_utf8(digits).ok())
        .and_then(number)
        .unwrap_or_else(|| hash(|hasher| hasher.write(base)))
}

/// The number that 32 hexadecimal digits write; none for anything else.
fn number(digits: &str) -> Option<u128> {
    u128::from_str_radix(digits, 16).ok().filter(|_| is_guid(digits))
}

fn hash(of: impl FnOnce(&mut SipHasher13)) -> u128 {
    let mut hasher = SipHasher13::new();
    of(&mut hasher);
    hasher.finish128().into()
}

/// A letter tells mailboxes from messages.
fn object_id(kind: char, number: u128) -> ObjectId {
    let text = format!("{kind}{number:032x}");
    ObjectId::new(&text).expect("a letter and hexadecimal digits are an identifier")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc8474_5_1_a_copy_has_the_email_id_of_its_original_however_often_it_is_copied() {
        let original = b"1.M2P3Q4R5.host,S=40,W=42";
        let copy = with_email_id_of(original, b"2.M3P4Q5R6.host,S=40,W=42");
        let second = with_email_id_of(&copy, b"3.M4P5Q6R7.host");
        for base in [&copy, &second] {
            assert_eq!(email_id(base), email_id(original), "{}", base.escape_ascii());
        }
        assert_ne!(email_id(original), email_id(b"2.M3P4Q5R6.host,S=40,W=42"));
    }

    #[test]
    fn an_email_id_means_the_same_in_every_process_and_version() {
        // By another implementation of SipHash-1-3.
        let id = email_id(b"1.M2P3Q4R5.host,S=40,W=42");
        assert_eq!(id.as_str(), "M34e92e1390f1f9d077547b223aecf7dc");
        assert_eq!(
            email_id(b"1.h,E=000000000000000000000000000000ff").as_str(),
            "M000000000000000000000000000000ff"
        );
    }

    #[test]
    fn what_cannot_be_an_identifier_of_ours_is_a_part_of_the_name() {
        for odd in [
            "1.h,E=",
            "1.h,E=ff",
            "1.h,E=+00000000000000000000000000000ff",
            "1.h,E=\u{e9}0000000000000000000000000000000",
        ] {
            let id = email_id(odd.as_bytes());
            assert!(
                id.as_str().starts_with('M') && id.as_str().len() == 33,
                "{odd}: {id}"
            );
            assert_ne!(id, email_id(b"1.h"), "{odd}");
        }
    }

    #[test]
    fn a_mailbox_guid_is_32_digits() {
        let digits = "0123456789abcdef0123456789abcdef";
        let guid = MailboxGuid::new(digits).unwrap();
        assert_eq!(
            (guid.digits().as_str(), guid.id().as_str()),
            (digits, "F0123456789abcdef0123456789abcdef")
        );
        for wrong in [
            "",
            "12",
            "+123456789abcdef0123456789abcdef0",
            "g123456789abcdef0123456789abcdef",
        ] {
            assert_eq!(MailboxGuid::new(wrong), None, "{wrong}");
        }
        assert_ne!(MailboxGuid::of_directory(1, 2), MailboxGuid::of_directory(2, 1));
    }
}
