//! Somebody else on the same server, who notices how long it takes.

use std::fmt;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{JoinHandle, sleep};
use std::time::{Duration, Instant};

use crate::client::Client;
use crate::server::{BYSTANDER, Server};

/// A user who sends a NOOP every 50 ms.
pub(crate) struct Innocent {
    times: Arc<Mutex<Vec<Duration>>>,
    stop: Arc<AtomicBool>,
    thread: JoinHandle<io::Result<()>>,
}

impl Innocent {
    pub(crate) fn start(server: &Server) -> io::Result<Self> {
        let mut client = Client::of(server, BYSTANDER)?;
        client.command("SELECT INBOX")?;
        let (times, stop) = (Arc::<Mutex<Vec<_>>>::default(), Arc::new(AtomicBool::new(false)));
        let (noted, stopped) = (Arc::clone(&times), Arc::clone(&stop));
        let thread = std::thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                let began = Instant::now();
                client.command("NOOP")?;
                noted
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push(began.elapsed());
                sleep(Duration::from_millis(50));
            }
            Ok(())
        });
        Ok(Self { times, stop, thread })
    }

    /// What it has noticed so far does not count.
    pub(crate) fn forget(&self) {
        self.times.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// What it has noticed.
    pub(crate) fn stop(self) -> io::Result<Times> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread
            .join()
            .map_err(|_| io::Error::other("the innocent panicked"))??;
        let mut times = std::mem::take(&mut *self.times.lock().unwrap_or_else(PoisonError::into_inner));
        times.sort_unstable();
        Ok(Times(times))
    }
}

/// Sorted times, shown as median, 99th percentile and longest, in milliseconds.
pub(crate) struct Times(pub(crate) Vec<Duration>);

impl fmt::Display for Times {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = |per_cent: usize| {
            self.0
                .get((self.0.len() * per_cent / 100).min(self.0.len().saturating_sub(1)))
        };
        let milliseconds = |time: Option<&Duration>| time.map_or(0.0, |time| time.as_secs_f64() * 1e3);
        let (median, most, longest) = (
            milliseconds(at(50)),
            milliseconds(at(99)),
            milliseconds(self.0.last()),
        );
        write!(f, "{median:.1} / {most:.1} / {longest:.1}")
    }
}
