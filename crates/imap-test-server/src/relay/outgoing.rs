//! What waits to be sent to a client, with the pauses in between.

use crate::log::Side;
use crate::world::World;
use bytes::{Buf, Bytes};
use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::time::Instant;

/// Responses that are written at once.
const MOST_TOGETHER: usize = 64;

/// Something to be sent, or to be done between.
#[derive(Debug)]
pub(crate) enum Out {
    /// Octets, and how the transcript shows them.
    Octets(Bytes, String),
    Pause(Duration),
    PauseUntil(Instant),
    Hang,
    Close,
    StartTls,
}

/// What [`Outgoing::send`] has done.
#[derive(Debug)]
pub(crate) enum Sent {
    /// A piece.
    Some,
    StartTls,
    Close,
}

/// The queue of one connection.
#[derive(Debug)]
pub(crate) struct Outgoing {
    world: Arc<World>,
    number: usize,
    queue: VecDeque<Out>,
    octets: usize,
    unflushed: bool,
}

impl Outgoing {
    pub(crate) fn new(world: Arc<World>, number: usize) -> Self {
        Self {
            world,
            number,
            queue: VecDeque::new(),
            octets: 0,
            unflushed: false,
        }
    }

    pub(crate) fn extend(&mut self, out: impl IntoIterator<Item = Out>) {
        for out in out {
            if let Out::Octets(octets, _) = &out {
                self.octets += octets.len();
            }
            self.queue.push_back(out);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.queue.is_empty() && !self.unflushed
    }

    /// Octets that wait.
    pub(crate) fn len(&self) -> usize {
        self.octets
    }

    /// Whether nothing is sent any more.
    pub(crate) fn is_hung(&self) -> bool {
        matches!(self.queue.front(), Some(Out::Hang))
    }

    /// Sends the next piece, or waits.
    ///
    /// # Cancel safety
    /// Nothing is lost and nothing sent twice when this is dropped.
    pub(crate) async fn send(&mut self, client: &mut (impl AsyncWrite + Unpin)) -> io::Result<Sent> {
        match self.queue.front() {
            Some(Out::Octets(octets, _)) if !octets.is_empty() => match self.world.piece {
                Some(piece) => {
                    let written = client.write(&octets[..piece.min(octets.len())]).await?;
                    self.sent(written);
                    client.flush().await?;
                    tokio::task::yield_now().await;
                }
                None => {
                    let written = client.write_vectored(&waiting(&self.queue)).await?;
                    self.sent(written);
                }
            },
            _ if self.unflushed => {
                client.flush().await?;
                self.unflushed = false;
            }
            Some(Out::Octets(_, shown)) => {
                self.world.log.add(self.number, Side::Server, shown);
                self.queue.pop_front();
            }
            Some(Out::Pause(time)) => {
                let until = Instant::now() + *time;
                self.queue[0] = Out::PauseUntil(until);
            }
            Some(Out::PauseUntil(until)) => {
                tokio::time::sleep_until(*until).await;
                self.queue.pop_front();
            }
            Some(Out::Hang) => std::future::pending().await,
            Some(Out::Close) => return Ok(Sent::Close),
            Some(Out::StartTls) => {
                self.queue.pop_front();
                return Ok(Sent::StartTls);
            }
            None => {}
        }
        Ok(Sent::Some)
    }

    /// So many octets have gone.
    fn sent(&mut self, mut written: usize) {
        self.octets -= written;
        self.unflushed = true;
        for out in &mut self.queue {
            let Out::Octets(octets, _) = out else { return };
            let gone = written.min(octets.len());
            octets.advance(gone);
            written -= gone;
        }
    }
}

/// What goes out together, as from a server that writes an answer at once: some clients hear no more of it than comes in one
/// piece.
fn waiting(queue: &VecDeque<Out>) -> Vec<IoSlice<'_>> {
    let octets = queue.iter().map_while(|out| match out {
        Out::Octets(octets, _) => Some(IoSlice::new(octets)),
        _ => None,
    });
    octets.take(MOST_TOGETHER).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_between_two_pauses_goes_out_together() {
        let octets = |text: &'static str| Out::Octets(Bytes::from_static(text.as_bytes()), text.to_owned());
        let pause = Out::Pause(Duration::from_secs(1));
        let queue = [octets("* BYE\r\n"), octets("a OK\r\n"), pause, octets("b OK\r\n")];
        let queue = VecDeque::from(queue);
        let together = waiting(&queue);
        let together: Vec<&[u8]> = together.iter().map(|octets| &**octets).collect();
        assert_eq!(together, [&b"* BYE\r\n"[..], b"a OK\r\n"]);
    }
}
