//! Access control lists (RFC 4314): who may do what in a mailbox.

mod grantable;
mod identifier;

pub use grantable::Grantable;
pub use identifier::{Identifier, Principal};

use crate::error::{Error, ErrorKind};
use crate::rights::{Rights, UnknownRight};

/// The access control list of a mailbox: what each identifier is granted, or denied by a negative one (RFC 4314, section 2).
///
/// A store keeps the entries and has the rest from here:
///
/// ```
/// use imap_backend::{Acl, AclChange, Grantable, Identifier, Principal, Rights};
/// let fred = Identifier::new("fred").unwrap();
/// let mut acl = Acl::default().owned_by("ann"); // who keeps nothing else: Ann may do everything
/// acl.change(&fred, AclChange::parse("+lrw").unwrap(), &Grantable::in_mailbox_of("ann", &fred)).unwrap();
/// assert_eq!(acl.rights_of(&Principal::owner("ann")), Rights::ALL);
/// assert_eq!(acl.rights_of(&Principal::user("fred")).letters(), "lrw");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Acl {
    /// No identifier twice.
    entries: Vec<(Identifier, Rights)>,
}

/// What SETACL and DELETEACL make of the rights of an identifier (RFC 4314, sections 3.1 and 3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AclChange {
    /// These and no others. An entry may grant nothing.
    Replace(Rights),
    /// These too.
    Add(Rights),
    /// Not these.
    Remove(Rights),
    /// The entry goes.
    Delete,
}

impl AclChange {
    /// The change that SETACL asks for: rights with `+`, `-` or nothing before them.
    ///
    /// # Errors
    /// A letter is no right.
    pub fn parse(text: &str) -> Result<Self, UnknownRight> {
        Ok(match text.as_bytes().first() {
            Some(b'+') => Self::Add(text[1..].parse()?),
            Some(b'-') => Self::Remove(text[1..].parse()?),
            _ => Self::Replace(text.parse()?),
        })
    }

    /// What an identifier is granted afterwards; `None` where it has no entry.
    fn apply(self, before: Option<Rights>, grantable: &Grantable) -> Option<Rights> {
        let asked = match self {
            Self::Replace(rights) => rights,
            Self::Add(rights) => before.unwrap_or_default().and(rights),
            // Removing what is not there makes no entry.
            Self::Remove(rights) => before?.without(rights),
            Self::Delete => return None,
        };
        Some(grantable.granted(asked))
    }
}

impl Acl {
    /// The most entries of one mailbox.
    pub const MOST_ENTRIES: usize = 1000;

    /// With an entry for the owner, who may do everything, where it has none for him: at the front, under his name. So a store
    /// that keeps no entry says what is true, and `+` and `-` change it.
    #[must_use]
    pub fn owned_by(mut self, user: &str) -> Self {
        let owner = Principal::owner(user);
        let names_him = |(identifier, _): &(Identifier, Rights)| {
            !identifier.is_negative() && owner.is_in_person(identifier)
        };
        if !self.entries.iter().any(names_him)
            && let Some(user) = Identifier::of_user(user)
        {
            self.entries.insert(0, (user, Rights::ALL));
        }
        self
    }

    /// What an identifier is granted; `None` where it has no entry.
    #[must_use]
    pub fn get(&self, identifier: &Identifier) -> Option<Rights> {
        let found = self.entries.iter().find(|(known, _)| known == identifier);
        found.map(|(_, rights)| *rights)
    }

    /// The entries, in the order in which they were made.
    pub fn iter(&self) -> impl Iterator<Item = (&Identifier, Rights)> {
        self.entries
            .iter()
            .map(|(identifier, rights)| (identifier, *rights))
    }

    /// Changes what an identifier is granted, as far as it can be.
    ///
    /// # Errors
    /// [`ErrorKind::Limit`] where there would be more entries than there may be.
    pub fn change(
        &mut self,
        identifier: &Identifier,
        change: AclChange,
        grantable: &Grantable,
    ) -> Result<(), Error> {
        let place = self.entries.iter().position(|(known, _)| known == identifier);
        let before = place.map(|place| self.entries[place].1);
        match (place, change.apply(before, grantable)) {
            (Some(place), Some(rights)) => self.entries[place].1 = rights,
            (Some(place), None) => drop(self.entries.remove(place)),
            (None, Some(_)) if self.entries.len() >= Self::MOST_ENTRIES => {
                return Err(ErrorKind::Limit.into());
            }
            (None, Some(rights)) => self.entries.push((identifier.clone(), rights)),
            (None, None) => {}
        }
        Ok(())
    }

    /// What a user may do: the union of what the identifiers grant that mean him, without what the negative ones among them
    /// deny.
    #[must_use]
    pub fn rights_of(&self, principal: &Principal) -> Rights {
        let (mut granted, mut denied) = (Rights::none(), Rights::none());
        for (identifier, rights) in self
            .iter()
            .filter(|(identifier, _)| principal.is_meant_by(identifier))
        {
            let side = match identifier.is_negative() {
                true => &mut denied,
                false => &mut granted,
            };
            *side = side.and(rights);
        }
        granted.without(denied)
    }
}

impl FromIterator<(Identifier, Rights)> for Acl {
    /// An identifier that comes again is granted both.
    fn from_iter<I: IntoIterator<Item = (Identifier, Rights)>>(entries: I) -> Self {
        let mut acl = Self::default();
        for (identifier, rights) in entries {
            match acl.entries.iter_mut().find(|(known, _)| *known == identifier) {
                Some((_, before)) => *before = before.and(rights),
                None => acl.entries.push((identifier, rights)),
            }
        }
        acl
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identifier(text: &str) -> Identifier {
        Identifier::new(text).unwrap()
    }

    fn acl(text: &str) -> Acl {
        let words: Vec<&str> = text.split(' ').collect();
        let entries = words.chunks(2).filter(|pair| pair.len() == 2);
        entries
            .map(|pair| (identifier(pair[0]), pair[1].parse().unwrap()))
            .collect()
    }

    fn shown(acl: &Acl) -> String {
        let entries = acl
            .iter()
            .map(|(identifier, rights)| format!("{identifier} {}", rights.letters()));
        entries.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_user_has_the_union_of_what_means_him_without_what_is_denied() {
        let acl = acl("ann l anyone r $team w authenticated s fred i -anyone r owner e -$team x -fred k");
        let rights = |principal: Principal| acl.rights_of(&principal).letters();
        assert_eq!(rights(Principal::user("ann")), "ls");
        assert_eq!(rights(Principal::owner("ann")), "lse");
        assert_eq!(rights(Principal::user("bob").in_group(identifier("$team"))), "sw");
        assert_eq!(rights(Principal::user("fred")), "si");
        assert_eq!(rights(Principal::user("nobody")), "s");
    }

    #[test]
    fn an_owner_without_an_entry_may_do_everything() {
        assert_eq!(shown(&Acl::default().owned_by("ann")), "ann lrswipkxtea");
        assert_eq!(
            shown(&acl("fred lr -ann w").owned_by("ann")),
            "ann lrswipkxtea fred lr -ann w"
        );
        for entry in ["ann lr", "owner lr"] {
            assert_eq!(shown(&acl(entry).owned_by("ann")), entry);
        }
    }

    /// RFC 4314, sections 3.1 and 3.2.
    #[test]
    fn rights_are_replaced_added_and_removed() {
        let mut list = acl("fred lr -fred w");
        for (who, change, after) in [
            ("fred", "+cda", "fred lrkxtea -fred w"),
            ("fred", "-kx", "fred lrtea -fred w"),
            ("fred", "lrs", "fred lrs -fred w"),
            ("fred", "", "fred  -fred w"),
            ("bob", "-l", "fred  -fred w"),
            ("bob", "+", "fred  -fred w bob "),
        ] {
            let who = identifier(who);
            list.change(&who, AclChange::parse(change).unwrap(), &Grantable::each())
                .unwrap();
            assert_eq!(shown(&list), after, "{change}");
        }
        list.change(&identifier("fred"), AclChange::Delete, &Grantable::each())
            .unwrap();
        assert_eq!(shown(&list), "-fred w bob ");
    }

    #[test]
    fn there_is_a_bound_that_does_not_keep_what_is_there_from_changing() {
        let entries = (0..Acl::MOST_ENTRIES).map(|number| (identifier(&format!("u{number}")), Rights::READ));
        let mut full: Acl = entries.collect();
        let add = AclChange::Add(Rights::LOOKUP);
        let error = full
            .change(&identifier("one more"), add, &Grantable::each())
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Limit);
        full.change(&identifier("u7"), add, &Grantable::each()).unwrap();
        assert_eq!(full.get(&identifier("u7")).unwrap().letters(), "lr");
    }
}
