use super::*;

/// The example with every commented-out key put in.
fn example_in_full() -> String {
    let keys = |line: &str| {
        let commented = line
            .strip_prefix('#')
            .filter(|rest| rest.starts_with(|c: char| c.is_ascii_lowercase()));
        commented
            .filter(|rest| rest.contains(" = "))
            .map_or_else(|| line.to_owned(), str::to_owned)
    };
    EXAMPLE.lines().map(|line| keys(line) + "\n").collect()
}

fn parse(text: &str) -> Layer {
    Layer::parse(text).unwrap()
}

fn error(text: &str) -> String {
    Layer::parse(text).unwrap_err().to_string()
}

#[test]
fn the_example_file_parses_as_it_is_and_with_every_key_in_it() {
    let plain = parse(EXAMPLE);
    assert!(plain.mail_root.is_some() && plain.users.is_some());
    plain.complete().unwrap();
    let full = parse(&example_in_full());
    full.clone().complete().unwrap();
    assert!(
        full.tls_cert.is_some()
            && full.tls_key.is_some()
            && !full.listen.is_empty()
            && !full.listen_tls.is_empty()
    );
    let table: toml::Table = example_in_full().parse().unwrap();
    let limits: Vec<_> = table["limits"]
        .as_table()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    let mut names = LimitsLayer::NAMES.to_vec();
    names.sort_unstable();
    assert_eq!(limits, names, "the example shows every limit");
    assert_eq!(table.len(), KEYS, "the example shows every key");
}

/// How many fields [`Layer`] has; the pattern does not compile when one is added and not counted.
const KEYS: usize = {
    #[allow(dead_code)]
    fn all(layer: Layer) {
        let Layer {
            listen: _,
            listen_tls: _,
            mail_root: _,
            mail_root_links: _,
            users: _,
            tls_cert: _,
            tls_key: _,
            plaintext_login: _,
            log_level: _,
            log_format: _,
            limits: _,
        } = layer;
    }
    11
};

#[test]
fn the_values_in_the_example_are_the_defaults() {
    let full = parse(&example_in_full()).complete().unwrap();
    let bare = parse("mail_root = '/m/%u'\nusers = 'u'").complete().unwrap();
    assert_eq!(full.listen, bare.listen);
    assert_eq!(full.mail_root_links, bare.mail_root_links);
    assert_eq!(full.plaintext_login, bare.plaintext_login);
    assert_eq!(full.log_level, bare.log_level);
    assert_eq!(full.log_format, bare.log_format);
    let limits = |settings: &Settings| {
        format!(
            "{:#?}",
            settings.limits.over_server(imap_server::Limits::default())
        )
    };
    assert_eq!(limits(&full), limits(&bare));
}

#[test]
fn unknown_keys_and_wrong_values_are_named_with_their_line() {
    for (text, line, what) in [
        ("users = 'u'\nlissten = []\n", 2, "lissten"),
        ("\n[limits]\nconections = 5\n", 3, "conections"),
        ("users = 'u'\nlisten = ['127.0.0.1']\n", 2, "is not IP:PORT"),
        ("listen = ['localhost:143']\n", 1, "is not IP:PORT"),
        ("mail_root = '/var/mail'\n", 1, "no %u"),
        ("[limits]\nlogin_time = 60\n", 2, "is no time"),
        ("[limits]\nconnections = 0\n", 2, "is no number from 1"),
        ("[limits]\nappend = '1PiB'\n", 2, "is no size"),
        ("log_level = 'loud'\n", 1, "is no log level"),
        ("log_format = 'xml'\n", 1, "`xml`"),
        ("mail_root_links = 'yes'\n", 1, "follow"),
        ("plaintext_login = 'always'\n", 1, "from-loopback"),
        ("users = \n", 1, "TOML parse error"),
    ] {
        let error = error(text);
        assert!(
            error.contains(&format!("line {line}")) && error.contains(what),
            "{text}\n{error}"
        );
    }
}

#[test]
fn flags_go_over_the_file_and_a_list_replaces_a_list() {
    let file = parse(
        "listen = ['127.0.0.1:1', '127.0.0.1:2']\nusers = 'file'\nlog_level = 'warn'\nmail_root = '/m/%u'\n\
         [limits]\nconnections = 5\nliterals = 6\n",
    );
    let flags = Layer {
        listen: vec!["127.0.0.1:3".parse().unwrap()],
        users: Some("flag".into()),
        limits: "connections=7".parse().unwrap(),
        ..Layer::default()
    };
    let both = flags.over(file).complete().unwrap();
    assert_eq!(both.listen, ["127.0.0.1:3".parse().unwrap()]);
    assert_eq!(both.users, Path::new("flag"));
    assert_eq!(both.log_level, "warn".parse().unwrap());
    let limits = parse("[limits]\nconnections = 7\nliterals = 6\n").limits;
    assert_eq!(both.limits, limits);
}

#[test]
fn relative_paths_in_a_file_start_at_its_folder() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("maildird.toml");
    std::fs::write(
        &path,
        "mail_root = 'mail/%u'\nusers = 'users'\ntls_cert = '/etc/cert.pem'\n",
    )
    .unwrap();
    let layer = Layer::read(&path).unwrap();
    assert_eq!(layer.users, Some(folder.path().join("users")));
    assert_eq!(layer.tls_cert, Some("/etc/cert.pem".into()));
    assert_eq!(layer.mail_root.unwrap().fixed(), folder.path().join("mail"));
    assert!(
        Layer::read(&folder.path().join("gone"))
            .unwrap_err()
            .to_string()
            .contains("cannot read the config file")
    );
}

#[test]
fn what_has_no_default_or_is_half_there_is_asked_for() {
    let complete = |text: &str| parse(text).complete().map(drop).unwrap_err().to_string();
    assert!(complete("users = 'u'").contains("--mail-root"));
    assert!(complete("mail_root = '/m/%u'").contains("--users"));
    let base = "mail_root = '/m/%u'\nusers = 'u'\n";
    assert!(complete(&format!("{base}tls_key = 'k'")).contains("tls_cert"));
    assert!(complete(&format!("{base}tls_cert = 'c'")).contains("tls_key"));
    assert!(complete(&format!("{base}listen_tls = ['0.0.0.0:993']")).contains("needs a certificate"));
}

#[test]
fn only_a_server_that_is_told_nothing_listens_on_the_default_address() {
    let base = "mail_root = '/m/%u'\nusers = 'u'\n";
    let listen = |more: &str| parse(&format!("{base}{more}")).complete().unwrap().listen;
    assert_eq!(listen(""), [DEFAULT_LISTEN]);
    assert_eq!(
        listen("listen_tls = ['0.0.0.0:993']\ntls_cert = 'c'\ntls_key = 'k'"),
        []
    );
}
