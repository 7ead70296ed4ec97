//! The steps of which traces are made, and how they read in IMAP's terms.

use std::fmt;

use super::commands::COMMANDS;
use super::store::uid_of;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// A message arrives.
    Arrive,
    /// In one transaction two messages arrive, the higher UID first, and the lowest of all is expunged.
    Batch,
    /// Somebody expunges a message.
    Expunge(u8),
    /// Somebody changes its flags.
    Flags(u8),
    /// A command that changes nothing, of those in [`COMMANDS`]; whether one with message sequence numbers follows in the pipe.
    Command {
        session: u8,
        command: u8,
        followed: bool,
    },
    /// `STORE number ±FLAGS.SILENT (\Flagged)`, and how the store learns whose it is.
    Store {
        session: u8,
        number: u8,
        how: How,
    },
    /// `UID STORE * ±FLAGS (\Flagged)`.
    StoreLast {
        session: u8,
    },
    /// `UID EXPUNGE` of the message with this number.
    Remove {
        session: u8,
        number: u8,
    },
    /// The mailbox is selected again: by a new session in the place of the old one.
    Select(u8),
    /// Somebody reads the log.
    Read(Reading),
    /// A page that was read arrives, and is not under way any more; or arrives, and will once more.
    Deliver(u8),
    Repeat(u8),
}

/// How a session's own change becomes known to be its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum How {
    /// The hub is told with the change, or by a claim that is confirmed after the commit.
    Said,
    /// By a claim that is confirmed after the change was read and told.
    ClaimedLate,
    /// By a claim; the transaction fails, and nothing was changed.
    RolledBack,
    /// The same, and somebody else gets the version, and is read and told before the claim is revoked.
    Overtaken,
    /// By a column of the log.
    Named,
    /// Not at all.
    Unsaid,
}

pub const HOWS: [How; 6] = [
    How::Said,
    How::ClaimedLate,
    How::RolledBack,
    How::Overtaken,
    How::Named,
    How::Unsaid,
];

/// From where the log is read, and to where.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reading {
    /// From the cursor to the end.
    Rest,
    /// From the start of all, which the hub knows in part.
    Overlapping,
    /// What follows on the latest page that is under way.
    Following,
    /// From the cursor, cut short after the first version.
    Short,
    /// All messages.
    Whole,
}

pub const READINGS: [Reading; 5] = [
    Reading::Rest,
    Reading::Overlapping,
    Reading::Following,
    Reading::Short,
    Reading::Whole,
];

pub fn name(session: u8) -> char {
    char::from(b'A' + session)
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Arrive => f.write_str("a message arrives"),
            Self::Batch => {
                f.write_str("in one transaction two messages arrive, and the lowest of all is expunged")
            }
            Self::Expunge(message) => write!(f, "UID {} is expunged by somebody", uid_of(message)),
            Self::Flags(message) => write!(f, "the flags of UID {} are changed by somebody", uid_of(message)),
            Self::Command {
                session,
                command,
                followed,
            } => {
                let name = name(session);
                write!(f, "{name}: {}", COMMANDS[usize::from(command)].name)?;
                f.write_str(if followed {
                    ", and STORE 1 waits in the pipe"
                } else {
                    ""
                })
            }
            Self::Store { session, number, how } => {
                let name = name(session);
                write!(
                    f,
                    "{name}: STORE {number} FLAGS.SILENT, \\Flagged set or taken away"
                )?;
                match how {
                    How::Said => Ok(()),
                    how => write!(f, " ({how:?})"),
                }
            }
            Self::StoreLast { session } => {
                write!(
                    f,
                    "{}: UID STORE * FLAGS, \\Flagged set or taken away",
                    name(session)
                )
            }
            Self::Remove { session, number } => {
                write!(f, "{}: UID EXPUNGE of its message {number}", name(session))
            }
            Self::Select(session) => write!(f, "{}: SELECT again", name(session)),
            Self::Read(reading) => write!(f, "the log is read: {reading:?}"),
            Self::Deliver(place) => write!(f, "page {place} arrives"),
            Self::Repeat(place) => write!(f, "page {place} arrives, and will once more"),
        }
    }
}
