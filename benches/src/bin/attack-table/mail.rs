//! Mailboxes that nobody wants to have.

use std::fs::{self, File};
use std::io;
use std::path::Path;

/// Puts a message into a Maildir.
pub(crate) fn put(maildir: &Path, number: usize, octets: &[u8]) -> io::Result<()> {
    fs::write(
        maildir.join(format!("cur/{}.M{number}.example:2,", 1_600_000_000 + number)),
        octets,
    )
}

/// So many short messages.
pub(crate) fn put_short(maildir: &Path, count: usize) -> io::Result<()> {
    for number in 0..count {
        let message = format!("From: {number}@example.org\nSubject: message {number}\n\nbody of {number}\n");
        put(maildir, number, message.as_bytes())?;
    }
    Ok(())
}

/// A digest of so many messages, with ten thousand addresses in each of six fields of each.
pub(crate) fn digest(parts: usize) -> Vec<u8> {
    let fields: String = ["From", "Sender", "Reply-To", "To", "Cc", "Bcc"]
        .map(|name| format!("{name}: {}\n", "a,\n ".repeat(10_000)))
        .concat();
    let part = format!("--x\n\n{fields}\n\n");
    format!(
        "Content-Type: multipart/digest; boundary=x\n\n{}--x--\n",
        part.repeat(parts)
    )
    .into_bytes()
}

/// A message that is all header.
pub(crate) fn all_header() -> Vec<u8> {
    "A:\n".repeat((1 << 18) - 10).into_bytes()
}

/// A message of so many octets that takes no room.
pub(crate) fn put_sparse(maildir: &Path, octets: u64) -> io::Result<()> {
    put(maildir, 0, b"Subject: sparse\n\n")?;
    let file = File::options()
        .write(true)
        .open(maildir.join("cur/1600000000.M0.example:2,"))?;
    file.set_len(octets)
}

/// A text of so many octets.
pub(crate) fn text(octets: usize) -> Vec<u8> {
    let mut message = b"Subject: text\n\n".to_vec();
    let line = b"the quick brown fox jumps over the lazy dog, and then over another one\n";
    while message.len() < octets {
        message.extend_from_slice(line);
    }
    message
}

/// A mailbox below INBOX.
pub(crate) fn make_mailbox(maildir: &Path, name: &str) -> io::Result<()> {
    for folder in ["cur", "new", "tmp"] {
        fs::create_dir_all(maildir.join(format!(".{name}/{folder}")))?;
    }
    fs::write(maildir.join(format!(".{name}/maildirfolder")), "")
}
