//! The system's queue of file-system events: inotify, on Linux.
//!
//! The queue is read by whoever needs to know; a thread waits for what comes while nobody asks. Events come in the order of the changes, and that
//! of a change is in the queue before the call returns that made it: who has read the queue to its end knows of every change
//! that was finished before.

use std::io;

/// A directory that is watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct WatchNumber(i32);

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Happened {
    /// A name was made: a file or a link.
    Made,
    Removed,
    /// Another name was given up for this one. Both events of a rename have its number.
    MovedHere(u32),
    MovedAway(u32),
    /// The directory itself was moved or removed.
    ToItself,
    /// Nothing more will be told of this directory.
    Ended,
}

/// One event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event<'a> {
    Of {
        watch: WatchNumber,
        happened: Happened,
        /// Empty for what happened to the directory itself.
        name: &'a [u8],
    },
    /// The queue was full: events were lost.
    Overflow,
}

/// What a wait ended with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Waited {
    ForEvents,
    ForTheEnd,
}

/// Whether every change of a directory causes an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    All,
    /// Only what this machine does, or nobody knows: a file system that others reach too.
    Some,
}

#[cfg(target_os = "linux")]
pub(crate) use linux::{Inotify, told_of};
#[cfg(not(target_os = "linux"))]
pub(crate) use nowhere::{Inotify, told_of};

#[cfg(target_os = "linux")]
mod linux {
    use super::{Event, Happened, Told, Waited, WatchNumber, io};
    use std::os::fd::{AsFd, OwnedFd};
    use std::path::Path;

    use rustix::event::{EventfdFlags, PollFd, PollFlags, eventfd, poll};
    use rustix::fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags};
    use rustix::io::Errno;

    /// Names, and nothing of who opens or reads a file: a search through a mailbox must not fill the queue.
    const WATCHED: WatchFlags = WatchFlags::CREATE
        .union(WatchFlags::DELETE)
        .union(WatchFlags::MOVED_FROM)
        .union(WatchFlags::MOVED_TO)
        .union(WatchFlags::DELETE_SELF)
        .union(WatchFlags::MOVE_SELF)
        .union(WatchFlags::ONLYDIR)
        .union(WatchFlags::DONT_FOLLOW);

    /// File systems that nobody changes but through this kernel: ext2 to ext4, XFS, Btrfs, tmpfs, F2FS, ZFS, Bcachefs, overlays.
    const LOCAL: [u32; 8] = [
        0xEF53,
        0x5846_5342,
        0x9123_683E,
        0x0102_1994,
        0xF2F5_2010,
        0x2FC1_2FC1,
        0xCA45_1A4E,
        0x794C_7630,
    ];

    /// Octets before the name: watch, mask, cookie, length of the name.
    const HEAD: usize = 16;

    /// An open queue.
    #[derive(Debug)]
    pub(crate) struct Inotify {
        queue: OwnedFd,
        /// Becomes readable when nobody is to wait any more.
        end: OwnedFd,
    }

    impl Inotify {
        pub(crate) fn new() -> io::Result<Self> {
            Ok(Self {
                queue: inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)?,
                end: eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC)?,
            })
        }

        /// Waits until there are events, or nobody is to wait any more.
        pub(crate) fn wait(&self) -> Waited {
            let mut descriptors = [&self.queue, &self.end].map(|fd| PollFd::new(fd, PollFlags::IN));
            loop {
                match poll(&mut descriptors, None) {
                    Err(Errno::INTR) => {}
                    Ok(_) if descriptors[1].revents().is_empty() => return Waited::ForEvents,
                    _ => return Waited::ForTheEnd,
                }
            }
        }

        pub(crate) fn end_waiting(&self) {
            let _ = rustix::io::write(&self.end, &1u64.to_ne_bytes());
        }

        /// Of a directory that is watched already, the same number again.
        pub(crate) fn watch(&self, directory: &Path) -> io::Result<WatchNumber> {
            Ok(WatchNumber(inotify::add_watch(&self.queue, directory, WATCHED)?))
        }

        pub(crate) fn unwatch(&self, watch: WatchNumber) {
            let _ = inotify::remove_watch(&self.queue, watch.0);
        }

        /// Gives the events that are in the queue now, through `buffer`. Does not wait.
        pub(crate) fn read(&self, buffer: &mut Vec<u8>, mut each: impl FnMut(Event<'_>)) -> io::Result<()> {
            // A program that is quicker than we are must not keep us here.
            let mut left = rustix::io::ioctl_fionread(&self.queue)?;
            buffer.resize(64 * 1024, 0);
            while left > 0 {
                let read = match rustix::io::read(&self.queue, &mut buffer[..]) {
                    Err(Errno::AGAIN) => return Ok(()),
                    read => read?,
                };
                left = left.saturating_sub(read as u64);
                let mut octets = &buffer[..read];
                while let Some((event, rest)) = parse(octets) {
                    if let Some(event) = event {
                        each(event);
                    }
                    octets = rest;
                }
            }
            Ok(())
        }
    }

    /// The first event, if it is one of names, and what comes after it.
    fn parse(octets: &[u8]) -> Option<(Option<Event<'_>>, &[u8])> {
        let number = |at: usize| Some(u32::from_ne_bytes(octets.get(at..at + 4)?.try_into().ok()?));
        let (watch, mask, cookie) = (number(0)?, ReadFlags::from_bits_retain(number(4)?), number(8)?);
        let end = HEAD + usize::try_from(number(12)?).ok()?;
        let (name, rest) = (octets.get(HEAD..end)?, &octets[end..]);
        let name = name.split(|&octet| octet == 0).next().unwrap_or_default();
        if mask.contains(ReadFlags::QUEUE_OVERFLOW) {
            return Some((Some(Event::Overflow), rest));
        }
        let happened = [
            (ReadFlags::CREATE, Happened::Made),
            (ReadFlags::DELETE, Happened::Removed),
            (ReadFlags::MOVED_TO, Happened::MovedHere(cookie)),
            (ReadFlags::MOVED_FROM, Happened::MovedAway(cookie)),
            (ReadFlags::DELETE_SELF, Happened::ToItself),
            (ReadFlags::MOVE_SELF, Happened::ToItself),
            (ReadFlags::UNMOUNT, Happened::Ended),
            (ReadFlags::IGNORED, Happened::Ended),
        ];
        let happened = happened.into_iter().find(|(bit, _)| mask.contains(*bit));
        let watch = WatchNumber(watch.cast_signed());
        let event = happened.map(|(_, happened)| Event::Of {
            watch,
            happened,
            name,
        });
        Some((event, rest))
    }

    /// Whether every change of this directory causes an event here.
    pub(crate) fn told_of(directory: impl AsFd) -> Told {
        let kind = rustix::fs::fstatfs(directory).map(|system| system.f_type);
        // The field is wider than what is in it, and signed on some machines.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        match kind {
            Ok(kind) if LOCAL.contains(&(kind as u32)) => Told::All,
            _ => Told::Some,
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod nowhere {
    //! No events: mailboxes are looked at now and then.

    use super::{Event, Told, Waited, WatchNumber, io};
    use std::os::fd::AsFd;
    use std::path::Path;

    #[derive(Debug)]
    pub(crate) enum Inotify {}

    impl Inotify {
        pub(crate) fn new() -> io::Result<Self> {
            Err(io::ErrorKind::Unsupported.into())
        }

        pub(crate) fn wait(&self) -> Waited {
            match *self {}
        }

        pub(crate) fn end_waiting(&self) {
            match *self {}
        }

        pub(crate) fn watch(&self, _: &Path) -> io::Result<WatchNumber> {
            match *self {}
        }

        pub(crate) fn unwatch(&self, _: WatchNumber) {
            match *self {}
        }

        pub(crate) fn read(&self, _: &mut Vec<u8>, _: impl FnMut(Event<'_>)) -> io::Result<()> {
            match *self {}
        }
    }

    pub(crate) fn told_of(_: impl AsFd) -> Told {
        Told::Some
    }
}
