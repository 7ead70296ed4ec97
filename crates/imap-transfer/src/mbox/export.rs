//! Writes mbox files.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use imap_backend::{ListQuery, ListedAs, MailboxName, Need, Record, Selection, Session, StatusQuery};

use super::names;
use super::writer::Writer;
use crate::counted::{lock, mark};
use crate::message::{Message, Unreadable};
use crate::progress::{Progress, Unit};
use crate::stored::{Reading, StoredMessage};
use crate::target::Delivered;
use crate::{CHUNK, Failure};

/// Writes the messages that a session sees into mbox files in a folder that is made, one for each mailbox; or those of one
/// mailbox into a file that is not there yet. A file has its name once it is complete.
///
/// # Errors
/// The first message that cannot be read or written, a folder that no export has made, or a file that is there.
pub async fn export_mbox(
    here: &mut impl Session,
    path: &Path,
    mailbox: Option<MailboxName>,
    progress: &mut Progress,
) -> Result<(), Failure> {
    let mut all = Vec::new();
    for entry in here.list(&ListQuery::new(Selection::Existing)).await? {
        if entry.listed_as() == ListedAs::Mailbox
            && mailbox.as_ref().is_none_or(|wanted| wanted == entry.name())
        {
            let status = here.status(entry.name(), StatusQuery::MESSAGES).await?;
            all.push((entry.name().clone(), u64::from(status.messages())));
        }
    }
    progress.expect(all.iter().map(|(_, messages)| messages).sum(), Unit::Messages);
    let Some(mailbox) = mailbox else {
        let _mark = mark(path)?;
        let delimiter = here.delimiter();
        for (name, _) in all {
            let file = path.join(names::path(&name, delimiter));
            export_mailbox(here, &name, &file, progress).await?;
        }
        return Ok(());
    };
    if all.is_empty() {
        return Err(format!("there is no such thing as the mailbox {mailbox}").into());
    }
    if path.exists() {
        return Err(format!("{} is there already", path.display()).into());
    }
    export_mailbox(here, &mailbox, path, progress).await
}

/// Writes a file under a hidden name, which it has until it is complete.
async fn export_mailbox(
    here: &mut impl Session,
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
    lock(&file, "another export is writing to it")?;
    if file.metadata()?.ino() != fs::metadata(path)?.ino() {
        return Err(io::Error::other("another export has just written it"));
    }
    file.set_len(0)?;
    Ok(file)
}

async fn write_messages(
    here: &mut impl Session,
    name: &MailboxName,
    out: &mut (impl Write + Send),
    progress: &mut Progress,
) -> Result<(), Failure> {
    let mut reading = Reading::open(here, name).await?;
    let write = async |record: Record| {
        let date = record.internal_date().unwrap_or_default().to_utc();
        let mut stored = StoredMessage::new(&record)?;
        let mut message = Writer::begin(&mut *out, date, record.flags())?;
        while let Some(octets) = stored.chunk().await.map_err(Unreadable::into_failure)? {
            message.push(&octets)?;
        }
        message.finish()?;
        progress.count(&Delivered::Stored, 1);
        Ok(())
    };
    let need = Need::INTERNAL_DATE.and(Need::BODY);
    reading.each(reading.uids.clone(), need, write).await
}
