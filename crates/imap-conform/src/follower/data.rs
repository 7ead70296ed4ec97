//! Untagged data: mailboxes, messages, results of searches.

use imap_seq::{Expunges, SeqNum, Uid};

use super::judge::{Judge, Mailbox};
use super::remembered::Remembered;
use super::selected::Told;
use super::status::uid_set;
use crate::command::{Command, canonical};
use crate::response::Data;
use crate::rule::Rule;
use crate::wire::value::{Value, is_word};

impl Judge {
    pub(super) fn data(&mut self, data: &Data<'_>) {
        match (data.word, data.number) {
            ("EXISTS" | "RECENT" | "EXPUNGE" | "FETCH", Some(number)) => {
                self.about_a_mailbox(|judge| judge.of_mailbox(data, number));
            }
            ("UIDFETCH", Some(uid)) => self.about_a_mailbox(|judge| judge.uid_fetch(data, uid)),
            ("VANISHED", None) => self.about_a_mailbox(|judge| judge.vanished(data.values)),
            ("FLAGS", None) => self.about_a_mailbox(|judge| {
                if let Some(selected) = judge.selected() {
                    selected.has_flags = true;
                }
            }),
            ("LIST", None) => self.about_a_mailbox(|judge| {
                if let Some(selecting) = &mut judge.selecting {
                    selecting.has_list = true;
                }
            }),
            ("CAPABILITY", None) => self.capability(data.values),
            ("ENABLED", None) => self.enabled(data.values),
            ("LANGUAGE", None) => self.enabled.language = true,
            ("STATUS", None) => self.status_of(data.values),
            ("SEARCH" | "SORT" | "THREAD", None) => self.search(data),
            ("ESEARCH", None) => self.esearch(data.values),
            // As `* 1 EXPUNGED`, which a client passes over, and then has a message too many.
            (word, Some(number)) => self.report(Rule::Syntax, format!("{number} {word} is no response")),
            _ => {}
        }
    }

    fn of_mailbox(&mut self, data: &Data<'_>, number: u32) {
        // Not asked for each FETCH, of which there are thousands.
        let expunges = match data.word {
            "EXPUNGE" => self.expunges(Command::permits_expunge),
            _ => Expunges::Hold,
        };
        if data.word == "EXPUNGE" && (self.enabled.qresync || self.enabled.uid_only) {
            self.report(
                Rule::VanishedForm,
                format!("EXPUNGE {number} where VANISHED is due"),
            );
        }
        if self.selected().is_none() {
            return self.no_mailbox(data.word);
        }
        if data.word == "FETCH" {
            return self.fetch(data, number);
        }
        let Some(selected) = self.selected() else { return };
        let applied = match (data.word, SeqNum::new(number)) {
            ("EXISTS", _) => selected.exists(number),
            ("RECENT", _) => selected.recent(number),
            (_, Some(seq)) => selected.expunge(seq, expunges),
            (_, None) => return self.report(Rule::ExpungeNumber, "EXPUNGE 0"),
        };
        if let Err(contradiction) = applied {
            self.contradicted(&contradiction);
        }
    }

    /// Whether the command that is answered now permits it. SELECT does for the mailbox that it closes, of which all is that comes before
    /// CLOSED (RFC 7162, section 3.2.11).
    fn expunges(&self, permits: impl Fn(&Command) -> bool) -> Expunges {
        let is_closing = self.selecting.is_none() && self.current().is_some_and(Command::is_select);
        match is_closing || self.enabled.notify_expunges || self.current().is_some_and(permits) {
            true => Expunges::Release,
            false => Expunges::Hold,
        }
    }

    fn no_mailbox(&mut self, word: &str) {
        if matches!(self.mailbox, Mailbox::None) {
            self.report(Rule::NoMailbox, format!("{word} without a mailbox"));
        }
    }

    fn fetch(&mut self, data: &Data<'_>, number: u32) {
        if self.enabled.uid_only {
            return self.report(Rule::UidOnly, format!("FETCH {number} where UIDFETCH is due"));
        }
        let told = Told::read(data.values.first().and_then(Value::list).unwrap_or_default());
        self.check_items(&told, number);
        let Some(selected) = self.selected() else { return };
        let exists = selected.view.exists();
        let Some(seq) = SeqNum::new(number).filter(|_| number <= exists) else {
            self.report(
                Rule::FetchNumber,
                format!("FETCH {number} in a mailbox of {exists} messages"),
            );
            return;
        };
        let broken = match selected.learn(seq, &told) {
            Ok(broken) => broken,
            Err(contradiction) => return self.contradicted(&contradiction),
        };
        let uid = told.uid.or_else(|| selected.view.uid_of(seq));
        let of_modseq = uid
            .zip(told.modseq)
            .and_then(|(uid, modseq)| selected.learn_modseq(uid, modseq));
        let of_size = selected.learn_size(seq, &told);
        for (rule, what) in [broken, of_modseq, of_size].into_iter().flatten() {
            self.report(rule, what);
        }
    }

    /// What has to be among the items of FETCH.
    fn check_items(&mut self, told: &Told, number: u32) {
        let is_fetch = self.is_in_progress("FETCH");
        let is_change = told.has_flags && !told.has_other && !is_fetch;
        let is_asked = is_fetch || self.is_in_progress("STORE");
        let is_by_number = |command: &Command| command.is("FETCH") && !command.is_uid;
        let is_by_uid = is_fetch && !self.pending.iter().any(is_by_number);
        let keeps_modseqs = self.selected().is_some_and(|selected| !selected.keeps_no_modseqs);
        let needs_uid = (is_by_uid && told.has_other)
            || (is_change && self.enabled.qresync)
            || (is_change && self.enabled.rev2 && !is_asked);
        if told.uid.is_none() && needs_uid {
            self.report(Rule::UidMissing, format!("FETCH {number} without UID"));
        }
        if told.modseq.is_none() && is_change && self.enabled.condstore && keeps_modseqs {
            self.report(Rule::ModSeqMissing, format!("FETCH {number} without MODSEQ"));
        }
        let asked = || self.pending.iter().filter_map(Command::largest_partial).max();
        if let Some((octets, asked)) = told.partial.and_then(|octets| Some((octets, asked()?)))
            && octets > asked
        {
            self.report(
                Rule::PartialSize,
                format!("{octets} octets, where at most {asked} were asked for"),
            );
        }
    }

    fn uid_fetch(&mut self, data: &Data<'_>, uid: u32) {
        if !self.enabled.uid_only {
            self.report(Rule::UidOnly, format!("UIDFETCH {uid} without ENABLE UIDONLY"));
        }
        let told = Told::read(data.values.first().and_then(Value::list).unwrap_or_default());
        let (Some(selected), Some(uid)) = (self.selected(), Uid::new(uid)) else {
            return;
        };
        let broken = told.modseq.and_then(|modseq| selected.learn_modseq(uid, modseq));
        if let Some((rule, what)) = broken {
            self.report(rule, what);
        }
    }

    fn vanished(&mut self, values: &[Value<'_>]) {
        let is_earlier = values.first().is_some_and(|first| first.list().is_some());
        let uids = values.last().and_then(Value::atom).and_then(uid_set);
        let Some(uids) = uids else {
            return self.report(Rule::Syntax, "VANISHED without a set of UIDs");
        };
        if is_earlier {
            let asks = |command: &Command| {
                (command.is_select() && command.has("QRESYNC"))
                    || (command.is("FETCH") && command.has("VANISHED"))
            };
            if !self.pending.iter().any(asks) {
                self.report(Rule::VanishedEarlier, "VANISHED (EARLIER) that nothing asked for");
            }
            return;
        }
        if !self.enabled.qresync && !self.enabled.uid_only {
            self.report(Rule::VanishedForm, "VANISHED without ENABLE QRESYNC");
        }
        let expunges = self.expunges(Command::permits_vanished);
        match self.selected().map(|selected| selected.vanish(&uids, expunges)) {
            None => self.no_mailbox("VANISHED"),
            Some(Ok(())) => {}
            Some(Err(contradiction)) => self.contradicted(&contradiction),
        }
    }

    fn enabled(&mut self, values: &[Value<'_>]) {
        for name in values.iter().filter_map(Value::atom).map(str::to_ascii_uppercase) {
            // QRESYNC enables CONDSTORE as well (RFC 7162, section 3.2.3).
            let brings = |word: &str| word == name || (word == "QRESYNC" && name == "CONDSTORE");
            let asks = |command: &Command| command.is("ENABLE") && command.arguments.split(' ').any(brings);
            if !self.pending.iter().any(asks) {
                self.report(Rule::Enabled, format!("ENABLED {name}, which was not asked for"));
            }
            match name.as_str() {
                "CONDSTORE" => self.enabled.condstore = true,
                "QRESYNC" => (self.enabled.condstore, self.enabled.qresync) = (true, true),
                "IMAP4REV2" => self.enabled.rev2 = true,
                "UTF8=ACCEPT" => self.enabled.utf8 = true,
                "UIDONLY" => self.enabled.uid_only = true,
                _ => {}
            }
        }
    }

    fn status_of(&mut self, values: &[Value<'_>]) {
        let asks = |command: &Command| command.is("STATUS") || (command.is("LIST") && command.has("STATUS"));
        if !self.enabled.notify && !self.is_in_progress("NOTIFY") && !self.pending.iter().any(asks) {
            self.report(Rule::Unasked, "STATUS that no command asked for");
        }
        let name = values.first().and_then(Value::octets);
        let Some(name) = name
            .and_then(|name| std::str::from_utf8(name).ok())
            .map(canonical)
        else {
            return;
        };
        let items = values.get(1).and_then(Value::list).unwrap_or_default();
        let number = |name: &str| {
            let at = items
                .iter()
                .position(|item| item.atom().is_some_and(|atom| atom.eq_ignore_ascii_case(name)));
            at.and_then(|at| items.get(at + 1)).and_then(Value::number::<u64>)
        };
        let narrow = |number: u64| u32::try_from(number).ok();
        let newer = Remembered {
            uid_validity: number("UIDVALIDITY").and_then(narrow),
            uid_next: number("UIDNEXT").and_then(narrow),
            highest: number("HIGHESTMODSEQ"),
        };
        let is_selected = self
            .selected()
            .is_some_and(|selected| selected.name.as_ref() == Some(&name));
        if newer.uid_validity.is_none() || is_selected {
            return;
        }
        if let Some((rule, what)) = self.remembered.entry(name).or_default().update(newer) {
            self.report(rule, what);
        }
    }

    fn search(&mut self, data: &Data<'_>) {
        let asked = self.pending.iter().find(|command| command.is(data.word));
        let Some(is_uid) = asked.map(|command| command.is_uid) else {
            return self.report(Rule::Unasked, format!("{} that no command asked for", data.word));
        };
        self.check_numbers(data.values, is_uid);
    }

    fn check_numbers(&mut self, values: &[Value<'_>], is_uid: bool) {
        let Some(exists) = self.selected().map(|selected| selected.view.exists()) else {
            return;
        };
        let highest = highest_number(values);
        if !is_uid && highest > u64::from(exists) {
            let what = format!("a result {highest} in a mailbox of {exists} messages");
            self.report(Rule::SearchNumber, what);
        }
        if values.iter().any(|value| value.atom() == Some("0")) {
            self.report(Rule::SearchNumber, "a result 0");
        }
    }

    fn esearch(&mut self, values: &[Value<'_>]) {
        let (correlator, rest) = match values.split_first() {
            Some((Value::List(correlator), rest)) => (*correlator, rest),
            _ => (&[][..], values),
        };
        let says_uid = rest
            .first()
            .and_then(Value::atom)
            .is_some_and(|atom| atom.eq_ignore_ascii_case("UID"));
        let results = if says_uid { &rest[1..] } else { rest };
        let tag = correlator
            .chunks_exact(2)
            .find(|pair| {
                pair[0]
                    .atom()
                    .is_some_and(|name| name.eq_ignore_ascii_case("TAG"))
            })
            .and_then(|pair| pair[1].octets())
            .and_then(|tag| std::str::from_utf8(tag).ok());
        let mut asked = self.pending.iter().filter(|command| command.is_search());
        let asked = match tag {
            None => asked.next(),
            Some(tag) => asked.find(|command| command.tag == tag),
        };
        let of_asked = asked.map(Command::wants_uids);
        let of_updated = tag.and_then(|tag| self.updated.get(tag).copied());
        let Some(is_uid) = of_asked.or(of_updated) else {
            return self.report(
                Rule::SearchCorrelator,
                "ESEARCH that answers no command in progress",
            );
        };
        if is_uid != says_uid {
            self.report(
                Rule::SearchCorrelator,
                "ESEARCH with UID where it is neither a UID command nor ESEARCH, or without",
            );
        }
        for pair in results.chunks_exact(2) {
            let name = pair[0].atom().unwrap_or_default().to_ascii_uppercase();
            if ["ALL", "MIN", "MAX"].contains(&name.as_str()) {
                self.check_numbers(&pair[1..], is_uid);
            }
        }
    }
}

/// The highest number of results, sets and threads; of `(MODSEQ n)` none.
fn highest_number(values: &[Value<'_>]) -> u64 {
    let is_modseq = values
        .first()
        .and_then(Value::atom)
        .is_some_and(|atom| atom.eq_ignore_ascii_case("MODSEQ"));
    if is_modseq {
        return 0;
    }
    let highest = |value: &Value<'_>| match value {
        Value::List(values) => highest_number(values),
        _ => {
            let atom = value.atom().unwrap_or_default();
            let of_set = || atom.split([',', ':']).filter_map(|number| number.parse().ok());
            // Most are a number, and no set of them.
            atom.parse().unwrap_or_else(|_| of_set().max().unwrap_or(0))
        }
    };
    values.iter().map(highest).max().unwrap_or(0)
}

impl Told {
    /// From the items of FETCH.
    fn read(items: &[Value<'_>]) -> Self {
        let mut told = Self::default();
        for pair in items.chunks_exact(2) {
            let name = pair[0].atom().unwrap_or_default();
            let size = match &pair[1] {
                Value::Literal { size, .. } => Some(*size),
                Value::Quoted(octets) => Some(unescaped_len(octets)),
                _ => None,
            };
            let is = |other: &str| is_word(name, other);
            match () {
                () if is("UID") => told.uid = pair[1].number().and_then(Uid::new),
                () if is("FLAGS") => told.has_flags = true,
                () if is("MODSEQ") => {
                    let modseq = pair[1].list().and_then(<[_]>::first);
                    told.modseq = modseq.and_then(Value::number);
                }
                () if is("RFC822.SIZE") => (told.size, told.has_other) = (pair[1].number(), true),
                () if is("BODY[]") || is("RFC822") => (told.whole, told.has_other) = (size, true),
                () => {
                    told.has_other = true;
                    if name.ends_with('>') {
                        told.partial = told.partial.max(size);
                    }
                }
            }
        }
        told
    }
}

/// The octets of a quoted string without its escapes.
fn unescaped_len(octets: &[u8]) -> u64 {
    let mut octets = octets.iter();
    let mut length = 0;
    while let Some(octet) = octets.next() {
        if *octet == b'\\' {
            octets.next();
        }
        length += 1;
    }
    length
}
