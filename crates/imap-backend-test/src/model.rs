//! A strict client: it applies untagged responses to a list of its own, and says so at the first contradiction.

use imap_seq::{Expunges, ModSeq, SeqNum, Uid, UidSet};
use imap_updates::{Flags, Untagged};
use std::collections::BTreeMap;
use std::fmt;

/// What a client believes of its selected mailbox: UIDs in the order of their numbers.
///
/// It shares no code with the toolkit. A client that knows less would survive some of what this one refuses.
///
/// ```
/// use imap_backend_test::ClientModel;
/// use imap_seq::{Expunges, SeqNum};
/// use imap_updates::Untagged;
/// let mut client = ClientModel::selected(2); // SELECT said `* 2 EXISTS`
/// let third = SeqNum::new(3).unwrap();
/// let refused = client.apply(&Untagged::Expunge(third), Expunges::Release).unwrap_err();
/// assert_eq!(refused.to_string(), "EXPUNGE 3 in a mailbox of 2 messages");
/// ```
#[derive(Debug, Clone, Default)]
pub struct ClientModel {
    /// By number; `None` where the client has not asked for the UID yet.
    uids: Vec<Option<Uid>>,
    /// No UID is known from this place on.
    known_to: usize,
    flags: BTreeMap<Uid, Flags>,
    modseqs: BTreeMap<Uid, ModSeq>,
    recent: u32,
    gone: UidSet,
}

/// A response that a client cannot reconcile with what it was told before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contradiction {
    kind: ContradictionKind,
    what: String,
}

impl Contradiction {
    /// Which promise of the protocol was broken.
    #[must_use]
    pub const fn kind(&self) -> ContradictionKind {
        self.kind
    }

    /// Where the rule stands that the response breaks.
    #[must_use]
    pub const fn rule(&self) -> &'static str {
        match self.kind {
            ContradictionKind::ExpungeTime | ContradictionKind::ExpungeNumber => "RFC 9051, section 7.5.1",
            ContradictionKind::VanishedTime | ContradictionKind::VanishedUid => "RFC 7162, section 3.2.10",
            ContradictionKind::ExistsShrinks => "RFC 9051, section 7.4.1",
            ContradictionKind::FetchNumber => "RFC 9051, section 7.5.2",
            ContradictionKind::UidChanged | ContradictionKind::UidOrder | ContradictionKind::UidReused => {
                "RFC 9051, section 2.3.1.1"
            }
            ContradictionKind::RecentNumber => "RFC 3501, section 7.3.2",
        }
    }
}

/// The promises that a mailbox's numbers and UIDs keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ContradictionKind {
    /// EXPUNGE during a command that forbids it.
    ExpungeTime,
    /// VANISHED during a command that forbids it.
    VanishedTime,
    /// EXPUNGE of a number that there is not.
    ExpungeNumber,
    /// VANISHED of a message that the client does not have.
    VanishedUid,
    /// EXISTS below what the client has.
    ExistsShrinks,
    /// FETCH of a number that there is not.
    FetchNumber,
    /// A number with another UID than before.
    UidChanged,
    /// UIDs that do not ascend with the numbers.
    UidOrder,
    /// A UID that was expunged before.
    UidReused,
    /// RECENT above EXISTS.
    RecentNumber,
}

impl fmt::Display for Contradiction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl std::error::Error for Contradiction {}

/// What one untagged response changed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Effect {
    /// These messages left; `None` for one whose UID was never learnt.
    Expunged(Vec<Option<Uid>>),
    /// So many messages came.
    Arrived(u32),
    /// A message has these flags now.
    Flags(Uid, Flags),
    /// Nothing about the list of messages.
    Other,
}

impl ClientModel {
    /// After SELECT or EXAMINE with this EXISTS.
    #[must_use]
    pub fn selected(exists: u32) -> Self {
        Self {
            uids: vec![None; exists as usize],
            ..Self::default()
        }
    }

    /// How many messages the client has.
    #[must_use]
    pub fn exists(&self) -> u32 {
        u32::try_from(self.uids.len()).unwrap_or(u32::MAX)
    }

    /// The UIDs that the client knows, by number.
    #[must_use]
    pub fn uids(&self) -> Vec<Uid> {
        self.uids.iter().copied().flatten().collect()
    }

    /// The message with this number, if its UID was learnt.
    #[must_use]
    pub fn uid_of(&self, seq: SeqNum) -> Option<Uid> {
        self.uids.get(place(seq)).copied().flatten()
    }

    /// The flags that the client was last told.
    #[must_use]
    pub fn flags_of(&self, uid: Uid) -> Option<&Flags> {
        self.flags.get(&uid)
    }

    /// The mod-sequence with which the client was last told the message's flags.
    #[must_use]
    pub fn modseq_of(&self, uid: Uid) -> Option<ModSeq> {
        self.modseqs.get(&uid).copied()
    }

    /// The RECENT that the client was last told.
    #[must_use]
    pub fn recent(&self) -> u32 {
        self.recent
    }

    /// Numbers whose UID was not learnt yet: what a client asks for with `FETCH n:* (UID FLAGS)`.
    #[must_use]
    pub fn unknown(&self) -> Vec<SeqNum> {
        let unknown =
            |(number, uid): (u32, &Option<Uid>)| uid.is_none().then(|| SeqNum::new(number)).flatten();
        (1..).zip(&self.uids).filter_map(unknown).collect()
    }

    /// A FETCH answered with a message's UID.
    ///
    /// # Errors
    /// The number does not exist or had another UID; the UID is out of order, or was expunged before (RFC 9051,
    /// section 2.3.1.1).
    pub fn learn(&mut self, seq: SeqNum, uid: Uid) -> Result<(), Contradiction> {
        let (at, exists) = (place(seq), self.exists());
        let Some(known) = self.uids.get(at) else {
            let what = format!("FETCH {seq} in a mailbox of {exists} messages");
            return contradiction(ContradictionKind::FetchNumber, what);
        };
        match known {
            Some(known) if *known == uid => return Ok(()),
            Some(known) => {
                let what = format!("FETCH {seq} has UID {uid}, it was UID {known}");
                return contradiction(ContradictionKind::UidChanged, what);
            }
            None => {}
        }
        if self.gone.contains(uid) {
            let what = format!("UID {uid} is in the mailbox again after its EXPUNGE");
            return contradiction(ContradictionKind::UidReused, what);
        }
        let before = self.uids[..at].iter().rev().flatten().next();
        let known_to = self.known_to.max(at + 1);
        let after = self.uids[at + 1..known_to].iter().flatten().next();
        if before.is_some_and(|before| *before >= uid) || after.is_some_and(|after| *after <= uid) {
            let what = format!("FETCH {seq} has UID {uid}, which is out of order");
            return contradiction(ContradictionKind::UidOrder, what);
        }
        self.uids[at] = Some(uid);
        self.known_to = known_to;
        Ok(())
    }

    /// The client was told a message's mod-sequence in answer to a command of its own.
    pub fn learn_modseq(&mut self, uid: Uid, modseq: ModSeq) {
        self.modseqs.insert(uid, modseq);
    }

    /// The client was told a message's flags in answer to a command of its own.
    pub fn learn_flags(&mut self, uid: Uid, flags: Flags) {
        self.flags.insert(uid, flags);
    }

    /// Applies one untagged response, where `expunges` says whether the command in progress allows EXPUNGE.
    ///
    /// # Errors
    /// The response cannot follow what the client was told before.
    pub fn apply(&mut self, response: &Untagged<'_>, expunges: Expunges) -> Result<Effect, Contradiction> {
        match response {
            Untagged::Expunge(seq) => self.expunge(*seq, expunges),
            Untagged::Vanished(uids) => self.vanish(uids, expunges),
            Untagged::Exists(exists) => self.grow(*exists),
            Untagged::Fetch {
                seq,
                uid,
                flags,
                modseq,
                ..
            } => {
                self.learn(*seq, *uid)?;
                self.modseqs.insert(*uid, *modseq);
                self.flags.insert(*uid, (*flags).clone());
                Ok(Effect::Flags(*uid, (*flags).clone()))
            }
            Untagged::Recent(recent) if *recent > self.exists() => {
                let what = format!("RECENT {recent} in a mailbox of {} messages", self.exists());
                contradiction(ContradictionKind::RecentNumber, what)
            }
            Untagged::Recent(recent) => {
                self.recent = *recent;
                Ok(Effect::Other)
            }
            _ => Ok(Effect::Other),
        }
    }

    fn expunge(&mut self, seq: SeqNum, expunges: Expunges) -> Result<Effect, Contradiction> {
        if expunges == Expunges::Hold {
            let what = format!("EXPUNGE {seq} during a command that forbids it");
            return contradiction(ContradictionKind::ExpungeTime, what);
        }
        if seq.get() > self.exists() {
            let what = format!("EXPUNGE {seq} in a mailbox of {} messages", self.exists());
            return contradiction(ContradictionKind::ExpungeNumber, what);
        }
        let uid = self.uids.remove(place(seq));
        if place(seq) < self.known_to {
            self.known_to -= 1;
        }
        self.forget(uid);
        Ok(Effect::Expunged(vec![uid]))
    }

    /// A UID that was not learnt is one of the messages between its neighbours: which of them makes no difference.
    fn vanish(&mut self, uids: &UidSet, expunges: Expunges) -> Result<Effect, Contradiction> {
        if expunges == Expunges::Hold {
            let what = format!("VANISHED {uids} during a command that forbids it");
            return contradiction(ContradictionKind::VanishedTime, what);
        }
        let (mut left, mut vanished) = (Vec::with_capacity(self.uids.len()), Vec::new());
        let (mut unknown, mut above) = (0, Uid::MIN);
        for known in &self.uids[..self.known_to] {
            let Some(uid) = *known else {
                unknown += 1;
                continue;
            };
            let of_them = if unknown == 0 {
                0
            } else {
                between(uids, above, before(uid))
            };
            left.extend((of_them..unknown).map(|_| None));
            vanished.extend((0..of_them.min(unknown)).map(|_| None));
            (unknown, above) = (0, uid.next().unwrap_or(uid));
            match uids.contains(uid) {
                true => vanished.push(Some(uid)),
                false => left.push(Some(uid)),
            }
        }
        unknown += (self.uids.len() - self.known_to) as u64;
        let of_them = between(uids, above, Some(Uid::MAX)).min(unknown);
        vanished.extend((0..of_them).map(|_| None));
        self.known_to = left.len();
        left.extend((of_them..unknown).map(|_| None));
        if vanished.len() as u64 != uids.len() {
            let what = format!("VANISHED {uids}, which the client does not have all of");
            return contradiction(ContradictionKind::VanishedUid, what);
        }
        self.uids = left;
        vanished.iter().for_each(|uid| self.forget(*uid));
        self.gone = self.gone.union(uids);
        Ok(Effect::Expunged(vanished))
    }

    fn grow(&mut self, exists: u32) -> Result<Effect, Contradiction> {
        let before = self.exists();
        if exists < before {
            let what = format!("EXISTS {exists} after {before}, without EXPUNGE");
            return contradiction(ContradictionKind::ExistsShrinks, what);
        }
        self.uids.resize(exists as usize, None);
        Ok(Effect::Arrived(exists - before))
    }

    fn forget(&mut self, uid: Option<Uid>) {
        if let Some(uid) = uid {
            self.gone.insert(uid);
            self.flags.remove(&uid);
            self.modseqs.remove(&uid);
        }
    }
}

fn place(seq: SeqNum) -> usize {
    seq.get() as usize - 1
}

fn before(uid: Uid) -> Option<Uid> {
    Uid::new(uid.get() - 1)
}

/// How many UIDs of the set lie between these, both included.
fn between(uids: &UidSet, low: Uid, high: Option<Uid>) -> u64 {
    high.map_or(0, |high| uids.range_len(low, high))
}

fn contradiction<T>(kind: ContradictionKind, what: String) -> Result<T, Contradiction> {
    Err(Contradiction { kind, what })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seq(number: u32) -> SeqNum {
        SeqNum::new(number).unwrap()
    }

    fn uid(number: u32) -> Uid {
        Uid::new(number).unwrap()
    }

    fn client(uids: &[u32]) -> ClientModel {
        let mut client = ClientModel::selected(u32::try_from(uids.len()).unwrap());
        for (number, &known) in (1..).zip(uids) {
            client.learn(seq(number), uid(known)).unwrap();
        }
        client
    }

    fn refused(mut client: ClientModel, response: &Untagged<'_>, expunges: Expunges) -> String {
        client.apply(response, expunges).unwrap_err().to_string()
    }

    #[test]
    fn an_expunge_moves_later_numbers_down() {
        let mut client = client(&[4, 5, 6]);
        client
            .apply(&Untagged::Expunge(seq(2)), Expunges::Release)
            .unwrap();
        assert_eq!(client.uid_of(seq(2)), Some(uid(6)));
        assert_eq!(client.exists(), 2);
    }

    #[test]
    fn what_no_client_can_follow_is_a_contradiction() {
        let held = refused(client(&[1]), &Untagged::Expunge(seq(1)), Expunges::Hold);
        assert!(held.contains("forbids"), "{held}");
        let shrunk = refused(client(&[1, 2]), &Untagged::Exists(1), Expunges::Release);
        assert!(shrunk.contains("without EXPUNGE"), "{shrunk}");
        let recent = refused(client(&[1]), &Untagged::Recent(2), Expunges::Release);
        assert!(recent.contains("RECENT 2"), "{recent}");
        let strange = UidSet::from_iter([uid(9)]);
        let vanished = refused(client(&[1]), &Untagged::Vanished(&strange), Expunges::Release);
        assert!(vanished.contains("does not have"), "{vanished}");
    }

    #[test]
    fn a_uid_that_was_never_learnt_vanishes_from_between_its_neighbours() {
        let mut client = ClientModel::selected(5);
        client.learn(seq(2), uid(10)).unwrap();
        client.learn(seq(4), uid(20)).unwrap();
        let gone = UidSet::from_iter([uid(15), uid(20), uid(30)]);
        client
            .apply(&Untagged::Vanished(&gone), Expunges::Release)
            .unwrap();
        assert_eq!(client.exists(), 2);
        assert_eq!(client.uid_of(seq(2)), Some(uid(10)));
        let none_left = UidSet::from_iter([uid(16)]);
        let refused = refused(client.clone(), &Untagged::Vanished(&none_left), Expunges::Release);
        assert!(refused.contains("does not have"), "{refused}");
        client.apply(&Untagged::Exists(3), Expunges::Release).unwrap();
        assert!(client.learn(seq(3), uid(30)).is_err(), "vanished before");
    }

    #[test]
    fn uids_ascend_stay_and_do_not_come_back() {
        let mut client = client(&[3, 7]);
        assert!(client.learn(seq(1), uid(4)).is_err(), "it was 3");
        assert!(client.learn(seq(3), uid(9)).is_err(), "there is no third");
        client
            .apply(&Untagged::Expunge(seq(2)), Expunges::Release)
            .unwrap();
        client.apply(&Untagged::Exists(2), Expunges::Release).unwrap();
        assert!(client.learn(seq(2), uid(7)).is_err(), "expunged");
        assert!(client.learn(seq(2), uid(2)).is_err(), "out of order");
        assert!(client.learn(seq(2), uid(8)).is_ok());
    }
}
