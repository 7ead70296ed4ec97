//! Certificates: read from PEM files, and read again on request.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use ::ring::digest;
use rustls_pki_types::pem::{self, PemObject};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::server::danger::ClientCertVerifier;
use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert, WebPkiClientVerifier};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::{self, RootCertStore, ServerConfig};

/// Where the certificate and its key are, both PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate, followed by those that lead to the root.
    pub certificate: PathBuf,
    /// Its private key: PKCS#8, PKCS#1 or SEC1.
    pub key: PathBuf,
}

/// Why a certificate cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file cannot be read.
    #[error("cannot read the TLS {what} {}: {source}", path.display())]
    Io {
        /// `certificate`, `key` or `client authorities`.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// A file holds something else.
    #[error("{} is not a PEM file with a {what}: {why}", path.display())]
    NotPem {
        /// `certificate` or `private key`.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The key is of an unknown kind, or belongs to another certificate.
    #[error("the key {} cannot be used with the certificate {}: {why}", key.display(), certificate.display())]
    Mismatch {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// What the TLS library said.
        why: String,
    },
    /// The TLS library refused its own settings.
    #[error("cannot set up TLS: {0}")]
    Setup(String),
}

/// A certificate that new connections use, and that can be replaced while the server runs.
pub struct Certificate {
    files: TlsFiles,
    /// Who may issue client certificates; none are asked for without.
    clients: Option<Arc<dyn ClientCertVerifier>>,
    current: RwLock<Arc<CertifiedKey>>,
    secret: [u8; digest::SHA256_OUTPUT_LEN],
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate")
            .field("files", &self.files)
            .finish_non_exhaustive()
    }
}

impl Certificate {
    /// Reads the certificate and its key.
    ///
    /// # Errors
    /// A [`TlsError`] that names the file.
    pub fn load(files: TlsFiles) -> Result<Arc<Self>, TlsError> {
        Self::load_for(files, None)
    }

    /// Reads the certificate and its key, and the authorities whose client certificates are taken.
    ///
    /// # Errors
    /// A [`TlsError`] that names the file.
    pub fn load_with_clients(files: TlsFiles, authorities: &Path) -> Result<Arc<Self>, TlsError> {
        Self::load_for(files, Some(read_authorities(authorities)?))
    }

    fn load_for(
        files: TlsFiles,
        clients: Option<Arc<dyn ClientCertVerifier>>,
    ) -> Result<Arc<Self>, TlsError> {
        let current = RwLock::new(Arc::new(read(&files)?));
        let digest = digest::digest(&digest::SHA256, &contents("key", &files.key)?);
        let mut secret = [0; digest::SHA256_OUTPUT_LEN];
        secret.copy_from_slice(digest.as_ref());
        Ok(Arc::new(Self {
            files,
            clients,
            current,
            secret,
        }))
    }

    /// Octets that only who has the key knows, the same at each start: for SCRAM's salts of users whom there is not.
    pub(crate) fn secret(&self) -> [u8; digest::SHA256_OUTPUT_LEN] {
        self.secret
    }

    /// Reads the files again, for connections from now on. Those that are open go on with what they have.
    ///
    /// # Errors
    /// A [`TlsError`]; the certificate of before stays in use.
    pub fn reload(&self) -> Result<(), TlsError> {
        let fresh = Arc::new(read(&self.files)?);
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        Ok(())
    }

    /// The settings for a server: TLS 1.2 and 1.3; client certificates where there are authorities for them, from those who
    /// have one.
    ///
    /// # Errors
    /// [`TlsError::Setup`] when the TLS library lacks those versions.
    pub fn server_config(self: &Arc<Self>) -> Result<Arc<ServerConfig>, TlsError> {
        let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| TlsError::Setup(error.to_string()))?;
        let builder = match &self.clients {
            Some(clients) => builder.with_client_cert_verifier(Arc::clone(clients)),
            None => builder.with_no_client_auth(),
        };
        let mut config = builder.with_cert_resolver(Arc::clone(self) as _);
        // RFC 7301's registered name, for clients that ask for it.
        config.alpn_protocols = vec![b"imap".to_vec()];
        Ok(Arc::new(config))
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(
            &self.current.read().unwrap_or_else(PoisonError::into_inner),
        ))
    }
}

fn read(files: &TlsFiles) -> Result<CertifiedKey, TlsError> {
    let chain = certificates("certificate", &files.certificate)?;
    let key = PrivateKeyDer::from_pem_slice(&contents("key", &files.key)?).map_err(|error| {
        let why = match error {
            pem::Error::NoItemsFound => "there is no PRIVATE KEY block in it".to_owned(),
            other => other.to_string(),
        };
        not_pem("private key", &files.key, why)
    })?;
    CertifiedKey::from_der(chain, key, &ring::default_provider()).map_err(|error| TlsError::Mismatch {
        certificate: files.certificate.clone(),
        key: files.key.clone(),
        why: match error {
            rustls::Error::InconsistentKeys(_) => "they do not belong together".to_owned(),
            other => other.to_string(),
        },
    })
}

fn not_pem(what: &'static str, path: &Path, why: String) -> TlsError {
    TlsError::NotPem {
        what,
        path: path.to_owned(),
        why,
    }
}

/// The certificates of a file: at least one.
fn certificates(what: &'static str, path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let text = contents(what, path)?;
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    let all = all.map_err(|error| not_pem("certificate", path, error.to_string()))?;
    if all.is_empty() {
        let why = "there is no CERTIFICATE block in it".to_owned();
        return Err(not_pem("certificate", path, why));
    }
    Ok(all)
}

/// What takes the certificates that these authorities have issued, and clients without one.
fn read_authorities(path: &Path) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates("client authorities", path)? {
        let added = roots.add(certificate);
        added.map_err(|error| not_pem("certificate", path, error.to_string()))?;
    }
    let provider = Arc::new(ring::default_provider());
    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
        .allow_unauthenticated()
        .build()
        .map(|verifier| verifier as _)
        .map_err(|error| TlsError::Setup(error.to_string()))
}

fn contents(what: &'static str, path: &Path) -> Result<Vec<u8>, TlsError> {
    fs::read(path).map_err(|source| TlsError::Io {
        what,
        path: path.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Makes a certificate and its key in a folder.
    fn self_signed(folder: &Path) -> TlsFiles {
        let files = TlsFiles {
            certificate: folder.join("certificate.pem"),
            key: folder.join("key.pem"),
        };
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        fs::write(&files.certificate, made.cert.pem()).unwrap();
        fs::write(&files.key, made.signing_key.serialize_pem()).unwrap();
        files
    }

    fn error(files: TlsFiles) -> String {
        Certificate::load(files).unwrap_err().to_string()
    }

    #[test]
    fn each_wrong_file_is_named_with_what_is_wrong() {
        let folder = tempfile::tempdir().unwrap();
        let good = self_signed(folder.path());
        Certificate::load(good.clone()).unwrap().server_config().unwrap();
        let missing = TlsFiles {
            certificate: folder.path().join("gone.pem"),
            ..good.clone()
        };
        assert!(error(missing).contains("cannot read the TLS certificate"));
        let swapped = TlsFiles {
            certificate: good.key.clone(),
            key: good.certificate.clone(),
        };
        assert!(error(swapped).contains("no CERTIFICATE block"));
        let no_key = TlsFiles {
            key: good.certificate.clone(),
            ..good.clone()
        };
        assert!(error(no_key).contains("no PRIVATE KEY block"));
        let other = tempfile::tempdir().unwrap();
        let mixed = TlsFiles {
            key: self_signed(other.path()).key,
            ..good
        };
        assert!(error(mixed).contains("do not belong together"));
    }

    #[test]
    fn a_reload_that_fails_keeps_the_certificate_of_before() {
        let folder = tempfile::tempdir().unwrap();
        let files = self_signed(folder.path());
        let certificate = Certificate::load(files.clone()).unwrap();
        let current = || certificate.current.read().unwrap().cert[0].to_vec();
        let first = current();
        fs::write(&files.certificate, "garbage").unwrap();
        certificate.reload().unwrap_err();
        assert_eq!(current(), first);
        self_signed(folder.path());
        certificate.reload().unwrap();
        assert_ne!(current(), first);
    }
}
