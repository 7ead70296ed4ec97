//! The messages of SASL mechanisms (RFC 4422), apart from the connection.

pub(crate) mod bearer;
pub(crate) mod scram;

use imap_backend::LoginKind;

/// A mechanism that this server speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mechanism {
    /// RFC 4616.
    Plain,
    /// No RFC; draft-murchison-sasl-login.
    Login,
    /// RFC 7677, bound to the TLS session.
    ScramSha256Plus,
    /// RFC 7677.
    ScramSha256,
    /// RFC 7628.
    OAuthBearer,
    /// Google's, of before RFC 7628.
    XOAuth2,
    /// RFC 4422, appendix A.
    External,
}

impl Mechanism {
    /// Every mechanism with its name, the stronger ones first.
    pub(crate) const ALL: [(&str, Self); 7] = [
        ("EXTERNAL", Self::External),
        ("SCRAM-SHA-256-PLUS", Self::ScramSha256Plus),
        ("SCRAM-SHA-256", Self::ScramSha256),
        ("OAUTHBEARER", Self::OAuthBearer),
        ("XOAUTH2", Self::XOAuth2),
        ("PLAIN", Self::Plain),
        ("LOGIN", Self::Login),
    ];

    pub(crate) fn named(name: &str) -> Option<Self> {
        let known = Self::ALL
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name));
        known.map(|&(_, mechanism)| mechanism)
    }

    /// What the backend has to take.
    pub(crate) const fn kind(self) -> LoginKind {
        match self {
            Self::Plain | Self::Login => LoginKind::Password,
            Self::ScramSha256Plus | Self::ScramSha256 => LoginKind::Scram,
            Self::OAuthBearer | Self::XOAuth2 => LoginKind::Bearer,
            Self::External => LoginKind::Certificate,
        }
    }

    /// Whether who listens could log in with what is sent.
    pub(crate) const fn shows_a_secret(self) -> bool {
        match self {
            Self::Plain | Self::Login | Self::OAuthBearer | Self::XOAuth2 => true,
            Self::ScramSha256Plus | Self::ScramSha256 | Self::External => false,
        }
    }
}

/// A name in which `=2C` stands for a comma and `=3D` for an equals sign (RFC 5801, section 4); `None` where it is none.
fn sasl_name(text: &str) -> Option<String> {
    let mut name = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('=') {
        name.push_str(before);
        let (code, after) = after.split_at_checked(2)?;
        name.push(match code {
            "2C" => ',',
            "3D" => '=',
            _ => return None,
        });
        rest = after;
    }
    name.push_str(rest);
    (!name.is_empty() && !name.contains('\0')).then_some(name)
}

/// What precedes a message and says whom the client acts for (RFC 5801, section 4): `n,a=joe,`.
#[derive(Debug, PartialEq, Eq)]
struct Gs2Header<'m> {
    /// `n`, `y`, or `p=` with the name of a channel binding.
    flag: &'m str,
    /// The user that the client wants to be.
    user: Option<String>,
}

/// Splits a message behind its header.
fn split_gs2_header(message: &str) -> Option<(Gs2Header<'_>, &str)> {
    let (flag, rest) = message.split_once(',')?;
    let (user, _) = rest.split_once(',')?;
    let wanted = match user {
        "" => None,
        name => Some(sasl_name(name.strip_prefix("a=")?)?),
    };
    Some((Gs2Header { flag, user: wanted }, &rest[user.len() + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc5801_4_commas_and_equals_signs_in_names_are_written_otherwise() {
        assert_eq!(sasl_name("a=2Cb=3Dc").as_deref(), Some("a,b=c"));
        assert_eq!(sasl_name("joe").as_deref(), Some("joe"));
        for bad in ["", "a=", "a=2", "a=2c", "a=41", "=\u{e9}", "a\0"] {
            assert_eq!(sasl_name(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn every_mechanism_has_one_name() {
        for (name, mechanism) in Mechanism::ALL {
            assert_eq!(Mechanism::named(&name.to_lowercase()), Some(mechanism));
        }
        assert_eq!(Mechanism::named("CRAM-MD5"), None);
    }
}
