//! SCRAM-SHA-256 and SCRAM-SHA-256-PLUS (RFC 5802, RFC 7677): the server's side of one exchange.

use std::borrow::Cow;

use base64ct::{Base64, Encoding};
use imap_backend::ScramKeys;
use ring::{digest, hmac};
use subtle::ConstantTimeEq;

use super::split_gs2_header;

/// The one channel binding that this server knows (RFC 9266).
pub(crate) const TLS_EXPORTER: &str = "tls-exporter";

/// Octets of a salt for a user whom there is not: as many as others have.
const SALT: usize = 16;

/// What the client says of channel binding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Binding<'m> {
    /// It cannot do it.
    Unsupported,
    /// It could, but thinks that the server cannot.
    Unused,
    /// It does it, in the way that has this name.
    Used(&'m str),
}

/// The client's first message.
#[derive(Debug)]
pub(crate) struct ClientFirst<'m> {
    pub(crate) binding: Binding<'m>,
    /// Whom the client wants to act for, if not for itself.
    pub(crate) acting: Option<String>,
    pub(crate) user: String,
    header: &'m str,
    bare: &'m str,
    nonce: &'m str,
}

impl<'m> ClientFirst<'m> {
    /// Reads the message; `None` where it is none (RFC 5802, section 7).
    pub(crate) fn parse(message: &'m str) -> Option<Self> {
        let (gs2, bare) = split_gs2_header(message)?;
        let binding = match gs2.flag {
            "n" => Binding::Unsupported,
            "y" => Binding::Unused,
            other => Binding::Used(other.strip_prefix("p=")?),
        };
        // A message that begins with `m=` asks for an extension that nobody knows.
        let mut parts = bare.split(',');
        let user = super::sasl_name(parts.next()?.strip_prefix("n=")?)?;
        let nonce = parts.next()?.strip_prefix("r=")?;
        let is_nonce = !nonce.is_empty() && nonce.bytes().all(|octet| octet.is_ascii_graphic());
        is_nonce.then(|| Self {
            binding,
            acting: gs2.user,
            user: prepared(&user).into_owned(),
            header: &message[..message.len() - bare.len()],
            bare,
            nonce,
        })
    }

    /// The server's first message.
    pub(crate) fn challenge(&self, keys: &ScramKeys, nonce: &str) -> String {
        let salt = Base64::encode_string(keys.salt());
        format!("r={}{nonce},s={salt},i={}", self.nonce, keys.iterations())
    }

    /// Checks the client's last message, which answers `challenge`. `bound` is what the channel has to be bound to, if it is.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn verify(
        &self,
        keys: &ScramKeys,
        challenge: &str,
        bound: Option<&[u8]>,
        last: &str,
    ) -> Result<String, Mismatch> {
        let (without_proof, proof) = last.rsplit_once(",p=").ok_or(Mismatch::Malformed)?;
        let mut parts = without_proof.split(',');
        let binding = parts.next().and_then(|part| part.strip_prefix("c="));
        let nonce = parts.next().and_then(|part| part.strip_prefix("r="));
        let (Some(binding), Some(nonce)) = (binding, nonce) else {
            return Err(Mismatch::Malformed);
        };
        let proof = Base64::decode_vec(proof).map_err(|_| Mismatch::Malformed)?;
        let expected_binding = [self.header.as_bytes(), bound.unwrap_or_default()].concat();
        if binding != Base64::encode_string(&expected_binding) {
            return Err(Mismatch::Binding);
        }
        let (begin, _) = challenge.split_once(",s=").unwrap_or((challenge, ""));
        let exchange = format!("{},{challenge},{without_proof}", self.bare);
        if begin.strip_prefix("r=") != Some(nonce) || !proves(keys, &exchange, &proof) {
            return Err(Mismatch::Proof);
        }
        let server = sign(keys.server_key(), exchange.as_bytes());
        Ok(format!("v={}", Base64::encode_string(server.as_ref())))
    }
}

/// Why a client's last message does not let it in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mismatch {
    /// It is none.
    Malformed,
    /// It is bound to another channel: somebody stands between.
    Binding,
    /// The proof is wrong.
    Proof,
}

/// Whether a proof is that of somebody who knows the password (RFC 5802, section 3).
fn proves(keys: &ScramKeys, exchange: &str, proof: &[u8]) -> bool {
    let signature = sign(keys.stored_key(), exchange.as_bytes());
    if proof.len() != signature.as_ref().len() {
        return false;
    }
    let client_key: Vec<u8> = proof
        .iter()
        .zip(signature.as_ref())
        .map(|(proof, signature)| proof ^ signature)
        .collect();
    let stored = digest::digest(&digest::SHA256, &client_key);
    stored.as_ref().ct_eq(keys.stored_key()).into()
}

fn sign(key: &[u8], octets: &[u8]) -> hmac::Tag {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), octets)
}

/// Keys for a user whom there is not: always the same salt, so that asking twice tells nothing, and a proof that nobody has.
pub(crate) fn keys_of_nobody(secret: &[u8], user: &str) -> ScramKeys {
    let salt = sign(secret, user.as_bytes()).as_ref()[..SALT].to_vec();
    let key = |name: &str| {
        let mut key = [0; digest::SHA256_OUTPUT_LEN];
        key.copy_from_slice(sign(secret, format!("{name}\0{user}").as_bytes()).as_ref());
        key
    };
    ScramKeys::new(ScramKeys::ITERATIONS, salt, key("stored"), key("server"))
}

/// A name as clients prepare it by SASLprep (RFC 4013); one that SASLprep refuses as it is.
fn prepared(name: &str) -> Cow<'_, str> {
    stringprep::saslprep(name).unwrap_or(Cow::Borrowed(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: &str = "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:\
                        wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=";
    const FIRST: &str = "n,,n=user,r=rOprNGfwEbeRWgbNEkqO";
    const SERVER_NONCE: &str = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
    const LAST: &str = "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
                        p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";

    fn verify(last: &str, bound: Option<&[u8]>) -> Result<String, Mismatch> {
        let keys: ScramKeys = KEYS.parse().unwrap();
        let first = ClientFirst::parse(FIRST).unwrap();
        let challenge = first.challenge(&keys, SERVER_NONCE);
        first.verify(&keys, &challenge, bound, last)
    }

    #[test]
    fn rfc7677_3_the_example_is_answered_with_its_numbers() {
        let keys: ScramKeys = KEYS.parse().unwrap();
        let first = ClientFirst::parse(FIRST).unwrap();
        assert_eq!(
            (first.user.as_str(), first.acting.as_deref(), first.binding),
            ("user", None, Binding::Unsupported)
        );
        assert_eq!(
            first.challenge(&keys, SERVER_NONCE),
            "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
        );
        assert_eq!(
            verify(LAST, None).unwrap(),
            "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="
        );
    }

    #[test]
    fn each_part_of_the_last_message_counts() {
        let wrong = |from: &str, to: &str| verify(&LAST.replace(from, to), None).unwrap_err();
        assert_eq!(wrong("p=dHzb", "p=dHzc"), Mismatch::Proof);
        assert_eq!(wrong("k0,p", "k1,p"), Mismatch::Proof);
        assert_eq!(wrong("p=dHzbZapW", "p="), Mismatch::Proof);
        assert_eq!(wrong("c=biws", "c=eSws"), Mismatch::Binding);
        assert_eq!(wrong(",p=", ",q="), Mismatch::Malformed);
        assert_eq!(wrong("c=", "d="), Mismatch::Malformed);
        assert_eq!(wrong("VQ=", "VQ"), Mismatch::Malformed);
        assert_eq!(verify(LAST, Some(b"bound")), Err(Mismatch::Binding));
        assert_eq!(verify("", None), Err(Mismatch::Malformed));
    }

    #[test]
    fn what_is_no_first_message_is_none() {
        for bad in [
            "",
            "n,,",
            "n,,n=,r=a",
            "n,,n=a",
            "n,,n=a,r=",
            "n,,m=x,n=a,r=b",
            "x,,n=a,r=b",
            "n,b,n=a,r=b",
            "n,,n=a=41,r=b",
        ] {
            assert!(ClientFirst::parse(bad).is_none(), "{bad:?}");
        }
        let bound = ClientFirst::parse("p=tls-exporter,a=ann,n=j=2Coe,r=x,ext").unwrap();
        assert_eq!(bound.binding, Binding::Used(TLS_EXPORTER));
        assert_eq!(bound.acting.as_deref(), Some("ann"));
        assert_eq!(bound.user, "j,oe");
        assert_eq!(ClientFirst::parse("y,,n=a,r=b").unwrap().binding, Binding::Unused);
    }

    #[test]
    fn a_user_whom_there_is_not_has_the_same_salt_each_time_and_another_than_the_next() {
        let keys = |secret: &[u8], user: &str| keys_of_nobody(secret, user);
        assert_eq!(keys(b"s", "ann"), keys(b"s", "ann"));
        assert_ne!(keys(b"s", "ann").salt(), keys(b"s", "bob").salt());
        assert_ne!(keys(b"s", "ann").salt(), keys(b"t", "ann").salt());
        assert_eq!(keys(b"s", "ann").salt().len(), 16);
    }
}
