//! COMPRESS (RFC 4978).

use imap_backend::Backend;
use imap_codec::imap_types::extensions::compress::CompressionAlgorithm;
use imap_updates::kind;

use crate::Compression;
use crate::client::Client;
use crate::completion::{Answer, Completion};
use crate::connection::Gone;
use crate::state::State;

impl<B: Backend> Client<B> {
    /// Whether COMPRESS would be answered OK.
    pub(crate) fn may_compress(&self) -> bool {
        !matches!(self.state, State::NotAuthenticated)
            && self.server.options.compression == Compression::Offered
            && !self.channel.io.is_compressed()
    }

    pub(crate) async fn compress(&mut self, tag: &str, algorithm: &CompressionAlgorithm) -> Result<(), Gone> {
        let command = self.begin(kind::Compress);
        let answer = self.compression(algorithm);
        let starts = answer.is_ok();
        self.complete_releasing(tag, command, answer).await?;
        if starts {
            self.channel.io.flush().await?;
            self.channel.compress(self.server.deflate_pools.clone());
            tracing::debug!("compressed from now on");
        }
        Ok(())
    }

    fn compression(&mut self, algorithm: &CompressionAlgorithm) -> Answer {
        self.state.session()?;
        if self.server.options.compression == Compression::Off || *algorithm != CompressionAlgorithm::Deflate
        {
            return Err(Completion::bad("COMPRESS: not supported").into());
        }
        if self.channel.io.is_compressed() {
            let why = "DEFLATE active via COMPRESS";
            return Err(Completion::no("COMPRESSIONACTIVE", why).into());
        }
        Ok(Completion::ok("DEFLATE active"))
    }
}
