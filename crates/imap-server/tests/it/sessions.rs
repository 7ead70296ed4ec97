//! Several clients on one mailbox at once, each with a strict model of what it was told: at every line the model must
//! be able to follow, and at rest all agree.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

use imap_server::Limits;
use proptest::prelude::*;

use crate::common::{Client, World, run};

/// What one client believes: the UID of each number, where it was told.
struct Session {
    client: Client,
    uids: Vec<Option<u32>>,
}

/// One step of one session. Numbers are taken modulo what the session believes to be there.
#[derive(Debug, Clone)]
enum Step {
    Noop,
    Fetch(usize),
    UidFetch,
    Delete(usize),
    Undelete(usize),
    Flag(usize),
    Expunge,
    Append,
    Copy(usize),
    Move(usize),
    Search,
    UidSearch,
    Idle,
    Status,
    Malformed,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        Just(Step::Noop),
        any::<usize>().prop_map(Step::Fetch),
        Just(Step::UidFetch),
        any::<usize>().prop_map(Step::Delete),
        any::<usize>().prop_map(Step::Undelete),
        any::<usize>().prop_map(Step::Flag),
        Just(Step::Expunge),
        Just(Step::Append),
        any::<usize>().prop_map(Step::Copy),
        any::<usize>().prop_map(Step::Move),
        Just(Step::Search),
        Just(Step::UidSearch),
        Just(Step::Idle),
        Just(Step::Status),
        Just(Step::Malformed),
    ]
}

impl Session {
    async fn new(world: &World) -> Self {
        let mut client = world.user().await;
        let lines = client.ok("SELECT INBOX").await;
        let mut session = Self {
            client,
            uids: Vec::new(),
        };
        for line in lines.iter().filter(|line| line.ends_with(" EXISTS")) {
            session.follow(line, "SELECT");
        }
        session.learn().await;
        session
    }

    /// Applies one untagged line to the model.
    fn follow(&mut self, line: &str, command: &str) {
        let words: Vec<&str> = line.split(' ').collect();
        let Some(number) = words.get(1).and_then(|word| word.parse::<usize>().ok()) else {
            return;
        };
        match words[2] {
            "EXISTS" => {
                assert!(
                    number >= self.uids.len(),
                    "{command}: {line}, but {} are known",
                    self.uids.len()
                );
                self.uids.resize(number, None);
            }
            "EXPUNGE" => {
                assert!(
                    !["FETCH", "STORE", "SEARCH", "BAD"].contains(&command),
                    "{command}: {line}"
                );
                assert!(
                    (1..=self.uids.len()).contains(&number),
                    "{command}: {line} of {}",
                    self.uids.len()
                );
                self.uids.remove(number - 1);
            }
            "FETCH" => {
                assert!(
                    (1..=self.uids.len()).contains(&number),
                    "{command}: {line} of {}",
                    self.uids.len()
                );
                let uid = line
                    .split_once("UID ")
                    .map(|(_, rest)| rest.split([' ', ')']).next().unwrap());
                if let Some(uid) = uid.map(|uid| uid.parse().unwrap()) {
                    let known = self.uids[number - 1].get_or_insert(uid);
                    assert_eq!(*known, uid, "{command}: {line}");
                    let ascending: Vec<_> = self.uids.iter().flatten().collect();
                    assert!(ascending.is_sorted(), "{command}: {line}: {ascending:?}");
                }
            }
            "RECENT" => assert!(number <= self.uids.len().max(1), "{command}: {line}"),
            _ => panic!("{command}: {line}"),
        }
    }

    /// Runs a command and follows its lines; the tagged line.
    async fn run(&mut self, command: &str) -> (Vec<String>, String) {
        let verb = command.split(' ').next().unwrap();
        let mut lines = self.client.command(command).await;
        let tagged = lines.pop().unwrap();
        for line in &lines {
            self.follow(line, verb);
        }
        (lines, tagged)
    }

    /// Asks for the UIDs that are not known. By UID, so that EXPUNGEs come too.
    async fn learn(&mut self) {
        let (_, tagged) = self.run("UID FETCH 1:* (FLAGS)").await;
        assert!(tagged.starts_with("OK "), "{tagged}");
    }

    /// A number that this client may use, if any.
    fn pick(&self, choice: usize) -> Option<usize> {
        (!self.uids.is_empty()).then(|| choice % self.uids.len() + 1)
    }

    async fn step(&mut self, step: &Step) {
        let by_number = |choice: &usize| self.pick(*choice).unwrap_or(0);
        let command = match step {
            Step::Noop => "NOOP".to_owned(),
            Step::Fetch(choice) => format!("FETCH {} (UID FLAGS)", by_number(choice)),
            Step::UidFetch => "UID FETCH 1:* (FLAGS)".to_owned(),
            Step::Delete(choice) => format!("STORE {} +FLAGS (\\Deleted)", by_number(choice)),
            Step::Undelete(choice) => format!("STORE {} -FLAGS.SILENT (\\Deleted)", by_number(choice)),
            Step::Flag(choice) => format!("STORE {}:* FLAGS ($Word)", by_number(choice)),
            Step::Expunge => "EXPUNGE".to_owned(),
            Step::Copy(choice) => format!("COPY {} INBOX", by_number(choice)),
            Step::Move(choice) => format!("MOVE {} Archive", by_number(choice)),
            Step::Search => "SEARCH ALL".to_owned(),
            Step::UidSearch => "UID SEARCH NOT DELETED".to_owned(),
            Step::Status => "STATUS INBOX (MESSAGES)".to_owned(),
            Step::Malformed => "BAD".to_owned(),
            Step::Append => return self.append().await,
            Step::Idle => return self.idle().await,
        };
        let wanted: &[&str] = if command.contains(" 0") || command == "BAD" {
            &["BAD "]
        } else {
            &["OK ", "NO [EXPUNGEISSUED]"]
        };
        let (lines, tagged) = self.run(&command).await;
        assert!(
            wanted.iter().any(|begin| tagged.starts_with(begin)),
            "{command}: {tagged}"
        );
        if let Some(status) = lines
            .iter()
            .find_map(|line| line.strip_prefix("* STATUS INBOX (MESSAGES "))
        {
            let messages: usize = status.trim_end_matches(')').parse().unwrap();
            assert_eq!(messages, self.uids.len(), "STATUS contradicts the view");
        }
        if let Some(found) = lines.iter().find_map(|line| line.strip_prefix("* SEARCH ")) {
            let highest = found
                .split(' ')
                .filter_map(|number| number.parse::<usize>().ok())
                .max();
            assert!(
                command != "SEARCH ALL" || highest.unwrap_or(0) <= self.uids.len(),
                "{found}"
            );
        }
    }

    async fn append(&mut self) {
        let tag = self.client.next_tag();
        self.client
            .send(format!("{tag} APPEND INBOX {{4+}}\r\nx: y\r\n"))
            .await;
        self.finish(&tag, "APPEND").await;
    }

    async fn idle(&mut self) {
        let tag = self.client.next_tag();
        self.client.send(format!("{tag} IDLE\r\n")).await;
        assert_eq!(self.client.line().await, "+ idling");
        self.client.send("DONE\r\n").await;
        self.finish(&tag, "IDLE").await;
    }

    async fn finish(&mut self, tag: &str, command: &str) {
        let mut lines = self.client.until_tagged(tag).await;
        let tagged = lines.pop().unwrap();
        assert!(tagged.starts_with("OK "), "{command}: {tagged}");
        for line in &lines {
            self.follow(line, command);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_client_can_follow_and_all_agree_at_rest(
        messages in 0_u32..6,
        steps in prop::collection::vec((0_usize..3, step()), 1..40),
    ) {
        run(async {
            // Numbers in an empty mailbox are BAD, and a client of chance may write ten such commands in a row.
            let mut limits = Limits::default();
            limits.bad_commands = u32::MAX;
            let world = World::with(limits);
            world.deliver(messages).await;
            world.user().await.ok("CREATE Archive").await;
            let mut sessions = Vec::new();
            for _ in 0..3 {
                sessions.push(Session::new(&world).await);
            }
            for (who, step) in &steps {
                sessions[*who].step(step).await;
            }
            let mut views = Vec::new();
            for session in &mut sessions {
                session.run("NOOP").await;
                session.learn().await;
                views.push(session.uids.clone());
            }
            let fresh = Session::new(&world).await;
            for view in views {
                assert_eq!(view, fresh.uids);
            }
        });
    }
}
