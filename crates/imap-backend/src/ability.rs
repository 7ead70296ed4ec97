//! What a backend can do that IMAP4rev1 does not ask of every server.

/// One ability. The server turns abilities into capabilities (RFC 9051, section 7.2.2) and offers a command or an
/// attribute only where the backend has what it needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Ability {
    /// Moves messages: MOVE (RFC 6851), without which there is no IMAP4rev2. On by default, because
    /// [`Mailbox::move_to`](crate::Mailbox::move_to) has a default that is right where nobody interferes.
    Move,
    /// The same UIDs come back when the mailbox is opened again, and APPEND and COPY say which they gave: UIDPLUS (RFC
    /// 4315), without which there is no IMAP4rev2. On by default; a store whose UIDs live as long as the process, and that uses a
    /// new UIDVALIDITY each time, has it too.
    UidPlus,
    /// Mod-sequences outlive the process and never go back: [`Record::modseq`](crate::Record::modseq) and
    /// [`Opened::highest_modseq`](crate::Opened::highest_modseq) are always there. CONDSTORE (RFC 7162) will be
    /// offered where this is on.
    ModSequences,
    /// [`Session::list`](crate::Session::list) tells what mailboxes are for: SPECIAL-USE (RFC 6154).
    SpecialUse,
    /// [`Session::create`](crate::Session::create) takes [`Create::special_use`](crate::Create::special_use):
    /// CREATE-SPECIAL-USE (RFC 6154, section 3).
    CreateSpecialUse,
    /// Mailboxes and messages have identifiers that outlive the process: OBJECTID (RFC 8474).
    /// [`Opened::mailbox_id`](crate::Opened::mailbox_id), [`Status::mailbox_id`](crate::Status::mailbox_id),
    /// [`Created::mailbox_id`](crate::Created::mailbox_id) and [`Record::email_id`](crate::Record::email_id) are always
    /// there.
    ObjectId,
    /// Annotations are kept: METADATA (RFC 5464). [`Session::metadata`](crate::Session::metadata) and
    /// [`Session::set_metadata`](crate::Session::set_metadata).
    Metadata,
    /// [`Session::quotas`](crate::Session::quotas) tells what is limited, and APPEND and COPY refuse what exceeds it: QUOTA
    /// (RFC 9208).
    Quota,
    /// Puts a message in the place of another: REPLACE (RFC 8508). On by default, because
    /// [`Session::replace`](crate::Session::replace) has a default that is right where nobody interferes.
    Replace,
    /// Stores several messages, all or none: [`Session::append_all`](crate::Session::append_all) for MULTIAPPEND (RFC
    /// 3502).
    MultiAppend,
    /// Reads messages while it stores one: [`Session::another`](crate::Session::another) for CATENATE (RFC 4469).
    Catenate,
    /// Says who may do what in which mailbox: ACL (RFC 4314). [`Session::acl`](crate::Session::acl),
    /// [`Session::change_acl`](crate::Session::change_acl) and [`Session::my_rights`](crate::Session::my_rights). The server
    /// keeps users to their rights.
    Acl,
    /// Keeps the keys that URLs are authorized with: URLAUTH (RFC 4467). [`Session::url_key`](crate::Session::url_key),
    /// [`Session::forget_url_keys`](crate::Session::forget_url_keys) and [`Backend::url_owner`](crate::Backend::url_owner).
    UrlAuth,
    /// Mailboxes keep when each message came into them: SAVEDATE (RFC 8514). [`Record::save_date`](crate::Record::save_date)
    /// is there for every message that came in since the store keeps it.
    SaveDate,
}

impl Ability {
    /// Each its own, by its place among them.
    const fn bit(self) -> u32 {
        1 << self as u32
    }
}

/// A set of abilities.
///
/// The default is what every backend has by the defaults of the traits.
///
/// ```
/// use imap_backend::{Abilities, Ability};
/// let abilities = Abilities::default().with(Ability::ModSequences).without(Ability::Move);
/// assert!(abilities.has(Ability::ModSequences) && abilities.has(Ability::UidPlus));
/// assert!(!abilities.has(Ability::Move));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Abilities(u32);

impl Abilities {
    /// With this ability too.
    #[must_use]
    pub const fn with(self, ability: Ability) -> Self {
        Self(self.0 | ability.bit())
    }

    /// Without this ability.
    #[must_use]
    pub const fn without(self, ability: Ability) -> Self {
        Self(self.0 & !ability.bit())
    }

    /// Whether the ability is there.
    #[must_use]
    pub const fn has(&self, ability: Ability) -> bool {
        self.0 & ability.bit() != 0
    }

    /// Whether every one of these abilities is there.
    #[must_use]
    pub const fn includes(&self, others: &Self) -> bool {
        self.0 & others.0 == others.0
    }
}

impl Default for Abilities {
    fn default() -> Self {
        Self(Ability::Move.bit() | Ability::UidPlus.bit() | Ability::Replace.bit())
    }
}
