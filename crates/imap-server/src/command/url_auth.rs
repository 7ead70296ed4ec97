//! GENURLAUTH, RESETKEY and URLFETCH (RFC 4467, section 7; RFC 5524).

use std::sync::Arc;

use imap_backend::{Ability, Backend, Error, ErrorKind, Need, Session as _};

use super::authorized::AuthorizedUrls;
use super::catenate;
use super::fetch::Piece;
use crate::client::Client;
use crate::completion::{Answer, Completion, Stop};
use crate::connection::Watch;
use crate::convert;
use crate::rights::{self, Deed};
use crate::syntax::extension::{GenUrlAuth, ResetKey, UrlFetch};
use crate::syntax::url::AuthUrl;
use crate::url_token::{self, MECHANISM};
use crate::wire;

impl<B: Backend> Client<B> {
    /// GENURLAUTH. A client authorizes URLs of its own mailboxes, each of one message.
    pub(crate) async fn gen_url_auth(&mut self, requests: &[GenUrlAuth]) -> Answer {
        self.has_url_auth()?;
        let mut watch = Watch::new();
        let mut made = Vec::new();
        for GenUrlAuth { url, mechanism } in requests {
            if !mechanism.eq_ignore_ascii_case(MECHANISM) {
                return Err(Completion::bad("the mechanism is not offered").into());
            }
            made.push(self.authorized(url, &mut watch).await?);
        }
        wire::gen_url_auth(self.channel.io.out(), &made);
        Ok(Completion::ok("GENURLAUTH completed"))
    }

    /// A URL with its token.
    async fn authorized(&mut self, url: &[u8], watch: &mut Watch) -> Result<Vec<u8>, Stop> {
        let refusal = || Completion::bad("GENURLAUTH: the URL names no message of yours for anybody");
        let read = AuthUrl::read(url).filter(|read| read.verifier.is_none() && read.owner == *self.user);
        let session = self.state.session()?;
        let name = read.and_then(|read| read.message.mailbox_name(session.delimiter()));
        let name = name.ok_or_else(refusal)?;
        let fresh = url_token::fresh_key().ok_or(Error::new(ErrorKind::Unavailable))?;
        let keeping = async {
            rights::permit(session, Deed::Read, &name).await?;
            session.url_key(&name, Some(&fresh)).await
        };
        let key = match self.channel.while_watched(watch, keeping).await? {
            Err(error) if catenate::names_nothing(&error) => return Err(refusal().into()),
            key => key?.ok_or(Error::new(ErrorKind::ServerBug))?,
        };
        let mut authorized = url.to_vec();
        let token = url_token::token(&key, url);
        authorized.extend_from_slice(format!(":{}:{token}", MECHANISM.to_lowercase()).as_bytes());
        Ok(authorized)
    }

    /// RESETKEY: the URLs that were authorized so far name nothing any more. The next key is made when it is needed.
    pub(crate) async fn reset_key(&mut self, reset: Option<&ResetKey>) -> Answer {
        self.has_url_auth()?;
        let naming = self.naming()?;
        let Some(ResetKey { mailbox, mechanisms }) = reset else {
            let forgetting = self.state.session()?.forget_url_keys(None);
            self.channel.while_present(forgetting).await??;
            return Ok(Completion::ok("all keys removed"));
        };
        if mechanisms
            .iter()
            .any(|mechanism| !mechanism.eq_ignore_ascii_case(MECHANISM))
        {
            return Err(Completion::no("CANNOT", "the mechanism is not offered").into());
        }
        let name = naming
            .name(mailbox)
            .ok_or_else(|| Completion::no("NONEXISTENT", convert::IMPOSSIBLE_NAME))?;
        let session = self.state.session()?;
        let forgetting = async {
            rights::permit(session, Deed::Read, &name).await?;
            session.forget_url_keys(Some(&name)).await
        };
        self.channel.while_present(forgetting).await??;
        Ok(Completion::ok("the key is another one").with_code(format!("URLMECH {MECHANISM}")))
    }

    /// URLFETCH: NIL for what is not authorized, or names nothing. Which of both, nobody is told.
    pub(crate) async fn url_fetch(&mut self, all: &[UrlFetch]) -> Answer {
        self.has_url_auth()?;
        // It reads messages.
        let (server, user) = (Arc::clone(&self.server), Arc::clone(&self.user));
        server.turns.take_for(&user, self.fetch_each(all)).await
    }

    async fn fetch_each(&mut self, all: &[UrlFetch]) -> Answer {
        let mut urls = AuthorizedUrls::new(self);
        let mut watch = Watch::new();
        for url in all {
            let finding = found(&mut urls, url);
            let piece = self.channel.while_watched(&mut watch, finding).await??;
            let answering = async {
                match &piece {
                    Some(piece) => or_nothing(piece.answer(&url.items).await),
                    None => Ok(None),
                }
            };
            let answer = self.channel.while_watched(&mut watch, answering).await??;
            wire::url_fetch_begin(self.channel.io.out(), &url.url);
            match answer {
                None => self.channel.io.out().extend_from_slice(b"NIL"),
                Some(answer) => answer.write(&mut self.channel).await?,
            }
            self.channel.io.out().extend_from_slice(b"\r\n");
            self.channel.io.flush_if_full().await?;
        }
        Ok(Completion::ok("URLFETCH completed"))
    }

    fn has_url_auth(&mut self) -> Result<(), Completion> {
        self.state.session()?;
        match self.abilities().has(Ability::UrlAuth) {
            true => Ok(()),
            false => Err(Completion::bad("URLAUTH is not supported")),
        }
    }
}

/// The message that a URL names, if it is this client's to have.
async fn found<B: Backend>(urls: &mut AuthorizedUrls<B>, url: &UrlFetch) -> Result<Option<Piece>, Error> {
    let need = match url.items.is_empty() {
        true => Need::FLAGS,
        false => Need::BODY.and(Need::SUMMARY),
    };
    or_nothing(urls.find(&url.url, need).await)
}

/// Nothing, where an error says that a URL names nothing that its reader may have.
fn or_nothing<T>(named: Result<Option<T>, Error>) -> Result<Option<T>, Error> {
    match named {
        Err(error) if catenate::names_nothing(&error) => Ok(None),
        named => named,
    }
}
