//! Certificates: read from PEM files, read again on request, and made for the demo.

use std::fmt;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use rcgen::{CertificateParams, DnType, KeyPair};
use rustls_pki_types::pem::{self, PemObject};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::{self, ServerConfig};

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
    /// A file cannot be read or written.
    #[error("cannot {doing} the TLS {what} {}: {source}", path.display())]
    Io {
        /// `read` or `write`.
        doing: &'static str,
        /// `certificate` or `key`.
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
    /// The TLS library refused its own settings, or a certificate could not be made.
    #[error("cannot set up TLS: {0}")]
    Setup(String),
}

/// A certificate that new connections use, and that can be replaced while the server runs.
pub struct Certificate {
    files: TlsFiles,
    current: RwLock<Arc<CertifiedKey>>,
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
        let current = RwLock::new(Arc::new(read(&files)?));
        Ok(Arc::new(Self { files, current }))
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

    /// The settings for a server: TLS 1.2 and 1.3, no client certificates.
    ///
    /// # Errors
    /// [`TlsError::Setup`] when the TLS library lacks those versions.
    pub fn server_config(self: &Arc<Self>) -> Result<Arc<ServerConfig>, TlsError> {
        let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| TlsError::Setup(error.to_string()))?;
        let mut config = builder
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(self) as _);
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
    let certificate = contents("certificate", &files.certificate)?;
    let not_pem = |what, path: &Path, why: String| TlsError::NotPem {
        what,
        path: path.to_owned(),
        why,
    };
    let chain: Result<Vec<CertificateDer<'static>>, _> =
        CertificateDer::pem_slice_iter(&certificate).collect();
    let chain = chain.map_err(|error| not_pem("certificate", &files.certificate, error.to_string()))?;
    if chain.is_empty() {
        return Err(not_pem(
            "certificate",
            &files.certificate,
            "there is no CERTIFICATE block in it".to_owned(),
        ));
    }
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

fn contents(what: &'static str, path: &Path) -> Result<Vec<u8>, TlsError> {
    fs::read(path).map_err(|source| TlsError::Io {
        doing: "read",
        what,
        path: path.to_owned(),
        source,
    })
}

/// Makes a key (mode 0600) and a certificate for this machine that vouches for itself, unless both files are there.
///
/// # Errors
/// [`TlsError::Io`] or [`TlsError::Setup`].
pub fn self_signed(files: &TlsFiles) -> Result<(), TlsError> {
    if files.certificate.exists() && files.key.exists() {
        return Ok(());
    }
    let setup = |error: rcgen::Error| TlsError::Setup(error.to_string());
    let names = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
    let mut certificate = CertificateParams::new(names).map_err(setup)?;
    certificate
        .distinguished_name
        .push(DnType::CommonName, "maildird demo, for this machine only");
    let key = KeyPair::generate().map_err(setup)?;
    let signed = certificate.self_signed(&key).map_err(setup)?;
    // The key first: without its certificate it is made anew, and never the other way round.
    write("key", &files.key, &key.serialize_pem())?;
    write("certificate", &files.certificate, &signed.pem())
}

fn write(what: &'static str, path: &Path, pem: &str) -> Result<(), TlsError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let written = fs::create_dir_all(folder).and_then(|()| {
        // Temporary files are private to their owner.
        let mut file = tempfile::Builder::new().prefix(".tls-").tempfile_in(folder)?;
        file.write_all(pem.as_bytes())?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|error| error.error)
    });
    written.map(drop).map_err(|source| TlsError::Io {
        doing: "write",
        what,
        path: path.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn files(folder: &Path) -> TlsFiles {
        TlsFiles {
            certificate: folder.join("certificate.pem"),
            key: folder.join("key.pem"),
        }
    }

    fn error(files: TlsFiles) -> String {
        Certificate::load(files).unwrap_err().to_string()
    }

    #[test]
    fn the_demo_certificate_is_made_once_and_its_key_is_private() {
        let folder = tempfile::tempdir().unwrap();
        let files = files(folder.path());
        self_signed(&files).unwrap();
        let first = fs::read(&files.certificate).unwrap();
        self_signed(&files).unwrap();
        assert_eq!(first, fs::read(&files.certificate).unwrap());
        assert_eq!(
            fs::metadata(&files.key).unwrap().permissions().mode() & 0o777,
            0o600
        );
        Certificate::load(files).unwrap().server_config().unwrap();
    }

    #[test]
    fn each_wrong_file_is_named_with_what_is_wrong() {
        let folder = tempfile::tempdir().unwrap();
        let good = files(folder.path());
        self_signed(&good).unwrap();
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
        self_signed(&files(other.path())).unwrap();
        let mixed = TlsFiles {
            key: files(other.path()).key,
            ..good
        };
        assert!(error(mixed).contains("do not belong together"));
    }

    #[test]
    fn a_reload_that_fails_keeps_the_certificate_of_before() {
        let folder = tempfile::tempdir().unwrap();
        let files = files(folder.path());
        self_signed(&files).unwrap();
        let certificate = Certificate::load(files.clone()).unwrap();
        let current = || certificate.current.read().unwrap().cert[0].to_vec();
        let first = current();
        fs::write(&files.certificate, "garbage").unwrap();
        certificate.reload().unwrap_err();
        assert_eq!(current(), first);
        fs::remove_file(&files.certificate).unwrap();
        self_signed(&files).unwrap();
        certificate.reload().unwrap();
        assert_ne!(current(), first);
    }
}
