//! How far a transfer is.

use std::io::{self, IsTerminal, Write};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::Failure;
use crate::target::Delivered;

/// So many messages are between two lines, where there is no terminal for a bar.
const LINES: u64 = 1000;

/// What amounts count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Messages.
    Messages,
    /// Octets of files.
    Octets,
}

/// What became of the messages so far; says so on standard error, by a bar where that is a terminal.
#[derive(Debug)]
pub struct Progress {
    /// What is done with them.
    doing: &'static str,
    stored: u64,
    skipped: u64,
    left_out: u64,
    bar: ProgressBar,
}

impl Progress {
    /// Nothing has happened yet.
    #[must_use]
    pub fn new(doing: &'static str) -> Self {
        Self {
            doing,
            stored: 0,
            skipped: 0,
            left_out: 0,
            bar: ProgressBar::hidden(),
        }
    }

    /// How it ends.
    ///
    /// # Errors
    /// Messages were left out.
    pub fn outcome(&self) -> Result<(), Failure> {
        match self.left_out {
            0 => Ok(()),
            left_out => Err(format!("messages left out: {left_out}").into()),
        }
    }

    /// So much is to be looked at.
    pub(crate) fn expect(&mut self, amount: u64, unit: Unit) {
        if !io::stderr().is_terminal() {
            return;
        }
        let place = match unit {
            Unit::Messages => "{human_pos} of {human_len}",
            Unit::Octets => "{bytes} of {total_bytes}",
        };
        let template = format!("{{bar:40}} {place}, {{eta}} to go; {{msg}}");
        if let Ok(style) = ProgressStyle::with_template(&template) {
            self.bar = ProgressBar::with_draw_target(Some(amount), ProgressDrawTarget::stderr_with_hz(5));
            self.bar.set_style(style);
        }
    }

    /// This has become of a message, and of so much of what is to be looked at.
    pub(crate) fn count(&mut self, delivered: &Delivered, amount: u64) {
        match delivered {
            Delivered::Stored => self.stored += 1,
            Delivered::TakenBefore => self.skipped += 1,
            Delivered::Refused(_) => self.left_out += 1,
        }
        self.bar.inc(amount);
        let is_hidden = self.bar.is_hidden();
        if !is_hidden {
            self.bar.set_message(self.figures());
        } else if (self.stored + self.skipped + self.left_out).is_multiple_of(LINES) {
            self.say(&format!("{} so far: {}", self.doing, self.figures()));
        }
    }

    /// Says something, beside the bar.
    pub(crate) fn say(&self, line: &str) {
        // Who closed standard error does not want to know.
        self.bar.suspend(|| drop(writeln!(io::stderr(), "{line}")));
    }

    fn figures(&self) -> String {
        let left_out = match self.left_out {
            0 => String::new(),
            left_out => format!(", {left_out} left out"),
        };
        let (stored, skipped) = (self.stored, self.skipped);
        format!("{stored} messages, {skipped} that were there before{left_out}")
    }
}

impl Drop for Progress {
    /// Also where it ends in the middle: what is stored stays.
    fn drop(&mut self) {
        self.bar.finish_and_clear();
        self.say(&format!("{} in all: {}", self.doing, self.figures()));
    }
}
