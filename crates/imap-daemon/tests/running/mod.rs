//! A server program that runs, and a client that speaks in lines. Shared with the tests of the programs.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

/// Longer than anything takes on a busy machine; only a failing test waits that long.
const PATIENCE: Duration = Duration::from_secs(30);

/// A server that is killed when the test forgets it.
pub struct Running {
    child: Child,
    stdout: BufReader<ChildStdout>,
    pub address: SocketAddr,
    /// What was printed up to and with the address.
    pub greeting: String,
}

impl Running {
    /// Starts a program and waits until it prints where it listens.
    pub fn start(mut command: Command) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut greeting = String::new();
        let address = loop {
            let mut line = String::new();
            assert!(
                stdout.read_line(&mut line).unwrap() > 0,
                "ended without an address: {greeting}"
            );
            greeting += &line;
            if let Some(address) = line.trim().strip_prefix("listening on ") {
                break address.trim_end_matches(" (TLS)").parse().unwrap();
            }
        };
        Self {
            child,
            stdout,
            address,
            greeting,
        }
    }

    /// Reads what is printed until a line begins so.
    pub fn printed_until(&mut self, beginning: &str) -> String {
        let mut printed = String::new();
        while !printed.lines().last().unwrap_or_default().starts_with(beginning) {
            assert!(
                self.stdout.read_line(&mut printed).unwrap() > 0,
                "no {beginning} in:\n{printed}"
            );
        }
        printed
    }

    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    /// The process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits for the end; gives the exit code and what else was printed on standard output.
    pub fn end(mut self) -> (Option<i32>, String) {
        let mut rest = String::new();
        self.stdout.read_to_string(&mut rest).unwrap();
        (self.child.wait().unwrap().code(), rest)
    }

    pub fn connect(&self) -> Client<TcpStream> {
        let mut client = Client::over(socket(self.address));
        let greeting = client.line();
        assert!(greeting.starts_with("* OK "), "{greeting}");
        client
    }

    pub fn login(&self, user: &str, password: &str) -> Client<TcpStream> {
        let mut client = self.connect();
        client.ok(&format!("LOGIN {user} {password}"));
        client
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It has ended already where the test waited for it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn socket(address: SocketAddr) -> TcpStream {
    let socket = TcpStream::connect(address).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket
}

/// One connection, commands one after the other.
pub struct Client<S> {
    stream: BufReader<S>,
    tag: u32,
}

impl<S: Read + Write> Client<S> {
    pub fn over(stream: S) -> Self {
        Self {
            stream: BufReader::new(stream),
            tag: 0,
        }
    }

    /// The stream below; what was read ahead must have been used up.
    pub fn into_stream(self) -> S {
        assert!(self.stream.buffer().is_empty());
        self.stream.into_inner()
    }

    pub fn send(&mut self, text: &str) {
        self.stream.get_mut().write_all(text.as_bytes()).unwrap();
        self.stream.get_mut().flush().unwrap();
    }

    /// One line without its line break; empty at the end of the connection.
    pub fn line(&mut self) -> String {
        self.line_or_end().unwrap_or_default()
    }

    /// One line without its line break; `None` at the end of the connection.
    pub fn line_or_end(&mut self) -> Option<String> {
        let mut line = Vec::new();
        let read = self.stream.read_until(b'\n', &mut line).unwrap();
        (read > 0).then(|| String::from_utf8_lossy(&line).trim_end().to_owned())
    }

    pub fn next_tag(&mut self) -> String {
        self.tag += 1;
        format!("t{}", self.tag)
    }

    /// Lines until one begins so; that one is the last.
    pub fn until(&mut self, beginning: &str) -> String {
        let mut lines = String::new();
        loop {
            // A message has empty lines too.
            let line = self.line_or_end();
            let line = line.unwrap_or_else(|| panic!("closed after:\n{lines}"));
            lines += &format!("{line}\n");
            if line.starts_with(beginning) {
                return lines;
            }
        }
    }

    /// Sends a command; gives all lines up to its completion.
    pub fn command(&mut self, command: &str) -> String {
        let tag = self.next_tag();
        self.send(&format!("{tag} {command}\r\n"));
        self.until(&format!("{tag} "))
    }

    /// Sends a command that must be answered OK.
    pub fn ok(&mut self, command: &str) -> String {
        let answer = self.command(command);
        assert!(
            answer
                .lines()
                .last()
                .unwrap()
                .starts_with(&format!("t{} OK", self.tag)),
            "{command}:\n{answer}"
        );
        answer
    }
}
