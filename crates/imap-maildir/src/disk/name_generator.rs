//! New base names for message files.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// Makes base names that nobody else makes: unique among processes, hosts and containers that share a host name.
#[derive(Debug)]
pub(crate) struct NameGenerator {
    host: String,
    process: u32,
    /// Containers all have process 1 and may share a host name: a random part per generator tells them apart.
    random: u32,
    count: AtomicU64,
    /// Microseconds since the epoch of the latest name, so that later names sort later when the clock steps back.
    latest: AtomicU64,
}

impl NameGenerator {
    /// A generator for this process.
    ///
    /// # Errors
    /// When the system has no randomness to give.
    pub(crate) fn new() -> io::Result<Self> {
        let mut random = [0; 4];
        crate::disk::random::fill(&mut random)?;
        let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
        Ok(Self::with(&host, std::process::id(), u32::from_ne_bytes(random)))
    }

    fn with(host: &str, process: u32, random: u32) -> Self {
        let host = host
            .replace('/', "\\057")
            .replace(':', "\\072")
            .replace(',', "\\054");
        Self {
            host,
            process,
            random,
            count: AtomicU64::new(0),
            latest: AtomicU64::new(0),
        }
    }

    /// A new base name, later in [arrival order](crate::format::file_name::arrival_order) than all before it, or equal and later by count.
    #[must_use]
    pub(crate) fn next(&self) -> Vec<u8> {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = u64::try_from(since.as_micros()).unwrap_or(u64::MAX);
        let before = self.latest.fetch_max(now + 1, Ordering::Relaxed);
        let micros = if before > now {
            self.latest.fetch_add(1, Ordering::Relaxed)
        } else {
            now
        };
        let count = self.count.fetch_add(1, Ordering::Relaxed);
        format!(
            "{}.M{:06}P{}Q{}R{:08x}.{}",
            micros / 1_000_000,
            micros % 1_000_000,
            self.process,
            count,
            self.random,
            self.host
        )
        .into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::file_name::{arrival_order, is_message_name};
    use std::collections::HashSet;

    #[test]
    fn names_are_unique_and_ascend_in_arrival_order() {
        let generator = NameGenerator::with("a/b:c,d", 7, 9);
        let names: Vec<_> = (0..2000).map(|_| generator.next()).collect();
        assert_eq!(names.iter().collect::<HashSet<_>>().len(), names.len());
        assert!(
            names
                .windows(2)
                .all(|pair| arrival_order(&pair[0]) < arrival_order(&pair[1]))
        );
        assert!(
            names[0].ends_with(b".a\\057b\\072c\\054d"),
            "{}",
            String::from_utf8_lossy(&names[0])
        );
        assert!(names.iter().all(|name| is_message_name(name)));
    }

    #[test]
    fn two_processes_with_the_same_number_and_host_make_different_names() {
        let (one, two) = (NameGenerator::new().unwrap(), NameGenerator::new().unwrap());
        assert_ne!(one.random, two.random);
    }
}
