//! The proxy over TLS: towards the server, towards the client, and where both turn to it by STARTTLS.
#![cfg(feature = "program")]
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use imap_conform::acceptor;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// A certificate for `localhost`, and its key, as files.
struct Certificate {
    folder: TempDir,
}

impl Certificate {
    fn new() -> Self {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("certificate"), made.cert.pem()).unwrap();
        std::fs::write(folder.path().join("key"), made.signing_key.serialize_pem()).unwrap();
        Self { folder }
    }

    fn certificate(&self) -> PathBuf {
        self.folder.path().join("certificate")
    }

    fn key(&self) -> PathBuf {
        self.folder.path().join("key")
    }

    fn acceptor(&self) -> TlsAcceptor {
        acceptor(&self.certificate(), &self.key()).unwrap()
    }

    /// A client that trusts this certificate alone.
    async fn connect(&self, stream: TcpStream) -> std::io::Result<TlsStream<TcpStream>> {
        let mut roots = RootCertStore::empty();
        roots
            .add(CertificateDer::from_pem_file(self.certificate()).unwrap())
            .unwrap();
        let config = ClientConfig::builder()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = ServerName::try_from("localhost").unwrap();
        TlsConnector::from(Arc::new(config)).connect(name, stream).await
    }
}

/// `imap-conform watch`, ended with the value.
struct Watch {
    child: Child,
    stderr: BufReader<std::process::ChildStderr>,
    address: String,
}

impl Watch {
    fn start(upstream: &TcpListener, arguments: &[(&str, &Path)]) -> Self {
        let port = upstream.local_addr().unwrap().port();
        let mut command = Command::new(env!("CARGO_BIN_EXE_imap-conform"));
        command.args(["watch", "--listen", "127.0.0.1:0", "--upstream"]);
        command.arg(format!("localhost:{port}"));
        for (name, value) in arguments {
            command
                .arg(name)
                .args(Some(value).filter(|value| !value.as_os_str().is_empty()));
        }
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        stderr.read_line(&mut line).unwrap();
        let address = line
            .strip_prefix("listening on ")
            .and_then(|rest| rest.split(',').next())
            .unwrap_or_else(|| panic!("{line}"))
            .to_owned();
        Self {
            child,
            stderr,
            address,
        }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(&self.address).await.unwrap()
    }

    /// The next line of what it says beside its findings.
    fn line(&mut self) -> String {
        let mut line = String::new();
        self.stderr.read_line(&mut line).unwrap();
        line
    }

    /// The first finding's first line.
    fn finding(&mut self) -> String {
        let mut line = String::new();
        BufReader::new(self.child.stdout.as_mut().unwrap())
            .read_line(&mut line)
            .unwrap();
        line
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn upstream() -> TcpListener {
    // By this name the certificate is judged; whichever address it has first, the proxy connects to.
    TcpListener::bind("localhost:0").await.unwrap()
}

async fn hears(stream: &mut (impl tokio::io::AsyncRead + Unpin), octets: &[u8]) {
    let mut heard = vec![0; octets.len()];
    stream.read_exact(&mut heard).await.unwrap();
    assert_eq!(
        heard.escape_ascii().to_string(),
        octets.escape_ascii().to_string()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn over_tls_on_both_sides_what_is_said_is_judged() {
    let (of_server, of_proxy) = (Certificate::new(), Certificate::new());
    let sockets = upstream().await;
    let mut watch = Watch::start(
        &sockets,
        &[
            ("--tls", Path::new("")),
            ("--trusted", &of_server.certificate()),
            ("--certificate", &of_proxy.certificate()),
            ("--key", &of_proxy.key()),
        ],
    );
    let (client, server) = (watch.connect().await, sockets.accept());
    let (client, server) = tokio::join!(of_proxy.connect(client), async {
        of_server.acceptor().accept(server.await.unwrap().0).await
    });
    let (mut client, mut server) = (client.unwrap(), server.unwrap());
    for (said, answered) in [
        (&b""[..], &b"* OK ready\r\n"[..]),
        (b"a NOOP\r\n", b"* 1 EXISTS\r\n"),
        (b"", b"a OK done\r\n"),
    ] {
        client.write_all(said).await.unwrap();
        client.flush().await.unwrap();
        hears(&mut server, said).await;
        server.write_all(answered).await.unwrap();
        server.flush().await.unwrap();
        hears(&mut client, answered).await;
    }
    assert!(watch.finding().starts_with("no-mailbox: EXISTS"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_whose_certificate_is_not_trusted_is_not_spoken_to() {
    let (of_server, other) = (Certificate::new(), Certificate::new());
    let sockets = upstream().await;
    let mut watch = Watch::start(
        &sockets,
        &[("--tls", Path::new("")), ("--trusted", &other.certificate())],
    );
    let mut client = watch.connect().await;
    let (stream, _) = sockets.accept().await.unwrap();
    let refused = of_server.acceptor().accept(stream).await;
    let mut heard = Vec::new();
    client.read_to_end(&mut heard).await.unwrap();
    assert!(heard.is_empty() && refused.is_err());
    let line = watch.line();
    assert!(line.contains("invalid peer certificate"), "{line}");
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_starttls_client_and_server_have_tls_with_each_other_and_nothing_is_judged() {
    let certificate = Certificate::new();
    let sockets = upstream().await;
    let mut watch = Watch::start(&sockets, &[]);
    let mut client = watch.connect().await;
    let (mut server, _) = sockets.accept().await.unwrap();
    server.write_all(b"* OK ready\r\n").await.unwrap();
    hears(&mut client, b"* OK ready\r\n").await;
    client.write_all(b"a STARTTLS\r\n").await.unwrap();
    hears(&mut server, b"a STARTTLS\r\n").await;
    server.write_all(b"a OK begin\r\n").await.unwrap();
    hears(&mut client, b"a OK begin\r\n").await;
    let (client, server) = tokio::join!(certificate.connect(client), certificate.acceptor().accept(server));
    let (mut client, mut server) = (client.unwrap(), server.unwrap());
    // No server may say this here: nobody sees it.
    server.write_all(b"* 1 EXPUNGE\r\n").await.unwrap();
    server.flush().await.unwrap();
    hears(&mut client, b"* 1 EXPUNGE\r\n").await;
    assert!(watch.line().contains("the connection goes on in TLS"));
    watch.child.kill().unwrap();
    let mut found = String::new();
    watch
        .child
        .stdout
        .as_mut()
        .unwrap()
        .read_to_string(&mut found)
        .unwrap();
    assert_eq!(found, "");
}
