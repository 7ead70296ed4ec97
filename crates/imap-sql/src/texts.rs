//! The index of texts, made behind the APPENDs: a message can be searched at once, and is found without the index until it is
//! in it.

use imap_backend::Error;
use imap_message::{SearchedText, Summary};

use crate::body;
use crate::engine::Statements;
use crate::tables::texts::{self, Waiting};

/// A message with more text is not indexed, in octets: each octet makes an entry.
const MOST_TEXT: u64 = 256 << 10;

/// The first of the blobs that wait to be indexed, so many at most, with their texts.
pub(crate) fn read_some(statements: Statements<'_>, most: i64) -> Result<Vec<(i64, Option<String>)>, Error> {
    let waiting = texts::waiting(statements, most)?.into_iter();
    Ok(waiting
        .map(|waiting| (waiting.blob, text(statements, &waiting)))
        .collect())
}

/// The text of a message; `None` where it is too long or cannot be read.
fn text(statements: Statements<'_>, waiting: &Waiting) -> Option<String> {
    let summary = Summary::from_bytes(&waiting.summary).ok()?;
    let size = u64::try_from(waiting.size).ok()?;
    let mut text = SearchedText::new(&summary, MOST_TEXT)?;
    while let Some(wanted) = text.wanted() {
        let most = usize::try_from(wanted.end - wanted.start).ok()?;
        let octets = body::read(statements, (waiting.blob, size), wanted.start, most).ok()?;
        text.push(&octets);
    }
    Some(text.finish())
}
