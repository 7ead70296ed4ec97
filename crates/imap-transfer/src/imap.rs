//! Another IMAP server, whose mail is read.

use std::collections::{HashMap, HashSet};

use async_imap::imap_proto::rfc4314::Acl as ServersAcl;
use async_imap::imap_proto::{
    AttributeValue, MailboxDatum, NameAttribute, Response, ResponseCode, StatusAttribute,
};
use bytes::Bytes;
use chrono::{DateTime, FixedOffset};
use imap_backend::{Acl, AclChange, Append, Grantable, Identifier, MailboxName, Rights, SpecialUse, mutf7};
use imap_updates::{Flag, Flags, Keyword};

use self::connection::Connection;
use self::message::{ServersMessage, body};
use crate::message::Item;
use crate::progress::Unit;
use crate::source::{Intake, Source};
use crate::target::Target;
use crate::{Failure, Folder, acl};

mod connection;
mod message;
mod starttls;
mod stream;
#[cfg(test)]
mod tests;

pub use stream::Tls;

/// So many octets of messages are asked for at once. A larger message comes in pieces of this size.
const AT_ONCE: u64 = 1 << 20;

/// So many messages are asked for at once.
const MESSAGES_AT_ONCE: usize = 200;

/// The mail of a user of another server. Nothing is changed there: mailboxes are opened by EXAMINE, messages read by BODY.PEEK.
#[derive(Debug)]
pub struct ImapServer {
    connection: Connection,
    login: String,
    /// What is taken away from the beginning of names.
    prefix: String,
    /// What is not read.
    except: Vec<String>,
    delimiter: char,
    /// The names as the server says them, between quotes.
    quoted: HashMap<MailboxName, String>,
}

/// What is known of a message before it is read.
struct Known {
    uid: u32,
    size: u64,
    append: Append,
    item: Item,
}

impl ImapServer {
    /// Connects and logs in.
    ///
    /// # Errors
    /// The server cannot be reached, its certificate is not trusted, or it refuses.
    pub async fn log_in(
        (host, port): (&str, u16),
        tls: Tls,
        login: &str,
        password: &str,
    ) -> Result<Self, Failure> {
        let failed = |failure: Failure| format!("{host}:{port}: {failure}");
        let connection = Connection::open(host, port, tls, login, password);
        Ok(Self {
            connection: connection.await.map_err(failed)?,
            login: login.to_owned(),
            prefix: String::new(),
            except: Vec::new(),
            delimiter: '/',
            quoted: HashMap::new(),
        })
    }

    /// Takes this away from the beginning of names that have it, and reads nothing of these mailboxes.
    #[must_use]
    pub fn with_names(self, prefix: &str, except: &[String]) -> Self {
        Self {
            prefix: prefix.to_owned(),
            except: except.to_vec(),
            ..self
        }
    }

    /// The name that people know a mailbox by, of the one between quotes.
    fn name(&self, quoted: &str) -> Option<MailboxName> {
        let plain = connection::without_escapes(quoted);
        let name = mutf7::decode(plain.as_bytes()).unwrap_or(plain);
        let name = name
            .strip_prefix(&self.prefix)
            .filter(|rest| !rest.is_empty())
            .unwrap_or(&name);
        MailboxName::new(name).map(|name| name.canonical(self.delimiter))
    }

    /// The names that LIST or LSUB answers, between quotes, with what is said of them.
    async fn names(&mut self, command: &str) -> Result<Vec<(String, bool, SpecialUse)>, Failure> {
        let (mut names, mut delimiter) = (Vec::new(), None);
        let answer = self.connection.command(command, |response| {
            if let Response::MailboxData(MailboxDatum::List(entry)) = response {
                delimiter = delimiter.or(entry
                    .delimiter
                    .as_deref()
                    .and_then(|text| text.chars().next_back()));
                let has = |wanted: &NameAttribute<'_>| entry.name_attributes.contains(wanted);
                let other = |attribute: &NameAttribute<'_>| match attribute {
                    NameAttribute::Extension(text) => text.eq_ignore_ascii_case("\\NonExistent"),
                    _ => false,
                };
                let is_there = !has(&NameAttribute::NoSelect) && !entry.name_attributes.iter().any(other);
                let uses = entry.name_attributes.iter().filter_map(special_use);
                let uses = uses.fold(SpecialUse::none(), SpecialUse::and);
                names.push((connection::quoted(&entry.name), is_there, uses));
            }
        });
        answer
            .await?
            .map_err(|why| format!("it lists no mailboxes: {why}"))?;
        self.delimiter = delimiter.unwrap_or(self.delimiter);
        Ok(names)
    }

    async fn messages(&mut self, quoted: &str) -> Result<u64, Failure> {
        let mut messages = 0;
        let command = format!("STATUS \"{quoted}\" (MESSAGES)");
        let answer = self.connection.command(&command, |response| {
            if let Response::MailboxData(MailboxDatum::Status { status, .. }) = response {
                for attribute in status {
                    if let StatusAttribute::Messages(number) = attribute {
                        messages = u64::from(*number);
                    }
                }
            }
        });
        // What cannot be opened is told of when it is to be read.
        let _ = answer.await?;
        Ok(messages)
    }

    /// The ACL of a mailbox, where the server tells this user.
    async fn acl(&mut self, quoted: &str) -> Result<Option<Acl>, Failure> {
        if !self.connection.has("ACL") {
            return Ok(None);
        }
        let mut found = None;
        let command = format!("GETACL \"{quoted}\"");
        let answer = self.connection.command(&command, |response| {
            if let Response::Acl(acl) = response {
                found = entries(acl).ok();
            }
        });
        let told = answer.await?.is_ok();
        let found = found.filter(|_| told);
        Ok(found
            .map(|acl| acl::without_made_up(&acl, &self.login))
            .transpose()?)
    }

    /// Opens a mailbox; gives what is known of its messages, ascending, or why it cannot be opened.
    async fn known(&mut self, quoted: &str) -> Result<Result<Vec<Known>, String>, Failure> {
        let (mut exists, mut validity) = (0, 0);
        let command = format!("EXAMINE \"{quoted}\"");
        let answer = self.connection.command(&command, |response| match response {
            Response::MailboxData(MailboxDatum::Exists(number)) => exists = *number,
            Response::Data { outcome, .. } => {
                if let Some(ResponseCode::UidValidity(number)) = outcome.code {
                    validity = number;
                }
            }
            _ => {}
        });
        if let Err(why) = answer.await? {
            return Ok(Err(why));
        }
        if validity == 0 {
            return Ok(Err(
                "it has no UIDVALIDITY: no message could be known again".to_owned()
            ));
        }
        let mut all: Vec<Known> = Vec::new();
        if exists > 0 {
            let fetch = "UID FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE)";
            let answer = self.connection.command(fetch, |response| {
                if let Response::Fetch(_, attributes) = response {
                    all.extend(known(validity, attributes));
                }
            });
            if let Err(why) = answer.await? {
                return Ok(Err(why));
            }
        }
        all.sort_by_key(|known| known.uid);
        all.dedup_by_key(|known| known.uid);
        Ok(Ok(all))
    }

    /// The octets of messages that are small enough to be asked for together.
    async fn bodies(&mut self, known: &[Known]) -> Result<HashMap<u32, Bytes>, Failure> {
        let mut bodies = HashMap::new();
        if known.iter().any(|known| known.size > AT_ONCE) {
            return Ok(bodies);
        }
        let uids: Vec<String> = known.iter().map(|known| known.uid.to_string()).collect();
        let command = format!("UID FETCH {} (UID BODY.PEEK[])", uids.join(","));
        let answer = self.connection.command(&command, |response| {
            if let Response::Fetch(_, attributes) = response {
                bodies.extend(body(attributes).and_then(|(uid, octets)| Some((uid, octets?))));
            }
        });
        // Of those that it has not given, each is asked for by itself.
        let _ = answer.await?;
        Ok(bodies)
    }
}

impl Source for ImapServer {
    fn delimiter(&self) -> char {
        self.delimiter
    }

    fn unit(&self) -> Unit {
        Unit::Messages
    }

    async fn folders(&mut self) -> Result<Vec<Folder>, Failure> {
        let list = match self.connection.has("SPECIAL-USE") && self.connection.has("LIST-EXTENDED") {
            true => "LIST \"\" \"*\" RETURN (SPECIAL-USE)",
            false => "LIST \"\" \"*\"",
        };
        let all = self.names(list).await?;
        let subscribed = self.names("LSUB \"\" \"*\"").await?;
        let subscribed: HashSet<String> = subscribed.into_iter().map(|(quoted, ..)| quoted).collect();
        let mut folders = Vec::new();
        for (quoted, is_there, special_use) in all {
            let Some(name) = self.name(&quoted).filter(|_| is_there) else {
                continue;
            };
            if self.except.iter().any(|except| except == name.as_str()) {
                continue;
            }
            folders.push(Folder {
                subscribed: subscribed.contains(&quoted),
                special_use,
                acl: self.acl(&quoted).await?,
                ..Folder::new(name.clone(), self.messages(&quoted).await?)
            });
            self.quoted.insert(name, quoted);
        }
        Ok(folders)
    }

    async fn read<T: Target>(&mut self, folder: &Folder, into: &mut Intake<'_, T>) -> Result<(), Failure> {
        let Some(quoted) = self.quoted.get(&folder.name).cloned() else {
            return Ok(());
        };
        let mut wanted = match self.known(&quoted).await? {
            Ok(known) => known,
            Err(why) => {
                into.leave_out_all(&why);
                return Ok(());
            }
        };
        wanted.retain(|known| !into.has(&known.item));
        let mut rest = &wanted[..];
        while !rest.is_empty() {
            let (together, after) = rest.split_at(fitting(rest));
            let mut bodies = self.bodies(together).await?;
            for known in together {
                let held = bodies.remove(&known.uid);
                let mut message = ServersMessage::new(&mut self.connection, known.uid, &known.append, held);
                into.take(&known.item, &mut message).await?;
            }
            rest = after;
        }
        Ok(())
    }
}

impl ImapServer {
    /// Ends the connection in good order.
    pub async fn log_out(mut self) {
        // All has been read; what the server says to that does not matter.
        let _ = self.connection.command("LOGOUT", |_| {}).await;
    }
}

/// How many of these messages, at least one, are asked for together.
fn fitting(known: &[Known]) -> usize {
    let mut octets = 0;
    let fits = |known: &&Known| {
        octets += known.size;
        octets <= AT_ONCE
    };
    known
        .iter()
        .take(MESSAGES_AT_ONCE)
        .take_while(fits)
        .count()
        .max(1)
}

/// What a FETCH says of a message, unless it is about something else.
fn known(uid_validity: u32, attributes: &[AttributeValue<'_>]) -> Option<Known> {
    let (mut uid, mut size, mut date, mut flags) = (None, None, None, Flags::empty());
    for attribute in attributes {
        match attribute {
            AttributeValue::Uid(number) => uid = Some(*number),
            AttributeValue::Rfc822Size(octets) => size = Some(u64::from(*octets)),
            AttributeValue::InternalDate(text) => date = internal_date(text),
            AttributeValue::Flags(texts) => flags = texts.iter().filter_map(|text| flag(text)).collect(),
            _ => {}
        }
    }
    let (uid, size) = (uid?, size?);
    let seconds = date.map_or(0, |date| date.timestamp());
    let append = Append::new(flags);
    Some(Known {
        uid,
        size,
        append: match date {
            Some(date) => append.with_internal_date(date),
            None => append,
        },
        item: Item {
            name: format!("imap {uid_validity} {uid} {size} {seconds}"),
            shown: format!("the message with UID {uid}"),
            date,
            size: Some(size),
            amount: 1,
        },
    })
}

fn internal_date(text: &str) -> Option<DateTime<FixedOffset>> {
    DateTime::parse_from_str(text.trim(), "%d-%b-%Y %H:%M:%S %z").ok()
}

/// A flag that can be stored: not `\Recent`, and nothing else that begins with a backslash.
fn flag(text: &str) -> Option<Flag> {
    const SYSTEM: [(&str, Flag); 5] = [
        ("\\Answered", Flag::Answered),
        ("\\Flagged", Flag::Flagged),
        ("\\Deleted", Flag::Deleted),
        ("\\Seen", Flag::Seen),
        ("\\Draft", Flag::Draft),
    ];
    let system = SYSTEM.iter().find(|(name, _)| name.eq_ignore_ascii_case(text));
    match system {
        Some((_, flag)) => Some(flag.clone()),
        None => Keyword::new(text).ok().map(Flag::Keyword),
    }
}

fn special_use(attribute: &NameAttribute<'_>) -> Option<SpecialUse> {
    let text = match attribute {
        NameAttribute::All => "\\All",
        NameAttribute::Archive => "\\Archive",
        NameAttribute::Drafts => "\\Drafts",
        NameAttribute::Flagged => "\\Flagged",
        NameAttribute::Junk => "\\Junk",
        NameAttribute::Sent => "\\Sent",
        NameAttribute::Trash => "\\Trash",
        _ => return None,
    };
    SpecialUse::of_attribute(text)
}

/// The entries of an ACL, without identifiers that cannot be any.
fn entries(acl: &ServersAcl<'_>) -> Result<Acl, imap_backend::Error> {
    let mut entries = Acl::default();
    for entry in &acl.acls {
        let letters: String = entry.rights.iter().map(|right| char::from(*right)).collect();
        if let Some(identifier) = Identifier::new(&entry.identifier) {
            let rights = AclChange::Replace(Rights::of_letters(&letters));
            entries.change(&identifier, rights, &Grantable::each())?;
        }
    }
    Ok(entries)
}
