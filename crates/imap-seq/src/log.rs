//! The expunge log of one mailbox: every expunged UID in the order of commit, shared by all sessions.
//!
//! Segments are linked forward only. A session holds the segment that its cursor stands in, and through it all later
//! ones; the log itself holds the newest. So a segment is freed by its own reference count when the last cursor has
//! passed it: no registry of sessions, nothing to do when one closes.

use crate::sync::{Arc, AtomicU32, Link, Ordering, sole};

/// UIDs in a segment. With the link and the allocator's overhead just under 1 KiB.
#[cfg(not(loom))]
const SEGMENT: u32 = 240;
/// Short, so that a model of few steps crosses from one to the next.
#[cfg(loom)]
const SEGMENT: u32 = 2;

struct Segment {
    /// Atomic only so that safe code may write while cursors hold the segment: the caller's lock gives the order.
    uids: [AtomicU32; SEGMENT as usize],
    next: Link<Arc<Self>>,
    /// Entries in the log before this segment.
    before: u64,
}

impl Segment {
    fn new(before: u64) -> Arc<Self> {
        Arc::new(Self {
            uids: std::array::from_fn(|_| AtomicU32::new(0)),
            next: Link::unset(),
            before,
        })
    }
}

impl Drop for Segment {
    /// Frees a chain that nobody else holds in a loop: the derived recursion would overflow the stack when a session
    /// closes that slept through millions of expunges.
    fn drop(&mut self) {
        let mut next = self.next.take();
        while let Some(mut alone) = next.and_then(sole) {
            next = alone.next.take();
        }
    }
}

/// A place in a log: all entries before it are known to whoever holds it. Always between two entries.
#[derive(Clone)]
pub(crate) struct Cursor {
    segment: Arc<Segment>,
    offset: u32,
}

impl Cursor {
    /// Entries before this place since the log began.
    pub(crate) fn position(&self) -> u64 {
        self.segment.before + u64::from(self.offset)
    }

    /// The same place of the same log.
    pub(crate) fn is_at(&self, other: &Self) -> bool {
        self.offset == other.offset && Arc::ptr_eq(&self.segment, &other.segment)
    }

    /// Moves to the end of what is written, handing each entry passed to `each`.
    fn advance(&mut self, end: &Self, mut each: impl FnMut(u32)) {
        loop {
            let here = Arc::ptr_eq(&self.segment, &end.segment);
            let stop = if here { end.offset } else { SEGMENT };
            for cell in &self.segment.uids[self.offset as usize..stop as usize] {
                each(cell.load(Ordering::Relaxed));
            }
            self.offset = stop;
            if here {
                return;
            }
            let Some(next) = self.segment.next.get() else {
                panic!("a SeqMapper was used with a MailboxIndex that did not open it");
            };
            *self = Self {
                segment: next,
                offset: 0,
            };
        }
    }
}

/// The writing end.
pub(crate) struct ExpungeLog {
    end: Cursor,
}

impl Default for ExpungeLog {
    fn default() -> Self {
        Self {
            end: Cursor {
                segment: Segment::new(0),
                offset: 0,
            },
        }
    }
}

impl ExpungeLog {
    /// Appends an expunged UID.
    pub(crate) fn push(&mut self, uid: u32) {
        if self.end.offset == SEGMENT {
            let next = Segment::new(self.end.position());
            self.end.segment.next.set(Arc::clone(&next));
            self.end = Cursor {
                segment: next,
                offset: 0,
            };
        }
        self.end.segment.uids[self.end.offset as usize].store(uid, Ordering::Relaxed);
        self.end.offset += 1;
    }

    /// The place after the newest entry.
    pub(crate) fn end(&self) -> &Cursor {
        &self.end
    }

    /// Moves `cursor` to the end and hands over the entries that it passed, oldest first.
    ///
    /// # Panics
    ///
    /// When the cursor is of another log.
    pub(crate) fn read(&self, cursor: &mut Cursor, each: impl FnMut(u32)) {
        cursor.advance(&self.end, each);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    fn read(log: &ExpungeLog, cursor: &mut Cursor) -> Vec<u32> {
        let mut entries = Vec::new();
        log.read(cursor, |uid| entries.push(uid));
        entries
    }

    #[test]
    fn each_cursor_reads_what_came_after_it() {
        let mut log = ExpungeLog::default();
        let mut early = log.end().clone();
        (1..=500).for_each(|uid| log.push(uid));
        let mut late = log.end().clone();
        (501..=1000).for_each(|uid| log.push(uid));
        assert!(read(&log, &mut early).into_iter().eq(1..=1000));
        assert!(read(&log, &mut late).into_iter().eq(501..=1000));
        assert!(early.is_at(&late) && early.position() == 1000);
        assert_eq!(read(&log, &mut early), []);
    }

    #[test]
    fn a_cursor_at_the_end_of_a_full_segment_goes_on_in_the_next() {
        let mut log = ExpungeLog::default();
        (1..=SEGMENT).for_each(|uid| log.push(uid));
        let mut cursor = log.end().clone();
        log.push(7);
        assert_eq!(read(&log, &mut cursor), [7]);
    }

    #[test]
    fn a_segment_is_freed_when_the_last_cursor_has_passed_it() {
        let mut log = ExpungeLog::default();
        let mut cursor = log.end().clone();
        let first = Arc::downgrade(&cursor.segment);
        (1..=SEGMENT * 3).for_each(|uid| log.push(uid));
        assert!(first.upgrade().is_some());
        read(&log, &mut cursor);
        assert!(first.upgrade().is_none());
    }

    #[test]
    fn trap_9_a_long_chain_is_dropped_without_recursion() {
        let mut log = ExpungeLog::default();
        let sleeper = log.end().clone();
        for uid in 1..=SEGMENT * 100_000 / 4 {
            log.push(uid);
        }
        drop(log);
        // A small stack, so that recursion would overflow it.
        let dropper = std::thread::Builder::new()
            .stack_size(64 * 1024)
            .spawn(move || drop(sleeper));
        assert!(dropper.is_ok_and(|thread| thread.join().is_ok()));
    }

    #[test]
    #[should_panic(expected = "did not open it")]
    fn a_cursor_of_another_log_is_refused() {
        let mut other = ExpungeLog::default();
        other.push(1);
        ExpungeLog::default().read(&mut other.end().clone(), |_| ());
    }
}
