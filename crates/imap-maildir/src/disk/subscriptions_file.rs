//! The file `subscriptions` in an account's root directory.

use std::io;
use std::os::fd::BorrowedFd;

use crate::disk::hold::Sharing;
use crate::disk::locked_file::LockedFile;
use crate::format::subscriptions::{Changed, Subscription, Subscriptions};

const FILE: LockedFile = LockedFile {
    name: "subscriptions",
    temporary: "subscriptions.tmp",
    largest: LARGEST,
};
/// Courier's, read when there is no other, and never written.
const COURIER_FILE: LockedFile = LockedFile {
    name: "courierimapsubscribed",
    temporary: "courierimapsubscribed.tmp",
    largest: LARGEST,
};
/// How many names an account may subscribe: more than anybody has mailboxes.
const MOST: usize = 10_000;
/// What is read of a file, octets: some 400 for each of [`MOST`] names.
const LARGEST: u64 = 4 << 20;

/// The account has as many subscriptions as it may have.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("an account can have {MOST} subscriptions, in a file of less than {LARGEST} octets")]
pub(crate) struct TooManySubscriptions;

impl From<TooManySubscriptions> for io::Error {
    fn from(too_many: TooManySubscriptions) -> Self {
        Self::new(io::ErrorKind::QuotaExceeded, too_many)
    }
}

/// The subscribed names.
pub(crate) fn read(root: BorrowedFd<'_>) -> io::Result<Subscriptions> {
    match FILE.read(root)? {
        Some(octets) => Ok(Subscriptions::parse(&octets)),
        None => Ok(Subscriptions::parse_courier(
            &COURIER_FILE.read(root)?.unwrap_or_default(),
        )),
    }
}

/// Adds or removes one name, durably. On an error nothing is changed; [`Held`](crate::disk::dotlock::Held) is one, and
/// [`TooManySubscriptions`] when there are as many as there may be.
pub(crate) fn change(
    root: BorrowedFd<'_>,
    sharing: Sharing,
    name: &str,
    subscription: Subscription,
) -> io::Result<()> {
    FILE.change(root, sharing, |octets| {
        let mut subscriptions = match octets {
            Some(octets) => Subscriptions::parse(&octets),
            None => {
                let courier = COURIER_FILE.read(root)?;
                COURIER_FILE.check_read_whole(courier.as_deref())?;
                Subscriptions::parse_courier(&courier.unwrap_or_default())
            }
        };
        if subscriptions.change(name, subscription) == Changed::No {
            return Ok(None);
        }
        let octets = subscriptions.write();
        let too_many = subscriptions.names().len() > MOST || octets.len() as u64 >= LARGEST;
        if subscription == Subscription::Add && too_many {
            return Err(TooManySubscriptions.into());
        }
        Ok(Some(octets))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;
    use std::os::fd::AsFd as _;

    #[test]
    fn names_are_added_once_and_removed_in_version_2() {
        let home = tempfile::tempdir().unwrap();
        let root = File::open(home.path()).unwrap();
        for name in ["a.b", "c", "a.b"] {
            change(root.as_fd(), Sharing::Shared, name, Subscription::Add).unwrap();
        }
        change(root.as_fd(), Sharing::Shared, "absent", Subscription::Remove).unwrap();
        assert_eq!(
            std::fs::read(home.path().join(FILE.name)).unwrap(),
            b"V\t2\n\na\tb\nc\n"
        );
        change(root.as_fd(), Sharing::Shared, "a.b", Subscription::Remove).unwrap();
        assert_eq!(read(root.as_fd()).unwrap().names(), ["c"]);
        assert!(!home.path().join("subscriptions.lock").exists());
    }

    #[test]
    fn version_1_stays_version_1() {
        let home = tempfile::tempdir().unwrap();
        let root = File::open(home.path()).unwrap();
        std::fs::write(home.path().join(FILE.name), "a.b\nc\n").unwrap();
        change(root.as_fd(), Sharing::Shared, "d", Subscription::Add).unwrap();
        assert_eq!(
            std::fs::read(home.path().join(FILE.name)).unwrap(),
            b"a.b\nc\nd\n"
        );
    }

    #[test]
    fn couriers_subscriptions_are_taken_over() {
        let home = tempfile::tempdir().unwrap();
        let root = File::open(home.path()).unwrap();
        std::fs::write(home.path().join(COURIER_FILE.name), "INBOX\nINBOX.lists.rust\n").unwrap();
        assert_eq!(read(root.as_fd()).unwrap().names(), ["INBOX", "lists.rust"]);
    }
}
