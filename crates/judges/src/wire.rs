//! What a relay changes in what a right server says.

use imap_test_server::{Fault, On, Response, Step};

/// Changes whatever is answered, but SELECT and EXAMINE.
fn but_at_select(change: fn(Response) -> Option<Response>) -> Fault {
    Fault::on("*").always().change(move |place, response| {
        let is_select = ["SELECT", "EXAMINE"].contains(&place.command.name.as_str());
        let changed = if is_select {
            Some(response)
        } else {
            change(response)
        };
        changed.into_iter().map(Step::from).collect()
    })
}

/// At each of these commands, every time.
fn at(commands: &[&str], fault: impl Fn(On) -> Fault) -> Vec<Fault> {
    commands
        .iter()
        .map(|name| fault(Fault::on(name).always()))
        .collect()
}

/// The number behind these words, changed.
fn number_behind(text: &str, words: &str, change: impl Fn(u64) -> u64) -> String {
    let Some(begin) = text.find(words).map(|at| at + words.len()) else {
        return text.to_owned();
    };
    let digits = text[begin..].chars().take_while(char::is_ascii_digit).count();
    match text[begin..begin + digits].parse() {
        Ok(number) => format!("{}{}{}", &text[..begin], change(number), &text[begin + digits..]),
        Err(_) => text.to_owned(),
    }
}

/// An item of FETCH with a number, or with one in parentheses, is left out.
fn without_item(text: &str, name: &str) -> String {
    let Some((head, rest)) = text.split_once(name) else {
        return text.to_owned();
    };
    let is_of_value = |c: char| c.is_ascii_digit() || c == '(';
    let behind = rest.trim_start_matches(is_of_value);
    if behind.len() == rest.len() {
        return text.to_owned();
    }
    let behind = if rest.starts_with('(') {
        behind.strip_prefix(')').unwrap_or(behind)
    } else {
        behind
    };
    match behind.strip_prefix(' ') {
        Some(behind) => format!("{head}{behind}"),
        None => format!("{}{behind}", head.trim_end_matches(' ')),
    }
}

fn changed(on: On, change: fn(&str) -> String) -> Fault {
    on.edit(move |response| response.change_text(change))
}

pub(crate) fn expunge_lost() -> Vec<Fault> {
    vec![Fault::on("*").always().lose("EXPUNGE")]
}

pub(crate) fn expunge_of_the_next() -> Vec<Fault> {
    vec![Fault::on("*").always().misnumber("EXPUNGE", 1)]
}

pub(crate) fn expunge_misspelt() -> Vec<Fault> {
    vec![Fault::on("*").always().edit(|response| {
        if response.is("EXPUNGE") {
            response.replace(" EXPUNGE", " EXPUNGED");
        }
    })]
}

pub(crate) fn expunge_in_fetch() -> Vec<Fault> {
    vec![Fault::on("FETCH").always().end_with("* 1 EXPUNGE")]
}

pub(crate) fn exists_lost() -> Vec<Fault> {
    vec![but_at_select(|response| {
        Some(response).filter(|response| !response.is("EXISTS"))
    })]
}

pub(crate) fn exists_one_less() -> Vec<Fault> {
    vec![but_at_select(|mut response| {
        if let (true, Some(number)) = (response.is("EXISTS"), response.number()) {
            response.replace(&number.to_string(), &number.saturating_sub(1).to_string());
        }
        Some(response)
    })]
}

pub(crate) fn fetch_of_the_next() -> Vec<Fault> {
    vec![Fault::on("*").always().misnumber("FETCH", 1)]
}

pub(crate) fn flags_of_others_lost() -> Vec<Fault> {
    at(&["NOOP", "IDLE", "DONE"], |on| on.lose("FETCH"))
}

pub(crate) fn uid_of_the_next() -> Vec<Fault> {
    at(&["UID STORE"], |on| {
        changed(on, |text| number_behind(text, "UID ", |uid| uid + 1))
    })
}

pub(crate) fn uid_left_out() -> Vec<Fault> {
    at(&["UID FETCH"], |on| {
        changed(on, |text| without_item(text, "UID "))
    })
}

pub(crate) fn append_uid_of_the_next() -> Vec<Fault> {
    at(&["APPEND"], |on| {
        changed(on, |text| match text.split_once("] ") {
            Some((code, rest)) if code.contains("APPENDUID") => {
                let (head, uid) = code.rsplit_once(' ').unwrap_or_default();
                format!("{head} {}] {rest}", number_behind(uid, "", |uid| uid + 1))
            }
            _ => text.to_owned(),
        })
    })
}

pub(crate) fn copy_uid_turned_round() -> Vec<Fault> {
    at(&["COPY", "UID COPY"], |on| {
        changed(on, |text| {
            let Some((head, rest)) = text.split_once("[COPYUID ") else {
                return text.to_owned();
            };
            let (code, tail) = rest.split_once(']').unwrap_or_default();
            match code.split(' ').collect::<Vec<_>>()[..] {
                [validity, from, to] => format!("{head}[COPYUID {validity} {to} {from}]{tail}"),
                _ => text.to_owned(),
            }
        })
    })
}

pub(crate) fn uid_next_of_the_last() -> Vec<Fault> {
    at(&["SELECT"], |on| {
        changed(on, |text| {
            number_behind(text, "[UIDNEXT ", |uid| uid.saturating_sub(1).max(1))
        })
    })
}

pub(crate) fn status_counts_one_more() -> Vec<Fault> {
    at(&["STATUS"], |on| {
        changed(on, |text| number_behind(text, "MESSAGES ", |count| count + 1))
    })
}

pub(crate) fn read_only_left_out() -> Vec<Fault> {
    at(&["EXAMINE"], |on| on.replace("[READ-ONLY] ", ""))
}

pub(crate) fn try_create_left_out() -> Vec<Fault> {
    at(&["COPY", "UID COPY"], |on| on.replace("[TRYCREATE] ", ""))
}

pub(crate) fn store_does_nothing() -> Vec<Fault> {
    at(&["STORE", "UID STORE"], |on| on.answer("OK STORE done"))
}

pub(crate) fn size_of_another() -> Vec<Fault> {
    at(&["FETCH", "UID FETCH"], |on| {
        changed(on, |text| number_behind(text, "RFC822.SIZE ", |size| size + 7))
    })
}

pub(crate) fn literal_too_long() -> Vec<Fault> {
    at(&["FETCH", "UID FETCH"], |on| on.misstate_literal(2))
}

pub(crate) fn literal_too_short() -> Vec<Fault> {
    at(&["FETCH", "UID FETCH"], |on| on.misstate_literal(-2))
}

pub(crate) fn literal_cut_off() -> Vec<Fault> {
    at(&["FETCH", "UID FETCH"], |on| on.cut_literal(10))
}

pub(crate) fn line_feed() -> Vec<Fault> {
    at(&["NOOP"], |on| {
        on.change(|_, response| {
            let mut octets = response.octets();
            octets.truncate(octets.len().saturating_sub(2));
            octets.push(b'\n');
            vec![Step::Octets(octets)]
        })
    })
}

pub(crate) fn list_not_closed() -> Vec<Fault> {
    at(&["FETCH", "UID FETCH"], |on| {
        changed(on, |text| match text.split_once("FLAGS (") {
            Some((head, rest)) => format!("{head}FLAGS ({}", rest.replacen(')', "", 1)),
            None => text.to_owned(),
        })
    })
}

pub(crate) fn answered_twice() -> Vec<Fault> {
    at(&["NOOP"], |on| {
        on.change(|place, response| match place.last {
            true => vec![response.clone().into(), response.into()],
            false => vec![response.into()],
        })
    })
}

pub(crate) fn bye_left_out() -> Vec<Fault> {
    at(&["LOGOUT"], |on| on.lose("BYE"))
}

pub(crate) fn capability_without_revision() -> Vec<Fault> {
    at(&["CAPABILITY"], |on| {
        on.edit(|response: &mut Response| {
            response.replace(" IMAP4rev1", "");
            response.replace(" IMAP4rev2", "");
        })
    })
}

pub(crate) fn search_finds_too_much() -> Vec<Fault> {
    at(&["SEARCH"], |on| {
        changed(on, |text| match text.starts_with("* SEARCH") {
            true => format!("{text} 999"),
            false => text.to_owned(),
        })
    })
}

pub(crate) fn search_loses_the_last() -> Vec<Fault> {
    at(&["SEARCH", "UID SEARCH"], |on| {
        changed(on, |text| match text.rsplit_once(' ') {
            Some((head, _)) if head.starts_with("* SEARCH") => head.to_owned(),
            _ => text.to_owned(),
        })
    })
}

pub(crate) fn other_correlator() -> Vec<Fault> {
    at(&["SEARCH", "UID SEARCH"], |on| on.replace("(TAG \"", "(TAG \"x"))
}

pub(crate) fn mod_sequence_left_out() -> Vec<Fault> {
    vec![changed(Fault::on("*").lacking("FETCH").always(), |text| {
        without_item(text, "MODSEQ ")
    })]
}

pub(crate) fn highest_early() -> Vec<Fault> {
    at(&["SELECT"], |on| {
        changed(on, |text| {
            number_behind(text, "[HIGHESTMODSEQ ", |modseq| modseq + 1000)
        })
    })
}

pub(crate) fn highest_late() -> Vec<Fault> {
    at(&["SELECT"], |on| {
        changed(on, |text| number_behind(text, "[HIGHESTMODSEQ ", |_| 1))
    })
}

pub(crate) fn vanished_earlier_lost() -> Vec<Fault> {
    vec![
        Fault::on("*")
            .always()
            .change(|_, response| match response.contains("VANISHED (EARLIER)") {
                true => Vec::new(),
                false => vec![response.into()],
            }),
    ]
}

pub(crate) fn expunge_for_vanished() -> Vec<Fault> {
    vec![changed(Fault::on("*").always(), |text| {
        match text.strip_prefix("* VANISHED ") {
            Some(uids) if !uids.starts_with('(') => "* 1 EXPUNGE".to_owned(),
            _ => text.to_owned(),
        }
    })]
}
