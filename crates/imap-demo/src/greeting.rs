//! What a demo prints when it is ready: what to type next.

use std::fmt;
use std::net::SocketAddr;
use std::path::Path;

use crate::{Folder, USER};

/// Whether the mail was there before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum History {
    /// It was made just now.
    New {
        /// In all mailboxes.
        messages: usize,
        /// INBOX counts.
        mailboxes: usize,
    },
    /// It is as the last run left it.
    Kept,
}

/// The text, with commands that can be copied into another terminal.
#[derive(Debug)]
pub struct Greeting<'a> {
    /// The name of the program that prints it.
    pub program: &'static str,
    /// The demo's folder.
    pub folder: &'a Folder,
    /// Whether the mail was there before.
    pub history: History,
    /// Where the server listens.
    pub address: SocketAddr,
    /// What to do for a message to arrive, such as `drop one into the Maildir`.
    pub deliver: &'static str,
    /// The command that does so.
    pub command: String,
}

impl fmt::Display for Greeting<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            program,
            address,
            deliver,
            command,
            ..
        } = self;
        let folder = self.folder.path().display();
        let history = match self.history {
            History::New { messages, mailboxes } => {
                format!("{messages} messages in {mailboxes} mailboxes, made in {folder}")
            }
            History::Kept => format!("the mail in {folder}, as the last run left it"),
        };
        let certificate = quoted(&self.folder.tls().certificate);
        let (ip, port) = (address.ip(), address.port());
        write!(
            f,
        "{program}: {history}
listening on {address}

In another terminal:

  the mailboxes            curl -u {USER}:{USER} imap://{address}/
  a message                curl -u {USER}:{USER} 'imap://{address}/INBOX;MAILINDEX=1'
  the unread ones          curl -u {USER}:{USER} imap://{address}/INBOX -X 'SEARCH UNSEEN'
  the same by STARTTLS     curl -u {USER}:{USER} --ssl-reqd --cacert {certificate} imap://{address}/

In a mail program: IMAP, server {ip}, port {port}, user {USER}, password {USER}, STARTTLS (the certificate is
self-made: accept it) or no encryption.

To watch a message arrive, open INBOX there, or wait for it here:

  bash -c \"exec 3<>/dev/tcp/{ip}/{port}; printf 'a LOGIN {USER} {USER}\\r\\nb SELECT INBOX\\r\\nc IDLE\\r\\n' >&3; cat <&3\"

and in a third terminal {deliver}:

  {command}

To stop: Ctrl-C. To begin anew: stop, then delete {folder}.
"
        )
    }
}

/// A path that the shell takes as one word.
pub fn quoted(path: &Path) -> String {
    let path = path.display().to_string();
    let plain = |octet: u8| octet.is_ascii_alphanumeric() || b"/._-+".contains(&octet);
    if path.bytes().all(plain) {
        path
    } else {
        format!("'{}'", path.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_with_spaces_and_quotes_stay_one_word_of_the_shell() {
        assert_eq!(quoted(Path::new("/a/b-c.pem")), "/a/b-c.pem");
        let odd = "/it's $HOME/new mail";
        let echo = format!("printf %s {}", quoted(Path::new(odd)));
        let said = std::process::Command::new("sh")
            .arg("-c")
            .arg(echo)
            .output()
            .unwrap();
        assert_eq!(String::from_utf8(said.stdout).unwrap(), odd);
    }
}
