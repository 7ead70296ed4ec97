//! The store's HTTP interface, as the backend uses it.

use imap_backend::{Error, ErrorKind};
use imap_updates::Flags;
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use serde::{Deserialize, Serialize};
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
pub(crate) struct Change {
    pub(crate) remove_all: bool,
    pub(crate) add: Vec<String>,
    pub(crate) remove: Vec<String>,
}

impl Rest {
    pub(crate) fn new(base: &str) -> Self {
        Self { client: Client::new(), base: base.into() }
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.base))
    }
}

/// Sends a request until the store takes it, ten times at most. One that may change something is sent again only if the
/// store has said that it did nothing.
pub(crate) async fn send(request: RequestBuilder) -> Result<Response, Error> {
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

pub(crate) fn texts(flags: &Flags) -> Vec<String> {
    flags.to_string().trim_matches(['(', ')']).split_whitespace().map(str::to_owned).collect()
}
