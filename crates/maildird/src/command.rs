//! The command line: what there is to type, and what it exits with.

use std::io::{self, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::config::{Address, EXAMPLE, Layer, LimitsLayer, MailRoot, MailRootLinks, PlaintextLogin};
use crate::logging::{LogFormat, LogLevel};
use crate::users::{self, IfMissing, Password, Phc, UserName, Users};
use crate::{Failure, check, serve};

/// An IMAP server for Maildir.
#[derive(Debug, Parser)]
#[command(version, after_help = EXAMPLES)]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  maildird user add --users users ada                 a user; asks for the password
  maildird serve --mail-root '/var/mail/%u/Maildir' --users users --listen 127.0.0.1:1143
  maildird serve --config /etc/maildird/maildird.toml
  maildird check /var/mail/ada/Maildir                look a Maildir over; changes nothing

Exit codes: 0 done (also after a stop by SIGINT or SIGTERM), 1 failed, 2 wrong arguments, 130 stopped by force.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the Maildirs of the users in a users file
    Serve(Box<ServeArgs>),
    /// Change the users file
    User {
        #[command(subcommand)]
        command: UserCommand,
    },
    /// Look a Maildir over and report what is found; changes nothing
    #[command(after_help = CHECK_CODES)]
    Check {
        /// The folder that holds cur, new and tmp
        maildir: PathBuf,
    },
}

const CHECK_CODES: &str = "\
Prints a line for each mailbox, then what is odd there: a note is normal, a problem hides mail or may make mail programs
download it again.

Exit codes: 0 no problem, 1 problems, 2 not a Maildir or not readable.";

#[derive(Debug, Args)]
#[command(after_help = SERVE_EXAMPLES)]
struct ServeArgs {
    /// A TOML file with settings; flags go over it
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print an example of that file, with every key, and exit
    #[arg(long)]
    example_config: bool,
    /// An address for IMAP with STARTTLS; may be repeated [default: 127.0.0.1:143]
    #[arg(long, value_name = "IP:PORT")]
    listen: Vec<Address>,
    /// An address for IMAP over TLS from the start; may be repeated
    #[arg(long, value_name = "IP:PORT")]
    listen_tls: Vec<Address>,
    /// Each user's Maildir; %u is the user's name
    #[arg(long, value_name = "PATH")]
    mail_root: Option<MailRoot>,
    /// Symbolic links in the mail root, from the first part with %u on [default: refuse]
    #[arg(long, value_name = "WHAT")]
    mail_root_links: Option<MailRootLinks>,
    /// The users file (see `maildird user`)
    #[arg(long, value_name = "FILE")]
    users: Option<PathBuf>,
    /// The certificate and those that lead to the root, PEM; read again on SIGHUP
    #[arg(long, value_name = "FILE")]
    tls_cert: Option<PathBuf>,
    /// The certificate's private key, PEM
    #[arg(long, value_name = "FILE")]
    tls_key: Option<PathBuf>,
    /// Who may send a password without TLS [default: from-loopback]
    #[arg(long, value_name = "WHO")]
    plaintext_login: Option<PlaintextLogin>,
    /// A bound on what clients cost, such as connections=50 or append=25MiB; may be repeated. --example-config
    /// explains them all
    #[arg(long = "limit", value_name = "NAME=VALUE")]
    limits: Vec<LimitsLayer>,
    /// off, error, warn, info, debug, trace, or by module: info,imap_server=debug [default: info]
    #[arg(long, value_name = "LEVEL")]
    log_level: Option<LogLevel>,
    /// How log lines look, on standard error [default: text]
    #[arg(long, value_name = "FORMAT")]
    log_format: Option<LogFormat>,
}

const SERVE_EXAMPLES: &str = "\
Prints one line for each address when it is ready:
  listening on 127.0.0.1:1143

Examples:
  maildird serve --listen 127.0.0.1:0 --mail-root '/var/mail/%u/Maildir' --users users
  maildird serve --example-config >maildird.toml
  maildird serve --config maildird.toml --log-level debug

Signals: SIGINT and SIGTERM stop after the commands in progress, a second one at once; SIGHUP reads the certificate
again.";

#[derive(Debug, Subcommand)]
enum UserCommand {
    /// Add a user; the file is made if it is not there
    #[command(after_help = STDIN_EXAMPLE)]
    Add(WithPassword),
    /// Change a user's password
    Passwd(WithPassword),
    /// List the users; bad lines of the file are named on standard error, with exit code 1
    List(UsersFile),
    /// Remove a user; the mail stays
    Remove {
        #[command(flatten)]
        file: UsersFile,
        /// The user
        name: UserName,
    },
}

const STDIN_EXAMPLE: &str = "\
Examples:
  maildird user add --users users ada
  printf %s \"$PASSWORD\" | maildird user add --users users ada --password-stdin";

#[derive(Debug, Args)]
struct UsersFile {
    /// The users file
    #[arg(long, value_name = "FILE")]
    users: PathBuf,
}

#[derive(Debug, Args)]
struct WithPassword {
    #[command(flatten)]
    file: UsersFile,
    /// The user: ASCII letters, digits and . _ - + @
    name: UserName,
    /// Read the password from standard input (one line break at its end is left off) instead of asking for it
    #[arg(long)]
    password_stdin: bool,
}

/// The program `maildird`: does what the process's arguments say, prints failures on standard error, and gives the exit
/// code. Ends the process itself for `--help`, `--version` and wrong arguments.
pub fn run_command_line() -> ExitCode {
    match run(CommandLine::parse()) {
        Ok(code) => code,
        Err(failure) => {
            // Nothing is left to tell it to when standard error is closed.
            let _ = writeln!(io::stderr(), "maildird: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(line: CommandLine) -> Result<ExitCode, Failure> {
    match line.command {
        Command::Serve(args) => run_serve(*args),
        Command::User { command } => user(command),
        Command::Check { maildir } => check::run(&maildir),
    }
}

fn run_serve(args: ServeArgs) -> Result<ExitCode, Failure> {
    if args.example_config {
        io::stdout().write_all(EXAMPLE.as_bytes())?;
        return Ok(ExitCode::SUCCESS);
    }
    let file = args
        .config
        .as_deref()
        .map(Layer::read)
        .transpose()?
        .unwrap_or_default();
    let flags = Layer {
        listen: args.listen,
        listen_tls: args.listen_tls,
        mail_root: args.mail_root,
        mail_root_links: args.mail_root_links,
        users: args.users,
        tls_cert: args.tls_cert,
        tls_key: args.tls_key,
        plaintext_login: args.plaintext_login,
        log_level: args.log_level,
        log_format: args.log_format,
        // The last of two values for one limit counts.
        limits: args
            .limits
            .into_iter()
            .fold(LimitsLayer::default(), |before, limit| limit.over(before)),
    };
    serve::run(flags.over(file).complete()?)
}

fn user(command: UserCommand) -> Result<ExitCode, Failure> {
    match command {
        UserCommand::Add(args) => {
            if Users::read(&args.file.users).is_ok_and(|users| users.has(&args.name)) {
                // Before a password is asked for; `change` decides.
                return Err(users::UsersError::Exists(args.name).into());
            }
            let phc = Phc::of(&password(&args)?)?;
            users::change(&args.file.users, IfMissing::Create, |users| {
                users.add(args.name, phc)
            })?;
        }
        UserCommand::Passwd(args) => {
            if !Users::read(&args.file.users)?.has(&args.name) {
                return Err(users::UsersError::Unknown(args.name).into());
            }
            let phc = Phc::of(&password(&args)?)?;
            users::change(&args.file.users, IfMissing::Fail, |users| {
                users.replace(&args.name, phc)
            })?;
        }
        UserCommand::Remove { file, name } => {
            users::change(&file.users, IfMissing::Fail, |users| users.remove(&name))?;
        }
        UserCommand::List(file) => return list(&file.users),
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints those who can log in, and on standard error the lines that shut somebody out.
fn list(path: &Path) -> Result<ExitCode, Failure> {
    let users = Users::read(path)?;
    let names: String = users.names().map(|name| format!("{name}\n")).collect();
    io::stdout().write_all(names.as_bytes())?;
    let bad = users.bad_lines();
    let bad: String = bad
        .map(|line| format!("maildird: {}, {line}\n", path.display()))
        .collect();
    io::stderr().write_all(bad.as_bytes())?;
    Ok(match bad.is_empty() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}

/// From standard input, or asked for twice.
fn password(args: &WithPassword) -> Result<Password, Failure> {
    if args.password_stdin {
        let mut text = String::new();
        io::stdin().take(1 << 20).read_to_string(&mut text)?;
        let line = text
            .strip_suffix('\n')
            .map(|line| line.strip_suffix('\r').unwrap_or(line));
        return Ok(line.unwrap_or(&text).parse()?);
    }
    if !io::stdin().is_terminal() {
        return Err("there is no terminal to ask for the password: give it by --password-stdin".into());
    }
    let first = rpassword::prompt_password(format!("Password for {}: ", args.name))?;
    let password = first.parse()?;
    if rpassword::prompt_password("The same again: ")? != first {
        return Err("the two passwords differ; nothing was changed".into());
    }
    Ok(password)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_well_formed() {
        CommandLine::command().debug_assert();
    }
}
