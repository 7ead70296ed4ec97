//! The parts of a message that are named by a URL (RFC 4469, section 3).

use std::ops::Range;

use imap_backend::{Body, Error, ErrorKind, Mailbox as _, MailboxName, Need, Select, Session};
use imap_seq::{Number as _, Uid, UidValidity};
use imap_updates::{Access, UpdateBuffer};

use super::fetch::{self, Partial, Piece};
use crate::completion::Completion;
use crate::rights::{self, Deed};
use crate::syntax::url::MessageUrl;

/// Reads what URLs name, through a session of its own: the client's is storing the message meanwhile.
pub(super) struct Urls<S: Session> {
    pub(super) session: S,
    delimiter: char,
    /// The selected mailbox, which URLs without a mailbox are about.
    selected: Option<MailboxName>,
    /// The mailbox that was read last: the parts of a message are mostly of one.
    open: Option<OpenMailbox<S::Mailbox>>,
}

struct OpenMailbox<M> {
    name: MailboxName,
    uid_validity: UidValidity,
    mailbox: M,
    /// The mailbox is open as long as it is there.
    _updates: UpdateBuffer,
}

impl<S: Session> Urls<S> {
    pub(super) fn new(session: S, delimiter: char, selected: Option<MailboxName>) -> Self {
        Self {
            session,
            delimiter,
            selected,
            open: None,
        }
    }

    /// The octets that a URL names, as BODY.PEEK would answer them.
    ///
    /// # Errors
    /// NO with BADURL where it names none.
    pub(super) async fn open(&mut self, url: &[u8]) -> Result<(Body, Range<u64>), Completion> {
        match self.named(url).await {
            Ok(Some(named)) => Ok(named),
            Ok(None) => Err(bad_url(url)),
            Err(error) if names_nothing(&error) => Err(bad_url(url)),
            Err(error) => Err(error.into()),
        }
    }

    async fn named(&mut self, url: &[u8]) -> Result<Option<(Body, Range<u64>)>, Error> {
        match MessageUrl::read(url) {
            Some(url) => self.read(&url).await,
            None => Ok(None),
        }
    }

    /// The octets of a message of this session's user; `None` where the URL names none.
    async fn read(&mut self, url: &MessageUrl) -> Result<Option<(Body, Range<u64>)>, Error> {
        match self.find(url, Need::FLAGS).await? {
            Some(piece) => piece.octets().await,
            None => Ok(None),
        }
    }

    /// A message of this session's user, of which so much will be looked at beside the octets that the URL names; `None` where
    /// it names none.
    ///
    /// # Errors
    /// The store cannot be read.
    pub(super) async fn find(&mut self, url: &MessageUrl, need: Need) -> Result<Option<Piece>, Error> {
        let name = match &url.mailbox {
            Some(_) => url.mailbox_name(self.delimiter),
            None => self.selected.clone(),
        };
        let (Some(name), Some(section)) = (name, fetch::section(&url.section)) else {
            return Ok(None);
        };
        let open = self.mailbox(name).await?;
        let expected = url.uid_validity.map(|number| number.get());
        if expected.is_some_and(|expected| expected != open.uid_validity.get()) {
            return Ok(None);
        }
        let Some(uid) = Uid::from_plain(url.uid.get()) else {
            return Ok(None);
        };
        let partial = url.partial.map(|(origin, octets)| Partial {
            origin,
            octets: octets.map_or(u64::MAX, |octets| octets.get()),
        });
        Piece::find(&mut open.mailbox, uid, (section, partial), need).await
    }

    async fn mailbox(&mut self, name: MailboxName) -> Result<&mut OpenMailbox<S::Mailbox>, Error> {
        if let Some(other) = self.open.take_if(|open| open.name != name) {
            other.mailbox.close().await?;
        }
        if self.open.is_none() {
            rights::permit(&mut self.session, Deed::Read, &name).await?;
            let opened = self.session.select(&name, &Select::new(Access::ReadOnly)).await?;
            let uid_validity = opened.uid_validity();
            let (mailbox, updates) = opened.into_parts();
            self.open = Some(OpenMailbox {
                name,
                uid_validity,
                mailbox,
                _updates: updates,
            });
        }
        self.open.as_mut().ok_or_else(|| ErrorKind::ServerBug.into())
    }
}

/// Whether an error says that a URL names nothing that its reader may have.
pub(super) fn names_nothing(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::NonExistent | ErrorKind::Cannot | ErrorKind::NoPermission | ErrorKind::ExpungeIssued
    )
}

/// NO with the URL, in quotes as in the examples of RFC 4469. What cannot stand in a response code is escaped as URLs
/// escape it.
pub(super) fn bad_url(url: &[u8]) -> Completion {
    const LONGEST: usize = 1024;
    let mut code = "BADURL \"".to_owned();
    for &octet in url.iter().take(LONGEST) {
        match octet {
            b'!'..=b'~' if !b"\"\\]".contains(&octet) => code.push(char::from(octet)),
            _ => code.push_str(&format!("%{octet:02X}")),
        }
    }
    code.push('"');
    Completion::no(code, "the URL names no message of this server")
}
