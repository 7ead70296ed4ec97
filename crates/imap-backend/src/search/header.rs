//! What is known of a message's header, wherever it comes from.

use std::sync::Arc;

use imap_message::Summary;

use super::pace::Pace;
use super::pieces::{Extent, Pieces};
use crate::error::{Error, ErrorKind};
use crate::record::Record;

/// The summary of a record that was asked for with [`Need::HEADER_SUMMARY`](crate::Need::HEADER_SUMMARY): the one that its
/// store keeps, or one of the header, which is read now. `None` for a message that cannot be read.
///
/// # Errors
/// Those that concern more than this message.
pub(crate) async fn header(record: &Record, pace: &mut Pace) -> Result<Option<Arc<Summary>>, Error> {
    if let Some(summary) = record.summary() {
        return Ok(Some(Arc::clone(summary)));
    }
    let body = record.body().ok_or(ErrorKind::ServerBug);
    let body = body.map_err(|bug| Error::new(bug).with_source("fetch answered no body"))?;
    match Pieces::new(body).summary(Extent::Header, pace).await {
        Ok(summary) => Ok(Some(Arc::new(summary))),
        Err(error) if error.kind().concerns_one_message() => Ok(None),
        Err(error) => Err(error),
    }
}
