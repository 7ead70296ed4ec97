//! Which mailboxes a command is about: `filter-mailboxes` (RFC 5465, section 8; RFC 7377, section 4).

use super::reader::Reader;
use super::reader_fault::Fault;

/// Which mailboxes (RFC 5465, section 6). Names are as the client wrote them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Filter {
    Selected,
    SelectedDelayed,
    Inboxes,
    Personal,
    Subscribed,
    Subtree(Vec<Vec<u8>>),
    /// The mailboxes and those one level below them (RFC 7377, section 2.2).
    SubtreeOne(Vec<Vec<u8>>),
    Mailboxes(Vec<Vec<u8>>),
}

impl Filter {
    pub(crate) const fn is_about_the_selected_mailbox(&self) -> bool {
        matches!(self, Self::Selected | Self::SelectedDelayed)
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, Fault> {
        let begin = reader.at();
        Ok(match reader.atom()?.to_ascii_lowercase().as_str() {
            "selected" => Self::Selected,
            "selected-delayed" => Self::SelectedDelayed,
            "inboxes" => Self::Inboxes,
            "personal" => Self::Personal,
            "subscribed" => Self::Subscribed,
            "subtree" => Self::Subtree(names(reader)?),
            "subtree-one" => Self::SubtreeOne(names(reader)?),
            "mailboxes" => Self::Mailboxes(names(reader)?),
            _ => return Err(Fault::syntax(begin, "unknown mailbox filter")),
        })
    }
}

/// `one-or-more-mailbox`.
fn names(reader: &mut Reader<'_>) -> Result<Vec<Vec<u8>>, Fault> {
    reader.due(b' ')?;
    if reader.eat(b'(').is_none() {
        return Ok(vec![reader.astring_octets()?.into_owned()]);
    }
    let mut names = vec![reader.astring_octets()?.into_owned()];
    while reader.eat(b' ').is_some() {
        names.push(reader.astring_octets()?.into_owned());
    }
    reader.due(b')')?;
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Filter, Fault> {
        Filter::read(&mut Reader::new(text.as_bytes(), 0))
    }

    #[test]
    fn a_filter_has_names_where_it_needs_them() {
        assert_eq!(read("Personal"), Ok(Filter::Personal));
        let names = vec![b"INBOX".to_vec(), b"a b".to_vec()];
        assert_eq!(read("mailboxes (INBOX \"a b\")"), Ok(Filter::Mailboxes(names)));
        let name = vec![b"Lists".to_vec()];
        assert_eq!(read("subtree-one Lists"), Ok(Filter::SubtreeOne(name)));
        for text in [
            "",
            "nowhere",
            "subtree",
            "subtree ()",
            "mailboxes (a",
            "mailboxes (a  b)",
        ] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
