//! What can be granted (RFC 4314, section 3.7).

use super::{Identifier, Principal};
use crate::rights::Rights;

/// Which rights an identifier always has in a mailbox, and which it can be granted: the answer to LISTRIGHTS (RFC 4314, section
/// 3.7).
///
/// ```
/// use imap_backend::{Grantable, Rights};
/// let owner = Grantable::each().with_required(Rights::of_letters("la"));
/// assert_eq!(owner.texts().join(" "), "la r s w i p k x t e c d");
/// assert_eq!(owner.granted(Rights::READ).letters(), "lra");
/// let mode_bits = Grantable::each().with_tied(Rights::of_letters("lr"));
/// assert_eq!(mode_bits.granted(Rights::of_letters("ls")).letters(), "s"); // `l` comes with `r` or not at all
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grantable {
    required: Rights,
    /// Each is granted as a whole or not at all. They have no right in common.
    optional: Vec<Rights>,
}

impl Grantable {
    /// Each right by itself: what a store can say that only keeps what it is told.
    #[must_use]
    pub fn each() -> Self {
        let letters = Rights::ALL.letters();
        Self {
            required: Rights::none(),
            optional: letters
                .chars()
                .map(|letter| Rights::of_letters(letter.encode_utf8(&mut [0; 4])))
                .collect(),
        }
    }

    /// As [`each`](Self::each), but nobody can shut an owner out by mistake: his entries always have `l` and `a`, and nothing
    /// that means him denies them. He could not take that back.
    #[must_use]
    pub fn in_mailbox_of(owner: &str, identifier: &Identifier) -> Self {
        const KEPT: Rights = Rights::LOOKUP.and(Rights::ADMINISTER);
        let owner = Principal::owner(owner);
        match identifier.is_negative() {
            true if owner.is_meant_by(identifier) => Self::each().without(KEPT),
            false if owner.is_in_person(identifier) => Self::each().with_required(KEPT),
            _ => Self::each(),
        }
    }

    /// The identifier always has these.
    #[must_use]
    pub fn with_required(self, rights: Rights) -> Self {
        let mut other = self.without(rights);
        other.required = other.required.and(rights);
        other
    }

    /// These are granted together or not at all. Where members of a virtual right are tied to others, all of them are (section
    /// 2.1.1).
    #[must_use]
    pub fn with_tied(self, rights: Rights) -> Self {
        let tied = Rights::VIRTUAL.iter().fold(rights, |tied, (members, _)| {
            match tied.includes_any(*members) && !members.includes(tied) {
                true => tied.and(*members),
                false => tied,
            }
        });
        let (together, mut optional): (Vec<_>, Vec<_>) =
            self.optional.iter().partition(|group| group.includes_any(tied));
        let group = together.into_iter().fold(Rights::none(), Rights::and);
        if !group.is_empty() {
            optional.push(group);
        }
        Self { optional, ..self }
    }

    /// These are never granted.
    #[must_use]
    pub fn without(mut self, rights: Rights) -> Self {
        for group in &mut self.optional {
            *group = group.without(rights);
        }
        self.optional.retain(|group| !group.is_empty());
        self.required = self.required.without(rights);
        self
    }

    /// What an identifier is granted for which these are asked: what it always has, and of the rest whole sets only (section 2).
    #[must_use]
    pub fn granted(&self, asked: Rights) -> Rights {
        let whole = self.optional.iter().filter(|group| asked.includes(**group));
        whole.fold(self.required, |granted, group| granted.and(*group))
    }

    /// What LISTRIGHTS answers: the required rights, which may be none, and each set of the others, with the virtual rights.
    #[must_use]
    pub fn texts(&self) -> Vec<String> {
        let groups = std::iter::once(&self.required).chain(&self.optional);
        let mut texts: Vec<String> = groups.clone().map(|group| group.letters()).collect();
        for (members, letter) in Rights::VIRTUAL {
            let is_tied = |group: &&Rights| group.includes_any(members) && !members.includes(**group);
            let place = match self.required.includes(members) {
                true => Some(0),
                false => self
                    .optional
                    .iter()
                    .position(|group| is_tied(&group))
                    .map(|at| at + 1),
            };
            match place {
                Some(place) => texts[place].push(letter),
                None if groups.clone().any(|group| group.includes_any(members)) => {
                    texts.push(letter.to_string())
                }
                None => {}
            }
        }
        texts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rights(letters: &str) -> Rights {
        Rights::of_letters(letters)
    }

    /// The examples of RFC 4314, section 2.1.1. There `c` is a synonym of `k`; here it is `k` and `x`, as for the other group of
    /// servers.
    #[test]
    fn virtual_rights_are_listed_once_and_with_what_their_members_are_tied_to() {
        let each = Grantable::each().without(rights("a"));
        let tied = each.clone().with_tied(rights("lr"));
        assert_eq!(tied.texts().join(" "), " s w i p k x t e lr c d");
        let all = each.with_tied(rights("swite"));
        assert_eq!(all.texts().join(" "), " l r p k x swited c");
        let by_a_member = Grantable::each().with_tied(rights("wt"));
        assert_eq!(by_a_member.texts().join(" "), " l r s i p k x a wted c");
        let none = Grantable::each().without(rights("kxte"));
        assert_eq!(none.texts().join(" "), " l r s w i p a");
        let required = Grantable::each().with_required(rights("kxt"));
        assert_eq!(required.texts().join(" "), "kxtc l r s w i p e a d");
    }

    #[test]
    fn what_is_tied_is_granted_whole_or_not_at_all() {
        let grantable = Grantable::each()
            .with_required(rights("l"))
            .with_tied(rights("rs"))
            .with_tied(rights("si"))
            .without(rights("a"));
        assert_eq!(grantable.granted(rights("rswa")).letters(), "lw");
        assert_eq!(grantable.granted(rights("rsiwa")).letters(), "lrswi");
    }

    #[test]
    fn nobody_shuts_an_owner_out_by_mistake() {
        let granted = |who: &str, asked: &str| {
            let who = Identifier::new(who).unwrap();
            Grantable::in_mailbox_of("ann", &who)
                .granted(rights(asked))
                .letters()
        };
        for (who, asked, after) in [
            ("ann", "r", "lra"),
            ("owner", "", "la"),
            ("-ann", "lrwa", "rw"),
            ("-owner", "la", ""),
            ("-anyone", "la", ""),
            ("fred", "r", "r"),
            ("-fred", "la", "la"),
            ("anyone", "r", "r"),
        ] {
            assert_eq!(granted(who, asked), after, "{who} {asked}");
        }
    }
}
