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

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, Write as _};
use std::sync::Arc;

use crate::disk::directory::{Directory, Place, set_modified};
use crate::disk::step::Step;
use crate::format::filename::{ClaimedSizes, NameGenerator, split};
use crate::format::flags::Info;

/// A message that arrives in pieces.
#[derive(Debug)]
pub struct Delivery {
    directory: Arc<Directory>,
    /// None after it was handed on.
    file: Option<File>,
    base: Vec<u8>,
    line_ends: LineEnds,
    physical: u64,
    wire: u64,
}

/// A message that is complete in `tmp/`, durable, and not yet in the mailbox. Dropping it removes it.
#[derive(Debug)]
pub struct Prepared {
    directory: Arc<Directory>,
    temporary: Vec<u8>,
    /// The base name that it gets.
    pub base: Arc<[u8]>,
    /// Octets with CRLF line ends, where known.
    pub wire: Option<u64>,
    /// INTERNALDATE, seconds since the epoch, where known.
    pub modified: Option<i64>,
    state: State,
}

#[derive(Debug, PartialEq, Eq)]
enum State {
    InTemporary,
    Placed(Place, Vec<u8>),
    Kept,
}

/// The message has a NUL octet, which no IMAP string can carry.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the message has a NUL octet")]
pub struct NulOctet;

impl Delivery {
    /// Opens a new file in `tmp/`.
    ///
    /// # Errors
    /// As the system says.
    pub fn begin(directory: Arc<Directory>, names: &NameGenerator) -> io::Result<Self> {
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
    /// # Errors
    /// `InvalidData` with [`NulOctet`] inside; others as the system says. The delivery is to be dropped then.
    pub fn write(&mut self, octets: &[u8]) -> io::Result<()> {
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
    /// # Errors
    /// As the system says; nothing is left behind.
    pub fn finish(mut self, internal_date: Option<i64>) -> io::Result<Prepared> {
        let rest = self.line_ends.finish();
        self.put(rest)?;
        let file = self
            .file
            .take()
            .ok_or_else(|| io::Error::other("the delivery has ended"))?;
        self.directory.steps().at(Step::Written);
        let modified = internal_date.unwrap_or_else(crate::disk::clock::seconds);
        set_modified(&file, modified)?;
        // A file system keeps the dates that it can: what it kept is what every later look will find.
        let modified = rustix::fs::fstat(&file).map_or(modified, |stat| stat.st_mtime);
        if let Err(error) = file.sync_all() {
            self.directory.discard_temporary(&self.base);
            return Err(error);
        }
        self.directory.steps().at(Step::Prepared);
        let name = [
            &self.base[..],
            format!(",S={},W={}", self.physical, self.wire).as_bytes(),
        ]
        .concat();
        Ok(Prepared {
            directory: Arc::clone(&self.directory),
            temporary: std::mem::take(&mut self.base),
            base: name.into(),
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
    /// The copy has a base name of its own, with the sizes that the original's name claims, if they can be right.
    ///
    /// # Errors
    /// `NotFound` when the original is not under this name; others as the system says.
    pub fn link(
        target: Arc<Directory>,
        names: &NameGenerator,
        source: &Directory,
        (place, name): (Place, &[u8]),
    ) -> io::Result<Self> {
        let temporary = names.next();
        let mut base = temporary.clone();
        // Looked at first: a symbolic link must not be linked, and what is no regular file not copied.
        let (file, stat) = source.open_message(place, name)?;
        let claimed = ClaimedSizes::of(split(name).0);
        if let (Some(physical), Some(wire)) = (claimed.physical, claimed.wire)
            && u64::try_from(stat.st_size) == Ok(physical)
        {
            base.extend_from_slice(format!(",S={physical},W={wire}").as_bytes());
        }
        let linked = target.link_temporary(source, place, name, &temporary);
        let prepared = Self {
            directory: Arc::clone(&target),
            temporary,
            base: base.into(),
            wire: None,
            modified: Some(stat.st_mtime),
            state: State::InTemporary,
        };
        match linked {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(error),
            Err(_) => prepared.copy_octets(file, stat.st_mtime)?,
        }
        target.steps().at(Step::Prepared);
        Ok(prepared)
    }

    fn copy_octets(&self, mut from: File, modified: i64) -> io::Result<()> {
        let mut file = self.directory.create_temporary(&self.temporary)?;
        io::copy(&mut from, &mut file)?;
        set_modified(&file, modified)?;
        file.sync_all()
    }

    /// Gives the message its final name. Until [`keep`](Self::keep), dropping takes it back.
    ///
    /// # Errors
    /// As the system says.
    pub fn place(&mut self, place: Place, info: &Info) -> io::Result<Box<[u8]>> {
        let mut name = self.base.to_vec();
        if place == Place::Cur {
            name.extend_from_slice(&info.suffix());
        }
        self.directory.publish(&self.temporary, place, &name)?;
        self.state = State::Placed(place, name.clone());
        Ok(name.into())
    }

    /// The message has its UID: it stays.
    pub fn keep(mut self) {
        self.state = State::Kept;
    }
}

impl Drop for Prepared {
    fn drop(&mut self) {
        match &self.state {
            State::InTemporary => self.directory.discard_temporary(&self.temporary),
            State::Placed(place, name) => drop(self.directory.unlink(*place, name)),
            State::Kept => {}
        }
    }
}

/// Turns CRLF into LF across pieces, and counts what reading will give.
#[derive(Debug, Default)]
struct LineEnds {
    /// The last octet that was taken in is a CR that has not been given out yet.
    held: Held,
    /// The last octet given out.
    last: u8,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Held {
    #[default]
    Nothing,
    CarriageReturn,
}

impl LineEnds {
    /// CRLF becomes LF, unless a CR stands before it: CR LF after a CR must stay, or reading would give one CR less.
    fn shorten<'a>(&mut self, octets: &'a [u8]) -> Cow<'a, [u8]> {
        if self.held == Held::Nothing && !octets.contains(&b'\r') {
            return Cow::Borrowed(octets);
        }
        let mut out = Vec::with_capacity(octets.len() + 1);
        for &octet in octets {
            if self.held == Held::CarriageReturn {
                let before = out.last().copied().unwrap_or(self.last);
                if octet != b'\n' || before == b'\r' {
                    out.push(b'\r');
                }
                self.held = Held::Nothing;
            }
            if octet == b'\r' {
                self.held = Held::CarriageReturn;
            } else {
                out.push(octet);
            }
        }
        Cow::Owned(out)
    }

    fn finish(&mut self) -> &'static [u8] {
        match std::mem::take(&mut self.held) {
            Held::Nothing => b"",
            Held::CarriageReturn => b"\r",
        }
    }

    /// How many octets these become with every LF as CRLF; to be called with everything that is stored, in order.
    fn measure(&mut self, stored: &[u8]) -> u64 {
        let mut count = stored.len() as u64;
        for &octet in stored {
            count += u64::from(octet == b'\n' && self.last != b'\r');
            self.last = octet;
        }
        count
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::os::unix::fs::MetadataExt as _;

    fn fixture() -> (tempfile::TempDir, Arc<Directory>, NameGenerator) {
        let home = tempfile::tempdir().unwrap();
        let directory = Arc::new(Directory::open(home.path()).unwrap());
        (home, directory, NameGenerator::new().unwrap())
    }

    /// As FETCH does it: each LF without a CR before it becomes CRLF.
    fn read_back(stored: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        for &octet in stored {
            if octet == b'\n' && out.last() != Some(&b'\r') {
                out.push(b'\r');
            }
            out.push(octet);
        }
        out
    }

    fn deliver(pieces: &[&[u8]]) -> (Vec<u8>, Prepared, tempfile::TempDir) {
        let (home, directory, names) = fixture();
        let mut delivery = Delivery::begin(directory, &names).unwrap();
        pieces.iter().for_each(|piece| delivery.write(piece).unwrap());
        let mut prepared = delivery.finish(Some(1_000_000_000)).unwrap();
        let name = prepared.place(Place::Cur, &Info::parse(b":2,S")).unwrap();
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
        let copy = |name| Prepared::link(Arc::clone(&directory), &names, &directory, (Place::Cur, name));
        let prepared = copy(b"1.a,S=1,W=1:2,S").unwrap();
        assert!(prepared.base.ends_with(b",S=1,W=1") && !prepared.base.starts_with(b"1.a"));
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

    proptest! {
        /// What a client appends with CRLF line ends, it fetches octet for octet, wherever the pieces are cut.
        #[test]
        fn reading_gives_back_what_was_appended(lines in proptest::collection::vec("[ab\r]{0,3}", 0..6), cut in 0usize..20) {
            let message = lines.iter().map(|line| format!("{line}\r\n")).collect::<String>() + "\r";
            let message = message.as_bytes();
            let (head, tail) = message.split_at(cut.min(message.len()));
            let mut line_ends = LineEnds::default();
            let mut stored = Vec::new();
            let mut wire = 0;
            for piece in [head, tail] {
                let short = line_ends.shorten(piece).into_owned();
                wire += line_ends.measure(&short);
                stored.extend_from_slice(&short);
            }
            let rest = line_ends.finish();
            wire += line_ends.measure(rest);
            stored.extend_from_slice(rest);
            prop_assert_eq!(read_back(&stored), message);
            prop_assert_eq!(wire, message.len() as u64);
        }
    }
}
