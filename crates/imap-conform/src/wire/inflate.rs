//! What a compressed stream contains (RFC 4978).

use miniz_oxide::inflate::stream::{InflateState, inflate};
use miniz_oxide::{DataFormat, MZFlush};

const PIECE: usize = 32 << 10;

/// One direction of a connection after COMPRESS.
pub(crate) struct Inflater {
    state: Box<InflateState>,
}

impl std::fmt::Debug for Inflater {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Inflater")
    }
}

/// The stream is not DEFLATE.
#[derive(Debug)]
pub(crate) struct NotDeflate;

impl Inflater {
    pub(crate) fn new() -> Self {
        Self {
            state: InflateState::new_boxed(DataFormat::Raw),
        }
    }

    /// Gives everything that these octets decompress to, in pieces.
    pub(crate) fn inflate(
        &mut self,
        mut octets: &[u8],
        mut sink: impl FnMut(&[u8]),
    ) -> Result<(), NotDeflate> {
        let mut piece = vec![0; PIECE];
        loop {
            let done = inflate(&mut self.state, octets, &mut piece, MZFlush::Sync);
            octets = &octets[done.bytes_consumed..];
            sink(&piece[..done.bytes_written]);
            let is_stuck = done.bytes_consumed == 0 && done.bytes_written == 0;
            match done.status {
                // Without input or without room: the first is the end of this piece, the second never happens.
                Err(miniz_oxide::MZError::Buf) => return Ok(()),
                Err(_) => return Err(NotDeflate),
                Ok(_) if is_stuck || (octets.is_empty() && done.bytes_written < PIECE) => return Ok(()),
                Ok(_) => {}
            }
        }
    }
}
