//! The QRESYNC parameter of SELECT (RFC 7162, section 3.2.5): what has happened since the client was here last.

use std::num::{NonZeroU32, NonZeroU64};

use imap_backend::{Mailbox, Need, Opened, Walk};
use imap_codec::imap_types::sequence;
use imap_seq::{Bound, ModSeq, SeqNum, SequenceSet, SetItem, Uid, UidSet, UidValidity, View};

use super::fetch::recency;
use crate::completion::{Completion, Stop};
use crate::connection::Channel;
use crate::convert;
use crate::enabled::{Enabled, Feature};
use crate::selected::Selected;
use crate::wire;

/// What a client says that it knows.
#[derive(Debug)]
pub(crate) struct Resync {
    uid_validity: UidValidity,
    modseq: ModSeq,
    /// All that there may ever have been where there is no set.
    known_uids: Option<SequenceSet<Uid>>,
    /// Message numbers and their UIDs, as the client has them.
    sample: Option<(SequenceSet<SeqNum>, SequenceSet<Uid>)>,
}

impl Resync {
    /// # Errors
    /// BAD for sets with `*`, and for message numbers from a client that has none.
    pub(crate) fn new(
        uid_validity: NonZeroU32,
        modseq: NonZeroU64,
        (known_uids, sample): (
            Option<&sequence::SequenceSet>,
            Option<&(sequence::SequenceSet, sequence::SequenceSet)>,
        ),
        enabled: Enabled,
    ) -> Result<Self, Completion> {
        let bad = || Completion::bad("SELECT: these QRESYNC arguments cannot be");
        if sample.is_some() && enabled.has(Feature::UidOnly) {
            return Err(Completion::bad("message numbers are off, use UIDs").with_code("UIDREQUIRED"));
        }
        let known_uids = known_uids.map(convert::sequence_set).transpose()?;
        let sample = match sample {
            Some((seqs, uids)) => Some((convert::sequence_set(seqs)?, convert::sequence_set(uids)?)),
            None => None,
        };
        let resync = Self {
            uid_validity: UidValidity::new(uid_validity.get()).ok_or_else(bad)?,
            modseq: ModSeq::new(modseq.get()).ok_or_else(bad)?,
            known_uids,
            sample,
        };
        match resync.has_star() {
            true => Err(bad()),
            false => Ok(resync),
        }
    }

    fn has_star(&self) -> bool {
        self.known_uids.as_ref().is_some_and(has_star)
            || self
                .sample
                .as_ref()
                .is_some_and(|(seqs, uids)| has_star(seqs) || has_star(uids))
    }

    pub(crate) fn for_the_backend(&self) -> imap_backend::Resync {
        imap_backend::Resync::new(self.uid_validity, self.modseq)
    }

    /// Whether it is about this mailbox as it is. After a change of UIDVALIDITY all that the client knows is worth nothing,
    /// and without lasting mod-sequences nobody can say what has changed.
    pub(crate) fn concerns<M>(&self, opened: &Opened<M>) -> bool {
        self.uid_validity == opened.uid_validity() && opened.highest_modseq().is_some()
    }

    /// Tells what has vanished and what has changed, as `UID FETCH known (FLAGS) (CHANGEDSINCE n VANISHED)` would.
    ///
    /// # Errors
    /// The store cannot be read, or the connection is over.
    pub(crate) async fn tell<M: Mailbox>(
        &self,
        selected: &mut Selected<M>,
        channel: &mut Channel,
        enabled: Enabled,
    ) -> Result<(), Stop> {
        let view = selected.updates.view().clone();
        let floor = self.sample.as_ref().and_then(|sample| agreed(sample, &view));
        let vanished = vanished(
            &mut selected.mailbox,
            self.modseq,
            self.known_uids.as_ref(),
            &view,
        );
        let mut vanished = channel.while_present(vanished).await??;
        if let Some(floor) = floor {
            let mut agreed = UidSet::new();
            agreed.insert_range(Uid::MIN, floor);
            vanished = vanished.difference(&agreed);
        }
        if !vanished.is_empty() {
            wire::vanished_earlier(channel.io.out(), &vanished);
        }
        let changed = selected.mailbox.changed_since(self.modseq, &view);
        let changed = channel.while_present(changed).await??;
        let known = self.known_uids.as_ref().map(|known| view.resolve_uids(known));
        let told = changed
            .iter()
            .filter(|&uid| known.as_ref().is_none_or(|known| known.contains(uid)));
        let mut walk = Walk::new(told, Need::MODSEQ);
        while let Some(fetched) = channel.while_present(walk.next(&mut selected.mailbox)).await?? {
            for record in fetched.into_records() {
                let Some(seq) = view.seq_of(record.uid()) else {
                    continue;
                };
                let out = channel.io.out();
                selected.flags.introduce(out, record.flags(), &selected.mailbox);
                let recent = recency(&selected.updates, record.uid());
                let told = Some((record.flags(), recent));
                let row = enabled.flags_row((seq, record.uid()), told, record.modseq());
                selected.told.note(row.modseq);
                row.write(out);
                channel.io.flush_if_full().await?;
            }
        }
        Ok(())
    }
}

/// What has gone of the messages that a client knows (RFC 7162, section 3.2.6). Where the store does not remember so far
/// back, everything that is not there counts. A message that still has a number in the view is left out: its end is told
/// in its turn.
///
/// # Errors
/// The store cannot be read.
pub(super) async fn vanished<M: Mailbox>(
    mailbox: &mut M,
    since: ModSeq,
    known: Option<&SequenceSet<Uid>>,
    view: &View,
) -> Result<UidSet, imap_backend::Error> {
    let expunged = mailbox.vanished_since(since).await?;
    // What nobody remembers lies below the last message that is there, or below what is remembered.
    let highest = view.last().max(expunged.as_ref().and_then(UidSet::last));
    let known = match known {
        Some(known) => ranges(known, highest),
        None => ranges_up_to(highest),
    };
    let gone = match &expunged {
        Some(expunged) => expunged.intersection(&known),
        None => known,
    };
    let there: UidSet = view.uids_in(&view.resolve_saved(&gone)).collect();
    Ok(gone.difference(&there))
}

fn ranges_up_to(highest: Option<Uid>) -> UidSet {
    let mut all = UidSet::new();
    if let Some(highest) = highest {
        all.insert_range(Uid::MIN, highest);
    }
    all
}

/// The UIDs that a set names, up to the highest that can matter: that is its `*`, so that messages at the end of the mailbox
/// which have gone are among them.
fn ranges(set: &SequenceSet<Uid>, highest: Option<Uid>) -> UidSet {
    let mut all = UidSet::new();
    let Some(highest) = highest else { return all };
    for item in set.items() {
        let (from, to) = match *item {
            SetItem::Single(bound) => (bound, bound),
            SetItem::Range(from, to) => (from, to),
        };
        let uid = |bound| match bound {
            Bound::Number(uid) => uid,
            Bound::Last => highest,
        };
        let (from, to) = (uid(from), uid(to));
        if from.min(to) <= highest {
            all.insert_range(from.min(to), from.max(to).min(highest));
        }
    }
    all
}

fn has_star<T: imap_seq::Number>(set: &SequenceSet<T>) -> bool {
    set.items().iter().any(|item| match item {
        SetItem::Single(bound) => *bound == Bound::Last,
        SetItem::Range(from, to) => *from == Bound::Last || *to == Bound::Last,
    })
}

/// The highest UID up to which client and server have the same messages: of the sample's pairs that are right, the last
/// (RFC 7162, section 3.2.5.2). If the n-th message has the same UID for both, no message below it has gone.
///
/// Pairs that are right come before those that are not, so that O(log pairs) of them are looked at.
fn agreed((seqs, uids): &(SequenceSet<SeqNum>, SequenceSet<Uid>), view: &View) -> Option<Uid> {
    let (seqs, uids) = (Runs::new(seqs, SeqNum::get), Runs::new(uids, Uid::get));
    let pair = |index| {
        let uid = Uid::new(uids.nth(index)?)?;
        let seq = SeqNum::new(seqs.nth(index)?)?;
        (view.uid_of(seq) == Some(uid)).then_some(uid)
    };
    let (mut right, mut wrong) = (None, seqs.total.min(uids.total));
    let mut next = 0;
    while next < wrong {
        let middle = next + (wrong - next) / 2;
        match pair(middle) {
            Some(uid) => {
                right = Some(uid);
                next = middle + 1;
            }
            None => wrong = middle,
        }
    }
    right
}

/// The numbers of a set in the order in which they are written, to be found by their place.
struct Runs {
    /// For each run its first number, and how many numbers come before it.
    runs: Vec<(u32, u64)>,
    total: u64,
}

impl Runs {
    fn new<T: imap_seq::Number>(set: &SequenceSet<T>, plain: impl Fn(T) -> u32) -> Self {
        let mut runs = Vec::new();
        let mut total = 0;
        for item in set.items() {
            let (from, to) = match *item {
                SetItem::Single(bound) => (bound, bound),
                SetItem::Range(from, to) => (from, to),
            };
            let (Bound::Number(from), Bound::Number(to)) = (from, to) else {
                continue;
            };
            let (from, to) = (plain(from), plain(to));
            runs.push((from.min(to), total));
            total += u64::from(from.max(to) - from.min(to)) + 1;
        }
        Self { runs, total }
    }

    fn nth(&self, index: u64) -> Option<u32> {
        let run = self.runs.partition_point(|&(_, before)| before <= index);
        let &(first, before) = self.runs.get(run.checked_sub(1)?)?;
        u32::try_from(u64::from(first) + (index - before)).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use imap_seq::MailboxIndex;

    fn view(uids: impl IntoIterator<Item = u32>) -> View {
        MailboxIndex::from_ascending(uids.into_iter().filter_map(Uid::new))
            .unwrap()
            .view()
    }

    /// RFC 7162, section 3.2.5.2: only UIDs that three divides are there.
    #[test]
    fn the_sample_says_up_to_where_nothing_is_missing() {
        let view = view((1..=9999).map(|third| third * 3));
        let agreed = |seqs: &str, uids: &str| {
            agreed(&(seqs.parse().unwrap(), uids.parse().unwrap()), &view).map(Uid::get)
        };
        assert_eq!(
            agreed(
                "5000,7500,9000,9990:9999",
                "15000,22500,27000,29970,29973,29976,29979,29982,29985,29988,29991,29994,29997"
            ),
            Some(29997)
        );
        assert_eq!(agreed("4,12", "12,37"), Some(12));
        assert_eq!(agreed("4,12", "8,24"), None);
        assert_eq!(agreed("1:4294967295", "1:4294967295"), None);
        assert_eq!(agreed("10001", "30003"), None);
    }

    #[test]
    fn numbers_of_a_set_are_found_by_their_place() {
        let runs = Runs::new::<Uid>(&"3,7:5,20:4294967295".parse().unwrap(), Uid::get);
        let found: Vec<_> = (0..6).map(|index| runs.nth(index)).collect();
        assert_eq!(found, [3, 5, 6, 7, 20, 21].map(Some));
        assert_eq!(runs.nth(runs.total - 1), Some(u32::MAX));
    }
}
