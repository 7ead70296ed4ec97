//! What a large mailbox costs: the first listing, SELECT, a listing in which nothing is new, and one with a few messages.

use super::backend::Account;
use super::rest::Rest;
use super::server::{Faults, RestServer};
use imap_backend::*;
use imap_backendutil_examples::Client;
use imap_poller::Pace;
use imap_server::Server;
use imap_updates::Access;
use std::error::Error;
use std::time::Instant;

pub(crate) async fn measure(messages: u64) -> Result<(), Box<dyn Error>> {
    let store = RestServer::start().await?;
    store.deliver(messages);
    let journals = tempfile::tempdir()?;
    let mut account = Account::new(Rest::new(&store.url()), journals.path().into(), Pace::default());
    let inbox = MailboxName::inbox();
    let select = Select::new(Access::ReadWrite);

    let watch = Watch::start();
    let mut opened = account.select(&inbox, &select).await?.into_parts().0;
    watch.report(&format!("first listing of {messages} messages, in pages of a thousand"));
    let journal = std::fs::metadata(journals.path().join("INBOX.uids"))?.len();
    println!("  journal {} octets a message", journal / messages.max(1));

    let server = Server::builder(account.clone()).build();
    let mut client = Client::connect(&server, "Ann").await?;
    let mut times = vec![];
    for _ in 0..101 {
        let start = Instant::now();
        client.quietly("SELECT INBOX").await?;
        times.push(start.elapsed());
    }
    times.sort();
    println!("SELECT by a client: median {:.2?}, longest of 101 {:.2?}", times[50], times[100]);

    for news in [0, 0, 10] {
        store.deliver(news);
        let watch = Watch::start();
        opened.poll(PollReason::Asked).await?;
        watch.report(&format!("listing with {news} new messages"));
    }
    store.set_faults(Faults { repeated: true, ..Faults::default() });
    let watch = Watch::start();
    opened.poll(PollReason::Asked).await?;
    watch.report("listing whose pages repeat messages, in another order");
    for _ in 0..2 {
        store.remove_first();
        let watch = Watch::start();
        opened.poll(PollReason::Asked).await?;
        watch.report("listing with one message less");
    }
    drop((opened, client, server, account));
    let mut again = Account::new(Rest::new(&store.url()), journals.path().into(), Pace::default());
    let watch = Watch::start();
    again.select(&inbox, &select).await?;
    watch.report("the same after a restart, with the journal");
    Ok(())
}

/// Time and memory since some moment.
struct Watch {
    start: Instant,
    resident: i64,
}

impl Watch {
    fn start() -> Self {
        // From now on the kernel takes down the peak anew.
        let _ = std::fs::write("/proc/self/clear_refs", "5");
        Self { start: Instant::now(), resident: kibibytes("VmRSS:") }
    }

    fn report(&self, what: &str) {
        let (stays, peak) = (kibibytes("VmRSS:") - self.resident, kibibytes("VmHWM:") - self.resident);
        println!("{what}: {:.2?}; memory +{stays} KiB, at the peak +{peak} KiB", self.start.elapsed());
    }
}

/// A figure of this process; 0 where the system does not say.
fn kibibytes(name: &str) -> i64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}
