//! How long it takes until a server has greeted its first client.
//!
//! ```sh
//! cargo run -p imap-test-server --example start
//! ```

use imap_test_server::TestServer;
use std::error::Error;
use std::io::Read;
use std::net::TcpStream;
use std::time::{Duration, Instant};

const SERVERS: usize = 1000;

fn main() -> Result<(), Box<dyn Error>> {
    let (mut started, mut greeted) = (Vec::new(), Vec::new());
    for _ in 0..SERVERS {
        let begin = Instant::now();
        let server = TestServer::builder()
            .mailbox("INBOX", ["Subject: hello\n\nText\n"])
            .start();
        started.push(begin.elapsed());
        TcpStream::connect(server.address())?.read_exact(&mut [0; 4])?;
        greeted.push(begin.elapsed());
    }
    println!(
        "started: {:?}; a client greeted: {:?}",
        median(&mut started),
        median(&mut greeted)
    );
    Ok(())
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort();
    times[times.len() / 2]
}
