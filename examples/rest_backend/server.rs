//! Somebody else's store: mailboxes over HTTP, with ids of its own, and with faults that can be switched on.
//!
//! | request | answer |
//! | --- | --- |
//! | `GET /mailboxes` | names |
//! | `GET /mailboxes/NAME/messages?after=CURSOR` | a page of ids and flags, and the next cursor; in the order of the ids, which is no order of arrival |
//! | `POST /mailboxes/NAME/details`, ids | size and date of those that are there |
//! | `GET /mailboxes/NAME/messages/ID?offset=N&length=N` | octets |
//! | `POST /mailboxes/NAME/messages?flags=..&date=..`, octets | the id of the new message |
//! | `PATCH /mailboxes/NAME/messages/ID`, flags to add or to remove | the flags that it has then |
//! | `DELETE /mailboxes/NAME/messages/ID` | |
//! | `POST /mailboxes/NAME/copy?to=NAME`, ids | the ids of the copies; all or none |
//! | `PUT /faults` | [`Faults`] |

use axum::extract::{Path, Query, Request, State};
use axum::http::{Method, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use bytes::Bytes;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::ops::Bound::{Excluded, Included, Unbounded};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;

/// What goes wrong. A number `n` stands for each `n`th time; 0 for never.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Faults {
    /// So many milliseconds pass before a page is answered.
    pub(crate) slow: u64,
    /// A page begins with the end of the one before, and stands in the opposite order.
    pub(crate) repeated: bool,
    /// A listing lacks one message in five; no two listings of a mailbox in a row lack the same.
    pub(crate) missing: bool,
    /// Requests that are answered with 429 and Retry-After.
    pub(crate) too_many: u64,
    /// Requests to read that are answered with 500.
    pub(crate) errors: u64,
}

#[derive(Clone)]
struct Message {
    number: u64,
    flags: Vec<String>,
    date: String,
    octets: Bytes,
}

#[derive(Default)]
struct Data {
    mailboxes: BTreeMap<String, BTreeMap<String, Message>>,
    numbers: u64,
    /// How often each mailbox was listed.
    listings: BTreeMap<String, u64>,
    requests: u64,
    faults: Faults,
}

/// The server; it ends when the last handle is dropped.
#[derive(Clone)]
pub(crate) struct RestServer {
    pub(crate) address: SocketAddr,
    data: Arc<Mutex<Data>>,
    _task: Arc<Task>,
}

struct Task(JoinHandle<()>);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

type Shared = State<Arc<Mutex<Data>>>;
type Answer<T> = Result<T, StatusCode>;
const PAGE: usize = 1_000;

impl RestServer {
    /// Serves INBOX and Archive, both empty, on a free port of this machine.
    pub(crate) async fn start() -> std::io::Result<Self> {
        let mailboxes = ["INBOX", "Archive"].map(|name| (name.to_owned(), BTreeMap::new()));
        let data = Arc::new(Mutex::new(Data { mailboxes: mailboxes.into(), ..Data::default() }));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let messages = "/mailboxes/{name}/messages";
        let router = Router::new()
            .route("/mailboxes", get(names))
            .route(messages, get(list).post(create))
            .route(&format!("{messages}/{{id}}"), get(read).patch(change).delete(remove))
            .route("/mailboxes/{name}/details", post(details))
            .route("/mailboxes/{name}/copy", post(copy))
            .layer(from_fn_with_state(Arc::clone(&data), fail))
            .route("/faults", put(set_faults))
            .with_state(Arc::clone(&data));
        let task = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                eprintln!("the store does not answer any more: {error}");
            }
        });
        Ok(Self { address, data, _task: Arc::new(Task(task)) })
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn set_faults(&self, faults: Faults) {
        self.data.lock().faults = faults;
    }

    /// Stores so many messages in INBOX at once.
    pub(crate) fn deliver(&self, messages: u64) {
        let octets = Bytes::from_static(b"Subject: hello\r\n\r\nText.\r\n");
        let mut data = self.data.lock();
        for _ in 0..messages {
            let date = "2026-01-01T00:00:00+00:00".into();
            data.insert("INBOX", Message { number: 0, flags: vec![], date, octets: octets.clone() });
        }
    }

    /// Makes a mailbox.
    #[allow(dead_code, reason = "who knows the store from inside is in the tests")]
    pub(crate) fn make(&self, name: &str) {
        self.data.lock().mailboxes.entry(name.to_owned()).or_default();
    }

    /// The id of the message with this subject.
    #[allow(dead_code, reason = "who knows the store from inside is in the tests")]
    pub(crate) fn id(&self, mailbox: &str, subject: &str) -> Option<String> {
        let line = format!("Subject: {subject}\r\n");
        let has = |message: &Message| String::from_utf8_lossy(&message.octets).contains(&line);
        let data = self.data.lock();
        data.mailboxes.get(mailbox)?.iter().find(|(_, message)| has(message)).map(|(id, _)| id.clone())
    }

    /// Removes the first message of INBOX, in the order of ids.
    pub(crate) fn remove_first(&self) {
        self.data.lock().mailboxes.entry("INBOX".into()).or_default().pop_first();
    }
}

impl Data {
    fn mailbox(&mut self, name: &str) -> Answer<&mut BTreeMap<String, Message>> {
        self.mailboxes.get_mut(name).ok_or(StatusCode::NOT_FOUND)
    }

    fn message(&mut self, name: &str, id: &str) -> Answer<&mut Message> {
        self.mailbox(name)?.get_mut(id).ok_or(StatusCode::NOT_FOUND)
    }

    /// Ids look like chance, and none is given twice: the factor is odd.
    fn insert(&mut self, name: &str, mut message: Message) -> String {
        self.numbers += 1;
        message.number = self.numbers;
        let id = format!("{:016x}", self.numbers.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        self.mailboxes.entry(name.to_owned()).or_default().insert(id.clone(), message);
        id
    }
}

/// Answers 429 and 500 before anything was done.
async fn fail(State(data): Shared, request: Request, next: Next) -> Response {
    let (faults, number) = {
        let mut data = data.lock();
        data.requests += 1;
        (data.faults, data.requests)
    };
    let every = |n: u64| n > 0 && number.is_multiple_of(n);
    if every(faults.too_many) {
        return (StatusCode::TOO_MANY_REQUESTS, [("retry-after", "0")]).into_response();
    }
    if every(faults.errors) && request.method() == Method::GET {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    }
    next.run(request).await
}

async fn set_faults(State(data): Shared, Json(faults): Json<Faults>) {
    data.lock().faults = faults;
}

async fn names(State(data): Shared) -> Json<Vec<String>> {
    Json(data.lock().mailboxes.keys().cloned().collect())
}

#[derive(Serialize)]
struct Row {
    id: String,
    flags: Vec<String>,
}

#[derive(Serialize)]
struct Page {
    messages: Vec<Row>,
    next: Option<String>,
}

#[derive(Deserialize)]
struct After {
    after: Option<String>,
}

/// A cursor is the number of the listing and the last id of the page before.
async fn list(
    State(data): Shared,
    Path(name): Path<String>,
    Query(query): Query<After>,
) -> Answer<Json<Page>> {
    let slow = data.lock().faults.slow;
    tokio::time::sleep(Duration::from_millis(slow)).await;
    let mut data = data.lock();
    let faults = data.faults;
    let (listing, after) = match query.after.as_deref().and_then(|after| after.split_once('-')) {
        Some((listing, id)) => (listing.parse().map_err(|_| StatusCode::BAD_REQUEST)?, id.to_owned()),
        None => {
            let listing = data.listings.entry(name.clone()).or_default();
            *listing += 1;
            (*listing, String::new())
        }
    };
    let mailbox = data.mailbox(&name)?;
    let following = mailbox.range::<str, _>((Excluded(&*after), Unbounded));
    let ids: Vec<&String> = following.map(|(id, _)| id).take(PAGE).collect();
    let next = ids.last().filter(|_| ids.len() == PAGE).map(|id| format!("{listing}-{id}"));
    let before = mailbox.range::<str, _>((Unbounded, Included(&*after))).rev().map(|(id, _)| id).take(10);
    let mut ids: Vec<&String> = match faults.repeated {
        true => before.collect::<Vec<_>>().into_iter().chain(ids.into_iter().rev()).collect(),
        false => ids,
    };
    ids.retain(|id| !faults.missing || mailbox[*id].number % 5 != listing % 5);
    let row = |id: &&String| Row { id: (*id).clone(), flags: mailbox[*id].flags.clone() };
    Ok(Json(Page { messages: ids.iter().map(row).collect(), next }))
}

#[derive(Serialize)]
struct Details {
    id: String,
    size: usize,
    date: String,
}

async fn details(
    State(data): Shared,
    Path(name): Path<String>,
    Json(ids): Json<Vec<String>>,
) -> Answer<Json<Vec<Details>>> {
    let mut data = data.lock();
    let mailbox = data.mailbox(&name)?;
    let there = ids.into_iter().filter_map(|id| Some((mailbox.get(&id)?, id)));
    let details =
        there.map(|(message, id)| Details { id, size: message.octets.len(), date: message.date.clone() });
    Ok(Json(details.collect()))
}

#[derive(Deserialize)]
struct Piece {
    offset: usize,
    length: usize,
}

async fn read(
    State(data): Shared,
    Path((name, id)): Path<(String, String)>,
    Query(piece): Query<Piece>,
) -> Answer<Bytes> {
    let octets = data.lock().message(&name, &id)?.octets.clone();
    let from = piece.offset.min(octets.len());
    Ok(octets.slice(from..octets.len().min(from.saturating_add(piece.length))))
}

#[derive(Deserialize)]
struct New {
    flags: String,
    date: String,
}

async fn create(
    State(data): Shared,
    Path(name): Path<String>,
    Query(new): Query<New>,
    octets: Bytes,
) -> Answer<Json<String>> {
    let mut data = data.lock();
    data.mailbox(&name)?;
    let flags = new.flags.split_whitespace().map(str::to_owned).collect();
    Ok(Json(data.insert(&name, Message { number: 0, flags, date: new.date, octets })))
}

#[derive(Deserialize)]
struct Change {
    remove_all: bool,
    add: Vec<String>,
    remove: Vec<String>,
}

async fn change(
    State(data): Shared,
    Path((name, id)): Path<(String, String)>,
    Json(change): Json<Change>,
) -> Answer<Json<Vec<String>>> {
    let mut data = data.lock();
    let flags = &mut data.message(&name, &id)?.flags;
    let is_in = |flags: &[String], flag: &str| flags.iter().any(|other| other.eq_ignore_ascii_case(flag));
    flags.retain(|flag| !change.remove_all && !is_in(&change.remove, flag) && !is_in(&change.add, flag));
    flags.extend(change.add);
    Ok(Json(flags.clone()))
}

async fn remove(State(data): Shared, Path((name, id)): Path<(String, String)>) -> Answer<()> {
    data.lock().mailbox(&name)?.remove(&id).map(drop).ok_or(StatusCode::NOT_FOUND)
}

#[derive(Deserialize)]
struct Target {
    to: String,
}

async fn copy(
    State(data): Shared,
    Path(name): Path<String>,
    Query(target): Query<Target>,
    Json(ids): Json<Vec<String>>,
) -> Answer<Json<Vec<String>>> {
    let mut data = data.lock();
    let originals = ids.iter().map(|id| data.message(&name, id).cloned()).collect::<Answer<Vec<_>>>()?;
    data.mailbox(&target.to)?;
    Ok(Json(originals.into_iter().map(|message| data.insert(&target.to, message)).collect()))
}
