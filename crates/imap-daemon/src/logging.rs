//! Where log lines go and how they look: standard error, as text or as one JSON object a line.

use std::io::{self, IsTerminal};
use std::str::FromStr;

use clap::ValueEnum;
use serde::Deserialize;
use tracing_subscriber::EnvFilter;

/// How a log line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people; in colour on a terminal.
    #[default]
    Text,
    /// One JSON object a line, for log collectors.
    Json,
}

/// What is logged: `off`, `error`, `warn`, `info`, `debug` or `trace`, or a list by module such as
/// `info,imap_server=debug`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct LogLevel(String);

impl Default for LogLevel {
    fn default() -> Self {
        Self("info".to_owned())
    }
}

impl FromStr for LogLevel {
    type Err = String;

    fn from_str(level: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "{level:?} is no log level: use off, error, warn, info, debug or trace, \
                 or a list by module such as info,imap_server=debug"
            )
        };
        // An empty word parses, as `error`.
        let known = |level: &str| {
            !level.is_empty() && level.parse::<tracing_subscriber::filter::LevelFilter>().is_ok()
        };
        // EnvFilter takes any word for a module's name and would turn a misspelt level into silence.
        let directive = |part: &str| match part.split_once('=') {
            Some((module, level)) => !module.is_empty() && known(level),
            None => known(part),
        };
        if level.split(',').all(directive) && EnvFilter::try_new(level).is_ok() {
            Ok(Self(level.to_owned()))
        } else {
            Err(wrong())
        }
    }
}

impl TryFrom<String> for LogLevel {
    type Error = String;

    fn try_from(level: String) -> Result<Self, String> {
        level.parse()
    }
}

/// Starts logging for the whole process. A second call changes nothing.
pub fn init(level: &LogLevel, format: LogFormat) {
    let lines = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(&level.0))
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal());
    let started = match format {
        LogFormat::Text => lines.try_init(),
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
    };
    // Fails only when a logger is there already: then the lines go to that one.
    drop(started);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn misspelt_levels_are_refused_instead_of_read_as_module_names() {
        for bad in [
            "",
            "verbose",
            "infoo",
            "imap_server",
            "imap_server=loud",
            "info,",
            "=debug",
            "info debug",
        ] {
            assert!(bad.parse::<LogLevel>().is_err(), "{bad:?}");
        }
        for good in [
            "off",
            "info",
            "WARN",
            "warn,imap_server=debug",
            "info,imap_maildir=trace",
        ] {
            assert!(good.parse::<LogLevel>().is_ok(), "{good:?}");
        }
    }
}
