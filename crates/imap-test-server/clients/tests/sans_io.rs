//! `imap-next` and `io-imap`: clients that leave the socket to their user.

use imap_next::client::{Client, Event, Options};
use imap_next::imap_types::command::{Command, CommandBody};
use imap_next::imap_types::core::Tag;
use imap_next::{Interrupt, Io};
use imap_test_server::TestServer;
use io_imap::client::{ImapClient, ImapClientStd, ImapStream};
use std::any::Any;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// The next event, with what the client wants read and written.
fn next(client: &mut Client, stream: &mut TcpStream) -> Event {
    use imap_next::State;
    loop {
        match client.next() {
            Ok(event) => return event,
            Err(Interrupt::Io(Io::NeedMoreInput)) => {
                let mut octets = [0; 128];
                let count = stream.read(&mut octets).unwrap();
                client.enqueue_input(&octets[..count]);
            }
            Err(Interrupt::Io(Io::Output(octets))) => stream.write_all(&octets).unwrap(),
            Err(Interrupt::Error(error)) => panic!("{error:?}"),
        }
    }
}

#[test]
fn imap_next_logs_in_whatever_the_pieces_in_which_it_is_answered() {
    let server = TestServer::builder()
        .account("Al¹cE", "pa²²w0rd")
        .in_pieces_of(3)
        .start();
    let mut stream = TcpStream::connect(server.address()).unwrap();
    let mut client = Client::new(Options::default());
    assert!(matches!(
        next(&mut client, &mut stream),
        Event::GreetingReceived { .. }
    ));
    client.enqueue_command(Command {
        tag: Tag::try_from("A1").unwrap(),
        body: CommandBody::login("Al¹cE", "pa²²w0rd").unwrap(),
    });
    loop {
        if let Event::StatusReceived { status } = next(&mut client, &mut stream) {
            return assert!(format!("{status:?}").contains("kind: Ok"), "{status:?}");
        }
    }
}

/// A socket, as `io-imap` wants it.
struct Socket(TcpStream);

impl Read for Socket {
    fn read(&mut self, octets: &mut [u8]) -> io::Result<usize> {
        self.0.read(octets)
    }
}

impl Write for Socket {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.0.write(octets)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl ImapStream for Socket {
    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }

    fn set_read_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.0.set_read_timeout(timeout)
    }
}

#[test]
fn io_imap_selects_a_mailbox() {
    let server = TestServer::builder()
        .mailbox("INBOX", ["Subject: one\n\nHello\n"])
        .start();
    let mut client = ImapClientStd::new(Socket(TcpStream::connect(server.address()).unwrap()));
    client.greeting().unwrap();
    client.login("joe", "secret", Default::default()).unwrap();
    client
        .select("INBOX".try_into().unwrap(), Default::default())
        .unwrap();
    server.told("* 1 EXISTS").wait();
    client.logout().unwrap();
}
