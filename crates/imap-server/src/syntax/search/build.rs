//! Keys around keys, in as few levels as mean the same.

use super::{DEEPEST, Fault, Key};

/// A key, and how many levels of keys within keys it has; 0 for one that contains none.
pub(super) struct Built {
    pub(super) key: Key,
    pub(super) levels: usize,
}

impl Built {
    /// A key that contains none.
    pub(super) fn leaf(key: Key) -> Self {
        Self { key, levels: 0 }
    }

    /// NOT this key; NOT NOT is nothing.
    pub(super) fn negated(self) -> Result<Self, Fault> {
        match self.key {
            Key::Not(key) => Ok(Self {
                key: *key,
                levels: self.levels.saturating_sub(1),
            }),
            key => within_bounds(Key::Not(Box::new(key)), self.levels + 1),
        }
    }
}

/// A list of keys that is not complete.
#[derive(Default)]
pub(super) struct Keys {
    keys: Vec<Key>,
    /// The most levels that one of them has.
    levels: usize,
}

impl Keys {
    pub(super) fn push(&mut self, built: Built) {
        self.levels = self.levels.max(built.levels);
        self.keys.push(built.key);
    }

    /// Takes in what is a list of the same kind itself.
    pub(super) fn append(&mut self, mut keys: Vec<Key>, levels_of_the_list: usize) {
        self.levels = self.levels.max(levels_of_the_list.saturating_sub(1));
        self.keys.append(&mut keys);
    }

    /// The keys as one key: the only one, or a list of this kind.
    pub(super) fn into_one(mut self, kind: impl FnOnce(Vec<Key>) -> Key) -> Result<Built, Fault> {
        let levels = self.levels;
        match self.keys.pop() {
            Some(key) if self.keys.is_empty() => Ok(Built { key, levels }),
            last => {
                self.keys.extend(last);
                within_bounds(kind(self.keys), levels + 1)
            }
        }
    }
}

/// A key around keys that have one level less.
fn within_bounds(key: Key, levels: usize) -> Result<Built, Fault> {
    if levels > DEEPEST {
        return Err(Fault::Limit(format!("SEARCH nests keys at most {DEEPEST} deep")));
    }
    Ok(Built { key, levels })
}
