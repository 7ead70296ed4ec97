//! AUTHENTICATE: every mechanism, with a backend that takes every kind of proof.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

use std::sync::Arc;

use base64ct::{Base64, Encoding};
use imap_backend::{
    Backend, Claim, Credentials, Error, LoginError, LoginKind, Logins, Peer, Proof, ScramKeys,
};
use imap_backend_test::MemoryBackend;
use imap_server::{LoginMechanism, OAuth, Server, Shutdown};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use ring::{digest, hmac, pbkdf2};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring as provider;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig};

use crate::common::{Client, World, connect, local, remote};

/// RFC 7677, section 3: the user `user` with the password `pencil`.
const KEYS: &str = "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:\
                    wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=";

/// One user, by every door.
struct Doors(MemoryBackend);

impl Backend for Doors {
    type Session = <MemoryBackend as Backend>::Session;

    fn logins(&self) -> Logins {
        Logins::default()
            .with(LoginKind::Scram)
            .with(LoginKind::Bearer)
            .with(LoginKind::Certificate)
    }

    async fn scram_keys(&self, user: &str) -> Result<Option<ScramKeys>, Error> {
        Ok((user == "user").then(|| KEYS.parse().unwrap()))
    }

    async fn identify(&self, _: &Peer, claim: &Claim) -> Result<String, LoginError> {
        let is_valid = match claim {
            Claim::Bearer { token, .. } => token == "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==",
            Claim::Certificate { certificate, .. } => !certificate.is_empty(),
            _ => false,
        };
        let user = claim.user().unwrap_or("user");
        match is_valid && matches!(user, "user" | "user@example.com") {
            true => Ok("user".to_owned()),
            false => Err(LoginError::Refused),
        }
    }

    async fn login(&self, peer: &Peer, credentials: Credentials) -> Result<Self::Session, LoginError> {
        let password = match credentials.proof() {
            Proof::Password(password) => password.clone(),
            Proof::Verified => "pencil".to_owned(),
            _ => return Err(LoginError::Refused),
        };
        let user = credentials.user().to_owned();
        self.0.login(peer, Credentials::new(user, password)).await
    }
}

fn doors() -> Server<Doors> {
    Server::builder(Doors(MemoryBackend::new("user", "pencil"))).build()
}

async fn greeted(server: &Server<Doors>, peer: Peer) -> (Client, String) {
    let mut client = connect(server, peer, &Shutdown::new());
    let greeting = client.line().await;
    (client, greeting)
}

fn base64(text: impl AsRef<[u8]>) -> String {
    Base64::encode_string(text.as_ref())
}

/// The mechanisms in a list of capabilities.
fn offered(capabilities: &str) -> Vec<&str> {
    let words = capabilities.split([' ', '[', ']']);
    words.filter_map(|word| word.strip_prefix("AUTH=")).collect()
}

/// The client's side of SCRAM, as RFC 5802, section 3 has it.
struct Scram {
    header: &'static str,
    bare: String,
    bound: Vec<u8>,
}

impl Scram {
    fn new(header: &'static str, user: &str) -> Self {
        Self {
            header,
            bare: format!("n={user},r=rOprNGfwEbeRWgbNEkqO"),
            bound: Vec::new(),
        }
    }

    fn first(&self) -> String {
        base64(format!("{}{}", self.header, self.bare))
    }

    /// The last message, and what the server has to answer.
    fn last(&self, challenge: &str, password: &str) -> (String, String) {
        let challenge = Base64::decode_vec(challenge.strip_prefix("+ ").unwrap()).unwrap();
        let challenge = String::from_utf8(challenge).unwrap();
        let part = |name: &str| {
            let mut parts = challenge.split(',');
            parts.find_map(|part| part.strip_prefix(name)).unwrap().to_owned()
        };
        assert!(part("r=").starts_with("rOprNGfwEbeRWgbNEkqO"));
        let mut salted = [0; 32];
        pbkdf2::derive(
            pbkdf2::PBKDF2_HMAC_SHA256,
            // As few as a test can afford where the server asks for many; then the proof is wrong anyway.
            part("i=").parse::<u32>().unwrap().min(4096).try_into().unwrap(),
            &Base64::decode_vec(&part("s=")).unwrap(),
            password.as_bytes(),
            &mut salted,
        );
        let sign = |key: &[u8], text: &[u8]| hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text);
        let client_key = sign(&salted, b"Client Key");
        let stored_key = digest::digest(&digest::SHA256, client_key.as_ref());
        let binding = base64([self.header.as_bytes(), &self.bound].concat());
        let without_proof = format!("c={binding},r={}", part("r="));
        let exchange = format!("{},{challenge},{without_proof}", self.bare);
        let signature = sign(stored_key.as_ref(), exchange.as_bytes());
        let pairs = client_key.as_ref().iter().zip(signature.as_ref());
        let proof: Vec<u8> = pairs.map(|(key, signature)| key ^ signature).collect();
        let server_key = sign(&salted, b"Server Key");
        let server = sign(server_key.as_ref(), exchange.as_bytes());
        (
            base64(format!("{without_proof},p={}", base64(proof))),
            format!("+ {}", base64(format!("v={}", base64(server)))),
        )
    }
}

/// RFC 9051, section 7.2.2: what is listed can be used, and what cannot is not.
#[tokio::test(start_paused = true)]
async fn what_shows_a_secret_is_offered_where_nobody_can_listen_and_scram_everywhere() {
    let server = doors();
    let (_client, greeting) = greeted(&server, local()).await;
    assert_eq!(
        offered(&greeting),
        ["SCRAM-SHA-256", "OAUTHBEARER", "XOAUTH2", "PLAIN"]
    );
    let (mut client, greeting) = greeted(&server, remote()).await;
    assert_eq!(offered(&greeting), ["SCRAM-SHA-256"]);
    assert!(greeting.contains(" LOGINDISABLED"), "{greeting}");
    for mechanism in ["PLAIN", "OAUTHBEARER", "XOAUTH2"] {
        assert_eq!(
            client.command(&format!("AUTHENTICATE {mechanism} abcd")).await,
            ["NO [PRIVACYREQUIRED] start TLS before logging in"]
        );
    }
    for mechanism in ["LOGIN", "EXTERNAL", "SCRAM-SHA-256-PLUS", "CRAM-MD5"] {
        assert_eq!(
            client.command(&format!("AUTHENTICATE {mechanism}")).await,
            ["NO [CANNOT] the mechanism is not offered"]
        );
    }
    let mut client = World::new().connect().await;
    assert_eq!(
        client.command("AUTHENTICATE SCRAM-SHA-256 abcd").await,
        ["NO [CANNOT] the mechanism is not offered"]
    );
}

/// RFC 7677, section 3, but for the server's part of the nonce; its numbers are in `sasl/scram.rs`.
#[tokio::test(start_paused = true)]
async fn rfc7677_3_scram_logs_in_with_and_without_an_initial_response_also_in_the_clear() {
    for initial in [true, false] {
        let (mut client, _) = greeted(&doors(), remote()).await;
        let scram = Scram::new("n,,", "user");
        if initial {
            client
                .send(format!("a AUTHENTICATE SCRAM-SHA-256 {}\r\n", scram.first()))
                .await;
        } else {
            client.send("a AUTHENTICATE SCRAM-SHA-256\r\n").await;
            assert_eq!(client.line().await, "+ ");
            client.send(format!("{}\r\n", scram.first())).await;
        }
        let (last, server_final) = scram.last(&client.line().await, "pencil");
        client.send(format!("{last}\r\n")).await;
        assert_eq!(client.line().await, server_final);
        client.send("\r\n").await;
        let answer = client.line().await;
        assert!(answer.starts_with("a OK [CAPABILITY "), "{answer}");
        client.ok("SELECT INBOX").await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_wrong_password_and_an_unknown_user_are_asked_alike_and_refused_alike() {
    let (mut client, _) = greeted(&doors(), local()).await;
    let mut asked = Vec::new();
    for user in ["user", "nobody", "nobody"] {
        let scram = Scram::new("n,,", user);
        client
            .send(format!("a AUTHENTICATE SCRAM-SHA-256 {}\r\n", scram.first()))
            .await;
        let challenge = client.line().await;
        let (last, _) = scram.last(&challenge, "crayon");
        let text = Base64::decode_vec(&challenge[2..]).unwrap();
        let text = String::from_utf8(text).unwrap();
        asked.push(text.split_once(",s=").unwrap().1.to_owned());
        client.send(format!("{last}\r\n")).await;
        assert_eq!(
            client.line().await,
            "a NO [AUTHENTICATIONFAILED] wrong user name or password"
        );
    }
    assert_eq!(asked[1], asked[2], "the salt of nobody is always the same");
    assert_eq!(
        asked[0].len(),
        asked[1].len() - 2,
        "but for i=4096 of the example"
    );
}

#[tokio::test(start_paused = true)]
async fn failed_proofs_count_and_cost_as_wrong_passwords_do() {
    let (mut client, _) = greeted(&doors(), local()).await;
    for _ in 0..10 {
        let scram = Scram::new("n,,", "user");
        client
            .send(format!("a AUTHENTICATE SCRAM-SHA-256 {}\r\n", scram.first()))
            .await;
        let (last, _) = scram.last(&client.line().await, "crayon");
        client.send(format!("{last}\r\n")).await;
        assert!(client.line().await.starts_with("a NO [AUTHENTICATIONFAILED] "));
    }
    assert_eq!(client.rest().await, ["* BYE cut off: too many failed logins"]);
}

#[tokio::test(start_paused = true)]
async fn what_is_no_scram_message_is_bad_and_nobody_acts_for_another() {
    let (mut client, _) = greeted(&doors(), local()).await;
    for (message, answer) in [
        ("", "BAD not a SCRAM message (RFC 5802, section 7)"),
        (
            "n,,m=x,n=user,r=y",
            "BAD not a SCRAM message (RFC 5802, section 7)",
        ),
        (
            "n,a=ann,n=user,r=y",
            "NO [AUTHORIZATIONFAILED] nobody may act for somebody else",
        ),
        (
            "p=tls-exporter,,n=user,r=y",
            "BAD the channel binding does not fit the mechanism",
        ),
    ] {
        let initial = if message.is_empty() {
            "=".to_owned()
        } else {
            base64(message)
        };
        let command = format!("AUTHENTICATE SCRAM-SHA-256 {initial}");
        assert_eq!(client.command(&command).await, [answer], "{message}");
    }
}

/// RFC 7628, section 4.1: the message of the example.
#[tokio::test(start_paused = true)]
async fn rfc7628_4_1_a_bearer_token_logs_in() {
    let (mut client, _) = greeted(&doors(), local()).await;
    let message = "bixhPXVzZXJAZXhhbXBsZS5jb20sAWhvc3Q9c2VydmVyLmV4YW1wbGUuY29tAXBvcnQ9MTQzAWF1dGg9QmVhcmVyI\
                   HZGOWRmdDRxbVRjMk52YjNSbGNrQmhiSFJoZG1semRHRXVZMjl0Q2c9PQEB";
    let answer = client.ok(&format!("AUTHENTICATE OAUTHBEARER {message}")).await;
    assert!(answer[0].starts_with("OK [CAPABILITY "), "{answer:?}");
    client.ok("SELECT INBOX").await;
}

/// RFC 7628, section 4.2 and 4.3: the server says why, the client answers with a dummy, and only then comes the NO.
#[tokio::test(start_paused = true)]
async fn rfc7628_4_3_a_refused_token_is_answered_with_where_to_get_another() {
    let server = Server::builder(Doors(MemoryBackend::new("user", "pencil")))
        .oauth(
            OAuth::default()
                .scope("example_scope")
                .openid_configuration("https://example.com/.well-known/openid-configuration"),
        )
        .build();
    let (mut client, _) = greeted(&server, local()).await;
    for (mechanism, message, status) in [
        (
            "OAUTHBEARER",
            "n,a=user,\u{1}auth=Bearer wrong\u{1}\u{1}",
            "invalid_token",
        ),
        ("OAUTHBEARER", "n,a=ann,\u{1}auth=\u{1}\u{1}", "invalid_token"),
        ("XOAUTH2", "user=user\u{1}auth=Bearer wrong\u{1}\u{1}", "400"),
    ] {
        client.send(format!("a AUTHENTICATE {mechanism}\r\n")).await;
        assert_eq!(client.line().await, "+ ");
        client.send(format!("{}\r\n", base64(message))).await;
        let json = format!(
            "{{\"status\":\"{status}\",\"scope\":\"example_scope\",\
             \"openid-configuration\":\"https://example.com/.well-known/openid-configuration\"}}"
        );
        assert_eq!(client.line().await, format!("+ {}", base64(json)));
        client.send("AQ==\r\n").await;
        assert_eq!(
            client.line().await,
            "a NO [AUTHENTICATIONFAILED] wrong user name or password"
        );
    }
    client.ok("LOGIN user pencil").await;
}

#[tokio::test(start_paused = true)]
async fn xoauth2_logs_in() {
    let (mut client, _) = greeted(&doors(), local()).await;
    let message = base64("user=user\u{1}auth=Bearer vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==\u{1}\u{1}");
    client.ok(&format!("AUTHENTICATE XOAUTH2 {message}")).await;
}

/// draft-murchison-sasl-login: two questions, the first of which an initial response answers.
#[tokio::test(start_paused = true)]
async fn login_is_offered_where_the_operator_wants_it() {
    let server = Server::builder(MemoryBackend::new("joe", "secret"))
        .login_mechanism(LoginMechanism::Offered)
        .build();
    for initial in [true, false] {
        let mut client = connect(&server, local(), &Shutdown::new());
        assert!(client.line().await.contains(" AUTH=PLAIN AUTH=LOGIN]"));
        if initial {
            client.send("a AUTHENTICATE LOGIN am9l\r\n").await;
        } else {
            client.send("a AUTHENTICATE LOGIN\r\n").await;
            assert_eq!(client.line().await, "+ VXNlcm5hbWU6");
            client.send("am9l\r\n").await;
        }
        assert_eq!(client.line().await, "+ UGFzc3dvcmQ6");
        client.send("c2VjcmV0\r\n").await;
        assert!(client.line().await.starts_with("a OK [CAPABILITY "));
    }
}

/// Certificates of an authority: the server's, and a client's.
struct Pki {
    authority: CertificateDer<'static>,
    server: (CertificateDer<'static>, PrivateKeyDer<'static>),
    client: (CertificateDer<'static>, PrivateKeyDer<'static>),
}

fn pki() -> Pki {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = params.self_signed(&key).unwrap().der().clone();
    let issuer = Issuer::new(params, key);
    let signed = |name: &str| {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &issuer).unwrap();
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        (certificate.der().clone(), key)
    };
    Pki {
        server: signed("localhost"),
        client: signed("user"),
        authority,
    }
}

/// A server that asks for client certificates.
fn secured(pki: &Pki) -> Server<Doors> {
    let mut roots = RootCertStore::empty();
    roots.add(pki.authority.clone()).unwrap();
    let provider = Arc::new(provider::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
        .allow_unauthenticated()
        .build()
        .unwrap();
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier)
        .with_single_cert(vec![pki.server.0.clone()], pki.server.1.clone_key())
        .unwrap();
    Server::builder(Doors(MemoryBackend::new("user", "pencil")))
        .tls(Arc::new(config))
        .build()
}

/// Does a client have a certificate?
enum Own {
    Certificate,
    Nothing,
}

async fn in_tls(pki: &Pki, server: &Server<Doors>, own: Own) -> TlsStream<DuplexStream> {
    let (mut client, _) = greeted(server, remote()).await;
    client.ok("STARTTLS").await;
    let mut roots = RootCertStore::empty();
    roots.add(pki.authority.clone()).unwrap();
    let builder = ClientConfig::builder_with_provider(Arc::new(provider::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    let config = match own {
        Own::Certificate => builder
            .with_client_auth_cert(vec![pki.client.0.clone()], pki.client.1.clone_key())
            .unwrap(),
        Own::Nothing => builder.with_no_client_auth(),
    };
    TlsConnector::from(Arc::new(config))
        .connect(ServerName::try_from("localhost").unwrap(), client.into_stream())
        .await
        .unwrap()
}

async fn line(stream: &mut TlsStream<DuplexStream>) -> String {
    let mut line = String::new();
    while !line.ends_with("\r\n") {
        line.push(char::from(stream.read_u8().await.unwrap()));
    }
    line.trim_end().to_owned()
}

async fn send(stream: &mut TlsStream<DuplexStream>, text: String) {
    stream.write_all(text.as_bytes()).await.unwrap();
    stream.flush().await.unwrap();
}

/// RFC 5802, section 6; RFC 9266.
#[tokio::test]
async fn scram_plus_is_bound_to_the_tls_session() {
    let pki = pki();
    let server = secured(&pki);
    for (spoilt, answer) in [
        (false, "b OK [CAPABILITY "),
        (true, "b NO [AUTHENTICATIONFAILED] "),
    ] {
        let mut stream = in_tls(&pki, &server, Own::Nothing).await;
        send(&mut stream, "a CAPABILITY\r\n".to_owned()).await;
        assert_eq!(
            offered(&line(&mut stream).await),
            [
                "SCRAM-SHA-256-PLUS",
                "SCRAM-SHA-256",
                "OAUTHBEARER",
                "XOAUTH2",
                "PLAIN"
            ]
        );
        line(&mut stream).await;
        let mut scram = Scram::new("p=tls-exporter,,", "user");
        let label = b"EXPORTER-Channel-Binding";
        let session = stream.get_ref().1;
        scram.bound = session
            .export_keying_material([0; 32], label, Some(&[]))
            .unwrap()
            .to_vec();
        // Somebody between the two has two sessions.
        scram.bound[0] ^= u8::from(spoilt);
        send(
            &mut stream,
            format!("b AUTHENTICATE SCRAM-SHA-256-PLUS {}\r\n", scram.first()),
        )
        .await;
        let (last, server_final) = scram.last(&line(&mut stream).await, "pencil");
        send(&mut stream, format!("{last}\r\n")).await;
        if !spoilt {
            assert_eq!(line(&mut stream).await, server_final);
            send(&mut stream, "\r\n".to_owned()).await;
        }
        let got = line(&mut stream).await;
        assert!(got.starts_with(answer), "{got}");
    }
}

/// RFC 5802, section 6: a client that could bind and was not offered it has to be warned.
#[tokio::test]
async fn a_client_that_was_kept_from_binding_is_refused() {
    let pki = pki();
    let mut stream = in_tls(&pki, &secured(&pki), Own::Nothing).await;
    let scram = Scram::new("y,,", "user");
    send(
        &mut stream,
        format!("a AUTHENTICATE SCRAM-SHA-256 {}\r\n", scram.first()),
    )
    .await;
    assert_eq!(
        line(&mut stream).await,
        "a NO [AUTHENTICATIONFAILED] SCRAM-SHA-256-PLUS is offered, and somebody has hidden it"
    );
}

/// RFC 4422, appendix A; RFC 8437, section 4.2: the certificate outlives the login.
#[tokio::test]
async fn external_logs_in_who_has_a_certificate_as_itself_only_and_again_after_unauthenticate() {
    let pki = pki();
    let server = secured(&pki);
    let mut stream = in_tls(&pki, &server, Own::Certificate).await;
    send(&mut stream, "a CAPABILITY\r\n".to_owned()).await;
    assert_eq!(offered(&line(&mut stream).await)[0], "EXTERNAL");
    line(&mut stream).await;
    send(
        &mut stream,
        format!("b AUTHENTICATE EXTERNAL {}\r\n", base64("ann")),
    )
    .await;
    assert!(
        line(&mut stream)
            .await
            .starts_with("b NO [AUTHENTICATIONFAILED] ")
    );
    for initial in ["=".to_owned(), base64("user")] {
        send(&mut stream, format!("c AUTHENTICATE EXTERNAL {initial}\r\n")).await;
        assert!(line(&mut stream).await.starts_with("c OK [CAPABILITY "));
        send(&mut stream, "d UNAUTHENTICATE\r\n".to_owned()).await;
        assert_eq!(line(&mut stream).await, "d OK UNAUTHENTICATE completed");
    }
    let mut stream = in_tls(&pki, &server, Own::Nothing).await;
    send(&mut stream, "a AUTHENTICATE EXTERNAL =\r\n".to_owned()).await;
    assert_eq!(
        line(&mut stream).await,
        "a NO [CANNOT] the mechanism is not offered"
    );
}
