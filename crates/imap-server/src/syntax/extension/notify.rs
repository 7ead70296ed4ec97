//! NOTIFY (RFC 5465, section 8).

use imap_codec::CommandCodec;
use imap_codec::decode::Decoder;
use imap_codec::imap_types::IntoStatic;
use imap_codec::imap_types::command::CommandBody;
use imap_codec::imap_types::fetch::MacroOrMessageDataItemNames;

use super::super::filter::Filter;
use super::super::reader::Reader;
use super::super::reader_fault::Fault;
use super::Extension;
use super::fetch::{Extras, cut_items};

/// What a client wants to hear of all the time.
#[derive(Debug)]
pub(crate) enum Notify {
    /// NONE: as before the first NOTIFY.
    None,
    Set {
        /// STATUS of every mailbox that is watched is due before the tagged line.
        tells_status: bool,
        groups: Vec<Group>,
    },
}

/// Some mailboxes, and the events that are told of them.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) filter: Filter,
    pub(crate) events: Events,
}

/// Which events (RFC 5465, section 5).
#[derive(Debug, Clone, PartialEq, Default)]
#[allow(clippy::struct_excessive_bools, reason = "each event is asked for by itself")]
pub(crate) struct Events {
    pub(crate) message_new: bool,
    /// What a row about a new message has; nothing where no row is wanted.
    pub(crate) items: Option<NewMessageItems>,
    pub(crate) message_expunge: bool,
    pub(crate) flag_change: bool,
    pub(crate) mailbox_name: bool,
    pub(crate) subscription_change: bool,
    pub(crate) mailbox_metadata_change: bool,
    pub(crate) server_metadata_change: bool,
    /// An event that this server does not know, or does not offer.
    pub(crate) unknown: bool,
}

/// FETCH items in MessageNew, and in the RETURN option UPDATE (RFC 5465, section 7).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NewMessageItems {
    pub(crate) items: MacroOrMessageDataItemNames<'static>,
    pub(crate) extras: Extras,
}

pub(super) fn read(reader: &mut Reader<'_>) -> Option<Result<Extension, Fault>> {
    Some(arguments(reader).map(Extension::Notify))
}

fn arguments(reader: &mut Reader<'_>) -> Result<Notify, Fault> {
    reader.due(b' ')?;
    if is_word(reader, "NONE") {
        reader.atom()?;
        return Ok(Notify::None);
    }
    if !is_word(reader, "SET") {
        return Err(reader.unexpected());
    }
    reader.atom()?;
    reader.due(b' ')?;
    let tells_status = is_word(reader, "STATUS");
    if tells_status {
        reader.atom()?;
        reader.due(b' ')?;
    }
    let mut groups = vec![group(reader)?];
    while reader.eat(b' ').is_some() {
        groups.push(group(reader)?);
    }
    Ok(Notify::Set { tells_status, groups })
}

fn is_word(reader: &Reader<'_>, word: &str) -> bool {
    reader.next_atom().eq_ignore_ascii_case(word.as_bytes())
}

fn group(reader: &mut Reader<'_>) -> Result<Group, Fault> {
    reader.due(b'(')?;
    let filter = Filter::read(reader)?;
    reader.due(b' ')?;
    let begin = reader.at();
    let events = events(reader)?;
    reader.due(b')')?;
    let fault = |why| Err(Fault::syntax(begin, why));
    if events.message_new != events.message_expunge {
        return fault("MessageNew and MessageExpunge go together");
    }
    if events.flag_change && !events.message_new {
        return fault("FlagChange needs MessageNew and MessageExpunge");
    }
    let of_mailboxes = events.mailbox_name
        || events.subscription_change
        || events.mailbox_metadata_change
        || events.server_metadata_change;
    match filter.is_about_the_selected_mailbox() {
        true if of_mailboxes => fault("only message events go with SELECTED"),
        false if events.items.is_some() => fault("FETCH items go with SELECTED only"),
        _ => Ok(Group { filter, events }),
    }
}

fn events(reader: &mut Reader<'_>) -> Result<Events, Fault> {
    let mut events = Events::default();
    if is_word(reader, "NONE") {
        reader.atom()?;
        return Ok(events);
    }
    // The example of RFC 5465, section 3.1 has events without parentheses, and servers take them.
    let in_parentheses = reader.eat(b'(').is_some();
    loop {
        event(reader, &mut events)?;
        if reader.eat(b' ').is_none() {
            break;
        }
    }
    if in_parentheses {
        reader.due(b')')?;
    }
    Ok(events)
}

fn event(reader: &mut Reader<'_>, events: &mut Events) -> Result<(), Fault> {
    match reader.atom()?.to_ascii_lowercase().as_str() {
        "messagenew" => {
            events.message_new = true;
            if reader.rest().starts_with(b" (") {
                reader.due(b' ')?;
                events.items = Some(NewMessageItems::read(reader)?);
            }
        }
        "messageexpunge" => events.message_expunge = true,
        "flagchange" => events.flag_change = true,
        "mailboxname" => events.mailbox_name = true,
        "subscriptionchange" => events.subscription_change = true,
        "mailboxmetadatachange" => events.mailbox_metadata_change = true,
        "servermetadatachange" => events.server_metadata_change = true,
        _ => events.unknown = true,
    }
    Ok(())
}

impl NewMessageItems {
    /// The items of a FETCH in parentheses: what the codec knows of them it reads.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, Fault> {
        let mut extras = Extras::default();
        let mut command = b"x FETCH 1 ".to_vec();
        let end = cut_items(reader.command(), reader.at(), &mut command, &mut extras);
        let Some(end) = end else {
            return Err(Fault::Ends {
                at: reader.command().len(),
            });
        };
        command.extend_from_slice(b"\r\n");
        let decoded = CommandCodec::default()
            .decode(&command)
            .map(|(_, command)| command.body);
        let Ok(CommandBody::Fetch {
            macro_or_item_names: items,
            ..
        }) = decoded
        else {
            return Err(reader.unexpected());
        };
        if extras.items.is_empty() && items == MacroOrMessageDataItemNames::MessageDataItemNames(Vec::new()) {
            return Err(reader.unexpected());
        }
        reader.go_to(end);
        Ok(Self {
            items: items.into_static(),
            extras,
        })
    }

    /// These and others, each once.
    pub(crate) fn with(&self, others: &Self) -> Self {
        let mut names = Vec::new();
        for items in [&self.items, &others.items] {
            let more = match items {
                MacroOrMessageDataItemNames::Macro(short) => {
                    short.expand().into_iter().map(IntoStatic::into_static).collect()
                }
                MacroOrMessageDataItemNames::MessageDataItemNames(names) => names.clone(),
            };
            for name in more {
                if !names.contains(&name) {
                    names.push(name);
                }
            }
        }
        let mut extras = self.extras.clone();
        for item in &others.extras.items {
            if !extras.items.contains(item) {
                extras.items.push(*item);
            }
        }
        Self {
            items: MacroOrMessageDataItemNames::MessageDataItemNames(names),
            extras,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn groups(text: &str) -> Vec<Group> {
        match arguments(&mut Reader::new(text.as_bytes(), 0)).unwrap() {
            Notify::Set { groups, .. } => groups,
            Notify::None => Vec::new(),
        }
    }

    #[test]
    fn the_examples_of_rfc_5465_are_read() {
        let read = groups(
            " set status (selected MessageNew (uid body.peek[header.fields (from to subject)]) MessageExpunge) (subtree Lists (MessageNew MessageExpunge))",
        );
        assert_eq!(read[0].filter, Filter::Selected);
        assert!(read[0].events.items.is_some() && read[0].events.message_expunge);
        assert_eq!(read[1].filter, Filter::Subtree(vec![b"Lists".to_vec()]));
        let read = groups(
            " set (mailboxes (INBOX \"a b\") (Messagenew messageExpunge)) (personal (SubscriptionChange))",
        );
        assert_eq!(
            read[0].filter,
            Filter::Mailboxes(vec![b"INBOX".to_vec(), b"a b".to_vec()])
        );
        assert!(read[1].events.subscription_change && !read[1].events.mailbox_name);
        assert!(groups(" NONE").is_empty());
    }

    #[test]
    fn events_that_do_not_go_together_are_refused() {
        for text in [
            " set (selected (MessageNew))",
            " set (selected (FlagChange))",
            " set (selected (MailboxName))",
            " set (selected (MailboxMetadataChange))",
            " set (selected-delayed (ServerMetadataChange))",
            " set (personal (MessageNew (uid) MessageExpunge))",
            " set (nowhere (MailboxName))",
            " set ()",
            " set",
            " sometimes",
        ] {
            assert!(arguments(&mut Reader::new(text.as_bytes(), 0)).is_err(), "{text}");
        }
    }
}
