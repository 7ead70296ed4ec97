//! The file `url-key` in a mailbox's directory: the secret that URLs of the mailbox are authorized with (RFC 4467). It goes
//! where the directory goes, and only the owner of the mail can read it.

use std::io;
use std::os::fd::BorrowedFd;

use imap_backend::UrlKey;

use crate::disk::hold::Sharing;
use crate::disk::locked_file::LockedFile;

const FILE: LockedFile = LockedFile {
    name: "url-key",
    temporary: "url-key.tmp",
    largest: 1 << 10,
};

/// The key, if there is one.
pub(crate) fn read(directory: BorrowedFd<'_>) -> io::Result<Option<UrlKey>> {
    Ok(FILE.read(directory)?.and_then(|octets| parse(&octets)))
}

/// The key; where there is none, `fresh` becomes it, durably. [`Held`](crate::disk::dotlock::Held) is one of the errors.
pub(crate) fn keep(directory: BorrowedFd<'_>, sharing: Sharing, fresh: &UrlKey) -> io::Result<UrlKey> {
    let mut key = fresh.clone();
    FILE.change(directory, sharing, |octets| {
        Ok(match octets.and_then(|octets| parse(&octets)) {
            Some(known) => {
                key = known;
                None
            }
            None => Some(write(fresh)),
        })
    })?;
    Ok(key)
}

/// Removes the key, durably: an empty file has none.
pub(crate) fn forget(directory: BorrowedFd<'_>, sharing: Sharing) -> io::Result<()> {
    if FILE.read(directory)?.is_none() {
        return Ok(());
    }
    FILE.change(directory, sharing, |octets| {
        Ok(octets.filter(|octets| !octets.is_empty()).map(|_| Vec::new()))
    })
}

/// Two hexadecimal digits for each octet, and a line end. What is anything else is no key.
fn parse(octets: &[u8]) -> Option<UrlKey> {
    let (pairs, rest) = octets.as_chunks::<2>();
    let mut key = [0; UrlKey::OCTETS];
    if rest != b"\n" || pairs.len() != key.len() {
        return None;
    }
    for (octet, pair) in key.iter_mut().zip(pairs) {
        let digit = |digit: u8| {
            char::from(digit)
                .to_digit(16)
                .and_then(|digit| u8::try_from(digit).ok())
        };
        *octet = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(UrlKey::new(key))
}

fn write(key: &UrlKey) -> Vec<u8> {
    let digits: String = key.octets().iter().map(|octet| format!("{octet:02x}")).collect();
    format!("{digits}\n").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;
    use std::os::fd::AsFd as _;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn a_key_is_kept_where_only_its_owner_reads_it_until_it_is_forgotten() {
        let home = tempfile::tempdir().unwrap();
        let directory = File::open(home.path()).unwrap();
        let directory = directory.as_fd();
        let (first, second) = (UrlKey::new([0xa7; 32]), UrlKey::new([8; 32]));
        assert_eq!(read(directory).unwrap(), None);
        forget(directory, Sharing::Shared).unwrap();
        assert!(!home.path().join("url-key").exists());
        assert_eq!(keep(directory, Sharing::Shared, &first).unwrap(), first);
        assert_eq!(keep(directory, Sharing::Shared, &second).unwrap(), first);
        assert_eq!(read(directory).unwrap(), Some(first));
        let mode = home
            .path()
            .join("url-key")
            .metadata()
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
        forget(directory, Sharing::Shared).unwrap();
        assert_eq!(read(directory).unwrap(), None);
        assert_eq!(keep(directory, Sharing::Shared, &second).unwrap(), second);
    }

    #[test]
    fn a_damaged_file_has_no_key_and_gets_one() {
        let home = tempfile::tempdir().unwrap();
        let directory = File::open(home.path()).unwrap();
        let key = UrlKey::new([1; 32]);
        let good = String::from_utf8(write(&key)).unwrap();
        for damaged in [
            "",
            "\n",
            "01",
            &good[1..],
            good.trim(),
            &good.replacen("01", "+1", 1),
            &good.repeat(99),
        ] {
            std::fs::write(home.path().join("url-key"), damaged).unwrap();
            assert_eq!(read(directory.as_fd()).unwrap(), None, "{damaged}");
        }
        std::fs::write(home.path().join("url-key"), "half").unwrap();
        assert_eq!(keep(directory.as_fd(), Sharing::Shared, &key).unwrap(), key);
        assert_eq!(
            std::fs::read_to_string(home.path().join("url-key")).unwrap(),
            good
        );
    }
}
