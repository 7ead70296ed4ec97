//! What CAPABILITY lists (RFC 9051, section 7.2.2), and what ENABLE can switch on.

mod connection;
#[cfg(test)]
mod page;

use std::borrow::Cow;

use imap_backend::{Abilities, Ability, Backend};

use crate::client::Client;
use crate::enabled::Feature;
use crate::state::State;

/// What a capability needs to be offered.
#[derive(Debug, Clone, Copy)]
enum Needs {
    /// The server alone.
    Nothing,
    /// An ability of the backend.
    Ability(Ability),
    /// Two of them.
    Both(Ability, Ability),
}

/// Of what IMAP4rev2 takes in from extensions (RFC 9051, appendix E, change 2), all but this is the server's alone: MOVE (section
/// 6.4.8), and APPENDUID, COPYUID and UID EXPUNGE (sections 6.3.12, 6.4.7 and 6.4.9).
const REV2: Needs = Needs::Both(Ability::Move, Ability::UidPlus);

/// Every capability that does not depend on the state of the connection, in the order in which they are listed.
const CAPABILITIES: &[(&str, Needs)] = &[
    ("IMAP4rev1", Needs::Nothing),
    ("IMAP4rev2", REV2),
    ("LITERAL+", Needs::Nothing),
    ("SASL-IR", Needs::Nothing),
    ("ENABLE", Needs::Nothing),
    ("ID", Needs::Nothing),
    ("IDLE", Needs::Nothing),
    ("NAMESPACE", Needs::Nothing),
    ("UNSELECT", Needs::Nothing),
    ("CHILDREN", Needs::Nothing),
    ("UTF8=ACCEPT", Needs::Nothing),
    ("UIDONLY", Needs::Nothing),
    ("UIDBATCHES", Needs::Nothing),
    ("NOTIFY", Needs::Nothing),
    ("PARTIAL", Needs::Nothing),
    ("INPROGRESS", Needs::Nothing),
    ("LIST-EXTENDED", Needs::Nothing),
    ("LIST-STATUS", Needs::Nothing),
    ("STATUS=SIZE", Needs::Nothing),
    ("SPECIAL-USE", Needs::Ability(Ability::SpecialUse)),
    ("CREATE-SPECIAL-USE", Needs::Ability(Ability::CreateSpecialUse)),
    ("METADATA", Needs::Ability(Ability::Metadata)),
    ("LIST-METADATA", Needs::Ability(Ability::Metadata)),
    ("ACL", Needs::Ability(Ability::Acl)),
    ("RIGHTS=texk", Needs::Ability(Ability::Acl)),
    ("LIST-MYRIGHTS", Needs::Ability(Ability::Acl)),
    ("QUOTA", Needs::Ability(Ability::Quota)),
    ("QUOTA=RES-STORAGE", Needs::Ability(Ability::Quota)),
    ("QUOTA=RES-MESSAGE", Needs::Ability(Ability::Quota)),
    ("OBJECTID", Needs::Ability(Ability::ObjectId)),
    ("SAVEDATE", Needs::Ability(Ability::SaveDate)),
    ("ESEARCH", Needs::Nothing),
    ("SEARCHRES", Needs::Nothing),
    ("MULTISEARCH", Needs::Nothing),
    ("WITHIN", Needs::Nothing),
    ("SEARCH=FUZZY", Needs::Nothing),
    ("FILTERS", Needs::Ability(Ability::Metadata)),
    ("CONTEXT=SEARCH", Needs::Nothing),
    ("SORT", Needs::Nothing),
    ("SORT=DISPLAY", Needs::Nothing),
    ("ESORT", Needs::Nothing),
    ("CONTEXT=SORT", Needs::Nothing),
    ("THREAD=ORDEREDSUBJECT", Needs::Nothing),
    ("THREAD=REFERENCES", Needs::Nothing),
    ("THREAD=REFS", Needs::Nothing),
    ("I18NLEVEL=1", Needs::Nothing),
    ("BINARY", Needs::Nothing),
    ("PREVIEW", Needs::Nothing),
    ("UIDPLUS", Needs::Ability(Ability::UidPlus)),
    ("MOVE", Needs::Ability(Ability::Move)),
    ("REPLACE", Needs::Ability(Ability::Replace)),
    ("MULTIAPPEND", Needs::Ability(Ability::MultiAppend)),
    ("CATENATE", Needs::Ability(Ability::Catenate)),
    ("URLAUTH", Needs::Ability(Ability::UrlAuth)),
    ("URLAUTH=BINARY", Needs::Ability(Ability::UrlAuth)),
    ("CONDSTORE", Needs::Ability(Ability::ModSequences)),
    ("QRESYNC", Needs::Ability(Ability::ModSequences)),
];

/// What ENABLE can switch on, by the name of its capability.
const ENABLE: &[(&str, Feature, Needs)] = &[
    (
        "CONDSTORE",
        Feature::CondStore,
        Needs::Ability(Ability::ModSequences),
    ),
    ("QRESYNC", Feature::QResync, Needs::Ability(Ability::ModSequences)),
    ("IMAP4rev2", Feature::Rev2, REV2),
    ("UTF8=ACCEPT", Feature::Utf8, Needs::Nothing),
    ("UIDONLY", Feature::UidOnly, Needs::Nothing),
];

impl Needs {
    fn met_by(self, abilities: &Abilities) -> bool {
        match self {
            Self::Nothing => true,
            Self::Ability(ability) => abilities.has(ability),
            Self::Both(one, other) => abilities.has(one) && abilities.has(other),
        }
    }
}

/// The feature of this name and the name as it is listed, where the backend has what it needs.
pub(crate) fn feature(name: &str, abilities: &Abilities) -> Option<(&'static str, Feature)> {
    ENABLE
        .iter()
        .find(|(known, _, needs)| known.eq_ignore_ascii_case(name) && needs.met_by(abilities))
        .map(|&(known, feature, _)| (known, feature))
}

impl<B: Backend> Client<B> {
    /// What the CAPABILITY response lists in the present state.
    pub(crate) fn capabilities(&self) -> String {
        let abilities = self.abilities();
        let offered = CAPABILITIES.iter().filter(|(_, needs)| needs.met_by(&abilities));
        let mut all: Vec<Cow<'static, str>> = offered.map(|&(name, _)| name.into()).collect();
        all.extend(self.connection_capabilities());
        all.join(" ")
    }

    /// What the backend can do, for this user after login.
    pub(crate) fn abilities(&self) -> Abilities {
        match &self.state {
            State::NotAuthenticated => self.server.backend.abilities(),
            State::Authenticated(session) | State::Selected(session, _) => {
                use imap_backend::Session;
                session.abilities()
            }
        }
    }
}
