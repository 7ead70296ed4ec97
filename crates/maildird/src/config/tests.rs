use imap_daemon::config::{ServerLayer, with_all_keys};

use super::*;

fn parse(text: &str) -> Layer<MaildirLayer> {
    Layer::parse(text).unwrap()
}

#[test]
fn the_example_file_parses_as_it_is_and_with_every_key_in_it() {
    Settings::of(parse(&example())).unwrap();
    let full = with_all_keys(&example());
    Settings::of(parse(&full)).unwrap();
    let table: toml::Table = full.parse().unwrap();
    for key in MaildirLayer::KEYS {
        assert!(table.contains_key(*key), "the example shows {key}");
    }
    assert_eq!(table.len(), MaildirLayer::KEYS.len() + ServerLayer::KEYS.len());
}

#[test]
fn the_values_in_the_example_are_the_defaults() {
    let full = Settings::of(parse(&with_all_keys(&example()))).unwrap();
    assert_eq!(full.mail_root_links, MailRootLinks::default());
    assert_eq!(full.special_use, SpecialUse::default());
    assert!(!full.full_text);
    assert_eq!(full.mode, Mode::default());
}

#[test]
fn wrong_values_are_named_with_their_line() {
    for (text, line, what) in [
        ("mail_root = '/var/mail'\n", 1, "no %u"),
        ("users = 'u'\nmail_root_links = 'yes'\n", 2, "follow"),
        ("quota_storage = '2GB'\n", 1, "2GiB"),
        ("quota_messages = 0\n", 1, "nonzero"),
    ] {
        let error = Layer::<MaildirLayer>::parse(text).unwrap_err().to_string();
        assert!(
            error.contains(&format!("line {line}")) && error.contains(what),
            "{text}\n{error}"
        );
    }
}

#[test]
fn flags_go_over_the_file_whose_relative_paths_start_at_its_folder() {
    let file = parse("mail_root = 'mail/%u'\nusers = 'users'\nmail_root_links = 'follow'\n").own;
    let flags = MaildirLayer {
        users: Some("flag".into()),
        ..MaildirLayer::default()
    };
    let both = flags.over(file.relative_to(Path::new("/etc")));
    assert_eq!(both.users, Some("flag".into()));
    assert_eq!(both.mail_root.unwrap().fixed(), Path::new("/etc/mail"));
    assert_eq!(both.mail_root_links, Some(MailRootLinks::Follow));
}

#[test]
fn what_has_no_default_is_asked_for() {
    let error = |text: &str| Settings::of(parse(text)).unwrap_err().to_string();
    assert!(error("users = 'u'").contains("--mail-root"));
    assert!(error("mail_root = '/m/%u'").contains("--users"));
}
