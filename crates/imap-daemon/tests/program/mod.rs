//! A program as a script sees it: arguments, standard streams, exit codes. Shared by the tests of the programs.

use std::io::Write;
use std::process::{Command, Output, Stdio};

/// The path of a program.
#[derive(Clone, Copy)]
pub struct Program(pub &'static str);

impl Program {
    /// Runs it to its end.
    pub fn run(self, arguments: &[&str], stdin: &str) -> Output {
        let mut child = Command::new(self.0)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A program that refuses its arguments does not read.
        let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
        child.wait_with_output().unwrap()
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
