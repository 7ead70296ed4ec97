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

/// Any number, to spread what would otherwise happen at one time.
pub(crate) fn number() -> u32 {
    let mut octets = [0; 4];
    // Without randomness all come at one time: no harm but the crowd.
    let _ = fill(&mut octets);
    u32::from_ne_bytes(octets)
}
