//! People, subjects and sentences for the demo's ordinary mail. All addresses are in names reserved for examples.

use mail_builder::headers::address::Address;

use crate::message::mailbox;

/// A small generator (SplitMix64): the corpus is the same on every machine.
#[derive(Debug, Clone)]
pub(crate) struct Dice(u64);

impl Dice {
    /// One sequence for each seed.
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below `bound`, which is at least 1.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        // What is left of the modulo fits in usize, as `bound` does.
        usize::try_from((mixed ^ (mixed >> 31)) % (bound as u64)).unwrap_or(0)
    }

    /// One of them.
    pub(crate) fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }
}

/// Name and address of those who write.
pub(crate) const PEOPLE: &[(&str, &str)] = &[
    ("Ada Quay", "ada@harbour.example"),
    ("Bjørn Åkesson", "bjorn@fjord.example"),
    ("O'Neil, Brid", "brid@lighthouse.example"),
    ("Chiara Molo", "chiara@molo.example"),
    ("", "harbourmaster@harbour.example"),
    ("Dr. Emil Köhler", "emil.koehler@werft.example"),
    ("Fatima al-Marsa", "fatima@marsa.example"),
    ("港 花子", "hanako@minato.example"),
    ("Ivan Причалов", "ivan@prichal.example"),
    ("Jo (night shift)", "jo@harbour.example"),
];

/// Whom the demo's mail is for.
pub(crate) fn me() -> Address<'static> {
    mailbox("Demo User", "demo@harbour.example")
}

/// What ordinary mail is about.
pub(crate) const SUBJECTS: &[&str] = &[
    "Berth 4 on Thursday",
    "Crane inspection",
    "Lunch?",
    "The missing rope",
    "Invoice for March",
    "Fog warning",
    "Keys to the boathouse",
    "New timetable for the ferry",
    "Ölwechsel am Schlepper",
    "Paint for the lighthouse",
    "Minutes of the meeting",
    "Bateau à vendre – état neuf",
    "Photos of the regatta",
    "Radio check",
    "Who fed the gulls?",
    "Заявка на стоянку",
    "明日の満潮",
    "Weekend plans ⛵",
];

/// Sentences that go together in any order.
pub(crate) const SENTENCES: &[&str] = &[
    "The tide was half an hour late, or the clock in the tower is fast again.",
    "Please move the blue dinghy before noon; the ferry needs the room.",
    "I left the keys with the harbourmaster, together with the bill.",
    "Nobody has seen the second anchor since the regatta.",
    "The crane passed its inspection, but the inspector did not pass the coffee.",
    "We are expecting two sloops and a barge with gravel on Friday.",
    "The fog should lift by ten; until then, all boats sound their horns.",
    "Could you send me the table of tides for next month?",
    "The paint has arrived: it is the right red, but eleven tins instead of twelve.",
    "If the wind turns north, we will have to shift berth 4 and berth 5.",
    "The gulls have learned to open the bin, so the bin now has a lock.",
    "Thank you for the soup. The whole night shift says so.",
    "The radio on channel 12 crackles whenever the tram goes by.",
    "I have put the minutes on the board and a copy in the drawer.",
    "There is a rope across the slipway; mind your step in the dark.",
    "The boat from Bergen asked for fresh water and for a cat.",
    "Café at the pier opens at six from Monday on.",
    "Das Beiboot braucht neue Riemen, die alten sind grün geworden.",
];

/// How a mail begins and ends.
pub(crate) const GREETINGS: &[(&str, &str)] = &[
    ("Hello,", "Best wishes"),
    ("Dear all,", "Kind regards"),
    ("Ahoy!", "Fair winds"),
    ("Hi,", "See you on the pier"),
    ("Good morning,", "Thanks"),
];

/// What lists talk about: a subject, and how many answers it drew.
pub(crate) const THREADS: &[(&str, usize)] = &[
    ("How to splice a rope that is too short", 9),
    ("Harbour dues: monthly or by the metre?", 7),
    ("Call for talks: Small Harbours Day", 2),
    ("VHF channel etiquette", 11),
    ("Release 2.4 of the tide tables", 3),
    ("Knoten für Anfänger", 6),
];
