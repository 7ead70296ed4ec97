//! UIDBATCHES: `"UIDBATCHES" SP nz-number [SP nz-number ":" nz-number]` (draft-ietf-mailmaint-imap-uidbatches).

use std::num::NonZeroU32;
use std::ops::RangeInclusive;

use super::super::reader::Reader;
use super::super::reader_fault::Fault;
use super::Extension;

/// How the messages of a mailbox are to be cut into batches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UidBatches {
    /// Messages in one batch.
    pub(crate) size: NonZeroU32,
    /// Which batches are wanted, counted from 1 at the highest UIDs; all where there is no such range.
    pub(crate) wanted: Option<RangeInclusive<u32>>,
}

pub(super) fn read(reader: &mut Reader<'_>) -> Option<Result<Extension, Fault>> {
    Some(arguments(reader).map(Extension::UidBatches))
}

fn arguments(reader: &mut Reader<'_>) -> Result<UidBatches, Fault> {
    reader.due(b' ')?;
    let size = reader.nz_number()?;
    let mut wanted = None;
    if reader.eat(b' ').is_some() {
        let from = reader.nz_number()?.get();
        reader.due(b':')?;
        let to = reader.nz_number()?.get();
        wanted = Some(from.min(to)..=from.max(to));
    }
    Ok(UidBatches { size, wanted })
}
