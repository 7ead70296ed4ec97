//! SELECT of a large mailbox in a database: by a process that has just begun, and where somebody has it open.
//!
//! `cargo run --release -p imap-backendutil-benches --bin sql-select -- PLACE [DOUBLINGS]`
//!
//! PLACE is a file that is not there yet, or the URL of an empty PostgreSQL database. One message is copied onto itself until
//! there are two to the power of DOUBLINGS, by default 1,048,576. Where the place has messages already, none are made.

use std::error::Error;
use std::process::Command;
use std::time::{Duration, Instant};

use imap_backend::{Append, Mailbox as _, MailboxName, MessageSource, Select, Session as _};
use imap_seq::{Uid, UidSet};
use imap_sql::{Authenticator, PasswordCheck, SqlBackend, Store};
use imap_updates::{Access, Flags};

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// How often each figure is taken; the median is told.
const TIMES: usize = 11;

struct Nobody;

impl Authenticator for Nobody {
    async fn verify(&self, _: &str, _: &str) -> Outcome<PasswordCheck> {
        Ok(PasswordCheck::Refused)
    }
}

/// A short message, at once.
struct Short(Option<&'static [u8]>);

impl MessageSource for Short {
    fn size(&self) -> Option<u64> {
        Some(self.0.map_or(0, |octets| octets.len() as u64))
    }

    async fn chunk(&mut self) -> Result<Option<bytes::Bytes>, imap_backend::Error> {
        Ok(self.0.take().map(bytes::Bytes::from_static))
    }
}

fn open(place: &str) -> Outcome<SqlBackend<Nobody>> {
    let store = match place.contains("://") {
        true => Store::open_url(place)?,
        false => Store::open(place)?,
    };
    Ok(SqlBackend::new(store, Nobody))
}

/// Makes the messages.
async fn fill(place: &str, doublings: u32) -> Outcome<()> {
    let mut session = open(place)?.session("ann").await?;
    let inbox = MailboxName::inbox();
    let opened = session.select(&inbox, &Select::new(Access::ReadWrite)).await?;
    if opened.updates().exists() > 0 {
        return Ok(());
    }
    let append = Append::new(Flags::empty());
    session
        .append(&inbox, &append, Short(Some(b"Subject: one\r\n\r\n")))
        .await?;
    let (mut mailbox, ..) = opened.into_parts();
    for doubling in 0..doublings {
        let mut all = UidSet::new();
        let last = Uid::new(1 << doubling).ok_or("no UID")?;
        all.insert_range(Uid::MIN, last);
        mailbox.copy(&all, &inbox).await?;
    }
    Ok(())
}

/// What a process measures that has just begun: the milliseconds of the first SELECT and of one where the hub is there, and
/// its memory in MiB.
async fn measure(place: &str) -> Outcome<()> {
    let begin = Instant::now();
    let backend = open(place)?;
    let (first, _one) = select(&backend).await?;
    let (since_begin, memory) = (begin.elapsed(), peak_memory()?);
    let mut others = Vec::new();
    for _ in 0..TIMES {
        others.push(select(&backend).await?.0);
    }
    println!(
        "{} {} {} {memory}",
        milliseconds(since_begin),
        milliseconds(first),
        milliseconds(median(others))
    );
    Ok(())
}

async fn select(backend: &SqlBackend<Nobody>) -> Outcome<(Duration, impl Sized)> {
    let mut session = backend.session("ann").await?;
    let begin = Instant::now();
    let opened = session
        .select(&MailboxName::inbox(), &Select::new(Access::ReadWrite))
        .await?;
    Ok((begin.elapsed(), opened))
}

fn median<T: Ord + Copy>(mut all: Vec<T>) -> T {
    all.sort_unstable();
    all[all.len() / 2]
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

/// The most that this process has had in memory, in MiB (Linux).
fn peak_memory() -> Outcome<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kibibytes: u64 = line
        .and_then(|line| line.split_whitespace().next())
        .ok_or("no VmHWM")?
        .parse()?;
    Ok(kibibytes / 1024)
}

/// One column of figures of several processes.
fn column(lines: &[String], number: usize) -> Outcome<f64> {
    let figures: Result<Vec<f64>, _> = lines
        .iter()
        .map(|line| line.split_whitespace().nth(number).unwrap_or_default().parse())
        .collect();
    let mut figures = figures?;
    figures.sort_unstable_by(f64::total_cmp);
    Ok(figures[figures.len() / 2])
}

#[tokio::main]
async fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [flag, place] = arguments.as_slice()
        && flag == "--measure"
    {
        return measure(place).await;
    }
    let place = arguments.first().ok_or("where is the database?")?;
    let doublings = arguments.get(1).map_or(Ok(20), |text| text.parse())?;
    fill(place, doublings).await?;
    let mut lines = Vec::new();
    for _ in 0..TIMES {
        let output = Command::new(std::env::current_exe()?)
            .args(["--measure", place])
            .output()?;
        lines.push(String::from_utf8(output.stdout)?);
    }
    println!("open and SELECT, new process  {:8.1} ms", column(&lines, 0)?);
    println!("of this, SELECT               {:8.1} ms", column(&lines, 1)?);
    println!("SELECT, the hub is there      {:8.1} ms", column(&lines, 2)?);
    println!("memory of the process         {:8} MiB", column(&lines, 3)?);
    Ok(())
}
