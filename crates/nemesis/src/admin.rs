//! The administrator's process: one thing done to the database while the servers run. It prints the UIDs that it was done to.

use std::error::Error;

use bytes::Bytes;
use imap_backend::{Append, FlagAction, FlagChange, MailboxName, MessageSource};
use imap_sql::admin::{Admin, AdminError, Delivered, Delivery, Place};

use crate::mail;
use crate::server;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The database.
    url: String,
    mailbox: String,
    #[command(subcommand)]
    deed: Deed,
}

#[derive(Debug, clap::Subcommand)]
enum Deed {
    /// Makes the account and the mailbox.
    Prepare,
    Deliver {
        name: String,
    },
    Flag {
        uid: String,
        flag: String,
        #[arg(long)]
        clear: bool,
    },
    Remove {
        uid: String,
    },
}

/// A message that is here.
struct Whole(Option<Bytes>, u64);

impl MessageSource for Whole {
    fn size(&self) -> Option<u64> {
        Some(self.1)
    }

    async fn chunk(&mut self) -> Result<Option<Bytes>, imap_backend::Error> {
        Ok(self.0.take())
    }
}

pub(crate) async fn act(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let store = server::options().without_hints().open_url(&arguments.url)?;
    let admin = Admin::new(&store);
    let place = Place {
        account: "ann".to_owned(),
        mailbox: MailboxName::new(&arguments.mailbox).ok_or("a mailbox")?,
    };
    match &arguments.deed {
        Deed::Prepare => {
            match admin.create_account("ann", None).await {
                Ok(()) | Err(AdminError::AccountExists(_)) => {}
                Err(error) => return Err(error.into()),
            }
            if !place.mailbox.is_inbox() {
                admin.create_mailbox(&place).await?;
            }
        }
        Deed::Deliver { name } => {
            let octets = mail::octets(name);
            let message = Whole(Some(octets.clone().into()), octets.len() as u64);
            let delivery = Delivery {
                append: Append::default(),
                item: None,
            };
            if let Delivered::Stored(uid) = admin.deliver(&place, &delivery, message).await? {
                println!("{uid}");
            }
        }
        Deed::Flag { uid, flag, clear } => {
            let action = if *clear {
                FlagAction::Remove
            } else {
                FlagAction::Add
            };
            let change = FlagChange::new(action, flag.parse().map_err(|_| "a flag")?);
            admin
                .change_flags(&place, &uid.parse().map_err(|_| "a UID")?, &[change])
                .await?;
            println!("{uid}");
        }
        Deed::Remove { uid } => {
            let removed = admin.remove(&place, &uid.parse().map_err(|_| "a UID")?).await?;
            removed.iter().for_each(|uid| println!("{uid}"));
        }
    }
    Ok(())
}
