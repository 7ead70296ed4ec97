//! GENURLAUTH, RESETKEY and URLFETCH (RFC 4467, section 7).

use std::ops::Range;

use bytes::Bytes;
use imap_backend::{Ability, Backend, Body, Error, ErrorKind, Session as _};

use super::authorized::AuthorizedUrls;
use super::catenate;
use crate::client::Client;
use crate::completion::{Answer, Completion, Stop};
use crate::connection::{Channel, Gone, Watch};
use crate::convert;
use crate::rights::{self, Deed};
use crate::syntax::extension::{GenUrlAuth, ResetKey};
use crate::syntax::url::AuthUrl;
use crate::url_token::{self, MECHANISM};
use crate::wire;

/// How much of what a URL names is held at a time, in octets.
const CHUNK: u64 = 32 << 10;

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
    pub(crate) async fn url_fetch(&mut self, all: &[Vec<u8>]) -> Answer {
        self.has_url_auth()?;
        let mut urls = AuthorizedUrls::new(self);
        let mut watch = Watch::new();
        for url in all {
            let opening = opened(&mut urls, url);
            let opened = self.channel.while_watched(&mut watch, opening).await??;
            wire::url_fetch_begin(self.channel.io.out(), url);
            match opened {
                None => self.channel.io.out().extend_from_slice(b"NIL"),
                Some(opened) => write_octets(&mut self.channel, opened).await?,
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

/// What a URL names, and the first of it: what cannot be read is found out before a literal is announced.
#[derive(Debug)]
struct Opened {
    body: Body,
    range: Range<u64>,
    first: Bytes,
}

async fn opened<B: Backend>(urls: &mut AuthorizedUrls<B>, url: &[u8]) -> Result<Option<Opened>, Error> {
    let opening = async {
        let Some((body, range)) = urls.open(url).await? else {
            return Ok(None);
        };
        let first = read(&body, &range).await?;
        Ok((range.is_empty() || !first.is_empty()).then_some(Opened { body, range, first }))
    };
    match opening.await {
        Err(error) if catenate::names_nothing(&error) => Ok(None),
        opened => opened,
    }
}

async fn read(body: &Body, range: &Range<u64>) -> Result<Bytes, Error> {
    let wanted = (range.end - range.start).min(CHUNK);
    match usize::try_from(wanted) {
        Ok(0) | Err(_) => Ok(Bytes::new()),
        Ok(wanted) => body.read_at(range.start, wanted).await,
    }
}

/// Writes a literal, a chunk at a time: as fast as the client takes it.
async fn write_octets(channel: &mut Channel, opened: Opened) -> Result<(), Stop> {
    let Opened {
        body,
        mut range,
        first,
    } = opened;
    wire::literal_begin(channel.io.out(), range.end - range.start);
    let mut octets = first;
    while !range.is_empty() {
        if octets.is_empty() {
            tracing::error!(
                offset = range.start,
                "a message that a URL names changed while it was sent"
            );
            return Err(Gone::Torn.into());
        }
        range.start += octets.len() as u64;
        wire::literal_octets(channel.io.out(), &octets);
        channel.io.flush_if_full().await?;
        octets = match read(&body, &range).await {
            Ok(octets) => octets,
            Err(error) => {
                tracing::error!(%error, offset = range.start, "a message that a URL names cannot be read");
                return Err(Gone::Torn.into());
            }
        };
    }
    Ok(())
}
