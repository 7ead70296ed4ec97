//! `sqlmaild admin mailbox`.

use clap::Subcommand;
use imap_backend::MailboxName;
use imap_daemon::Failure;
use imap_sql::admin::{Admin, AdminError, Place};

use super::{Consent, PlaceArgs, mailbox_name, print};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List the mailboxes of an account: name, messages, unseen ones, UIDVALIDITY
    List {
        /// The account
        account: String,
    },
    /// Make a mailbox, and those above it that are missing
    Create(PlaceArgs),
    /// Rename a mailbox and those below it; of INBOX, the messages go and it stays
    Rename {
        #[command(flatten)]
        place: PlaceArgs,
        /// Its new name
        #[arg(value_parser = mailbox_name)]
        to: MailboxName,
    },
    /// Drop a mailbox with its messages; those below it stay
    Drop {
        #[command(flatten)]
        place: PlaceArgs,
        #[command(flatten)]
        consent: Consent,
    },
}

pub(super) async fn run(admin: &Admin, command: Command) -> Result<(), Failure> {
    match command {
        Command::List { account } => {
            for mailbox in admin.mailboxes(&account).await? {
                let (messages, unseen) = (mailbox.messages.to_string(), mailbox.unseen.to_string());
                let uid_validity = mailbox.uid_validity.to_string();
                print(&[mailbox.name.as_str(), &messages, &unseen, &uid_validity])?;
            }
        }
        Command::Create(place) => admin.create_mailbox(&place.into()).await?,
        Command::Rename { place, to } => admin.rename_mailbox(&place.into(), &to).await?,
        Command::Drop { place, consent } => {
            let place = Place::from(place);
            let all = admin.mailboxes(&place.account).await?;
            let found = all.iter().find(|mailbox| mailbox.name == place.mailbox);
            let messages = found
                .ok_or_else(|| AdminError::NoMailbox(place.clone()))?
                .messages;
            consent.ask(&format!("{place} with {messages} messages"))?;
            admin.drop_mailbox(&place).await?;
        }
    }
    Ok(())
}
