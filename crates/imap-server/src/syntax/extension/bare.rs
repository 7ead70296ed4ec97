//! Commands without arguments: UNAUTHENTICATE (RFC 8437, section 6) and GETJMAPACCESS (RFC 9698, section 4).

use super::super::reader::Reader;
use super::super::reader_fault::Fault;
use super::Extension;

pub(super) fn unauthenticate(_: &mut Reader<'_>) -> Option<Result<Extension, Fault>> {
    Some(Ok(Extension::Unauthenticate))
}

pub(super) fn get_jmap_access(_: &mut Reader<'_>) -> Option<Result<Extension, Fault>> {
    Some(Ok(Extension::GetJmapAccess))
}
