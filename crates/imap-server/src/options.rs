//! What the operator chooses besides bounds.

use std::fmt;

use ring::rand::{SecureRandom, SystemRandom};

/// Whether clients may have their connection compressed: COMPRESS=DEFLATE (RFC 4978), after login only, so that no password
/// is compressed together with what a stranger chose.
///
/// Under TLS, what is compressed shows by its length how much it has in common with what was sent before. Who reads another's
/// encrypted connection, and has mail delivered into the same mailbox while it is read, can learn something of its other
/// mail in this way. Switch it off where that matters more than bandwidth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Compression {
    /// It is offered. The default.
    #[default]
    Offered,
    /// It is not.
    Off,
}

/// Whether the SASL mechanism LOGIN is offered beside PLAIN.
///
/// It has no RFC, and shows the same password in two steps. Every mail program that is in use can do PLAIN, or the command
/// LOGIN; some devices that send their reports into a mailbox cannot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum LoginMechanism {
    /// It is not. The default.
    #[default]
    Off,
    /// It is offered where PLAIN is.
    Offered,
}

/// What a client is told whose bearer token was refused (RFC 7628, section 3.2.2).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OAuth {
    pub(crate) scope: Option<String>,
    pub(crate) openid_configuration: Option<String>,
}

impl OAuth {
    /// The scope that a token needs.
    #[must_use]
    pub fn scope(mut self, scope: impl Into<String>) -> Self {
        self.scope = Some(scope.into());
        self
    }

    /// The URL of the provider's OpenID configuration, where a client learns how to get a token.
    #[must_use]
    pub fn openid_configuration(mut self, url: impl Into<String>) -> Self {
        self.openid_configuration = Some(url.into());
        self
    }
}

/// What the server says of itself in answer to ID (RFC 2971, section 3.3).
///
/// The default is its name and version. A client may tell its user, or put it into a report of a fault; it may not behave
/// otherwise for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identification {
    fields: Vec<(String, String)>,
}

/// A field that ID cannot have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadIdField {
    /// RFC 2971, section 3.3.
    #[error("a field of ID has a name of 1 to 30 octets, without control characters, and not twice")]
    Name,
    /// RFC 2971, section 3.3.
    #[error("a field of ID has a value of at most 1,024 octets without control characters")]
    Value,
    /// RFC 2971, section 3.3.
    #[error("ID has at most 30 fields")]
    TooMany,
}

impl Identification {
    /// Nothing: the answer is NIL.
    #[must_use]
    pub const fn nothing() -> Self {
        Self { fields: Vec::new() }
    }

    /// With a field more. RFC 2971, section 3.3 defines `name`, `version`, `os`, `os-version`, `vendor`, `support-url`,
    /// `address`, `date`, `command`, `arguments` and `environment`; what begins with `X-` is the operator's own.
    ///
    /// # Errors
    /// [`BadIdField`].
    pub fn with(mut self, name: impl Into<String>, value: impl Into<String>) -> Result<Self, BadIdField> {
        let (name, value) = (name.into(), value.into());
        let is_text = |text: &str, most| text.len() <= most && !text.chars().any(char::is_control);
        let is_there = |(known, _): &(String, String)| known.eq_ignore_ascii_case(&name);
        if name.is_empty() || !is_text(&name, 30) || self.fields.iter().any(is_there) {
            return Err(BadIdField::Name);
        }
        if !is_text(&value, 1024) {
            return Err(BadIdField::Value);
        }
        if self.fields.len() == 30 {
            return Err(BadIdField::TooMany);
        }
        self.fields.push((name, value));
        Ok(self)
    }

    pub(crate) fn fields(&self) -> &[(String, String)] {
        &self.fields
    }
}

impl Default for Identification {
    fn default() -> Self {
        let field = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        Self {
            fields: vec![
                field("name", "imap-backendutil"),
                field("version", env!("CARGO_PKG_VERSION")),
            ],
        }
    }
}

/// What the operator chooses besides bounds.
#[derive(Clone)]
pub(crate) struct Options {
    pub(crate) compression: Compression,
    pub(crate) login_mechanism: LoginMechanism,
    pub(crate) oauth: OAuth,
    pub(crate) identification: Identification,
    /// Where the same mail can be had by JMAP.
    pub(crate) jmap: Option<String>,
    /// Who may have URLs that are for submission.
    pub(crate) submission_users: Vec<String>,
    /// What the salts of users are made from whom there is not.
    pub(crate) scram_secret: Vec<u8>,
}

impl Default for Options {
    fn default() -> Self {
        let mut secret = vec![0; 32];
        // Without random numbers no TLS session and no nonce comes about either.
        let _ = SystemRandom::new().fill(&mut secret);
        Self {
            compression: Compression::default(),
            login_mechanism: LoginMechanism::default(),
            oauth: OAuth::default(),
            identification: Identification::default(),
            jmap: None,
            submission_users: Vec::new(),
            scram_secret: secret,
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options").finish_non_exhaustive()
    }
}
