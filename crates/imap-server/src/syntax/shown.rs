//! What a client sent, for the text of a response.

/// The most octets of a word that are shown.
const MOST: usize = 32;

/// A short, printable form of what a client sent.
pub(crate) fn shown(word: &[u8]) -> String {
    let mut out: String = word
        .iter()
        .take(MOST)
        .map(|&octet| {
            if octet.is_ascii_graphic() || octet == b' ' {
                char::from(octet)
            } else {
                '?'
            }
        })
        .collect();
    if word.len() > MOST {
        out.push_str("...");
    }
    out
}
