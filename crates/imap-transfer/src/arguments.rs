//! The arguments that say which server mail is imported from.

use std::fs;
use std::io::{self, IsTerminal};
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::{Failure, ImapServer, Tls};

/// Another IMAP server, and who logs in there.
#[derive(Debug, Args)]
pub struct ServerArgs {
    /// The server, as HOST or HOST:PORT
    server: String,
    /// The name to log in with there
    #[arg(long, value_name = "NAME")]
    login: String,
    /// A file whose first line is the password; without it, it is asked for
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// How the connection is protected; `none` only for a server on this machine, unless --insecure
    #[arg(long, value_name = "HOW", default_value = "implicit")]
    tls: Tls,
    /// Let the password and the mail cross a network in the clear
    #[arg(long)]
    insecure: bool,
    /// Take this away from the beginning of names, such as INBOX.
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    prefix: String,
    /// Leave out this mailbox, by its name there without the prefix; more than once for several
    #[arg(long, value_name = "MAILBOX")]
    except: Vec<String>,
}

impl ServerArgs {
    /// Connects and logs in.
    ///
    /// # Errors
    /// There is no password, the connection would not be protected, or the server does not let us in.
    pub async fn log_in(&self) -> Result<ImapServer, Failure> {
        let (host, port) = self.address()?;
        if self.tls == Tls::None && !self.insecure && !is_here(host) {
            return Err(
                format!("{host}: the password would cross the network in the clear: see --tls").into(),
            );
        }
        let password = match &self.password_file {
            Some(file) => first_line(file)?,
            None => self.ask()?,
        };
        let server = ImapServer::log_in((host, port), self.tls, &self.login, &password).await?;
        Ok(server.with_names(&self.prefix, &self.except))
    }

    fn address(&self) -> Result<(&str, u16), Failure> {
        let usual = if self.tls == Tls::Implicit { 993 } else { 143 };
        let (host, port) = match self.server.rsplit_once(':') {
            Some((host, port)) if !host.contains(':') || host.ends_with(']') => (host, Some(port)),
            _ => (&self.server[..], None),
        };
        let host = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'))
            .unwrap_or(host);
        let port = port
            .map(|port| port.parse().map_err(|_| format!("{port} is no port")))
            .transpose()?;
        Ok((host, port.unwrap_or(usual)))
    }

    fn ask(&self) -> Result<String, Failure> {
        if !io::stdin().is_terminal() {
            return Err("there is no terminal to ask for the password: give it by --password-file".into());
        }
        Ok(rpassword::prompt_password(format!(
            "Password of {} there: ",
            self.login
        ))?)
    }
}

fn is_here(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn first_line(file: &Path) -> Result<String, Failure> {
    let text =
        fs::read_to_string(file).map_err(|error| format!("cannot read {}: {error}", file.display()))?;
    Ok(text.lines().next().unwrap_or_default().to_owned())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        server: ServerArgs,
    }

    #[test]
    fn the_port_is_that_of_the_protection_unless_it_is_said() {
        for (server, tls, expected) in [
            ("mail.example", "implicit", ("mail.example", 993)),
            ("mail.example", "starttls", ("mail.example", 143)),
            ("mail.example:1143", "none", ("mail.example", 1143)),
            ("::1", "none", ("::1", 143)),
            ("[::1]:1143", "none", ("::1", 1143)),
        ] {
            let line = Line::parse_from(["import", server, "--login", "ada", "--tls", tls]);
            assert_eq!(line.server.address().unwrap(), expected, "{server}");
        }
        let line = Line::parse_from(["import", "mail.example:x", "--login", "ada"]);
        assert!(line.server.address().is_err());
    }
}
