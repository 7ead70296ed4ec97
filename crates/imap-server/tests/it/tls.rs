//! STARTTLS and implicit TLS, with a certificate made for the test.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

use std::sync::Arc;

use imap_backend::{Peer, Transport};
use imap_backend_test::MemoryBackend;
use imap_server::{Server, Shutdown};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig};

use crate::common::compressed::Compressed;
use crate::common::{Client, connect, remote, within};

/// A server with a certificate, and a client side that trusts it.
fn secured() -> (Server<MemoryBackend>, TlsConnector) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(ring::default_provider());
    let server = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();
    let client = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let server = Server::builder(MemoryBackend::new("joe", "secret"))
        .tls(Arc::new(server))
        .build();
    (server, TlsConnector::from(Arc::new(client)))
}

fn localhost() -> ServerName<'static> {
    ServerName::try_from("localhost").unwrap()
}

async fn greeted(server: &Server<MemoryBackend>) -> Client {
    let mut client = connect(server, remote(), &Shutdown::new());
    let greeting = client.line().await;
    assert!(greeting.contains(" STARTTLS LOGINDISABLED"), "{greeting}");
    client
}

#[tokio::test]
async fn starttls_protects_the_login_and_sends_no_second_greeting() {
    let (server, connector) = secured();
    let mut client = greeted(&server).await;
    assert_eq!(client.ok("STARTTLS").await, ["OK begin TLS negotiation now"]);
    let mut stream = connector.connect(localhost(), client.stream).await.unwrap();
    stream
        .write_all(b"a CAPABILITY\r\nb LOGIN joe secret\r\nc STARTTLS\r\nd LOGOUT\r\n")
        .await
        .unwrap();
    let mut text = String::new();
    // The server ends its side with LOGOUT, some TLS libraries without close_notify.
    let _ = within("the end", stream.read_to_string(&mut text)).await;
    let lines: Vec<&str> = text.lines().collect();
    assert!(
        lines[0].starts_with("* CAPABILITY ") && lines[0].contains(" AUTH=PLAIN"),
        "{text}"
    );
    assert!(
        !lines[0].contains("STARTTLS") && !lines[0].contains("LOGINDISABLED"),
        "{text}"
    );
    assert!(lines[2].starts_with("b OK "), "{text}");
    assert_eq!(lines[3], "c BAD TLS is in use already");
}

/// A client that has begun TLS, logged in and compressed its connection.
async fn compressed(
    server: &Server<MemoryBackend>,
    connector: &TlsConnector,
) -> Compressed<TlsStream<DuplexStream>> {
    let mut client = greeted(server).await;
    client.ok("STARTTLS").await;
    let mut stream = connector
        .connect(localhost(), client.into_stream())
        .await
        .unwrap();
    stream
        .write_all(b"a LOGIN joe secret\r\nb COMPRESS DEFLATE\r\n")
        .await
        .unwrap();
    let mut answers = String::new();
    while !answers.ends_with("b OK DEFLATE active\r\n") {
        answers.push(char::from(stream.read_u8().await.unwrap()));
    }
    Compressed::new(stream)
}

/// RFC 4978, section 3: first COMPRESS, then TLS, whatever the order of the commands.
#[tokio::test]
async fn a_compressed_connection_is_compressed_inside_tls() {
    let (server, connector) = secured();
    let mut client = compressed(&server, &connector).await;
    client
        .send("a SELECT INBOX\r\nb IDLE\r\nDONE\r\nc LOGOUT\r\n")
        .await;
    let mut lines = Vec::new();
    while let Some(line) = client.line_or_end().await {
        lines.push(line);
    }
    assert!(lines.contains(&"b OK IDLE completed".to_owned()), "{lines:?}");
    assert_eq!(lines.last().map(String::as_str), Some("c OK LOGOUT completed"));
}

/// COMPRESS, STARTTLS and IDLE together: a change is not kept back by either of the layers.
#[tokio::test]
async fn idle_tells_a_change_at_once_through_compression_and_tls() {
    let (server, connector) = secured();
    let mut idling = compressed(&server, &connector).await;
    let mut other = compressed(&server, &connector).await;
    idling.command("SELECT INBOX").await;
    idling.send("i IDLE\r\n").await;
    assert_eq!(idling.line().await, "+ idling");
    for messages in 1..4 {
        let appended = other.command("APPEND INBOX {6+}\r\nx: 1\r\n").await;
        assert!(
            appended.last().unwrap().starts_with("OK [APPENDUID "),
            "{appended:?}"
        );
        assert_eq!(idling.line().await, format!("* {messages} EXISTS"));
        assert_eq!(idling.line().await, format!("* {messages} RECENT"));
    }
    idling.send("DONE\r\n").await;
    assert_eq!(idling.line().await, "i OK IDLE completed");
}

/// The command injection of many servers: what a third party puts behind STARTTLS must not be run inside TLS.
#[tokio::test]
async fn plaintext_behind_starttls_ends_the_connection() {
    let (server, _) = secured();
    let mut client = greeted(&server).await;
    client.send("a STARTTLS\r\nb LOGIN mallory x\r\n").await;
    assert_eq!(client.rest().await, ["* BYE cut off: octets after STARTTLS"]);
}

/// The same with the injected command arriving a little later: it spoils the handshake, and is run by nobody.
#[tokio::test]
async fn plaintext_after_the_answer_to_starttls_is_no_command() {
    let (server, _) = secured();
    let mut client = greeted(&server).await;
    client.ok("STARTTLS").await;
    client.send("b NOOP\r\n").await;
    let mut octets = Vec::new();
    within("the end", client.stream.read_to_end(&mut octets))
        .await
        .unwrap();
    assert!(!String::from_utf8_lossy(&octets).contains("b OK"), "{octets:?}");
}

#[tokio::test]
async fn without_a_certificate_there_is_no_starttls() {
    let server = Server::builder(MemoryBackend::new("joe", "secret")).build();
    let mut client = connect(&server, remote(), &Shutdown::new());
    assert!(!client.line().await.contains("STARTTLS"));
    assert_eq!(client.command("STARTTLS").await, ["BAD STARTTLS is not offered"]);
}

#[tokio::test]
async fn after_login_there_is_no_starttls() {
    let (server, _) = secured();
    let mut client = connect(&server, Peer::new(None, Transport::Plain), &Shutdown::new());
    client.line().await;
    client.ok("LOGIN joe secret").await;
    assert_eq!(client.command("STARTTLS").await, ["BAD STARTTLS after login"]);
}

#[tokio::test]
async fn implicit_tls_greets_inside_tls_and_shutdown_ends_both_listeners() {
    let (server, connector) = secured();
    let shutdown = Shutdown::new();
    let plain = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let tls = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (plain_at, tls_at) = (plain.local_addr().unwrap(), tls.local_addr().unwrap());
    let serving = tokio::spawn({
        let (server, shutdown) = (server.clone(), shutdown.clone());
        async move {
            tokio::try_join!(
                server.serve(plain, shutdown.clone()),
                server.serve_tls(tls, shutdown)
            )
            .unwrap()
        }
    });
    let mut in_clear = TcpStream::connect(plain_at).await.unwrap();
    let mut secured = connector
        .connect(localhost(), TcpStream::connect(tls_at).await.unwrap())
        .await
        .unwrap();
    let mut buffer = [0; 4];
    within("a greeting", in_clear.read_exact(&mut buffer))
        .await
        .unwrap();
    assert_eq!(&buffer, b"* OK");
    within("a greeting", secured.read_exact(&mut buffer))
        .await
        .unwrap();
    assert_eq!(&buffer, b"* OK");
    shutdown.start();
    let mut rest = String::new();
    within("BYE", in_clear.read_to_string(&mut rest)).await.unwrap();
    assert!(rest.ends_with("* BYE the server stops\r\n"), "{rest}");
    rest.clear();
    let _ = within("BYE", secured.read_to_string(&mut rest)).await;
    assert!(rest.ends_with("* BYE the server stops\r\n"), "{rest}");
    within("the end of the server", serving).await.unwrap();
}
