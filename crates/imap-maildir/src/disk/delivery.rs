//! A message on its way into a mailbox: written or linked in `tmp/`, synced, and only then given a name that others see.
//!
//! Order of events, and what a crash after each leaves (the Maildir and Dovecot protocol):
//!
//! | after | on disk | seen later as |
//! | --- | --- | --- |
//! | write, fsync | a file in `tmp/` | nothing; removed after 36 hours |
//! | rename into `cur/` or `new/`, fsync of the directory | a file without a UID | a new message, never announced before |
//! | UID record, fsync | the message | the message |
//! | answer OK | the same | the same |
//!
//! Messages of several sessions take the second and the third step together: [`crate::mailbox::together`].

use std::io::{self, Write as _};
use std::sync::Arc;

use crate::disk::directory::{Directory, FileAt, Subdirectory};
use crate::disk::interference::Moment;
use crate::disk::name_generator::NameGenerator;
use crate::disk::storage::{FileKind, StoredFile};
use crate::format::file_name::{ClaimedSizes, split, with_sizes};
use crate::format::flags::Info;
use crate::format::line_ends::LineEnds;
use crate::format::object_ids::with_email_id_of;

/// A message that arrives in pieces.
#[derive(Debug)]
pub(crate) struct Delivery {
    directory: Arc<Directory>,
    /// None after it was handed on.
    file: Option<StoredFile>,
    base: Vec<u8>,
    line_ends: LineEnds,
    physical: u64,
    wire: u64,
}

/// A message that is complete in `tmp/`, durable, and not yet in the mailbox. Dropping it removes it.
#[derive(Debug)]
pub(crate) struct Prepared {
    directory: Arc<Directory>,
    temporary: Vec<u8>,
    /// The base name that it gets.
    pub(crate) base: Arc<[u8]>,
    /// Octets in the file.
    pub(crate) physical: u64,
    /// Octets with CRLF line ends, where known.
    pub(crate) wire: Option<u64>,
    /// INTERNALDATE, seconds since the epoch, where known.
    pub(crate) modified: Option<i64>,
    state: State,
}

#[derive(Debug, PartialEq, Eq)]
enum State {
    InTemporary,
    Placed(Subdirectory, Arc<[u8]>),
    Kept,
}

/// The message has a NUL octet, which no IMAP string can carry.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the message has a NUL octet")]
pub(crate) struct NulOctet;

impl Delivery {
    /// Opens a new file in `tmp/`.
    pub(crate) fn begin(directory: Arc<Directory>, names: &NameGenerator) -> io::Result<Self> {
        let base = names.next();
        let file = Some(directory.create_temporary(&base)?);
        Ok(Self {
            directory,
            file,
            base,
            line_ends: LineEnds::default(),
            physical: 0,
            wire: 0,
        })
    }

    /// Adds octets. CRLF is stored as LF, in such a way that reading gives CRLF back; a bare LF or CR is stored as it is.
    ///
    /// `InvalidData` with [`NulOctet`] inside; others as the system says. The delivery is to be dropped then.
    pub(crate) fn write(&mut self, octets: &[u8]) -> io::Result<()> {
        if octets.contains(&0) {
            return Err(io::Error::new(io::ErrorKind::InvalidData, NulOctet));
        }
        let stored = self.line_ends.shorten(octets);
        self.put(&stored)
    }

    fn put(&mut self, stored: &[u8]) -> io::Result<()> {
        self.physical += stored.len() as u64;
        self.wire += self.line_ends.measure(stored);
        match &mut self.file {
            Some(file) => file.write_all(stored),
            None => Err(io::Error::other("the delivery has ended")),
        }
    }

    /// Makes the content durable and sets the INTERNALDATE, seconds since the epoch; now where there is none.
    ///
    /// On an error nothing is left behind.
    pub(crate) fn finish(mut self, internal_date: Option<i64>) -> io::Result<Prepared> {
        let rest = self.line_ends.finish();
        self.put(rest)?;
        let Some(file) = &self.file else {
            return Err(io::Error::other("the delivery has ended"));
        };
        self.directory.moments().at(Moment::Written);
        let modified = internal_date.unwrap_or_else(crate::disk::clock::seconds);
        file.set_times(modified)?;
        // A file system keeps the dates that it can: what it kept is what every later look will find.
        let modified = file.status().map_or(modified, |status| status.modified);
        file.sync_all()?;
        // From here on the message is the prepared one's to remove, until here this delivery's.
        self.file = None;
        self.directory.moments().at(Moment::Prepared);
        Ok(Prepared {
            directory: Arc::clone(&self.directory),
            base: with_sizes(&self.base, self.physical, self.wire).into(),
            physical: self.physical,
            temporary: std::mem::take(&mut self.base),
            wire: Some(self.wire),
            modified: Some(modified),
            state: State::InTemporary,
        })
    }
}

impl Drop for Delivery {
    fn drop(&mut self) {
        if self.file.is_some() {
            self.directory.discard_temporary(&self.base);
        }
    }
}

impl Prepared {
    /// Links a message of another (or the same) mailbox into `tmp/`; copies its octets where links do not work.
    ///
    /// The copy has a base name of its own, with the original's EMAILID, and the sizes that its name claims, if they can be right.
    ///
    /// `NotFound` when the original is not under this name; others as the system says.
    pub(crate) fn link(
        target: Arc<Directory>,
        names: &NameGenerator,
        source: &Directory,
        original: FileAt<'_>,
    ) -> io::Result<Self> {
        let temporary = names.next();
        let mut base = temporary.clone();
        // Looked at first: a symbolic link must not be linked.
        let status = source.status(original)?;
        if status.kind != FileKind::Regular {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let original_base = split(original.name).0;
        if let Some(sizes) = ClaimedSizes::of(original_base).if_physical_is(status.size) {
            base = with_sizes(&base, sizes.physical, sizes.wire);
        }
        base = with_email_id_of(original_base, &base);
        let linked = target.link_temporary(source, original, &temporary);
        let prepared = Self {
            directory: Arc::clone(&target),
            temporary,
            base: base.into(),
            physical: status.size,
            wire: None,
            modified: Some(status.modified),
            state: State::InTemporary,
        };
        match linked {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(error),
            Err(_) => prepared.copy_octets(source.open_message(original)?.0, status.modified)?,
        }
        target.moments().at(Moment::Prepared);
        Ok(prepared)
    }

    fn copy_octets(&self, mut from: StoredFile, modified: i64) -> io::Result<()> {
        let mut file = self.directory.create_temporary(&self.temporary)?;
        io::copy(&mut from, &mut file)?;
        file.set_times(modified)?;
        file.sync_all()
    }

    /// Gives the message its final name, which is returned. Until [`keep`](Self::keep), dropping takes it back.
    pub(crate) fn place(&mut self, subdirectory: Subdirectory, info: &Info) -> io::Result<Arc<[u8]>> {
        let name: Arc<[u8]> = match subdirectory {
            Subdirectory::New => Arc::clone(&self.base),
            Subdirectory::Cur => [&self.base[..], &info.suffix()].concat().into(),
        };
        self.directory
            .publish(&self.temporary, FileAt::new(subdirectory, &name))?;
        self.state = State::Placed(subdirectory, Arc::clone(&name));
        Ok(name)
    }

    /// The message has its UID: it stays.
    pub(crate) fn keep(mut self) {
        self.state = State::Kept;
    }
}

impl Drop for Prepared {
    fn drop(&mut self) {
        match &self.state {
            State::InTemporary => self.directory.discard_temporary(&self.temporary),
            State::Placed(subdirectory, name) => {
                self.directory.moments().at(Moment::BeforeTakingBack);
                let _ = self.directory.unlink(FileAt::new(*subdirectory, name));
            }
            State::Kept => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::storage::{Call, faults};
    use crate::format::line_ends::tests::read_back;
    use crate::format::object_ids::email_id;
    use std::os::unix::fs::MetadataExt as _;

    fn fixture() -> (tempfile::TempDir, Arc<Directory>, NameGenerator) {
        let home = tempfile::tempdir().unwrap();
        let directory = Arc::new(Directory::open(home.path()).unwrap());
        (home, directory, NameGenerator::new().unwrap())
    }

    fn deliver(pieces: &[&[u8]]) -> (Vec<u8>, Prepared, tempfile::TempDir) {
        let (home, directory, names) = fixture();
        let mut delivery = Delivery::begin(directory, &names).unwrap();
        pieces.iter().for_each(|piece| delivery.write(piece).unwrap());
        let mut prepared = delivery.finish(Some(1_000_000_000)).unwrap();
        let name = prepared.place(Subdirectory::Cur, &Info::parse(b":2,S")).unwrap();
        let path = home.path().join("cur").join(std::str::from_utf8(&name).unwrap());
        assert_eq!(path.metadata().unwrap().mtime(), 1_000_000_000);
        (std::fs::read(path).unwrap(), prepared, home)
    }

    #[test]
    fn crlf_is_stored_as_lf_and_the_sizes_are_in_the_name() {
        let (stored, prepared, _home) = deliver(&[b"a: b\r\n\r", b"\nbody\r\n"]);
        assert_eq!(stored, b"a: b\n\nbody\n");
        assert_eq!(prepared.wire, Some(14));
        assert!(
            prepared.base.ends_with(b",S=11,W=14"),
            "{}",
            prepared.base.escape_ascii()
        );
    }

    #[test]
    fn bare_carriage_returns_survive() {
        let (stored, prepared, _home) = deliver(&[b"a\rb\r\r\nc\r"]);
        assert_eq!(read_back(&stored), b"a\rb\r\r\nc\r");
        assert_eq!(prepared.wire, Some(8));
    }

    #[test]
    fn a_nul_octet_is_refused_and_leaves_nothing() {
        let (home, directory, names) = fixture();
        let mut delivery = Delivery::begin(directory, &names).unwrap();
        let error = delivery.write(b"a\0b").unwrap_err();
        assert!(error.get_ref().is_some_and(|inner| inner.is::<NulOctet>()));
        drop(delivery);
        assert_eq!(std::fs::read_dir(home.path().join("tmp")).unwrap().count(), 0);
    }

    #[test]
    fn a_placed_message_that_is_not_kept_is_taken_back() {
        let (_, prepared, home) = deliver(&[b"x"]);
        drop(prepared);
        assert_eq!(std::fs::read_dir(home.path().join("cur")).unwrap().count(), 0);
        let (_, prepared, home) = deliver(&[b"x"]);
        prepared.keep();
        assert_eq!(std::fs::read_dir(home.path().join("cur")).unwrap().count(), 1);
    }

    #[test]
    fn a_link_has_a_name_of_its_own_and_a_symbolic_link_is_not_followed() {
        let (home, directory, names) = fixture();
        std::fs::write(home.path().join("cur/1.a,S=1,W=1:2,S"), "x").unwrap();
        std::fs::write(home.path().join("secret"), "x").unwrap();
        std::os::unix::fs::symlink(home.path().join("secret"), home.path().join("cur/2.b")).unwrap();
        let copy = |name| {
            Prepared::link(
                Arc::clone(&directory),
                &names,
                &directory,
                FileAt::new(Subdirectory::Cur, name),
            )
        };
        let prepared = copy(b"1.a,S=1,W=1:2,S").unwrap();
        let base = prepared.base.escape_ascii().to_string();
        assert!(base.contains(",S=1,W=1,E=") && !base.starts_with("1.a"), "{base}");
        assert_eq!(email_id(&prepared.base), email_id(b"1.a,S=1,W=1"));
        assert_eq!(
            home.path()
                .join("cur/1.a,S=1,W=1:2,S")
                .metadata()
                .unwrap()
                .nlink(),
            2
        );
        assert!(copy(b"2.b").is_err());
        assert_eq!(copy(b"3.c").unwrap_err().kind(), io::ErrorKind::NotFound);
        drop(prepared);
        assert_eq!(std::fs::read_dir(home.path().join("tmp")).unwrap().count(), 0);
    }

    #[test]
    fn a_message_whose_date_cannot_be_set_leaves_no_file() {
        for call in [Call::SetTimes, Call::Sync] {
            let (home, directory, names) = fixture();
            let mut delivery = Delivery::begin(directory, &names).unwrap();
            delivery.write(b"x").unwrap();
            let finished = faults::with(call, io::ErrorKind::PermissionDenied, || delivery.finish(Some(5)));
            assert!(finished.is_err());
            let left = std::fs::read_dir(home.path().join("tmp")).unwrap().count();
            assert_eq!(left, 0, "{call:?}");
        }
    }
}
