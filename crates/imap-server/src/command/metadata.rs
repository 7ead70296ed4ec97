//! GETMETADATA and SETMETADATA (RFC 5464).

use bytes::Bytes;
use imap_backend::{
    Ability, Backend, EntryName, Error, ErrorKind, MailboxName, Metadata, MetadataChange, Session,
};
use imap_codec::imap_types::core::{NString, NString8};
use imap_codec::imap_types::extensions::metadata::{Depth, Entry, EntryValue, GetMetadataOption};
use imap_codec::imap_types::mailbox::Mailbox;

use crate::client::Client;
use crate::completion::{Answer, Completion, Stop};
use crate::convert;
use crate::rights::{self, Deed};
use crate::syntax::search;
use crate::wire;

impl<B: Backend> Client<B> {
    /// GETMETADATA.
    pub(crate) async fn get_metadata(
        &mut self,
        mailbox: &Mailbox<'_>,
        options: &[GetMetadataOption],
        entries: &[Entry<'_>],
    ) -> Answer {
        let place = self.annotated(mailbox)?;
        let wanted = entries.iter().map(AsRef::as_ref).map(wanted);
        let wanted = wanted.collect::<Result<Vec<_>, _>>()?;
        let (mut depth, mut most) = (Depth::Null, u32::MAX);
        for option in options {
            match option {
                GetMetadataOption::Depth(asked) => depth = asked.clone(),
                GetMetadataOption::MaxSize(asked) => most = *asked,
            }
        }
        let session = self.state.session()?;
        let reading = async {
            may_annotate(session, place.as_ref()).await?;
            session.metadata(place.as_ref()).await
        };
        let metadata = self.channel.while_present(reading).await??;
        let (told, too_long) = pick(&metadata, &wanted, &depth, most);
        if !told.is_empty() {
            let form = self.enabled.name_form();
            wire::metadata(self.channel.io.out(), place.as_ref(), form, &told);
        }
        let completed = Completion::ok("GETMETADATA completed");
        Ok(match too_long {
            Some(octets) => completed.with_code(format!("METADATA LONGENTRIES {octets}")),
            None => completed,
        })
    }

    /// SETMETADATA.
    pub(crate) async fn set_metadata(&mut self, mailbox: &Mailbox<'_>, values: &[EntryValue<'_>]) -> Answer {
        let place = self.annotated(mailbox)?;
        let changes = values.iter().map(change).collect::<Result<Vec<_>, _>>()?;
        if place.is_none() {
            changes.iter().try_for_each(check_filter)?;
        }
        let session = self.state.session()?;
        let setting = async {
            may_annotate(session, place.as_ref()).await?;
            session.set_metadata(place.as_ref(), &changes).await
        };
        match self.channel.while_present(setting).await? {
            Ok(()) => {
                if let Some(watching) = &mut self.watching {
                    watching.note_annotations(place.as_ref(), &changes);
                }
                Ok(Completion::ok("SETMETADATA completed"))
            }
            Err(error) if error.kind() == ErrorKind::Limit => {
                Err(Completion::no("METADATA TOOMANY", "there are too many annotations").into())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The mailbox whose annotations are meant; none for those of the server.
    fn annotated(&mut self, mailbox: &Mailbox<'_>) -> Result<Option<MailboxName>, Stop> {
        let naming = self.naming()?;
        self.offers_annotations()?;
        match mailbox {
            Mailbox::Other(other) if other.as_ref().is_empty() => Ok(None),
            mailbox => Ok(Some(convert::mailbox_name(mailbox, naming)?)),
        }
    }

    fn offers_annotations(&self) -> Result<(), Completion> {
        match self.abilities().has(Ability::Metadata) {
            true => Ok(()),
            false => Err(Completion::bad("METADATA is not supported")),
        }
    }

    /// The annotations that a LIST asks for, of each mailbox (RFC 9590, section 3).
    ///
    /// # Errors
    /// BAD: no annotation can have such a name, or the backend keeps none.
    pub(super) fn annotations_of_list(&self, entries: &[Vec<u8>]) -> Result<Vec<String>, Completion> {
        self.offers_annotations()?;
        entries.iter().map(|entry| wanted(entry)).collect()
    }

    /// Answers them for one mailbox. One whose annotations cannot be read has no answer (RFC 9590, section 3).
    pub(super) async fn write_annotations(
        &mut self,
        name: &MailboxName,
        wanted: &[String],
    ) -> Result<(), Stop> {
        let session = self.state.session()?;
        let reading = async {
            may_annotate(session, Some(name)).await?;
            session.metadata(Some(name)).await
        };
        match self.channel.while_present(reading).await? {
            Ok(metadata) => {
                let (told, _) = pick(&metadata, wanted, &Depth::Null, u32::MAX);
                let form = self.enabled.name_form();
                if !told.is_empty() {
                    wire::metadata(self.channel.io.out(), Some(name), form, &told);
                }
            }
            Err(error) => tracing::debug!(%error, mailbox = %name, "LIST tells no annotations"),
        }
        Ok(())
    }
}

/// Whether this user may have annotations there. Those of the server are his own.
async fn may_annotate<S: Session>(session: &mut S, place: Option<&MailboxName>) -> Result<(), Error> {
    match place {
        Some(name) => rights::permit(session, Deed::Annotate, name).await.map(drop),
        None => Ok(()),
    }
}

/// The entry that a client asks for, and for all below it `/shared` or `/private` as well (RFC 5464, section 4.2.2).
fn wanted(entry: &[u8]) -> Result<String, Completion> {
    let text = std::str::from_utf8(entry).unwrap_or_default();
    match EntryName::new(text) {
        Some(name) => Ok(name.as_str().to_owned()),
        None if ["/shared", "/private"]
            .iter()
            .any(|root| text.eq_ignore_ascii_case(root)) =>
        {
            Ok(text.to_ascii_lowercase())
        }
        None => Err(impossible_entry()),
    }
}

fn impossible_entry() -> Completion {
    Completion::bad("no annotation can have that name")
}

fn change(value: &EntryValue<'_>) -> Result<MetadataChange, Completion> {
    let name = std::str::from_utf8(value.entry.as_ref())
        .ok()
        .and_then(EntryName::new);
    let name = name.ok_or_else(impossible_entry)?;
    let octets = match &value.value {
        NString8::NString(NString(None)) => None,
        NString8::NString(NString(Some(string))) => Some(Bytes::copy_from_slice(string.as_ref())),
        NString8::Literal8(literal) => Some(Bytes::copy_from_slice(&literal.data)),
    };
    match octets {
        Some(octets) if octets.len() > Metadata::LARGEST_VALUE => {
            let code = format!("METADATA MAXSIZE {}", Metadata::LARGEST_VALUE);
            Err(Completion::no(code, "the value is too long"))
        }
        octets => Ok((name, octets)),
    }
}

/// A filter that no SEARCH could use is not kept (RFC 5466, section 3.2).
fn check_filter((name, value): &MetadataChange) -> Result<(), Completion> {
    let Some(value) = value else { return Ok(()) };
    search::check_filter(name, value).map_err(|fault| {
        let why = Completion::refusing("the filter", fault).text;
        Completion::no("CANNOT", why)
    })
}

/// An entry and its value; none where there is no such entry.
type Told<'m> = (&'m str, Option<&'m Bytes>);

/// The entries that are asked for, each once; and how long the longest of those is that are longer than the client takes.
fn pick<'m>(
    metadata: &'m Metadata,
    wanted: &'m [String],
    depth: &Depth,
    most: u32,
) -> (Vec<Told<'m>>, Option<usize>) {
    let (mut told, mut too_long): (Vec<Told<'m>>, _) = (Vec::new(), None);
    for (name, value) in metadata.iter() {
        if !wanted
            .iter()
            .any(|wanted| is_within(name.as_str(), wanted, depth))
        {
            continue;
        }
        match u32::try_from(value.len()) {
            Ok(octets) if octets <= most => told.push((name.as_str(), Some(value))),
            _ => too_long = too_long.max(Some(value.len())),
        }
    }
    for wanted in wanted.iter().filter(|_| *depth == Depth::Null) {
        // Asked for by its own name, and not there.
        if EntryName::new(wanted).is_some_and(|name| metadata.get(&name).is_none())
            && !told.iter().any(|(name, _)| name == wanted)
        {
            told.push((wanted, None));
        }
    }
    (told, too_long)
}

fn is_within(name: &str, wanted: &str, depth: &Depth) -> bool {
    let Some(below) = name.strip_prefix(wanted) else {
        return false;
    };
    below.is_empty()
        || below.starts_with('/')
            && match depth {
                Depth::Null => false,
                Depth::One => !below[1..].contains('/'),
                Depth::Infinity => true,
            }
}
