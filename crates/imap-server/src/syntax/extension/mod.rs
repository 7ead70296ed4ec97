//! What the codec cannot read: commands that it does not know, and parts of commands that it knows otherwise.
//!
//! * [`read`] reads a whole command of an extension, with the [`Reader`] that search programs are read with.
//! * [`cut`] cuts what an extension adds out of a command, so that the codec can read the rest.
//!
//! Each piece has a test in `codec.rs` that fails on the day the codec learns to read it: then the piece goes.

mod acl;
mod bare;
mod cancel_update;
#[cfg(test)]
mod codec;
mod create;
mod fetch;
mod list;
mod metadata;
mod notify;
mod saved;
mod status;
mod uid_batches;
mod url_auth;

pub(crate) use acl::{Acl, AclRequest};
pub(crate) use create::Create;
pub(crate) use fetch::{ExtraItem, Extras, NO_EXTRAS, WidePartial};
pub(crate) use list::{List, Selection};
pub(crate) use notify::{Events, Group, NewMessageItems, Notify};
pub(crate) use status::{Status, StatusItem};
pub(crate) use uid_batches::UidBatches;
pub(crate) use url_auth::{GenUrlAuth, ResetKey, UrlFetch, UrlItem};

use std::borrow::Cow;

use super::reader::Reader;
use super::reader_fault::Fault;
use super::split_tag;

/// A command that the codec does not know.
#[derive(Debug)]
pub(crate) enum Extension {
    /// NOTIFY.
    Notify(Notify),
    /// SETACL, DELETEACL, GETACL, LISTRIGHTS, MYRIGHTS.
    Acl(Acl),
    /// CREATE for a special use.
    Create(Create),
    /// An extended LIST.
    List(Box<List>),
    /// STATUS with items that the codec does not know.
    Status(Status),
    /// CANCELUPDATE, with the tags.
    CancelUpdate(Vec<String>),
    /// UIDBATCHES.
    UidBatches(UidBatches),
    /// GENURLAUTH.
    GenUrlAuth(Vec<GenUrlAuth>),
    /// RESETKEY, of one mailbox or of all.
    ResetKey(Option<ResetKey>),
    /// URLFETCH, with the URLs.
    UrlFetch(Vec<UrlFetch>),
    /// UNAUTHENTICATE.
    Unauthenticate,
    /// GETJMAPACCESS.
    GetJmapAccess,
}

/// A command that the codec does not know, or what is wrong with it.
#[derive(Debug)]
pub(crate) struct Read<'c> {
    pub(crate) tag: &'c str,
    /// The command, as it is named in answers.
    pub(crate) name: &'static str,
    pub(crate) extension: Result<Extension, Fault>,
}

/// Reads the arguments of a command, from behind its name; `None` where the codec can.
type ReadArguments = fn(&mut Reader<'_>) -> Option<Result<Extension, Fault>>;

/// The commands, by name. What follows UID has a name of its own.
const COMMANDS: &[(&str, ReadArguments)] = &[
    ("CREATE", create::read),
    ("LIST", list::read),
    ("NOTIFY", notify::read),
    ("STATUS", status::read),
    ("CANCELUPDATE", cancel_update::read),
    ("UIDBATCHES", uid_batches::read),
    ("GENURLAUTH", url_auth::generate),
    ("RESETKEY", url_auth::reset),
    ("URLFETCH", url_auth::fetch),
    ("UNAUTHENTICATE", bare::unauthenticate),
    ("GETJMAPACCESS", bare::get_jmap_access),
    ("SETACL", acl::set),
    ("DELETEACL", acl::delete),
    ("GETACL", acl::get),
    ("LISTRIGHTS", acl::list),
    ("MYRIGHTS", acl::my),
];

/// Reads a command of an extension. `command` is without its line end; `None` for commands that are the codec's.
pub(crate) fn read(command: &[u8]) -> Option<Read<'_>> {
    let (tag, rest) = split_tag(command)?;
    let (name, read_arguments) = COMMANDS
        .iter()
        .find(|(name, _)| starts_with_name(&rest[1..], name))?;
    let mut reader = Reader::new(command, tag.len() + 1 + name.len());
    let extension = match read_arguments(&mut reader)? {
        Ok(_) if !reader.rest().is_empty() => Err(reader.unexpected()),
        read => read,
    };
    Some(Read {
        tag: std::str::from_utf8(tag).ok()?,
        name,
        extension,
    })
}

/// Cuts what the codec does not know out of a command that it knows otherwise.
///
/// # Errors
/// What is wrong with the part that would be cut out.
pub(crate) fn cut(command: &[u8]) -> Option<Result<(Vec<u8>, Extras), Fault>> {
    if let Some(moved) = metadata::options_first(command) {
        return Some(Ok((moved, Extras::default())));
    }
    let Some(with_a_set) = saved::cut(command) else {
        return fetch::cut(command);
    };
    let cut = fetch::cut(&with_a_set).unwrap_or_else(|| Ok((with_a_set, Extras::default())));
    Some(cut.map(|(rest, extras)| {
        let set_is_saved = true;
        (
            rest,
            Extras {
                set_is_saved,
                ..extras
            },
        )
    }))
}

/// The beginning of a command as the codec can judge it: with a set in the place of `$`.
pub(crate) fn judged(beginning: &[u8]) -> Cow<'_, [u8]> {
    saved::cut(beginning).map_or(Cow::Borrowed(beginning), Cow::Owned)
}

/// Whether `text` begins with this name, in any case, as a whole word.
fn starts_with_name(text: &[u8], name: &str) -> bool {
    text.split_at_checked(name.len()).is_some_and(|(begin, rest)| {
        begin.eq_ignore_ascii_case(name.as_bytes()) && rest.first().is_none_or(|&octet| octet == b' ')
    })
}
