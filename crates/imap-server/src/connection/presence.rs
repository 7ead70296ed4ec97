//! Whether the client is still there while a command is at work of which it hears nothing.

use std::pin::pin;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::channel::{Channel, Gone};
use crate::wire;

/// How often a client that waits for a long command hears that it goes on (RFC 9585, section 4: not more often than every ten
/// seconds).
const BETWEEN_PROGRESS: Duration = Duration::from_secs(15);
/// Work that takes no longer is not watched.
const BEFORE_WATCHING: Duration = Duration::from_millis(250);
/// How long to wait for what comes of the first words to a client that may be gone; doubled each time.
const BETWEEN_WORDS: Duration = Duration::from_millis(250);
/// The longest time between two of them.
const LONGEST_BETWEEN_WORDS: Duration = Duration::from_secs(30);

/// When the client of a command is looked after next. A command that is done in pieces keeps it from one to the next.
#[derive(Debug)]
pub(crate) struct Watch {
    begins: Instant,
    /// When one that waits hears again that its command goes on.
    progress: Instant,
    /// When one that has closed its side is told something again.
    words: Instant,
    pause: Duration,
    /// How many of how many pieces are done, where the command knows.
    done: Option<(usize, usize)>,
}

impl Watch {
    /// A command begins.
    pub(crate) fn new() -> Self {
        let begins = Instant::now() + BEFORE_WATCHING;
        Self {
            begins,
            progress: begins + BETWEEN_PROGRESS,
            words: begins,
            pause: BETWEEN_WORDS,
            done: None,
        }
    }

    /// So many of `all` pieces are done. A client that waits hears it the next time that it hears anything.
    pub(crate) fn done(&mut self, pieces: usize, all: usize) {
        self.done = Some((pieces, all));
    }
}

impl Channel {
    /// Does work that does not use the channel, as long as the client is there to hear of it.
    ///
    /// # Errors
    /// The client has gone: within a second of that. The work is dropped where it pauses next.
    pub(crate) async fn while_present<T>(&mut self, work: impl Future<Output = T>) -> Result<T, Gone> {
        self.while_watched(&mut Watch::new(), work).await
    }

    /// Does work that the client does not wait for, until it sends something. `None` where it did.
    ///
    /// # Errors
    /// The connection is over. The work is dropped where it pauses next, as it is when the client sends something.
    pub(crate) async fn while_silent<T>(&mut self, work: impl Future<Output = T>) -> Result<Option<T>, Gone> {
        let mut work = pin!(work);
        tokio::select! {
            biased;
            done = &mut work => Ok(Some(done)),
            filled = self.fill() => filled.map(|()| None),
        }
    }

    /// Does one piece of the work of a command.
    ///
    /// # Errors
    /// As [`while_present`](Self::while_present).
    pub(crate) async fn while_watched<T>(
        &mut self,
        watch: &mut Watch,
        work: impl Future<Output = T>,
    ) -> Result<T, Gone> {
        let mut work = pin!(work);
        tokio::select! {
            biased;
            done = &mut work => Ok(done),
            gone = self.absence(watch) => Err(gone),
        }
    }

    /// Waits until the client has gone. One that waits hears now and then that its command goes on.
    ///
    /// That it has closed its side does not say so: it may have sent its last command and still read the answers. Nor is it
    /// seen behind input that is not taken in. So such a client is told something. If it has gone, its system answers that
    /// there is no such connection any more, and the next words cannot be sent.
    pub(super) async fn absence(&mut self, watch: &mut Watch) -> Gone {
        sleep_until(watch.begins).await;
        loop {
            // What earlier commands were answered does not wait for this one.
            if let Err(error) = self.io.flush().await {
                return error.into();
            }
            tokio::select! {
                ended = self.io.read_ahead() => match ended {
                    Ok(()) => {}
                    Err(error) => return error.into(),
                },
                () = sleep_until(watch.progress) => {
                    self.say_at_work(watch);
                    watch.progress = Instant::now() + BETWEEN_PROGRESS;
                    continue;
                }
            }
            sleep_until(watch.words).await;
            self.say_at_work(watch);
            watch.words = Instant::now() + watch.pause;
            watch.pause = (2 * watch.pause).min(LONGEST_BETWEEN_WORDS);
        }
    }
    /// INPROGRESS with what is known (RFC 9585, section 4): the tag, how much is done, and of how much, which the section wants to be
    /// more.
    fn say_at_work(&mut self, watch: &Watch) {
        let state = match watch.done {
            Some((done, all)) if done < all => format!("{done} {all}"),
            _ => "NIL NIL".to_owned(),
        };
        // A client that looks for the first `]` alone shall find the end of the code; nor can a quote stand in a tag.
        let code = match self.tag() {
            tag if tag.is_empty() || tag.contains([']', '"', '\\']) => format!("INPROGRESS (NIL {state})"),
            tag => format!("INPROGRESS (\"{tag}\" {state})"),
        };
        wire::untagged_ok(self.io.out(), &code, "still at work");
    }
}
