//! The extended LIST (RFC 5258, section 6): `"LIST" [SP list-select-opts] SP mailbox SP mbox-or-pat [SP list-return-opts]`.

use super::super::reader::Reader;
use super::super::reader_fault::Fault;
use super::Extension;
use super::status::{self, StatusItem};

/// The most patterns of one LIST. Each is tried on each name.
const MOST_PATTERNS: usize = 100;

/// The most annotations that one LIST asks for. Each is looked for in each mailbox.
const MOST_ENTRIES: usize = 100;

/// The most octets in all patterns, or all names of annotations, of one LIST.
const MOST_OCTETS: usize = 8 << 10;

/// An extended LIST.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct List {
    pub(crate) selection: Selection,
    pub(crate) reference: Vec<u8>,
    pub(crate) patterns: Vec<Vec<u8>>,
    pub(crate) wanted: Wanted,
}

/// Which names are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Selection {
    /// Subscribed ones.
    pub(crate) subscribed: bool,
    /// Those of a special use (RFC 6154, section 2).
    pub(crate) special_use: bool,
    /// Superiors too of which an inferior is asked for.
    pub(crate) recursive: bool,
}

/// What is to be said of each.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Wanted {
    pub(crate) subscribed: bool,
    pub(crate) special_use: bool,
    /// RFC 5819.
    pub(crate) status: Option<Vec<StatusItem>>,
    /// RFC 8440.
    pub(crate) my_rights: bool,
    /// The names of annotations (RFC 9590).
    pub(crate) metadata: Option<Vec<Vec<u8>>>,
}

/// Reads the arguments of a LIST; `None` for one that is not extended.
pub(super) fn read(reader: &mut Reader<'_>) -> Option<Result<Extension, Fault>> {
    let mut list = List::default();
    let mut is_extended = false;
    let read = arguments(reader, &mut list, &mut is_extended);
    is_extended.then(|| read.map(|()| Extension::List(Box::new(list))))
}

fn arguments(reader: &mut Reader<'_>, list: &mut List, is_extended: &mut bool) -> Result<(), Fault> {
    reader.due(b' ')?;
    if reader.peek() == Some(b'(') {
        *is_extended = true;
        list.selection = selection(reader)?;
        reader.due(b' ')?;
    }
    list.reference = reader.astring_octets()?.into_owned();
    reader.due(b' ')?;
    if reader.peek() == Some(b'(') {
        *is_extended = true;
        list.patterns = patterns(reader)?;
    } else {
        list.patterns.push(reader.list_mailbox()?.into_owned());
    }
    if reader.eat(b' ').is_some() {
        *is_extended = true;
        list.wanted = wanted(reader)?;
    }
    list.wanted.subscribed |= list.selection.subscribed;
    list.wanted.special_use |= list.selection.special_use;
    Ok(())
}

/// `list-select-opts`.
fn selection(reader: &mut Reader<'_>) -> Result<Selection, Fault> {
    let begin = reader.at();
    let mut selection = Selection::default();
    each_option(reader, |reader, name| {
        match name {
            "SUBSCRIBED" => selection.subscribed = true,
            "SPECIAL-USE" => selection.special_use = true,
            "RECURSIVEMATCH" => selection.recursive = true,
            // There are no mailboxes on other servers.
            "REMOTE" => {}
            _ => return Err(reader.unexpected()),
        }
        Ok(())
    })?;
    if selection.recursive && !selection.subscribed && !selection.special_use {
        return Err(Fault::syntax(begin, "RECURSIVEMATCH of nothing"));
    }
    Ok(selection)
}

/// `"(" list-mailbox *(SP list-mailbox) ")"`.
fn patterns(reader: &mut Reader<'_>) -> Result<Vec<Vec<u8>>, Fault> {
    strings(reader, (MOST_PATTERNS, "patterns"), |reader| {
        Ok(reader.list_mailbox()?.into_owned())
    })
}

/// `"(" entry *(SP entry) ")"` (RFC 9590, section 5).
fn entries(reader: &mut Reader<'_>) -> Result<Vec<Vec<u8>>, Fault> {
    strings(reader, (MOST_ENTRIES, "annotations"), |reader| {
        Ok(reader.astring_octets()?.into_owned())
    })
}

/// One or more in parentheses, as many as there may be.
fn strings(
    reader: &mut Reader<'_>,
    (most, what): (usize, &str),
    mut one: impl FnMut(&mut Reader<'_>) -> Result<Vec<u8>, Fault>,
) -> Result<Vec<Vec<u8>>, Fault> {
    reader.due(b'(')?;
    let (mut all, mut octets) = (Vec::new(), 0);
    loop {
        let string = one(reader)?;
        octets += string.len();
        all.push(string);
        if all.len() > most || octets > MOST_OCTETS {
            let why = format!("LIST can have {most} {what} of {MOST_OCTETS} octets together");
            return Err(Fault::Limit(why));
        }
        if reader.eat(b' ').is_none() {
            reader.due(b')')?;
            return Ok(all);
        }
    }
}

/// `list-return-opts`.
fn wanted(reader: &mut Reader<'_>) -> Result<Wanted, Fault> {
    if !reader.next_atom().eq_ignore_ascii_case(b"RETURN") {
        return Err(reader.unexpected());
    }
    reader.atom()?;
    reader.due(b' ')?;
    let mut wanted = Wanted::default();
    each_option(reader, |reader, name| {
        match name {
            "SUBSCRIBED" => wanted.subscribed = true,
            "SPECIAL-USE" => wanted.special_use = true,
            "MYRIGHTS" => wanted.my_rights = true,
            // It is always said.
            "CHILDREN" => {}
            "STATUS" => {
                reader.due(b' ')?;
                wanted.status = Some(status::items(reader)?);
            }
            "METADATA" => {
                reader.due(b' ')?;
                wanted.metadata = Some(entries(reader)?);
            }
            _ => return Err(reader.unexpected()),
        }
        Ok(())
    })?;
    Ok(wanted)
}

/// `"(" [option *(SP option)] ")"`: calls `take` behind the name of each, which is in capital letters. Where that is none it
/// does not know, the reader is before the name.
fn each_option(
    reader: &mut Reader<'_>,
    mut take: impl FnMut(&mut Reader<'_>, &str) -> Result<(), Fault>,
) -> Result<(), Fault> {
    reader.due(b'(')?;
    if reader.eat(b')').is_some() {
        return Ok(());
    }
    loop {
        let at = reader.at();
        let name = reader.atom()?.to_ascii_uppercase();
        let behind = reader.at();
        take(reader, &name).map_err(|fault| match fault {
            Fault::Syntax { at: seen, .. } | Fault::Ends { at: seen } if seen == behind => {
                Fault::syntax(at, "unknown option")
            }
            fault => fault,
        })?;
        if reader.eat(b' ').is_none() {
            return reader.due(b')');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(arguments: &str) -> Option<Result<List, Fault>> {
        let mut reader = Reader::new(arguments.as_bytes(), 0);
        Some(match read(&mut reader)? {
            Ok(Extension::List(list)) if reader.rest().is_empty() => Ok(*list),
            Ok(_) => Err(reader.unexpected()),
            Err(fault) => Err(fault),
        })
    }

    #[test]
    fn what_is_not_extended_is_the_codecs() {
        for plain in [
            " \"\" *",
            " \"\" \"%\"",
            " a {1}\r\n*",
            "",
            " x",
            " \"\" ",
            " \"\" a(b",
        ] {
            assert_eq!(list(plain), None, "{plain}");
        }
    }

    #[test]
    fn options_stand_in_any_order_and_case() {
        let read = list(
            " (RecursiveMatch SUBSCRIBED remote) a (b \"c d\" %) RETURN (CHILDREN status (size Messages SIZE) MyRights)",
        );
        let read = read.unwrap().unwrap();
        assert!(read.selection.recursive && read.selection.subscribed && read.wanted.subscribed);
        assert!(read.wanted.my_rights);
        assert_eq!(read.patterns, [&b"b"[..], b"c d", b"%"]);
        assert_eq!(
            read.wanted.status,
            Some(vec![StatusItem::Size, StatusItem::Messages])
        );
        assert_eq!(
            list(" () \"\" %").unwrap().unwrap().selection,
            Selection::default()
        );
    }

    /// RFC 9590, section 4.
    #[test]
    fn annotations_are_asked_for_by_name() {
        let read = list(" \"\" % RETURN (METADATA (\"/shared/a b\" /private/comment) SUBSCRIBED)");
        let wanted = read.unwrap().unwrap().wanted;
        let entries = wanted.metadata.unwrap();
        assert!(wanted.subscribed && entries == [&b"/shared/a b"[..], b"/private/comment"]);
    }

    #[test]
    fn what_cannot_be_is_named_where_it_stands() {
        for (wrong, at) in [
            (" (FROB) \"\" %", 2),
            (" (RECURSIVEMATCH) \"\" %", 1),
            (" (REMOTE RECURSIVEMATCH) \"\" %", 1),
            (" \"\" % RETURN (CHILDREN FROB)", 23),
            (" \"\" % FROB", 6),
            (" \"\" % RETURN (STATUS (FROB))", 22),
            (" \"\" % RETURN (METADATA)", 14),
            (" \"\" % RETURN (METADATA ())", 24),
        ] {
            let fault = list(wrong).unwrap().unwrap_err();
            assert!(
                matches!(fault, Fault::Syntax { at: seen, .. } if seen == at),
                "{wrong} {fault:?}"
            );
        }
        let many = format!(" \"\" ({})", "a ".repeat(MOST_PATTERNS + 1));
        assert!(matches!(list(&many), Some(Err(Fault::Limit(_)))));
        let many = "/private/a ".repeat(MOST_ENTRIES + 1);
        let many = format!(" \"\" % RETURN (METADATA ({many}))");
        assert!(matches!(list(&many), Some(Err(Fault::Limit(_)))));
    }
}
