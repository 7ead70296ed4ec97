//! From the greeting to the answer to STARTTLS (RFC 9051, section 6.2.1), in the clear. Nothing that is read here is believed but
//! that TLS begins.
//!
//! The client crate would drop what has come behind the answer, and say nothing. Somebody on the way may have written it, and a
//! server that does is wrong about STARTTLS.

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::Failure;

/// A server that says more than this before it answers is none.
const MOST_OCTETS: usize = 64 << 10;

/// Reads the greeting and has the server begin TLS: what comes next on the stream is its handshake.
///
/// # Errors
/// The server offers no TLS, speaks past its answer, or is not in the state in which TLS can begin.
pub(super) async fn begin(stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) -> Result<(), Failure> {
    let mut lines = Lines {
        stream,
        read: Vec::new(),
    };
    let greeting = lines.next().await?;
    match greeting.strip_prefix("* ").map(condition) {
        Some(("OK", _)) => {}
        // Section 7.1.4: a connection that has left the state before cannot be protected any more.
        Some(("PREAUTH", _)) => {
            return Err("the server does not begin TLS: it says that somebody is logged in".into());
        }
        Some(("BYE", text)) => return Err(format!("the server refuses the connection: {text}").into()),
        _ => return Err("this is no IMAP server".into()),
    }
    lines.stream.write_all(b"tls STARTTLS\r\n").await?;
    loop {
        let line = lines.next().await?;
        match line.strip_prefix("tls ").map(condition) {
            Some(("OK", _)) => return lines.end(),
            Some((_, text)) => return Err(format!("the server does not offer STARTTLS: {text}").into()),
            None => {} // untagged
        }
    }
}

/// The first word in capitals, and the text behind it.
fn condition(line: &str) -> (&str, &str) {
    let (word, text) = line.split_once(' ').unwrap_or((line, ""));
    let known = ["OK", "PREAUTH", "BYE"].into_iter();
    let word = known.into_iter().find(|known| known.eq_ignore_ascii_case(word));
    (word.unwrap_or_default(), text)
}

/// A stream whose lines are read, and what was read of it.
struct Lines<'s, S> {
    stream: &'s mut S,
    read: Vec<u8>,
}

impl<S: AsyncRead + Unpin> Lines<'_, S> {
    async fn next(&mut self) -> Result<String, Failure> {
        loop {
            if let Some(end) = self.read.iter().position(|octet| *octet == b'\n') {
                let line: Vec<u8> = self.read.drain(..=end).collect();
                return Ok(String::from_utf8_lossy(&line).trim_end().to_owned());
            }
            if self.read.len() > MOST_OCTETS {
                return Err("this is no IMAP server".into());
            }
            if self.stream.read_buf(&mut self.read).await? == 0 {
                return Err("the server has closed the connection".into());
            }
        }
    }

    /// Nothing was read behind the last line.
    fn end(self) -> Result<(), Failure> {
        match self.read.is_empty() {
            true => Ok(()),
            false => Err(
                "octets came in the clear behind the answer to STARTTLS: not of the server, or it is wrong"
                    .into(),
            ),
        }
    }
}
