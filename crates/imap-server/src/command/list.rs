//! LIST and LSUB (RFC 9051, section 6.3.9; RFC 3501, section 6.3.9; RFC 3348 for CHILDREN).

use std::collections::BTreeMap;

use imap_backend::{Backend, ListQuery, ListedAs, MailboxName, Selection, Session, SpecialUse, Subscription};
use imap_codec::imap_types::mailbox::{ListMailbox, Mailbox};

use crate::client::Client;
use crate::completion::{Answer, Completion};
use crate::convert::{self, Naming};
use crate::{rights, syntax, wire};

mod extended;

impl<B: Backend> Client<B> {
    /// LIST.
    pub(crate) async fn list(&mut self, reference: &Mailbox<'_>, pattern: &ListMailbox<'_>) -> Answer {
        let naming = self.naming()?;
        let delimiter = naming.delimiter;
        if asks_for_delimiter(pattern, naming) {
            wire::list_delimiter(self.channel.io.out(), "LIST", delimiter);
            return Ok(Completion::ok("LIST completed"));
        }
        let Some(pattern) = Pattern::new(reference, pattern, naming) else {
            return Ok(Completion::ok("LIST completed"));
        };
        let query = ListQuery::new(Selection::Existing).with_pattern(&*pattern.text);
        let mut names = BTreeMap::new();
        for entry in rights::visible(self.state.session()?, &query).await? {
            if entry.listed_as() != ListedAs::NonExistent {
                names.insert(entry.name().clone(), (entry.listed_as(), entry.special_use()));
            }
        }
        add_superiors(&mut names, delimiter, (ListedAs::NoSelect, SpecialUse::none()));
        for (name, (listed_as, special_use)) in &names {
            tokio::task::consume_budget().await;
            if !pattern.matches(name) {
                continue;
            }
            let mut attributes = Vec::with_capacity(2);
            if *listed_as != ListedAs::Mailbox {
                attributes.push("\\Noselect");
            }
            let first_from = |first| names.range(first..).next().map(|(name, _)| name);
            attributes.push(if has_inferiors(name, delimiter, first_from) {
                "\\HasChildren"
            } else {
                "\\HasNoChildren"
            });
            attributes.extend(special_use.attributes());
            wire::list(self.channel.io.out(), "LIST", &attributes, naming, name);
            self.channel.io.flush_if_full().await?;
        }
        Ok(Completion::ok("LIST completed"))
    }

    /// LSUB. With `%`, a name that is not subscribed but has subscribed inferiors is shown as `\Noselect`.
    pub(crate) async fn lsub(&mut self, reference: &Mailbox<'_>, pattern: &ListMailbox<'_>) -> Answer {
        let naming = self.naming()?;
        let delimiter = naming.delimiter;
        if asks_for_delimiter(pattern, naming) {
            wire::list_delimiter(self.channel.io.out(), "LSUB", delimiter);
            return Ok(Completion::ok("LSUB completed"));
        }
        let Some(pattern) = Pattern::new(reference, pattern, naming) else {
            return Ok(Completion::ok("LSUB completed"));
        };
        let query = ListQuery::new(Selection::Subscribed).with_pattern(&*pattern.text);
        let mut names = BTreeMap::new();
        for entry in self.state.session()?.list(&query).await? {
            if entry.subscription() == Subscription::Subscribed {
                // LSUB knows no `\NonExistent`: a subscribed name is shown whatever it is (RFC 3501, section 6.3.9).
                names.insert(entry.name().clone(), ListedAs::Mailbox);
            }
        }
        if pattern.stops_at_delimiters() {
            add_superiors(&mut names, delimiter, ListedAs::NoSelect);
        }
        for (name, listed_as) in &names {
            tokio::task::consume_budget().await;
            if pattern.matches(name) {
                let attributes: &[&str] = if *listed_as != ListedAs::Mailbox {
                    &["\\Noselect"]
                } else {
                    &[]
                };
                wire::list(self.channel.io.out(), "LSUB", attributes, naming, name);
                self.channel.io.flush_if_full().await?;
            }
        }
        Ok(Completion::ok("LSUB completed"))
    }
}

/// `LIST "" ""` is a special request for the delimiter and the root (RFC 9051, section 6.3.9).
fn asks_for_delimiter(pattern: &ListMailbox<'_>, naming: Naming) -> bool {
    convert::pattern(pattern, naming).is_some_and(|pattern| pattern.is_empty())
}

/// Levels of the hierarchy that only exist because something is below them.
fn add_superiors<V: Clone>(names: &mut BTreeMap<MailboxName, V>, delimiter: char, level: V) {
    let mut missing = Vec::new();
    for name in names.keys() {
        let mut name = name.clone();
        while let Some(superior) = name.parent(delimiter) {
            if names.contains_key(&superior) {
                break;
            }
            missing.push(superior.clone());
            name = superior;
        }
    }
    names.extend(missing.into_iter().map(|name| (name, level.clone())));
}

/// Names sort by octets, so whatever is below `name` follows the name with the delimiter at its end: `first_from` gives the
/// first name of them all from there on.
pub(crate) fn has_inferiors<'n>(
    name: &MailboxName,
    delimiter: char,
    first_from: impl FnOnce(MailboxName) -> Option<&'n MailboxName>,
) -> bool {
    let begin = MailboxName::new(&format!("{name}{delimiter}"));
    begin
        .and_then(first_from)
        .is_some_and(|next| next.is_inferior_of(name, delimiter))
}

/// A canonical LIST pattern: the reference with the pattern behind it.
struct Pattern {
    text: String,
    delimiter: char,
}

impl Pattern {
    /// `None` where no name can match, as for text that is not written as names are.
    fn new(reference: &Mailbox<'_>, pattern: &ListMailbox<'_>, naming: Naming) -> Option<Self> {
        let text = convert::reference(reference, naming)? + &convert::pattern(pattern, naming)?;
        Some(Self {
            text,
            delimiter: naming.delimiter,
        })
    }

    fn stops_at_delimiters(&self) -> bool {
        self.text.contains('%')
    }

    fn matches(&self, name: &MailboxName) -> bool {
        syntax::matches(&self.text, name, self.delimiter)
    }
}
