//! Faults of other servers and those that all judges are tried with, each as the one wrong step that it is: the rest is the real
//! toolkit.

use imap_seq::{SeqNum, UidSet};
use imap_updates::{Drained, Followers, UpdateBuffer, WatchedStatus, kind};

use super::commands::{COMMANDS, FETCH, NOOP, UID_EXPUNGE};
use super::line::Line;
use super::seat::{Moment, Seat};
use super::setting::{Setting, named};
use super::store::{Change, Messages, flags_of, mask_of, members, message_of, uid, uid_of};
use super::world::World;

macro_rules! faults {
    ($($fault:ident $setting:literal $peer:literal $says:literal)*) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Fault {
            $($fault),*
        }

        pub const FAULTS: &[Fault] = &[$(Fault::$fault),*];

        impl Fault {
            /// What a server with it does.
            pub const fn says(self) -> &'static str {
                match self {
                    $(Self::$fault => $says),*
                }
            }

            /// Where it was seen.
            pub const fn seen(self) -> &'static str {
                match self {
                    $(Self::$fault => $peer),*
                }
            }

            /// The search that meets it.
            pub fn setting(self) -> Setting {
                let name = match self {
                    $(Self::$fault => $setting),*
                };
                named(name).expect("a setting")
            }
        }
    };
}

faults! {
    ExpungeDuringFetch "equal" "nowhere; the oldest rule" "FETCH lets EXPUNGE out"
    ExpungeDuringSearchWithNumbers "commands" "go-imap v2 B-20" "UID SEARCH with numbers lets EXPUNGE out"
    FollowersAreIgnored "commands" "go-imap v2 B-20" "a command lets EXPUNGE out though one with numbers waits in the pipe"
    ExpungeAfterTheCommand "commands" "gluon G-5" "EXPUNGE is sent when no command is in progress"
    CopyHolds "commands" "gluon G-9" "COPY holds EXPUNGE"
    UidFetchHolds "commands" "gluon G-9" "clients that use UID commands alone hear of no EXPUNGE"
    FetchTellsNothing "equal" "maddy S-8, go-imap v2 B-10" "FETCH never tells of new messages"
    NoopIsEarly "equal" "gluon G-7" "NOOP answers before what was queued for it"
    HeldBehindExpunge "equal" "go-imap v2 B-10" "EXISTS and FETCH wait behind an EXPUNGE that is held"
    ExistsOfTheStore "equal" "sora" "EXISTS is the store's count while EXPUNGE is held"
    ExpungeTwice "equal" "go-imap v2 B-4, sora 9a4b3a6" "the handler of EXPUNGE writes it, and the queue does too"
    ExpungeAgain "equal" "go-imap-mess M-1, sora a9525e5" "an EXPUNGE that was told is told again with the next"
    OwnExpungeAlone "equal" "sora bdd04d3" "the session's own EXPUNGE is told, and what was pending beside it is skipped"
    PhantomExists "equal" "go-imap-mess M-2, sora 838d128" "a message that came and went is counted by EXISTS"
    CountedTwice "equal" "go-imap-mess M-6, sora 87ffb47" "a message of the snapshot is announced again"
    ExpungeAscends "equal" "nowhere; scenario S21" "EXPUNGE with the numbers of the view before, in ascending order"
    ExpungeBeforeFetch "equal" "gluon G-10" "FETCH with the numbers from before the EXPUNGE that precedes it"
    FetchBeforeExists "equal" "go-imap v2 B-7, sora#47" "FETCH of a message comes before the EXISTS that announces it"
    FirstFlagsWin "equal" "go-imap-mess M-3" "of several changes of flags the first is told"
    OwnHideOthers "equal" "nowhere; scenario S09" "flags that others changed are not told of a message that the session changed too"
    KeywordsUntold "equal" "nowhere; scenario S12" "a keyword is used before the mailbox's FLAGS name it"
    RestIsDropped "equal" "go-imap v2 B-22" "after a failed write the rest of what was to be told is dropped"
    VanishedIsMissing "mixed" "sora" "sessions with QRESYNC hear of no expunge"
    RecentForEverybody "equal" "go-imap-mess M-12" "a message is \\Recent in each session"
    RecentNeverFalls "equal" "go-imap-mess M-12" "RECENT is not told when it becomes less"
    HighestModseqAhead "equal" "nowhere; no peer has it" "HIGHESTMODSEQ is the mailbox's while EXPUNGE is held"
    StarOfTheStore "equal" "go-imap v2 B-5" "`*` is the number of the store's last message"
    NumberBeyondTheView "equal" "go-imap v2 B-3" "a number that the client was never told of is a message of the store"
    NumbersOfTheStore "equal" "sora" "numbers are those of the store as it is now"
    LastIsHidden "equal" "go-imap v2 B-2" "the last message has no number"
    UnannouncedHasANumber "equal" "go-imap v2 B-1" "a message that was not announced has a number"
    AbsentIsItsNeighbour "equal" "go-imap-mess M-4" "a UID that is absent has the number of the next"
    OrderOfArrival "equal" "go-imap-mess M-5, gluon G-2" "messages are numbered in the order in which they were reported"
    GapIsHit "equal" "maddy S-9" "a set of numbers is a range of UIDs, and hits what was not announced"
    UidStarIsUidNext "equal" "go-imap v2 B-6" "`*` in a set of UIDs is UIDNEXT less one"
    StarIsTheNumber "equal" "gluon G-1" "`400:*` is nothing where 400 is above all UIDs"
    BeyondIsTheLast "equal" "go-imap-mess M-15" "a range above all UIDs is the last message"
    OverlapTwice "equal" "gluon G-4" "a message that a set names twice is handled twice"
    ExpungedIsAbsent "equal" "go-imap v2 B-18" "STORE of an expunged message is OK, as if nothing had been named"
    NotPublished "equal" "go-imap-mess M-14" "changes by another handle of the same process are not published"
    BeforeCommit "equal" "maddy S-1" "a message is published, and its transaction fails"
    LateSubscription "equal" "go-imap v2 B-15, maddy S-2" "the mailbox is read, and then the session subscribes"
    RowsAreMissed "log" "maddy S-4 and S-6" "a notification is lost, and nobody reads again"
    WakesOnlyForWhatComesLater "equal" "go-imap v2 B-11, go-imap-mess M-7" "IDLE sleeps beside what came before it"
    DeletedInSilence "equal" "go-imap v2 B-16, maddy S-3, gluon G-8" "a session goes on in a deleted mailbox"
    ExpungeUntold "equal" "nowhere; a seed of [judges.md](judges.md)" "EXPUNGE is never told"
    ExpungeOfTheNext "equal" "nowhere; a seed of [judges.md](judges.md)" "EXPUNGE has the number of the message behind it"
    ExpungeForVanished "mixed" "nowhere; a seed of [judges.md](judges.md)" "after ENABLE QRESYNC, EXPUNGE is sent in the place of VANISHED"
    ExistsUntold "equal" "nowhere; a seed of [judges.md](judges.md)" "EXISTS is never told"
    ExistsOneLess "equal" "nowhere; a seed of [judges.md](judges.md)" "EXISTS is one too small"
    FlagsUntold "equal" "nowhere; a seed of [judges.md](judges.md)" "flags that others changed are never told"
    FetchOfTheNext "equal" "nowhere; a seed of [judges.md](judges.md)" "FETCH has the number of the message behind it"
    UidOfTheNext "equal" "nowhere; a seed of [judges.md](judges.md)" "FETCH has the UID of the message behind it"
    ModSeqOfBefore "equal" "nowhere; a seed of [judges.md](judges.md)" "FETCH has the mod-sequence from before the change"
    ModSeqOfAnother "equal" "nowhere; a seed of [judges.md](judges.md)" "FETCH has a mod-sequence that the store has not given"
    HighestModseqFalls "equal" "nowhere; a seed of [judges.md](judges.md)" "HIGHESTMODSEQ is the highest of the messages that are there, and falls with them"
    StatusCountsOneMore "log" "nowhere; a seed of [judges.md](judges.md)" "STATUS counts a message more than there are"
    UidNextTooHigh "log" "nowhere; a seed of [judges.md](judges.md)" "UIDNEXT is ten above the UID that comes"
    UidNextOfTheLast "log" "nowhere; a seed of [judges.md](judges.md)" "UIDNEXT is one more than the last UID that is there"
}

/// What a faulty server knows when it writes a drain.
pub struct Case<'w> {
    pub moment: &'w Moment<'w>,
    pub command: u8,
    /// The message that the session's client removes.
    pub own: Option<u8>,
}

/// A whole command, with the permit that the server takes for it.
pub fn run(fault: Option<Fault>, command: u8, buffer: &mut UpdateBuffer, followers: Followers) -> Drained {
    let what = &COMMANDS[usize::from(command)];
    let releases = match fault {
        Some(Fault::ExpungeDuringFetch) => command == FETCH,
        Some(Fault::ExpungeDuringSearchWithNumbers) => what.name == "UID SEARCH 1:*",
        Some(Fault::ExpungeAfterTheCommand) => what.name == "nothing",
        Some(Fault::FollowersAreIgnored) => true,
        _ => false,
    };
    let holds = match fault {
        Some(Fault::CopyHolds) => what.name.starts_with("COPY"),
        Some(Fault::UidFetchHolds) => what.name.starts_with("UID FETCH"),
        _ => false,
    };
    let silent = match fault {
        Some(Fault::FetchTellsNothing) => command == FETCH,
        Some(Fault::NoopIsEarly) => command == NOOP,
        _ => false,
    };
    if silent {
        return Drained::default();
    }
    if releases {
        let command = buffer.begin(kind::Noop);
        return buffer.drain(command.permit(Followers::None));
    }
    let followers = if holds {
        Followers::UseSequenceNumbers
    } else {
        followers
    };
    (what.run)(buffer, followers)
}

/// What a faulty server writes instead of `lines`.
pub fn rewrite(fault: Fault, lines: &mut Vec<Line>, seat: &mut Seat, case: &Case<'_>) {
    let there = mask_of(&case.moment.visible);
    let count = there.count_ones();
    match fault {
        Fault::HeldBehindExpunge if !case.moment.granted && seat.known & !there != 0 => lines.clear(),
        Fault::ExistsOfTheStore => exists(lines, |_| count),
        Fault::PhantomExists => {
            let arrived = case.moment.arrived.saturating_sub(seat.horizon);
            let new = (there >> seat.horizon).count_ones();
            exists(lines, |exists| exists - new + u32::from(arrived));
        }
        Fault::CountedTwice => exists(lines, |exists| exists + 1),
        Fault::ExpungeTwice if case.command == UID_EXPUNGE => repeat_expunge(lines),
        Fault::ExpungeAgain => expunge_again(lines, seat),
        Fault::OwnExpungeAlone if case.own.is_some() => only_own(lines, seat, case),
        Fault::ExpungeAscends => lines.sort_by_key(|line| (line.rank(), number(line))),
        Fault::ExpungeBeforeFetch => lines.sort_by_key(|line| !line.is_expunge()),
        Fault::FetchBeforeExists => fetch_first(lines, case),
        Fault::FirstFlagsWin => first_flags(lines, seat, case),
        Fault::OwnHideOthers => hide_others(lines, seat, case),
        Fault::KeywordsUntold => lines.retain(|line| !matches!(line, Line::MailboxFlags(_))),
        Fault::RestIsDropped => lines.truncate(1),
        Fault::VanishedIsMissing => lines.retain(|line| !matches!(line, Line::Vanished(_))),
        Fault::RecentForEverybody => recent_of_all(lines, seat, case),
        Fault::RecentNeverFalls => {
            let told = seat.client.recent();
            lines.retain(|line| !matches!(line, Line::Recent(recent) if *recent < told));
        }
        Fault::ExpungeUntold => lines.retain(|line| !line.is_expunge()),
        Fault::ExpungeForVanished => vanished_by_number(lines, seat),
        Fault::ExistsUntold => lines.retain(|line| !matches!(line, Line::Exists(_))),
        Fault::ExistsOneLess => exists(lines, |exists| exists - 1),
        Fault::FlagsUntold => lines.retain(|line| !matches!(line, Line::Fetch { .. })),
        _ => lines.iter_mut().for_each(|line| misstate(fault, line)),
    }
}

/// What a faulty server writes instead of one line.
fn misstate(fault: Fault, line: &mut Line) {
    match (fault, line) {
        (Fault::ExpungeOfTheNext, Line::Expunge(seq)) | (Fault::FetchOfTheNext, Line::Fetch { seq, .. }) => {
            *seq = SeqNum::new(seq.get() + 1).expect("not 0");
        }
        (Fault::UidOfTheNext, Line::Fetch { uid: of, .. }) => *of = uid(of.get() + 10),
        (Fault::ModSeqOfBefore, Line::Fetch { modseq, .. }) => {
            *modseq = super::store::modseq(modseq.get() - 1)
        }
        (Fault::ModSeqOfAnother, Line::Fetch { modseq, .. }) => {
            *modseq = super::store::modseq(modseq.get() + 1)
        }
        _ => {}
    }
}

/// VANISHED as EXPUNGEs, from the last to the first.
fn vanished_by_number(lines: &mut Vec<Line>, seat: &Seat) {
    let Some(at) = lines.iter().position(|line| matches!(line, Line::Vanished(_))) else {
        return;
    };
    if let Line::Vanished(gone) = lines.remove(at) {
        let known = seat.client.uids();
        let numbers = (1..).zip(known).filter(|(_, uid)| gone.contains(*uid));
        let expunges: Vec<Line> = numbers
            .filter_map(|(number, _)| SeqNum::new(number).map(Line::Expunge))
            .collect();
        lines.splice(at..at, expunges.into_iter().rev());
    }
}

/// The HIGHESTMODSEQ that a server tells.
pub fn highest_modseq(fault: Option<Fault>, told: u64, moment: &Moment<'_>) -> u64 {
    match fault {
        Some(Fault::HighestModseqAhead) => return moment.cursor,
        Some(Fault::HighestModseqFalls) => {}
        _ => return told,
    }
    let there = (0..).zip(&moment.visible).filter(|(_, flags)| flags.is_some());
    let changed = there.map(|(message, _)| moment.store.changed_at(message, moment.cursor));
    changed.max().unwrap_or(1)
}

/// What a server answers to STATUS, of a mailbox with these messages.
pub fn status(fault: Option<Fault>, mut status: WatchedStatus, there: &Messages) -> WatchedStatus {
    match fault {
        Some(Fault::StatusCountsOneMore) => status.messages += 1,
        Some(Fault::UidNextTooHigh) => status.uid_next = status.uid_next.map(|next| uid(next.get() + 10)),
        Some(Fault::UidNextOfTheLast) => {
            let last = members(mask_of(there)).last();
            status.uid_next = Some(uid(last.map_or(1, |last| uid_of(last).get() + 1)));
        }
        _ => {}
    }
    status
}

fn exists(lines: &mut [Line], other: impl Fn(u32) -> u32) {
    for line in lines {
        if let Line::Exists(exists) = line {
            *exists = other(*exists);
        }
    }
}

const fn number(line: &Line) -> u32 {
    match line {
        Line::Expunge(seq) | Line::Fetch { seq, .. } => seq.get(),
        _ => 0,
    }
}

fn repeat_expunge(lines: &mut Vec<Line>) {
    if let Some(at) = lines.iter().position(Line::is_expunge) {
        let again = lines[at].clone();
        lines.insert(at, again);
    }
}

fn expunge_again(lines: &mut Vec<Line>, seat: &mut Seat) {
    let expunges: Vec<Line> = lines.iter().filter(|line| line.is_expunge()).cloned().collect();
    if let Some(at) = lines.iter().position(Line::is_expunge) {
        lines.splice(at..at, seat.kept.drain(..));
        seat.kept = expunges;
    }
}

fn only_own(lines: &mut Vec<Line>, seat: &Seat, case: &Case<'_>) {
    let own = case.own.map(uid_of);
    lines.retain(|line| match line {
        Line::Expunge(seq) => seat.client.uid_of(*seq) == own,
        _ => true,
    });
    for line in lines {
        if let (Line::Vanished(uids), Some(own)) = (line, own) {
            *uids = UidSet::from_iter([own]);
        }
    }
}

fn fetch_first(lines: &mut Vec<Line>, case: &Case<'_>) {
    let last = case.moment.visible.iter().rposition(Option::is_some);
    let announced = lines.iter().find_map(|line| match line {
        Line::Exists(exists) => SeqNum::new(*exists),
        _ => None,
    });
    if let Some((seq, message)) = announced.zip(last) {
        let modseq = case.moment.store.changed_at(message as u8, case.moment.cursor);
        let fetch = Line::Fetch {
            seq,
            uid: uid_of(message as u8),
            flags: flags_of(case.moment.visible[message].unwrap_or(0)),
            recent: imap_updates::Recency::NotRecent,
            modseq: super::store::modseq(modseq),
        };
        lines.insert(0, fetch);
    }
}

fn first_flags(lines: &mut [Line], seat: &Seat, case: &Case<'_>) {
    for line in lines {
        let Line::Fetch { uid, flags, .. } = line else {
            continue;
        };
        let since = case
            .moment
            .store
            .rows
            .iter()
            .filter(|row| row.version > seat.drained_at);
        let first = since
            .filter(|row| message_of(*uid) == Some(row.message))
            .map(|row| row.change);
        if let Some(Change::Present(first)) = first.clone().next() {
            *flags = flags_of(first);
        }
    }
}

fn hide_others(lines: &mut Vec<Line>, seat: &Seat, case: &Case<'_>) {
    let me = seat.buffer.origin();
    lines.retain(|line| {
        let Line::Fetch { uid, .. } = line else {
            return true;
        };
        let mut since = case
            .moment
            .store
            .rows
            .iter()
            .filter(|row| row.version > seat.drained_at);
        !since.any(|row| row.by == me && row.silent && message_of(*uid) == Some(row.message))
    });
}

fn recent_of_all(lines: &mut Vec<Line>, seat: &Seat, case: &Case<'_>) {
    let new = (mask_of(&case.moment.visible) >> seat.horizon).count_ones();
    if new > 0 {
        lines.retain(|line| !matches!(line, Line::Recent(_)));
        lines.push(Line::Recent(seat.client.recent() + new));
    }
}

/// What a server read that subscribes afterwards: the mailbox before its last change.
pub fn snapshot_before(world: &World) -> Option<Messages> {
    let late = world.fault == Some(Fault::LateSubscription) && world.store.version > super::store::BASE;
    late.then(|| world.store.at(world.store.version - 1))
}
