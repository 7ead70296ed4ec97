//! The authenticated state: what a user does with mailboxes as a whole.

use imap_seq::Uid;
use imap_updates::{Flag, Flags};

use crate::ability::Abilities;
use crate::acl::{Acl, AclChange, Grantable, Identifier};
use crate::append::{Append, Appended, AppendedAll, MessageSource, Messages};
use crate::create::{Create, Created};
use crate::error::{Error, ErrorKind};
use crate::list::{ListEntry, ListQuery};
use crate::mailbox::{Mailbox, unsupported};
use crate::metadata::{Metadata, MetadataChange};
use crate::name::MailboxName;
use crate::quota::Quota;
use crate::record::Need;
use crate::rights::Rights;
use crate::select::{Opened, Select};
use crate::status::{self, Status, StatusQuery};
use crate::store::{FlagAction, FlagChange};
use crate::url_key::UrlKey;

/// One logged-in connection of a user.
///
/// Methods with a default are optional; the smallest session implements [`list`](Self::list),
/// [`select`](Self::select) and [`append`](Self::append).
///
/// A default is always right, and only slower than what a store could do itself. An operation without a right default
/// answers [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported).
///
/// Names come in and go out in one spelling, that of [`MailboxName::canonical`].
pub trait Session: Send + 'static {
    /// A selected mailbox.
    type Mailbox: Mailbox;

    /// What the backend can do for this user: CAPABILITY lists it after login.
    ///
    /// The default is what the defaults of the traits can do.
    fn abilities(&self) -> Abilities {
        Abilities::default()
    }

    /// The character between the parts of a mailbox name (RFC 9051, section 5.1.1), the same for the whole session.
    ///
    /// The default is `/`.
    fn delimiter(&self) -> char {
        '/'
    }

    /// The names that the query asks for, in any order; more of them is allowed. The server matches patterns, leaves out
    /// what was not asked for, and finds out who has children: for the latter an answer that is narrowed by patterns
    /// includes the inferiors of the names in it, or at least one of each.
    ///
    /// # Errors
    /// The store cannot be read.
    fn list(&mut self, query: &ListQuery) -> impl Future<Output = Result<Vec<ListEntry>, Error>> + Send;

    /// Opens a mailbox: SELECT and EXAMINE (RFC 9051, sections 6.3.2 and 6.3.3).
    ///
    /// What [`Opened`] says about the mailbox and its subscription must be one moment's truth:
    /// [`MailboxHub::subscribe_with`](imap_updates::MailboxHub::subscribe_with) takes both at once, and
    /// [`LogHub::select`](imap_updates::LogHub::select) gives both at once, after the hub has
    /// [caught up](imap_updates::LogHub::catch_up).
    ///
    /// While one mailbox of the session is selected, the server opens others read-only, one at a time and not for long:
    /// for a search of several mailboxes (RFC 7377), as the default of [`status`](Self::status) does.
    ///
    /// # Errors
    /// [`ErrorKind::NonExistent`](crate::ErrorKind::NonExistent) and whatever keeps the mailbox from being opened.
    fn select(
        &mut self,
        name: &MailboxName,
        how: &Select,
    ) -> impl Future<Output = Result<Opened<Self::Mailbox>, Error>> + Send;

    /// Adds a message at the end of a mailbox (RFC 9051, section 6.3.12). When this returns, the message must
    /// survive the end of the process and a loss of power.
    ///
    /// # Errors
    /// [`ErrorKind::TryCreate`](crate::ErrorKind::TryCreate) where the mailbox does not exist; quota, size,
    /// permission. Check what can be checked before reading from `message`.
    fn append(
        &mut self,
        name: &MailboxName,
        append: &Append,
        message: impl MessageSource,
    ) -> impl Future<Output = Result<Appended, Error>> + Send;

    /// Adds messages at the end of a mailbox, all or none: MULTIAPPEND (RFC 3502). Nobody may see one of them before the
    /// last has arrived whole, and after an error there is none. With [`Ability::MultiAppend`](crate::Ability::MultiAppend),
    /// the server stores a single message this way too.
    ///
    /// There is no right default.
    ///
    /// # Errors
    /// As [`append`](Self::append).
    fn append_all(
        &mut self,
        name: &MailboxName,
        messages: impl Messages,
    ) -> impl Future<Output = Result<AppendedAll, Error>> + Send {
        let _ = (name, messages);
        async { Err(unsupported()) }
    }

    /// Adds a message at the end of the mailbox `name`, and removes the message `replaced` from the selected mailbox for
    /// good, whatever flags it has: REPLACE (RFC 8508). The two mailboxes may be one.
    ///
    /// The default appends, marks `\Deleted` and expunges: right wherever nobody interferes between these steps, and if it
    /// ends between them there are both messages.
    ///
    /// # Errors
    /// As [`append`](Self::append); [`ErrorKind::ExpungeIssued`] where the message to be replaced is gone. Nothing is added
    /// then.
    fn replace(
        &mut self,
        selected: &mut Self::Mailbox,
        replaced: Uid,
        name: &MailboxName,
        append: &Append,
        message: impl MessageSource,
    ) -> impl Future<Output = Result<Appended, Error>> + Send {
        async move {
            let found = selected.fetch(&[replaced], Need::FLAGS).await?;
            if found.into_records().next().is_none() {
                return Err(ErrorKind::ExpungeIssued.into());
            }
            let appended = self.append(name, append, message).await?;
            let replaced = [replaced].into_iter().collect();
            let delete = FlagChange::new(FlagAction::Add, Flags::from_iter([Flag::Deleted]));
            selected.store(&replaced, &delete).await?;
            selected.expunge(&replaced).await?;
            Ok(appended)
        }
    }

    /// A second session of the same user, through which the server reads what the parts of a message name while this one
    /// stores the message: CATENATE (RFC 4469). Where sessions are a handle, it is a clone. With
    /// [`Ability::Catenate`](crate::Ability::Catenate) it is always there.
    ///
    /// Of several messages in one APPEND each may name others, so that it is asked for before the first is stored, whether
    /// one does or not. What costs something is better done when it [selects](Self::select) a mailbox.
    ///
    /// The default is `None`.
    fn another(&self) -> Option<Self>
    where
        Self: Sized,
    {
        None
    }

    /// What STATUS asks for (RFC 9051, section 6.3.11), without selecting the mailbox.
    ///
    /// The default opens the mailbox read-only and counts. A store that counts by itself need not answer SIZE, DELETED and
    /// DELETED-STORAGE: the server asks the [default](crate::status::by_opening) for those that are missing.
    ///
    /// # Errors
    /// As [`select`](Self::select).
    fn status(
        &mut self,
        name: &MailboxName,
        query: StatusQuery,
    ) -> impl Future<Output = Result<Status, Error>> + Send {
        status::by_opening(self, name, query)
    }

    /// Creates a mailbox, and the superiors it needs (RFC 9051, section 6.3.4). A new UIDVALIDITY for a name that
    /// was used before. Where there are ACLs, it has that of its nearest superior (RFC 4314, section 4).
    ///
    /// # Errors
    /// [`ErrorKind::AlreadyExists`](crate::ErrorKind::AlreadyExists), [`ErrorKind::Cannot`](crate::ErrorKind::Cannot).
    fn create(
        &mut self,
        name: &MailboxName,
        how: &Create,
    ) -> impl Future<Output = Result<Created, Error>> + Send {
        let _ = (name, how);
        async { Err(unsupported()) }
    }

    /// Deletes a mailbox, not its inferiors (RFC 9051, section 6.3.5). Sessions that have it selected are told with
    /// [`HubGuard::close`](imap_updates::HubGuard::close) or [`LogHub::close`](imap_updates::LogHub::close).
    ///
    /// # Errors
    /// [`ErrorKind::NonExistent`](crate::ErrorKind::NonExistent); the server refuses INBOX by itself.
    fn delete(&mut self, name: &MailboxName) -> impl Future<Output = Result<(), Error>> + Send {
        let _ = name;
        async { Err(unsupported()) }
    }

    /// Renames a mailbox and its inferiors; INBOX instead gives its messages to the new name (RFC 9051, section 6.3.6).
    /// Sessions that have one of them selected go on: [`HubGuard::renamed`](imap_updates::HubGuard::renamed),
    /// [`LogHub::renamed`](imap_updates::LogHub::renamed).
    ///
    /// # Errors
    /// [`ErrorKind::NonExistent`](crate::ErrorKind::NonExistent), [`ErrorKind::AlreadyExists`](crate::ErrorKind::AlreadyExists).
    fn rename(
        &mut self,
        from: &MailboxName,
        to: &MailboxName,
    ) -> impl Future<Output = Result<(), Error>> + Send {
        let _ = (from, to);
        async { Err(unsupported()) }
    }

    /// Adds a name to the subscriptions (RFC 9051, section 6.3.7). The default accepts and forgets: a store without
    /// subscriptions lists everything as subscribed.
    ///
    /// # Errors
    /// The store cannot be written.
    fn subscribe(&mut self, name: &MailboxName) -> impl Future<Output = Result<(), Error>> + Send {
        let _ = name;
        async { Ok(()) }
    }

    /// Takes a name off the subscriptions (RFC 9051, section 6.3.8). The default accepts and forgets.
    ///
    /// # Errors
    /// The store cannot be written.
    fn unsubscribe(&mut self, name: &MailboxName) -> impl Future<Output = Result<(), Error>> + Send {
        let _ = name;
        async { Ok(()) }
    }

    /// The annotations of a mailbox, or of the server where there is none (RFC 5464, section 4.2): all of them, from which the
    /// server picks. Offered with [`Ability::Metadata`](crate::Ability::Metadata).
    ///
    /// # Errors
    /// [`ErrorKind::NonExistent`](crate::ErrorKind::NonExistent).
    fn metadata(
        &mut self,
        mailbox: Option<&MailboxName>,
    ) -> impl Future<Output = Result<Metadata, Error>> + Send {
        let _ = mailbox;
        async { Err(unsupported()) }
    }

    /// Changes annotations, all or none (RFC 5464, section 4.3). They belong to the mailbox whatever its name, and go with it.
    ///
    /// # Errors
    /// [`ErrorKind::NonExistent`](crate::ErrorKind::NonExistent); [`ErrorKind::Limit`](crate::ErrorKind::Limit) as
    /// [`Metadata::apply`] says; [`ErrorKind::NoPermission`](crate::ErrorKind::NoPermission).
    fn set_metadata(
        &mut self,
        mailbox: Option<&MailboxName>,
        changes: &[MetadataChange],
    ) -> impl Future<Output = Result<(), Error>> + Send {
        let _ = (mailbox, changes);
        async { Err(unsupported()) }
    }

    /// This user's key for URLs of a mailbox (RFC 4467, section 3). It belongs to the mailbox whatever its name, and goes with
    /// it. Where there is none, `fresh` becomes it, durably; without a `fresh` there is none. Offered with
    /// [`Ability::UrlAuth`](crate::Ability::UrlAuth).
    ///
    /// # Errors
    /// [`ErrorKind::NonExistent`](crate::ErrorKind::NonExistent).
    fn url_key(
        &mut self,
        name: &MailboxName,
        fresh: Option<&UrlKey>,
    ) -> impl Future<Output = Result<Option<UrlKey>, Error>> + Send {
        let _ = (name, fresh);
        async { Err(unsupported()) }
    }

    /// Removes this user's key for URLs of a mailbox, or all of them where there is none, durably: what was authorized with
    /// them no longer is (RFC 4467, section 7: RESETKEY).
    ///
    /// # Errors
    /// [`ErrorKind::NonExistent`](crate::ErrorKind::NonExistent).
    fn forget_url_keys(
        &mut self,
        mailbox: Option<&MailboxName>,
    ) -> impl Future<Output = Result<(), Error>> + Send {
        let _ = mailbox;
        async { Err(unsupported()) }
    }

    /// The quota roots of a mailbox, or all of the user where there is none (RFC 9208, section 4.1). None is a root without
    /// limits. Offered with [`Ability::Quota`](crate::Ability::Quota).
    ///
    /// # Errors
    /// The store cannot be read. A mailbox that does not exist has those that it would have.
    fn quotas(
        &mut self,
        mailbox: Option<&MailboxName>,
    ) -> impl Future<Output = Result<Vec<Quota>, Error>> + Send {
        let _ = mailbox;
        async { Err(unsupported()) }
    }

    /// The ACL of a mailbox (RFC 4314, section 3.3), with an entry for its owner: [`Acl::owned_by`]. It belongs to the mailbox
    /// whatever its name, and goes with it. Offered with [`Ability::Acl`](crate::Ability::Acl).
    ///
    /// # Errors
    /// [`ErrorKind::NonExistent`](crate::ErrorKind::NonExistent).
    fn acl(&mut self, mailbox: &MailboxName) -> impl Future<Output = Result<Acl, Error>> + Send {
        let _ = mailbox;
        async { Err(unsupported()) }
    }

    /// Changes what an identifier is granted (RFC 4314, sections 3.1 and 3.2): [`Acl::change`] with what is
    /// [`grantable`](Self::grantable). Two that change an ACL at once must not undo each other.
    ///
    /// # Errors
    /// [`ErrorKind::NonExistent`](crate::ErrorKind::NonExistent); [`ErrorKind::Limit`](crate::ErrorKind::Limit) as
    /// [`Acl::change`] says; [`ErrorKind::Cannot`](crate::ErrorKind::Cannot) for an identifier that the store cannot keep.
    fn change_acl(
        &mut self,
        mailbox: &MailboxName,
        identifier: &Identifier,
        change: AclChange,
    ) -> impl Future<Output = Result<(), Error>> + Send {
        let _ = (mailbox, identifier, change);
        async { Err(unsupported()) }
    }

    /// What an identifier can be granted in a mailbox (RFC 4314, section 3.4). The default is each right by itself, which is
    /// right for a store that keeps whatever it is told.
    ///
    /// # Errors
    /// [`ErrorKind::NonExistent`](crate::ErrorKind::NonExistent).
    fn grantable(
        &mut self,
        mailbox: &MailboxName,
        identifier: &Identifier,
    ) -> impl Future<Output = Result<Grantable, Error>> + Send {
        let _ = (mailbox, identifier);
        async { Ok(Grantable::each()) }
    }

    /// What this user may do in a mailbox (RFC 4314, section 3.5): [`Acl::rights_of`]. The server asks at SELECT, and before
    /// each command about a mailbox as a whole; never at FETCH or STORE.
    ///
    /// # Errors
    /// [`ErrorKind::NonExistent`](crate::ErrorKind::NonExistent), whoever asks: what a user must not know of, the server keeps
    /// from him.
    fn my_rights(&mut self, mailbox: &MailboxName) -> impl Future<Output = Result<Rights, Error>> + Send {
        let _ = mailbox;
        async { Err(unsupported()) }
    }

    /// The connection ends in good order (LOGOUT). A lost connection only drops.
    fn logout(self) -> impl Future<Output = ()> + Send
    where
        Self: Sized,
    {
        async {}
    }
}
