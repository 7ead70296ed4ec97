//! What the demo prints when it is ready.

use std::net::SocketAddr;

use imap_demo::{Greeting, quoted};

use crate::store::Store;

/// The text, with commands that can be copied into another terminal.
pub(crate) fn greeting(store: &Store, address: SocketAddr) -> String {
    let maildir = quoted(&store.maildir());
    let greeting = Greeting {
        program: "maildird-demo",
        folder: store.folder(),
        history: store.history(),
        address,
        deliver: "drop one into the Maildir",
        command: format!(
            "(cd {maildir} && f=$(date +%s).$$.hello && \
             printf 'From: you@example.org\\nSubject: Hello\\n\\nIt works.\\n' >tmp/$f && mv tmp/$f new/)"
        ),
    };
    greeting.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

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
