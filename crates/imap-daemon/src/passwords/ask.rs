//! Where a command gets a new password from.

use std::io::{self, IsTerminal, Read};

use clap::Args;

use super::Password;
use crate::Failure;

/// The most that is read of standard input: beyond what a password can be.
const MOST: u64 = 1 << 20;

/// The flag `--password-stdin`; without it the password is asked for.
#[derive(Debug, Clone, Copy, Args)]
pub struct PasswordSource {
    /// Read the password from standard input (one line break at its end is left off) instead of asking for it
    #[arg(long)]
    password_stdin: bool,
}

impl PasswordSource {
    /// The new password of `name`: from standard input, or asked for twice.
    ///
    /// # Errors
    /// There is no terminal to ask on, the two answers differ, or it is none that may be stored.
    pub fn password(self, name: &str) -> Result<Password, Failure> {
        if self.password_stdin {
            let mut text = String::new();
            io::stdin().take(MOST).read_to_string(&mut text)?;
            let line = text
                .strip_suffix('\n')
                .map(|line| line.strip_suffix('\r').unwrap_or(line));
            return Ok(line.unwrap_or(&text).parse()?);
        }
        if !io::stdin().is_terminal() {
            return Err("there is no terminal to ask for the password: give it by --password-stdin".into());
        }
        let first = rpassword::prompt_password(format!("Password for {name}: "))?;
        let password = first.parse()?;
        if rpassword::prompt_password("The same again: ")? != first {
            return Err("the two passwords differ; nothing was changed".into());
        }
        Ok(password)
    }
}
