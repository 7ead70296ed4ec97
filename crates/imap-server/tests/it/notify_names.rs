//! What NOTIFY tells of names where mailboxes have no ids by which they are known again (RFC 5465, section 5.4).

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use imap_backend::{Error, ErrorKind, MailboxName};
use imap_server::Server;

use crate::common::stub::{Stub, StubStore};
use crate::common::{Client, connect, local};

/// Has names that can be changed, and nothing else.
#[derive(Clone)]
struct Names(Arc<Mutex<BTreeSet<String>>>);

impl Names {
    fn new<'n>(names: impl IntoIterator<Item = &'n str>) -> Self {
        let names = names.into_iter().map(str::to_owned).collect();
        Self(Arc::new(Mutex::new(names)))
    }
}

impl Stub for Names {
    fn names(&self) -> Vec<MailboxName> {
        let names = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        names.iter().filter_map(|name| MailboxName::new(name)).collect()
    }

    fn rename(&self, from: &MailboxName, to: &MailboxName) -> Result<(), Error> {
        let mut names = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !names.contains(from.as_str()) {
            return Err(ErrorKind::NonExistent.into());
        }
        let renamed = names.iter().map(|name| match name.strip_prefix(from.as_str()) {
            Some(rest) if rest.is_empty() || rest.starts_with('/') => format!("{to}{rest}"),
            _ => name.clone(),
        });
        *names = renamed.collect();
        Ok(())
    }
}

async fn client(server: &Server<StubStore<Names>>) -> Client {
    let mut client = connect(server, local(), &imap_server::Shutdown::new());
    client.line().await;
    client.ok("LOGIN joe secret").await;
    client
}

#[tokio::test(start_paused = true)]
async fn rfc5465_5_4_a_rename_is_told_as_one_where_mailboxes_have_no_ids() {
    let names = Names::new(["INBOX", "a", "a/below", "other"]);
    let server = Server::builder(StubStore::new(names, [])).build();
    let (mut watching, mut busy) = (client(&server).await, client(&server).await);
    watching.ok("NOTIFY SET (personal (MailboxName))").await;
    busy.ok("RENAME a b").await;
    busy.command("RENAME nothing other").await;
    let told = watching.ok("NOOP").await;
    assert_eq!(
        told,
        [
            "* LIST (\\HasChildren \\Subscribed) \"/\" b (\"OLDNAME\" (a))",
            "OK NOOP completed"
        ]
    );
    // Nothing of it is left over.
    assert_eq!(watching.ok("NOOP").await, ["OK NOOP completed"]);
}
