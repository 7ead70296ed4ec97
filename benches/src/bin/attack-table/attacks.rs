//! The attacks: what each prepares in its Maildir, and what it does for ten seconds.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{JoinHandle, sleep};
use std::time::{Duration, Instant};

use crate::client::Client;
use crate::innocent::Times;
use crate::mail;
use crate::server::{ATTACKER, Server};

/// One attack.
pub(crate) struct Attack {
    pub(crate) name: &'static str,
    pub(crate) what: &'static str,
    pub(crate) prepare: fn(&Path) -> io::Result<()>,
    /// Gives what came of it, in words.
    pub(crate) run: fn(&Server) -> io::Result<String>,
}

/// How long an attack goes on.
const ATTACK: Duration = Duration::from_secs(10);

pub(crate) const ATTACKS: &[Attack] = &[
    Attack {
        name: "T1",
        what: "BODYSTRUCTURE of a digest with five million addresses, by five clients that do not read",
        prepare: |maildir| mail::put(maildir, 0, &mail::digest(82)),
        run: |server| unread(server, 5, "FETCH 1 BODYSTRUCTURE"),
    },
    Attack {
        name: "T2",
        what: "1,785 pieces of the fields of a message that is all header, by two clients",
        prepare: |maildir| mail::put(maildir, 0, &mail::all_header()),
        run: |server| {
            let pieces: String = (0..1785)
                .map(|at| format!(" BODY.PEEK[HEADER.FIELDS (A)]<{at}.1>"))
                .collect();
            busy(server, 2, &format!("FETCH 1 ({})", pieces.trim_start()))
        },
    },
    Attack {
        name: "T3",
        what: "64 clients fetch 64 MiB and do not read",
        prepare: |maildir| mail::put(maildir, 0, &mail::text(64 << 20)),
        run: |server| unread(server, 64, "FETCH 1 BODY.PEEK[]"),
    },
    Attack {
        name: "T4",
        what: "64 MiB of LF lines in pieces of 64 KiB",
        prepare: |maildir| mail::put(maildir, 0, &mail::text(64 << 20)),
        run: pieces,
    },
    Attack {
        name: "T5",
        what: "a foreign lock on the UID list that lives on, and an APPEND that waits for it",
        prepare: |maildir| mail::put_short(maildir, 100),
        run: beside_a_lock,
    },
    Attack {
        name: "T9",
        what: "searches for 900 subjects in 20,000 messages, by eight clients that leave at once; then another user searches",
        prepare: |maildir| mail::put_short(maildir, 20_000),
        run: left_searches,
    },
    Attack {
        name: "T10",
        what: "1,000 flags at once in 100,000 messages, by two clients",
        prepare: |maildir| mail::put_short(maildir, 100_000),
        run: |server| {
            busy(
                server,
                2,
                &format!("SEARCH{}", " OR SEEN FLAGGED".repeat(499) + " ALL"),
            )
        },
    },
    Attack {
        name: "T11",
        what: "530 mailboxes, each with a foreign lock that lives on and an APPEND",
        prepare: |maildir| (0..530).try_for_each(|number| mail::make_mailbox(maildir, &format!("m{number}"))),
        run: many_locks,
    },
    Attack {
        name: "T12",
        what: "another program renames 20,000 files; the first STORE, COPY and MOVE of all",
        prepare: |maildir| {
            mail::make_mailbox(maildir, "other")?;
            mail::put_short(maildir, 20_000)
        },
        run: renamed,
    },
    Attack {
        name: "T13",
        what: "RFC822.SIZE of a file of 3 GiB, most of it a hole",
        prepare: |maildir| mail::put_sparse(maildir, 3 << 30),
        run: |server| timed(server, "FETCH 1 RFC822.SIZE"),
    },
    Attack {
        name: "T22",
        what: "a hundred logins",
        prepare: |_| Ok(()),
        run: |server| {
            for _ in 0..100 {
                Client::of(server, ATTACKER)?;
            }
            Ok("100 logins".to_owned())
        },
    },
    Attack {
        name: "scan",
        what: "a part of a file of 3 GiB that has none, by eight clients that leave after a second",
        prepare: |maildir| mail::put_sparse(maildir, 3 << 30),
        run: |server| {
            let mut clients = Client::attackers(server, 8)?;
            for client in &mut clients {
                client.send(b"a FETCH 1 BODY.PEEK[7]\r\n")?;
            }
            sleep(Duration::from_secs(1));
            Ok("left".to_owned())
        },
    },
    Attack {
        name: "idle",
        what: "1,000 sessions in IDLE on one mailbox of 100,000, for ten seconds",
        prepare: |maildir| mail::put_short(maildir, 100_000),
        run: idle,
    },
];

/// Each of the clients sends a command and reads nothing.
fn unread(server: &Server, clients: usize, command: &str) -> io::Result<String> {
    let mut clients = Client::attackers(server, clients)?;
    for client in &mut clients {
        client.send(format!("a {command}\r\n").as_bytes())?;
    }
    sleep(ATTACK);
    Ok("left unread".to_owned())
}

/// Each of the clients sends a command again and again.
fn busy(server: &Server, clients: usize, command: &str) -> io::Result<String> {
    let stop = Arc::new(AtomicBool::new(false));
    let attackers: Vec<JoinHandle<io::Result<(u32, String)>>> = Client::attackers(server, clients)?
        .into_iter()
        .map(|mut client| {
            let (stop, command) = (Arc::clone(&stop), command.to_owned());
            client.be_patient(ATTACK)?;
            Ok(std::thread::spawn(move || {
                let (mut answers, mut last) = (0, "none".to_owned());
                while !stop.load(Ordering::Relaxed) {
                    match client.command(&command) {
                        Ok(answer) => (answers, last) = (answers + 1, answer),
                        Err(_) => break,
                    }
                }
                Ok((answers, last))
            }))
        })
        .collect::<io::Result<_>>()?;
    sleep(ATTACK);
    stop.store(true, Ordering::Relaxed);
    let (mut answers, mut last) = (0, String::new());
    for attacker in attackers {
        let (count, answer) = attacker
            .join()
            .map_err(|_| io::Error::other("an attacker panicked"))??;
        (answers, last) = (answers + count, answer);
    }
    Ok(format!("{answers} answers, the last: {last}"))
}

fn timed(server: &Server, command: &str) -> io::Result<String> {
    let mut client = Client::attacker(server)?;
    let began = Instant::now();
    let answer = client.command(command)?;
    Ok(format!("{answer} after {:.1} s", began.elapsed().as_secs_f64()))
}

fn pieces(server: &Server) -> io::Result<String> {
    let mut client = Client::attacker(server)?;
    let (began, mut times) = (Instant::now(), Vec::new());
    for piece in 0..1024 {
        if began.elapsed() > ATTACK {
            break;
        }
        let before = Instant::now();
        client.command(&format!("FETCH 1 BODY.PEEK[]<{}.65536>", piece << 16))?;
        times.push(before.elapsed());
    }
    times.sort_unstable();
    Ok(format!("{} pieces, {} ms", times.len(), Times(times)))
}

/// Holds the locks of the UID lists in these directories, as a living program does.
struct Locks {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Locks {
    fn hold(directories: Vec<std::path::PathBuf>) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let locks: Vec<_> = directories
            .iter()
            .map(|path| path.join("dovecot-uidlist.lock"))
            .collect();
        let touch = move || {
            while !stopped.load(Ordering::Relaxed) {
                for lock in &locks {
                    let _ = fs::write(lock, "1:elsewhere.example");
                }
                sleep(Duration::from_secs(1));
            }
            for lock in &locks {
                let _ = fs::remove_file(lock);
            }
        };
        let thread = Some(std::thread::spawn(touch));
        sleep(Duration::from_millis(300));
        Self { stop, thread }
    }
}

impl Drop for Locks {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn beside_a_lock(server: &Server) -> io::Result<String> {
    let (mut waiting, mut other) = (Client::attacker(server)?, Client::attacker(server)?);
    let _locks = Locks::hold(vec![server.maildir()]);
    waiting.send(b"a APPEND INBOX {4+}\r\nx: y\r\n")?;
    let (began, mut longest) = (Instant::now(), vec![]);
    for command in [
        "NOOP",
        "STORE 1 +FLAGS.SILENT (\\Seen)",
        "SELECT INBOX",
        "STATUS INBOX (MESSAGES)",
        "FETCH 1 ENVELOPE",
    ] {
        let mut times = Vec::new();
        while times.len() < 20 && began.elapsed() < 6 * ATTACK {
            let before = Instant::now();
            other.command(command)?;
            times.push(before.elapsed());
        }
        let verb = command.split(' ').next().unwrap_or_default();
        let most = times.iter().max().map_or(0.0, Duration::as_secs_f64);
        longest.push(format!("{verb} {:.0}", most * 1e3));
    }
    Ok(format!("longest in that mailbox, ms: {}", longest.join(", ")))
}

fn many_locks(server: &Server) -> io::Result<String> {
    let mailboxes = (0..530).map(|number| server.maildir().join(format!(".m{number}")));
    let _locks = Locks::hold(mailboxes.collect());
    let mut clients = Vec::new();
    for number in 0..530 {
        let mut client = Client::of(server, ATTACKER)?;
        client.send(format!("a APPEND m{number} {{4+}}\r\nx: y\r\n").as_bytes())?;
        clients.push(client);
    }
    sleep(ATTACK);
    let before = Instant::now();
    Client::of(server, ATTACKER)?;
    Ok(format!(
        "a login beside them: {:.2} s",
        before.elapsed().as_secs_f64()
    ))
}

fn left_searches(server: &Server) -> io::Result<String> {
    let command = format!("a SEARCH{}\r\n", " NOT SUBJECT q".repeat(900));
    for mut client in Client::attackers(server, 8)? {
        client.send(command.as_bytes())?;
    }
    let mut other = Client::of(server, crate::server::BYSTANDER)?;
    other.command("SELECT INBOX")?;
    let before = Instant::now();
    other.command("SEARCH SUBJECT x")?;
    Ok(format!(
        "another user's search: {:.2} s",
        before.elapsed().as_secs_f64()
    ))
}

fn renamed(server: &Server) -> io::Result<String> {
    let mut client = Client::attacker(server)?;
    let mut times = Vec::new();
    for (command, rename) in [
        ("STORE 1:* +FLAGS.SILENT (\\Seen)", false),
        ("STORE 1:* -FLAGS.SILENT (\\Seen)", true),
        ("COPY 1:* other", false),
        ("COPY 1:* other", true),
        ("MOVE 1:* other", true),
    ] {
        client.command("NOOP")?;
        // What was changed last counts as unsure for a while.
        sleep(Duration::from_secs(3));
        client.command("NOOP")?;
        if rename {
            rename_all(&server.maildir().join("cur"))?;
        }
        let before = Instant::now();
        client.command(command)?;
        let verb = command.split(' ').next().unwrap_or_default();
        let beside = if rename { " behind renames" } else { "" };
        times.push(format!("{verb}{beside} {:.2} s", before.elapsed().as_secs_f64()));
    }
    Ok(times.join(", "))
}

/// Gives each message the flag `R`, or takes it away.
fn rename_all(cur: &Path) -> io::Result<()> {
    for entry in fs::read_dir(cur)?.collect::<io::Result<Vec<_>>>()? {
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some((base, flags)) = name.split_once(":2,") else {
            continue;
        };
        let flags = match flags.strip_prefix('R') {
            Some(others) => others.to_owned(),
            None => format!("R{flags}"),
        };
        fs::rename(entry.path(), cur.join(format!("{base}:2,{flags}")))?;
    }
    Ok(())
}

fn idle(server: &Server) -> io::Result<String> {
    let mut clients = Client::attackers(server, 1000)?;
    for client in &mut clients {
        client.send(b"a IDLE\r\n")?;
        client.line()?;
    }
    sleep(Duration::from_secs(2));
    let before = server.processor()?;
    sleep(ATTACK);
    let used = server.processor()? - before;
    Ok(format!("{used:.2} s of processor in ten"))
}
