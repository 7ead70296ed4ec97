//! What a search is about: the hub, the kinds of the sessions, and which steps there are.

use imap_updates::{Access, ExpungeForm};

use super::commands::{ALL, FEW};
use super::step::{Reading, Step};

/// How a session works. Sessions of the same kind are interchangeable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Role {
    pub access: Access,
    pub form: ExpungeForm,
}

pub const PLAIN: Role = Role {
    access: Access::ReadWrite,
    form: ExpungeForm::Expunge,
};
pub const QRESYNC: Role = Role {
    access: Access::ReadWrite,
    form: ExpungeForm::Vanished,
};
pub const EXAMINE: Role = Role {
    access: Access::ReadOnly,
    form: ExpungeForm::Expunge,
};

pub const SESSIONS: usize = 3;

/// What the store tells the hub.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Feed {
    /// Every change when it is made: a [`MailboxHub`](imap_updates::MailboxHub).
    Guard,
    /// A log with every change, for a [`LogHub`](imap_updates::LogHub).
    Log,
    /// A table with the last change of each message, for the same.
    Table,
}

#[derive(Clone, Copy, Debug)]
pub struct Setting {
    pub name: &'static str,
    pub feed: Feed,
    pub roles: [Role; SESSIONS],
    /// How many of [`COMMANDS`](super::commands::COMMANDS).
    pub commands: u8,
    /// Whether also followed by a command with numbers.
    pub followed: bool,
    /// Every way in which a session's change becomes known as its own.
    pub makers: bool,
    /// Few steps, to go deep.
    pub lean: bool,
    /// How many expunges, and flags of how many messages, the hub remembers.
    pub memory: usize,
    /// Pages under way at a time.
    pub pages: usize,
    /// Steps before the first trace.
    pub before: &'static [Step],
    /// Depths: in `cargo test`, and for ten minutes on two cores.
    pub depths: (usize, usize),
}

const WIDE: Setting = Setting {
    name: "equal",
    feed: Feed::Guard,
    roles: [PLAIN; SESSIONS],
    commands: FEW,
    followed: false,
    makers: false,
    lean: false,
    memory: 4096,
    pages: 0,
    before: &[],
    depths: (3, 5),
};

/// Three changes, of which one page has the first and another one the rest; neither has arrived.
const TWO_PAGES: &[Step] = &[
    Step::Flags(0),
    Step::Expunge(1),
    Step::Arrive,
    Step::Read(Reading::Short),
    Step::Read(Reading::Following),
];

pub const SETTINGS: &[Setting] = &[
    WIDE,
    Setting {
        name: "deep",
        lean: true,
        depths: (5, 8),
        ..WIDE
    },
    Setting {
        name: "mixed",
        roles: [PLAIN, QRESYNC, EXAMINE],
        depths: (2, 4),
        ..WIDE
    },
    Setting {
        name: "forgetful",
        roles: [QRESYNC, PLAIN, PLAIN],
        memory: 1,
        depths: (3, 4),
        ..WIDE
    },
    Setting {
        name: "commands",
        roles: [PLAIN, QRESYNC, EXAMINE],
        commands: ALL,
        followed: true,
        depths: (2, 3),
        ..WIDE
    },
    Setting {
        name: "log",
        feed: Feed::Log,
        pages: 2,
        depths: (3, 5),
        ..WIDE
    },
    Setting {
        name: "deep log",
        feed: Feed::Log,
        lean: true,
        pages: 2,
        depths: (4, 7),
        ..WIDE
    },
    Setting {
        name: "deep table",
        feed: Feed::Table,
        lean: true,
        pages: 2,
        depths: (4, 7),
        ..WIDE
    },
    Setting {
        name: "late log",
        feed: Feed::Log,
        lean: true,
        pages: 2,
        before: TWO_PAGES,
        depths: (4, 7),
        ..WIDE
    },
    Setting {
        name: "late table",
        feed: Feed::Table,
        lean: true,
        pages: 2,
        before: TWO_PAGES,
        depths: (5, 7),
        ..WIDE
    },
    Setting {
        name: "table",
        feed: Feed::Table,
        roles: [PLAIN, QRESYNC, PLAIN],
        pages: 2,
        memory: 1,
        depths: (3, 5),
        ..WIDE
    },
    Setting {
        name: "makers",
        feed: Feed::Table,
        makers: true,
        pages: 1,
        depths: (2, 4),
        ..WIDE
    },
];

pub fn named(name: &str) -> Option<Setting> {
    SETTINGS.iter().find(|setting| setting.name == name).copied()
}
