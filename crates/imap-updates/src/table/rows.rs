//! The release table: what may be sent in answer to which command.

use std::fmt;

/// What the RFCs say about one untagged response during one command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cell {
    /// MUST be sent if there is anything to tell.
    Must,
    /// SHOULD be sent.
    Should,
    /// MAY be sent.
    May,
    /// MUST NOT be sent.
    Never,
    /// The question does not arise: no mailbox is selected, or none stays so.
    NotMeaningful,
}

impl Cell {
    /// Whether sending it is within the RFCs.
    pub const fn permits(self) -> bool {
        matches!(self, Self::Must | Self::Should | Self::May)
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Must => "MUST",
            Self::Should => "SHOULD",
            Self::May => "may",
            Self::Never => "never",
            Self::NotMeaningful => "-",
        })
    }
}

/// One row of the release table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Row {
    /// The command, as it is written on the wire, or the situation.
    pub command: &'static str,
    /// EXPUNGE, and VANISHED in its place.
    pub expunge: Cell,
    /// EXISTS.
    pub exists: Cell,
    /// RECENT (RFC 3501 only).
    pub recent: Cell,
    /// A FETCH of flags that the client did not ask for.
    pub fetch: Cell,
    /// The mailbox's FLAGS and PERMANENTFLAGS.
    pub mailbox_flags: Cell,
    /// STATUS of a mailbox that is not selected, which no command asked for. `May` only under NOTIFY.
    pub status: Cell,
    /// Where it is written.
    pub source: &'static str,
    /// What else to mind.
    pub remark: &'static str,
}

/// A command that may be in progress: one zero-sized type of [`kind`] for each row of the table.
///
/// Sealed: which command may release an EXPUNGE is the RFCs' to say.
pub trait CommandKind: sealed::Sealed {
    /// The command's row of the table.
    const ROW: Row;
}

/// A command during which an EXPUNGE may be sent. Sealed as [`CommandKind`] is.
#[diagnostic::on_unimplemented(
    message = "no EXPUNGE may be sent while `{Self}` is in progress",
    label = "this command must hold it (RFC 9051 section 7.5.1, RFC 7162 section 3.2.10.2)",
    note = "drain with `Release::hold()`: EXISTS and flags are told, EXPUNGE waits for the next command"
)]
pub trait MayExpunge: CommandKind {}

pub(crate) mod sealed {
    pub trait Sealed {}
}

/// Makes the kinds, their rows and their permissions out of the same lines, so that they cannot differ.
macro_rules! release_table {
    ($(
        $kind:ident $command:literal
        E $expunge:ident, X $exists:ident, R $recent:ident, F $fetch:ident, K $flags:ident, T $status:ident;
        $source:literal; $remark:literal
    )*) => {
        /// One type for each command: begin it with [`UpdateBuffer::begin`](crate::UpdateBuffer::begin).
        pub mod kind {
            $(
                #[doc = concat!("`", $command, "`: EXPUNGE ", release_table!(@word $expunge), ". ", $remark)]
                #[doc = concat!("\n\nSource: ", $source)]
                #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
                pub struct $kind;
            )*
        }
        $(
            impl sealed::Sealed for kind::$kind {}
            impl CommandKind for kind::$kind {
                const ROW: Row = Row {
                    command: $command,
                    expunge: Cell::$expunge,
                    exists: Cell::$exists,
                    recent: Cell::$recent,
                    fetch: Cell::$fetch,
                    mailbox_flags: Cell::$flags,
                    status: Cell::$status,
                    source: $source,
                    remark: $remark,
                };
            }
            release_table!(@permission $expunge $kind);
        )*
        /// The whole table, in the order of the RFCs. `docs/updates.md` shows it to people.
        pub const RELEASE_TABLE: &[Row] = &[$(<kind::$kind as CommandKind>::ROW),*];
    };
    (@permission May $kind:ident) => { impl MayExpunge for kind::$kind {} };
    (@permission Must $kind:ident) => { impl MayExpunge for kind::$kind {} };
    (@permission Never $kind:ident) => {};
    (@permission NotMeaningful $kind:ident) => {};
    (@word May) => { "may be sent" };
    (@word Must) => { "must be sent" };
    (@word Never) => { "must not be sent" };
    (@word NotMeaningful) => { "does not arise" };
}

// E = EXPUNGE or VANISHED, X = EXISTS, R = RECENT, F = FETCH of flags, K = mailbox FLAGS, T = STATUS of another mailbox.
release_table! {
    Noop "NOOP" E May, X Must, R May, F Should, K May, T May;
        "RFC 3501 6.1.2, 5.2, 7.4.1"; "The command to poll with."
    Check "CHECK" E May, X Must, R May, F Should, K May, T May;
        "RFC 3501 6.4.1, 5.2, 7.4.1"; "Gone from RFC 9051; no guarantee that it polls."
    Idle "IDLE" E May, X Must, R May, F Should, K May, T May;
        "RFC 2177 3; RFC 9051 6.3.13"; "From the `+` to the tagged OK that answers DONE, nothing after it; a FETCH has the UID."
    Fetch "FETCH" E Never, X Must, R May, F Should, K May, T May;
        "RFC 3501 7.4.1, 5.2; RFC 9051 7.5.1"; "New messages only above the announced ones."
    Store "STORE" E Never, X Must, R May, F Should, K May, T May;
        "RFC 3501 7.4.1, 6.4.6; RFC 9051 7.5.1"; "Other people's flags are told even with .SILENT."
    Search "SEARCH" E Never, X Must, R May, F Should, K May, T May;
        "RFC 3501 7.4.1; RFC 9051 7.5.1, 7.1"; "Results in the announced numbering; OK with EXPUNGEISSUED where hits are gone."
    Sort "SORT" E Never, X Must, R May, F Should, K May, T May;
        "RFC 5256 3 (SORT)"; "As SEARCH, in so many words."
    Thread "THREAD" E Never, X Must, R May, F Should, K May, T May;
        "RFC 5256 3 (THREAD)"; "As SEARCH, in so many words."
    Copy "COPY" E Must, X Must, R May, F Should, K May, T May;
        "RFC 2180 4.4.1, 4.4.2; RFC 3501 5.5"; "Pending ones must be returned; the only command with message sequence numbers that is safe."
    Move "MOVE" E Must, X Must, R May, F Should, K May, T May;
        "RFC 6851 3.3, 4.3; RFC 9051 6.4.8"; "After the untagged OK with COPYUID; unrelated expunges may be among them."
    Append "APPEND" E May, X Must, R May, F Should, K May, T May;
        "RFC 3501 6.3.11, 5.2, 7.4.1"; "Only once the last literal has been read; until then it is a `Literal`."
    Replace "REPLACE" E Must, X Must, R May, F Should, K May, T May;
        "RFC 8508 3.4, 4.3"; "After the untagged OK with APPENDUID; if it fails, hold: nothing before all of it succeeded."
    Expunge "EXPUNGE" E Must, X Must, R May, F Should, K May, T May;
        "RFC 3501 6.4.3; RFC 7162 3.2.7"; "Before the tagged OK."
    UidFetch "UID FETCH" E May, X Must, R May, F Should, K May, T May;
        "RFC 3501 7.4.1; RFC 9051 6.4.9; RFC 7162 3.2.6"; "VANISHED (EARLIER) is a line of its own, before the FETCHes."
    UidStore "UID STORE" E May, X Must, R May, F Should, K May, T May;
        "RFC 3501 7.4.1; RFC 9051 6.4.9"; ""
    UidSearch "UID SEARCH" E May, X Must, R May, F Should, K May, T May;
        "RFC 3501 7.4.1; RFC 9051 6.4.9"; "Only if no criterion is a message sequence number; else it is a `UidSearchWithSeqs`."
    UidSearchWithSeqs "UID SEARCH with message sequence numbers" E Never, X Must, R May, F Should, K May, T May;
        "RFC 7162 3.2.10.2; RFC 9051 5.5"; "Forbidden for VANISHED; held for EXPUNGE as well, because the numbers are those before it."
    UidSort "UID SORT" E May, X Must, R May, F Should, K May, T May;
        "RFC 5256 3"; "Only if no criterion is a message sequence number; else it is a `UidSearchWithSeqs`."
    UidThread "UID THREAD" E May, X Must, R May, F Should, K May, T May;
        "RFC 5256 3"; "Only if no criterion is a message sequence number; else it is a `UidSearchWithSeqs`."
    UidCopy "UID COPY" E May, X Must, R May, F Should, K May, T May;
        "RFC 3501 7.4.1; RFC 9051 6.4.9"; ""
    UidMove "UID MOVE" E Must, X Must, R May, F Should, K May, T May;
        "RFC 6851 3.3, 4.3; RFC 9051 6.4.8"; "As MOVE."
    UidReplace "UID REPLACE" E Must, X Must, R May, F Should, K May, T May;
        "RFC 8508 3.4, 4.3"; "As REPLACE."
    UidExpunge "UID EXPUNGE" E Must, X Must, R May, F Should, K May, T May;
        "RFC 4315 2.1; RFC 7162 3.2.9"; "Before the tagged OK."
    Close "CLOSE" E Never, X NotMeaningful, R NotMeaningful, F NotMeaningful, K NotMeaningful, T May;
        "RFC 3501 6.4.2; RFC 7162 3.2.8"; "It expunges and says nothing of it."
    Unselect "UNSELECT" E Never, X NotMeaningful, R NotMeaningful, F NotMeaningful, K NotMeaningful, T May;
        "RFC 3691 2; RFC 9051 6.4.2"; "As CLOSE, without expunging."
    Select "SELECT" E Never, X Must, R Must, F May, K Must, T May;
        "RFC 3501 6.3.1; RFC 9051 6.3.2, 7.1"; "The old mailbox is silent; the new one is told whole, then by its own commands."
    Examine "EXAMINE" E Never, X Must, R Must, F May, K Must, T May;
        "RFC 3501 6.3.2; RFC 9051 6.3.3, 7.1"; "As SELECT; takes no message's RECENT away."
    Status "STATUS" E May, X Must, R May, F Should, K May, T May;
        "RFC 3501 6.3.10, 7.4.1"; "Drain first: the answer must not contradict the announced view of the selected mailbox."
    List "LIST" E May, X Must, R May, F Should, K May, T May;
        "RFC 3501 6.3.8, 7.4.1"; ""
    Lsub "LSUB" E May, X Must, R May, F Should, K May, T May;
        "RFC 3501 6.3.9, 7.4.1"; ""
    Create "CREATE" E May, X Must, R May, F Should, K May, T May;
        "RFC 3501 6.3.3, 7.4.1"; ""
    Delete "DELETE" E May, X Must, R May, F Should, K May, T May;
        "RFC 3501 6.3.4, 7.4.1"; "If it deletes the selected mailbox, the session gets `Closed::Deleted`."
    Rename "RENAME" E May, X Must, R May, F Should, K May, T May;
        "RFC 3501 6.3.5, 7.4.1; RFC 2180 3.4"; "A session goes on in a renamed mailbox."
    Subscribe "SUBSCRIBE" E May, X Must, R May, F Should, K May, T May;
        "RFC 3501 6.3.6, 7.4.1"; ""
    Unsubscribe "UNSUBSCRIBE" E May, X Must, R May, F Should, K May, T May;
        "RFC 3501 6.3.7, 7.4.1"; ""
    Namespace "NAMESPACE" E May, X Must, R May, F Should, K May, T May;
        "RFC 2342 5; RFC 3501 7.4.1"; ""
    Quota "GETQUOTA, GETQUOTAROOT, SETQUOTA" E May, X Must, R May, F Should, K May, T May;
        "RFC 9208 4; RFC 3501 7.4.1"; ""
    Metadata "GETMETADATA, SETMETADATA" E May, X Must, R May, F Should, K May, T May;
        "RFC 5464 4; RFC 3501 7.4.1"; ""
    Acl "SETACL, DELETEACL, GETACL, LISTRIGHTS, MYRIGHTS" E May, X Must, R May, F Should, K May, T May;
        "RFC 4314 3; RFC 3501 7.4.1"; ""
    Notify "NOTIFY" E Must, X Must, R May, F Must, K May, T Must;
        "RFC 5465 3.1"; "NOTIFY SET is an implicit NOOP that must tell all; with STATUS it answers for every mailbox."
    CancelUpdate "CANCELUPDATE" E May, X Must, R May, F Should, K May, T May;
        "RFC 5267 4.3.5; RFC 3501 7.4.1"; ""
    UidBatches "UIDBATCHES" E May, X Must, R May, F Should, K May, T May;
        "draft-ietf-mailmaint-imap-uidbatches; RFC 3501 7.4.1"; ""
    Capability "CAPABILITY" E May, X Must, R May, F Should, K May, T May;
        "RFC 3501 6.1.1, 7.4.1"; ""
    Id "ID" E May, X Must, R May, F Should, K May, T May;
        "RFC 2971 3.1; RFC 3501 7.4.1"; ""
    Enable "ENABLE" E May, X Must, R May, F Should, K May, T May;
        "RFC 5161 3.1; RFC 7162 3.2.10"; "Drain before QRESYNC or UIDONLY takes effect: the old form first, then never again."
    Compress "COMPRESS" E May, X Must, R May, F Should, K May, T May;
        "RFC 4978 3; RFC 3501 7.4.1"; "Before the tagged OK, uncompressed."
    Logout "LOGOUT" E NotMeaningful, X NotMeaningful, R NotMeaningful, F NotMeaningful, K NotMeaningful, T NotMeaningful;
        "RFC 3501 6.1.3"; "Nobody listens any more: BYE only."
    Literal "command or literal still arriving" E Never, X May, R May, F May, K May, T May;
        "RFC 3501 7.4.1; RFC 9051 7.5.1"; "A command is not in progress until it was received whole."
    Authenticate "AUTHENTICATE exchange" E Never, X NotMeaningful, R NotMeaningful, F NotMeaningful, K NotMeaningful, T NotMeaningful;
        "RFC 3501 6.2.2, 7.4.1"; "No mailbox is selected."
    Unparsed "command answered with BAD before it was understood" E Never, X Must, R May, F Should, K May, T May;
        "RFC 3501 5.2, 7.4.1"; "Nobody knows whether it was a FETCH: EXPUNGE waits."
    Nothing "no command in progress" E Never, X May, R May, F May, K May, T May;
        "RFC 3501 5.3, 7.4.1; RFC 5465 3.1"; "Before NOTIFY better nothing: `STORE 1:*` may be on its way. After it `Release::after_notify_selected`."
}
