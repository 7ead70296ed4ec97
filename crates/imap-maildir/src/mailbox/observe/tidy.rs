//! Changes that a look makes on disk itself: messages go from `new/` to `cur/`, and files with one base name apart.

use std::io;

use imap_seq::{Uid, UidSet};
use imap_updates::Recency;

use super::{Arrival, Difference, Renaming};
use crate::disk::directory::{FileAt, Subdirectory};
use crate::disk::scan::{Double, FoundFile};
use crate::format::flags::Info;
use crate::mailbox::open::{MovesNew, OpenMailbox, Writer};

/// A file whose hard link of the same name is this old, seconds, is a leftover of a program that links and then unlinks.
const DOUBLE_SECONDS: i64 = 30;

#[derive(PartialEq, Eq)]
enum Moved {
    Yes,
    No,
    /// It is not there any more: another process was faster.
    ByAnother,
}

impl OpenMailbox {
    /// Moves known messages from `new/` to `cur/` if a session is there that may: those of the difference, and those that lie
    /// there already.
    ///
    /// What cannot be moved (no space, no permission) stays, and is tried again when something changes, not at every look.
    pub(super) fn move_known_to_cur(&self, writer: &mut Writer, difference: &mut Difference) {
        let mut staying = self.known_in_new(difference);
        if self.moves_new() == MovesNew::No {
            let in_new = |renaming: &&Renaming| renaming.file.subdirectory == Subdirectory::New;
            writer.left_in_new = difference.renamed.iter().filter(in_new).count() + staying.len();
            return;
        }
        for renaming in &mut difference.renamed {
            let _ = self.move_to_cur(&mut renaming.file);
        }
        staying.retain_mut(|renaming| self.move_to_cur(&mut renaming.file) == Moved::Yes);
        difference.renamed.append(&mut staying);
        writer.left_in_new = 0;
    }

    /// The same for messages that become known.
    pub(super) fn move_arrived_to_cur(&self, writer: &mut Writer, arrived: &mut [Arrival]) {
        if self.moves_new() == MovesNew::No {
            let in_new = |arrival: &&Arrival| arrival.file.subdirectory == Subdirectory::New;
            writer.left_in_new += arrived.iter().filter(in_new).count();
            return;
        }
        for arrival in arrived {
            if self.move_to_cur(&mut arrival.file) == Moved::ByAnother {
                arrival.recency = Recency::NotRecent;
            }
        }
    }

    /// Known messages in `new/` that the listing says nothing new about.
    fn known_in_new(&self, difference: &Difference) -> Vec<Renaming> {
        let renamed: std::collections::HashSet<_> =
            difference.renamed.iter().map(|renaming| renaming.uid).collect();
        let mut hub = self.hub.lock();
        let in_new: Vec<Uid> = hub.in_new().iter().collect();
        let staying = in_new
            .into_iter()
            .filter(|uid| !difference.expunged.contains(*uid) && !renamed.contains(uid));
        let as_renaming = |uid| {
            let file = FoundFile::of(hub.get(uid)?.at());
            Some(Renaming { uid, file })
        };
        staying.filter_map(as_renaming).collect()
    }

    /// Known messages of `new/` that were found in `cur/`.
    pub(super) fn moved_by_others(&self, renamed: &[Renaming]) -> UidSet {
        let hub = self.hub.lock();
        let in_cur = renamed
            .iter()
            .filter(|renaming| renaming.file.subdirectory == Subdirectory::Cur);
        in_cur
            .map(|renaming| renaming.uid)
            .filter(|uid| hub.in_new().contains(*uid))
            .collect()
    }

    fn move_to_cur(&self, file: &mut FoundFile) -> Moved {
        if file.subdirectory == Subdirectory::Cur {
            return Moved::No;
        }
        let name = [file.base(), &Info::parse(file.suffix()).suffix()[..]].concat();
        let to = FileAt::new(Subdirectory::Cur, &name);
        match self.directory.rename(file.at(), to) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Moved::ByAnother,
            Err(_) => return Moved::No,
            Ok(()) => {}
        }
        file.subdirectory = Subdirectory::Cur;
        file.name = name.into();
        Moved::Yes
    }

    /// Of two files with one base name, links to one file become one, and different messages get different names.
    pub(super) fn separate_doubles(&self, writer: &mut Writer, doubles: &[Double]) {
        writer
            .doubled
            .extend(doubles.iter().map(|double| double.file.base().into()));
        if self.moves_new() == MovesNew::No {
            writer.doubles = doubles.len();
            return;
        }
        writer.doubles = 0;
        for Double { file, other } in doubles {
            let status = |file: &FoundFile| self.directory.status(file.at());
            let (Ok(this), Ok(that)) = (status(file), status(other)) else {
                continue;
            };
            if this.identity != that.identity {
                let name = self.names.next();
                let to = FileAt::new(Subdirectory::New, &name);
                let _ = self.directory.rename(file.at(), to);
                writer.cur.forget();
            } else if crate::disk::clock::seconds() - this.changed > DOUBLE_SECONDS {
                let _ = self.directory.unlink(file.at());
            }
        }
    }
}
