//! The commands of RFC 4314, section 7: `"SETACL" SP mailbox SP identifier SP mod-rights` and the four others.

use super::super::reader::Reader;
use super::super::reader_fault::Fault;
use super::Extension;

/// A command about the rights in a mailbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Acl {
    pub(crate) mailbox: Vec<u8>,
    pub(crate) request: AclRequest,
}

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum AclRequest {
    /// SETACL.
    Set { identifier: String, rights: String },
    /// DELETEACL.
    Delete { identifier: String },
    /// GETACL.
    Get,
    /// LISTRIGHTS.
    List { identifier: String },
    /// MYRIGHTS.
    My,
}

pub(super) fn set(reader: &mut Reader<'_>) -> Option<Result<Extension, Fault>> {
    command(reader, |reader| {
        let identifier = argument(reader)?;
        let rights = argument(reader)?;
        Ok(AclRequest::Set { identifier, rights })
    })
}

pub(super) fn delete(reader: &mut Reader<'_>) -> Option<Result<Extension, Fault>> {
    command(reader, |reader| {
        let identifier = argument(reader)?;
        Ok(AclRequest::Delete { identifier })
    })
}

pub(super) fn get(reader: &mut Reader<'_>) -> Option<Result<Extension, Fault>> {
    command(reader, |_| Ok(AclRequest::Get))
}

pub(super) fn list(reader: &mut Reader<'_>) -> Option<Result<Extension, Fault>> {
    command(reader, |reader| {
        let identifier = argument(reader)?;
        Ok(AclRequest::List { identifier })
    })
}

pub(super) fn my(reader: &mut Reader<'_>) -> Option<Result<Extension, Fault>> {
    command(reader, |_| Ok(AclRequest::My))
}

fn command(
    reader: &mut Reader<'_>,
    rest: impl FnOnce(&mut Reader<'_>) -> Result<AclRequest, Fault>,
) -> Option<Result<Extension, Fault>> {
    let mailbox = |reader: &mut Reader<'_>| {
        reader.due(b' ')?;
        Ok(reader.astring_octets()?.into_owned())
    };
    let read = mailbox(reader).and_then(|mailbox| {
        let request = rest(reader)?;
        Ok(Extension::Acl(Acl { mailbox, request }))
    });
    Some(read)
}

fn argument(reader: &mut Reader<'_>) -> Result<String, Fault> {
    reader.due(b' ')?;
    Ok(reader.astring()?.into_owned())
}

#[cfg(test)]
mod tests {
    use super::super::read;
    use super::*;

    #[test]
    fn arguments_are_strings_of_any_form_and_none_may_be_missing_or_left_over() {
        let acl = |command: &str| match read(command.as_bytes()).unwrap().extension {
            Ok(Extension::Acl(acl)) => Ok(acl),
            Ok(other) => panic!("{other:?}"),
            Err(fault) => Err(fault),
        };
        let set = acl("a setACL \"a b\" {5}\r\n$team +lr").unwrap();
        let (identifier, rights) = ("$team".to_owned(), "+lr".to_owned());
        assert_eq!(
            (set.mailbox, set.request),
            (b"a b".to_vec(), AclRequest::Set { identifier, rights })
        );
        let empty = acl("a SETACL INBOX \"gr\u{fc}n\" \"\"").unwrap();
        assert!(matches!(empty.request, AclRequest::Set { rights, .. } if rights.is_empty()));
        for wrong in [
            "a SETACL INBOX fred",
            "a SETACL INBOX fred lr x",
            "a SETACL INBOX fred (lr)",
            "a DELETEACL INBOX",
            "a GETACL INBOX fred",
            "a GETACL",
            "a LISTRIGHTS INBOX",
            "a MYRIGHTS  INBOX",
            "a MYRIGHTS INBOX x",
        ] {
            assert!(acl(wrong).is_err(), "{wrong}");
        }
    }
}
