//! TLS from the start, and when it is asked for.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod common;

use common::{Client, PATIENCE};
use imap_test_server::TestServer;
use std::sync::Arc;
use tokio::io::DuplexStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

async fn secured(server: &TestServer, stream: DuplexStream) -> Client<TlsStream<DuplexStream>> {
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from(server.certificate_der().to_vec()))
        .unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").unwrap();
    let handshake = TlsConnector::from(Arc::new(config)).connect(name, stream);
    Client::new(timeout(PATIENCE, handshake).await.expect("a handshake").unwrap())
}

#[tokio::test]
async fn a_server_with_tls_greets_behind_the_handshake() {
    let server = TestServer::builder().tls().start();
    let mut client = secured(&server, server.connect()).await;
    let greeting = client.line().await.unwrap();
    assert!(
        greeting.starts_with("* OK") && !greeting.contains("STARTTLS"),
        "{greeting}"
    );
    client.ok("LOGIN joe secret").await;
    assert!(
        server
            .certificate_pem()
            .starts_with("-----BEGIN CERTIFICATE-----")
    );
}

#[tokio::test]
async fn starttls_begins_anew_forgets_what_came_behind_it_and_greets_once() {
    let server = TestServer::builder().starttls().require_tls().start();
    let mut client = Client::of(&server).await;
    assert!(client.command("LOGIN joe secret").await[0].starts_with("t NO"));
    // A command behind STARTTLS in the clear is not executed (RFC 9051, section 6.2.1).
    client.send("s STARTTLS\r\nx NOOP\r\n").await;
    assert_eq!(client.lines_to("s").await, ["s OK begin TLS negotiation now"]);
    let mut client = secured(&server, client.into_inner()).await;
    client.ok("LOGIN joe secret").await;
    let transcript = server.transcript();
    assert!(
        !transcript.contains(": x OK") && transcript.matches(": * OK").count() == 1,
        "{transcript}"
    );
}

/// A client that waits for nothing begins its handshake while the server has yet to note that its answer is sent.
#[tokio::test]
async fn a_handshake_that_comes_at_once_is_not_read_as_a_command() {
    let server = TestServer::builder().starttls().in_pieces_of(1).start();
    for _ in 0..200 {
        let mut client = Client::of(&server).await;
        client.ok("STARTTLS").await;
        let mut client = secured(&server, client.into_inner()).await;
        client.ok("NOOP").await;
    }
}
