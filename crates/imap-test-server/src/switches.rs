//! Capabilities, switched one by one.

use crate::fault::{Command, Fault};
use crate::response::Response;
use bytes::Bytes;
use imap_backend::Ability;
use std::collections::BTreeSet;

/// Capabilities that are an ability of the store: the server itself leaves them out where the store has it not.
const ABILITIES: &[(&str, Ability)] = &[
    ("ACL", Ability::Acl),
    ("CATENATE", Ability::Catenate),
    ("CONDSTORE", Ability::ModSequences),
    ("CREATE-SPECIAL-USE", Ability::CreateSpecialUse),
    ("METADATA", Ability::Metadata),
    ("MOVE", Ability::Move),
    ("MULTIAPPEND", Ability::MultiAppend),
    ("OBJECTID", Ability::ObjectId),
    ("QUOTA", Ability::Quota),
    ("REPLACE", Ability::Replace),
    ("SAVEDATE", Ability::SaveDate),
    ("SPECIAL-USE", Ability::SpecialUse),
    ("UIDPLUS", Ability::UidPlus),
    ("URLAUTH", Ability::UrlAuth),
];

/// Commands that there are with a capability alone.
const COMMANDS: &[(&str, &str)] = &[
    ("CANCELUPDATE", "CONTEXT=SEARCH"),
    ("COMPRESS", "COMPRESS=DEFLATE"),
    ("ENABLE", "ENABLE"),
    ("ESEARCH", "MULTISEARCH"),
    ("ID", "ID"),
    ("IDLE", "IDLE"),
    ("NAMESPACE", "NAMESPACE"),
    ("NOTIFY", "NOTIFY"),
    ("SORT", "SORT"),
    ("UID ESEARCH", "MULTISEARCH"),
    ("UID EXPUNGE", "UIDPLUS"),
    ("UID SORT", "SORT"),
    ("STARTTLS", "STARTTLS"),
    ("UIDBATCHES", "UIDBATCHES"),
    ("UNAUTHENTICATE", "UNAUTHENTICATE"),
    ("UNSELECT", "UNSELECT"),
];

/// Words that a command may have with a capability alone, after spaces and parentheses were taken off.
const WORDS: &[(&str, &str, &str)] = &[
    ("FETCH", "BINARY", "BINARY"),
    ("FETCH", "PREVIEW", "PREVIEW"),
    ("FETCH", "PARTIAL", "PARTIAL"),
    ("LIST", "METADATA", "LIST-METADATA"),
    ("LIST", "MYRIGHTS", "LIST-MYRIGHTS"),
    ("LIST", "RETURN", "LIST-EXTENDED"),
    ("LIST", "STATUS", "LIST-STATUS"),
    ("SEARCH", "FILTER", "FILTERS"),
    ("SEARCH", "FUZZY", "SEARCH=FUZZY"),
    ("SEARCH", "OLDER", "WITHIN"),
    ("SEARCH", "PARTIAL", "PARTIAL"),
    ("SEARCH", "RETURN", "ESEARCH"),
    ("SEARCH", "SAVE", "SEARCHRES"),
    ("SEARCH", "UPDATE", "CONTEXT=SEARCH"),
    ("SEARCH", "YOUNGER", "WITHIN"),
    ("SELECT", "QRESYNC", "QRESYNC"),
    ("SORT", "DISPLAYFROM", "SORT=DISPLAY"),
    ("SORT", "DISPLAYTO", "SORT=DISPLAY"),
    ("SORT", "RETURN", "ESORT"),
    ("SORT", "UPDATE", "CONTEXT=SORT"),
    ("STATUS", "SIZE", "STATUS=SIZE"),
    ("THREAD", "ORDEREDSUBJECT", "THREAD=ORDEREDSUBJECT"),
    ("THREAD", "REFERENCES", "THREAD=REFERENCES"),
    ("THREAD", "REFS", "THREAD=REFS"),
    ("URLFETCH", "BINARY", "URLAUTH=BINARY"),
    ("URLFETCH", "BODY", "URLAUTH=BINARY"),
    ("URLFETCH", "BODYPARTSTRUCTURE", "URLAUTH=BINARY"),
];

/// Which capabilities are there.
#[derive(Debug, Clone, Default)]
pub(crate) struct Switches {
    /// In capitals. What ends in `=` stands for all that begin with it.
    off: BTreeSet<String>,
    /// Named besides what the server offers.
    added: Vec<String>,
    /// If given, no others are there.
    only: Option<BTreeSet<String>>,
}

impl Switches {
    pub(crate) fn switch_off(&mut self, capability: &str) {
        let capability = capability.to_ascii_uppercase();
        self.added
            .retain(|added| !added.eq_ignore_ascii_case(&capability));
        if capability == "CONDSTORE" {
            self.off.insert("QRESYNC".into());
        }
        self.off.insert(capability);
    }

    pub(crate) fn switch_on(&mut self, capability: &str) {
        let upper = capability.to_ascii_uppercase();
        if let Some(only) = &mut self.only {
            only.insert(upper.clone());
        }
        self.off.remove(&upper);
        self.added.push(capability.to_owned());
    }

    pub(crate) fn leave_only(&mut self, capabilities: &[&str]) {
        self.added.clear();
        self.only = Some(
            capabilities
                .iter()
                .map(|name| name.to_ascii_uppercase())
                .collect(),
        );
    }

    pub(crate) fn has(&self, capability: &str) -> bool {
        let capability = capability.to_ascii_uppercase();
        let family = |set: &BTreeSet<String>| {
            let family = capability
                .split_inclusive('=')
                .next()
                .filter(|family| family.ends_with('='));
            set.contains(&capability) || family.is_some_and(|family| set.contains(family))
        };
        !family(&self.off) && self.only.as_ref().is_none_or(family)
    }

    /// The abilities that the store is not to have.
    pub(crate) fn missing_abilities(&self) -> impl Iterator<Item = Ability> {
        let missing = ABILITIES.iter().filter(|(name, _)| !self.has(name));
        missing.map(|&(_, ability)| ability)
    }

    /// What is answered to a command that needs what is switched off.
    pub(crate) fn refusal(&self, command: &Command) -> Option<String> {
        let needed = self.needed(command)?;
        Some(format!(
            "BAD unknown command or argument: {needed} is switched off"
        ))
    }

    /// The first capability that the command needs, and that is not there.
    fn needed(&self, command: &Command) -> Option<String> {
        let line = command.line.to_ascii_uppercase();
        let words = || line.split([' ', '(', ')', '[']).filter(|word| !word.is_empty());
        let name = command.name.strip_prefix("UID ").unwrap_or(&command.name);
        let by_name = COMMANDS
            .iter()
            .filter(|(of, _)| *of == command.name)
            .map(|&(_, needs)| needs);
        let by_word = WORDS
            .iter()
            .filter(|(of, word, _)| *of == name && words().any(|said| said == *word));
        let mut needs: Vec<String> = by_name.map(str::to_owned).collect();
        needs.extend(by_word.map(|&(_, _, needs)| needs.to_owned()));
        if name == "AUTHENTICATE" {
            needs.extend(words().nth(1).map(|mechanism| format!("AUTH={mechanism}")));
            if words().count() > 2 {
                needs.push("SASL-IR".into());
            }
        }
        if name == "LIST" && line.starts_with("LIST (") {
            needs.push("LIST-EXTENDED".into());
        }
        if line.ends_with("+}") {
            needs.push("LITERAL+".into());
        }
        needs.into_iter().find(|capability| !self.has(capability))
    }

    /// The line as the server is to see it: ENABLE without what is switched off.
    pub(crate) fn adjusted(&self, command: &Command, line: &Bytes) -> Bytes {
        if command.name != "ENABLE" {
            return line.clone();
        }
        let known = |word: &str| match self.has(word) {
            true => word.to_owned(),
            false => format!("X-NO-{word}"),
        };
        let words: Vec<String> = command.line.split(' ').map(known).collect();
        format!("{} {}\r\n", command.tag, words.join(" ")).into()
    }

    /// What makes the server name these capabilities.
    pub(crate) fn naming(&self) -> Fault {
        let switches = self.clone();
        Fault::on("*").always().edit(move |response| {
            if response.is("CAPABILITY") || response.contains("[CAPABILITY ") {
                switches.rename(response);
            }
        })
    }

    fn rename(&self, response: &mut Response) {
        response.change_text(|text| {
            let at = text.find("CAPABILITY ").unwrap_or_default() + "CAPABILITY ".len();
            let (head, rest) = text.split_at(at);
            let (listed, tail) = rest.split_at(rest.find(']').unwrap_or(rest.len()));
            let offered = listed.split(' ').filter(|name| self.has(name));
            let added = self.added.iter().map(String::as_str);
            let added =
                added.filter(|name| !listed.split(' ').any(|listed| listed.eq_ignore_ascii_case(name)));
            let named: Vec<&str> = offered.chain(added).collect();
            format!("{head}{}{tail}", named.join(" "))
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    fn command(line: &str) -> Command {
        let name = line.split(' ').next().unwrap().to_owned();
        Command {
            tag: "a".into(),
            name,
            line: line.to_owned(),
        }
    }

    fn without(capability: &str) -> Switches {
        let mut switches = Switches::default();
        switches.switch_off(capability);
        switches
    }

    #[test]
    fn a_command_is_refused_for_its_name_a_word_or_a_mechanism() {
        assert!(Switches::default().refusal(&command("IDLE")).is_none());
        for (capability, refused, taken) in [
            ("IDLE", "IDLE", "NOOP"),
            ("ESEARCH", "SEARCH RETURN (COUNT) ALL", "SEARCH ALL"),
            ("LIST-EXTENDED", "LIST (SPECIAL-USE) \"\" *", "LIST \"\" *"),
            ("BINARY", "FETCH 1 BINARY[1]", "FETCH 1 BODY[1]"),
            ("AUTH=PLAIN", "AUTHENTICATE PLAIN", "AUTHENTICATE LOGIN"),
            ("AUTH=", "AUTHENTICATE LOGIN", "LOGIN a b"),
            ("SASL-IR", "AUTHENTICATE PLAIN =", "AUTHENTICATE PLAIN"),
            ("MULTISEARCH", "ESEARCH IN (PERSONAL) ALL", "SEARCH ALL"),
            ("FILTERS", "SEARCH FILTER unread", "SEARCH UNSEEN"),
            (
                "CONTEXT=SORT",
                "SORT RETURN (UPDATE) (DATE) UTF-8 ALL",
                "SORT (DATE) UTF-8 ALL",
            ),
            ("LITERAL+", "CREATE {1+}", "CREATE {1}"),
        ] {
            let switches = without(capability);
            assert!(switches.refusal(&command(refused)).is_some(), "{capability}");
            assert!(switches.refusal(&command(taken)).is_none(), "{capability}");
        }
    }

    /// Those that ENABLE switches on: it does not do so where they are off.
    const OF_ENABLE: [&str; 4] = ["IMAP4REV2", "QRESYNC", "UIDONLY", "UTF8=ACCEPT"];

    /// Those that say how the server answers: there is nothing that a client would ask for.
    const NAMED_ALONE: [&str; 8] = [
        "IMAP4REV1",
        "APPENDLIMIT",
        "CHILDREN",
        "I18NLEVEL=1",
        "INPROGRESS",
        "QUOTA=RES-MESSAGE",
        "QUOTA=RES-STORAGE",
        "RIGHTS=TEXK",
    ];

    fn is_known(capability: &str) -> bool {
        let of_form = ["AUTH=", "APPENDLIMIT="]
            .iter()
            .any(|form| capability.starts_with(form));
        of_form
            || ["SASL-IR", "LITERAL+", "LOGINDISABLED"].contains(&capability)
            || OF_ENABLE.contains(&capability)
            || NAMED_ALONE.contains(&capability)
            || ABILITIES.iter().any(|(name, _)| *name == capability)
            || COMMANDS.iter().any(|(_, needs)| *needs == capability)
            || WORDS.iter().any(|(_, _, needs)| *needs == capability)
    }

    /// What the server lists before and after login, without TLS and with all that is switched on by hand.
    #[tokio::test]
    async fn every_capability_that_the_server_lists_has_a_switch() {
        let server = crate::TestServer::builder().with("COMPRESS=DEFLATE").start();
        let mut stream = server.connect();
        stream
            .write_all(b"a CAPABILITY\r\nb LOGIN joe secret\r\nc CAPABILITY\r\nd LOGOUT\r\n")
            .await
            .unwrap();
        let mut answers = String::new();
        stream.read_to_string(&mut answers).await.unwrap();
        let listed: BTreeSet<String> = answers
            .lines()
            .filter_map(|line| line.strip_prefix("* CAPABILITY "))
            .flat_map(|line| line.split(' ').map(str::to_ascii_uppercase))
            .collect();
        assert!(listed.len() > 60, "{answers}");
        let unknown: Vec<_> = listed.iter().filter(|capability| !is_known(capability)).collect();
        assert_eq!(unknown, Vec::<&String>::new());
    }

    #[test]
    fn the_list_of_capabilities_loses_what_is_off_and_gains_what_is_added() {
        let mut switches = without("IDLE");
        switches.switch_on("X-NEW");
        let mut code = Response::line("a OK [CAPABILITY IMAP4rev1 IDLE ID] done");
        switches.rename(&mut code);
        assert_eq!(code.to_string(), "a OK [CAPABILITY IMAP4rev1 ID X-NEW] done");
        switches.leave_only(&["IMAP4rev1"]);
        let mut untagged = Response::line("* CAPABILITY IMAP4rev1 IDLE ID");
        switches.rename(&mut untagged);
        assert_eq!(untagged.to_string(), "* CAPABILITY IMAP4rev1");
    }

    #[test]
    fn enable_does_not_switch_on_what_is_off() {
        let enable = command("ENABLE QRESYNC CONDSTORE");
        let line = Bytes::from_static(b"a ENABLE QRESYNC CONDSTORE\r\n");
        assert_eq!(
            Switches::default().adjusted(&enable, &line),
            "a ENABLE QRESYNC CONDSTORE\r\n"
        );
        assert_eq!(
            without("QRESYNC").adjusted(&enable, &line),
            "a ENABLE X-NO-QRESYNC CONDSTORE\r\n"
        );
    }
}
