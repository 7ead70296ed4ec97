//! Whose a client certificate is.

use imap_backend::Claim;
use x509_cert::Certificate;
use x509_cert::der::asn1::{PrintableStringRef, Utf8StringRef};
use x509_cert::der::oid::db::rfc4519::COMMON_NAME;
use x509_cert::der::{Decode, Tag, Tagged};
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

/// The names of users that a claim can be for, the best first: those that the certificate has, and of them only the one that
/// the client asks for, if it does. None for a claim of another kind. Which of them is a user is for others to say.
#[must_use]
pub fn names_for(claim: &Claim) -> Vec<String> {
    let Claim::Certificate {
        user, certificate, ..
    } = claim
    else {
        return Vec::new();
    };
    let mut names = names(certificate);
    if let Some(user) = user {
        names.retain(|name| name == user);
    }
    names
}

/// The names in a certificate: its e-mail addresses (rfc822Name, RFC 5280, section 4.2.1.6), then its common names.
fn names(certificate: &[u8]) -> Vec<String> {
    let Ok(certificate) = Certificate::from_der(certificate) else {
        return Vec::new();
    };
    let certificate = certificate.tbs_certificate;
    let alternatives = certificate.get::<SubjectAltName>().ok().flatten();
    let alternatives = alternatives.into_iter().flat_map(|(_, names)| names.0);
    let addresses = alternatives.filter_map(|name| match name {
        GeneralName::Rfc822Name(address) => Some(address.to_string()),
        _ => None,
    });
    let parts = certificate.subject.0.iter().flat_map(|part| part.0.iter());
    let common = parts.filter(|part| part.oid == COMMON_NAME);
    let common = common.filter_map(|part| match part.value.tag() {
        Tag::Utf8String => Some(Utf8StringRef::try_from(&part.value).ok()?.to_string()),
        Tag::PrintableString => Some(PrintableStringRef::try_from(&part.value).ok()?.to_string()),
        _ => None,
    });
    addresses.chain(common).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{CertificateParams, DnType, KeyPair, SanType};

    fn certificate() -> Vec<u8> {
        let mut params = CertificateParams::new(vec!["mail.example.org".to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, "ada");
        params
            .subject_alt_names
            .push(SanType::Rfc822Name("ada@example.org".try_into().unwrap()));
        let key = KeyPair::generate().unwrap();
        params.self_signed(&key).unwrap().der().to_vec()
    }

    #[test]
    fn a_certificate_is_for_its_addresses_and_its_common_name_and_nobody_else() {
        let names =
            |user: Option<&str>| names_for(&Claim::certificate(user.map(str::to_owned), certificate()));
        assert_eq!(names(None), ["ada@example.org", "ada"]);
        assert_eq!(names(Some("ada")), ["ada"]);
        assert_eq!(names(Some("bob")), [""; 0]);
        assert_eq!(names(Some("mail.example.org")), [""; 0]);
    }

    #[test]
    fn what_is_no_certificate_is_for_nobody() {
        let cut = certificate()[..100].to_vec();
        for octets in [Vec::new(), vec![0; 100], cut] {
            assert_eq!(names_for(&Claim::certificate(None, octets)), [""; 0]);
        }
        assert_eq!(
            names_for(&Claim::bearer(Some("ada".to_owned()), "t".to_owned())),
            [""; 0]
        );
    }
}
