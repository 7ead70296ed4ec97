//! A system that watches no more folders: mailboxes are looked at now and then.
//!
//! The limits are those of a user namespace made for the test. Where there can be none it is left out.

use std::process::Command;

use crate::fixture::{Fixture, by_shell, eventually, site};
use crate::seen::Seen;

/// Gives the namespace of a command this limit.
fn limited(limit: &str, value: u32, command: &Command) -> Command {
    let mut unshare = Command::new("unshare");
    let inside = by_shell(
        &format!("echo {value} >/proc/sys/user/{limit} && exec \"$@\""),
        command,
    );
    unshare.args(["--user", "--map-root-user"]);
    unshare.arg(inside.get_program()).args(inside.get_args());
    unshare
}

fn is_possible() -> bool {
    let mut nothing = limited("max_inotify_watches", 1, &Command::new("true"));
    let is_possible = nothing.output().is_ok_and(|output| output.status.success());
    if !is_possible {
        println!("left out: there are no user namespaces");
    }
    is_possible
}

#[test]
fn without_a_watch_left_the_server_says_so_once_and_loses_nothing() {
    if !is_possible() {
        return;
    }
    for (limit, value) in [
        ("max_inotify_watches", 0),
        ("max_inotify_watches", 1),
        ("max_inotify_instances", 0),
    ] {
        let at = format!("{limit} {value}");
        let fixture = Fixture::wrapped(site(), &[], |served| limited(limit, value, &served));
        let mut seen = Seen::default();
        let mut ada = fixture.ada();
        for name in ["one", "two", "three"] {
            ada.ok(&format!("CREATE {name}"));
            ada.ok(&format!("SELECT {name}"));
        }
        assert!(seen.append(&mut ada).contains(" OK "));
        seen.assert_all(&mut ada, &at);
        let mut idle = fixture.ada();
        idle.ok("SELECT INBOX");
        let tag = idle.next_tag();
        idle.send(&format!("{tag} IDLE\r\n"));
        idle.until("+ ");
        let (name, text) = seen.delivered();
        fixture.site.deliver(&name, &text);
        // Commands look by themselves.
        ada.ok("NOOP");
        seen.assert_all(&mut ada, &at);
        assert!(idle.until("* 2 EXISTS").contains("EXISTS"));
        fixture.assert_told("file-system events");
        assert_eq!(fixture.lines().len(), 1, "{at}: {:#?}", fixture.lines());
    }
}

/// Gives the namespace of a running server another limit.
fn raise(limit: &str, fixture: &Fixture) {
    let mut nsenter = Command::new("nsenter");
    nsenter.args(["--user", "--target", &fixture.server.id().to_string()]);
    nsenter.args(["sh", "-c", &format!("echo 1000 >/proc/sys/user/{limit}")]);
    assert!(nsenter.status().unwrap().success());
}

/// How many directories a process has watched.
fn watches(process: u32) -> usize {
    let files = std::fs::read_dir(format!("/proc/{process}/fdinfo")).unwrap();
    let texts = files.filter_map(|file| std::fs::read_to_string(file.unwrap().path()).ok());
    texts.map(|text| text.matches("inotify wd:").count()).sum()
}

#[test]
fn when_there_are_watches_again_they_are_used_without_a_restart_and_an_idle_client_is_told_meanwhile_too() {
    if !is_possible() {
        return;
    }
    for limit in ["max_inotify_watches", "max_inotify_instances"] {
        let fixture = Fixture::wrapped(site(), &[], |served| limited(limit, 0, &served));
        let mut seen = Seen::default();
        let mut idle = fixture.ada();
        idle.ok("SELECT INBOX");
        let tag = idle.next_tag();
        idle.send(&format!("{tag} IDLE\r\n"));
        idle.until("+ ");
        assert_eq!(watches(fixture.server.id()), 0, "{limit}");
        if limit == "max_inotify_watches" {
            // Nobody else sends a command: the server looks by itself, each 30 seconds.
            let (name, text) = seen.delivered();
            fixture.site.deliver(&name, &text);
            idle.until("* 1 EXISTS");
        }
        raise(limit, &fixture);
        let (name, text) = seen.delivered();
        fixture.site.deliver(&name, &text);
        let mut ada = fixture.ada();
        seen.assert_all(&mut ada, limit);
        // With the next listing of the whole mailbox: another program renames a message.
        let cur = fixture.site.maildir().join("cur");
        eventually("a watch", || {
            for (number, file) in std::fs::read_dir(&cur).unwrap().enumerate() {
                let file = file.unwrap().path();
                let name = file.to_str().unwrap().split(":2,").next().unwrap();
                let letters = ["", "F"][(number + usize::from(!file.to_str().unwrap().ends_with('F'))) % 2];
                let _ = std::fs::rename(&file, format!("{name}:2,{letters}"));
            }
            ada.ok("NOOP");
            watches(fixture.server.id()) > 0
        });
        let count = if limit == "max_inotify_watches" { 2 } else { 1 };
        idle.until(&format!("* {count} EXISTS"));
    }
}
