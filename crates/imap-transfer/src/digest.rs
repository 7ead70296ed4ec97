//! What two messages have in common that are the same.

use ring::digest::{Context, SHA256};

use crate::message::{Message, Unreadable};

/// A hash of a message without its CR octets: stores keep line ends in their own way.
pub(crate) type Digest = [u8; 16];

pub(crate) struct Digester(Context);

impl Digester {
    pub(crate) fn new() -> Self {
        Self(Context::new(&SHA256))
    }

    pub(crate) fn push(&mut self, octets: &[u8]) {
        for piece in octets.split(|octet| *octet == b'\r') {
            self.0.update(piece);
        }
    }

    pub(crate) fn finish(self) -> Digest {
        first_half(self.0.finish().as_ref())
    }
}

/// The hash of a text.
pub(crate) fn of_text(text: &str) -> Digest {
    first_half(ring::digest::digest(&SHA256, text.as_bytes()).as_ref())
}

fn first_half(hash: &[u8]) -> Digest {
    let mut half = [0; 16];
    half.copy_from_slice(&hash[..16]);
    half
}

/// Reads a message to its end; it begins anew afterwards.
pub(crate) async fn of_message(message: &mut impl Message) -> Result<Digest, Unreadable> {
    let mut digester = Digester::new();
    while let Some(octets) = message.chunk().await? {
        digester.push(&octets);
    }
    message.rewind().await?;
    Ok(digester.finish())
}
