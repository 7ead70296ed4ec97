//! `sqlmaild admin account`.

use clap::Subcommand;
use imap_daemon::Failure;
use imap_daemon::passwords::PasswordSource;
use imap_daemon::users::UserName;
use imap_sql::admin::{Admin, AdminError};

use super::{Consent, print};
use crate::accounts::secrets;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List the accounts: name, `password` or `no password`, mailboxes, messages
    List,
    /// Make an account with an INBOX; the database is made too if it is not there
    #[command(after_help = STDIN_EXAMPLE)]
    Create {
        /// Its name: ASCII letters, digits and . _ - + @
        name: UserName,
        #[command(flatten)]
        password: PasswordSource,
        /// Nobody may log in to it, until a password is set
        #[arg(long, conflicts_with = "password_stdin")]
        no_password: bool,
    },
    /// Change the password of an account, from the next login on
    Password {
        /// Its name
        name: String,
        #[command(flatten)]
        password: PasswordSource,
    },
    /// Drop an account with all its mail
    Drop {
        /// Its name
        name: String,
        #[command(flatten)]
        consent: Consent,
    },
}

const STDIN_EXAMPLE: &str = "\
Examples:
  sqlmaild admin --database mail.db account create ada
  printf %s \"$PASSWORD\" | sqlmaild admin --database mail.db account create ada --password-stdin";

pub(super) async fn run(admin: &Admin, command: Command) -> Result<(), Failure> {
    match command {
        Command::List => {
            for account in admin.accounts().await? {
                let password = match account.may_log_in {
                    true => "password",
                    false => "no password",
                };
                let (mailboxes, messages) = (account.mailboxes.to_string(), account.messages.to_string());
                print(&[&account.name, password, &mailboxes, &messages])?;
            }
        }
        Command::Create {
            name,
            password,
            no_password,
        } => {
            let name = name.as_str();
            if admin.has_account(name).await? {
                // Before a password is asked for; `create_account` decides.
                return Err(AdminError::AccountExists(name.to_owned()).into());
            }
            let secrets = match no_password {
                true => None,
                false => Some(secrets(&password.password(name)?)?),
            };
            admin.create_account(name, secrets).await?;
        }
        Command::Password { name, password } => {
            if !admin.has_account(&name).await? {
                return Err(AdminError::NoAccount(name).into());
            }
            let secrets = secrets(&password.password(&name)?)?;
            admin.set_secrets(&name, secrets).await?;
        }
        Command::Drop { name, consent } => {
            let messages: u32 = admin
                .mailboxes(&name)
                .await?
                .iter()
                .map(|mailbox| mailbox.messages)
                .sum();
            consent.ask(&format!("the account {name} with {messages} messages"))?;
            admin.drop_account(&name).await?;
        }
    }
    Ok(())
}
