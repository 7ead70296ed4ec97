//! What the calls of this process changed in one directory tree, in order: enough to say what a disk may have kept of it.
//!
//! A change and its record are one step for all threads, so the order of the record is the order on the disk. Files are
//! known by identity, not by path: tests that run at the same time have other files and are not recorded.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsStr;
use std::io;
use std::os::fd::BorrowedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::Arc;

use parking_lot::Mutex;
use rustix::fs::AtFlags;

use super::change::{Change, Place, Scope, Site};
use super::{FileIdentity, FileKind, FileStatus};

/// A file or directory of a recorded tree; the root is [`ROOT`].
pub(crate) type Node = usize;

/// The directory that is recorded.
pub(crate) const ROOT: Node = 0;

/// A name in a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Name {
    pub(crate) directory: Node,
    pub(crate) name: Box<[u8]>,
}

/// What a node was when the recording began; empty if it was made since.
#[derive(Clone, Debug)]
pub(crate) enum Content {
    Directory(BTreeMap<Box<[u8]>, Node>),
    File { octets: Vec<u8>, modified: Option<i64> },
}

/// One change.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// A node has a name: it was made, or linked.
    Named {
        at: Name,
        node: Node,
    },
    Renamed {
        from: Name,
        to: Name,
        node: Node,
    },
    Removed {
        at: Name,
    },
    Written {
        node: Node,
        offset: usize,
        octets: Vec<u8>,
    },
    Truncated {
        node: Node,
        size: usize,
    },
    Dated {
        node: Node,
        seconds: i64,
    },
    Synced {
        node: Node,
        scope: Scope,
        site: Site,
    },
}

/// All that happened in a tree.
#[derive(Debug, Default)]
pub(crate) struct Recording {
    pub(crate) nodes: Vec<Content>,
    pub(crate) steps: Vec<Step>,
}

/// The trees that are recorded now.
static RECORDED: Mutex<Vec<Arc<Mutex<Tape>>>> = Mutex::new(Vec::new());

/// Makes a change to the disk, and records it where its tree is recorded.
pub(super) fn changing<'a, T>(
    call: impl FnOnce() -> io::Result<T>,
    describe: impl FnOnce(&T) -> Change<'a>,
) -> io::Result<T> {
    let recorded = RECORDED.lock();
    if recorded.is_empty() {
        drop(recorded);
        return call();
    }
    let done = call()?;
    let change = describe(&done);
    for tape in recorded.iter() {
        tape.lock().add(&change);
    }
    Ok(done)
}

/// Records a tree until it is told to end, or dropped.
#[derive(Debug)]
pub(crate) struct Recorder(Arc<Mutex<Tape>>);

impl Recorder {
    /// Takes what is there as durable.
    pub(crate) fn start(root: &Path) -> Self {
        let mut tape = Tape::default();
        tape.take_in(root);
        let tape = Arc::new(Mutex::new(tape));
        RECORDED.lock().push(Arc::clone(&tape));
        Self(tape)
    }

    /// How many steps there are so far.
    pub(crate) fn steps(&self) -> usize {
        self.0.lock().recording.steps.len()
    }

    pub(crate) fn finish(self) -> Recording {
        std::mem::take(&mut self.0.lock().recording)
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        RECORDED.lock().retain(|tape| !Arc::ptr_eq(tape, &self.0));
    }
}

#[derive(Debug, Default)]
struct Tape {
    recording: Recording,
    known: HashMap<FileIdentity, Node>,
    /// Of each node; the number may belong to another file when the node has no name any more.
    identities: Vec<FileIdentity>,
    /// How many names each node has.
    names: Vec<usize>,
    /// The names as they are now, by directory.
    now: HashMap<Node, BTreeMap<Box<[u8]>, Node>>,
}

impl Tape {
    /// Takes in what is there before the recording.
    fn take_in(&mut self, path: &Path) -> Node {
        let metadata = path.symlink_metadata().unwrap();
        let identity = FileIdentity {
            device: metadata.dev(),
            inode: metadata.ino(),
        };
        if let Some(&node) = self.known.get(&identity) {
            return node;
        }
        if !metadata.is_dir() {
            let (octets, modified) = (std::fs::read(path).unwrap(), Some(metadata.mtime()));
            return self.add_node(identity, Content::File { octets, modified });
        }
        let node = self.add_node(identity, Content::Directory(BTreeMap::new()));
        let mut names = BTreeMap::new();
        for entry in std::fs::read_dir(path).unwrap() {
            let entry = entry.unwrap();
            let child = self.take_in(&entry.path());
            self.names[child] += 1;
            names.insert(entry.file_name().as_bytes().into(), child);
        }
        self.recording.nodes[node] = Content::Directory(names.clone());
        self.now.insert(node, names);
        node
    }

    fn add_node(&mut self, identity: FileIdentity, content: Content) -> Node {
        let node = self.recording.nodes.len();
        if matches!(content, Content::Directory(_)) {
            self.now.insert(node, BTreeMap::new());
        }
        self.recording.nodes.push(content);
        self.identities.push(identity);
        self.names.push(0);
        self.known.insert(identity, node);
        node
    }

    fn add(&mut self, change: &Change<'_>) {
        match change {
            Change::Made(place) => self.made(place),
            Change::Linked { from, to } => {
                let (Some(from), Some(to)) = (self.name(from), self.name(to)) else {
                    return;
                };
                let node = self.now[&from.directory][&from.name];
                self.give_name(&to, node);
                self.recording.steps.push(Step::Named { at: to, node });
            }
            Change::Renamed { from, to } => {
                let (Some(from), Some(to)) = (self.name(from), self.name(to)) else {
                    return;
                };
                let node = self.now[&from.directory][&from.name];
                if self.now[&to.directory].get(&to.name) == Some(&node) {
                    // Two links to one file: rename does nothing.
                    return;
                }
                self.give_name(&to, node);
                self.take_name(&from);
                self.recording.steps.push(Step::Renamed { from, to, node });
            }
            Change::Removed(place) => {
                let Some(at) = self.name(place) else { return };
                self.removed(at);
            }
            Change::RemovedTree(place) => {
                let Some(at) = self.name(place) else { return };
                self.removed_tree(at);
            }
            Change::Written { file, octets } => {
                let Some(node) = self.node(*file) else { return };
                let end = usize::try_from(rustix::fs::tell(file).unwrap()).unwrap();
                self.recording.steps.push(Step::Written {
                    node,
                    offset: end - octets.len(),
                    octets: octets.to_vec(),
                });
            }
            Change::Truncated { file, size } => {
                let Some(node) = self.node(*file) else { return };
                let size = usize::try_from(*size).unwrap();
                self.recording.steps.push(Step::Truncated { node, size });
            }
            Change::Dated { file, seconds } => {
                let Some(node) = self.node(*file) else { return };
                let seconds = *seconds;
                self.recording.steps.push(Step::Dated { node, seconds });
            }
            Change::Synced { file, scope, site } => {
                let Some(node) = self.node(*file) else { return };
                let (scope, site) = (*scope, *site);
                self.recording.steps.push(Step::Synced { node, scope, site });
            }
        }
    }

    fn made(&mut self, place: &Place<'_>) {
        let Some(at) = self.name(place) else { return };
        let made = rustix::fs::statat(place.directory, &*place.name, AtFlags::SYMLINK_NOFOLLOW);
        let status = FileStatus::from(made.unwrap());
        let content = match status.kind {
            FileKind::Directory => Content::Directory(BTreeMap::new()),
            _ => Content::File {
                octets: Vec::new(),
                modified: None,
            },
        };
        let node = self.add_node(status.identity, content);
        self.give_name(&at, node);
        self.recording.steps.push(Step::Named { at, node });
    }

    fn removed(&mut self, at: Name) {
        self.take_name(&at);
        self.recording.steps.push(Step::Removed { at });
    }

    /// Everything in it first, in any order, as a program that removes a tree has to.
    fn removed_tree(&mut self, at: Name) {
        let directory = self.now[&at.directory][&at.name];
        let names = self.now.get(&directory).cloned().unwrap_or_default();
        for name in names.into_keys() {
            self.removed_tree(Name { directory, name });
        }
        self.removed(at);
    }

    fn give_name(&mut self, at: &Name, node: Node) {
        let directory = self.now.get_mut(&at.directory).unwrap();
        let replaced = directory.insert(at.name.clone(), node);
        self.names[node] += 1;
        if let Some(replaced) = replaced {
            self.lost_name(replaced);
        }
    }

    fn take_name(&mut self, at: &Name) {
        let node = self.now.get_mut(&at.directory).unwrap().remove(&at.name).unwrap();
        self.lost_name(node);
    }

    fn lost_name(&mut self, node: Node) {
        self.names[node] -= 1;
        // Its number may soon be another file's, of another test too.
        if self.names[node] == 0 {
            self.known.remove(&self.identities[node]);
        }
    }

    fn node(&self, file: BorrowedFd<'_>) -> Option<Node> {
        let status = FileStatus::from(rustix::fs::fstat(file).unwrap());
        self.known.get(&status.identity).copied()
    }

    /// None outside the recorded tree.
    fn name(&self, place: &Place<'_>) -> Option<Name> {
        let path = Path::new(OsStr::from_bytes(place.name.to_bytes()));
        let name = path.file_name()?.as_bytes().into();
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        let parent = parent.unwrap_or(Path::new("."));
        let status = rustix::fs::statat(place.directory, parent, AtFlags::empty()).ok()?;
        let directory = *self.known.get(&FileStatus::from(status).identity)?;
        Some(Name { directory, name })
    }
}
