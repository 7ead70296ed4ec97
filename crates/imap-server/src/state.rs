//! The states of a connection (RFC 9051, section 3).

use imap_backend::Session;

use crate::completion::Completion;
use crate::selected::Selected;

/// Where a connection stands. Each state owns what exists only in it.
#[derive(Debug)]
pub(crate) enum State<S: Session> {
    /// Nobody is logged in.
    NotAuthenticated,
    /// A user is logged in.
    Authenticated(S),
    /// A mailbox is selected.
    Selected(S, Box<Selected<S::Mailbox>>),
}

impl<S: Session> State<S> {
    /// The session.
    ///
    /// # Errors
    /// BAD: the command needs a login.
    pub(crate) fn session(&mut self) -> Result<&mut S, Completion> {
        match self {
            Self::NotAuthenticated => Err(Completion::bad("log in first")),
            Self::Authenticated(session) | Self::Selected(session, _) => Ok(session),
        }
    }

    /// The selected mailbox.
    ///
    /// # Errors
    /// BAD: the command needs one.
    pub(crate) fn selected(&mut self) -> Result<&mut Selected<S::Mailbox>, Completion> {
        match self {
            Self::NotAuthenticated => Err(Completion::bad("log in first")),
            Self::Authenticated(_) => Err(Completion::bad("select a mailbox first")),
            Self::Selected(_, selected) => Ok(selected),
        }
    }

    /// Takes the selected mailbox, if there is one: the connection is in the authenticated state afterwards.
    pub(crate) fn take_selected(&mut self) -> Option<Selected<S::Mailbox>> {
        match std::mem::replace(self, Self::NotAuthenticated) {
            Self::Selected(session, selected) => {
                *self = Self::Authenticated(session);
                Some(*selected)
            }
            other => {
                *self = other;
                None
            }
        }
    }

    /// Enters the selected state; from the authenticated state only.
    pub(crate) fn select(&mut self, selected: Selected<S::Mailbox>) {
        *self = match std::mem::replace(self, Self::NotAuthenticated) {
            Self::Authenticated(session) | Self::Selected(session, _) => {
                Self::Selected(session, Box::new(selected))
            }
            Self::NotAuthenticated => Self::NotAuthenticated,
        };
    }
}
