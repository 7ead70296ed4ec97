//! The names that a listing found, by base name: a million of them in one piece of memory.

use std::hash::{BuildHasher as _, RandomState};

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

use crate::disk::directory::{FileAt, Subdirectory};
use crate::disk::scan::FoundFile;
use crate::format::file_name::split;

/// Files by base name, each base name once. Some 20 octets a file beside its name.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// All names, one behind the other.
    names: Vec<u8>,
    places: Vec<Place>,
    /// Indices into `places`, by the hash of the base name.
    table: HashTable<u32>,
    /// Of its own in each process, so that nobody can make many names meet.
    hasher: RandomState,
}

/// Where a name stands in `names`.
#[derive(Clone, Copy, Debug)]
struct Place {
    start: usize,
    /// File systems allow 255 octets.
    length: u16,
    base: u16,
    subdirectory: Subdirectory,
    /// Another file had its base name later.
    is_replaced: bool,
}

/// The files, without the table: what the table's own methods look into.
struct Files<'a> {
    names: &'a [u8],
    places: &'a [Place],
}

impl<'a> Files<'a> {
    fn name(&self, at: u32) -> (&'a [u8], Place) {
        let place = self.places[at as usize];
        (&self.names[place.start..][..usize::from(place.length)], place)
    }

    fn base(&self, at: u32) -> &'a [u8] {
        let (name, place) = self.name(at);
        &name[..usize::from(place.base)]
    }
}

impl Found {
    fn files(&self) -> Files<'_> {
        Files {
            names: &self.names,
            places: &self.places,
        }
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.table.len()
    }

    /// The number of a base name's file among all, from 0 to [`numbers`](Self::numbers).
    pub(crate) fn number_of(&self, base: &[u8]) -> Option<u32> {
        let files = self.files();
        let hash = self.hasher.hash_one(base);
        self.table.find(hash, |&at| files.base(at) == base).copied()
    }

    /// One above the largest number.
    pub(crate) fn numbers(&self) -> usize {
        self.places.len()
    }

    pub(crate) fn file(&self, number: u32) -> FileAt<'_> {
        let (name, place) = self.files().name(number);
        FileAt::new(place.subdirectory, name)
    }

    pub(crate) fn get(&self, base: &[u8]) -> Option<FileAt<'_>> {
        self.number_of(base).map(|number| self.file(number))
    }

    pub(crate) fn contains(&self, base: &[u8]) -> bool {
        self.number_of(base).is_some()
    }

    /// Adds a file; gives the one that had its base name before. A name that no file system has (of more than 65,535 octets) is
    /// left out.
    pub(crate) fn insert(&mut self, file: FileAt<'_>) -> Option<FoundFile> {
        let (base, _) = split(file.name);
        let place = Place {
            start: self.names.len(),
            length: u16::try_from(file.name.len()).ok()?,
            base: u16::try_from(base.len()).ok()?,
            subdirectory: file.subdirectory,
            is_replaced: false,
        };
        let number = u32::try_from(self.places.len()).ok()?;
        let hash = self.hasher.hash_one(base);
        self.names.extend_from_slice(file.name);
        self.places.push(place);
        let files = Files {
            names: &self.names,
            places: &self.places,
        };
        let hash_of = |&at: &u32| self.hasher.hash_one(files.base(at));
        match self.table.entry(hash, |&at| files.base(at) == base, hash_of) {
            Entry::Occupied(mut taken) => {
                let earlier = std::mem::replace(taken.get_mut(), number);
                let (name, place) = files.name(earlier);
                let file = FoundFile {
                    subdirectory: place.subdirectory,
                    name: name.into(),
                };
                self.places[earlier as usize].is_replaced = true;
                Some(file)
            }
            Entry::Vacant(free) => {
                free.insert(number);
                None
            }
        }
    }

    /// Adds all of another listing; where both have a base name, the other's file counts.
    pub(crate) fn extend(&mut self, other: &Self) {
        for (_, file) in other.iter() {
            self.insert(file);
        }
    }

    /// All files with their numbers, in the order in which they were added.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, FileAt<'_>)> {
        let places = (0u32..).zip(&self.places);
        let current = places.filter(|(_, place)| !place.is_replaced);
        current.map(|(number, _)| (number, self.file(number)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashMap;

    proptest! {
        #[test]
        fn it_is_a_map_by_base_name(files in proptest::collection::vec((any::<bool>(), "[ab]{1,3}(:2,[SF]{0,2})?"), 0..60)) {
            let mut found = Found::default();
            let mut model: HashMap<Vec<u8>, FoundFile> = HashMap::new();
            for (in_new, name) in &files {
                let subdirectory = if *in_new { Subdirectory::New } else { Subdirectory::Cur };
                let name = name.as_bytes();
                let file = FoundFile { subdirectory, name: name.into() };
                let before = model.insert(split(name).0.to_vec(), file);
                prop_assert_eq!(found.insert(FileAt::new(subdirectory, name)), before);
            }
            prop_assert_eq!(found.len(), model.len());
            for (base, file) in &model {
                let at = found.get(base).unwrap();
                prop_assert_eq!(&FoundFile::of(at), file);
            }
            let all: HashMap<Vec<u8>, FoundFile> = found
                .iter()
                .map(|(_, file)| (split(file.name).0.to_vec(), FoundFile::of(file)))
                .collect();
            prop_assert_eq!(all, model);
            prop_assert!(!found.contains(b"c"));
        }
    }
}
