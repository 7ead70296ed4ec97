//! Harm that no server survives unnoticed: to see that the judge notices.

use std::time::Duration;

use tokio::time::sleep;

use crate::database::{Database, NoAnswer};

/// What is done to the database behind everybody's back, in the middle of INBOX.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Sabotage {
    /// A message is gone, without a word in the log.
    LoseMessage,
    /// Keywords are gone, without a word in the log.
    LoseFlags,
    /// A UID gets another message.
    UidTwice,
    /// The mailbox's mod-sequence goes back.
    ModseqBack,
    /// The log says of a message that it was expunged, and it was not.
    PhantomExpunge,
    /// Octets of a message are others.
    OtherOctets,
    /// A change is not in the log, so that nobody is told of it.
    HideChange,
}

/// Triggers do nothing for this session.
const SILENTLY: &str = "SET session_replication_role = replica;";

impl Sabotage {
    pub(crate) async fn commit(self, url: &str) -> Result<(), NoAnswer> {
        let database = loop {
            match Database::connect(url).await {
                Ok(database) => break database,
                Err(_) => sleep(Duration::from_millis(100)).await,
            }
        };
        database.run(&format!("{SILENTLY} {}", self.sql())).await
    }

    const fn sql(self) -> &'static str {
        match self {
            Self::LoseMessage => "DELETE FROM messages WHERE mailbox = 1 AND uid % 2 = 1",
            Self::LoseFlags => "UPDATE messages SET keywords = '' WHERE mailbox = 1",
            Self::UidTwice => {
                "UPDATE messages AS m SET blob = (SELECT blob FROM messages WHERE mailbox = 1 AND uid <> m.uid LIMIT 1) \
                 WHERE mailbox = 1 AND uid % 2 = 1"
            }
            Self::ModseqBack => "UPDATE mailboxes SET highest_modseq = highest_modseq - 5 WHERE id = 1",
            Self::PhantomExpunge => {
                "UPDATE mailboxes SET highest_modseq = highest_modseq + 1 WHERE id = 1; \
                 INSERT INTO expunged (mailbox, modseq, uid) SELECT 1, highest_modseq, uid FROM mailboxes, messages \
                 WHERE mailboxes.id = 1 AND mailbox = 1 AND uid % 2 = 1"
            }
            Self::OtherOctets => "UPDATE chunks SET octets = set_byte(octets, length(octets) - 3, 90)",
            Self::HideChange => "UPDATE messages SET flags = flags | 16 WHERE mailbox = 1 AND uid % 2 = 1",
        }
    }
}
