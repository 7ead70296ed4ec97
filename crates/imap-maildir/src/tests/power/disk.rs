//! A disk as POSIX allows it: what a power failure leaves of the calls that a process made.
//!
//! | what | is durable | else |
//! | --- | --- | --- |
//! | a file's content and length | after a sync of the file | as synced, all of it, the first half of what was added, or zeros in its place |
//! | a file's time | after a sync of the file with its times | the old one or the new one |
//! | a name | after a sync of its directory | see [`Order`] |
//!
//! A name and what it names are independent: a durable name may lead to an empty file, and a durable file may have no name.
//! One thing is taken for granted that POSIX does not say: a rename from one directory to another is never seen with the
//! old name gone and the new one not there. Journals and soft updates see to that, and the Maildir format builds on it.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use crate::disk::index_file;
use crate::disk::storage::change::{Scope, Site};
use crate::disk::storage::recording::{Content, Node, ROOT, Recording, Step};

/// In which order names become durable that were not synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// In the order of the calls, over all directories: a journal, as ext4 and XFS have it.
    Journal,
    /// In the order of the calls for each directory, and each on its own. A rename from one directory to another may have
    /// happened in the new one only.
    EachDirectory,
}

/// Who decides where the disk has a choice.
#[derive(Clone, Debug)]
pub(super) enum Fate {
    /// Only what was synced is there.
    Least,
    /// Everything is there.
    Most,
    /// Whatever these numbers say, over and over.
    Drawn { numbers: Vec<u8>, next: usize },
}

impl Fate {
    /// One of so many options, of which the first is what was synced and the last is everything.
    fn choose(&mut self, options: usize) -> usize {
        match self {
            Self::Least => 0,
            Self::Most => options - 1,
            Self::Drawn { numbers, next } => {
                let number = numbers.get(*next % numbers.len().max(1)).copied().unwrap_or(0);
                *next += 1;
                usize::from(number) % options
            }
        }
    }
}

/// What is under a path.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Found {
    Directory,
    /// Paths with one node are links to one file. No time where it is the time of the failure.
    File {
        node: Node,
        octets: Vec<u8>,
        modified: Option<i64>,
    },
}

/// What is there after a power failure, by path below the root.
pub(super) type Tree = BTreeMap<PathBuf, Found>;

/// The moment at which the power failed.
#[derive(Clone, Copy, Debug)]
pub(super) struct PowerFailure<'a> {
    pub(super) recording: &'a Recording,
    /// How many of the steps had been made.
    pub(super) after: usize,
    /// A sync that said it was done and was not.
    pub(super) lie: Option<Site>,
}

/// What happened in one directory.
#[derive(Debug, Default)]
struct Log {
    changes: Vec<NameChange>,
    /// How many of them are durable for certain.
    synced: usize,
}

#[derive(Debug)]
struct NameChange {
    step: usize,
    removed: Option<Box<[u8]>>,
    added: Option<(Box<[u8]>, Node)>,
    /// The directory into which the name went that is removed here, and how many changes of that have to be durable too.
    after: Option<(Node, usize)>,
}

type Logs = BTreeMap<Node, Log>;

impl PowerFailure<'_> {
    /// What the disk has when the power is back.
    pub(super) fn leaves(&self, order: Order, mut fate: Fate) -> Tree {
        let logs = self.logs();
        let durable = match order {
            Order::Journal => self.journalled(&logs, &mut fate),
            Order::EachDirectory => each_directory(&logs, &mut fate),
        };
        let names = self.names(&logs, &durable);
        let mut tree = Tree::new();
        let mut files = HashMap::new();
        self.add(&names, ROOT, Path::new(""), &mut files, &mut fate, &mut tree);
        tree
    }

    fn steps(&self) -> impl DoubleEndedIterator<Item = (usize, &Step)> {
        let is_lie = |step: &Step| matches!(step, Step::Synced { site, .. } if Some(*site) == self.lie);
        let made = self.recording.steps[..self.after].iter().enumerate();
        made.filter(move |(_, step)| !is_lie(step))
    }

    fn logs(&self) -> Logs {
        let mut logs = Logs::new();
        for (step, what) in self.steps() {
            let change = |removed, added, after| NameChange {
                step,
                removed,
                added,
                after,
            };
            let mut add = |directory, change| {
                let log: &mut Log = logs.entry(directory).or_default();
                log.changes.push(change);
                log.changes.len()
            };
            match what {
                Step::Named { at, node } => {
                    add(at.directory, change(None, Some((at.name.clone(), *node)), None));
                }
                Step::Removed { at } => {
                    add(at.directory, change(Some(at.name.clone()), None, None));
                }
                Step::Renamed { from, to, node } if from.directory == to.directory => {
                    let added = Some((to.name.clone(), *node));
                    add(from.directory, change(Some(from.name.clone()), added, None));
                }
                Step::Renamed { from, to, node } => {
                    let count = add(to.directory, change(None, Some((to.name.clone(), *node)), None));
                    let after = Some((to.directory, count));
                    add(from.directory, change(Some(from.name.clone()), None, after));
                }
                Step::Synced {
                    node,
                    scope: Scope::Names,
                    ..
                } => {
                    let log = logs.entry(*node).or_default();
                    log.synced = log.changes.len();
                }
                _ => {}
            }
        }
        logs
    }

    /// How many changes of each directory are durable, if all of them become so in the order of the calls.
    fn journalled(&self, logs: &Logs, fate: &mut Fate) -> HashMap<Node, usize> {
        let synced = |log: &Log| {
            log.changes[..log.synced]
                .last()
                .map_or(0, |change| change.step + 1)
        };
        let least = logs.values().map(synced).max().unwrap_or(0);
        let end = least + fate.choose(self.after - least + 1);
        let before_end = |log: &Log| log.changes.partition_point(|change| change.step < end);
        logs.iter()
            .map(|(&directory, log)| (directory, before_end(log)))
            .collect()
    }

    fn names(&self, logs: &Logs, durable: &HashMap<Node, usize>) -> HashMap<Node, BTreeMap<Box<[u8]>, Node>> {
        let mut names = HashMap::new();
        for (directory, content) in self.recording.nodes.iter().enumerate() {
            let Content::Directory(before) = content else {
                continue;
            };
            let mut now = before.clone();
            let changes = logs.get(&directory).map_or(&[][..], |log| &log.changes);
            for change in changes.iter().take(durable.get(&directory).copied().unwrap_or(0)) {
                if let Some(removed) = &change.removed {
                    now.remove(removed);
                }
                now.extend(change.added.clone());
            }
            names.insert(directory, now);
        }
        names
    }

    fn add(
        &self,
        names: &HashMap<Node, BTreeMap<Box<[u8]>, Node>>,
        directory: Node,
        path: &Path,
        files: &mut HashMap<Node, Found>,
        fate: &mut Fate,
        tree: &mut Tree,
    ) {
        for (name, &node) in &names[&directory] {
            let path = path.join(OsStr::from_bytes(name));
            if names.contains_key(&node) {
                tree.insert(path.clone(), Found::Directory);
                self.add(names, node, &path, files, fate, tree);
            } else {
                let file = files.entry(node).or_insert_with(|| self.file(node, fate));
                tree.insert(path, file.clone());
            }
        }
    }

    fn file(&self, node: Node, fate: &mut Fate) -> Found {
        let Content::File { octets, modified } = &self.recording.nodes[node] else {
            unreachable!("a directory")
        };
        let steps = || {
            self.steps()
                .filter(move |(_, step)| step.is_about_content_of(node))
                .map(|(_, step)| step)
        };
        let count_synced = |scopes: &[Scope]| {
            let is_sync = |step: &Step| matches!(step, Step::Synced { scope, .. } if scopes.contains(scope));
            let last = steps().enumerate().filter(|(_, step)| is_sync(step)).last();
            last.map_or(0, |(at, _)| at)
        };
        let content = count_synced(&[Scope::Content, Scope::ContentAndTimes]);
        let synced = content_after(octets, steps().take(content));
        let whole = content_after(octets, steps());
        let kept = synced.len().min(whole.len());
        let octets = if synced == whole {
            whole
        } else {
            match fate.choose(4) {
                0 => synced,
                1 => [&whole[..kept], &vec![0; whole.len() - kept]].concat(),
                2 => whole[..kept.midpoint(whole.len())].to_vec(),
                _ => whole,
            }
        };
        let times = count_synced(&[Scope::ContentAndTimes]);
        let synced = time_after(*modified, steps().take(times));
        let latest = time_after(*modified, steps());
        let modified = if synced == latest || fate.choose(2) == 0 {
            synced
        } else {
            latest
        };
        Found::File {
            node,
            octets,
            modified,
        }
    }
}

impl Step {
    fn is_about_content_of(&self, file: Node) -> bool {
        match self {
            Self::Written { node, .. }
            | Self::Truncated { node, .. }
            | Self::Dated { node, .. }
            | Self::Synced { node, .. } => *node == file,
            Self::Named { .. } | Self::Renamed { .. } | Self::Removed { .. } => false,
        }
    }
}

fn each_directory(logs: &Logs, fate: &mut Fate) -> HashMap<Node, usize> {
    let mut durable: HashMap<Node, usize> = logs
        .iter()
        .map(|(&directory, log)| {
            let unsynced = log.changes.len() - log.synced;
            (directory, log.synced + fate.choose(unsynced + 1))
        })
        .collect();
    // A name that moved is gone from here only if it has arrived there; which may bring others with it.
    loop {
        let needed: Vec<_> = logs
            .iter()
            .flat_map(|(directory, log)| log.changes.iter().take(durable[directory]))
            .filter_map(|change| change.after)
            .filter(|(directory, count)| durable[directory] < *count)
            .collect();
        if needed.is_empty() {
            return durable;
        }
        for (directory, count) in needed {
            let known = durable.entry(directory).or_default();
            *known = count.max(*known);
        }
    }
}

fn content_after<'a>(before: &[u8], steps: impl Iterator<Item = &'a Step>) -> Vec<u8> {
    let mut content = before.to_vec();
    for step in steps {
        match step {
            Step::Written { offset, octets, .. } => {
                let end = offset + octets.len();
                content.resize(content.len().max(end), 0);
                content[*offset..end].copy_from_slice(octets);
            }
            Step::Truncated { size, .. } => content.resize(*size, 0),
            _ => {}
        }
    }
    content
}

fn time_after<'a>(before: Option<i64>, steps: impl Iterator<Item = &'a Step>) -> Option<i64> {
    steps.fold(before, |time, step| match step {
        Step::Dated { seconds, .. } => Some(*seconds),
        _ => time,
    })
}

/// A directory in memory where the system has one: what is pretended here need not wait for a disk.
pub(super) fn home() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm")
        .or_else(|_| tempfile::tempdir())
        .unwrap()
}

/// Makes a tree below a directory that is there.
pub(super) fn put(tree: &Tree, root: &Path) {
    let mut made: HashMap<Node, PathBuf> = HashMap::new();
    for (path, found) in tree {
        let path = root.join(path);
        match found {
            Found::Directory => std::fs::create_dir(path).unwrap(),
            Found::File { node, .. } if made.contains_key(node) => {
                std::fs::hard_link(&made[node], path).unwrap();
            }
            Found::File {
                node,
                octets,
                modified,
            } => {
                std::fs::write(&path, octets).unwrap();
                if let Some(seconds) = modified {
                    let time = UNIX_EPOCH + Duration::from_secs((*seconds).try_into().unwrap());
                    let file = std::fs::File::options().write(true).open(&path).unwrap();
                    file.set_modified(time).unwrap();
                }
                made.insert(*node, path);
            }
        }
    }
}

/// What is below a directory. Files are told apart by their place in the tree: links have the node of the first.
pub(super) fn take(root: &Path) -> Tree {
    let mut tree = Tree::new();
    let mut nodes = HashMap::new();
    take_below(root, Path::new(""), &mut nodes, &mut tree);
    tree
}

fn take_below(root: &Path, below: &Path, nodes: &mut HashMap<u64, Node>, tree: &mut Tree) {
    let entries = std::fs::read_dir(root.join(below)).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    // What the index keeps through a power failure is SQLite's business; here it is lost each time.
    names.retain(|name| {
        !name
            .to_str()
            .is_some_and(|name| name.starts_with(index_file::FILE_NAME))
    });
    for name in names {
        let below = below.join(name);
        let path = root.join(&below);
        let metadata = path.symlink_metadata().unwrap();
        if metadata.is_dir() {
            tree.insert(below.clone(), Found::Directory);
            take_below(root, &below, nodes, tree);
        } else {
            let next = nodes.len();
            let found = Found::File {
                node: *nodes.entry(metadata.ino()).or_insert(next),
                octets: std::fs::read(&path).unwrap(),
                modified: Some(metadata.mtime()),
            };
            tree.insert(below, found);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::storage::recording::Recorder;
    use crate::disk::storage::{self, CWD, Mode};
    use std::collections::BTreeSet;
    use std::io::Write as _;
    use std::os::fd::OwnedFd;

    /// A tree with the directories `a` and `b`, and what is recorded of a change to it.
    fn record(change: impl FnOnce(&OwnedFd)) -> Recording {
        let home = home();
        std::fs::create_dir(home.path().join("a")).unwrap();
        std::fs::create_dir(home.path().join("b")).unwrap();
        let recorder = Recorder::start(home.path());
        change(&storage::open_directory(CWD, home.path()).unwrap());
        recorder.finish()
    }

    /// What may be left of the files after the last step: path and text.
    fn outcomes(recording: &Recording, order: Order) -> BTreeSet<String> {
        let failure = PowerFailure {
            recording,
            after: recording.steps.len(),
            lie: None,
        };
        let outcome = |drawn: u32| {
            let numbers = drawn.to_le_bytes().map(|number| number & 7).to_vec();
            let tree = failure.leaves(order, Fate::Drawn { numbers, next: 0 });
            let file = |(path, found): (PathBuf, Found)| match found {
                Found::Directory => None,
                Found::File { octets, .. } => Some(format!("{}={}", path.display(), octets.escape_ascii())),
            };
            tree.into_iter().filter_map(file).collect::<Vec<_>>().join(" ")
        };
        let drawn = (0..4096).map(|n: u32| (n & 7) | (n >> 3 & 7) << 8 | (n >> 6 & 7) << 16 | (n >> 9) << 24);
        drawn.map(outcome).collect()
    }

    fn texts<const N: usize>(texts: [&str; N]) -> BTreeSet<String> {
        texts.map(str::to_owned).into()
    }

    fn write(root: &OwnedFd, name: &str, text: &str) -> storage::StoredFile {
        let mut file = storage::create_file(root, name, Mode::RUSR | Mode::WUSR).unwrap();
        file.write_all(text.as_bytes()).unwrap();
        file
    }

    #[test]
    fn a_name_and_its_file_are_durable_each_on_its_own() {
        let nothing = record(|root| drop(write(root, "f", "text")));
        let torn = texts(["", "f=", "f=te", "f=\\x00\\x00\\x00\\x00", "f=text"]);
        assert_eq!(outcomes(&nothing, Order::Journal), torn);
        assert_eq!(outcomes(&nothing, Order::EachDirectory), torn);
        let file = record(|root| write(root, "f", "text").sync_data().unwrap());
        assert_eq!(outcomes(&file, Order::EachDirectory), texts(["", "f=text"]));
        let both = record(|root| {
            write(root, "f", "text").sync_data().unwrap();
            storage::sync_directory(root).unwrap();
        });
        assert_eq!(outcomes(&both, Order::EachDirectory), texts(["f=text"]));
    }

    #[test]
    fn what_is_added_to_a_durable_file_takes_nothing_from_it() {
        let recording = record(|root| {
            let mut file = write(root, "f", "ab");
            file.sync_data().unwrap();
            storage::sync_directory(root).unwrap();
            file.write_all(b"cd").unwrap();
        });
        let added = texts(["f=ab", "f=abc", "f=ab\\x00\\x00", "f=abcd"]);
        assert_eq!(outcomes(&recording, Order::EachDirectory), added);
    }

    #[test]
    fn directories_keep_their_names_each_in_its_order_or_all_in_one() {
        let recording = record(|root| {
            for name in ["a/1", "b/2", "a/3"] {
                write(root, name, "").sync_data().unwrap();
            }
        });
        let journal = texts(["", "a/1=", "a/1= b/2=", "a/1= a/3= b/2="]);
        assert_eq!(outcomes(&recording, Order::Journal), journal);
        let each = texts(["b/2=", "a/1= a/3="]);
        let each = journal.union(&each).cloned().collect();
        assert_eq!(outcomes(&recording, Order::EachDirectory), each);
    }

    #[test]
    fn a_file_on_its_way_between_directories_is_in_one_at_least() {
        let recording = record(|root| {
            write(root, "a/f", "").sync_data().unwrap();
            storage::sync_directory(storage::open_directory(root, "a").unwrap()).unwrap();
            storage::rename(root, "a/f", root, "b/g").unwrap();
        });
        assert_eq!(outcomes(&recording, Order::Journal), texts(["a/f=", "b/g="]));
        let each = texts(["a/f=", "a/f= b/g=", "b/g="]);
        assert_eq!(outcomes(&recording, Order::EachDirectory), each);
    }

    #[test]
    fn what_happens_in_another_tree_is_not_recorded() {
        let elsewhere = home();
        let recording = record(|_| {
            let other = storage::open_directory(CWD, elsewhere.path()).unwrap();
            write(&other, "f", "text").sync_data().unwrap();
            storage::rename(&other, "f", &other, "g").unwrap();
            storage::sync_directory(&other).unwrap();
        });
        assert!(recording.steps.is_empty(), "{:?}", recording.steps);
    }
}
