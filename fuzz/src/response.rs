//! What the server of this workspace says, read by `imap-conform`, and by the codec as far as that goes.
//!
//! Other servers may say what the codec does not know. This one may not, but for what is listed here.

use imap_codec::ResponseCodec;
use imap_codec::decode::Decoder;
use imap_conform::response::{Data, Response, Utf8, Value, Whole};

/// Deeper lists than this the codec does not read.
const CODECS_DEPTH: usize = 8;

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

/// The response, which breaks no rule by itself, and is one for the codec.
pub(crate) fn read(whole: &Whole, utf8: Utf8) -> Response<'_> {
    let shown = || whole.octets().escape_ascii();
    let response = whole
        .read(utf8)
        .unwrap_or_else(|fault| panic!("{fault} in {}", shown()));
    if !is_beyond_the_codec(&response, whole.octets(), utf8) {
        let read = ResponseCodec::default().decode(whole.octets());
        assert!(
            matches!(read, Ok((b"", _))),
            "the codec does not read {}",
            shown()
        );
    }
    match &response {
        Response::Continuation => assert!(whole.octets().starts_with(b"+ "), "{}", shown()),
        // Nothing of what a client said stands in a text that could be taken for something else.
        Response::Status(status) => assert!(
            status.text.iter().all(|octet| matches!(octet, b' '..=b'~')) && !status.text.ends_with(b"}"),
            "{}",
            shown()
        ),
        Response::Data(_) => {}
    }
    response
}

fn is_beyond_the_codec(response: &Response<'_>, octets: &[u8], utf8: Utf8) -> bool {
    let Response::Data(data) = response else {
        return false;
    };
    let has = |item: &&[u8]| memchr::memmem::find(octets, item).is_some();
    // UTF-8 in quoted strings the codec does not read.
    let may_be_utf8 = utf8 != Utf8::Nowhere && !octets.is_ascii();
    depth(data) > CODECS_DEPTH
        || NOT_THE_CODECS.contains(&data.word)
        || ITEMS_NOT_THE_CODECS.iter().any(has)
        || may_be_utf8
}

/// How deep its lists nest.
fn depth(data: &Data<'_>) -> usize {
    fn of(values: &[Value<'_>]) -> usize {
        let depths = values.iter().map(|value| value.list().map_or(0, |list| 1 + of(list)));
        depths.max().unwrap_or(0)
    }
    of(&data.values)
}
