//! The octets of a message, read when they are wanted and no further.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;

use crate::error::Error;

/// How a store reads one message: a file, an object, chunks in a table.
///
/// Octets are those that IMAP sends: CRLF line ends, no NUL. [`Body::new`] makes a [`Body`] of it; a store that has the
/// message in memory uses `Body::from(bytes)` instead.
pub trait ReadBody: Send + Sync + 'static {
    /// How many octets the message has. The truth and no guess: the server announces a literal with it (RFC 9051,
    /// section 4.3) and cannot take that back.
    ///
    /// # Errors
    /// [`ErrorKind::ExpungeIssued`](crate::ErrorKind::ExpungeIssued) where the message is gone; the store cannot be
    /// read.
    fn size(&self) -> impl Future<Output = Result<u64, Error>> + Send;

    /// `at_most` octets from `offset` on. Shorter than asked only where the message ends: an answer that is short
    /// elsewhere is taken for the end. Past the end it is empty.
    ///
    /// # Errors
    /// As [`size`](Self::size).
    fn read_at(&self, offset: u64, at_most: usize) -> impl Future<Output = Result<Bytes, Error>> + Send;
}

/// A handle to the octets of one message. Clones read the same message.
///
/// Nothing is read until somebody asks, and no more than is asked for: a server writes a message of any size while it
/// reads it, chunk by chunk.
///
/// ```
/// use imap_backend::Body;
/// # let wait = tokio_test_block_on;
/// # fn tokio_test_block_on<F: Future>(future: F) -> F::Output {
/// #     let mut future = std::pin::pin!(future);
/// #     match future.as_mut().poll(&mut std::task::Context::from_waker(std::task::Waker::noop())) {
/// #         std::task::Poll::Ready(output) => output,
/// #         std::task::Poll::Pending => panic!("a body in memory never waits"),
/// #     }
/// # }
/// # wait(async {
/// let body = Body::from("Subject: hello\r\n\r\nworld\r\n");
/// assert_eq!(body.size().await?, 25);
/// assert_eq!(body.read_at(18, 5).await?, "world");
/// # Ok::<(), imap_backend::Error>(())
/// # }).unwrap();
/// ```
#[derive(Clone)]
pub struct Body(Source);

#[derive(Clone)]
enum Source {
    Held(Bytes),
    Read(Arc<dyn Reader>),
}

/// [`ReadBody`] in a form that can be stored without its type.
trait Reader: Send + Sync {
    fn size(&self) -> Waiting<'_, u64>;
    fn read_at(&self, offset: u64, at_most: usize) -> Waiting<'_, Bytes>;
}

type Waiting<'a, T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send + 'a>>;

impl<R: ReadBody> Reader for R {
    fn size(&self) -> Waiting<'_, u64> {
        Box::pin(ReadBody::size(self))
    }

    fn read_at(&self, offset: u64, at_most: usize) -> Waiting<'_, Bytes> {
        Box::pin(ReadBody::read_at(self, offset, at_most))
    }
}

/// How much is read at a time where all of a message is wanted, in octets.
const CHUNK: usize = 64 << 10;

impl Body {
    /// A body that is read from its store.
    #[must_use]
    pub fn new(source: impl ReadBody) -> Self {
        Self(Source::Read(Arc::new(source)))
    }

    /// The octets, if the store has handed them over already: nobody has to wait for them.
    #[must_use]
    pub fn held(&self) -> Option<&Bytes> {
        match &self.0 {
            Source::Held(octets) => Some(octets),
            Source::Read(_) => None,
        }
    }

    /// How many octets the message has; see [`ReadBody::size`].
    ///
    /// # Errors
    /// Those of [`ReadBody::size`].
    pub async fn size(&self) -> Result<u64, Error> {
        match &self.0 {
            Source::Held(octets) => Ok(octets.len() as u64),
            Source::Read(source) => source.size().await,
        }
    }

    /// Octets of the message; see [`ReadBody::read_at`]. Uncopied where the store has them in memory.
    ///
    /// # Errors
    /// Those of [`ReadBody::read_at`].
    pub async fn read_at(&self, offset: u64, at_most: usize) -> Result<Bytes, Error> {
        match &self.0 {
            Source::Held(octets) => {
                let from = usize::try_from(offset).map_or(octets.len(), |from| from.min(octets.len()));
                let to = from.saturating_add(at_most).min(octets.len());
                Ok(octets.slice(from..to))
            }
            Source::Read(source) => source.read_at(offset, at_most).await,
        }
    }

    /// The first octets of the message, at most so many: all of it where it is not longer. Takes as much memory.
    ///
    /// # Errors
    /// Those of [`ReadBody::read_at`].
    pub async fn read_first(&self, at_most: usize) -> Result<Bytes, Error> {
        let first = self.read_at(0, at_most.min(CHUNK)).await?;
        if first.len() < CHUNK || first.len() >= at_most {
            return Ok(first);
        }
        let mut all = first.to_vec();
        loop {
            let wanted = CHUNK.min(at_most - all.len());
            let chunk = self.read_at(all.len() as u64, wanted).await?;
            all.extend_from_slice(&chunk);
            if chunk.len() < CHUNK || all.len() >= at_most {
                return Ok(all.into());
            }
        }
    }
}

impl<B: Into<Bytes>> From<B> for Body {
    fn from(octets: B) -> Self {
        Self(Source::Held(octets.into()))
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Source::Held(octets) => write!(f, "Body({} octets held)", octets.len()),
            Source::Read(_) => f.write_str("Body(to be read)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::task::{Context, Poll, Waker};

    fn now<F: Future>(future: F) -> F::Output {
        match std::pin::pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(output) => output,
            Poll::Pending => panic!("it waits"),
        }
    }

    /// A message of so many octets, the last of which counts them modulo 251.
    struct Counted(u64);

    impl ReadBody for Counted {
        async fn size(&self) -> Result<u64, Error> {
            Ok(self.0)
        }

        async fn read_at(&self, offset: u64, at_most: usize) -> Result<Bytes, Error> {
            let end = self.0.min(offset + at_most as u64);
            Ok((offset..end).map(|at| u8::try_from(at % 251).unwrap()).collect())
        }
    }

    #[test]
    fn the_first_octets_of_a_body_that_is_read_are_those_of_one_that_is_held() {
        for size in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, 3 * CHUNK + 7] {
            let all: Bytes = (0..size).map(|at| u8::try_from(at % 251).unwrap()).collect();
            let (read, held) = (Body::new(Counted(size as u64)), Body::from(all.clone()));
            for at_most in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 10 * CHUNK] {
                let expected = all.slice(..size.min(at_most));
                assert_eq!(
                    now(read.read_first(at_most)).unwrap(),
                    expected,
                    "{size} {at_most}"
                );
                assert_eq!(
                    now(held.read_first(at_most)).unwrap(),
                    expected,
                    "{size} {at_most}"
                );
            }
        }
    }

    #[test]
    fn past_the_end_there_is_nothing() {
        let body = Body::from("abc");
        assert_eq!(now(body.read_at(3, 5)).unwrap(), "");
        assert_eq!(now(body.read_at(u64::MAX, usize::MAX)).unwrap(), "");
        assert_eq!(now(body.read_at(1, usize::MAX)).unwrap(), "bc");
    }
}
