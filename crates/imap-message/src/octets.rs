//! Line ends: the CRLF form in which IMAP sends a message.

use std::borrow::Cow;

use memchr::memchr_iter;

/// Octets of a message, borrowed from it where they stand there as they are.
pub type Octets<'a> = Cow<'a, [u8]>;

/// The CRLF form of `octets`: every LF that no CR precedes becomes CRLF. A lone CR is kept.
///
/// Borrows if nothing is to change. One pass to count, one to copy.
pub fn to_crlf(octets: &[u8]) -> Cow<'_, [u8]> {
    let bare = bare_lf(octets).count();
    if bare == 0 {
        return Cow::Borrowed(octets);
    }
    let mut out = Vec::with_capacity(octets.len() + bare);
    let mut done = 0;
    for at in bare_lf(octets) {
        out.extend_from_slice(&octets[done..at]);
        out.extend_from_slice(b"\r\n");
        done = at + 1;
    }
    out.extend_from_slice(&octets[done..]);
    Cow::Owned(out)
}

/// The length of [`to_crlf`] of `octets` without making it: RFC822.SIZE of a message stored with LF line ends.
pub fn crlf_len(octets: &[u8]) -> u64 {
    octets.len() as u64 + bare_lf(octets).count() as u64
}

/// The positions of LFs that no CR precedes.
fn bare_lf(octets: &[u8]) -> impl Iterator<Item = usize> + '_ {
    memchr_iter(b'\n', octets).filter(|&at| at == 0 || octets[at - 1] != b'\r')
}
