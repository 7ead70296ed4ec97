//! Another IMAP server over TLS: who it has to be, and what is believed before it is known.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

use super::common::{self, Running, Site};
use super::{MAILDIRD, arguments, files, maildir, string, text};

const BOTH: [&str; 2] = ["implicit", "starttls"];

/// Makes an authority, and a certificate of it for this name; gives the path of the authority's certificate, and what a server is
/// started with.
fn certificate(site: &Site, name: &str) -> (String, Vec<String>) {
    let authority_key = KeyPair::generate().unwrap();
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority
        .distinguished_name
        .push(DnType::CommonName, format!("Authority of {name}"));
    let certificate = authority.self_signed(&authority_key).unwrap();
    let issuer = Issuer::new(authority, authority_key);
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    let signed = params.signed_by(&key, &issuer).unwrap();
    let write = |file: &str, pem: String| {
        let path = site.path().join(file);
        fs::write(&path, pem).unwrap();
        string(&path).to_owned()
    };
    let flags = [
        "--tls-cert",
        &write(&format!("{name}.pem"), signed.pem()),
        "--tls-key",
        &write(&format!("{name}.key"), key.serialize_pem()),
    ];
    let authority = write(&format!("authority-{name}.pem"), certificate.pem());
    (authority, flags.map(str::to_owned).to_vec())
}

/// ada's mail on a server with such a certificate.
fn serve(site: &Site, flags: &[String], tls: &str) -> Running {
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    match tls {
        "implicit" => {
            let (root, users) = (site.mail_root(), site.users());
            let place = ["--mail-root", &root, "--users", &users];
            let listen = ["serve", "--listen-tls", "127.0.0.1:0"];
            common::maildird(&[&listen[..], &place, &flags].concat())
        }
        _ => site.serve(&flags),
    }
}

/// Imports from `localhost` to a user, who trusts this authority; gives the exit code and standard error.
fn import(site: &Site, user: &str, address: SocketAddr, (tls, authority): (&str, &str)) -> (i32, String) {
    let password = site.path().join("password");
    fs::write(&password, "secret\n").unwrap();
    let server = format!("localhost:{}", address.port());
    let words = [
        "import",
        "imap",
        user,
        &server,
        "--login",
        "ada",
        "--tls",
        tls,
        "--password-file",
        string(&password),
    ];
    let arguments = arguments(site, &words);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let output = MAILDIRD.run_with(&[("SSL_CERT_FILE", authority)], &arguments, "");
    (output.status.code().unwrap(), text(&output.stderr))
}

/// How many messages a user has, who may never have been served.
fn messages(site: &Site, user: &str) -> usize {
    let home = site.path().join(user).join("Maildir");
    match home.join("cur").is_dir() {
        true => files(&home).len(),
        false => 0,
    }
}

#[test]
fn mail_comes_in_over_tls_from_a_server_that_the_system_trusts() {
    let site = Site::new();
    maildir(&site.maildir(), 3);
    let (authority, flags) = certificate(&site, "localhost");
    for tls in BOTH {
        site.add_user(tls, "secret");
        let server = serve(&site, &flags, tls);
        let (code, said) = import(&site, tls, server.address, (tls, &authority));
        assert_eq!(code, 0, "{tls}: {said}");
        assert!(said.contains("imported in all: 4 messages"), "{tls}: {said}");
        assert_eq!(messages(&site, tls), 3, "{tls}");
    }
}

#[test]
fn a_certificate_for_another_name_or_of_another_authority_is_refused() {
    let site = Site::new();
    site.add_user("bob", "secret");
    maildir(&site.maildir(), 3);
    let (authority, _) = certificate(&site, "localhost");
    let (other_authority, other_name) = certificate(&site, "elsewhere.example");
    for tls in BOTH {
        let server = serve(&site, &other_name, tls);
        for (trusted, why) in [
            (&authority, "UnknownIssuer"),
            (&other_authority, "not valid for name"),
        ] {
            let (code, said) = import(&site, "bob", server.address, (tls, trusted));
            assert_eq!(code, 1, "{tls}: {said}");
            let place = format!("localhost:{}: TLS does not begin: ", server.address.port());
            assert!(said.contains(&place) && said.contains(why), "{tls}: {said}");
        }
    }
    assert_eq!(messages(&site, "bob"), 0);
}

#[test]
fn a_server_without_starttls_is_refused_and_gets_no_password() {
    let site = Site::new();
    site.add_user("bob", "secret");
    let (authority, _) = certificate(&site, "localhost");
    let server = site.serve(&[]);
    let (code, said) = import(&site, "bob", server.address, ("starttls", &authority));
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("the server does not offer STARTTLS"), "{said}");
    // Nor does one that speaks no TLS on the port for it.
    let (code, said) = import(&site, "bob", server.address, ("implicit", &authority));
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("TLS does not begin"), "{said}");
}

/// What somebody on the way makes of a line that the server says before TLS begins.
type Change = fn(&str) -> String;

/// Stands between a client and a server, once: changes what the server says before TLS, and ends the connection after so many
/// octets of it.
fn between(server: SocketAddr, change: Change, most: u64) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let (mut client, _) = listener.accept().unwrap();
        let upstream = TcpStream::connect(server).unwrap();
        let (mut from_client, mut to_server) = (
            BufReader::new(client.try_clone().unwrap()),
            upstream.try_clone().unwrap(),
        );
        let mut from_server = BufReader::new(upstream);
        // The greeting, the command, and the answer to it.
        let mut line = String::new();
        from_server.read_line(&mut line).unwrap();
        client.write_all(change(&line).as_bytes()).unwrap();
        line.clear();
        if from_client.read_line(&mut line).is_err() || to_server.write_all(line.as_bytes()).is_err() {
            return;
        }
        line.clear();
        from_server.read_line(&mut line).unwrap();
        client.write_all(change(&line).as_bytes()).unwrap();
        thread::spawn(move || {
            // Until either end has gone.
            let _ = std::io::copy(&mut from_client, &mut to_server);
        });
        let _ = std::io::copy(&mut from_server.take(most), &mut client);
        let _ = client.shutdown(Shutdown::Both);
    });
    address
}

/// RFC 9051, sections 6.2.1 and 7.1.4: what is said before TLS is of anybody.
#[test]
fn rfc9051_s6_2_1_what_comes_in_the_clear_around_starttls_is_refused() {
    let site = Site::new();
    site.add_user("bob", "secret");
    maildir(&site.maildir(), 3);
    let (authority, flags) = certificate(&site, "localhost");
    let server = serve(&site, &flags, "starttls");
    let behind_the_answer: Change = |line| match line.starts_with("* ") {
        true => line.to_owned(),
        false => format!("{line}* CAPABILITY IMAP4rev1\r\n"),
    };
    let logged_in_already: Change = |line| line.replacen("* OK", "* PREAUTH", 1);
    let goes: Change = |line| line.replacen("* OK", "* BYE", 1);
    let is_another: Change = |_| "SSH-2.0-something\r\n".to_owned();
    for (change, why) in [
        (
            behind_the_answer,
            "octets came in the clear behind the answer to STARTTLS",
        ),
        (logged_in_already, "it says that somebody is logged in"),
        (goes, "the server refuses the connection"),
        (is_another, "this is no IMAP server"),
    ] {
        let address = between(server.address, change, u64::MAX);
        let (code, said) = import(&site, "bob", address, ("starttls", &authority));
        assert_eq!(code, 1, "{why}: {said}");
        assert!(said.contains(why), "{why}: {said}");
    }
    assert_eq!(messages(&site, "bob"), 0);
    // With nobody on the way who changes anything it works.
    let address = between(server.address, str::to_owned, u64::MAX);
    let (code, said) = import(&site, "bob", address, ("starttls", &authority));
    assert_eq!(code, 0, "{said}");
    assert_eq!(messages(&site, "bob"), 3);
}

#[test]
fn an_import_over_tls_goes_on_where_the_connection_was_lost() {
    const MESSAGES: u64 = 500;
    let site = Site::new();
    site.add_user("bob", "secret");
    maildir(&site.maildir(), MESSAGES);
    let (authority, flags) = certificate(&site, "localhost");
    let server = serve(&site, &flags, "starttls");
    let mut there = Vec::new();
    // Within the handshake, the list of messages, the messages.
    for most in [1_000, 20_000, 70_000, 100_000] {
        let address = between(server.address, str::to_owned, most);
        let (code, said) = import(&site, "bob", address, ("starttls", &authority));
        assert_eq!(code, 1, "{most}: {said}");
        assert!(said.contains("closed"), "{most}: {said}");
        there.push(messages(&site, "bob"));
    }
    assert!(there.is_sorted() && there[0] == 0, "{there:?}");
    assert!(
        there.iter().any(|&some| some > 0 && (some as u64) < MESSAGES),
        "{there:?}"
    );
    let (code, said) = import(&site, "bob", server.address, ("starttls", &authority));
    assert_eq!(code, 0, "{said}");
    let mut texts: Vec<String> = files(&site.path().join("bob/Maildir"))
        .iter()
        .map(|file| fs::read_to_string(file).unwrap())
        .collect();
    texts.sort();
    texts.dedup();
    assert_eq!(texts.len() as u64, MESSAGES);
    assert_eq!(messages(&site, "bob") as u64, MESSAGES, "none is there twice");
}
