//! The end of a server that is busy: neither a signal nor the exit waits for work that does not look up.

#![allow(clippy::unwrap_used, reason = "a helper of a test may panic like the test")]
#![allow(unreachable_pub, dead_code, reason = "helpers are shared by files")]

mod running;

use std::process::Command;
use std::thread;
use std::time::Duration;

use imap_backend::{Backend, Credentials, LoginError, Peer};
use imap_backend_test::MemorySession;
use imap_daemon::server::{Listening, Plan, Start, block_on};
use imap_server::Limits;
use running::Running;
use rustix::process::Signal;

/// Set for the process that [`a_server_that_keeps_its_only_thread_busy`] is meant for.
const STOP_TIME: &str = "IMAP_DAEMON_TEST_STOP_TIME_MS";

/// The server ends itself with this code if nothing else has ended it for long.
const FORGOTTEN: i32 = 3;

/// A backend that never gives its thread back.
struct Busy;

impl Backend for Busy {
    type Session = MemorySession;

    async fn login(&self, _: &Peer, _: Credentials) -> Result<MemorySession, LoginError> {
        println!("busy");
        loop {
            thread::park();
        }
    }
}

/// Not a test by itself: the process of those below.
#[test]
fn a_server_that_keeps_its_only_thread_busy() {
    let Ok(stop_time) = std::env::var(STOP_TIME) else {
        return;
    };
    thread::spawn(|| {
        thread::sleep(Duration::from_secs(60));
        std::process::exit(FORGOTTEN);
    });
    let mut limits = Limits::default();
    limits.stop_time = Duration::from_millis(stop_time.parse().unwrap());
    let serve = async {
        let listening = Listening::on("127.0.0.1:0".parse().unwrap(), Start::Plain).await?;
        // The test harness may have begun the line.
        let ready = format!("\n{listening}\n");
        Plan::new(vec![listening])
            .limits(limits)
            .serve(Busy, &ready)
            .await
    };
    block_on(serve).unwrap();
}

/// The server above, with its one thread taken by a login.
fn busy(stop_time: Duration) -> Running {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args([
            "--exact",
            "a_server_that_keeps_its_only_thread_busy",
            "--nocapture",
        ])
        .env("TOKIO_WORKER_THREADS", "1")
        .env(STOP_TIME, stop_time.as_millis().to_string());
    let mut server = Running::start(command);
    server.connect().send("a LOGIN joe secret\r\n");
    server.printed_until("busy");
    server
}

#[test]
fn t2_a_stop_takes_no_longer_than_its_time_whatever_runs() {
    let server = busy(Duration::from_millis(100));
    server.signal(Signal::TERM);
    assert_eq!(server.end().0, Some(0));
}

#[test]
fn t2_a_second_signal_ends_a_server_that_is_busy() {
    let server = busy(Duration::from_secs(3600));
    server.signal(Signal::TERM);
    server.signal(Signal::INT);
    assert_eq!(server.end().0, Some(130));
}
