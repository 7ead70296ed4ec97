//! `MaildirBackend`: from credentials to a user's Maildir.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};

use imap_backend::{
    Abilities, Authenticator, Backend, Claim, Credentials, Error, ErrorKind, LoginError, Logins, Peer,
    ScramKeys,
};
use parking_lot::Mutex;

use crate::account::{Account, Shared};
use crate::disk::hold::Sharing;
use crate::disk::modseq_file::this_boot;
use crate::disk::name_generator::NameGenerator;
use crate::disk::storage;
use crate::disk::tree::Place;
use crate::format::mailbox_names::{InvalidUser, check_user};
use crate::format::maildirsize::Limits;
use crate::format::special_uses::ByName;
use crate::mailbox::error::{from_io, panicked};
use crate::mailbox::keep::Indexing;
use crate::mailbox::watch::Watcher;
use crate::reindex::Indexed;
use crate::session::{MaildirSession, abilities};

/// Where users' Maildirs are: a path with `%u` in place of the user's name, such as `/var/mail/%u/Maildir`.
///
/// From the first part with `%u` on, a symbolic link is not followed, because the user may have made it:
/// [`following_links`](Self::following_links) is for those who know that no user can.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailRoot {
    template: PathBuf,
    links: Links,
}

/// What becomes of symbolic links in the part of the path that differs between users.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Links {
    Refused,
    Followed,
}

impl MailRoot {
    /// A template. Without `%u` all users share one Maildir.
    #[must_use]
    pub fn new(template: impl Into<PathBuf>) -> Self {
        Self {
            template: template.into(),
            links: Links::Refused,
        }
    }

    /// Follows symbolic links in the whole path.
    #[must_use]
    pub fn following_links(self) -> Self {
        Self {
            links: Links::Followed,
            ..self
        }
    }

    /// The Maildir of a user.
    ///
    /// # Errors
    /// [`InvalidUser`] for a name that could lead out of its place.
    pub fn of(&self, user: &str) -> Result<PathBuf, InvalidUser> {
        let place = self.place_of(user)?;
        Ok(place.operators.join(place.users))
    }

    fn place_of(&self, user: &str) -> Result<Place, InvalidUser> {
        check_user(user)?;
        let part = |part: &OsStr| match part.to_str() {
            Some(text) => text.replace("%u", user).into(),
            None => part.to_owned(),
        };
        let is_fixed = |part: &&OsStr| !part.to_string_lossy().contains("%u");
        let fixed = match self.links {
            Links::Followed => usize::MAX,
            Links::Refused => self.template.iter().take_while(is_fixed).count(),
        };
        // A relative path that begins with the user's name starts here.
        let here = Path::new(".");
        Ok(Place {
            operators: here.join(self.template.iter().take(fixed).map(part).collect::<PathBuf>()),
            users: self.template.iter().skip(fixed).map(part).collect(),
        })
    }
}

/// A mail store of Maildir++ directories, one for each user.
///
/// Make one for a process: it owns the file-system watcher, and sessions share what mailboxes are open through it. Several
/// processes, Dovecot among them, may serve the same Maildirs at once.
pub struct MaildirBackend<A> {
    root: MailRoot,
    authenticator: A,
    pub(crate) shared: Shared,
    accounts: Mutex<HashMap<PathBuf, Weak<Account>>>,
}

impl<A: Authenticator> MaildirBackend<A> {
    /// A backend that serves the Maildirs under `root` to users that `authenticator` knows.
    ///
    /// # Errors
    /// When the system has no randomness to give.
    pub fn new(root: MailRoot, authenticator: A) -> io::Result<Self> {
        let names = Arc::new(NameGenerator::new()?);
        Ok(Self {
            root,
            authenticator,
            shared: Shared {
                names,
                watcher: Watcher::new(),
                cache: Arc::default(),
                uses_by_name: ByName::Yes,
                quota: Limits::default(),
                boot: this_boot(),
                indexing: Indexing::default(),
                holds: Arc::default(),
                sharing: Sharing::Shared,
            },
            accounts: Mutex::default(),
        })
    }

    /// Takes no mailbox for what its name promises. Without this, `Archive`, `Drafts`, `Junk`, `Sent` and `Trash` are what they
    /// are called (RFC 6154), unless CREATE gave that use to another mailbox.
    #[must_use]
    pub fn without_special_use_by_name(mut self) -> Self {
        self.shared.uses_by_name = ByName::No;
        self
    }

    /// Limits the octets and the messages of each user, where no other program has said in the user's `maildirsize` how much it may
    /// be (Maildir++). Without this there are the limits that other programs set.
    #[must_use]
    pub fn with_quota(mut self, octets: Option<u64>, messages: Option<u64>) -> Self {
        self.shared.quota = Limits::new(octets, messages);
        self
    }

    /// Mailboxes of so many messages or more have an index beside the mail, `imap-index`, with which they are opened without being
    /// listed; none has one where this is `None`. Without this it is 256 messages. An index may be removed at any time while the
    /// mailbox is not open: that costs time alone.
    #[must_use]
    pub fn with_index_from(mut self, messages: Option<u32>) -> Self {
        self.shared.indexing = messages.map_or(Indexing::Never, Indexing::From);
        self
    }

    /// Mailboxes that have an index beside the mail have one of texts too, `imap-search`, which tells SEARCH which messages may have a
    /// string. It is made behind the sessions, of mailboxes that are open, and may be removed at any time while the mailbox is not:
    /// what SEARCH finds is the same without it. Without this there is none, and one that was made before is left alone.
    #[must_use]
    pub fn with_full_text(self, is_kept: bool) -> Self {
        self.shared.cache.filler.switch(is_kept);
        self
    }

    /// Has the users' mail to itself, as long as each has a session. Nothing but deliveries into `new/` may happen to it from outside: no lock
    /// of Dovecot's is taken, and none of others is waited for. Another backend that has a user's mail open, with this or without
    /// it, keeps that user's sessions from beginning ([`ErrorKind::InUse`]); so it is kept out by them. Without this the mail is
    /// shared with all programs that keep Dovecot's locks.
    #[must_use]
    pub fn with_exclusive_use(mut self) -> Self {
        self.shared.sharing = Sharing::Exclusive;
        self
    }

    /// Makes the indices of a user's mailboxes anew, with what is in each message, and says so of each mailbox. It may run while a
    /// server does: a mailbox that another process has open is left alone.
    ///
    /// # Errors
    /// As [`session`](Self::session); others where a mailbox cannot be read.
    pub async fn reindex(&self, user: &str, told: impl FnMut(&str, Indexed)) -> Result<(), Error> {
        self.session(user).await?.account().reindex(told).await
    }

    /// A session of a user without asking for a password: for local tools and tests. Makes a missing Maildir.
    ///
    /// To be called within a tokio runtime, as [`login`](Backend::login) is.
    ///
    /// # Errors
    /// [`ErrorKind::NoPermission`] for a user name that no path can have; others when the Maildir cannot be opened.
    pub async fn session(&self, user: &str) -> Result<MaildirSession, Error> {
        let refused = |error| Error::new(ErrorKind::NoPermission).with_source(error);
        let place = self.root.place_of(user).map_err(refused)?;
        self.session_at(place, user).await
    }

    pub(crate) async fn session_at(&self, place: Place, user: &str) -> Result<MaildirSession, Error> {
        self.shared.watcher.start();
        Ok(MaildirSession::new(self.account(place).await?, user.into()))
    }

    async fn account(&self, place: Place) -> Result<Arc<Account>, Error> {
        let shared = self.shared.clone();
        let open = move || Account::open(&place, shared).map_err(from_io);
        let account = tokio::task::spawn_blocking(open).await.map_err(panicked)??;
        let mut accounts = self.accounts.lock();
        accounts.retain(|_, account| account.strong_count() > 0);
        // By the real path: two ways to one directory must not make two accounts.
        if let Some(known) = accounts.get(account.root()).and_then(Weak::upgrade) {
            return Ok(known);
        }
        let account = Arc::new(account);
        accounts.insert(account.root().to_owned(), Arc::downgrade(&account));
        Ok(account)
    }
}

impl<A: Authenticator> Backend for MaildirBackend<A> {
    type Session = MaildirSession;

    fn abilities(&self) -> Abilities {
        abilities()
    }

    fn logins(&self) -> Logins {
        self.authenticator.logins()
    }

    async fn scram_keys(&self, user: &str) -> Result<Option<ScramKeys>, Error> {
        self.authenticator.find_scram_keys(user).await
    }

    async fn identify(&self, _peer: &Peer, claim: &Claim) -> Result<String, LoginError> {
        self.authenticator.check_claim(claim).await
    }

    /// Of a user whose Maildir is there: none is made.
    async fn url_owner(&self, user: &str) -> Result<Option<MaildirSession>, Error> {
        let Ok(path) = self.root.of(user) else {
            return Ok(None);
        };
        let is_there = move || storage::status(storage::CWD, &path).is_ok();
        match tokio::task::spawn_blocking(is_there).await.map_err(panicked)? {
            true => self.session(user).await.map(Some),
            false => Ok(None),
        }
    }

    async fn login(&self, _peer: &Peer, credentials: Credentials) -> Result<MaildirSession, LoginError> {
        self.authenticator.check_credentials(&credentials).await?;
        match self.session(credentials.user()).await {
            Ok(session) => Ok(session),
            Err(error)
                if error.kind() == ErrorKind::NoPermission && check_user(credentials.user()).is_err() =>
            {
                Err(LoginError::Refused)
            }
            Err(error) => Err(error.into()),
        }
    }
}

impl<A> std::fmt::Debug for MaildirBackend<A> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MaildirBackend")
            .field("root", &self.root)
            .finish_non_exhaustive()
    }
}
