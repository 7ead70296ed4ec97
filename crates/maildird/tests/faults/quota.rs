//! A quota: that of the file system, and that of Maildir++.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::fixture::{Fixture, TRIES, append, eventually, exists, site};
use crate::seen::Seen;

#[test]
fn rfc9208_4_1_a_quota_of_maildir_that_is_exceeded_is_overquota_until_there_is_room() {
    let fixture = Fixture::wrapped(
        site(),
        &["--quota-messages", "5", "--quota-storage", "100KiB"],
        |it| it,
    );
    let mut ada = fixture.ada();
    ada.ok("CREATE other");
    for _ in 0..3 {
        assert!(append(&mut ada, "INBOX", 100).contains(" OK "));
    }
    exists(&mut ada);
    for _ in 0..TRIES {
        let answer = append(&mut ada, "INBOX", 200_000);
        assert!(answer.contains(" NO [OVERQUOTA]"), "{answer}");
        let answer = ada.command("COPY 1:3 other");
        assert!(answer.contains(" NO [OVERQUOTA]"), "{answer}");
        ada.ok("STORE 1 +FLAGS (\\Flagged)");
        assert!(ada.ok("STATUS other (MESSAGES)").contains("MESSAGES 0"));
    }
    fixture.assert_told("a quota is exceeded");
    ada.ok("COPY 1:2 other");
    let answer = append(&mut ada, "INBOX", 100);
    assert!(answer.contains(" NO [OVERQUOTA]"), "{answer}");
    ada.ok("STORE 1:2 +FLAGS (\\Deleted)");
    ada.ok("EXPUNGE");
    assert!(append(&mut ada, "INBOX", 100).contains(" OK "));
    assert!(ada.ok("GETQUOTAROOT INBOX").contains("MESSAGE 4 5"));
    assert_eq!(exists(&mut fixture.ada()), "* 2 EXISTS");
}

/// `strace` that lets calls of a running server fail as the system does for who has used up a quota.
struct UsedUp(Child);

impl UsedUp {
    /// None where no process may be looked at, unless the environment says `TEST_STRACE=required`.
    fn of(fixture: &Fixture, calls: &str, log: PathBuf) -> Option<Self> {
        let started = Command::new("strace")
            .args([
                "-f",
                "-p",
                &fixture.server.id().to_string(),
                "-e",
                &format!("trace={calls}"),
            ])
            .args(["-e", &format!("inject={calls}:error=EDQUOT"), "-o"])
            .arg(&log)
            .stderr(Stdio::null())
            .spawn();
        let required = std::env::var("TEST_STRACE").is_ok_and(|value| value == "required");
        let mut tracing = match started {
            Ok(tracing) => tracing,
            Err(error) if required => panic!("strace: {error}"),
            Err(error) => {
                println!("left out: strace: {error}");
                return None;
            }
        };
        let mut is_traced = false;
        eventually("strace", || {
            is_traced = traces_all_threads(&tracing, fixture.server.id());
            is_traced || tracing.try_wait().unwrap().is_some()
        });
        assert!(is_traced || !required, "strace cannot look at the server");
        is_traced.then_some(Self(tracing))
    }
}

/// It comes to them one after the other; those that they start then are traced from the beginning.
fn traces_all_threads(tracing: &Child, process: u32) -> bool {
    let tracer = format!("TracerPid:\t{}", tracing.id());
    let threads = fs::read_dir(format!("/proc/{process}/task")).unwrap();
    // Of a thread that has ended meanwhile there is nothing to read.
    let mut statuses =
        threads.filter_map(|thread| fs::read_to_string(thread.ok()?.path().join("status")).ok());
    let is_traced = |status: String| status.lines().any(|line| line == tracer);
    statuses.all(is_traced)
}

impl Drop for UsedUp {
    /// It lets go of the server.
    fn drop(&mut self) {
        let _ = kill_process(Pid::from_child(&self.0), Signal::INT);
        let _ = self.0.wait();
    }
}

/// RFC 9208, section 4.1; RFC 5530, section 3.
#[test]
fn rfc9208_a_quota_of_the_file_system_that_is_exceeded_is_overquota_until_there_is_room() {
    let fixture = Fixture::wrapped(site(), &[], |served| served);
    let mut seen = Seen::default();
    let mut ada = fixture.ada();
    ada.ok("CREATE other");
    for _ in 0..3 {
        assert!(seen.append(&mut ada).contains(" OK "));
    }
    seen.assert_all(&mut ada, "before");
    for calls in [
        "fsync,fdatasync",
        "rename,renameat,renameat2,link,linkat,mkdir,mkdirat",
        "ftruncate,fdatasync",
    ] {
        let Some(used_up) = UsedUp::of(&fixture, calls, fixture.site.path().join("trace")) else {
            return;
        };
        for _ in 0..TRIES {
            let answer = seen.append(&mut ada);
            assert!(answer.contains(" NO [OVERQUOTA]"), "{calls}: {answer}");
            for command in ["COPY 1:3 other", "STORE 1:3 +FLAGS (\\Flagged)", "CREATE more"] {
                let answer = ada.command(command);
                let completion = answer.lines().last().unwrap();
                let is_fine = [" OK ", " NO [OVERQUOTA]", " NO [ALREADYEXISTS]"]
                    .iter()
                    .any(|fine| completion.contains(fine));
                assert!(is_fine, "{calls}: {command}: {answer}");
            }
            let (name, text) = seen.delivered();
            fixture.site.deliver(&name, &text);
            assert!(ada.ok("UID FETCH 1:3 (BODY.PEEK[])").contains("BODY[]"));
        }
        drop(used_up);
        fixture.assert_told("quota");
        seen.assert_all(&mut ada, calls);
        seen.assert_all(&mut fixture.ada(), calls);
        assert!(seen.append(&mut ada).contains(" OK "), "{calls}");
        ada.ok("COPY 1:3 other");
    }
}
