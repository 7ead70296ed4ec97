//! What authorized URLs name (RFC 4467, section 7): read with the access of their owner, whoever has them.

use std::ops::Range;
use std::sync::Arc;

use chrono::Utc;
use imap_backend::{Backend, Body, Error, Need, Session as _, UrlKey};

use super::catenate::Urls;
use super::fetch::Piece;
use crate::client::Client;
use crate::shared::Shared;
use crate::syntax::url::{Access, AuthUrl};
use crate::url_token::{MECHANISM, is_token};

/// Reads authorized URLs for one client.
pub(super) struct AuthorizedUrls<B: Backend> {
    server: Arc<Shared<B>>,
    /// Who has the URLs.
    user: Arc<str>,
    /// Whose URL was read last: they are mostly of one user.
    owner: Option<(String, Urls<B::Session>)>,
}

impl<B: Backend> AuthorizedUrls<B> {
    pub(super) fn new(client: &Client<B>) -> Self {
        Self {
            server: Arc::clone(&client.server),
            user: Arc::clone(&client.user),
            owner: None,
        }
    }

    /// The octets that a URL names; `None` where it names nothing, or this client may not have it.
    ///
    /// # Errors
    /// As [`find`](Self::find).
    pub(super) async fn open(&mut self, url: &[u8]) -> Result<Option<(Body, Range<u64>)>, Error> {
        match self.find(url, Need::FLAGS).await? {
            Some(piece) => piece.octets().await,
            None => Ok(None),
        }
    }

    /// The message that a URL names, of which so much will be looked at beside the octets that are meant; `None` as above.
    ///
    /// # Errors
    /// The store cannot be read; [`names_nothing`](super::catenate::names_nothing) tells those that are this URL's fault.
    pub(super) async fn find(&mut self, url: &[u8], need: Need) -> Result<Option<Piece>, Error> {
        let Some(url) = AuthUrl::read(url) else {
            return Ok(None);
        };
        let Some((mechanism, token)) = url.verifier.filter(|_| self.admits(&url)) else {
            return Ok(None);
        };
        let Some(urls) = self.urls_of(&url.owner).await? else {
            return Ok(None);
        };
        let Some(name) = url.message.mailbox_name(urls.session.delimiter()) else {
            return Ok(None);
        };
        let key = urls.session.url_key(&name, None).await?;
        let is_right = |key: &UrlKey| is_token(key, url.rump, token);
        if !mechanism.eq_ignore_ascii_case(MECHANISM) || !key.as_ref().is_some_and(is_right) {
            return Ok(None);
        }
        let found = urls.find(&url.message, need).await?;
        // Another mailbox may have got the name meanwhile: it has another key.
        let still = urls.session.url_key(&name, None).await?;
        Ok(found.filter(|_| still == key))
    }

    /// Whether this client is one of those for whom the URL is, and in time (RFC 5092, sections 6.1.1.3 and 6.1.1.6).
    fn admits(&self, url: &AuthUrl<'_>) -> bool {
        url.expires.is_none_or(|end| Utc::now() < end)
            && match &url.access {
                // There are no anonymous sessions here.
                Access::Everybody | Access::Users => true,
                Access::User(user) => **user == *self.user,
                Access::Submission(_) => {
                    let submitters = &self.server.options.submission_users;
                    submitters.iter().any(|submitter| **submitter == *self.user)
                }
            }
    }

    async fn urls_of(&mut self, owner: &str) -> Result<Option<&mut Urls<B::Session>>, Error> {
        if self.owner.as_ref().is_none_or(|(known, _)| known != owner) {
            let session = self.server.backend.url_owner(owner).await?;
            self.owner = session.map(|session| {
                let delimiter = session.delimiter();
                (owner.to_owned(), Urls::new(session, delimiter, None))
            });
        }
        Ok(self.owner.as_mut().map(|(_, urls)| urls))
    }
}
