//! The octets of one message, read from its file a piece at a time.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use imap_backend::{Error, ErrorKind, ReadBody};
use imap_seq::Uid;
use parking_lot::Mutex;

use crate::disk::storage::{ContentStamp, StoredFile};
use crate::format::wire_form::{Offsets, ToWire};
use crate::let_go::LetGo;
use crate::mailbox::cache::MessageKey;
use crate::mailbox::error::{from_io, panicked};
use crate::mailbox::open::OpenMailbox;

/// How much of a file is read at a time, in octets.
pub(crate) const PIECE: usize = 64 << 10;

/// How much of a file is looked through at once for where its octets lie on the wire. Between two steps a client that has
/// gone stops it, and others have their turn.
const STEP: u64 = 4 << 20;

/// The body of a message whose file is opened when it is first read. Clones share file and offsets.
#[derive(Clone, Debug)]
pub(crate) struct FileBody {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    mailbox: LetGo<OpenMailbox>,
    uid: Uid,
    open: Mutex<Option<Opened>>,
}

/// An open message file. Its octets never change; a file that became shorter ends early.
#[derive(Debug)]
pub(super) struct Opened {
    file: StoredFile,
    offsets: Offsets,
    key: MessageKey,
    stamp: ContentStamp,
}

impl FileBody {
    pub(crate) fn new(mailbox: Arc<OpenMailbox>, uid: Uid) -> Self {
        Self {
            shared: Arc::new(Shared {
                mailbox: LetGo::new(mailbox),
                uid,
                open: Mutex::new(None),
            }),
        }
    }

    /// Runs `work` on the open file, on a blocking thread.
    async fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Opened) -> io::Result<T> + Send + 'static,
    ) -> Result<T, Error> {
        let shared = Arc::clone(&self.shared);
        let work = move || {
            let mut open = shared.open.lock();
            let opened = match &mut *open {
                Some(opened) => opened,
                none => none.insert(shared.open()?),
            };
            work(opened).map_err(|error| of_one_message(&error))
        };
        tokio::task::spawn_blocking(work).await.map_err(panicked)?
    }
}

impl FileBody {
    /// Looks at the file until the wire offset is known, or to its end. As many files are looked through at the same time as
    /// there are cores: one would be as quick without that, and a hundred would leave nothing for anybody else.
    async fn scan_to(&self, wire: u64) -> Result<(), Error> {
        let step = move |opened: &mut Opened| {
            opened.scan_on(wire)?;
            Ok(opened.offsets.reaches(wire))
        };
        loop {
            // Never closed; without its permit the scan would still be right.
            let _permit = self.shared.mailbox.cache.scans().acquire().await;
            if self.with(step).await? {
                return Ok(());
            }
        }
    }
}

impl Shared {
    fn open(&self) -> Result<Opened, Error> {
        let opened = self.mailbox.open_body(self.uid);
        let opened = opened.map_err(|error| of_one_message(&error))?;
        Ok(opened.ok_or(ErrorKind::ExpungeIssued)?)
    }
}

impl OpenMailbox {
    /// Opens the file of a message; `None` when it is gone.
    pub(super) fn open_body(&self, uid: Uid) -> io::Result<Option<Opened>> {
        Ok(self.open_file(uid)?.map(|(file, status, key)| Opened {
            file,
            offsets: self.cache.offsets(key, &status),
            key,
            stamp: status.content_stamp(),
        }))
    }
}

impl Drop for Shared {
    /// What was found out about the file serves whoever reads the message next.
    fn drop(&mut self) {
        if let Some(opened) = self.open.get_mut().take() {
            let cache = &self.mailbox.cache;
            cache.keep_offsets(opened.key, opened.offsets, opened.stamp);
        }
    }
}

impl ReadBody for FileBody {
    async fn size(&self) -> Result<u64, Error> {
        let counted = |opened: &mut Opened| {
            if opened.offsets.file_size() - opened.offsets.scanned() <= STEP {
                opened.scan_on(u64::MAX)?;
            }
            Ok(opened.offsets.wire_size())
        };
        let size = loop {
            match self.with(counted).await? {
                Some(size) => break size,
                None => self.scan_to(u64::MAX).await?,
            }
        };
        let Shared { mailbox, uid, .. } = &*self.shared;
        mailbox.hub.lock().remember(*uid, Some(size), None);
        Ok(size)
    }

    async fn read_at(&self, offset: u64, at_most: usize) -> Result<Bytes, Error> {
        loop {
            let read = move |opened: &mut Opened| match opened.is_near(offset) {
                true => opened.read_at(offset, at_most).map(Some),
                false => Ok(None),
            };
            match self.with(read).await? {
                Some(octets) => return Ok(octets),
                None => self.scan_to(offset).await?,
            }
        }
    }
}

impl Opened {
    /// How many octets the file had when it was opened.
    pub(super) fn file_size(&self) -> u64 {
        self.offsets.file_size()
    }

    /// Looks at the file until the wire offset is known, to its end, or a step further.
    fn scan_on(&mut self, wire: u64) -> io::Result<()> {
        let mut piece = vec![0; PIECE];
        let end = self.offsets.scanned() + STEP;
        while !self.offsets.reaches(wire) && self.offsets.scanned() < end {
            let read = self.read_file(&mut piece, self.offsets.scanned())?;
            if read == 0 {
                // Somebody has cut the file: what is left of it is the message now.
                self.offsets.end_here();
            }
            self.offsets.advance(&piece[..read]);
        }
        Ok(())
    }

    /// Whether one step leads there. On the wire no octet lies before its place in the file.
    fn is_near(&self, wire: u64) -> bool {
        self.offsets.reaches(wire) || wire < self.offsets.scanned() + STEP
    }

    pub(super) fn read_at(&mut self, offset: u64, at_most: usize) -> io::Result<Bytes> {
        self.scan_on(offset)?;
        let (mut at, mut wire) = self.offsets.before(offset);
        let mut ends = ToWire::after(self.octet_before(at)?);
        let mut out = Vec::with_capacity(at_most.min(PIECE) + 1);
        let mut piece = vec![0; PIECE.min(at_most.max(4096))];
        while out.len() < at_most {
            let read = self.read_file(&mut piece, at)?;
            if read == 0 {
                break;
            }
            if at == self.offsets.scanned() {
                self.offsets.advance(&piece[..read]);
            }
            at += read as u64;
            ends.push(&piece[..read], &mut out);
            // What lies between the known place and the offset.
            let before = usize::try_from(offset - wire)
                .unwrap_or(usize::MAX)
                .min(out.len());
            out.drain(..before);
            wire += before as u64;
        }
        out.truncate(at_most);
        Ok(out.into())
    }

    /// Octets of the file from `at` on, as far as it went when it was opened: what is appended later is not the message.
    fn read_file(&self, piece: &mut [u8], at: u64) -> io::Result<usize> {
        let left = self.offsets.file_size().saturating_sub(at);
        let most = usize::try_from(left).unwrap_or(usize::MAX).min(piece.len());
        self.file.read_at(&mut piece[..most], at)
    }

    fn octet_before(&self, at: u64) -> io::Result<Option<u8>> {
        let Some(before) = at.checked_sub(1) else {
            return Ok(None);
        };
        let mut octet = [0];
        let read = self.file.read_at(&mut octet, before)?;
        Ok((read == 1).then_some(octet[0]))
    }
}

/// An error of reading one file says nothing about the others, save where it is the process that has no files left.
pub(crate) fn of_one_message(error: &io::Error) -> Error {
    let kind = match error.kind() {
        io::ErrorKind::NotFound => ErrorKind::ExpungeIssued,
        io::ErrorKind::PermissionDenied => ErrorKind::NoPermission,
        io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => ErrorKind::Corruption,
        _ if is_of_the_file(error) => ErrorKind::Corruption,
        _ => return from_io(io::Error::new(error.kind(), error.to_string())),
    };
    Error::new(kind).with_source(error.to_string())
}

/// A damaged block, or something else where a message was: a symbolic link, a directory, a socket.
fn is_of_the_file(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let of_files = [Errno::IO, Errno::LOOP, Errno::NXIO, Errno::ISDIR, Errno::NOTDIR];
    Errno::from_io_error(error).is_some_and(|errno| of_files.contains(&errno))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{Fixture, deliver};

    /// A file of so many octets, most of it a hole.
    async fn large(fixture: &Fixture, octets: u64) -> FileBody {
        deliver(&fixture.root(), "cur/1.a:2,", "Subject: large\n\n");
        let file = fixture.root().join("cur/1.a:2,");
        std::fs::File::options()
            .write(true)
            .open(file)
            .unwrap()
            .set_len(octets)
            .unwrap();
        let client = fixture.select("INBOX").await;
        FileBody::new(client.open(), Uid::MIN)
    }

    #[tokio::test]
    async fn a_count_that_nobody_waits_for_any_more_stops() {
        let fixture = Fixture::new();
        let body = large(&fixture, 64 * STEP).await;
        tokio::select! {
            biased;
            _ = body.size() => unreachable!("it takes many steps"),
            () = std::future::ready(()) => {}
        }
        // Behind what is under way.
        let scanned = body.with(|opened| Ok(opened.offsets.scanned())).await.unwrap();
        assert!(scanned < 64 * STEP, "{scanned}");
        assert_eq!(body.size().await.unwrap(), 64 * STEP + 2);
    }

    #[tokio::test]
    async fn what_lies_far_ahead_is_read_whatever_is_known() {
        let fixture = Fixture::new();
        let body = large(&fixture, 3 * STEP + 5).await;
        for offset in [2 * STEP + 2, 3 * STEP + 2, STEP + 2, 3 * STEP + 6, 3 * STEP + 7] {
            let left = (3 * STEP + 7).saturating_sub(offset).min(10);
            assert_eq!(
                body.read_at(offset, 10).await.unwrap().len() as u64,
                left,
                "{offset}"
            );
        }
        assert_eq!(
            body.shared.mailbox.cache.scans().available_permits(),
            std::thread::available_parallelism().unwrap().get()
        );
    }
}
