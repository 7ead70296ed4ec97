//! The program as a script sees it: arguments, standard streams, exit codes, files.

#![allow(clippy::unwrap_used, reason = "a helper of a test may panic like the test")]
#![allow(unreachable_pub, reason = "helpers are shared by files")]

#[path = "../../imap-daemon/tests/program/mod.rs"]
mod program;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use program::{Program, text};

const MAILDIRD: Program = Program(env!("CARGO_BIN_EXE_maildird"));

fn string(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn help_shows_commands_and_examples_and_the_version_is_the_packages() {
    let help = MAILDIRD.works(&["--help"], "");
    for word in [
        "serve",
        "user",
        "check",
        "reindex",
        "import",
        "export",
        "Examples:",
        "Exit codes:",
    ] {
        assert!(help.contains(word), "{help}");
    }
    assert_eq!(
        MAILDIRD.works(&["--version"], ""),
        format!("maildird {}\n", env!("CARGO_PKG_VERSION"))
    );
    let serve = MAILDIRD.works(&["serve", "--help"], "");
    for flag in [
        "--config",
        "--listen",
        "--listen-tls",
        "--mail-root",
        "--users",
        "--tls-cert",
        "--tls-key",
        "--limit",
    ] {
        assert!(serve.contains(flag), "{serve}");
    }
    assert!(
        MAILDIRD
            .works(&["user", "add", "--help"], "")
            .contains("--password-stdin")
    );
}

#[test]
fn every_key_of_the_config_file_is_a_flag() {
    let help = MAILDIRD.works(&["serve", "--help"], "");
    let example = MAILDIRD.works(&["serve", "--example-config"], "");
    let (top, _limits) = example.split_once("[limits]").unwrap();
    let keys = top
        .lines()
        .filter_map(|line| line.trim_start_matches('#').split_once(" = "));
    let keys: Vec<_> = keys
        .map(|(key, _)| key)
        .filter(|key| !key.contains(' '))
        .collect();
    assert!(keys.len() >= 9, "{keys:?}");
    for key in keys {
        assert!(help.contains(&format!("--{} ", key.replace('_', "-"))), "{key}");
    }
}

#[test]
fn users_are_added_listed_and_removed_by_a_script() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("users");
    let users = string(&path);
    let add = |name| {
        MAILDIRD.works(
            &["user", "add", "--users", users, name, "--password-stdin"],
            "secret\n",
        )
    };
    add("ada");
    add("bob");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(
        MAILDIRD.works(&["user", "list", "--users", users], ""),
        "ada\nbob\n"
    );
    let before = fs::read_to_string(&path).unwrap();
    assert!(before.starts_with("ada:$argon2id$v=19$") && !before.contains("secret"));
    MAILDIRD.works(
        &["user", "passwd", "--users", users, "ada", "--password-stdin"],
        "other",
    );
    let after = fs::read_to_string(&path).unwrap();
    assert_ne!(before.lines().next(), after.lines().next());
    assert_eq!(before.lines().nth(1), after.lines().nth(1));
    MAILDIRD.works(&["user", "remove", "--users", users, "ada"], "");
    assert_eq!(MAILDIRD.works(&["user", "list", "--users", users], ""), "bob\n");
}

#[test]
fn t19_a_bad_line_is_listed_kept_and_mended_by_a_new_password() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("users");
    let users = string(&path);
    MAILDIRD.works(
        &["user", "add", "--users", users, "ada", "--password-stdin"],
        "secret",
    );
    let good = fs::read_to_string(&path).unwrap();
    let bad = format!("{good}bob:{{SHA}}hidden\nwhat is this\n");
    fs::write(&path, &bad).unwrap();
    let output = MAILDIRD.run(&["user", "list", "--users", users], "");
    assert_eq!(
        (output.status.code(), text(&output.stdout)),
        (Some(1), "ada\n".to_owned())
    );
    let said = text(&output.stderr);
    assert!(
        said.contains("line 2: user bob: ") && said.contains("line 3: not of the form name:phc"),
        "{said}"
    );
    assert!(
        !said.contains("hidden") && !said.contains("what is this"),
        "{said}"
    );
    let add = |name| MAILDIRD.run(&["user", "add", "--users", users, name, "--password-stdin"], "x");
    assert!(text(&add("bob").stderr).contains("there is a user bob already"));
    assert!(add("cy").status.success());
    assert!(fs::read_to_string(&path).unwrap().starts_with(&bad));
    MAILDIRD.works(
        &["user", "passwd", "--users", users, "bob", "--password-stdin"],
        "x",
    );
    let after = fs::read_to_string(&path).unwrap();
    assert!(
        after.starts_with(&good) && after.contains("\nbob:$argon2id$") && after.contains("\nwhat is this\n")
    );
}

#[test]
fn users_that_cannot_be_are_refused_and_nothing_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("users");
    let users = string(&path);
    let add = ["user", "add", "--users", users, "ada", "--password-stdin"];
    assert!(MAILDIRD.fails(1, &add, "").contains("the password is empty"));
    assert!(MAILDIRD.fails(1, &add, "a\nb\n").contains("line break"));
    assert!(
        MAILDIRD
            .fails(1, &add[..5], "secret\n")
            .contains("--password-stdin")
    );
    let bad = ["user", "add", "--users", users, "../ada", "--password-stdin"];
    assert!(MAILDIRD.fails(2, &bad, "x").contains("cannot be a user name"));
    assert!(!path.exists());
    assert!(
        MAILDIRD
            .fails(1, &["user", "list", "--users", users], "")
            .contains("there is no users file")
    );
    assert!(
        MAILDIRD
            .fails(
                1,
                &["user", "passwd", "--users", users, "ada", "--password-stdin"],
                "x"
            )
            .contains("no users file")
    );
    MAILDIRD.works(&add, "secret\n");
    assert!(
        MAILDIRD
            .fails(1, &add, "secret\n")
            .contains("there is a user ada already")
    );
    assert!(
        MAILDIRD
            .fails(1, &["user", "remove", "--users", users, "bob"], "")
            .contains("there is no user bob")
    );
    assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), 1);
}

#[test]
fn wrong_arguments_are_named() {
    for (arguments, word) in [
        (&["serve", "--listen", "localhost:143"][..], "is not IP:PORT"),
        (&["serve", "--mail-root", "/var/mail"], "no %u"),
        (
            &["serve", "--limit", "conections=5"],
            "there is no limit \"conections\"",
        ),
        (&["serve", "--limit", "login_time=5"], "is no time"),
        (&["serve", "--log-level", "loud"], "is no log level"),
        (&["serve", "--lissten", "127.0.0.1:143"], "--lissten"),
        (&["frobnicate"], "frobnicate"),
        (&["user", "add", "ada"], "--users"),
        (&["check"], "<MAILDIR|USER>"),
    ] {
        let said = MAILDIRD.fails(2, arguments, "");
        assert!(said.contains(word), "{arguments:?}: {said}");
    }
}

#[test]
fn settings_that_are_missing_or_wrong_are_named_with_file_and_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("maildird.toml");
    let config = string(&path);
    assert!(
        MAILDIRD
            .fails(1, &["serve", "--users", "x"], "")
            .contains("--mail-root")
    );
    assert!(
        MAILDIRD
            .fails(1, &["serve", "--mail-root", "/m/%u"], "")
            .contains("--users")
    );
    assert!(
        MAILDIRD
            .fails(1, &["serve", "--config", config], "")
            .contains("cannot read the config file")
    );
    fs::write(&path, "users = 'users'\nmail_roott = '/m/%u'\n").unwrap();
    let said = MAILDIRD.fails(1, &["serve", "--config", config], "");
    assert!(
        said.contains(config) && said.contains("line 2") && said.contains("mail_roott"),
        "{said}"
    );
}

#[test]
fn a_maildir_is_looked_over_without_being_changed() {
    let folder = tempfile::tempdir().unwrap();
    let maildir = folder.path().join("Maildir");
    let check = ["check", string(&maildir)];
    assert!(MAILDIRD.fails(2, &check, "").contains("cannot check"));
    fs::create_dir(&maildir).unwrap();
    assert!(MAILDIRD.fails(2, &check, "").contains("not a Maildir"));
    for part in ["cur", "new", "tmp"] {
        fs::create_dir(maildir.join(part)).unwrap();
    }
    fs::write(maildir.join("cur/1700000000.M1P1.test:2,S"), "Subject: x\n\nx\n").unwrap();
    let report = MAILDIRD.works(&check, "");
    assert!(
        report.contains("INBOX: 1 messages") && report.ends_with("problems 0, notes 1\n"),
        "{report}"
    );
    assert_eq!(fs::read_dir(&maildir).unwrap().count(), 3, "nothing was made");
    fs::create_dir(maildir.join("cur/1700000001.M1P1.test:2,S")).unwrap();
    let output = MAILDIRD.run(&check, "");
    assert_eq!(output.status.code(), Some(1));
    assert!(
        text(&output.stdout).contains("problem: "),
        "{}",
        text(&output.stdout)
    );
}

#[test]
fn maildirs_are_looked_over_by_user_and_all_at_once_and_for_programs() {
    let folder = tempfile::tempdir().unwrap();
    let users = folder.path().join("users");
    let users = string(&users);
    for user in ["ada", "bob", "cy"] {
        let add = ["user", "add", "--users", users, user, "--password-stdin"];
        MAILDIRD.works(&add, "secret");
    }
    let root = folder.path().join("%u/Maildir");
    let place = ["--mail-root", string(&root), "--users", users];
    for user in ["ada", "bob"] {
        for part in ["cur", "new", "tmp"] {
            fs::create_dir_all(folder.path().join(user).join("Maildir").join(part)).unwrap();
        }
    }
    let maildir = folder.path().join("ada/Maildir");
    fs::write(maildir.join("maildirsize"), "1000S\n5 1\n").unwrap();
    let one = MAILDIRD.works(&[&["check", "ada"], &place[..]].concat(), "");
    for finding in [
        "note: has no UID list yet",
        "note: maildirsize says 5 octets and 1 messages, and there are 0 and 0",
    ] {
        assert!(one.contains(finding), "{one}");
    }
    // Who was never here has no Maildir, and that is no fault.
    let all = MAILDIRD.works(&[&["check"], &place[..]].concat(), "");
    assert!(
        all.contains("/ada/Maildir\nINBOX: 0 messages") && !all.contains("/cy/"),
        "{all}"
    );
    std::os::unix::fs::symlink("elsewhere", maildir.join("dovecot-keywords")).unwrap();
    let output = MAILDIRD.run(&[&["check", "--json"], &place[..]].concat(), "");
    assert_eq!(output.status.code(), Some(1));
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json.as_array().unwrap().len(), 2);
    let findings = json[0]["mailboxes"][0]["findings"].as_array().unwrap();
    let problem = findings
        .iter()
        .find(|finding| finding["severity"] == "problem")
        .unwrap();
    assert_eq!(json[0]["mailboxes"][0]["messages"], 0);
    assert!(
        problem["text"].as_str().unwrap().contains("dovecot-keywords"),
        "{problem}"
    );
    let said = MAILDIRD.fails(2, &[&["check", "cy"], &place[..]].concat(), "");
    assert!(said.contains("cannot check"), "{said}");
}
