//! `sqlmaild admin message`.

use std::path::PathBuf;
use std::str::FromStr;

use chrono::{DateTime, FixedOffset};
use clap::Subcommand;
use imap_backend::{Append, FlagAction, FlagChange};
use imap_daemon::Failure;
use imap_seq::{SequenceSet, Uid, UidSet};
use imap_sql::admin::{Admin, Delivered, Delivery, Place};
use imap_updates::{Flag, Flags};

use super::source::FileSource;
use super::{PlaceArgs, print};

/// So many messages are read at once for a list.
const PAGE: usize = 1000;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List messages: UID, flags, octets, INTERNALDATE, subject
    List {
        #[command(flatten)]
        place: PlaceArgs,
        /// Which, such as 5 or 1:7,9 or 100:*
        #[arg(value_name = "UIDSET", default_value = "1:*")]
        uids: SequenceSet<Uid>,
    },
    /// Store a message, of any size; prints its UID
    #[command(after_help = DELIVER_EXAMPLES)]
    Deliver {
        #[command(flatten)]
        place: PlaceArgs,
        /// The message; - is standard input
        #[arg(default_value = "-")]
        file: PathBuf,
        /// A flag or keyword that it has, such as '\Seen'; may be repeated
        #[arg(long = "flag", value_name = "FLAG")]
        flags: Vec<Flag>,
        /// Its INTERNALDATE, such as 2025-01-31T18:30:00+01:00 [default: now]
        #[arg(long, value_name = "DATE", value_parser = DateTime::parse_from_rfc3339)]
        date: Option<DateTime<FixedOffset>>,
    },
    /// Remove messages, whether or not they have \Deleted; prints how many
    Remove {
        #[command(flatten)]
        place: PlaceArgs,
        /// Which, such as 5 or 1:7,9 or 100:*
        #[arg(value_name = "UIDSET")]
        uids: SequenceSet<Uid>,
    },
    /// Change flags and keywords; prints how many messages have others now
    #[command(after_help = FLAGS_EXAMPLES)]
    Flags {
        #[command(flatten)]
        place: PlaceArgs,
        /// Which, such as 5 or 1:7,9 or 100:*
        #[arg(value_name = "UIDSET")]
        uids: SequenceSet<Uid>,
        /// What to set (+) and what to take away (-)
        #[arg(value_name = "+FLAG|-FLAG", required = true, allow_hyphen_values = true)]
        changes: Vec<Edit>,
    },
}

const DELIVER_EXAMPLES: &str = "\
Line ends become CRLF. Nothing is stored of a message that breaks off.

Examples:
  sqlmaild admin --database mail.db message deliver ada INBOX letter.eml
  fetch-letter | sqlmaild admin --database mail.db message deliver ada Archive/2024 - --flag '\\Seen'";

const FLAGS_EXAMPLES: &str = "\
Examples:
  sqlmaild admin --database mail.db message flags ada INBOX '1:*' '+\\Seen'
  sqlmaild admin --database mail.db message flags ada INBOX 7 +Work '-\\Flagged'";

/// A flag with `+` or `-` before it.
#[derive(Debug, Clone)]
pub(crate) struct Edit(FlagChange);

impl FromStr for Edit {
    type Err = String;

    fn from_str(edit: &str) -> Result<Self, String> {
        let (action, flag) = match (edit.strip_prefix('+'), edit.strip_prefix('-')) {
            (Some(flag), _) => (FlagAction::Add, flag),
            (_, Some(flag)) if !flag.starts_with('-') => (FlagAction::Remove, flag),
            _ => return Err("it is neither +FLAG nor -FLAG; options come before the flags".to_owned()),
        };
        let flag: Flag = flag.parse().map_err(|_| format!("{flag:?} is no flag"))?;
        Ok(Self(FlagChange::new(action, Flags::from_iter([flag]))))
    }
}

pub(super) async fn run(admin: &Admin, command: Command) -> Result<(), Failure> {
    match command {
        Command::List { place, uids } => list(admin, &place.into(), &uids).await?,
        Command::Deliver {
            place,
            file,
            flags,
            date,
        } => {
            let append = Append::new(Flags::from_iter(flags));
            let delivery = Delivery {
                append: match date {
                    Some(date) => append.with_internal_date(date),
                    None => append,
                },
                item: None,
            };
            let mut source = FileSource::open(&file).await?;
            let delivered = admin.deliver(&place.into(), &delivery, &mut source).await;
            match source.result(delivered)? {
                Delivered::Stored(uid) => print(&[&uid.to_string()])?,
                Delivered::TakenBefore => print(&["taken before"])?,
            }
        }
        Command::Remove { place, uids } => {
            let removed = admin.remove(&place.into(), &uids).await?;
            print(&[&removed.len().to_string()])?;
        }
        Command::Flags { place, uids, changes } => {
            let changes: Vec<FlagChange> = changes.into_iter().map(|edit| edit.0).collect();
            let changed = admin.change_flags(&place.into(), &uids, &changes).await?;
            print(&[&changed.len().to_string()])?;
        }
    }
    Ok(())
}

async fn list(admin: &Admin, place: &Place, set: &SequenceSet<Uid>) -> Result<(), Failure> {
    let uids: Vec<Uid> = admin.uids(place, set).await?.iter().collect();
    for page in uids.chunks(PAGE) {
        let page: UidSet = page.iter().copied().collect();
        for message in admin.messages(place, &page).await? {
            let (uid, size) = (message.uid.to_string(), message.size.to_string());
            let (flags, date) = (message.flags.to_string(), message.received.to_rfc3339());
            let subject = message.subject.unwrap_or_default().replace('\t', " ");
            print(&[&uid, &flags, &size, &date, &subject])?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edit_is_a_flag_with_a_sign() {
        for good in ["+\\Seen", "-Work", "+$Forwarded"] {
            assert!(good.parse::<Edit>().is_ok(), "{good}");
        }
        for bad in ["\\Seen", "--yes", "+", "-", "+\\Recent", "+a b", "+(x)"] {
            assert!(bad.parse::<Edit>().is_err(), "{bad}");
        }
    }
}
