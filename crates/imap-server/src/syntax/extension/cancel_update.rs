//! CANCELUPDATE: `"CANCELUPDATE" 1*(SP quoted)` (RFC 5267, section 5).

use super::super::reader::Reader;
use super::super::reader_fault::Fault;
use super::Extension;

pub(super) fn read(reader: &mut Reader<'_>) -> Option<Result<Extension, Fault>> {
    Some(tags(reader).map(Extension::CancelUpdate))
}

fn tags(reader: &mut Reader<'_>) -> Result<Vec<String>, Fault> {
    let mut tags = Vec::new();
    loop {
        reader.due(b' ')?;
        if reader.peek() != Some(b'"') {
            return Err(reader.unexpected());
        }
        tags.push(reader.astring()?.into_owned());
        if reader.rest().is_empty() {
            return Ok(tags);
        }
    }
}
