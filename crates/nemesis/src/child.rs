//! Processes of the harness's own program, which end with it.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

/// Another process of this program. It is killed when this is dropped, and ends by itself when this process ends in another
/// way: its standard input ends then.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    output: BufReader<std::process::ChildStdout>,
}

impl Process {
    /// Starts this program with other arguments. What it complains about is added to the file `log`.
    pub(crate) fn start(arguments: &[&str], environment: &[(&str, String)], log: &Path) -> io::Result<Self> {
        let log = File::options().create(true).append(true).open(log)?;
        let mut command = Command::new(std::env::current_exe()?);
        command
            .args(arguments)
            .envs(environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            // Ctrl-C in a terminal is for the harness. And the system wakes a stopped process whose group is left alone.
            .process_group(0);
        let mut child = command.spawn()?;
        let output = child.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
        Ok(Self {
            child,
            output: BufReader::new(output),
        })
    }

    /// The next line that it prints; empty when there is none. Blocks.
    pub(crate) fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        Ok(line.trim().to_owned())
    }

    /// All lines until it ends, if it ended well. Blocks.
    pub(crate) fn finish(mut self) -> io::Result<Option<Vec<String>>> {
        let lines = (&mut self.output).lines().collect::<io::Result<Vec<_>>>()?;
        Ok(self.child.wait()?.success().then_some(lines))
    }

    /// Its number, to be signalled with while this is there.
    pub(crate) fn id(&self) -> Option<Pid> {
        Pid::from_raw(i32::try_from(self.child.id()).ok()?)
    }

    /// Stops it where it is.
    pub(crate) fn pause(&self) {
        self.signal(Signal::STOP);
    }

    pub(crate) fn resume(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        if let Some(process) = self.id() {
            let _ = kill_process(process, signal);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
