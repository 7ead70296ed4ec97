//! What `strace` wrote down.

use std::collections::HashMap;
use std::path::Path;

/// The calls that change what is on a disk. SQLite maps one file, and what that holds need not outlive a crash.
pub(crate) const CALLS: &str = "trace=openat,close,write,pwrite64,ftruncate,fsync,fdatasync,unlink,rename";

/// What the process says when a step has been answered.
pub(crate) const ANSWERED: &str = "step answered";

/// One call that matters, in the order in which they ended.
#[derive(Debug)]
pub(crate) enum Event {
    /// A file's entry in the folder is made.
    Create {
        name: String,
    },
    Write {
        name: String,
        at: usize,
        octets: Vec<u8>,
    },
    Truncate {
        name: String,
        size: usize,
    },
    /// A file, or the folder (with an empty name).
    Sync {
        name: String,
    },
    Remove {
        name: String,
    },
    Answered,
}

/// The calls on files of this folder.
pub(crate) fn parse(trace: &[u8], folder: &Path) -> Vec<Event> {
    let folder = folder.to_str().unwrap();
    let mut parser = Parser {
        folder,
        open: HashMap::new(),
        begun: HashMap::new(),
        events: Vec::new(),
    };
    for line in std::str::from_utf8(trace).unwrap().lines() {
        parser.line(line);
    }
    parser.events
}

struct Parser<'t> {
    folder: &'t str,
    /// Names of what the descriptors stand for, within the folder.
    open: HashMap<i64, String>,
    /// The beginnings of calls during which another thread had its turn.
    begun: HashMap<&'t str, &'t str>,
    events: Vec<Event>,
}

impl<'t> Parser<'t> {
    fn line(&mut self, line: &'t str) {
        let (thread, call) = line.split_once(' ').unwrap();
        let call = call.trim_start();
        if let Some(begin) = call.strip_suffix(" <unfinished ...>") {
            self.begun.insert(thread, begin);
        } else if call.starts_with("<... ") {
            let (_, end) = call.split_once(" resumed>").unwrap();
            let begin = self.begun.remove(thread).unwrap_or_default();
            self.call(&format!("{begin}{end}"));
        } else {
            self.call(call);
        }
    }

    fn call(&mut self, call: &str) {
        let Some((name, rest)) = call.split_once('(') else {
            return;
        };
        let Some((arguments, result)) = rest.rsplit_once(" = ") else {
            return;
        };
        let arguments = arguments.trim_end().trim_end_matches(')');
        let arguments: Vec<&str> = arguments.split(", ").collect();
        let result: i64 = result.split(' ').next().unwrap().parse().unwrap_or(-1);
        if result >= 0 {
            self.done(name, &arguments, result);
        }
    }

    fn done(&mut self, call: &str, arguments: &[&str], result: i64) {
        match call {
            "openat" => {
                self.open.remove(&result);
                if let Some(name) = self.within(arguments[1]) {
                    if arguments[2].contains("O_CREAT") {
                        self.events.push(Event::Create { name: name.clone() });
                    }
                    self.open.insert(result, name);
                }
            }
            "close" => drop(self.open.remove(&arguments[0].parse().unwrap())),
            "unlink" => {
                if let Some(name) = self.within(arguments[0]) {
                    self.events.push(Event::Remove { name });
                }
            }
            "rename" => {
                let inside = self.within(arguments[0]).or_else(|| self.within(arguments[1]));
                assert_eq!(inside, None, "SQLite renames nothing");
            }
            _ => self.on_open(call, arguments),
        }
    }

    /// A call with a descriptor.
    fn on_open(&mut self, call: &str, arguments: &[&str]) {
        let descriptor: i64 = arguments[0].parse().unwrap();
        if call == "write" && descriptor == 1 && text(arguments[1]).starts_with(ANSWERED.as_bytes()) {
            self.events.push(Event::Answered);
        }
        let Some(name) = self.open.get(&descriptor).cloned() else {
            return;
        };
        self.events.push(match call {
            "pwrite64" => Event::Write {
                name,
                at: arguments[3].parse().unwrap(),
                octets: text(arguments[1]),
            },
            "ftruncate" => Event::Truncate {
                name,
                size: arguments[1].parse().unwrap(),
            },
            "fsync" | "fdatasync" => Event::Sync { name },
            other => panic!("{other} on {name}: SQLite writes with pwrite64"),
        });
    }

    /// The name within the folder of a path; empty for the folder itself.
    fn within(&self, path: &str) -> Option<String> {
        let path = String::from_utf8(text(path)).unwrap();
        let name = path.strip_prefix(self.folder)?.trim_start_matches('/').to_owned();
        (!name.ends_with("-shm")).then_some(name)
    }
}

/// The octets of a quoted text, all of them in hexadecimal.
fn text(quoted: &str) -> Vec<u8> {
    assert!(!quoted.ends_with("..."), "a text is cut");
    let digits = quoted.trim_matches('"').split("\\x").skip(1);
    digits
        .map(|digits| u8::from_str_radix(digits, 16).unwrap())
        .collect()
}
