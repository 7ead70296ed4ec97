//! Threads by the steps of RFC 5256, section 3, one after the other, on trees, without regard to cost.

use std::collections::HashMap;

use super::Mail;

#[derive(Debug, Clone)]
struct Tree {
    /// The number of the message, from 0; `None` for a dummy.
    message: Option<usize>,
    children: Vec<Self>,
}

pub(super) fn ordered_subject(mailbox: &[Mail]) -> String {
    let mut order: Vec<usize> = (0..mailbox.len()).collect();
    order.sort_by_key(|&number| (base(mailbox, number).0, mailbox[number].date, number));
    let mut threads: Vec<Vec<usize>> = Vec::new();
    for number in order {
        match threads.last_mut() {
            Some(thread) if base(mailbox, thread[0]).0 == base(mailbox, number).0 => thread.push(number),
            _ => threads.push(vec![number]),
        }
    }
    threads.sort_by_key(|thread| (mailbox[thread[0]].date, thread[0]));
    let leaf = |&number: &usize| Tree {
        message: Some(number),
        children: Vec::new(),
    };
    let trees = threads.iter().map(|thread| Tree {
        message: Some(thread[0]),
        children: thread[1..].iter().map(leaf).collect(),
    });
    trees.map(|tree| shown(&tree)).collect()
}

pub(super) fn references(mailbox: &[Mail]) -> String {
    let mut roots = prune(linked(mailbox), true);
    roots.sort_by_key(|tree| date(mailbox, tree));
    let mut roots = merged(mailbox, roots);
    sort(mailbox, &mut roots);
    roots.iter().map(shown).collect()
}

/// What a listing as [`super::shown`] writes it becomes without some of its messages.
pub(super) fn without(listing: &str, wanted: impl Fn(u32) -> bool) -> String {
    let mut stack = vec![Vec::new()];
    let mut names: Vec<Option<usize>> = Vec::new();
    for piece in listing.split_inclusive(['(', ')']) {
        let (word, bracket) = piece.split_at(piece.len() - 1);
        match word {
            "" => {}
            "-" => names.push(None),
            number => names.push(Some(number.parse::<usize>().unwrap() - 1)),
        }
        if bracket == "(" {
            stack.push(Vec::new());
        } else {
            let children = stack.pop().unwrap();
            let message = names
                .pop()
                .unwrap()
                .filter(|&number| wanted(u32::try_from(number).unwrap() + 1));
            stack.last_mut().unwrap().push(Tree { message, children });
        }
    }
    prune(stack.pop().unwrap(), true).iter().map(shown).collect()
}

/// Steps 1 and 2.
fn linked(mailbox: &[Mail]) -> Vec<Tree> {
    let mut parents: Vec<Option<usize>> = vec![None; mailbox.len()];
    let mut messages: Vec<Option<usize>> = (0..mailbox.len()).map(Some).collect();
    let mut ids: HashMap<&str, usize> = HashMap::new();
    for (number, mail) in mailbox.iter().enumerate() {
        if let Some(id) = mail.id.split_whitespace().next() {
            ids.entry(id).or_insert(number);
        }
    }
    let is_below = |parents: &[Option<usize>], mut node: usize, other: usize| loop {
        match parents[node] {
            _ if node == other => break true,
            Some(parent) => node = parent,
            None => break false,
        }
    };
    for (number, mail) in mailbox.iter().enumerate() {
        let mut before = None;
        for id in mail.references.split_whitespace() {
            let node = *ids.entry(id).or_insert_with(|| {
                parents.push(None);
                messages.push(None);
                parents.len() - 1
            });
            if let Some(before) = before
                && parents[node].is_none()
                && !is_below(&parents, before, node)
            {
                parents[node] = Some(before);
            }
            before = Some(node);
        }
        parents[number] = None;
        parents[number] = before.filter(|&before| !is_below(&parents, before, number));
    }
    let roots = (0..parents.len()).filter(|&node| parents[node].is_none());
    roots.map(|root| tree(root, &parents, &messages)).collect()
}

fn tree(node: usize, parents: &[Option<usize>], messages: &[Option<usize>]) -> Tree {
    let children = (0..parents.len()).filter(|&child| parents[child] == Some(node));
    Tree {
        message: messages[node],
        children: children.map(|child| tree(child, parents, messages)).collect(),
    }
}

/// Step 3.
fn prune(trees: Vec<Tree>, is_root: bool) -> Vec<Tree> {
    let mut kept = Vec::new();
    for mut tree in trees {
        tree.children = prune(tree.children, false);
        if tree.message.is_none() && (!is_root || tree.children.len() < 2) {
            kept.extend(tree.children);
        } else {
            kept.push(tree);
        }
    }
    kept
}

/// Step 5.
fn merged(mailbox: &[Mail], roots: Vec<Tree>) -> Vec<Tree> {
    let mut roots: Vec<Option<Tree>> = roots.into_iter().map(Some).collect();
    let of = |tree: &Tree| {
        let first = tree.children.iter().min_by_key(|child| date(mailbox, child));
        base(mailbox, tree.message.or_else(|| first.unwrap().message).unwrap())
    };
    let mut table: HashMap<String, usize> = HashMap::new();
    for (place, root) in roots.iter().enumerate() {
        let root = root.as_ref().unwrap();
        let (subject, is_reply) = of(root);
        if subject.is_empty() {
            continue;
        }
        let chosen = *table.entry(subject.clone()).or_insert(place);
        let other = roots[chosen].as_ref().unwrap();
        if other.message.is_some() && (root.message.is_none() || (of(other).1 && !is_reply)) {
            table.insert(subject, place);
        }
    }
    for place in 0..roots.len() {
        let Some(root) = &roots[place] else { continue };
        let (subject, is_reply) = of(root);
        let Some(&chosen) = table.get(&subject).filter(|&&chosen| chosen != place) else {
            continue;
        };
        let root = roots[place].take().unwrap();
        let other = roots[chosen].as_mut().unwrap();
        match (other.message, root.message) {
            (None, None) => other.children.extend(root.children),
            (None, Some(_)) => other.children.push(root),
            _ if is_reply && !of(other).1 => other.children.push(root),
            _ => {
                let children = vec![root, roots[chosen].take().unwrap()];
                roots.push(Some(Tree {
                    message: None,
                    children,
                }));
                table.insert(subject, roots.len() - 1);
            }
        }
    }
    roots.into_iter().flatten().collect()
}

/// Step 6.
fn sort(mailbox: &[Mail], trees: &mut [Tree]) {
    for tree in trees.iter_mut() {
        sort(mailbox, &mut tree.children);
    }
    trees.sort_by_key(|tree| date(mailbox, tree));
}

fn date(mailbox: &[Mail], tree: &Tree) -> (i64, usize) {
    match tree.message {
        Some(number) => (mailbox[number].date, number),
        None => tree
            .children
            .iter()
            .map(|child| date(mailbox, child))
            .min()
            .unwrap(),
    }
}

/// The base subjects of the mailbox: `Re:` is all that stands around them.
fn base(mailbox: &[Mail], number: usize) -> (String, bool) {
    let subject = mailbox[number].subject.to_ascii_uppercase();
    match subject.strip_prefix("RE:") {
        Some(rest) => (rest.trim().to_owned(), true),
        None => (subject, false),
    }
}

fn shown(tree: &Tree) -> String {
    let children: String = tree.children.iter().map(shown).collect();
    match tree.message {
        Some(number) => format!("({}{children})", number + 1),
        None => format!("(-{children})"),
    }
}
