//! A certificate for this machine, made anew for each server.

use rcgen::{CertificateParams, KeyPair};
use std::sync::Arc;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

/// The certificate as a client has to trust it, and the server's side.
#[derive(Clone)]
pub(crate) struct Certificate {
    pub(crate) pem: String,
    pub(crate) der: Vec<u8>,
    pub(crate) config: Arc<ServerConfig>,
}

/// The names that the certificate is for.
const NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

impl Certificate {
    pub(crate) fn make() -> Self {
        let certificate = CertificateParams::new(NAMES.map(str::to_owned)).expect("the names are names");
        let key = KeyPair::generate().expect("the system has random numbers");
        let signed = certificate.self_signed(&key).expect("the key can sign");
        let key = PrivateKeyDer::try_from(key.serialize_der()).expect("the key is one");
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("the provider knows TLS 1.2 and 1.3")
            .with_no_client_auth()
            .with_single_cert(vec![signed.der().clone()], key)
            .expect("the key is the certificate's");
        Self {
            pem: signed.pem(),
            der: signed.der().to_vec(),
            config: Arc::new(config),
        }
    }
}
