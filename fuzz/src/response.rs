//! One response of a server, read by the grammar (RFC 3501, section 9): strictly where a client could be led astray, which
//! is where a response ends, and loosely in what its words are. The codec is the judge of those.

use imap_codec::ResponseCodec;
use imap_codec::decode::Decoder;

/// Deeper lists than this the codec does not read.
const CODECS_DEPTH: usize = 8;

/// A whole response.
#[derive(Debug)]
pub(crate) struct Response<'o> {
    pub(crate) octets: &'o [u8],
    pub(crate) kind: Kind<'o>,
    /// How deep its parentheses nest.
    pub(crate) depth: usize,
    /// Whether the client has asked for UTF-8.
    is_utf8: bool,
}

#[derive(Debug)]
pub(crate) enum Kind<'o> {
    /// `+ text`
    Continuation,
    /// `tag OK [code] text`; the tag is `*` for an untagged one.
    Status {
        tag: &'o str,
        condition: &'o str,
        text: &'o str,
    },
    /// `* 3 FETCH (...)`, `* LIST ...`
    Data { number: Option<u32>, word: &'o str },
}

/// What is wrong, and behind how many octets.
#[derive(Debug)]
#[expect(dead_code, reason = "shown where a check fails")]
pub(crate) struct Fault {
    what: &'static str,
    at: usize,
}

/// The first response of the octets, and what follows it. With `is_utf8` strings may be UTF-8 (RFC 9051, section 4.3).
pub(crate) fn read(octets: &[u8], is_utf8: bool) -> Result<(Response<'_>, &[u8]), Fault> {
    let mut reader = Reader {
        octets,
        at: 0,
        deepest: 0,
        is_utf8,
    };
    let kind = reader.response()?;
    let (octets, rest) = octets.split_at(reader.at);
    let response = Response {
        octets,
        kind,
        depth: reader.deepest,
        is_utf8,
    };
    Ok((response, rest))
}

/// Responses, and items of others, that the codec has no type for.
const NOT_THE_CODECS: [&str; 6] = [
    "ESEARCH",
    "UIDFETCH",
    "UIDBATCHES",
    "THREAD",
    "GENURLAUTH",
    "URLFETCH",
];
const ITEMS_NOT_THE_CODECS: [&[u8]; 9] = [
    b"CHILDINFO",
    b"OLDNAME",
    b"MAILBOXID",
    b"APPENDLIMIT",
    b"EMAILID",
    b"THREADID",
    b"PREVIEW",
    b"BINARY",
    b"DELETED-STORAGE",
];

fn codec_has_no_type_for(response: &Response<'_>) -> bool {
    let Kind::Data { word, .. } = response.kind else {
        return false;
    };
    let has = |item: &&[u8]| response.octets.windows(item.len()).any(|octets| octets == *item);
    NOT_THE_CODECS.contains(&word) || ITEMS_NOT_THE_CODECS.iter().any(has)
}

/// Whether a quoted string may be UTF-8, which the codec reads in none.
fn has_utf8(response: &Response<'_>) -> bool {
    !response.octets.is_ascii() && response.is_utf8
}

/// That the codec reads the same response, if it knows it and it nests no deeper than the codec goes.
pub(crate) fn codec_agrees(response: &Response<'_>) {
    if response.depth > CODECS_DEPTH || codec_has_no_type_for(response) || has_utf8(response) {
        return;
    }
    let read = ResponseCodec::default().decode(response.octets);
    assert!(
        matches!(read, Ok((b"", _))),
        "the codec does not read {}",
        response.octets.escape_ascii()
    );
}

struct Reader<'o> {
    octets: &'o [u8],
    at: usize,
    deepest: usize,
    is_utf8: bool,
}

impl<'o> Reader<'o> {
    fn response(&mut self) -> Result<Kind<'o>, Fault> {
        let tag = self.word()?;
        self.expect(b" ")?;
        if tag == "+" {
            // Empty for a challenge without text (section 6.2.2).
            if self.peek() == Some(b'\r') {
                self.expect(b"\r\n")?;
            } else {
                self.text()?;
            }
            return Ok(Kind::Continuation);
        }
        let word = self.word()?;
        let is_status = match word {
            "OK" | "NO" | "BAD" => true,
            "BYE" | "PREAUTH" => tag == "*",
            _ => false,
        };
        if is_status {
            self.expect(b" ")?;
            let text = self.text()?;
            return Ok(Kind::Status {
                tag,
                condition: word,
                text,
            });
        }
        if tag != "*" {
            return Err(self.fault("a tag, and no status"));
        }
        let number = word.parse().ok();
        let word = match number {
            Some(_) => {
                self.expect(b" ")?;
                self.word()?
            }
            None => word,
        };
        while self.peek() == Some(b' ') || self.lists_join() {
            self.at += usize::from(!self.lists_join());
            self.value(0)?;
        }
        self.expect(b"\r\n")?;
        Ok(Kind::Data { number, word })
    }

    /// The rest of a line of text, which is not empty, and its end.
    fn text(&mut self) -> Result<&'o str, Fault> {
        let text = self.run(|octet| matches!(octet, b' '..=b'~'))?;
        self.expect(b"\r\n")?;
        if text.ends_with('}') {
            return Err(self.fault("a text that ends like the announcement of a literal"));
        }
        Ok(text)
    }

    fn word(&mut self) -> Result<&'o str, Fault> {
        self.run(|octet| octet.is_ascii_graphic() && !b"(){\"".contains(&octet))
    }

    fn value(&mut self, depth: usize) -> Result<(), Fault> {
        match self.peek() {
            Some(b'(') => self.list(depth + 1),
            Some(b'"') => self.quoted(),
            Some(b'{') => self.literal(),
            _ => self.item(),
        }
    }

    /// Lists that follow each other need no space between them.
    fn lists_join(&self) -> bool {
        self.octets[..self.at].ends_with(b")") && self.peek() == Some(b'(')
    }

    /// `(a b (c))`
    fn list(&mut self, depth: usize) -> Result<(), Fault> {
        self.deepest = self.deepest.max(depth);
        self.expect(b"(")?;
        let mut is_first = true;
        while self.peek() != Some(b')') {
            if !is_first && !self.lists_join() {
                self.expect(b" ")?;
            }
            self.value(depth)?;
            is_first = false;
        }
        self.expect(b")")
    }

    /// An atom, or a section: `BODY[1.HEADER.FIELDS (A "b c")]<7>`. `BODY[x` is an atom, and may be a keyword;
    /// `BODY[]x` may be a mailbox.
    fn item(&mut self) -> Result<(), Fault> {
        let begin = self.at;
        let is_section = self.octets[begin..].starts_with(b"BODY[") && self.section().is_ok();
        if is_section && matches!(self.peek(), None | Some(b' ' | b')' | b'\r')) {
            return Ok(());
        }
        self.at = begin;
        self.word().map(drop)
    }

    fn section(&mut self) -> Result<(), Fault> {
        self.expect(b"BODY[")?;
        if self.peek() != Some(b']') {
            self.run(|octet| octet.is_ascii_alphanumeric() || octet == b'.')?;
        }
        if self.peek() == Some(b' ') {
            self.at += 1;
            self.names()?;
        }
        self.expect(b"]")?;
        if self.peek() == Some(b'<') {
            self.run(|octet| octet.is_ascii_digit() || matches!(octet, b'<' | b'>'))?;
        }
        Ok(())
    }

    /// The names of header fields, among which `BODY[x]` is a name as any other.
    fn names(&mut self) -> Result<(), Fault> {
        self.expect(b"(")?;
        loop {
            match self.peek() {
                Some(b'"') => self.quoted()?,
                Some(b'{') => self.literal()?,
                _ => self.word().map(drop)?,
            }
            if self.peek() == Some(b')') {
                return self.expect(b")");
            }
            self.expect(b" ")?;
        }
    }

    fn quoted(&mut self) -> Result<(), Fault> {
        let begin = self.at;
        self.expect(b"\"")?;
        loop {
            match self.next()? {
                b'"' if std::str::from_utf8(&self.octets[begin..self.at]).is_err() => {
                    return Err(self.fault("a quoted string that is no UTF-8"));
                }
                b'"' => return Ok(()),
                0x80.. if self.is_utf8 => {}
                b'\\' if !matches!(self.next()?, b'"' | b'\\') => {
                    return Err(self.fault("an escape in a quoted string"));
                }
                0 | b'\r' | b'\n' | 0x80.. => return Err(self.fault("an octet in a quoted string")),
                _ => {}
            }
        }
    }

    fn literal(&mut self) -> Result<(), Fault> {
        self.expect(b"{")?;
        let octets: usize = self
            .run(|octet| octet.is_ascii_digit())?
            .parse()
            .map_err(|_| self.fault("the size of a literal"))?;
        self.expect(b"}\r\n")?;
        let literal = self.octets[self.at..].get(..octets);
        self.at += octets;
        match literal {
            None => Err(self.fault("a literal that is cut off")),
            Some(literal) if literal.contains(&0) => Err(self.fault("NUL in a literal")),
            Some(_) => Ok(()),
        }
    }

    fn run(&mut self, is_of_it: impl Fn(u8) -> bool) -> Result<&'o str, Fault> {
        let rest = &self.octets[self.at..];
        let end = rest
            .iter()
            .position(|&octet| !is_of_it(octet))
            .unwrap_or(rest.len());
        self.at += end;
        match std::str::from_utf8(&rest[..end]) {
            Ok(run) if !run.is_empty() => Ok(run),
            _ => Err(self.fault("nothing where a word is due")),
        }
    }

    fn expect(&mut self, octets: &[u8]) -> Result<(), Fault> {
        if !self.octets[self.at..].starts_with(octets) {
            return Err(self.fault("another octet is due"));
        }
        self.at += octets.len();
        Ok(())
    }

    fn next(&mut self) -> Result<u8, Fault> {
        let octet = self.peek().ok_or_else(|| self.fault("an end"))?;
        self.at += 1;
        Ok(octet)
    }

    fn peek(&self) -> Option<u8> {
        self.octets.get(self.at).copied()
    }

    fn fault(&self, what: &'static str) -> Fault {
        Fault { what, at: self.at }
    }
}
