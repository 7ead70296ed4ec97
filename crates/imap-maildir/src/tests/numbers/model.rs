//! Two processes, another program, kills, reboots and damage, in any order: clients that come back miss nothing.

use super::*;
use proptest::prelude::*;
use std::time::Duration;

#[derive(Clone, Debug)]
enum Act {
    Append {
        process: usize,
        with: &'static str,
    },
    Deliver {
        with: &'static str,
    },
    Rename {
        which: usize,
        letter: char,
    },
    Remove {
        which: usize,
    },
    Store {
        process: usize,
        which: usize,
        add: bool,
    },
    Expunge {
        process: usize,
        which: usize,
    },
    Noop {
        process: usize,
    },
    Remember {
        client: usize,
        process: usize,
    },
    Leave {
        client: usize,
        process: usize,
    },
    Restart {
        process: usize,
    },
    Kill {
        process: usize,
    },
    Reboot,
    Spoil {
        how: usize,
    },
    /// A process does what it does to mailboxes that are quiet.
    Rest {
        process: usize,
    },
    /// Somebody copies the index.
    CopyIndex,
    /// Both processes end, and what is left of the index is what was copied then: nothing, before the first copy.
    OldIndex {
        which: usize,
    },
}

fn act() -> impl Strategy<Value = Act> {
    let (process, which, client) = (0usize..2, 0usize..6, 0usize..3);
    let with = || prop_oneof![Just(""), Just("\\Seen"), Just("todo")];
    prop_oneof![
        3 => (process.clone(), with()).prop_map(|(process, with)| Act::Append { process, with }),
        2 => prop_oneof![Just("new"), Just("cur")].prop_map(|with| Act::Deliver { with }),
        3 => (which.clone(), prop_oneof![Just('F'), Just('R'), Just('a')])
            .prop_map(|(which, letter)| Act::Rename { which, letter }),
        1 => which.clone().prop_map(|which| Act::Remove { which }),
        4 => (process.clone(), which.clone(), any::<bool>())
            .prop_map(|(process, which, add)| Act::Store { process, which, add }),
        1 => (process.clone(), which).prop_map(|(process, which)| Act::Expunge { process, which }),
        2 => process.clone().prop_map(|process| Act::Noop { process }),
        4 => (client.clone(), process.clone())
            .prop_map(|(client, process)| Act::Remember { client, process }),
        4 => (client, process.clone()).prop_map(|(client, process)| Act::Leave { client, process }),
        1 => process.clone().prop_map(|process| Act::Restart { process }),
        1 => process.prop_map(|process| Act::Kill { process }),
        1 => Just(Act::Reboot),
        1 => (0usize..6).prop_map(|how| Act::Spoil { how }),
        2 => (0usize..2).prop_map(|process| Act::Rest { process }),
        2 => Just(Act::CopyIndex),
        2 => (0usize..4).prop_map(|which| Act::OldIndex { which }),
    ]
}

/// A process that serves the mailbox, and a client that has it selected there.
struct Process {
    fixture: Fixture,
    client: Client,
    /// What that client was told.
    told: BTreeMap<u32, String>,
}

impl Process {
    async fn start(home: &Arc<tempfile::TempDir>, boot: usize) -> Self {
        let mut fixture = Fixture::on(Arc::clone(home));
        fixture.backend.shared.boot = format!("boot {boot}").into();
        let mut client = fixture.select("INBOX").await;
        let told = client.all().await;
        Self {
            fixture,
            client,
            told,
        }
    }

    /// Ends it. What it does behind its client's back goes to its end first: nobody puts files in the place of those that it has
    /// open.
    async fn end(self) {
        let mailbox = Arc::downgrade(&self.client.open());
        drop(self);
        let ended = async {
            while mailbox.strong_count() > 0 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        let patience = Duration::from_secs(60);
        tokio::time::timeout(patience, ended)
            .await
            .expect("a process ends");
    }

    /// The client does NOOP, and takes in what it is told.
    async fn noop(&mut self) {
        self.client.mailbox().poll(PollReason::Asked).await.unwrap();
        let command: CommandInProgress<kind::Noop> = self.client.updates().begin(kind::Noop);
        let drained = self.client.updates().drain(command.permit(Followers::None));
        drained
            .expunged()
            .iter()
            .for_each(|uid| drop(self.told.remove(&uid.get())));
        for untagged in drained.iter() {
            if let Untagged::Fetch { uid, flags, .. } = untagged {
                self.told.insert(uid.get(), flags.to_string());
            }
        }
        self.client.updates().written(drained);
        drop(command);
        for uid in self.client.uids() {
            if !self.told.contains_key(&uid) {
                self.told.insert(uid, self.client.flags(uid).await);
            }
        }
    }

    async fn store(&mut self, which: usize, action: FlagAction) {
        let Some(&uid) = self.client.uids().get(which) else {
            return;
        };
        self.client.store(&[uid], action, "\\Flagged").await.unwrap();
        self.told.insert(uid, self.client.flags(uid).await);
    }
}

struct World {
    home: Arc<tempfile::TempDir>,
    boot: usize,
    processes: Vec<Process>,
    memories: [Memory; 3],
    delivered: u32,
    /// Copies of the index, the latest first.
    indices: Vec<Vec<(PathBuf, Vec<u8>)>>,
}

impl World {
    async fn new() -> Self {
        let home = home();
        let mut processes = Vec::new();
        for _ in 0..2 {
            processes.push(Process::start(&home, 0).await);
        }
        Self {
            home,
            boot: 0,
            processes,
            memories: Default::default(),
            delivered: 0,
            indices: Vec::new(),
        }
    }

    fn root(&self) -> PathBuf {
        self.home.path().join("u")
    }

    fn file(&self, which: usize) -> Option<String> {
        files(&self.root())
            .into_iter()
            .filter(|file| file.starts_with("cur/"))
            .nth(which)
    }

    async fn act(&mut self, act: Act) {
        let root = self.root();
        match act {
            Act::Append { process, with } => {
                let mut session = self.processes[process].fixture.session().await;
                append(&mut session, "INBOX", "x", with).await.unwrap();
            }
            Act::Deliver { with } => {
                self.delivered += 1;
                let info = if with == "cur" { ":2,S" } else { "" };
                deliver(&root, &format!("{with}/9.{}{info}", self.delivered), "x");
            }
            Act::Rename { which, letter } => {
                let Some(file) = self.file(which) else { return };
                let (base, letters) = file.split_once(":2,").unwrap();
                let mut letters: std::collections::BTreeSet<char> = letters.chars().collect();
                if !letters.remove(&letter) {
                    letters.insert(letter);
                }
                let letters: String = letters.into_iter().collect();
                std::fs::rename(root.join(&file), root.join(format!("{base}:2,{letters}"))).unwrap();
            }
            Act::Remove { which } => {
                let Some(file) = self.file(which) else { return };
                std::fs::remove_file(root.join(file)).unwrap();
            }
            Act::Store { process, which, add } => {
                let action = if add { FlagAction::Add } else { FlagAction::Remove };
                self.processes[process].store(which, action).await;
            }
            Act::Expunge { process, which } => {
                let process = &mut self.processes[process];
                let Some(&uid) = process.client.uids().get(which) else {
                    return;
                };
                process
                    .client
                    .store(&[uid], FlagAction::Add, "\\Deleted")
                    .await
                    .unwrap();
                process.client.mailbox().expunge(&set(&[uid])).await.unwrap();
                process.noop().await;
            }
            Act::Noop { process } => self.processes[process].noop().await,
            Act::Remember { client, process } => {
                let fixture = &self.processes[process].fixture;
                self.memories[client].resynchronise(fixture).await;
            }
            // The client that has the mailbox selected goes, with what it was told by its updates.
            Act::Leave { client, process } => {
                self.processes[process].noop().await;
                let process = &mut self.processes[process];
                let highest = process.client.updates().highest_modseq();
                self.memories[client] = Memory {
                    highest: Some(highest),
                    flags: process.told.clone(),
                };
            }
            Act::Restart { process } => self.restart(process).await,
            Act::Kill { process } => {
                // What the processes leave behind is not seen: they were killed before.
                let home = home();
                copy_tree(&root, &home.path().join("u"));
                self.home = home;
                self.restart(process).await;
                self.restart(1 - process).await;
            }
            Act::Reboot => {
                self.boot += 1;
                self.restart(0).await;
                self.restart(1).await;
            }
            Act::Rest { process } => {
                let process = &mut self.processes[process];
                // So late that time stamps prove what is known.
                crate::disk::scan::wait_for_tick();
                process.client.open().let_grain_pass().await;
                process.noop().await;
                process.client.open().let_grain_pass().await;
                process.client.open().rest();
            }
            Act::CopyIndex => {
                let copy = |file: PathBuf| Some((file.clone(), std::fs::read(file).ok()?));
                self.indices
                    .insert(0, index_files(&root).into_iter().filter_map(copy).collect());
            }
            Act::OldIndex { which } => {
                for process in std::mem::take(&mut self.processes) {
                    process.end().await;
                }
                index_files(&root)
                    .iter()
                    .for_each(|file| drop(std::fs::remove_file(file)));
                for (file, octets) in self.indices.get(which).into_iter().flatten() {
                    let file = root.join(file.file_name().unwrap());
                    std::fs::write(file, octets).unwrap();
                }
                for _ in 0..2 {
                    self.processes.push(Process::start(&self.home, self.boot).await);
                }
            }
            Act::Spoil { how } => {
                if root.join(FILE).exists() && std::fs::metadata(root.join(FILE)).unwrap().len() > 0 {
                    spoil(&root, how);
                }
            }
        }
    }

    async fn restart(&mut self, process: usize) {
        let process = &mut self.processes[process];
        let before = std::mem::replace(process, Process::start(&self.home, self.boot).await);
        before.end().await;
    }
}

fn index_files(root: &Path) -> Vec<PathBuf> {
    ["imap-index", "imap-index-wal"]
        .map(|name| root.join(name))
        .to_vec()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]
    #[test]
    fn a_client_that_asks_only_for_changes_has_the_mailbox_whatever_happened(
        acts in proptest::collection::vec(act(), 1..48),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut world = World::new().await;
            for act in acts {
                world.act(act).await;
            }
            for process in 0..2 {
                for client in 0..3 {
                    world.act(Act::Remember { client, process }).await;
                }
            }
        });
    }
}
