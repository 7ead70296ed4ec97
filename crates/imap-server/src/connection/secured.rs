//! What a TLS session says of its ends.

use tokio_rustls::rustls::{ProtocolVersion, ServerConnection};

/// What the tls-exporter channel binding asks the session for (RFC 9266, section 2).
const LABEL: &[u8] = b"EXPORTER-Channel-Binding";

/// What authentication can build on in a TLS session.
#[derive(Debug, Clone)]
pub(crate) struct Secured {
    /// The tls-exporter channel binding. TLS 1.3 only: under 1.2 a session that was taken up again may have the same one
    /// (RFC 9266, section 4.2).
    pub(crate) exporter: Option<[u8; 32]>,
    /// The client's certificate, DER; verified by the TLS library.
    pub(crate) certificate: Option<Vec<u8>>,
}

impl Secured {
    /// Of a session whose handshake is through.
    pub(crate) fn of(session: &ServerConnection) -> Box<Self> {
        let is_1_3 = session.protocol_version() == Some(ProtocolVersion::TLSv1_3);
        let exporter = is_1_3.then(|| session.export_keying_material([0; 32], LABEL, Some(&[])).ok());
        let certificates = session.peer_certificates().unwrap_or_default();
        Box::new(Self {
            exporter: exporter.flatten(),
            certificate: certificates.first().map(|own| own.to_vec()),
        })
    }
}
