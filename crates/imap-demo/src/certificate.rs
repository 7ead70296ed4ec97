//! The demo's certificate: this machine vouches for itself.

use std::io;

use imap_daemon::tls::TlsFiles;
use rcgen::{CertificateParams, DnType, KeyPair};

use crate::private;

/// Makes a key (mode 0600) and a certificate for this machine, unless both files are there. Their folder must exist.
///
/// # Errors
/// A file cannot be written, or the system has no randomness for a key.
pub(crate) fn make(files: &TlsFiles, program: &str) -> io::Result<()> {
    if files.certificate.exists() && files.key.exists() {
        return Ok(());
    }
    let names = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
    let mut certificate = CertificateParams::new(names).map_err(io::Error::other)?;
    certificate.distinguished_name.push(
        DnType::CommonName,
        format!("{program} demo, for this machine only"),
    );
    let key = KeyPair::generate().map_err(io::Error::other)?;
    let signed = certificate.self_signed(&key).map_err(io::Error::other)?;
    // The certificate last, and whole or not at all: a run that was cut short makes both anew.
    let unfinished = files.certificate.with_extension("making");
    private::file(&files.key, key.serialize_pem().as_bytes())?;
    private::file(&unfinished, signed.pem().as_bytes())?;
    std::fs::rename(unfinished, &files.certificate)
}

#[cfg(test)]
mod tests {
    use super::*;
    use imap_daemon::tls::Certificate;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn the_certificate_is_made_once_and_its_key_is_private() {
        let folder = tempfile::tempdir().unwrap();
        let files = TlsFiles {
            certificate: folder.path().join("certificate.pem"),
            key: folder.path().join("key.pem"),
        };
        make(&files, "kitd").unwrap();
        let first = fs::read(&files.certificate).unwrap();
        make(&files, "kitd").unwrap();
        assert_eq!(first, fs::read(&files.certificate).unwrap());
        assert_eq!(
            fs::metadata(&files.key).unwrap().permissions().mode() & 0o777,
            0o600
        );
        Certificate::load(files).unwrap().server_config().unwrap();
    }
}
