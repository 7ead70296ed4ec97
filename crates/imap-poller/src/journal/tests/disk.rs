//! A disk that loses power in the middle of what is written.

use std::cell::RefCell;
use std::io::{self, Write};
use std::rc::Rc;

use crate::journal::medium::Medium;

/// Clones are the same disk.
#[derive(Clone, Debug, Default)]
pub(crate) struct Disk(Rc<RefCell<State>>);

#[derive(Debug, Default)]
struct State {
    octets: Option<Vec<u8>>,
    /// How many of them outlast a loss of power, if not all.
    durable: Option<usize>,
    failure: Option<Failure>,
    appends: usize,
    replaces: usize,
}

/// The power fails after so many octets, and of the write that it interrupts so much is left.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Failure {
    pub(crate) after: usize,
    pub(crate) left: Left,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Left {
    /// The file ends there.
    Short,
    /// The file has its new length, and zeros behind what was written.
    Zeros,
    /// The same, with what lay on the disk before.
    Noise(u8),
    /// The second half was written, and the first was not.
    Holes,
    /// All of it was written, and nobody heard.
    All,
    /// The process ended, and not the power: all of it can be read, and the next loss of power may take it away.
    Unsynced,
}

impl Disk {
    pub(crate) fn with(octets: &[u8]) -> Self {
        let disk = Self::default();
        disk.0.borrow_mut().octets = Some(octets.to_vec());
        disk
    }

    pub(crate) fn octets(&self) -> Option<Vec<u8>> {
        self.0.borrow().octets.clone()
    }

    pub(crate) fn fail(&self, failure: Option<Failure>) {
        self.0.borrow_mut().failure = failure;
    }

    pub(crate) fn owners(&self) -> usize {
        Rc::strong_count(&self.0)
    }

    pub(crate) fn appends(&self) -> usize {
        self.0.borrow().appends
    }

    pub(crate) fn replaces(&self) -> usize {
        self.0.borrow().replaces
    }
}

impl State {
    /// What is left of a write of so many octets, if the power fails in it.
    fn spend(&mut self, octets: usize) -> Option<Failure> {
        let failure = self.failure.as_mut()?;
        if failure.after >= octets {
            failure.after -= octets;
            return None;
        }
        Some(*failure)
    }
}

impl Medium for Disk {
    fn append(&mut self, octets: &[u8]) -> io::Result<()> {
        let mut state = self.0.borrow_mut();
        state.appends += 1;
        let failure = state.spend(octets.len());
        let durable = state.durable.take();
        let file = state.octets.as_mut().ok_or(io::ErrorKind::NotFound)?;
        let Some(Failure { after, left }) = failure else {
            file.extend_from_slice(octets);
            return Ok(());
        };
        file.truncate(durable.unwrap_or(usize::MAX));
        let before = file.len();
        let (written, lost) = octets.split_at(after);
        match left {
            Left::Short => file.extend_from_slice(written),
            Left::Zeros => file.extend(written.iter().copied().chain(lost.iter().map(|_| 0))),
            Left::Noise(seed) => file.extend(
                written
                    .iter()
                    .copied()
                    .chain(lost.iter().map(|octet| octet ^ seed)),
            ),
            Left::Holes => file.extend(written.iter().map(|_| 0).chain(lost.iter().copied())),
            Left::All | Left::Unsynced => file.extend_from_slice(octets),
        }
        state.durable = matches!(left, Left::Unsynced).then_some(before);
        Err(io::Error::other("the power failed"))
    }

    fn sync(&mut self) -> io::Result<()> {
        self.0.borrow_mut().durable = None;
        Ok(())
    }

    fn replace(&mut self, write: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
        let mut octets = Vec::new();
        write(&mut octets)?;
        let mut state = self.0.borrow_mut();
        state.replaces += 1;
        let durable = state.durable.take();
        let failure = state.spend(octets.len());
        if failure.is_none_or(|failure| matches!(failure.left, Left::All)) {
            state.octets = Some(octets);
        } else if let (Some(durable), Some(file)) = (durable, &mut state.octets) {
            file.truncate(durable);
        }
        match failure {
            None => Ok(()),
            Some(_) => Err(io::Error::other("the power failed")),
        }
    }
}
