//! A program as a script sees it: arguments, standard streams, exit codes. Shared by the tests of the programs.

use std::io::Write;
use std::process::{Command, Output, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

/// Longer than anything takes on a busy machine; only a failing test waits that long.
const PATIENCE: Duration = Duration::from_secs(60);

/// The path of a program.
#[derive(Clone, Copy)]
pub struct Program(pub &'static str);

impl Program {
    /// Runs it to its end. One that does not end, as a server that should have been refused, is ended and fails the test.
    pub fn run(self, arguments: &[&str], stdin: &str) -> Output {
        self.run_with(&[], arguments, stdin)
    }

    /// The same, with variables of its environment.
    pub fn run_with(self, variables: &[(&str, &str)], arguments: &[&str], stdin: &str) -> Output {
        let mut child = Command::new(self.0)
            .args(arguments)
            .envs(variables.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A program that refuses its arguments does not read.
        let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
        let pid = Pid::from_child(&child);
        let (ended, end) = mpsc::channel();
        thread::spawn(move || ended.send(child.wait_with_output()));
        end.recv_timeout(PATIENCE)
            .map(Result::unwrap)
            .unwrap_or_else(|_| {
                kill_process(pid, Signal::KILL).unwrap();
                panic!("{arguments:?} does not end");
            })
    }

    /// Runs and expects success; gives standard output.
    pub fn works(self, arguments: &[&str], stdin: &str) -> String {
        let output = self.run(arguments, stdin);
        assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
        text(&output.stdout)
    }

    /// Runs and expects that exit code; gives standard error.
    pub fn fails(self, code: i32, arguments: &[&str], stdin: &str) -> String {
        let output = self.run(arguments, stdin);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        assert_eq!(
            text(&output.stdout),
            "",
            "{arguments:?}: errors go to standard error"
        );
        said
    }
}

pub fn text(octets: &[u8]) -> String {
    String::from_utf8(octets.to_vec()).unwrap()
}
