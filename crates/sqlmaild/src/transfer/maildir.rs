//! Between an account of a database and a Maildir, by the backend for Maildirs.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

use imap_backend::{Create, Error, ErrorKind, MailboxName, Need, Record, Session};
use imap_daemon::Failure;
use imap_maildir::{MailRoot, MaildirBackend, MaildirSession};
use imap_seq::{Uid, UidValidity};
use imap_sql::admin::{Admin, AdminError, Delivered, Delivery, Place};
use imap_sql::{SqlSession, Store};

use super::{BodySource, Nobody, Progress, Reading, append, mailboxes, mark, session};

/// What stands between the parts of a name there, and what here.
const THERE: char = '.';
const HERE: char = '/';

/// Stores the messages of a Maildir with all its mailboxes in an account: flags, keywords, dates, subscriptions. What an import
/// has taken before is not stored again. Nothing in the Maildir changes, but that its messages have UIDs afterwards.
///
/// # Errors
/// The first message that cannot be read or stored. What is stored stays, and another import goes on from there.
pub(crate) async fn import_maildir(store: &Store, account: &str, path: &Path) -> Result<(), Failure> {
    let admin = Admin::new(store);
    let mut here = session(store, &admin, account).await?;
    if !["cur", "new"].iter().all(|part| path.join(part).is_dir()) {
        return Err(format!(
            "{} is not a Maildir: it has no folders cur and new",
            path.display()
        )
        .into());
    }
    let mut there = maildir(path).await?;
    let mut progress = Progress::new("imported");
    for (name, subscribed) in mailboxes(&mut there).await? {
        let mailbox = translated(&name, THERE, HERE)?;
        let place = Place {
            account: account.to_owned(),
            mailbox,
        };
        match admin.create_mailbox(&place).await {
            Ok(()) | Err(AdminError::MailboxExists(_)) => {}
            Err(error) => return Err(error.into()),
        }
        if subscribed {
            here.subscribe(&place.mailbox).await?;
        }
        let import = import_mailbox(&admin, &place, (&mut there, &name), &mut progress);
        import.await.map_err(|error| format!("{name}: {error}"))?;
    }
    Ok(())
}

async fn import_mailbox(
    admin: &Admin,
    place: &Place,
    (there, name): (&mut MaildirSession, &MailboxName),
    progress: &mut Progress,
) -> Result<(), Failure> {
    let taken = admin.taken(place).await?;
    let mut reading = Reading::open(there, name).await?;
    let uid_validity = reading.uid_validity;
    let mut missing: HashSet<Uid> = HashSet::new();
    let identity = Need::INTERNAL_DATE.and(Need::SIZE);
    let look = async |record: Record| {
        match taken.contains(&item(uid_validity, &record)) {
            true => progress.count(false),
            false => drop(missing.insert(record.uid())),
        }
        Ok(())
    };
    reading.each(reading.uids.clone(), identity, look).await?;
    let mut uids = reading.uids.clone();
    uids.retain(|uid| missing.contains(uid));
    let store = async |record: Record| {
        let Some(body) = record.body() else {
            return Err(Error::new(ErrorKind::ServerBug).into());
        };
        let delivery = Delivery {
            append: append(&record),
            item: Some(item(uid_validity, &record)),
        };
        let source = BodySource::new(body.clone()).await?;
        let delivered = admin.deliver(place, &delivery, source).await;
        let delivered =
            delivered.map_err(|error| format!("the message with UID {}: {error}", record.uid()))?;
        progress.count(delivered != Delivered::TakenBefore);
        Ok(())
    };
    reading.each(uids, identity.and(Need::BODY), store).await
}

/// What a message of a Maildir is known by: its UID, which stays with it wherever the Maildir is copied, and what makes sure that
/// another Maildir's message with that UID is another one.
fn item(uid_validity: UidValidity, record: &Record) -> String {
    let date = record.internal_date().map_or(0, |date| date.timestamp());
    let size = record.size().unwrap_or(0);
    format!("maildir {uid_validity} {} {size} {date}", record.uid())
}

/// Stores the messages of an account in a Maildir that is made. One that was broken off goes on where it ended.
///
/// # Errors
/// The first message that cannot be read or stored, or a Maildir that no export has made.
pub(crate) async fn export_maildir(store: &Store, account: &str, path: &Path) -> Result<(), Failure> {
    let admin = Admin::new(store);
    let mut here = session(store, &admin, account).await?;
    let names = exported_names(mailboxes(&mut here).await?)?;
    let _mark = mark(path)?;
    let mut there = maildir(path).await?;
    let mut progress = Progress::new("exported");
    for (name, (own, subscribed)) in names {
        match there.create(&name, &Create::default()).await {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::AlreadyExists || name.is_inbox() => {}
            Err(error) => return Err(format!("{own}: {error}").into()),
        }
        if subscribed {
            there.subscribe(&name).await?;
        }
        let export = export_mailbox(&mut here, &own, (&mut there, &name), &mut progress);
        export.await.map_err(|error| format!("{own}: {error}"))?;
    }
    Ok(())
}

/// A message, as far as an export has to tell it from others of the Maildir that it makes: date and octets.
type Seen = (i64, u64);

fn seen(record: &Record) -> Seen {
    let date = record.internal_date().map_or(0, |date| date.timestamp());
    (date, record.size().unwrap_or(0))
}

async fn export_mailbox(
    here: &mut SqlSession,
    own: &MailboxName,
    (there, name): (&mut MaildirSession, &MailboxName),
    progress: &mut Progress,
) -> Result<(), Failure> {
    // How many of each the export before this one has stored. They are the first: messages go in their order.
    let mut done: HashMap<Seen, u64> = HashMap::new();
    let identity = Need::INTERNAL_DATE.and(Need::SIZE);
    let mut written = Reading::open(there, name).await?;
    let count = async |record: Record| {
        *done.entry(seen(&record)).or_default() += 1;
        Ok(())
    };
    written.each(written.uids.clone(), identity, count).await?;
    let mut reading = Reading::open(here, own).await?;
    let store = async |record: Record| {
        if let Some(left) = done.get_mut(&seen(&record)).filter(|left| **left > 0) {
            *left -= 1;
            progress.count(false);
            return Ok(());
        }
        let Some(body) = record.body() else {
            return Err(Error::new(ErrorKind::ServerBug).into());
        };
        let source = BodySource::new(body.clone()).await?;
        let stored = there.append(name, &append(&record), source).await;
        stored.map_err(|error| format!("the message with UID {}: {error}", record.uid()))?;
        progress.count(true);
        Ok(())
    };
    reading
        .each(reading.uids.clone(), identity.and(Need::BODY), store)
        .await
}

/// The names that mailboxes get in a Maildir, which cannot say a dot within a part.
fn exported_names(
    mailboxes: Vec<(MailboxName, bool)>,
) -> Result<BTreeMap<MailboxName, (MailboxName, bool)>, Failure> {
    let mut names = BTreeMap::new();
    for (own, subscribed) in mailboxes {
        let without_dots =
            MailboxName::new(&own.as_str().replace(THERE, "_")).ok_or("a mailbox without a name")?;
        let name = translated(&without_dots, HERE, THERE)?;
        if let Some((other, _)) = names.insert(name.clone(), (own.clone(), subscribed)) {
            return Err(format!("{other} and {own} would both be {name} there: rename one of them").into());
        }
    }
    Ok(names)
}

fn translated(name: &MailboxName, from: char, to: char) -> Result<MailboxName, Failure> {
    let text = name.as_str().replace(from, &to.to_string());
    Ok(MailboxName::new(&text).ok_or("a mailbox without a name")?)
}

/// The Maildir at this path. Its backend is asked for the mail of somebody: of whom does not matter, as long as the path does not
/// say so.
async fn maildir(path: &Path) -> Result<MaildirSession, Failure> {
    if path.to_string_lossy().contains("%u") {
        return Err(format!("{}: a path with %u in it cannot be used", path.display()).into());
    }
    let backend = MaildirBackend::new(MailRoot::new(path), Nobody)?;
    Ok(backend.session("anybody").await?)
}
