//! What the server says of itself: fields of ID as `NAME=VALUE`.

use std::str::FromStr;

use imap_server::Identification;
use serde::Deserialize;

/// A field of ID (RFC 2971), `NAME=VALUE`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct IdField {
    name: String,
    value: String,
}

impl FromStr for IdField {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let field = text.split_once('=');
        let (name, value) = field.ok_or_else(|| format!("{text:?} is not of the form NAME=VALUE"))?;
        let checked = Identification::nothing().with(name, value);
        checked.map_err(|error| format!("{text:?}: {error}"))?;
        Ok(Self {
            name: name.to_owned(),
            value: value.to_owned(),
        })
    }
}

impl TryFrom<String> for IdField {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

/// All fields together; without a list the server's name and version.
///
/// # Errors
/// Together they are more than ID can have, or one is there twice.
pub(super) fn identification(fields: Option<Vec<IdField>>) -> Result<Identification, String> {
    let Some(fields) = fields else {
        return Ok(Identification::default());
    };
    fields
        .into_iter()
        .try_fold(Identification::nothing(), |said, field| {
            let shown = format!("{}={}", field.name, field.value);
            let said = said.with(field.name, field.value);
            said.map_err(|error| format!("{shown:?}: {error}"))
        })
}
