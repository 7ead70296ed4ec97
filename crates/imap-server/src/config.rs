//! What a client may cost: sizes, counts and waiting times.

use std::num::NonZeroU32;
use std::time::Duration;

/// Bounds on what one client, and all clients together, can make the server hold or wait for.
///
/// Start from [`Limits::default`] and change the fields you mean:
///
/// ```
/// let mut limits = imap_server::Limits::default();
/// limits.append = 25 << 20; // octets
/// assert_eq!(limits.bad_commands, 10);
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Limits {
    /// The longest command line before login, in octets with CRLF. Default 40 KiB: LOGIN and AUTHENTICATE fit, and ID with 30
    /// fields of 1,024 octets (RFC 2971, section 3.3).
    pub line_before_login: usize,
    /// The longest command line after login, in octets with CRLF. Default 64 KiB: RFC 7162, section 4 asks for
    /// 8 KiB, and clients write sets of thousands of scattered UIDs.
    pub line: usize,
    /// The largest literal before login, in octets. Default 8 KiB.
    pub literal_before_login: u32,
    /// The largest literal after login other than an APPEND's message, in octets. Default 64 KiB.
    pub literal: u32,
    /// The largest command with all its lines and literals, in octets, without an APPEND's message. Default 128 KiB.
    pub command: u32,
    /// The most literals in one command. Default 64.
    pub literals: u32,
    /// The largest message in APPEND, in octets. Default 64 MiB: twice what common mail servers relay.
    pub append: u32,
    /// The most messages in one APPEND (RFC 3502). Default 1,024.
    pub append_messages: u32,
    /// All messages of one APPEND together, in octets. Default 256 MiB: four of the largest.
    pub append_octets: u32,
    /// The most parts of one message that is put together (RFC 4469). Default 4,096.
    pub append_parts: u32,
    /// The most messages that one command processes: those with the highest UIDs; and COPY, APPEND, SORT and THREAD of more are
    /// refused. EXPUNGE and CLOSE are never limited. Announced as MESSAGELIMIT (RFC 9738), which wants 1,000 at least. Default
    /// none.
    pub message_limit: Option<NonZeroU32>,
    /// The most messages that one COPY or APPEND saves, where `message_limit` is none, which holds for them too. Announced as
    /// SAVELIMIT (RFC 9738), which wants 1,000 at least. Default none.
    pub save_limit: Option<NonZeroU32>,
    /// So many BAD answers in a row end the connection. Default 10.
    pub bad_commands: u32,
    /// So many failed logins end the connection. Default 10.
    pub failed_logins: u32,
    /// After the n-th failed login the answer waits n times this long. Default 250 ms: ten guesses cost 14 s.
    pub failed_login_delay: Duration,
    /// Logins being checked at the same time; further ones wait. Default 4: a password hash costs 19 MiB and 30 ms.
    pub logins_at_once: usize,
    /// Time from connecting to a completed login. Default 60 s.
    pub login_time: Duration,
    /// Time without a command after login, IDLE included; and time for each command from its first octet until it is
    /// whole, anew for each 64 KiB of an APPEND's message. Default 30 min, the least that RFC 9051, section 5.4 allows.
    pub idle_time: Duration,
    /// Time in which a client that we write to must take at least one octet. Default 60 s.
    pub write_stall: Duration,
    /// Time for one TLS handshake. Default 10 s.
    pub tls_handshake: Duration,
    /// Open connections in total. Default 1,024.
    pub connections: usize,
    /// Open connections from one IP address. Default 128: a household, or an office behind one address.
    pub connections_per_address: usize,
    /// Pause between two batches of updates to an idling client, so that a storm becomes few packets. Default 50 ms.
    pub idle_batch: Duration,
    /// How often a backend is asked to look for changes while its client idles. Default 15 s; backends that see
    /// changes by themselves push them at once.
    pub idle_poll: Duration,
    /// How often a client that idles is told that the server is still there, so that no router between forgets the connection.
    /// Default 2 min: the home routers that forget fastest do so after 5.
    pub idle_keep_alive: Duration,
    /// How long a stopping server waits for commands in progress. Default 5 s.
    pub stop_time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            line_before_login: 40 << 10,
            line: 64 << 10,
            literal_before_login: 8 << 10,
            literal: 64 << 10,
            command: 128 << 10,
            literals: 64,
            append: 64 << 20,
            append_messages: 1024,
            append_octets: 256 << 20,
            append_parts: 4096,
            message_limit: None,
            save_limit: None,
            bad_commands: 10,
            failed_logins: 10,
            failed_login_delay: Duration::from_millis(250),
            logins_at_once: 4,
            login_time: Duration::from_secs(60),
            idle_time: Duration::from_secs(30 * 60),
            write_stall: Duration::from_secs(60),
            tls_handshake: Duration::from_secs(10),
            connections: 1024,
            connections_per_address: 128,
            idle_batch: Duration::from_millis(50),
            idle_poll: Duration::from_secs(15),
            idle_keep_alive: Duration::from_secs(120),
            stop_time: Duration::from_secs(5),
        }
    }
}

/// Whether a password may cross the network unencrypted (RFC 9051, section 11.1: LOGINDISABLED).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum PlaintextLogin {
    /// Only from the same machine. The default.
    #[default]
    FromLoopback,
    /// From everywhere: for a server behind a proxy that ends TLS.
    FromAnywhere,
    /// Never, not even from the same machine.
    Never,
}
