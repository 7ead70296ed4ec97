//! The messages: each has a name that follows it, and octets that can be told from it.

/// The header field that has the name.
pub(crate) const FIELD: &str = "X-Name";

/// One in so many is longer than what a server writes in one transaction.
const LONG: u32 = 40;

/// The message of this name.
pub(crate) fn octets(name: &str) -> Vec<u8> {
    let mut octets = format!("{FIELD}: {name}\r\nSubject: message {name}\r\n\r\n").into_bytes();
    let line = format!("{name} has this line, and the same one again.\r\n");
    let hash = name.bytes().fold(7u32, |hash, octet| {
        hash.wrapping_mul(31).wrapping_add(octet.into())
    });
    let lines = match hash % LONG {
        0 => (3 << 19) / line.len(),
        _ => (hash % 50) as usize,
    };
    (0..lines).for_each(|_| octets.extend_from_slice(line.as_bytes()));
    octets
}

/// The name, of octets that have the header field.
pub(crate) fn name_of(octets: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(octets.get(..octets.len().min(200))?);
    let (_, after) = text.split_once(&format!("{FIELD}: "))?;
    Some(after.lines().next()?.trim().to_owned())
}
