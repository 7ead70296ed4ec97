//! What the demo prints when it is ready: what to type next.

use std::net::SocketAddr;
use std::path::Path;

use crate::store::{History, Store, USER};

/// The text, with commands that can be copied into another terminal.
pub(crate) fn greeting(store: &Store, address: SocketAddr) -> String {
    let folder = store.folder().display();
    let history = match store.history() {
        History::New { messages, mailboxes } => {
            format!("{messages} messages in {mailboxes} mailboxes, made in {folder}")
        }
        History::Kept => format!("the mail in {folder}, as the last run left it"),
    };
    let certificate = quoted(&store.tls().certificate);
    let maildir = quoted(&store.maildir());
    let (ip, port) = (address.ip(), address.port());
    format!(
        "maildird-demo: {history}
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

and in a third terminal drop one into the Maildir:

  (cd {maildir} && f=$(date +%s).$$.hello && printf 'From: you@example.org\\nSubject: Hello\\n\\nIt works.\\n' >tmp/$f && mv tmp/$f new/)

To stop: Ctrl-C. To begin anew: stop, then delete {folder}.
"
    )
}

/// A path that the shell takes as one word.
fn quoted(path: &Path) -> String {
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

    #[test]
    fn the_printed_line_drops_a_message_into_the_maildir() {
        let parent = tempfile::tempdir().unwrap();
        let store = Store::open(&parent.path().join("with space")).unwrap();
        let text = greeting(&store, "127.0.0.1:1143".parse().unwrap());
        let line = text.lines().find(|line| line.contains("mv tmp/$f")).unwrap();
        assert!(
            std::process::Command::new("sh")
                .arg("-c")
                .arg(line)
                .status()
                .unwrap()
                .success()
        );
        let new = std::fs::read_dir(store.maildir().join("new")).unwrap();
        let dropped = new
            .map(|entry| entry.unwrap().path())
            .find(|path| path.extension().is_some_and(|end| end == "hello"));
        let content = std::fs::read_to_string(dropped.unwrap()).unwrap();
        assert_eq!(content, "From: you@example.org\nSubject: Hello\n\nIt works.\n");
    }
}
