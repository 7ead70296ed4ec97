//! Randomness from the system, for names that must not meet.

use std::io;

/// Fills the buffer.
pub(crate) fn fill(mut buffer: &mut [u8]) -> io::Result<()> {
    while !buffer.is_empty() {
        let count = rustix::rand::getrandom(&mut *buffer, rustix::rand::GetRandomFlags::empty())?;
        buffer = &mut buffer[count..];
    }
    Ok(())
}

/// 16 random octets as 32 lower-case hexadecimal digits, as in a `dovecot-uidlist` header.
pub(crate) fn guid() -> io::Result<String> {
    let mut octets = [0; 16];
    fill(&mut octets)?;
    Ok(format!("{:032x}", u128::from_be_bytes(octets)))
}
