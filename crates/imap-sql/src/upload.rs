//! APPEND: a message on its way into the database.
//!
//! A message that is short is written in the transaction that stores it. A longer one is written a part at a time while it
//! arrives, in transactions of their own, so that nobody waits for a slow client; until a message has its blob, nobody can
//! see it.

use imap_backend::{Append, Error, ErrorKind, MessageSource, Messages};
use imap_message::Summarizer;

use crate::columns::{column, now};
use crate::engine::Statements;
use crate::node::Node;
use crate::tables::accounts::AccountId;
use crate::tables::blobs::{self, CHUNK};
use crate::tables::quotas;

/// How many octets are collected before they are written: one transaction, and one sync of the disk, for so many.
const WRITE_AT: usize = 16 * CHUNK;

/// A message that arrives. Dropped before it is [stored](Self::store), it leaves nothing.
pub(crate) struct Upload {
    node: Node,
    /// None as long as nothing was written.
    blob: Option<i64>,
    chunks_written: i64,
    size: u64,
    /// What was not written yet, with CRLF line ends.
    collected: Vec<u8>,
    last: u8,
    /// There until all of the message has arrived.
    summarizer: Option<Summarizer>,
    /// What the summarizer has made; there until the message is stored.
    summary: Option<Vec<u8>>,
    /// There once all is in the database.
    uploaded: Option<Uploaded>,
}

/// A message whose octets are in the database.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Uploaded {
    pub(crate) blob: i64,
    pub(crate) size: i64,
}

impl Upload {
    /// Takes the message in, to its end.
    pub(crate) async fn receive(node: &Node, message: &mut impl MessageSource) -> Result<Self, Error> {
        let mut upload = Self {
            node: node.clone(),
            blob: None,
            chunks_written: 0,
            size: 0,
            collected: Vec::new(),
            last: 0,
            summarizer: Some(Summarizer::new()),
            summary: None,
            uploaded: None,
        };
        while let Some(octets) = message.chunk().await? {
            upload.collect(&octets)?;
            if upload.collected.len() >= WRITE_AT {
                // The upload goes along: if the client leaves meanwhile, it is dropped there, when the work is done.
                upload = node
                    .blocking(move |_| upload.write_full_chunks().map(|()| upload))
                    .await?;
            }
        }
        let summarizer = upload.summarizer.take();
        upload.summary = summarizer.map(|summarizer| summarizer.finish().to_bytes());
        Ok(upload)
    }

    /// How many octets it has, as they are stored.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// How many octets are held in memory.
    fn held(&self) -> usize {
        self.collected.len() + self.summary.as_ref().map_or(0, Vec::len)
    }

    /// Takes octets as the client sent them. A LF alone becomes a CRLF, wherever the message was cut.
    fn collect(&mut self, octets: &[u8]) -> Result<(), Error> {
        if memchr::memchr(0, octets).is_some() {
            return Err(ErrorKind::UnknownEncoding.into());
        }
        let from = self.collected.len();
        let mut rest = octets;
        while let Some(at) = memchr::memchr(b'\n', rest) {
            let (line, after) = rest.split_at(at);
            let before = line.last().copied().unwrap_or(self.last);
            self.collected.extend_from_slice(line);
            self.collected.extend_from_slice(match before {
                b'\r' => b"\n",
                _ => b"\r\n",
            });
            self.last = b'\n';
            rest = after.get(1..).unwrap_or_default();
        }
        self.collected.extend_from_slice(rest);
        self.last = rest.last().copied().unwrap_or(self.last);
        let added = self.collected.get(from..).unwrap_or_default();
        self.size += added.len() as u64;
        if let Some(summarizer) = &mut self.summarizer {
            summarizer.push(added);
        }
        Ok(())
    }

    fn write_full_chunks(&mut self) -> Result<(), Error> {
        let node = self.node.clone();
        let full = self.collected.len() / CHUNK * CHUNK;
        let blob = node.commit(|change| self.write(change.statements, full))?;
        self.blob = Some(blob);
        self.chunks_written += column((full / CHUNK) as u64)?;
        self.collected.drain(..full);
        Ok(())
    }

    /// Writes so many of the collected octets; gives their blob.
    fn write(&self, statements: Statements<'_>, octets: usize) -> Result<i64, Error> {
        let blob = match self.blob {
            Some(blob) => blob,
            None => blobs::begin(statements, now())?,
        };
        blobs::touch(statements, blob, now())?;
        let octets = self.collected.get(..octets).unwrap_or_default();
        blobs::write(statements, blob, self.chunks_written, octets)?;
        Ok(blob)
    }

    /// Writes the rest, in the transaction that stores the message. If that is committed, call
    /// [`committed`](Self::committed); if it is not, this may be called again.
    pub(crate) fn store(&self, statements: Statements<'_>) -> Result<Uploaded, Error> {
        if let Some(uploaded) = self.uploaded {
            blobs::touch(statements, uploaded.blob, now())?;
            return Ok(uploaded);
        }
        let summary = self.summary.as_ref().ok_or(ErrorKind::ServerBug)?;
        let size = column(self.size)?;
        let blob = match self.blob {
            Some(blob) => blobs::finish(statements, blob, size, summary).map(|()| blob)?,
            None => blobs::insert(statements, now(), size, summary)?,
        };
        blobs::write(statements, blob, self.chunks_written, &self.collected)?;
        Ok(Uploaded { blob, size })
    }

    /// The message has the blob now.
    pub(crate) fn committed(mut self) {
        self.blob = None;
        self.node.behind().message_arrived();
    }
}

/// The messages of one APPEND. What they hold in memory together is bounded as it is for one message.
#[derive(Default)]
pub(crate) struct Uploads(Vec<(Append, Upload)>);

impl Uploads {
    /// Takes all messages in, to the end of the last. One that exceeds the account's quota is refused before an octet of it
    /// was sent; what arrives beside it may exceed the quota by itself.
    pub(crate) async fn receive(
        node: &Node,
        account: AccountId,
        messages: &mut impl Messages,
    ) -> Result<Self, Error> {
        let mut uploads = Self::default();
        let mut octets = 0;
        while let Some(append) = messages.next().await? {
            octets += messages.size().unwrap_or(0);
            let more = (uploads.len() + 1, octets);
            node.query(move |statements| quotas::check_room(statements, account, more))
                .await?;
            let upload = Upload::receive(node, messages).await?;
            uploads.0.push((append, upload));
            let held: usize = uploads.0.iter().map(|(_, upload)| upload.held()).sum();
            if held >= WRITE_AT {
                uploads = node
                    .blocking(move |node| uploads.put_away(node).map(|()| uploads))
                    .await?;
            }
        }
        Ok(uploads)
    }

    /// Writes what is held. Nobody sees it before the messages are stored.
    fn put_away(&mut self, node: &Node) -> Result<(), Error> {
        let uploads = self.0.iter_mut().map(|(_, upload)| upload);
        let held: Vec<&mut Upload> = uploads.filter(|upload| upload.uploaded.is_none()).collect();
        let uploaded = node.commit(|change| {
            let all = held.iter().map(|upload| upload.store(change.statements));
            all.collect::<Result<Vec<_>, _>>()
        })?;
        for (upload, uploaded) in held.into_iter().zip(uploaded) {
            upload.collected = Vec::new();
            upload.summary = None;
            upload.blob = Some(uploaded.blob);
            upload.uploaded = Some(uploaded);
        }
        Ok(())
    }

    pub(crate) fn len(&self) -> u64 {
        self.0.len() as u64
    }

    /// The message, where there is one only.
    pub(crate) fn into_single(mut self) -> Result<(Append, Upload), Self> {
        match self.0.pop() {
            Some(single) if self.0.is_empty() => Ok(single),
            last => {
                self.0.extend(last);
                Err(self)
            }
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &(Append, Upload)> {
        self.0.iter()
    }

    /// The messages have their blobs now.
    pub(crate) fn committed(self) {
        for (_, upload) in self.0 {
            upload.committed();
        }
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        let (Some(blob), Ok(runtime)) = (self.blob, tokio::runtime::Handle::try_current()) else {
            return;
        };
        let node = self.node.clone();
        runtime.spawn_blocking(move || {
            if let Err(error) = node.commit(|change| blobs::abandon(change.statements, blob)) {
                // It is removed when the database is opened some day later.
                tracing::warn!(%error, "what an unfinished message has left could not be removed");
            }
        });
    }
}
