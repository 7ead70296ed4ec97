//! Making the index of texts behind the sessions: one thread for all mailboxes, which works half of the time at most.

use std::collections::VecDeque;
use std::io;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use imap_message::{SearchedText, Summarizer, Summary};
use imap_seq::{Uid, UidSet};
use parking_lot::{Condvar, Mutex};

use crate::format::segment::Gathered;
use crate::mailbox::body::{Opened, PIECE, of_one_message};
use crate::mailbox::open::OpenMailbox;
use crate::mailbox::texts::Texts;

/// A message with more text is not indexed, in octets: each may make a trigram.
const MOST_TEXT: u64 = 256 << 10;
/// A larger file is not read for it, in octets.
const MOST_READ: u64 = 64 << 20;
/// Messages that are read before the others have their turn.
const AT_ONCE: usize = 16;

/// The thread's work.
#[derive(Debug, Default)]
pub(crate) struct Filler {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    is_on: bool,
    is_started: bool,
    is_ended: bool,
    /// So many others do the thread's work.
    lent: usize,
    mailboxes: VecDeque<Weak<OpenMailbox>>,
}

/// Whether there is more to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    Goes,
    Ends,
}

/// The thread waits until this is dropped.
pub(crate) struct Lent(Arc<Filler>);

impl Drop for Lent {
    fn drop(&mut self) {
        self.0.state.lock().lent -= 1;
        self.0.changed.notify_one();
    }
}

impl Filler {
    /// Somebody else does the thread's work for a while, who waits for it.
    pub(crate) fn lend(self: &Arc<Self>) -> Lent {
        self.state.lock().lent += 1;
        Lent(Arc::clone(self))
    }

    /// Whether mailboxes have an index of texts.
    pub(crate) fn switch(&self, is_on: bool) {
        self.state.lock().is_on = is_on;
    }

    pub(crate) fn is_on(&self) -> bool {
        self.state.lock().is_on
    }

    /// There is no thread: a test does its work.
    #[cfg(test)]
    pub(crate) fn never_start(&self) {
        self.state.lock().is_started = true;
    }

    /// The thread ends soon, and waits for nothing.
    pub(crate) fn end(&self) {
        let mut state = self.state.lock();
        state.is_ended = true;
        state.mailboxes.clear();
        self.changed.notify_one();
    }

    /// There may be messages in a mailbox that its index does not know.
    pub(crate) fn look_at(self: &Arc<Self>, mailbox: &Arc<OpenMailbox>) {
        let mut state = self.state.lock();
        if !state.is_on || state.is_ended || mailbox.texts.is_queued.swap(true, Ordering::Relaxed) {
            return;
        }
        state.mailboxes.push_back(Arc::downgrade(mailbox));
        self.changed.notify_one();
        if !std::mem::replace(&mut state.is_started, true) {
            let filler = Arc::clone(self);
            let thread = std::thread::Builder::new().name("imap-maildir-fill".to_owned());
            if let Err(error) = thread.spawn(move || filler.work()) {
                tracing::warn!(%error, "no index of texts is made");
                state.is_on = false;
            }
        }
    }

    fn work(self: &Arc<Self>) {
        while let Some(mailbox) = self.next() {
            if turn(&mailbox, |worked| self.rest(worked)) == Turn::Goes
                && let Some(mailbox) = mailbox.upgrade()
            {
                self.look_at(&mailbox);
            }
        }
    }

    /// Waits for a mailbox that has something to do; none at the end.
    fn next(&self) -> Option<Weak<OpenMailbox>> {
        let mut state = self.state.lock();
        loop {
            if state.is_ended {
                return None;
            }
            if state.lent == 0
                && let Some(mailbox) = state.mailboxes.pop_front()
            {
                return Some(mailbox);
            }
            self.changed.wait(&mut state);
        }
    }

    /// Leaves the disk and a core to others for so long. Whether to go on then.
    fn rest(&self, duration: Duration) -> bool {
        let until = Instant::now() + duration;
        let mut state = self.state.lock();
        while !state.is_ended && !self.changed.wait_until(&mut state, until).timed_out() {}
        !state.is_ended
    }
}

/// Takes some messages of a mailbox into its index, and rests in between for as long as it works. While it rests it does not keep
/// the mailbox open; what it has read of one that is closed meanwhile is not lost.
pub(crate) fn turn(mailbox: &Weak<OpenMailbox>, rest: impl FnMut(Duration) -> bool) -> Turn {
    let Some(open) = mailbox.upgrade() else {
        return Turn::Ends;
    };
    open.texts.is_queued.store(false, Ordering::Relaxed);
    let Some(texts) = open.texts() else {
        return Turn::Ends;
    };
    let all = open.hub.lock().all().clone();
    let lacking = all.difference(&texts.known());
    log_progress(&open, &lacking);
    drop(open);
    let filled = take_some(mailbox, &texts, &lacking, rest).and_then(|turn| match texts.tidy(&all)? {
        true => Ok(Turn::Goes),
        false => Ok(turn),
    });
    match filled {
        Ok(Turn::Goes) => Turn::Goes,
        Ok(Turn::Ends) => {
            texts.rest();
            Turn::Ends
        }
        Err(error) => {
            if let Some(open) = mailbox.upgrade() {
                open.drop_texts(&texts, &error);
            }
            Turn::Ends
        }
    }
}

fn log_progress(open: &OpenMailbox, lacking: &UidSet) {
    let is_filled = lacking.is_empty();
    if open.texts.is_filled.swap(is_filled, Ordering::Relaxed) == is_filled {
        return;
    }
    let path = open.path();
    match is_filled {
        true => tracing::debug!(path = %path.display(), "the index of texts is complete"),
        false => {
            tracing::debug!(path = %path.display(), messages = lacking.len(), "the index of texts is being made");
        }
    }
}

/// Reads messages until they make a segment, and adds that. An error says that the index cannot be written.
fn take_some(
    mailbox: &Weak<OpenMailbox>,
    texts: &Texts,
    lacking: &UidSet,
    mut rest: impl FnMut(Duration) -> bool,
) -> io::Result<Turn> {
    let mut gathered = Gathered::default();
    let mut uids = lacking.iter().peekable();
    let mut turn = Turn::Goes;
    while turn == Turn::Goes && !gathered.is_full() && uids.peek().is_some() {
        let began = Instant::now();
        let Some(open) = mailbox.upgrade() else { break };
        for uid in uids.by_ref().take(AT_ONCE) {
            if let Err(error) = open.gather(uid, &mut gathered) {
                tracing::debug!(path = %open.path().display(), %error, "the index of texts has to wait");
                turn = Turn::Ends;
                break;
            }
        }
        drop(open);
        if !rest(began.elapsed()) {
            turn = Turn::Ends;
        }
    }
    if uids.peek().is_none() {
        turn = Turn::Ends;
    }
    if !gathered.is_empty() {
        texts.add(gathered)?;
        // It is asked once more whether something is lacking.
        return Ok(Turn::Goes);
    }
    Ok(turn)
}

impl OpenMailbox {
    /// Takes a message in, unless it is gone. An error says that the store cannot be read.
    fn gather(&self, uid: Uid, gathered: &mut Gathered) -> io::Result<()> {
        let name = self
            .hub
            .lock()
            .get(uid)
            .map(|entry| crc32fast::hash(entry.base()));
        let Some(name) = name else {
            return self.check_index();
        };
        let text = match self.open_body(uid) {
            Ok(Some(mut opened)) => text_of(&mut opened),
            Ok(None) => return Ok(()),
            Err(error) => Err(error),
        };
        let text = match text {
            // Whoever searches is to find out what can be read of it then.
            Err(error) if of_one_message(&error).kind().concerns_one_message() => None,
            text => text?,
        };
        gathered.add(uid.get(), name, text.as_deref());
        Ok(())
    }
}

/// The text in which strings are looked for; `None` where there is too much.
fn text_of(opened: &mut Opened) -> io::Result<Option<String>> {
    if opened.file_size() > MOST_READ {
        return Ok(None);
    }
    let beginning = opened.read_at(0, PIECE)?;
    let summary = match beginning.len() {
        PIECE => summary_of(opened, &beginning)?,
        _ => Summary::of(&beginning),
    };
    let Some(mut text) = SearchedText::new(&summary, MOST_TEXT) else {
        return Ok(None);
    };
    while let Some(wanted) = text.wanted() {
        let place = |offset: u64| usize::try_from(offset).unwrap_or(usize::MAX);
        let (start, end) = (place(wanted.start), place(wanted.end));
        match beginning.get(start..end) {
            Some(octets) => text.push(octets),
            None => text.push(&opened.read_at(wanted.start, end - start)?),
        }
    }
    Ok(Some(text.finish()))
}

/// The summary of a message that is longer than its beginning.
fn summary_of(opened: &mut Opened, beginning: &[u8]) -> io::Result<Summary> {
    let mut summarizer = Summarizer::new();
    summarizer.push(beginning);
    let mut offset = beginning.len() as u64;
    loop {
        let piece = opened.read_at(offset, PIECE)?;
        if piece.is_empty() {
            return Ok(summarizer.finish());
        }
        summarizer.push(&piece);
        offset += piece.len() as u64;
    }
}
