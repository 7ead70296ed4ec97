//! CREATE with parameters: `create-param =/ "USE" SP "(" [use-attr *(SP use-attr)] ")"` (RFC 6154, section 6; RFC 4466, section
//! 2.2).

use imap_backend::SpecialUse;

use super::super::reader::Reader;
use super::super::reader_fault::Fault;
use super::Extension;

/// CREATE for a special use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Create {
    pub(crate) mailbox: Vec<u8>,
    /// `None` where an attribute is none that this server knows.
    pub(crate) special_use: Option<SpecialUse>,
}

/// Reads the arguments of a CREATE; `None` where there are no parameters.
pub(super) fn read(reader: &mut Reader<'_>) -> Option<Result<Extension, Fault>> {
    reader.eat(b' ')?;
    let mailbox = reader.astring_octets().ok()?.into_owned();
    reader.eat(b' ')?;
    reader.eat(b'(')?;
    let special_use = parameters(reader);
    Some(special_use.map(|special_use| Extension::Create(Create { mailbox, special_use })))
}

fn parameters(reader: &mut Reader<'_>) -> Result<Option<SpecialUse>, Fault> {
    let at = reader.at();
    if !reader.atom()?.eq_ignore_ascii_case("USE") {
        return Err(Fault::syntax(at, "unknown parameter"));
    }
    reader.due(b' ')?;
    reader.due(b'(')?;
    let mut uses = Some(SpecialUse::none());
    while reader.eat(b')').is_none() {
        if uses != Some(SpecialUse::none()) {
            reader.due(b' ')?;
        }
        reader.due(b'\\')?;
        let named = SpecialUse::of_attribute(&format!("\\{}", reader.atom()?));
        uses = uses.zip(named).map(|(uses, named)| uses.and(named));
    }
    reader.due(b')')?;
    Ok(uses)
}
