//! Between an account of a database and mbox files, one for each mailbox.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use imap_backend::{Error, ErrorKind, MailboxName, MessageSource, Need, Record};
use imap_daemon::Failure;
use imap_sql::admin::{Admin, AdminError, Delivered, Delivery, Place};
use imap_sql::{SqlSession, Store};

use self::entry::{Entry, EntrySource, Items, Section};
use self::reader::Reader;
use self::writer::Writer;
use super::{BodySource, CHUNK, Progress, Reading, lock, mailboxes, mark, session};

mod entry;
mod names;
mod reader;
mod status;
#[cfg(test)]
mod tests;
mod writer;

/// Stores the messages of the mbox files of a folder in an account, or those of one file in one mailbox: flags, keywords, dates.
/// What an import has taken into a mailbox before is not stored in it again.
///
/// # Errors
/// The first message that cannot be read or stored: what is stored stays, and another import goes on from there. Or, after all
/// others, that messages with a NUL octet were left out.
pub(crate) async fn import_mbox(
    store: &Store,
    account: &str,
    path: &Path,
    mailbox: Option<MailboxName>,
) -> Result<(), Failure> {
    let admin = Admin::new(store);
    if !admin.has_account(account).await? {
        return Err(AdminError::NoAccount(account.to_owned()).into());
    }
    let files = files(path, mailbox)?;
    let mut progress = Progress::new("imported");
    let mut left_out = 0;
    for (path, mailbox) in files {
        let place = Place {
            account: account.to_owned(),
            mailbox,
        };
        let import = import_file(&admin, &place, &path, &mut progress);
        left_out += import
            .await
            .map_err(|error| format!("{}: {error}", path.display()))?;
    }
    match left_out {
        0 => Ok(()),
        _ => Err(format!("messages left out: {left_out}").into()),
    }
}

/// The files to import, and the mailbox of each.
fn files(path: &Path, mailbox: Option<MailboxName>) -> Result<Vec<(PathBuf, MailboxName)>, Failure> {
    let shown = path.display();
    let is_folder = fs::metadata(path)
        .map_err(|error| format!("cannot read {shown}: {error}"))?
        .is_dir();
    match (is_folder, mailbox) {
        (true, Some(_)) => {
            Err(format!("{shown} is a folder, and one mailbox is imported from one file").into())
        }
        (false, None) => Err(format!("{shown} is a file: say into which --mailbox it goes").into()),
        (false, Some(mailbox)) => Ok(vec![(path.to_owned(), mailbox)]),
        (true, None) => match names::all(path)? {
            files if files.is_empty() => {
                Err(format!("{shown} has no files whose names end with .mbox").into())
            }
            files => Ok(files),
        },
    }
}

/// Gives the number of messages that were left out.
async fn import_file(
    admin: &Admin,
    place: &Place,
    path: &Path,
    progress: &mut Progress,
) -> Result<u64, Failure> {
    let file = File::open(path)?;
    match admin.create_mailbox(place).await {
        Ok(()) | Err(AdminError::MailboxExists(_)) => {}
        Err(error) => return Err(error.into()),
    }
    let taken = admin.taken(place).await?;
    let mut reader = Reader::new(Section(&file, 0), 0);
    let mut items = Items::default();
    let mut left_out = 0;
    while let Some(entry) = Entry::next(&mut reader)? {
        let item = items.next(&entry);
        if let Some(nul) = entry.nul {
            let (shown, start) = (path.display(), entry.start);
            let why = format!("the message at octet {start} is left out: it has a NUL at octet {nul}");
            // The exit code says it too.
            let _ = writeln!(io::stderr(), "{shown}: {why}");
            left_out += 1;
            continue;
        }
        if taken.contains(&item) {
            progress.count(false);
            continue;
        }
        let delivery = Delivery {
            append: entry.append(),
            item: Some(item),
        };
        let mut source = EntrySource::new(&file, &entry)?;
        let delivered = admin.deliver(place, &delivery, &mut source).await;
        let delivered = match source.failed() {
            Some(error) => Err(error.into()),
            None => delivered.map_err(Failure::from),
        };
        let delivered =
            delivered.map_err(|error| format!("the message at octet {}: {error}", entry.start))?;
        progress.count(delivered != Delivered::TakenBefore);
    }
    Ok(left_out)
}

/// Writes the messages of an account into mbox files in a folder that is made, one for each mailbox; or those of one mailbox into
/// a file that is not there yet. A file has its name once it is complete.
///
/// # Errors
/// The first message that cannot be read or written, a folder that no export has made, or a file that is there.
pub(crate) async fn export_mbox(
    store: &Store,
    account: &str,
    path: &Path,
    mailbox: Option<MailboxName>,
) -> Result<(), Failure> {
    let mut here = session(store, &Admin::new(store), account).await?;
    let all = mailboxes(&mut here).await?;
    let mut names = all.into_iter().map(|(name, _)| name);
    let Some(mailbox) = mailbox else {
        let _mark = mark(path)?;
        let mut progress = Progress::new("exported");
        for name in names {
            let file = path.join(names::path(&name));
            export_mailbox(&mut here, &name, &file, &mut progress).await?;
        }
        return Ok(());
    };
    if !names.any(|name| name == mailbox) {
        let account = account.to_owned();
        return Err(AdminError::NoMailbox(Place { account, mailbox }).into());
    }
    if path.exists() {
        return Err(format!("{} is there already", path.display()).into());
    }
    export_mailbox(&mut here, &mailbox, path, &mut Progress::new("exported")).await
}

/// Writes a file under a hidden name, which it has until it is complete.
async fn export_mailbox(
    here: &mut SqlSession,
    name: &MailboxName,
    path: &Path,
    progress: &mut Progress,
) -> Result<(), Failure> {
    let failed = |error: io::Error| format!("cannot write {}: {error}", path.display());
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    let file_name = path.file_name().ok_or("a file without a name")?;
    let mut hidden = OsString::from(".");
    hidden.push(file_name);
    hidden.push(".part");
    let part = folder.join(hidden);
    fs::create_dir_all(folder).map_err(failed)?;
    let file = begin(&part).map_err(failed)?;
    let mut out = BufWriter::with_capacity(CHUNK, file);
    let write = write_messages(here, name, &mut out, progress);
    write.await.map_err(|error| format!("{name}: {error}"))?;
    let file = out.into_inner().map_err(|error| failed(error.into_error()))?;
    file.sync_all().map_err(failed)?;
    fs::rename(part, path).map_err(failed)?;
    Ok(File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(failed)?)
}

/// A file that is not complete yet, and empty: what an export before this one has left in it is gone.
fn begin(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    let file = options
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)?;
    lock(&file)?;
    if file.metadata()?.ino() != fs::metadata(path)?.ino() {
        return Err(io::Error::other("another export has just written it"));
    }
    file.set_len(0)?;
    Ok(file)
}

async fn write_messages(
    here: &mut SqlSession,
    name: &MailboxName,
    out: &mut (impl Write + Send),
    progress: &mut Progress,
) -> Result<(), Failure> {
    let mut reading = Reading::open(here, name).await?;
    let write = async |record: Record| {
        let Some(body) = record.body() else {
            return Err(Error::new(ErrorKind::ServerBug).into());
        };
        let date = record.internal_date().unwrap_or_default().to_utc();
        let mut message = Writer::begin(&mut *out, date, record.flags())?;
        let mut source = BodySource::new(body.clone()).await?;
        while let Some(octets) = source.chunk().await? {
            message.push(&octets)?;
        }
        message.finish()?;
        progress.count(true);
        Ok(())
    };
    let need = Need::INTERNAL_DATE.and(Need::BODY);
    reading.each(reading.uids.clone(), need, write).await
}
