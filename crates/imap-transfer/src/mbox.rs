//! mbox files, one for each mailbox.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use imap_backend::MailboxName;

use self::entry::{Entry, EntryMessage, Items, Section};
use self::reader::Reader;
use crate::progress::Unit;
use crate::source::{Intake, Source};
use crate::target::Target;
use crate::{Failure, Folder};

mod entry;
mod export;
mod names;
mod reader;
mod status;
#[cfg(test)]
mod tests;
mod writer;

pub use export::export_mbox;

/// The mbox files of a folder, or one file.
#[derive(Clone, Debug)]
pub struct MboxFiles {
    files: Vec<(PathBuf, MailboxName)>,
}

impl MboxFiles {
    /// The files at a path: those of a folder, or one for this mailbox.
    ///
    /// # Errors
    /// The folder cannot be read or has none, or it is not said into which mailbox a file goes.
    pub fn at(path: &Path, mailbox: Option<MailboxName>) -> Result<Self, Failure> {
        let shown = path.display();
        let is_folder = fs::metadata(path)
            .map_err(|error| format!("cannot read {shown}: {error}"))?
            .is_dir();
        let files = match (is_folder, mailbox) {
            (true, Some(_)) => {
                return Err(format!("{shown} is a folder, and one mailbox is imported from one file").into());
            }
            (false, None) => {
                return Err(format!("{shown} is a file: say into which --mailbox it goes").into());
            }
            (false, Some(mailbox)) => vec![(path.to_owned(), mailbox)],
            (true, None) => names::all(path)?,
        };
        match files.is_empty() {
            true => Err(format!("{shown} has no files whose names end with .mbox").into()),
            false => Ok(Self { files }),
        }
    }
}

impl Source for MboxFiles {
    fn delimiter(&self) -> char {
        '/'
    }

    fn unit(&self) -> Unit {
        Unit::Octets
    }

    async fn folders(&mut self) -> Result<Vec<Folder>, Failure> {
        let folder = |(path, name): &(PathBuf, MailboxName)| {
            let octets = fs::metadata(path)
                .map_err(|error| format!("{}: {error}", path.display()))?
                .len();
            Ok(Folder::new(name.clone(), octets))
        };
        self.files.iter().map(folder).collect()
    }

    async fn read<T: Target>(&mut self, folder: &Folder, into: &mut Intake<'_, T>) -> Result<(), Failure> {
        let mut files = self.files.iter();
        let Some((path, _)) = files.find(|(_, name)| *name == folder.name) else {
            return Ok(());
        };
        into.shown_as(path.display().to_string());
        let failed = |error| format!("{}: {error}", path.display());
        let file = File::open(path).map_err(failed)?;
        let mut reader = Reader::new(Section(&file, 0), 0);
        let mut items = Items::default();
        while let Some(entry) = Entry::next(&mut reader).map_err(failed)? {
            let item = items.next(&entry);
            if let Some(nul) = entry.nul {
                into.leave_out(&item, &format!("it has a NUL at octet {nul}"));
            } else if !into.has(&item) {
                into.take(&item, &mut EntryMessage::new(&file, &entry).map_err(failed)?)
                    .await?;
            }
        }
        Ok(())
    }
}
