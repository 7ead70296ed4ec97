//! A second opinion on the form of a response.

use imap_codec::ResponseCodec;
use imap_codec::decode::Decoder as _;

use super::Data;
use crate::wire::value::Value;

/// What the codec has a type for: only of these it is asked. The first is what most are.
const OF_THE_CODEC: [&str; 12] = [
    "FETCH",
    "CAPABILITY",
    "ENABLED",
    "EXISTS",
    "EXPUNGE",
    "FLAGS",
    "LIST",
    "LSUB",
    "RECENT",
    "SEARCH",
    "SORT",
    "STATUS",
];

/// Words that a response of [`OF_THE_CODEC`] may contain, and the codec does not know.
const NOT_OF_THE_CODEC: [&[u8]; 15] = [
    b"CHILDINFO",
    b"OLDNAME",
    b"MAILBOXID",
    b"APPENDLIMIT",
    b"EMAILID",
    b"THREADID",
    b"PREVIEW",
    b"BINARY",
    b"DELETED",
    b"SAVEDATE",
    b"X-",
    b"SNIPPET",
    b"ANNOTATION",
    b"X-GM",
    b"MYRIGHTS",
];

/// Deeper lists than this the codec does not read.
const CODECS_DEPTH: usize = 6;

impl Data<'_> {
    /// Whether the codec, asked where it knows the response, reads these octets as well: lists as deep as this, and literals up to
    /// so many octets.
    pub(super) fn codec_agrees(&self, octets: &[u8], deepest: usize, kept: u64) -> bool {
        if !OF_THE_CODEC.contains(&self.word) || deepest > CODECS_DEPTH {
            return true;
        }
        let has = |word: &&[u8]| memchr::memmem::find(octets, word).is_some();
        let items = self
            .values
            .first()
            .filter(|_| self.word == "FETCH")
            .and_then(Value::list);
        if let Some(is_right) = items.and_then(super::items::are_right) {
            return is_right && self.values.len() == 1;
        }
        // The numbers of a long result are the reader's to check.
        if octets.len() > 16 << 10 || NOT_OF_THE_CODEC.iter().any(has) {
            return true;
        }
        let without = without_left_out(octets, kept);
        let octets = without.as_deref().unwrap_or(octets);
        matches!(ResponseCodec::default().decode(octets), Ok((b"", _)))
    }
}

/// The octets with `{0}` where a literal was left out, if one was.
fn without_left_out(octets: &[u8], kept: u64) -> Option<Vec<u8>> {
    let (mut rest, mut without, mut any) = (octets, Vec::new(), false);
    while let Some(end) = memchr::memmem::find(rest, b"}\r\n") {
        let line = &rest[..end];
        let open = memchr::memrchr(b'{', line);
        let size = open.and_then(|open| std::str::from_utf8(&line[open + 1..]).ok()?.parse::<u64>().ok());
        match (open, size) {
            (Some(open), Some(size)) if size > kept => {
                without.extend_from_slice(&line[..open]);
                without.extend_from_slice(b"{0}\r\n");
                any = true;
                rest = &rest[end + 3..];
            }
            (Some(_), Some(size)) => {
                let to = (end + 3 + usize::try_from(size).unwrap_or(0)).min(rest.len());
                without.extend_from_slice(&rest[..to]);
                rest = &rest[to..];
            }
            _ => {
                without.extend_from_slice(&rest[..end + 3]);
                rest = &rest[end + 3..];
            }
        }
    }
    without.extend_from_slice(rest);
    any.then_some(without)
}
