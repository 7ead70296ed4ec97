//! `sqlmaild demo`: a database with mail to try the server on.

use std::path::PathBuf;
use std::process::ExitCode;

use bytes::Bytes;
use chrono::{DateTime, FixedOffset};
use clap::Args;
use imap_backend::{Append, Error, MailboxName, MessageSource};
use imap_daemon::Failure;
use imap_daemon::logging::{self, LogFormat, LogLevel};
use imap_daemon::server::{self, Plan};
use imap_daemon::tls::Certificate;
use imap_demo::{DemoMessage, Folder, Greeting, History, KEYWORDS, Owner, USER, Welcome, corpus, quoted};
use imap_sql::admin::{Admin, Delivery, Place};
use imap_sql::{SqlBackend, Store};
use imap_updates::{Flag, Flags};

use crate::accounts::{Accounts, secrets};
use crate::database::{Database, IfMissing, Use};

#[derive(Debug, Args)]
#[command(after_help = "Ctrl-C stops it; the next run goes on with the mail as it was left.")]
pub(crate) struct DemoArgs {
    /// The demo's folder; made at the first run, kept between runs
    #[arg(long, value_name = "FOLDER", default_value = "demo-mail-sql")]
    dir: PathBuf,
    /// The port on 127.0.0.1, or the next one above it that is free; 0 lets the system choose
    #[arg(long, default_value_t = 1143)]
    port: u16,
    /// What is logged
    #[arg(long, value_name = "LEVEL", default_value = "warn")]
    log_level: LogLevel,
}

const OWNER: Owner = Owner {
    program: "sqlmaild",
    readme: "The mail store of sqlmaild's demo, kept between runs.\n\
        Stop the demo and delete this folder to begin anew.\n\n\
        mail.db   the database, with the user demo, whose password is demo\n\
        tls       a certificate that this machine made for itself\n",
};

const WELCOME: Welcome = Welcome {
    program: "sqlmaild",
    place: "Everything in it is in one database: this message is a row of\n\
        the table messages, and when you read it, the bit 8 of its column flags is set.",
};

/// Serves the demo until it is stopped.
pub(crate) fn run(args: &DemoArgs) -> Result<ExitCode, Failure> {
    logging::init(&args.log_level, LogFormat::Text);
    let folder = Folder::open(&args.dir, OWNER)?;
    let database = Database::from(folder.path().join("mail.db"));
    server::block_on(async {
        let store = database.open(IfMissing::Make, Use::Serve(None))?;
        let history = fill(&store).await?;
        let listening = imap_demo::listen(args.port).await?;
        let greeting = Greeting {
            program: "sqlmaild",
            folder: &folder,
            history,
            address: listening.address(),
            deliver: "deliver one",
            command: deliver_command(&folder)?,
        };
        let greeting = greeting.to_string();
        let backend = SqlBackend::new(store.clone(), Accounts::new(&store)?).without_new_accounts();
        let plan = Plan::new(vec![listening]).certificate(Certificate::load(folder.tls())?);
        plan.serve(backend, &greeting).await
    })
}

/// The command that delivers a message, of this very program.
fn deliver_command(folder: &Folder) -> Result<String, Failure> {
    let program = quoted(&std::env::current_exe()?);
    let database = quoted(&folder.path().join("mail.db"));
    Ok(format!(
        "printf 'From: you@example.org\\nSubject: Hello\\n\\nIt works.\\n' | \
         {program} admin --database {database} message deliver {USER} INBOX"
    ))
}

/// Makes the demo's mail, unless a run before has done so: the password comes last, so that half a demo is made anew.
async fn fill(store: &Store) -> Result<History, Failure> {
    let admin = Admin::new(store);
    if admin.password(USER).await?.is_some() {
        return Ok(History::Kept);
    }
    if admin.has_account(USER).await? {
        admin.drop_account(USER).await?;
    }
    admin.create_account(USER, None).await?;
    let corpus = corpus(WELCOME);
    for mailbox in &corpus {
        let name = MailboxName::new(&mailbox.name.replace('.', "/")).ok_or("a mailbox without a name")?;
        let place = Place {
            account: USER.to_owned(),
            mailbox: name,
        };
        if !place.mailbox.is_inbox() {
            admin.create_mailbox(&place).await?;
        }
        for message in &mailbox.messages {
            let source = Whole(Some(message.octets.clone().into()));
            admin.deliver(&place, &delivery(message), source).await?;
        }
    }
    admin.set_secrets(USER, secrets(&USER.parse()?)?).await?;
    Ok(History::New {
        messages: corpus.iter().map(|mailbox| mailbox.messages.len()).sum(),
        mailboxes: corpus.len(),
    })
}

/// What a Maildir would say of the message in its file's name.
fn delivery(message: &DemoMessage) -> Delivery {
    let flag = |letter: char| match letter {
        'D' => Some(Flag::Draft),
        'F' => Some(Flag::Flagged),
        'R' => Some(Flag::Answered),
        'S' => Some(Flag::Seen),
        'T' => Some(Flag::Deleted),
        'P' => "$Forwarded".parse().ok(),
        keyword => {
            let index = u32::from(keyword).checked_sub(u32::from('a'))?;
            KEYWORDS.get(usize::try_from(index).ok()?)?.parse().ok()
        }
    };
    let flags: Flags = message
        .flags
        .unwrap_or_default()
        .chars()
        .filter_map(flag)
        .collect();
    let arrived = DateTime::from_timestamp(message.arrived, 0).unwrap_or_default();
    Delivery {
        append: Append::new(flags).with_internal_date(DateTime::<FixedOffset>::from(arrived)),
        item: None,
    }
}

/// A message that is here.
struct Whole(Option<Bytes>);

impl MessageSource for Whole {
    fn size(&self) -> Option<u64> {
        Some(self.0.as_ref().map_or(0, |octets| octets.len() as u64))
    }

    async fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        Ok(self.0.take())
    }
}
