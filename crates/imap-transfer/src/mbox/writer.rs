//! Writes messages into an mbox file, in the form mboxrd.

use std::io::{self, Write};
use std::mem;

use chrono::{DateTime, Utc};
use imap_updates::Flags;

use super::status::{self, Filter};

const FROM: &[u8] = b"From ";

/// A message on its way into an mbox file: its flags are put into its header, CRLF becomes LF, and a line that begins with any
/// number of `>`, or none, and then `From ` gets one `>` more.
#[derive(Debug)]
pub(super) struct Writer<W> {
    out: W,
    fields: Filter,
    /// So many octets of `From ` are kept back at the beginning of a line; `None` further on.
    matched: Option<usize>,
    /// A CR is kept back, which may belong to a CRLF.
    cr: bool,
    has_end: bool,
}

impl<W: Write> Writer<W> {
    /// Begins a message.
    ///
    /// # Errors
    /// What `out` says.
    pub(super) fn begin(mut out: W, date: DateTime<Utc>, flags: &Flags) -> io::Result<Self> {
        writeln!(out, "From MAILER-DAEMON {}", date.format("%a %b %e %T %Y"))?;
        Ok(Self {
            out,
            fields: Filter::new(status::fields(flags)),
            matched: Some(0),
            cr: false,
            has_end: true,
        })
    }

    /// Writes the next octets of the message.
    ///
    /// # Errors
    /// What `out` says.
    pub(super) fn push(&mut self, octets: &[u8]) -> io::Result<()> {
        let mut text = Vec::with_capacity(octets.len());
        self.fields.push(octets, &mut text);
        self.write(&text)
    }

    /// Ends the message, with an end of its last line if that has none, and the empty line that mbox has between messages.
    ///
    /// # Errors
    /// What `out` says.
    pub(super) fn finish(mut self) -> io::Result<()> {
        let mut text = Vec::new();
        self.fields.finish(&mut text);
        self.write(&text)?;
        self.give_out(b"")?;
        let end: &[u8] = if self.has_end { b"\n" } else { b"\n\n" };
        self.out.write_all(end)
    }

    fn write(&mut self, mut text: &[u8]) -> io::Result<()> {
        while let Some(&octet) = text.first() {
            match (self.matched, octet) {
                (_, b'\n') => {
                    self.cr = false;
                    self.give_out(b"\n")?;
                    self.matched = Some(0);
                    self.has_end = true;
                }
                (_, b'\r') if !self.cr => self.cr = true,
                (Some(0), b'>') if !self.cr => {
                    self.out.write_all(b">")?;
                    self.has_end = false;
                }
                (Some(matched), _) if !self.cr && octet == FROM[matched] => {
                    self.matched = Some(matched + 1);
                    if matched + 1 == FROM.len() {
                        self.out.write_all(b">")?;
                        self.give_out(b"")?;
                    }
                }
                _ => {
                    let is_end = |octet: &u8| matches!(octet, b'\r' | b'\n');
                    let end = text.iter().skip(1).position(is_end);
                    let (line, rest) = text.split_at(end.map_or(text.len(), |end| end + 1));
                    self.give_out(line)?;
                    text = rest;
                    continue;
                }
            }
            text = &text[1..];
        }
        Ok(())
    }

    /// Writes what is kept back, and then this.
    fn give_out(&mut self, text: &[u8]) -> io::Result<()> {
        let matched = self.matched.take().unwrap_or(0);
        let cr: &[u8] = if mem::take(&mut self.cr) { b"\r" } else { b"" };
        for part in [&FROM[..matched], cr, text] {
            self.has_end &= part.is_empty();
            self.out.write_all(part)?;
        }
        Ok(())
    }
}
