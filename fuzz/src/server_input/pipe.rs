//! The two directions of a connection: octets as they are, or compressed (RFC 4978) by another implementation of DEFLATE than
//! the server's.

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, ReadHalf, WriteHalf};

/// What the client says.
pub(super) struct Speaking {
    writer: WriteHalf<DuplexStream>,
    deflate: Option<Compress>,
}

impl Speaking {
    pub(super) fn new(writer: WriteHalf<DuplexStream>) -> Self {
        Self {
            writer,
            deflate: None,
        }
    }

    pub(super) fn compress_from_here(&mut self) {
        self.deflate = Some(Compress::new(Compression::fast(), false));
    }

    /// A server that has closed does not read.
    pub(super) async fn say(&mut self, octets: &[u8]) {
        let Some(deflate) = &mut self.deflate else {
            return drop(self.writer.write_all(octets).await);
        };
        let mut deflated = Vec::with_capacity(octets.len() + 1024);
        deflate
            .compress_vec(octets, &mut deflated, FlushCompress::Sync)
            .expect("DEFLATE takes anything");
        let _ = self.writer.write_all(&deflated).await;
    }

    pub(super) async fn close(&mut self) {
        let _ = self.writer.shutdown().await;
    }
}

/// What the client has heard.
pub(super) struct Listening {
    reader: ReadHalf<DuplexStream>,
    inflate: Option<Decompress>,
    pub(super) heard: Vec<u8>,
}

impl Listening {
    pub(super) fn new(reader: ReadHalf<DuplexStream>) -> Self {
        Self {
            reader,
            inflate: None,
            heard: Vec::new(),
        }
    }

    /// What was heard behind the first `line_end` octets is compressed.
    pub(super) fn inflate_from(&mut self, line_end: usize) {
        let deflated = self.heard.split_off(line_end);
        let mut inflate = Decompress::new(false);
        assert!(inflated(&mut inflate, &deflated, &mut self.heard), "no DEFLATE");
        self.inflate = Some(inflate);
    }

    /// Whether there was more before the end.
    pub(super) async fn more(&mut self) -> bool {
        let Some(inflate) = &mut self.inflate else {
            return matches!(self.reader.read_buf(&mut self.heard).await, Ok(1..));
        };
        let mut deflated = Vec::with_capacity(16 << 10);
        let is_more = matches!(self.reader.read_buf(&mut deflated).await, Ok(1..));
        assert!(inflated(inflate, &deflated, &mut self.heard), "no DEFLATE");
        is_more
    }
}

/// What a server reads of octets that may be DEFLATE, up to where they are not.
pub(super) fn as_read(octets: &[u8]) -> Vec<u8> {
    let mut read = Vec::new();
    inflated(&mut Decompress::new(false), octets, &mut read);
    read
}

/// Adds what the octets stand for, and says whether they are DEFLATE.
fn inflated(inflate: &mut Decompress, octets: &[u8], to: &mut Vec<u8>) -> bool {
    let began = inflate.total_in();
    loop {
        to.reserve(16 << 10);
        let done = usize::try_from(inflate.total_in() - began).expect("it was in memory");
        if inflate
            .decompress_vec(&octets[done..], to, FlushDecompress::Sync)
            .is_err()
        {
            return false;
        }
        // Room that is left means that there is no more.
        if to.len() < to.capacity() {
            return true;
        }
    }
}
