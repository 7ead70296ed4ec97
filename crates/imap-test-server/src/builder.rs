//! How a server is put together.

use crate::account::Account;
use crate::accounts::{Accounts, Owner};
use crate::fault::Fault;
use crate::folder;
use crate::log::Log;
use crate::message::{Message, numbered};
use crate::persona::Persona;
use crate::server::TestServer;
use crate::switches::Switches;
use crate::tls::Certificate;
use crate::world::{End, World};
use imap_backend::MailboxName;
use imap_memory::MemoryBackend;
use imap_server::{Compression, Limits, LoginMechanism, PlaintextLogin, Server};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::time::Duration;
use tokio_rustls::TlsAcceptor;

/// A mailbox to be made, its name by parts, what it is for, and its messages.
#[derive(Debug, Clone, Default)]
struct Seed {
    name: Vec<String>,
    special_use: String,
    messages: Vec<Message>,
}

#[derive(Debug, Clone)]
struct Login {
    name: String,
    password: String,
    seeds: Vec<Seed>,
}

/// When TLS begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tls {
    Never,
    AtStart,
    WhenAsked,
}

/// A server that is being put together: [`TestServer::builder`].
///
/// Mailboxes that are named before the first account are everybody's; those behind an account are its own. Where no account is
/// named, there is `joe` with the password `secret`.
///
/// ```
/// use imap_test_server::{Message, TestServer};
/// let server = TestServer::builder()
///     .mailbox("INBOX", ["Subject: welcome\n\nHello\n"])
///     .account("ann", "apple")
///     .account("bob", "banana")
///     .mailbox("Sent", [Message::new("Subject: sent\n\n").flags("\\Seen")])
///     .without("IDLE")
///     .start();
/// assert_eq!(server.account("ann").messages("INBOX").len(), 1);
/// assert_eq!(server.account("bob").messages("Sent")[0].flags, ["\\Seen"]);
/// ```
#[derive(Debug, Clone)]
#[must_use = "nothing runs before it is started"]
pub struct Builder {
    logins: Vec<Login>,
    /// Of every account.
    common: Vec<Seed>,
    switches: Switches,
    pub(crate) faults: Vec<Fault>,
    delimiter: char,
    tls: Tls,
    plaintext_login: PlaintextLogin,
    piece: Option<usize>,
    pub(crate) patience: Duration,
    pub(crate) port: u16,
}

impl Default for Builder {
    fn default() -> Self {
        let mut switches = Switches::default();
        switches.switch_off("COMPRESS=DEFLATE");
        Self {
            logins: Vec::new(),
            common: Vec::new(),
            switches,
            faults: Vec::new(),
            delimiter: '/',
            tls: Tls::Never,
            plaintext_login: PlaintextLogin::FromAnywhere,
            piece: None,
            patience: Duration::from_secs(10),
            port: 0,
        }
    }
}

impl Builder {
    /// An account with an INBOX. The password is its bearer token too.
    pub fn account(mut self, name: &str, password: &str) -> Self {
        self.logins.push(Login {
            name: name.to_owned(),
            password: password.to_owned(),
            seeds: Vec::new(),
        });
        self
    }

    /// A mailbox, and messages in it. INBOX is always there.
    pub fn mailbox<M: Into<Message>>(self, name: &str, messages: impl IntoIterator<Item = M>) -> Self {
        self.mailbox_for(name, "", messages)
    }

    /// A mailbox with special uses, such as `\Sent`.
    pub fn mailbox_for<M: Into<Message>>(
        mut self,
        name: &str,
        uses: &str,
        messages: impl IntoIterator<Item = M>,
    ) -> Self {
        self.seed(Seed {
            name: vec![name.to_owned()],
            special_use: uses.to_owned(),
            messages: messages.into_iter().map(Into::into).collect(),
        });
        self
    }

    /// Mailboxes from a folder: its `.eml` files are INBOX, a folder in it is the mailbox of that name. The letters behind the last
    /// comma of a file's name are flags, as in a Maildir: `0001,S.eml` is `\Seen`.
    ///
    /// # Errors
    /// A folder or a file cannot be read.
    pub fn folder(mut self, folder: impl AsRef<Path>) -> io::Result<Self> {
        for (name, messages) in folder::read(folder.as_ref())? {
            self.seed(Seed {
                name,
                messages,
                ..Seed::default()
            });
        }
        Ok(self)
    }

    fn seed(&mut self, seed: Seed) {
        match self.logins.last_mut() {
            Some(login) => login.seeds.push(seed),
            None => self.common.push(seed),
        }
    }

    /// Without this capability: it is not listed, and its commands are answered BAD. What ends in `=`, such as `AUTH=`, stands for
    /// all that begin with it. Without COMPRESS=DEFLATE a server is from the start: faults cannot happen inside what is compressed.
    pub fn without(mut self, capability: &str) -> Self {
        self.switches.switch_off(capability);
        self
    }

    /// With this capability, if it was switched off; any other is listed, and nothing more.
    pub fn with(mut self, capability: &str) -> Self {
        self.switches.switch_on(capability);
        self
    }

    /// With these capabilities and no others.
    pub fn only(mut self, capabilities: &[&str]) -> Self {
        self.switches.leave_only(capabilities);
        self
    }

    /// What goes wrong, from the start.
    pub fn fault(mut self, fault: Fault) -> Self {
        self.faults.push(fault);
        self
    }

    /// As the server of a public report: [`personas`](crate::personas). Several go together.
    ///
    /// # Panics
    /// When there is none of that name.
    #[track_caller]
    pub fn persona(self, name: &str) -> Self {
        match Persona::named(name) {
            Some(persona) => persona.apply(self),
            None => panic!("there is no persona {name:?}"),
        }
    }

    /// The character between the parts of mailbox names, in place of `/`.
    pub fn delimiter(mut self, delimiter: char) -> Self {
        self.delimiter = delimiter;
        self
    }

    /// TLS from the first octet, with a certificate for `localhost` and `127.0.0.1`: [`TestServer::certificate_pem`].
    pub fn tls(mut self) -> Self {
        self.tls = Tls::AtStart;
        self
    }

    /// Offers STARTTLS, with a certificate as [`tls`](Self::tls).
    pub fn starttls(mut self) -> Self {
        self.tls = Tls::WhenAsked;
        self
    }

    /// Refuses passwords before TLS (LOGINDISABLED).
    pub fn require_tls(mut self) -> Self {
        self.plaintext_login = PlaintextLogin::Never;
        self
    }

    /// Writes at most so many octets at once, so that a client gets its answers in pieces.
    pub fn in_pieces_of(mut self, octets: usize) -> Self {
        self.piece = Some(octets.max(1));
        self
    }

    /// How long a wait may take before it fails. By default 10 s.
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Listens on this port, in place of a free one.
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// Starts the server, with a thread of its own.
    ///
    /// # Panics
    /// When the system has no port or no thread, and for a seed that no mailbox can hold.
    #[must_use]
    #[track_caller]
    pub fn start(self) -> TestServer {
        match self.try_start() {
            Ok(server) => server,
            Err(error) => panic!("the server does not start: {error}"),
        }
    }

    /// Starts the server, with a thread of its own.
    ///
    /// # Errors
    /// The system has no port or no thread.
    ///
    /// # Panics
    /// For a seed that no mailbox can hold.
    #[track_caller]
    pub fn try_start(mut self) -> io::Result<TestServer> {
        if self.logins.is_empty() {
            self = self.account("joe", "secret");
        }
        let certificate = (self.tls != Tls::Never).then(Certificate::make);
        let accounts = self.accounts();
        let mut server = Server::builder(accounts.clone())
            .limits(limits())
            .plaintext_login(self.plaintext_login)
            .login_mechanism(LoginMechanism::Offered)
            .compression(match self.switches.has("COMPRESS=DEFLATE") {
                true => Compression::Offered,
                false => Compression::Off,
            });
        if let (Some(certificate), Tls::WhenAsked) = (&certificate, self.tls) {
            server = server.tls(certificate.config.clone());
        }
        let mut faults = vec![self.switches.naming()];
        faults.append(&mut self.faults);
        let world = World {
            server: server.build(),
            log: Log::default(),
            faults: Mutex::new(faults),
            tls: certificate
                .as_ref()
                .map(|made| TlsAcceptor::from(made.config.clone())),
            implicit_tls: self.tls == Tls::AtStart,
            piece: self.piece,
            connections: 0.into(),
            end: End::default(),
            switches: self.switches,
        };
        TestServer::run(world, accounts, certificate, self.port, self.patience)
    }

    #[track_caller]
    fn accounts(&self) -> Accounts {
        let missing: Vec<_> = self.switches.missing_abilities().collect();
        let mut owners = BTreeMap::new();
        for login in &self.logins {
            let mail = MemoryBackend::new(&login.name, &login.password).with_delimiter(self.delimiter);
            let mail = missing.iter().fold(mail, |mail, ability| mail.without(*ability));
            self.sow(&Account::new(mail.clone()), login);
            let password = login.password.clone();
            owners.insert(login.name.clone(), Owner { password, mail });
        }
        Accounts { owners, missing }
    }

    /// Makes the mailboxes of an account, and puts their messages into them.
    #[track_caller]
    fn sow(&self, account: &Account, login: &Login) {
        let same = |name: &str| MailboxName::new(name).map(|name| name.canonical(self.delimiter));
        let mut mail: Vec<(String, Vec<Message>)> = Vec::new();
        for seed in self.common.iter().chain(&login.seeds) {
            let name = seed.name.join(&self.delimiter.to_string());
            match seed.special_use.is_empty() || account.has(&name) {
                true => account.ensure(&name),
                false => account.create_for(&name, &seed.special_use),
            }
            match mail.iter_mut().find(|(other, _)| same(other) == same(&name)) {
                Some((_, messages)) => messages.extend_from_slice(&seed.messages),
                None => mail.push((name, seed.messages.clone())),
            }
        }
        for (name, messages) in mail {
            for message in numbered(messages) {
                account.deliver(&name, message);
            }
        }
    }
}

/// A test server is not attacked, and nobody waits for it.
fn limits() -> Limits {
    let mut limits = Limits::default();
    limits.bad_commands = u32::MAX;
    limits.failed_logins = u32::MAX;
    limits.failed_login_delay = Duration::ZERO;
    limits.logins_at_once = 1024;
    limits.idle_batch = Duration::ZERO;
    limits
}
