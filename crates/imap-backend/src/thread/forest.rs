//! From what stands above each message to threads in their order.

use std::collections::HashMap;

use imap_seq::Uid;

use super::graph::{Above, STEP, top_of_each};
use super::links::NONE;
use super::{Entry, Threads};
use crate::search::pace::Pace;
use crate::sort::paced::sorted;

/// What is known of a message besides what it answers: 32 octets.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen {
    /// Sent date, or internal date.
    pub(super) date: i64,
    /// A hash of 128 bits under a key that nobody knows stands for the collation form of the base subject. `None` for an
    /// empty one.
    pub(super) subject: Option<[u64; 2]>,
    pub(super) uid: Uid,
    pub(super) is_reply_or_forward: bool,
}

/// Messages, by their numbers in the order of the mailbox, and above them places of messages that are not there.
pub(super) struct Forest {
    messages: Vec<Seen>,
    /// Of each message, and behind those of each place.
    parents: Vec<u32>,
    /// Messages from the oldest to the newest.
    by_date: Vec<u32>,
}

impl Forest {
    pub(super) async fn new(messages: Vec<Seen>, above: Vec<Above>, pace: &mut Pace) -> Self {
        let mut parents = Vec::with_capacity(messages.len());
        let mut places: HashMap<u32, u32> = HashMap::new();
        for above in above {
            parents.push(match above {
                Above::Nothing => NONE,
                Above::Message(message) => message,
                Above::Missing(missing) => {
                    let next = number(messages.len() + places.len());
                    *places.entry(missing).or_insert(next)
                }
            });
            pace.after(STEP).await;
        }
        parents.resize(messages.len() + places.len(), NONE);
        let numbers: Vec<u32> = (0..number(messages.len())).collect();
        let date = |&message: &u32| (messages[message as usize].date, message);
        let by_date = sorted(numbers, |one, other| date(one).cmp(&date(other)), pace).await;
        Self {
            messages,
            parents,
            by_date,
        }
    }

    /// ORDEREDSUBJECT: the first message of each subject above the others.
    pub(super) async fn by_subject(messages: Vec<Seen>, pace: &mut Pace) -> Self {
        let nothing = vec![Above::Nothing; messages.len()];
        let mut forest = Self::new(messages, nothing, pace).await;
        let mut first = HashMap::new();
        for &message in &forest.by_date {
            let subject = forest.messages[message as usize].subject;
            let first = *first.entry(subject).or_insert(message);
            if first != message {
                forest.parents[message as usize] = first;
            }
            pace.after(STEP).await;
        }
        forest
    }

    /// REFERENCES, step 5: joins the threads of one base subject.
    pub(super) async fn join_subjects(&mut self, pace: &mut Pace) {
        let roots = self.roots(pace).await;
        let mut table: HashMap<[u64; 2], u32> = HashMap::new();
        for root in &roots {
            if let Some(subject) = root.subject {
                let chosen = table.entry(subject).or_insert(root.item);
                if self.takes_the_place_of(root.item, *chosen) {
                    *chosen = root.item;
                }
            }
            pace.after(STEP).await;
        }
        // A place whose children go to another one.
        let mut moved: HashMap<u32, u32> = HashMap::new();
        for root in &roots {
            let chosen = root.subject.and_then(|subject| table.get_mut(&subject));
            if let Some(chosen) = chosen {
                self.join(root.item, chosen, &mut moved);
            }
            pace.after(STEP).await;
        }
        for parent in self.parents.iter_mut().filter(|_| !moved.is_empty()) {
            if let Some(place) = moved.get(parent) {
                *parent = *place;
            }
            pace.after(STEP).await;
        }
    }

    /// Step 5 (B) (iv).
    fn takes_the_place_of(&self, root: u32, chosen: u32) -> bool {
        !self.is_place(chosen) && (self.is_place(root) || (self.is_reply(chosen) && !self.is_reply(root)))
    }

    /// Step 5 (C): joins a thread with the one that was chosen of its subject.
    fn join(&mut self, root: u32, chosen: &mut u32, moved: &mut HashMap<u32, u32>) {
        if root == *chosen || self.parents[root as usize] != NONE {
            return;
        }
        if self.is_place(root) {
            // A place is chosen before any message, so the other one is a place too.
            moved.insert(root, *chosen);
        } else if self.is_place(*chosen) || (self.is_reply(root) && !self.is_reply(*chosen)) {
            self.parents[root as usize] = *chosen;
        } else {
            let place = number(self.parents.len());
            self.parents.push(NONE);
            self.parents[root as usize] = place;
            self.parents[*chosen as usize] = place;
            *chosen = place;
        }
    }

    /// The tops of the threads, by their dates: that of a place is that of its first child (step 4).
    async fn roots(&self, pace: &mut Pace) -> Vec<Root> {
        let mut roots = Vec::new();
        let mut is_listed = vec![false; self.parents.len() - self.messages.len()];
        for &message in &self.by_date {
            let subject = self.messages[message as usize].subject;
            let parent = self.parents[message as usize];
            if parent == NONE {
                roots.push(Root {
                    item: message,
                    subject,
                });
            } else if self.is_place(parent) {
                let place = parent as usize - self.messages.len();
                if !std::mem::replace(&mut is_listed[place], true) {
                    roots.push(Root {
                        item: parent,
                        subject,
                    });
                }
            }
            pace.after(STEP).await;
        }
        roots
    }

    /// REFS: the tops of the threads by the date of the newest message of each.
    async fn roots_by_newest(&self, pace: &mut Pace) -> Vec<u32> {
        let up = |item: u32| Some(self.parents[item as usize]).filter(|&parent| parent != NONE);
        let tops = top_of_each(number(self.parents.len()), up, pace).await;
        let mut is_listed = vec![false; self.parents.len()];
        let mut roots = Vec::new();
        for &message in self.by_date.iter().rev() {
            let top = tops[message as usize];
            if !std::mem::replace(&mut is_listed[top as usize], true) {
                roots.push(top);
            }
            pace.after(STEP).await;
        }
        roots.reverse();
        roots
    }

    /// The threads by the date of the first message of each.
    pub(super) async fn into_threads(self, pace: &mut Pace) -> Threads {
        let roots = self.roots(pace).await.into_iter().map(|root| root.item).collect();
        self.written(roots, pace).await
    }

    /// The threads by the date of the newest message of each.
    pub(super) async fn into_threads_by_newest(self, pace: &mut Pace) -> Threads {
        let roots = self.roots_by_newest(pace).await;
        self.written(roots, pace).await
    }

    /// Each message before its children, which are in the order of their dates (step 6).
    async fn written(self, roots: Vec<u32>, pace: &mut Pace) -> Threads {
        let children = Children::of(&self, pace).await;
        let mut entries = Vec::with_capacity(self.messages.len());
        let mut open: Vec<u32> = roots.into_iter().rev().collect();
        while let Some(item) = open.pop() {
            let below = children.of_item(item);
            let count = number(below.len());
            entries.push(match self.messages.get(item as usize) {
                Some(message) => Entry::new(message.uid, count),
                None => Entry::missing(count),
            });
            open.extend(below.iter().rev());
            pace.after(STEP).await;
        }
        Threads::new(entries)
    }

    fn is_place(&self, item: u32) -> bool {
        item as usize >= self.messages.len()
    }

    fn is_reply(&self, item: u32) -> bool {
        let message = self.messages.get(item as usize);
        message.is_some_and(|message| message.is_reply_or_forward)
    }
}

/// The top of a thread, with the subject that the thread has (step 5 (B) (i)).
struct Root {
    item: u32,
    subject: Option<[u64; 2]>,
}

/// The children of all items, in the order of their dates.
struct Children {
    /// Where those of each item begin in `all`.
    starts: Vec<u32>,
    all: Vec<u32>,
}

impl Children {
    async fn of(forest: &Forest, pace: &mut Pace) -> Self {
        let mut starts = vec![0_u32; forest.parents.len() + 1];
        for &parent in forest.parents.iter().filter(|&&parent| parent != NONE) {
            starts[parent as usize + 1] += 1;
            pace.after(STEP).await;
        }
        for item in 1..starts.len() {
            starts[item] += starts[item - 1];
        }
        let mut ends = starts.clone();
        let mut all = vec![NONE; starts.last().map_or(0, |&all| all as usize)];
        for &message in &forest.by_date {
            let parent = forest.parents[message as usize];
            if parent != NONE {
                let end = &mut ends[parent as usize];
                all[*end as usize] = message;
                *end += 1;
            }
            pace.after(STEP).await;
        }
        Self { starts, all }
    }

    fn of_item(&self, item: u32) -> &[u32] {
        let item = item as usize;
        &self.all[self.starts[item] as usize..self.starts[item + 1] as usize]
    }
}

fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
