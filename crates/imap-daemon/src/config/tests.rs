use std::collections::BTreeSet;

use super::*;

/// Own settings of a program that serves a cellar.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Cellar {
    cellar: Option<PathBuf>,
}

impl Section for Cellar {
    const KEYS: &[&str] = &["cellar"];

    fn read<'de, M: serde::de::MapAccess<'de>>(&mut self, key: &str, file: &mut M) -> Result<(), M::Error> {
        match key {
            "cellar" => self.cellar = file.next_value()?,
            other => return unknown_key(other),
        }
        Ok(())
    }

    fn relative_to(mut self, folder: &Path) -> Self {
        start_at(folder, &mut self.cellar);
        self
    }

    fn over(self, below: Self) -> Self {
        Self {
            cellar: self.cellar.or(below.cellar),
        }
    }
}

fn parse(text: &str) -> Layer<Cellar> {
    Layer::parse(text).unwrap()
}

fn complete(text: &str) -> Result<ServerSettings, ConfigError> {
    parse(text).server.complete()
}

#[test]
fn the_example_parses_as_it_is_and_with_every_key_in_it() {
    complete(EXAMPLE).unwrap();
    let full = with_all_keys(EXAMPLE);
    let settings = complete(&full).unwrap();
    assert!(settings.tls.is_some() && !settings.listen.is_empty() && !settings.listen_tls.is_empty());
    let table: toml::Table = full.parse().unwrap();
    let keys = |table: &toml::Table| table.keys().cloned().collect::<BTreeSet<_>>();
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let limits = table["limits"].as_table().unwrap();
    assert_eq!(
        keys(limits),
        names(LimitsLayer::NAMES),
        "the example shows every limit"
    );
    assert_eq!(
        keys(&table),
        names(ServerLayer::KEYS),
        "the example shows every key"
    );
}

#[test]
fn the_values_in_the_example_are_the_defaults() {
    let full = complete(&with_all_keys(EXAMPLE)).unwrap();
    let bare = complete("").unwrap();
    assert_eq!(full.listen, bare.listen);
    assert_eq!(full.plaintext_login, bare.plaintext_login);
    assert_eq!(full.compression, bare.compression);
    assert_eq!(full.identification, bare.identification);
    assert_eq!(full.login_mechanism, bare.login_mechanism);
    assert_eq!(full.log_level, bare.log_level);
    assert_eq!(full.log_format, bare.log_format);
    let limits = |settings: &ServerSettings| {
        let mut limits = settings.limits.over_server(imap_server::Limits::default());
        // By default there are none.
        (limits.message_limit, limits.save_limit) = (None, None);
        format!("{limits:#?}")
    };
    assert_eq!(limits(&full), limits(&bare));
}

#[test]
fn unknown_keys_and_wrong_values_are_named_with_their_line() {
    for (text, line, what) in [
        ("cellar = 'c'\nlissten = []\n", 2, "lissten"),
        ("\n[limits]\nconections = 5\n", 3, "conections"),
        ("cellar = 'c'\nlisten = ['127.0.0.1']\n", 2, "is not IP:PORT"),
        ("listen = ['localhost:143']\n", 1, "is not IP:PORT"),
        ("log_level = 'info'\ncellar = 7\n", 2, "expected path string"),
        ("[limits]\nlogin_time = 60\n", 2, "is no time"),
        ("[limits]\nconnections = 0\n", 2, "is no number from 1"),
        ("[limits]\nappend = '1PiB'\n", 2, "is no size"),
        ("log_level = 'loud'\n", 1, "is no log level"),
        ("log_format = 'xml'\n", 1, "`xml`"),
        ("plaintext_login = 'always'\n", 1, "from-loopback"),
        ("id = ['name']\n", 1, "NAME=VALUE"),
        ("compress = 'no'\n", 1, "expected a boolean"),
        ("submission_users = 'postman'\n", 1, "expected a sequence"),
        ("cellar = \n", 1, "TOML parse error"),
    ] {
        let error = Layer::<Cellar>::parse(text).unwrap_err().to_string();
        assert!(
            error.contains(&format!("line {line}")) && error.contains(what),
            "{text}\n{error}"
        );
    }
}

#[test]
fn flags_go_over_the_file_and_a_list_replaces_a_list() {
    let file = parse(
        "listen = ['127.0.0.1:1', '127.0.0.1:2']\ncellar = 'file'\nlog_level = 'warn'\n\
         [limits]\nconnections = 5\nliterals = 6\n",
    );
    let flags = Layer {
        server: ServerLayer {
            listen: vec!["127.0.0.1:3".parse().unwrap()],
            limits: "connections=7".parse().unwrap(),
            ..ServerLayer::default()
        },
        own: Cellar {
            cellar: Some("flag".into()),
        },
    };
    let both = flags.over(file);
    assert_eq!(both.own.cellar, Some("flag".into()));
    let server = both.server.complete().unwrap();
    assert_eq!(server.listen, ["127.0.0.1:3".parse().unwrap()]);
    assert_eq!(server.log_level, "warn".parse().unwrap());
    let limits = parse("[limits]\nconnections = 7\nliterals = 6\n").server.limits;
    assert_eq!(server.limits, limits);
}

#[test]
fn the_users_of_the_submission_server_are_nobody_or_those_that_are_named() {
    let users = |layer: ServerLayer| layer.complete().unwrap().submission_users;
    assert!(users(ServerLayer::default()).is_empty());
    let file = parse("submission_users = ['one', 'two']\n").server;
    assert_eq!(users(file.clone()), ["one", "two"]);
    let flags = ServerLayer {
        submission_users: Some(vec!["three".to_owned()]),
        ..ServerLayer::default()
    };
    assert_eq!(users(flags.over(file)), ["three"]);
}

#[test]
fn relative_paths_in_a_file_start_at_its_folder() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("settings.toml");
    std::fs::write(
        &path,
        "cellar = 'wine'\ntls_key = 'key.pem'\ntls_cert = '/etc/cert.pem'\n",
    )
    .unwrap();
    let layer: Layer<Cellar> = Layer::read(&path).unwrap();
    assert_eq!(layer.own.cellar, Some(folder.path().join("wine")));
    assert_eq!(layer.server.tls_key, Some(folder.path().join("key.pem")));
    assert_eq!(layer.server.tls_cert, Some("/etc/cert.pem".into()));
    let missing = Layer::<Cellar>::read(&folder.path().join("gone")).unwrap_err();
    assert!(missing.to_string().contains("cannot read the config file"));
}

#[test]
fn tls_that_is_half_there_is_asked_for() {
    let error = |text: &str| complete(text).unwrap_err().to_string();
    assert!(error("tls_key = 'k'").contains("tls_cert"));
    assert!(error("tls_cert = 'c'").contains("tls_key"));
    assert!(error("listen_tls = ['0.0.0.0:993']").contains("needs a certificate"));
}

#[test]
fn what_the_server_says_of_itself_may_be_nothing_and_nothing_twice() {
    let said = |text: &str| complete(text).map(|settings| settings.identification);
    assert_eq!(said("id = []").unwrap(), imap_server::Identification::nothing());
    assert_eq!(said("").unwrap(), imap_server::Identification::default());
    let twice = said("id = ['os=a', 'OS=b']").unwrap_err().to_string();
    assert!(twice.contains("OS=b"), "{twice}");
}

#[test]
fn client_certificates_need_tls() {
    let error = complete("tls_client_ca = 'c'").unwrap_err().to_string();
    assert!(error.contains("needs a certificate"), "{error}");
}

#[test]
fn only_a_server_that_is_told_nothing_listens_on_the_default_address() {
    let listen = |text: &str| complete(text).unwrap().listen;
    assert_eq!(listen(""), [DEFAULT_LISTEN]);
    assert_eq!(
        listen("listen_tls = ['0.0.0.0:993']\ntls_cert = 'c'\ntls_key = 'k'"),
        []
    );
}
