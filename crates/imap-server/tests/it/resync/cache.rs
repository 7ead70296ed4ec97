//! What a client keeps of a mailbox, and what the RFC tells it to make of each response.

use std::collections::BTreeMap;

use super::random::Random;

/// A client's copy of a mailbox's flags. Its numbering lives as long as a connection, the rest outlives it.
#[derive(Debug, Default)]
pub(crate) struct Cache {
    uid_validity: u64,
    /// The mod-sequence from which to ask for changes (RFC 7162, section 6); 0 before the first synchronisation.
    modseq: u64,
    flags: BTreeMap<u32, String>,
    /// Up to here every message has been fetched. Of those above, the client may have met some by number.
    whole_up_to: u32,
    /// The UID of each message number, where it is known.
    view: Vec<Option<u32>>,
    /// Of the command in progress: the HIGHESTMODSEQ code, and the highest MODSEQ of a row.
    code: Option<u64>,
    highest_row: u64,
    /// Only what a synchronisation has brought to its end counts.
    synchronising: bool,
    asks_for_new: bool,
    /// The message that a STORE with .SILENT has given `\Answered`: the client is not told what it has done itself.
    answered: Option<u32>,
    promised: Option<u64>,
    /// Lines with these words it does not hear.
    deaf_to: Option<&'static str>,
}

impl Cache {
    /// A client as a faulty server would have it: it misses lines with these words.
    #[allow(dead_code, reason = "helpers are shared by files")]
    pub(crate) fn deaf_to(words: &'static str) -> Self {
        Self {
            deaf_to: Some(words),
            ..Self::default()
        }
    }

    pub(crate) fn flags(&self) -> &BTreeMap<u32, String> {
        &self.flags
    }

    pub(crate) fn exists(&self) -> u32 {
        u32::try_from(self.view.len()).unwrap()
    }

    pub(crate) fn modseq(&self) -> u64 {
        self.modseq
    }

    pub(crate) fn knows_something(&self) -> bool {
        self.modseq > 0
    }

    /// SELECT with all, or some, of what QRESYNC can say.
    pub(crate) fn select_with_qresync(&self, random: &mut Random) -> String {
        if !self.knows_something() {
            return "SELECT INBOX".to_owned();
        }
        let known: Vec<String> = self.flags.keys().map(u32::to_string).collect();
        let mut parameter = format!("{} {}", self.uid_validity, self.modseq);
        if !known.is_empty() && random.below(3) > 0 {
            parameter += &format!(" {}", known.join(","));
            // The numbers of messages are known as far as no message is missing among them.
            let whole = self.flags.range(..=self.whole_up_to).count();
            if random.below(2) == 0 && whole > 0 {
                let seqs: Vec<String> = (1..=whole).map(|seq| seq.to_string()).collect();
                parameter += &format!(" ({} {})", seqs.join(","), known[..whole].join(","));
            }
        }
        format!("SELECT INBOX (QRESYNC ({parameter}))")
    }

    pub(crate) fn ask_for_changes(&self) -> String {
        format!("UID FETCH 1:* (FLAGS) (CHANGEDSINCE {})", self.modseq)
    }

    /// The messages above those that are known.
    pub(crate) fn ask_for_new(&self) -> String {
        format!("UID FETCH {}:* (FLAGS)", self.whole_up_to + 1)
    }

    pub(crate) fn begin(&mut self, command: &str) {
        self.code = None;
        self.highest_row = 0;
        self.asks_for_new = command == self.ask_for_new();
        self.answered = command.strip_prefix("STORE ").and_then(|rest| {
            let place = digits::<usize>(rest) - 1;
            self.view[place]
        });
        if command.starts_with("SELECT") {
            self.view.clear();
            self.synchronising = true;
            self.promised = None;
            // What an interrupted first synchronisation has left is of no use: nobody can say what became of it.
            if !self.knows_something() {
                self.flags.clear();
                self.whole_up_to = 0;
            }
        }
    }

    /// The tagged line (RFC 7162, section 6): a code counts, whatever was seen; else the highest row.
    pub(crate) fn complete(&mut self, tagged: &str) {
        if let Some(code) = code(tagged, "HIGHESTMODSEQ") {
            self.code = Some(code);
        }
        if self.asks_for_new {
            let highest = self.flags.keys().next_back().copied().unwrap_or(0);
            self.whole_up_to = self.whole_up_to.max(highest);
        }
        if self.synchronising {
            // Rows of a synchronisation are no news; what SELECT said is remembered at its end.
            self.promised = self.promised.or(self.code);
            return;
        }
        if let Some(flags) = self.answered.and_then(|uid| self.flags.get_mut(&uid))
            && tagged.starts_with("OK")
        {
            *flags = sorted(flags.split_whitespace().chain(["\\Answered"]));
        }
        match self.code {
            Some(code) => self.modseq = code,
            None => self.modseq = self.modseq.max(self.highest_row),
        }
    }

    pub(crate) fn synchronised(&mut self, at: &str) {
        self.synchronising = false;
        let promised = self.promised.expect("SELECT has said HIGHESTMODSEQ");
        assert!(
            promised >= self.modseq,
            "{at}: HIGHESTMODSEQ went back to {promised}"
        );
        self.modseq = promised;
        // Only now does the client know which number belongs to which UID.
        assert_eq!(
            self.flags.len(),
            self.view.len(),
            "{at}: as many messages as EXISTS says"
        );
        for (number, uid) in self.view.iter_mut().zip(self.flags.keys()) {
            assert!(
                number.is_none_or(|number| number == *uid),
                "{at}: {number:?} is {uid}"
            );
            *number = Some(*uid);
        }
    }

    /// An untagged line.
    pub(crate) fn take(&mut self, line: &str, at: &str) {
        if self.deaf_to.is_some_and(|words| line.contains(words)) {
            return;
        }
        if let Some(validity) = code(line, "UIDVALIDITY") {
            assert!(
                [0, validity].contains(&self.uid_validity),
                "{at}: {line}: was {}",
                self.uid_validity
            );
            self.uid_validity = validity;
        }
        if let Some(modseq) = code(line, "HIGHESTMODSEQ") {
            self.code = Some(modseq);
        }
        if let Some(uids) = line.strip_prefix("* VANISHED (EARLIER) ") {
            for uid in numbers(uids) {
                assert!(
                    !self.view.contains(&Some(uid)),
                    "{at}: {line}: {uid} has a number"
                );
                self.flags.remove(&uid);
            }
        } else if let Some(uids) = line.strip_prefix("* VANISHED ") {
            self.vanish(&numbers(uids), line, at);
        } else if let Some(found) = line.strip_prefix("* SEARCH") {
            self.search(found);
        } else if let Some((number, rest)) = numbered(line) {
            match rest {
                "EXISTS" => {
                    assert!(number as usize >= self.view.len(), "{at}: {line}: EXISTS shrinks");
                    self.view.resize(number as usize, None);
                }
                "EXPUNGE" => panic!("{at}: {line} after ENABLE QRESYNC"),
                _ if rest.starts_with("FETCH ") => self.fetch(number, rest, line, at),
                _ => {}
            }
        }
    }

    fn vanish(&mut self, gone: &[u32], line: &str, at: &str) {
        for &uid in gone {
            self.flags.remove(&uid);
            // A message whose UID the client does not know has a number as well: one between its neighbours.
            let place = self.view.iter().position(|known| *known == Some(uid));
            let place = place.or_else(|| {
                let above = self
                    .view
                    .iter()
                    .position(|known| known.is_some_and(|known| known > uid));
                self.view[..above.unwrap_or(self.view.len())]
                    .iter()
                    .rposition(Option::is_none)
            });
            let place = place.unwrap_or_else(|| panic!("{at}: {line}: {uid} has no number"));
            self.view.remove(place);
        }
    }

    fn fetch(&mut self, number: u32, row: &str, line: &str, at: &str) {
        let uid = after(row, "UID ").map(digits::<u32>);
        let place = (number as usize)
            .checked_sub(1)
            .filter(|&place| place < self.view.len());
        let place = place.unwrap_or_else(|| panic!("{at}: {line}: no such number"));
        if let Some(uid) = uid {
            assert!(
                self.view[place].is_none_or(|known| known == uid),
                "{at}: {line}: was another"
            );
            self.view[place] = Some(uid);
        }
        if let (Some(flags), Some(uid)) = (flags(row), uid.or(self.view[place])) {
            self.flags.insert(uid, flags);
        }
        if let Some(modseq) = after(row, "MODSEQ (") {
            self.highest_row = self.highest_row.max(digits(modseq));
        }
    }

    /// UID SEARCH ALL of a client without QRESYNC: what is not there has gone. SEARCH by number finds no UIDs.
    fn search(&mut self, found: &str) {
        if self.synchronising {
            let there: Vec<u32> = found
                .split_whitespace()
                .map(|word| word.parse().unwrap())
                .collect();
            self.flags.retain(|uid, _| there.contains(uid));
        }
    }
}

/// The flags of rows with UIDs.
pub(crate) fn flags_by_uid(lines: &[String]) -> BTreeMap<u32, String> {
    let rows = lines
        .iter()
        .filter(|line| line.starts_with("* ") && line.contains(" FETCH "));
    rows.map(|row| (digits(after(row, "UID ").unwrap()), flags(row).unwrap()))
        .collect()
}

/// The flags of a row, sorted and without `\Recent`.
fn flags(row: &str) -> Option<String> {
    let (flags, _) = after(row, "FLAGS (")?.split_once(')')?;
    Some(sorted(
        flags.split_whitespace().filter(|flag| *flag != "\\Recent"),
    ))
}

fn sorted<'f>(flags: impl Iterator<Item = &'f str>) -> String {
    let mut flags: Vec<&str> = flags.collect();
    flags.sort_unstable();
    flags.dedup();
    flags.join(" ")
}

/// The number behind a response code's name.
fn code(line: &str, name: &str) -> Option<u64> {
    after(line, &format!("[{name} ")).map(digits)
}

fn after<'l>(line: &'l str, word: &str) -> Option<&'l str> {
    line.split_once(word).map(|(_, rest)| rest)
}

fn digits<T: std::str::FromStr>(text: &str) -> T {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    text[..end].parse().ok().unwrap()
}

fn numbered(line: &str) -> Option<(u32, &str)> {
    let (number, rest) = line.strip_prefix("* ")?.split_once(' ')?;
    Some((number.parse().ok()?, rest))
}

fn numbers(set: &str) -> Vec<u32> {
    let mut all = Vec::new();
    for item in set.split(',') {
        match item.split_once(':') {
            Some((first, last)) => all.extend(first.parse::<u32>().unwrap()..=last.parse().unwrap()),
            None => all.push(item.parse().unwrap()),
        }
    }
    all
}
