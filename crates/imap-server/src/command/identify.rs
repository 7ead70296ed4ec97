//! ID (RFC 2971) and GETJMAPACCESS (RFC 9698): what the operator wants said.

use imap_backend::Backend;
use imap_codec::imap_types::core::{IString, NString};
use imap_updates::kind;

use crate::client::Client;
use crate::completion::{Answer, Completion};
use crate::connection::Gone;
use crate::syntax;
use crate::wire;

/// The most fields of an ID, octets of a field's name, and octets of its value (RFC 2971, section 3.3).
const FIELDS: usize = 30;
const NAME: usize = 30;
const VALUE: usize = 1024;

/// What a client says of itself, as far as the codec has read it.
type Parameters<'p> = Option<Vec<(IString<'p>, NString<'p>)>>;

impl<B: Backend> Client<B> {
    /// ID: who we are. What the client says of itself goes to the log, and changes nothing.
    pub(crate) async fn id(&mut self, tag: &str, parameters: &Parameters<'_>) -> Result<(), Gone> {
        let command = self.begin(kind::Id);
        let answer = self.identification(parameters);
        self.complete_releasing(tag, command, answer).await
    }

    fn identification(&mut self, parameters: &Parameters<'_>) -> Answer {
        let parameters = parameters.as_deref().unwrap_or_default();
        let is_too_long = |(name, value): &(IString<'_>, NString<'_>)| {
            name.as_ref().len() > NAME || octets(value).is_some_and(|value| value.len() > VALUE)
        };
        if parameters.len() > FIELDS || parameters.iter().any(is_too_long) {
            return Err(Completion::bad("ID: more than RFC 2971, section 3.3 allows").into());
        }
        if tracing::enabled!(tracing::Level::DEBUG) {
            tracing::debug!(client = shown(parameters), "identified");
        }
        wire::id(self.channel.io.out(), self.server.options.identification.fields());
        Ok(Completion::ok("ID completed"))
    }

    /// GETJMAPACCESS: where the same mail can be had by JMAP.
    pub(crate) async fn get_jmap_access(&mut self) -> Answer {
        self.state.session()?;
        let Some(url) = &self.server.options.jmap else {
            return Err(Completion::bad("GETJMAPACCESS: not supported").into());
        };
        wire::jmap_access(self.channel.io.out(), url);
        Ok(Completion::ok("GETJMAPACCESS completed"))
    }
}

fn octets<'v>(value: &'v NString<'_>) -> Option<&'v [u8]> {
    value.0.as_ref().map(AsRef::as_ref)
}

/// For the log: `name=Thunderbird version=140`.
fn shown(parameters: &[(IString<'_>, NString<'_>)]) -> String {
    let fields = parameters.iter().map(|(name, value)| {
        let name = syntax::shown(name.as_ref());
        format!("{name}={}", syntax::shown(octets(value).unwrap_or_default()))
    });
    fields.collect::<Vec<_>>().join(" ")
}
