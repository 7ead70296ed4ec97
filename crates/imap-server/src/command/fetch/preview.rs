//! PREVIEW (RFC 8970): the words that a message begins with.

use imap_backend::Error;

use super::message::{Content, Reading};
use super::plan::{Depth, Effort};

impl Reading<'_> {
    /// The words that the message begins with; none where that costs more than it may. Of the message, no more is read
    /// than they take.
    pub(super) async fn preview(&mut self, effort: Effort) -> Result<Content, Error> {
        if effort == Effort::OnlyAtHand && self.body()?.held().is_none() {
            return Ok(Content::None);
        }
        let summary = self.summarize(Depth::Whole).await?;
        let Some((mut range, mut preview)) = summary.preview() else {
            return Ok(Content::Preview(String::new()));
        };
        while !range.is_empty() {
            let octets = self.read(range.start, range.end).await?;
            range.start += octets.len() as u64;
            if octets.is_empty() || !preview.push(&octets) {
                break;
            }
        }
        Ok(Content::Preview(preview.finish()))
    }
}
