//! Random operations of sessions and of another program, against a model: what each message is, by its text.
//!
//! The laws: a UID never names another message than the one it named first; a message that nobody removed is there exactly once;
//! when all is quiet, every session has what is on disk, with its flags, before and after a restart.

use super::*;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Clone, Debug)]
enum Act {
    Append {
        flagged: bool,
    },
    Deliver {
        into_new: bool,
    },
    RenameOutside {
        which: usize,
        flag: char,
    },
    RemoveOutside {
        which: usize,
    },
    LinkOutside {
        which: usize,
    },
    /// The events of what follows are on their way until they are late no more.
    EventsAreLate {
        late: bool,
    },
    /// The system's queue was full.
    EventsAreLost,
    Store {
        session: usize,
        which: usize,
        add: bool,
    },
    Delete {
        session: usize,
        which: usize,
    },
    Copy {
        session: usize,
        which: usize,
    },
    Move {
        session: usize,
        which: usize,
    },
    Noop {
        session: usize,
    },
    Restart,
}

fn act() -> impl Strategy<Value = Act> {
    let (session, which) = (0usize..2, 0usize..8);
    prop_oneof![
        3 => any::<bool>().prop_map(|flagged| Act::Append { flagged }),
        3 => any::<bool>().prop_map(|into_new| Act::Deliver { into_new }),
        3 => (which.clone(), prop_oneof![Just('F'), Just('R'), Just('S')])
            .prop_map(|(which, flag)| Act::RenameOutside { which, flag }),
        1 => which.clone().prop_map(|which| Act::RemoveOutside { which }),
        1 => which.clone().prop_map(|which| Act::LinkOutside { which }),
        2 => any::<bool>().prop_map(|late| Act::EventsAreLate { late }),
        1 => Just(Act::EventsAreLost),
        3 => (session.clone(), which.clone(), any::<bool>())
            .prop_map(|(session, which, add)| Act::Store { session, which, add }),
        1 => (session.clone(), which.clone()).prop_map(|(session, which)| Act::Delete { session, which }),
        1 => (session.clone(), which.clone()).prop_map(|(session, which)| Act::Copy { session, which }),
        1 => (session.clone(), which).prop_map(|(session, which)| Act::Move { session, which }),
        2 => session.prop_map(|session| Act::Noop { session }),
        1 => Just(Act::Restart),
    ]
}

struct World {
    fixture: Fixture,
    clients: Vec<Client>,
    delivered: u32,
    /// Texts that must be in INBOX, each once.
    here: BTreeSet<String>,
    /// Texts in the other mailbox, with how often.
    there: BTreeMap<String, usize>,
    /// What each UID of INBOX was when it was first seen.
    named: BTreeMap<u32, String>,
}

impl World {
    async fn new() -> Self {
        let fixture = Fixture::watching(home());
        create(&mut fixture.session().await, "other").await.unwrap();
        let clients = vec![fixture.select("INBOX").await, fixture.select("INBOX").await];
        let (here, there, named) = (BTreeSet::new(), BTreeMap::new(), BTreeMap::new());
        Self {
            fixture,
            clients,
            delivered: 0,
            here,
            there,
            named,
        }
    }

    fn text(&mut self) -> String {
        self.delivered += 1;
        let text = format!("message {}", self.delivered);
        self.here.insert(text.clone());
        text
    }

    /// The which-th message that a client has, if it still knows its text.
    async fn pick(&mut self, session: usize, which: usize) -> Option<(u32, String)> {
        let client = &mut self.clients[session];
        let uid = *client.uids().get(which)?;
        let text = String::from_utf8(client.body(uid).await?.to_vec()).unwrap();
        Some((uid, text))
    }

    async fn act(&mut self, act: Act) {
        let root = self.fixture.root();
        match act {
            Act::Append { flagged } => {
                let text = self.text();
                let with = if flagged { "\\Flagged" } else { "" };
                let uid = append(&mut self.fixture.session().await, "INBOX", &text, with)
                    .await
                    .unwrap();
                self.see(uid, text);
            }
            Act::Deliver { into_new } => {
                let text = self.text();
                let number = self.delivered;
                let file = if into_new {
                    format!("new/9.{number}")
                } else {
                    format!("cur/9.{number}:2,S")
                };
                deliver(&root, &file, &text);
            }
            Act::RenameOutside { which, flag } => {
                let Some(file) = files(&root)
                    .into_iter()
                    .filter(|file| file.starts_with("cur/"))
                    .nth(which)
                else {
                    return;
                };
                let (base, info) = file.split_once(":2,").unwrap();
                let mut letters: BTreeSet<char> = info.chars().collect();
                if !letters.remove(&flag) {
                    letters.insert(flag);
                }
                let letters: String = letters.into_iter().collect();
                std::fs::rename(root.join(&file), root.join(format!("{base}:2,{letters}"))).unwrap();
            }
            Act::RemoveOutside { which } => {
                let Some(file) = files(&root).into_iter().nth(which) else {
                    return;
                };
                self.here
                    .remove(&std::fs::read_to_string(root.join(&file)).unwrap());
                std::fs::remove_file(root.join(file)).unwrap();
            }
            Act::LinkOutside { which } => {
                // A program that knows no rename.
                let in_cur = |file: &String| file.starts_with("cur/");
                let Some(file) = files(&root).into_iter().filter(in_cur).nth(which) else {
                    return;
                };
                let other = match file.strip_suffix('T') {
                    Some(without) => without.to_owned(),
                    None => format!("{file}T"),
                };
                std::fs::hard_link(root.join(&file), root.join(other)).unwrap();
                std::fs::remove_file(root.join(file)).unwrap();
            }
            Act::EventsAreLate { late } => self.events_are_late(late),
            Act::EventsAreLost => self.fixture.backend.shared.watcher.events().lose_some(),
            Act::Store { session, which, add } => {
                let Some((uid, _)) = self.pick(session, which).await else {
                    return;
                };
                let action = if add { FlagAction::Add } else { FlagAction::Remove };
                self.clients[session]
                    .store(&[uid], action, "\\Seen todo")
                    .await
                    .unwrap();
            }
            Act::Delete { session, which } => {
                let Some((uid, text)) = self.pick(session, which).await else {
                    return;
                };
                let client = &mut self.clients[session];
                client.store(&[uid], FlagAction::Add, "\\Deleted").await.unwrap();
                client.mailbox().expunge(&set(&[uid])).await.unwrap();
                self.here.remove(&text);
            }
            Act::Copy { session, which } => {
                let Some((uid, text)) = self.pick(session, which).await else {
                    return;
                };
                self.clients[session]
                    .mailbox()
                    .copy(&set(&[uid]), &name("other"))
                    .await
                    .unwrap();
                *self.there.entry(text).or_default() += 1;
            }
            Act::Move { session, which } => {
                let Some((uid, text)) = self.pick(session, which).await else {
                    return;
                };
                self.clients[session]
                    .mailbox()
                    .move_to(&set(&[uid]), &name("other"))
                    .await
                    .unwrap();
                self.here.remove(&text);
                *self.there.entry(text).or_default() += 1;
            }
            Act::Noop { session } => drop(self.clients[session].noop().await),
            Act::Restart => self.restart().await,
        }
    }

    fn events_are_late(&self, late: bool) {
        self.fixture.backend.shared.watcher.events().are_late(late);
    }

    async fn restart(&mut self) {
        self.clients.clear();
        self.fixture = Fixture::watching(Arc::clone(&self.fixture.home));
        self.clients = vec![
            self.fixture.select("INBOX").await,
            self.fixture.select("INBOX").await,
        ];
    }

    fn see(&mut self, uid: u32, text: String) {
        let first = self.named.entry(uid).or_insert_with(|| text.clone());
        assert_eq!(*first, text, "UID {uid} names another message now");
    }

    /// The information part of each message's file name, by the message's text.
    fn disk(&self) -> BTreeMap<String, String> {
        // The mailbox's watcher may move a file to `cur/` between the listing and the reading.
        loop {
            let root = self.fixture.root();
            let read = |file: String| {
                let text = std::fs::read_to_string(root.join(&file)).ok()?;
                let info = file.split_once(":2,").map_or("", |(_, info)| info);
                Some((text, info.to_owned()))
            };
            if let Some(disk) = files(&root).into_iter().map(read).collect() {
                return disk;
            }
        }
    }

    async fn check(&mut self) {
        self.events_are_late(false);
        let disk = self.disk();
        assert_eq!(
            disk.keys().cloned().collect::<BTreeSet<_>>(),
            self.here,
            "on disk"
        );
        for session in 0..self.clients.len() {
            self.clients[session].noop().await;
            let mut seen = BTreeMap::new();
            for uid in self.clients[session].uids() {
                let text =
                    String::from_utf8(self.clients[session].body(uid).await.expect("is there").to_vec())
                        .unwrap();
                let flags = self.clients[session].flags(uid).await;
                self.see(uid, text.clone());
                assert!(
                    seen.insert(text.clone(), flags).is_none(),
                    "{text} is there twice"
                );
            }
            assert_eq!(
                seen.keys().cloned().collect::<BTreeSet<_>>(),
                self.here,
                "session {session}"
            );
            for (text, shown) in seen {
                let letters = &disk[&text];
                for (letter, flag) in [
                    ('S', "\\Seen"),
                    ('F', "\\Flagged"),
                    ('R', "\\Answered"),
                    ('a', "todo"),
                ] {
                    assert_eq!(
                        letters.contains(letter),
                        shown.contains(flag),
                        "{text}: {letters} is shown as {shown}"
                    );
                }
            }
        }
        let mut other = self.fixture.select("other").await;
        let mut there = BTreeMap::new();
        for uid in other.uids() {
            let text = String::from_utf8(other.body(uid).await.unwrap().to_vec()).unwrap();
            *there.entry(text).or_default() += 1;
        }
        assert_eq!(there, self.there, "the other mailbox");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
    #[test]
    fn sessions_agree_with_the_disk_whatever_was_done(acts in proptest::collection::vec(act(), 1..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut world = World::new().await;
            for act in acts {
                world.act(act).await;
            }
            world.check().await;
            world.restart().await;
            world.check().await;
        });
    }
}
