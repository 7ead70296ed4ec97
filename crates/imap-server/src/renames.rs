//! What clients of this server have renamed lately. Of a store whose mailboxes have no ids nothing else tells a mailbox that was
//! renamed from one that was deleted and another that was created (RFC 5465, section 5.4).

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use imap_backend::MailboxName;

/// So many are kept. A client that has slept through more is told that mailboxes have gone and others have come.
const MOST: usize = 1024;

/// The renames of a server.
#[derive(Debug, Default)]
pub(crate) struct Renames(Mutex<Log>);

#[derive(Debug, Default)]
struct Log {
    /// How many there have been, those that failed included.
    begun: u64,
    done: u64,
    under_way: Vec<Rename>,
    /// In the order in which they were done.
    all: VecDeque<Rename>,
}

#[derive(Debug, Clone)]
struct Rename {
    /// Of those under way the place among those begun, of the others that among those done.
    number: u64,
    user: Arc<str>,
    names: (MailboxName, MailboxName),
}

impl Renames {
    /// A user renames the first of these names to the second. To be said before the store is asked, which others may look at
    /// before this user has his answer.
    pub(crate) fn begin(&self, user: &Arc<str>, names: (MailboxName, MailboxName)) -> UnderWay<'_> {
        let mut log = self.log();
        log.begun += 1;
        let number = log.begun;
        let user = Arc::clone(user);
        log.under_way.push(Rename { number, user, names });
        UnderWay {
            renames: self,
            number,
        }
    }

    /// How many there have been.
    pub(crate) fn done(&self) -> u64 {
        self.log().done
    }

    /// What a user has renamed after so many, in this order, and what he is renaming.
    pub(crate) fn since(&self, done: u64, user: &Arc<str>) -> Vec<(MailboxName, MailboxName)> {
        let log = self.log();
        let later = log.all.iter().filter(|rename| rename.number > done);
        let all = later.chain(&log.under_way).filter(|rename| rename.user == *user);
        all.map(|rename| rename.names.clone()).collect()
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A RENAME that the store is at work on. Dropped without [`done`](Self::done) it has failed.
pub(crate) struct UnderWay<'r> {
    renames: &'r Renames,
    number: u64,
}

impl UnderWay<'_> {
    /// The mailbox has its new name.
    pub(crate) fn done(self) {
        let mut log = self.renames.log();
        let Some(mut rename) = log.end(self.number) else {
            return;
        };
        log.done += 1;
        rename.number = log.done;
        if log.all.len() == MOST {
            log.all.pop_front();
        }
        log.all.push_back(rename);
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.renames.log().end(self.number);
    }
}

impl Log {
    fn end(&mut self, number: u64) -> Option<Rename> {
        let at = self.under_way.iter().position(|rename| rename.number == number)?;
        Some(self.under_way.remove(at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(from: &str, to: &str) -> (MailboxName, MailboxName) {
        (MailboxName::new(from).unwrap(), MailboxName::new(to).unwrap())
    }

    #[test]
    fn what_failed_is_no_rename_and_what_is_under_way_is_one() {
        let (renames, joe, ann) = (Renames::default(), "joe".into(), "ann".into());
        drop(renames.begin(&joe, names("a", "b")));
        let under_way = renames.begin(&joe, names("c", "d"));
        renames.begin(&ann, names("e", "f")).done();
        let seen = renames.done();
        renames.begin(&joe, names("g", "h")).done();
        assert_eq!(renames.since(seen, &joe), [names("g", "h"), names("c", "d")]);
        under_way.done();
        assert_eq!(renames.since(seen, &joe), [names("g", "h"), names("c", "d")]);
        assert_eq!(renames.since(seen, &ann), []);
        assert_eq!(renames.since(0, &ann), [names("e", "f")]);
    }

    #[test]
    fn only_the_last_are_kept() {
        let (renames, joe) = (Renames::default(), "joe".into());
        for number in 0..2 * MOST {
            renames
                .begin(&joe, names(&number.to_string(), &(number + 1).to_string()))
                .done();
        }
        let kept = renames.since(0, &joe);
        assert_eq!(kept.len(), MOST);
        assert_eq!(kept[0].0.as_str(), MOST.to_string());
        assert!(renames.since(renames.done(), &joe).is_empty());
    }
}
