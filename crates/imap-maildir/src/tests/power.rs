//! The power fails after any call: what was answered is there, whatever the disk kept of what was not synced.
//!
//! A story is told once and its calls are recorded. Then, for each of them, a disk is made as it may be when the power
//! fails there, and another process opens it, twice.

mod disk;
mod expected;
mod seen;
mod stories;
mod story;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::LazyLock;

use proptest::prelude::*;

use self::disk::{Fate, Order, PowerFailure, Tree};
use self::expected::Expected;
use self::stories::Act;
use self::story::Told;
use super::*;
use crate::disk::storage::change::Site;
use crate::disk::storage::recording::Step;

static STORIES: LazyLock<[Told; 2]> = LazyLock::new(|| {
    [
        story::tell(stories::made_by_nobody, stories::a_new_account),
        story::tell(stories::made_by_others, stories::a_foreign_account),
    ]
});

impl Told {
    fn power_failure(&self, after: usize) -> PowerFailure<'_> {
        PowerFailure {
            recording: &self.recording,
            after,
            lie: None,
        }
    }

    fn sites(&self) -> impl Iterator<Item = Site> {
        self.recording.steps.iter().filter_map(|step| match step {
            Step::Synced { site, .. } => Some(*site),
            _ => None,
        })
    }
}

/// Processes that find what power failures left.
struct Finder {
    runtime: tokio::runtime::Runtime,
    /// What was found to be in order. Many steps leave the same.
    known: HashSet<(*const Expected, Tree)>,
}

impl Finder {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        Self {
            runtime: runtime.unwrap(),
            known: HashSet::new(),
        }
    }

    /// Opens what a power failure left, and opens it again.
    ///
    /// # Errors
    /// What is not as it was answered.
    fn check(&mut self, expected: &Expected, tree: Tree) -> Result<(), String> {
        let state = (std::ptr::from_ref(expected), tree);
        if self.known.contains(&state) {
            return Ok(());
        }
        let home = Arc::new(disk::home());
        disk::put(&without_locks(&state.1), home.path());
        let see = || {
            let mut fixture = Fixture::on(Arc::clone(&home));
            fixture.backend.shared.boot = "after the failure".into();
            self.runtime.block_on(seen::see(&fixture, expected))
        };
        let first = see()?;
        expected.check(&first)?;
        let second = see()?;
        if first != second {
            return Err(format!("{first:#?}\nthen\n{second:#?}"));
        }
        self.known.insert(state);
        Ok(())
    }
}

/// A lock of before the failure goes stale by time, for which no test waits.
fn without_locks(tree: &Tree) -> Tree {
    let is_lock = |path: &Path| path.to_str().unwrap().contains(".lock");
    let rest = tree.iter().filter(|(path, _)| !is_lock(path));
    rest.map(|(path, found)| (path.clone(), found.clone())).collect()
}

#[test]
fn what_was_recorded_of_a_story_leads_to_what_is_on_the_disk() {
    for told in STORIES.iter() {
        let real = names_and_octets(&told.left);
        for order in [Order::Journal, Order::EachDirectory] {
            let failure = told.power_failure(told.recording.steps.len());
            let home = disk::home();
            disk::put(&failure.leaves(order, Fate::Most), home.path());
            let recorded = disk::take(home.path());
            assert_eq!(names_and_octets(&recorded), real, "{order:?}");
        }
    }
}

fn names_and_octets(tree: &Tree) -> BTreeMap<&Path, Option<(usize, &[u8])>> {
    let of = |found| match found {
        &disk::Found::Directory => None,
        disk::Found::File { node, octets, .. } => Some((*node, &octets[..])),
    };
    tree.iter().map(|(path, found)| (&**path, of(found))).collect()
}

#[test]
fn what_was_answered_is_there_after_a_power_failure_at_any_moment() {
    let mut finder = Finder::new();
    for told in STORIES.iter() {
        for after in 0..=told.recording.steps.len() {
            for fate in [Fate::Least, Fate::Most] {
                let tree = told
                    .power_failure(after)
                    .leaves(Order::EachDirectory, fate.clone());
                if let Err(complaint) = finder.check(told.expected(after), tree) {
                    panic!("{fate:?} after {after} steps: {complaint}");
                }
            }
        }
    }
}

fn order() -> impl Strategy<Value = Order> {
    prop_oneof![Just(Order::Journal), Just(Order::EachDirectory)]
}

fn numbers() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 1..64)
}

fn act() -> impl Strategy<Value = Act> {
    let mailbox = prop_oneof![Just(("INBOX", "other")), Just(("other", "INBOX"))];
    let with = prop_oneof![Just(""), Just("\\Seen"), Just("\\Flagged todo")];
    (0..11, mailbox, with, 0usize..8).prop_map(|(kind, (at, other), with, which)| match kind {
        0 | 1 => Act::Append { to: at, with },
        2 => Act::Deliver,
        3 => Act::Look { at },
        4 => Act::Store { at, which, with },
        5 => Act::Expunge { at, which },
        9 => Act::Restart,
        10 => Act::Stay { at },
        6 => Act::Copy {
            from: at,
            to: other,
            which,
        },
        _ => Act::Move {
            from: at,
            to: other,
            which,
        },
    })
}

/// A story takes longer to tell than to end.
fn stories() -> ProptestConfig {
    let cases = ProptestConfig::default().cases / 4;
    ProptestConfig {
        cases,
        ..ProptestConfig::default()
    }
}

proptest! {
    #[test]
    fn what_was_answered_is_there_whatever_the_disk_kept_of_the_rest(
        told in 0usize..2,
        after in any::<prop::sample::Index>(),
        order in order(),
        numbers in numbers(),
    ) {
        let told = &STORIES[told];
        let after = after.index(told.recording.steps.len() + 1);
        let tree = told.power_failure(after).leaves(order, Fate::Drawn { numbers, next: 0 });
        let found = Finder::new().check(told.expected(after), tree);
        prop_assert!(found.is_ok(), "after {} steps: {}", after, found.unwrap_err());
    }
}

proptest! {
    #![proptest_config(stories())]
    #[test]
    fn what_was_answered_is_there_whatever_was_done_before(
        acts in prop::collection::vec(act(), 1..12),
        failures in prop::collection::vec((any::<prop::sample::Index>(), order(), numbers()), 1..12),
    ) {
        let told = story::tell(stories::made_by_nobody, |begun| stories::anything(begun, acts));
        let mut finder = Finder::new();
        for (after, order, numbers) in failures {
            let after = after.index(told.recording.steps.len() + 1);
            let tree = told.power_failure(after).leaves(order, Fate::Drawn { numbers, next: 0 });
            let found = finder.check(told.expected(after), tree);
            prop_assert!(found.is_ok(), "{:?} after {} steps: {}", order, after, found.unwrap_err());
        }
    }
}

/// If one of them did nothing, a power failure would take something that was answered.
#[test]
fn every_sync_of_the_store_is_needed() {
    assert_eq!(loss_without(None), None);
    let sites: BTreeSet<_> = STORIES
        .iter()
        .flat_map(Told::sites)
        .filter(|site| !is_test(site))
        .collect();
    let reached: BTreeSet<_> = sites.iter().map(|site| (in_source(site), site.line())).collect();
    assert_eq!(reached, sites_in_source(), "the stories reach every call");
    let mut needless = Vec::new();
    for site in sites {
        match loss_without(Some(site)) {
            Some(loss) => println!("without {site}: {loss:?}"),
            None => needless.push(site.to_string()),
        }
    }
    assert_eq!(needless, [""; 0]);
}

/// What is lost, looked for whenever something was answered, if the syncs of one site did nothing.
fn loss_without(lie: Option<Site>) -> Option<String> {
    let mut finder = Finder::new();
    let is_in = |told: &&Told| lie.is_none_or(|lie| told.sites().any(|site| site == lie));
    for told in STORIES.iter().filter(is_in) {
        for (after, expected) in &told.expected {
            let failure = PowerFailure {
                lie,
                ..told.power_failure(*after)
            };
            let tree = failure.leaves(Order::EachDirectory, Fate::Least);
            if let Err(complaint) = finder.check(expected, tree) {
                return Some(complaint);
            }
        }
    }
    None
}

fn is_test(site: &Site) -> bool {
    site.file().contains("/tests/")
}

fn in_source(site: &Site) -> String {
    site.file().rsplit_once("/src/").unwrap().1.to_owned()
}

/// Every line of this crate that asks for a sync. Those who pass the question on (`track_caller`) do not count.
fn sites_in_source() -> BTreeSet<(String, u32)> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut sites = BTreeSet::new();
    for (path, found) in disk::take(&source) {
        let disk::Found::File { octets, .. } = found else {
            continue;
        };
        let path = path.to_str().unwrap().to_owned();
        if path.starts_with("tests") || path.ends_with("tests.rs") || path.starts_with("disk/storage") {
            continue;
        }
        let text = String::from_utf8(octets).unwrap();
        let lines: Vec<_> = text
            .lines()
            .take_while(|line| !line.starts_with("mod tests {"))
            .collect();
        for (at, line) in lines.iter().enumerate() {
            let asks = [
                ".sync_data()",
                ".sync_all()",
                "storage::sync_directory(",
                ".sync(",
            ];
            let asks = asks.iter().any(|call| line.contains(call)) && !line.trim_start().starts_with("//");
            let passes_on = lines[at.saturating_sub(2)..at]
                .iter()
                .any(|line| line.contains("track_caller"));
            if asks && !passes_on {
                sites.insert((path.clone(), u32::try_from(at + 1).unwrap()));
            }
        }
    }
    sites
}
