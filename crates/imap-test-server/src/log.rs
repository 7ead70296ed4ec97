//! What was said on all connections, and waiting for it.

use parking_lot::Mutex;
use std::borrow::Cow;
use std::collections::VecDeque;
use std::fmt::Write as _;
use std::pin::Pin;
use std::time::Duration;
use tokio::sync::{Notify, oneshot};

/// Who said something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Client,
    Server,
}

/// Octets of one response, or of one piece of a command, that are kept.
const LONGEST: usize = 64 << 10;

/// Octets of all that are kept. What was said first goes first.
const MOST: usize = 64 << 20;

/// What an entry takes beside its text.
const ENTRY: usize = size_of::<Entry>();

#[derive(Debug)]
struct Entry {
    connection: usize,
    side: Side,
    text: String,
}

#[derive(Debug, Default)]
struct Entries {
    kept: VecDeque<Entry>,
    /// Octets of those.
    size: usize,
    /// So many were said before, and are not kept.
    gone: usize,
    /// What comes before has been waited for: so many of those that are kept.
    cursor: usize,
}

impl Entries {
    fn add(&mut self, entry: Entry, most: usize) {
        self.size += ENTRY + entry.text.len();
        self.kept.push_back(entry);
        while self.size > most && self.kept.len() > 1 {
            let first = self.kept.pop_front();
            self.size -= ENTRY + first.map_or(0, |first| first.text.len());
            self.gone += 1;
            self.cursor = self.cursor.saturating_sub(1);
        }
    }
}

/// What was said last, in order.
#[derive(Debug, Default)]
pub(crate) struct Log {
    entries: Mutex<Entries>,
    grown: Notify,
}

impl Log {
    pub(crate) fn add(&self, connection: usize, side: Side, text: &str) {
        let text = shortened(text.trim_end_matches(['\r', '\n']));
        let entry = Entry {
            connection,
            side,
            text,
        };
        self.entries.lock().add(entry, MOST);
        self.grown.notify_waiters();
    }

    /// What is kept of it, a line for each line, with the number of the connection: `C1: a NOOP`, `S1: a OK done`.
    pub(crate) fn transcript(&self) -> String {
        let mut transcript = String::new();
        let entries = self.entries.lock();
        if entries.gone > 0 {
            let _ = writeln!(transcript, "({} before)", entries.gone);
        }
        for Entry {
            connection,
            side,
            text,
        } in &entries.kept
        {
            let side = match side {
                Side::Client => 'C',
                Side::Server => 'S',
            };
            for line in text.split('\n') {
                let line = escaped(line.strip_suffix('\r').unwrap_or(line));
                let _ = writeln!(transcript, "{side}{connection}: {line}");
            }
        }
        transcript
    }

    /// The next words of that side with this text in them, after those that were waited for before.
    pub(crate) async fn next_with(&self, side: Side, wanted: &str) -> String {
        loop {
            let grown = self.grown.notified();
            if let Some(found) = self.find(side, wanted) {
                return found;
            }
            grown.await;
        }
    }

    fn find(&self, side: Side, wanted: &str) -> Option<String> {
        let mut entries = self.entries.lock();
        let Entries { kept, cursor, .. } = &mut *entries;
        let is_wanted = |entry: &Entry| entry.side == side && entry.text.contains(wanted);
        let found = *cursor + kept.range(*cursor..).position(is_wanted)?;
        *cursor = found + 1;
        Some(kept[found].text.clone())
    }
}

/// The beginning, where it is long.
fn shortened(text: &str) -> String {
    if text.len() <= LONGEST {
        return text.to_owned();
    }
    let end = text.floor_char_boundary(LONGEST);
    format!("{} ... ({} octets)", &text[..end], text.len())
}

/// Control characters as escapes: a line is one line to everybody.
fn escaped(line: &str) -> Cow<'_, str> {
    match line.contains(char::is_control) {
        false => Cow::Borrowed(line),
        true => Cow::Owned(line.chars().fold(String::new(), |mut escaped, character| {
            match character.is_control() {
                true => escaped.extend(character.escape_default()),
                false => escaped.push(character),
            }
            escaped
        })),
    }
}

/// Waits until something was said: with `.await` in asynchronous tests, with [`wait`](Self::wait) in others.
///
/// It gives the line. It panics, with all that was said, when nothing comes for too long
/// ([`Builder::patience`](crate::Builder::patience)).
#[derive(Debug)]
#[must_use = "nothing is waited for before it is awaited"]
pub struct Waiting {
    pub(crate) found: oneshot::Receiver<Result<String, NeverSaid>>,
}

/// Why a wait has failed.
#[derive(Debug)]
pub(crate) struct NeverSaid {
    pub(crate) wanted: String,
    pub(crate) patience: Duration,
    pub(crate) transcript: String,
}

impl Waiting {
    /// Waits, and holds up the thread. Not for a thread that runs asynchronous tasks: await it there.
    ///
    /// # Panics
    /// When it was not said in time.
    #[track_caller]
    pub fn wait(self) -> String {
        said(self.found.blocking_recv())
    }
}

impl IntoFuture for Waiting {
    type Output = String;
    type IntoFuture = Pin<Box<dyn Future<Output = String> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async { said(self.found.await) })
    }
}

#[track_caller]
fn said(found: Result<Result<String, NeverSaid>, oneshot::error::RecvError>) -> String {
    match found {
        Ok(Ok(line)) => line,
        Ok(Err(NeverSaid {
            wanted,
            patience,
            transcript,
        })) => panic!("nobody said {wanted:?} in {patience:?}:\n{transcript}"),
        Err(_) => panic!("the server has ended"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_what_was_said_the_end_is_kept_and_of_a_long_response_the_beginning() {
        let mut entries = Entries::default();
        for number in 0..1_000 {
            let entry = Entry {
                connection: 1,
                side: Side::Server,
                text: format!("* {number:04} EXISTS"),
            };
            entries.add(entry, 10 * (ENTRY + 13));
            entries.cursor = entries.kept.len();
        }
        assert_eq!((entries.kept.len(), entries.gone, entries.cursor), (10, 990, 10));
        assert_eq!(entries.kept[0].text, "* 0990 EXISTS");
        assert_eq!(entries.size, 10 * (ENTRY + 13));
        let long = format!("* 1 FETCH (BODY[] {{{}}}\r\n{}", 2 * LONGEST, "ä".repeat(LONGEST));
        let text = shortened(&long);
        assert!(text.len() < LONGEST + 50 && text.ends_with(&format!(" ... ({} octets)", long.len())));
    }

    #[tokio::test]
    async fn what_is_waited_for_is_found_behind_what_is_gone() {
        let log = Log::default();
        let long = "x".repeat(LONGEST);
        for number in 0..2 * MOST / LONGEST {
            log.add(1, Side::Client, &format!("{number} {long}"));
        }
        log.add(1, Side::Server, "a OK done");
        assert_eq!(log.next_with(Side::Server, "a OK").await, "a OK done");
        log.add(2, Side::Server, "a OK again");
        assert_eq!(log.next_with(Side::Server, "a OK").await, "a OK again");
        assert!(log.entries.lock().size <= MOST && log.transcript().starts_with('('));
    }

    #[test]
    fn each_line_of_a_transcript_says_who_said_it() {
        let log = Log::default();
        log.add(3, Side::Server, "* 1 FETCH (BODY[] {9}\r\nok\r\n\rok\r\n)\r\n");
        assert_eq!(
            log.transcript(),
            "S3: * 1 FETCH (BODY[] {9}\nS3: ok\nS3: \\rok\nS3: )\n"
        );
    }
}
