//! The client of the store's HTTP interface: what an author of a backend has already, or gets from the maker of the store.

use bytes::Bytes;
use chrono::{DateTime, FixedOffset};
use imap_backend::{Error, ErrorKind, FlagAction, FlagChange};
use imap_updates::Flags;
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

#[derive(Clone)]
pub(crate) struct Rest {
    client: Client,
    base: Arc<str>,
}

#[derive(Deserialize)]
pub(crate) struct Page {
    pub(crate) messages: Vec<Row>,
    pub(crate) next: Option<String>,
}

#[derive(Deserialize)]
pub(crate) struct Row {
    pub(crate) id: String,
    pub(crate) flags: Vec<String>,
}

#[derive(Deserialize)]
pub(crate) struct Details {
    pub(crate) id: String,
    pub(crate) size: u64,
    pub(crate) date: String,
}

#[derive(Serialize)]
struct Change {
    remove_all: bool,
    add: Vec<String>,
    remove: Vec<String>,
}

impl Rest {
    pub(crate) fn new(base: &str) -> Self {
        Self { client: Client::new(), base: base.into() }
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}/mailboxes{path}", self.base))
    }

    /// All but those that no path can have, in whatever form.
    pub(crate) async fn names(&self) -> Result<Vec<String>, Error> {
        let mut names: Vec<String> = answer(self.request(Method::GET, "")).await?;
        names.retain(|name| name != "." && name != "..");
        Ok(names)
    }

    pub(crate) async fn page(&self, mailbox: &str, after: String) -> Result<Page, Error> {
        let page = self.request(Method::GET, &format!("/{}/messages", escaped(mailbox)));
        answer(page.query(&[("after", after)])).await
    }

    /// Size and date of those messages that are there.
    pub(crate) async fn details(
        &self,
        mailbox: &str,
        ids: &[String],
    ) -> Result<HashMap<String, Details>, Error> {
        let details = self.request(Method::POST, &format!("/{}/details", escaped(mailbox))).json(ids);
        let details: Vec<Details> = answer(details).await?;
        Ok(details.into_iter().map(|details| (details.id.clone(), details)).collect())
    }

    pub(crate) async fn read(
        &self,
        mailbox: &str,
        id: &str,
        offset: u64,
        length: usize,
    ) -> Result<Bytes, Error> {
        let read = self.request(Method::GET, &message(mailbox, id));
        let read = read.query(&[("offset", offset), ("length", length as u64)]);
        send(read).await?.bytes().await.map_err(unavailable)
    }

    /// Stores a message, and says its id.
    pub(crate) async fn create(
        &self,
        mailbox: &str,
        flags: &Flags,
        date: DateTime<FixedOffset>,
        octets: Vec<u8>,
    ) -> Result<String, Error> {
        let create = self.request(Method::POST, &format!("/{}/messages", escaped(mailbox)));
        let create = create.query(&[("flags", texts(flags).join(" ")), ("date", date.to_rfc3339())]);
        answer(create.body(octets)).await
    }

    /// Changes flags, and says what they are then; `None` if the message is gone.
    pub(crate) async fn change(
        &self,
        mailbox: &str,
        id: &str,
        change: &FlagChange,
    ) -> Result<Option<Flags>, Error> {
        let (named, none) = (texts(change.flags()), vec![]);
        let (remove_all, add, remove) = match change.action() {
            FlagAction::Replace => (true, named, none),
            FlagAction::Add => (false, named, none),
            FlagAction::Remove => (false, none, named),
        };
        let patch = self.request(Method::PATCH, &message(mailbox, id));
        let flags = answer(patch.json(&Change { remove_all, add, remove })).await;
        Ok(if_there(flags)?.map(|flags: Vec<String>| flags_of(&flags)))
    }

    /// Removes a message, if it is not gone already.
    pub(crate) async fn delete(&self, mailbox: &str, id: &str) -> Result<(), Error> {
        let delete = self.request(Method::DELETE, &message(mailbox, id));
        if_there(send(delete).await).map(drop)
    }

    /// Copies all of the messages or none, and says the ids of the copies.
    pub(crate) async fn copy(
        &self,
        mailbox: &str,
        ids: &[String],
        target: &str,
    ) -> Result<Vec<String>, Error> {
        let copy = self.request(Method::POST, &format!("/{}/copy", escaped(mailbox)));
        answer(copy.query(&[("to", target)]).json(ids)).await
    }
}

fn message(mailbox: &str, id: &str) -> String {
    format!("/{}/messages/{}", escaped(mailbox), escaped(id))
}

/// Any text as one part of a path, of a URL or a file: a name of a mailbox is no folder.
pub(crate) fn escaped(text: &str) -> String {
    let escape = |octet: u8| match octet {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => char::from(octet).to_string(),
        _ => format!("%{octet:02X}"),
    };
    text.bytes().map(escape).collect()
}

fn if_there<T>(answer: Result<T, Error>) -> Result<Option<T>, Error> {
    match answer {
        Err(error) if error.kind() == ErrorKind::ExpungeIssued => Ok(None),
        answer => answer.map(Some),
    }
}

async fn answer<T: DeserializeOwned>(request: RequestBuilder) -> Result<T, Error> {
    send(request).await?.json().await.map_err(unavailable)
}

/// Sends a request until the store takes it, ten times at most. One that may change something is sent again only if the
/// store has said that it did nothing.
async fn send(request: RequestBuilder) -> Result<Response, Error> {
    let (client, request) = request.build_split();
    let request = request.map_err(unavailable)?;
    for _ in 0..10 {
        let again = request.try_clone().ok_or(ErrorKind::ServerBug)?;
        let response = client.execute(again).await.map_err(unavailable)?;
        match response.status() {
            StatusCode::TOO_MANY_REQUESTS => {
                let seconds =
                    response.headers().get("retry-after").and_then(|value| value.to_str().ok()?.parse().ok());
                tokio::time::sleep(Duration::from_secs(seconds.unwrap_or(1)).min(Duration::from_secs(30)))
                    .await;
            }
            status if status.is_server_error() && request.method() == Method::GET => {}
            StatusCode::NOT_FOUND => return Err(ErrorKind::ExpungeIssued.into()),
            _ => return response.error_for_status().map_err(unavailable),
        }
    }
    Err(ErrorKind::Unavailable.into())
}

pub(crate) fn unavailable(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::new(ErrorKind::Unavailable).with_source(error)
}

pub(crate) fn flags_of(flags: &[String]) -> Flags {
    flags.iter().filter_map(|flag| flag.parse().ok()).collect()
}

fn texts(flags: &Flags) -> Vec<String> {
    flags.to_string().trim_matches(['(', ')']).split_whitespace().map(str::to_owned).collect()
}
