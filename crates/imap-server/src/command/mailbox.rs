//! Mailboxes as a whole: CREATE, DELETE, RENAME, SUBSCRIBE, UNSUBSCRIBE (RFC 9051, section 6.3).

use imap_backend::{Ability, Backend, Create, Error, ErrorKind, MailboxName, Session, Subscription};
use imap_codec::imap_types::mailbox::Mailbox;

use crate::client::Client;
use crate::completion::{Answer, Completion};
use crate::convert::{self, Naming};
use crate::rights::{self, Deed};
use crate::state::State;
use crate::syntax::extension;
use crate::wire::{self, NameForm};

impl<B: Backend> Client<B> {
    pub(crate) async fn create(&mut self, mailbox: &Mailbox<'_>) -> Answer {
        let naming = self.naming()?;
        let name = convert::new_mailbox_name(mailbox, naming)?;
        self.create_as(&name, &Create::default()).await
    }

    /// CREATE for a special use (RFC 6154, section 3).
    pub(crate) async fn create_for_use(&mut self, create: &extension::Create) -> Answer {
        let naming = self.naming()?;
        if !self.abilities().has(Ability::CreateSpecialUse) {
            return Err(Completion::bad("CREATE: parameters are not supported").into());
        }
        let name = naming.name(&create.mailbox);
        let name = name.ok_or_else(|| Completion::no("CANNOT", convert::IMPOSSIBLE_NAME))?;
        let special_use = create.special_use.ok_or(ErrorKind::UseNotSupported);
        let how = Create::default().with_special_use(special_use.map_err(Error::from)?);
        self.create_as(&name, &how).await
    }

    async fn create_as(&mut self, name: &MailboxName, how: &Create) -> Answer {
        let name = creatable(name, self.naming()?)?;
        let session = self.state.session()?;
        rights::permit_new(session, &name).await?;
        let created = session.create(&name, how).await?;
        if let Some(watching) = &mut self.watching {
            watching.note_created(&name);
        }
        let completed = Completion::ok("CREATE completed");
        Ok(match created.mailbox_id() {
            Some(id) if self.abilities().has(Ability::ObjectId) => {
                completed.with_code(format!("MAILBOXID ({id})"))
            }
            _ => completed,
        })
    }

    pub(crate) async fn delete(&mut self, mailbox: &Mailbox<'_>) -> Answer {
        let name = convert::mailbox_name(mailbox, self.naming()?)?;
        if name.is_inbox() {
            return Err(Completion::no("CANNOT", "INBOX cannot be deleted").into());
        }
        let session = self.state.session()?;
        rights::permit(session, Deed::Delete, &name).await?;
        session.delete(&name).await?;
        if let Some(watching) = &mut self.watching {
            watching.note_deleted(&name);
        }
        // A client that deletes what it has selected knows; only the others are thrown out.
        if matches!(&self.state, State::Selected(_, selected) if selected.name == name) {
            self.leave().await;
            wire::untagged_ok(
                self.channel.io.out(),
                "CLOSED",
                "the selected mailbox was deleted",
            );
        }
        Ok(Completion::ok("DELETE completed"))
    }

    pub(crate) async fn rename(&mut self, from: &Mailbox<'_>, to: &Mailbox<'_>) -> Answer {
        let naming = self.naming()?;
        let from = convert::mailbox_name(from, naming)?;
        let to = creatable(&convert::new_mailbox_name(to, naming)?, naming)?;
        let session = self.state.session()?;
        rights::permit(session, Deed::Rename, &from).await?;
        rights::permit_new(session, &to).await?;
        let renames = &self.server.renames;
        let under_way = renames.begin(&self.user, (from.clone(), to.clone()));
        session.rename(&from, &to).await?;
        under_way.done();
        if let Some(watching) = &mut self.watching {
            watching.note_renamed(&from, &to, naming.delimiter);
        }
        Ok(Completion::ok("RENAME completed"))
    }

    pub(crate) async fn subscribe(&mut self, mailbox: &Mailbox<'_>) -> Answer {
        let name = subscribable(mailbox, self.naming()?)?;
        self.state.session()?.subscribe(&name).await?;
        self.note_subscription(&name, Subscription::Subscribed);
        Ok(Completion::ok("SUBSCRIBE completed"))
    }

    pub(crate) async fn unsubscribe(&mut self, mailbox: &Mailbox<'_>) -> Answer {
        let name = subscribable(mailbox, self.naming()?)?;
        self.state.session()?.unsubscribe(&name).await?;
        self.note_subscription(&name, Subscription::NotSubscribed);
        Ok(Completion::ok("UNSUBSCRIBE completed"))
    }

    fn note_subscription(&mut self, name: &MailboxName, subscription: Subscription) {
        if let Some(watching) = &mut self.watching {
            watching.note_subscription(name, subscription);
        }
    }
}

/// A name for a new mailbox.
fn creatable(name: &MailboxName, naming: Naming) -> Result<MailboxName, Completion> {
    if naming.form == NameForm::Utf8 && !is_net_unicode(name) {
        let text = "the name is not in Unicode Normalization Form C, or has a separator of lines";
        return Err(Completion::no("CANNOT", text));
    }
    match in_levels(name, naming.delimiter) {
        Some(name) if name.is_inbox() => Err(Completion::no("ALREADYEXISTS", "INBOX exists already")),
        Some(name) => Ok(name),
        None => Err(Completion::no("CANNOT", convert::IMPOSSIBLE_NAME)),
    }
}

/// Whether a name may be written in UTF-8 (RFC 9051, section 5.1; RFC 6855, section 3). No name has control characters.
fn is_net_unicode(name: &MailboxName) -> bool {
    let text = name.as_str();
    unicode_normalization::is_nfc(text) && !text.contains(['\u{2028}', '\u{2029}'])
}

/// A name to subscribe: one that CREATE would take, so that it is the name that LIST shows.
fn subscribable(mailbox: &Mailbox<'_>, naming: Naming) -> Result<MailboxName, Completion> {
    in_levels(&convert::mailbox_name(mailbox, naming)?, naming.delimiter)
        .ok_or_else(|| Completion::no("NONEXISTENT", convert::IMPOSSIBLE_NAME))
}

/// The name without the delimiter that may end it (RFC 9051, section 6.3.4); `None` where a level of it is empty.
fn in_levels(name: &MailboxName, delimiter: char) -> Option<MailboxName> {
    let text = name.as_str();
    let text = text.strip_suffix(delimiter).unwrap_or(text);
    let has_levels = text.split(delimiter).all(|level| !level.is_empty());
    MailboxName::new(text).filter(|_| has_levels)
}
