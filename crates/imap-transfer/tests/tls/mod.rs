//! Another IMAP server over TLS: who it has to be, and what is believed before it is known. The tests of each program that imports,
//! which say by [`Here`] how it does so.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Output;
use std::thread;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

use super::Here;
use crate::common::Running;

/// Where the mail of ada is, password `secret`, and that of others will be; with the program that serves it and imports.
pub trait Mail {
    /// With so many messages in ada's INBOX, and one in another mailbox.
    fn new(messages: u64) -> Self;

    /// A folder that goes with the mail.
    fn folder(&self) -> &Path;

    /// Adds a user, who has no mail.
    fn add_user(&self, name: &str);

    /// Starts a server.
    fn serve(&self, arguments: &[&str]) -> Running;

    /// Runs `import imap`, with variables of its environment.
    fn import(&self, variables: &[(&str, &str)], arguments: &[&str]) -> Output;

    /// The messages in a user's INBOX, in no order: something by which each is known.
    fn inbox(&self, user: &str) -> Vec<String>;
}

const BOTH: [&str; 2] = ["implicit", "starttls"];

/// Makes an authority, and a certificate of it for this name; gives the path of the authority's certificate, and what a server is
/// started with.
fn certificate(site: &Here, name: &str) -> (String, Vec<String>) {
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
        let path = site.folder().join(file);
        fs::write(&path, pem).unwrap();
        path.to_str().unwrap().to_owned()
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

/// A server with such a certificate.
fn serve(site: &Here, flags: &[String], tls: &str) -> Running {
    let listen = match tls {
        "implicit" => "--listen-tls",
        _ => "--listen",
    };
    let flags = flags.iter().map(String::as_str);
    let arguments: Vec<&str> = [listen, "127.0.0.1:0"].into_iter().chain(flags).collect();
    site.serve(&arguments)
}

/// Imports from `localhost` to a user, who trusts this authority; gives the exit code and standard error.
fn import(site: &Here, user: &str, address: SocketAddr, (tls, authority): (&str, &str)) -> (i32, String) {
    let password = site.folder().join("password");
    fs::write(&password, "secret\n").unwrap();
    let (server, password) = (
        format!("localhost:{}", address.port()),
        password.to_str().unwrap(),
    );
    let login = ["--login", "ada", "--tls", tls, "--password-file", password];
    let arguments = [&[user, &server], &login[..]].concat();
    let output = site.import(&[("SSL_CERT_FILE", authority)], &arguments);
    let said = String::from_utf8(output.stderr).unwrap();
    (output.status.code().unwrap(), said)
}

#[test]
fn mail_comes_in_over_tls_from_a_server_that_the_system_trusts() {
    let site = Here::new(3);
    let (authority, flags) = certificate(&site, "localhost");
    for tls in BOTH {
        site.add_user(tls);
        let server = serve(&site, &flags, tls);
        let (code, said) = import(&site, tls, server.address, (tls, &authority));
        assert_eq!(code, 0, "{tls}: {said}");
        assert!(said.contains("imported in all: 4 messages"), "{tls}: {said}");
        assert_eq!(site.inbox(tls).len(), 3, "{tls}");
    }
}

#[test]
fn a_certificate_for_another_name_or_of_another_authority_is_refused() {
    let site = Here::new(3);
    site.add_user("bob");
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
    assert_eq!(site.inbox("bob").len(), 0);
}

#[test]
fn a_server_without_starttls_is_refused_and_gets_no_password() {
    let site = Here::new(0);
    site.add_user("bob");
    let (authority, _) = certificate(&site, "localhost");
    let server = serve(&site, &[], "starttls");
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
    let site = Here::new(3);
    site.add_user("bob");
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
    assert_eq!(site.inbox("bob").len(), 0);
    // With nobody on the way who changes anything it works.
    let address = between(server.address, str::to_owned, u64::MAX);
    let (code, said) = import(&site, "bob", address, ("starttls", &authority));
    assert_eq!(code, 0, "{said}");
    assert_eq!(site.inbox("bob").len(), 3);
}

#[test]
fn an_import_over_tls_goes_on_where_the_connection_was_lost() {
    const MESSAGES: u64 = 500;
    let site = Here::new(MESSAGES);
    site.add_user("bob");
    let (authority, flags) = certificate(&site, "localhost");
    let server = serve(&site, &flags, "starttls");
    let mut there = Vec::new();
    // Within the handshake, the list of messages, the messages.
    for most in [1_000, 20_000, 70_000, 100_000] {
        let address = between(server.address, str::to_owned, most);
        let (code, said) = import(&site, "bob", address, ("starttls", &authority));
        assert_eq!(code, 1, "{most}: {said}");
        assert!(said.contains("closed"), "{most}: {said}");
        there.push(site.inbox("bob").len());
    }
    assert!(there.is_sorted() && there[0] == 0, "{there:?}");
    assert!(
        there.iter().any(|&some| some > 0 && (some as u64) < MESSAGES),
        "{there:?}"
    );
    let (code, said) = import(&site, "bob", server.address, ("starttls", &authority));
    assert_eq!(code, 0, "{said}");
    let mut texts = site.inbox("bob");
    assert_eq!(texts.len() as u64, MESSAGES);
    texts.sort();
    texts.dedup();
    assert_eq!(texts.len() as u64, MESSAGES, "none is there twice");
}
