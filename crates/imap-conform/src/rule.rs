//! What a server promises its client, rule by rule.

use std::fmt;

/// Makes the rules and what is said of them out of the same lines.
macro_rules! rules {
    ($($(#[$doc:meta])* $rule:ident $name:literal $rfc:literal $says:literal;)*) => {
        /// A rule of the protocol that can be seen to be broken from what was said before.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum Rule {
            $(#[doc = concat!($says, "\n\n", $rfc)] $rule,)*
        }

        impl Rule {
            /// Every rule, in the order of the wire: framing, commands, mailboxes, messages, extensions.
            pub const ALL: &[Self] = &[$(Self::$rule,)*];

            /// Its name in reports.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$rule => $name,)* }
            }

            /// Where it is written.
            #[must_use]
            pub const fn rfc(self) -> &'static str {
                match self { $(Self::$rule => $rfc,)* }
            }

            /// What it says.
            #[must_use]
            pub const fn says(self) -> &'static str {
                match self { $(Self::$rule => $says,)* }
            }
        }
    };
}

rules! {
    Greeting "greeting" "RFC 9051 7.1, RFC 3501 7.1"
        "The first response is an untagged OK, PREAUTH or BYE.";
    Syntax "syntax" "RFC 9051 9, RFC 3501 9"
        "A response follows the grammar.";
    LineEnd "line-end" "RFC 9051 2.2, RFC 3501 2.2"
        "A line ends in CRLF.";
    EightBit "eight-bit" "RFC 3501 4.3, 9, RFC 9051 9, RFC 6855 3, RFC 5255 3.5"
        "Literals apart, octets above 127 stand in quoted strings after ENABLE UTF8=ACCEPT, in texts after LANGUAGE, in both after ENABLE IMAP4rev2, and nowhere else.";
    Utf8 "utf-8" "RFC 9051 4.3, 9, RFC 6855 3, RFC 5255 3.5"
        "Literals apart, what is above 127 is UTF-8.";
    LiteralSize "literal-size" "RFC 9051 4.3, RFC 3501 4.3"
        "A literal has as many octets as were announced.";
    LiteralNul "literal-nul" "RFC 9051 9, RFC 3501 9"
        "There is no NUL in a literal.";
    LiteralNonSync "literal-non-sync" "RFC 9051 4.3, RFC 7888 3"
        "A server sends no non-synchronizing literal.";
    MessageSize "message-size" "RFC 9051 2.3.4, RFC 3501 2.3.4"
        "RFC822.SIZE is the number of octets of the message, and stays what it is.";
    PartialSize "partial-size" "RFC 9051 6.4.5, RFC 3501 6.4.5"
        "A partial fetch gives no more octets than were asked for.";
    Tag "tag" "RFC 9051 2.2.2, RFC 3501 2.2.2"
        "A tagged response has the tag of a command that is in progress.";
    Continuation "continuation" "RFC 9051 7.6, RFC 3501 7.5"
        "A continuation request is sent where a literal, AUTHENTICATE or IDLE waits for it.";
    Unasked "unasked" "RFC 9051 7.3, RFC 3501 7.2, RFC 5465 3.1"
        "SEARCH, SORT, THREAD, ESEARCH and STATUS answer a command.";
    LogoutBye "logout-bye" "RFC 9051 6.1.3, RFC 3501 6.1.3"
        "LOGOUT is answered by BYE before its tagged OK.";
    CloseBye "close-bye" "RFC 3501 3.4"
        "A server does not close the connection without BYE.";
    Capability "capability" "RFC 9051 7.2.2, RFC 3501 7.2.1"
        "CAPABILITY lists IMAP4rev1 or IMAP4rev2.";
    Enabled "enabled" "RFC 5161 3.1, RFC 9051 7.2.1"
        "ENABLED lists what this ENABLE asked for.";
    SelectWhole "select-whole" "RFC 9051 6.3.2, RFC 3501 6.3.1"
        "SELECT and EXAMINE are answered with all that is REQUIRED: FLAGS, EXISTS; RECENT by IMAP4rev1; UIDVALIDITY, UIDNEXT, PERMANENTFLAGS and LIST by IMAP4rev2.";
    SelectClosed "select-closed" "RFC 9051 7.1, RFC 7162 3.2.11"
        "Where a mailbox is selected already, SELECT says CLOSED before it speaks of the new one.";
    ReadOnly "read-only" "RFC 9051 6.3.3, RFC 3501 6.3.2"
        "EXAMINE is answered with READ-ONLY.";
    NoMailbox "no-mailbox" "RFC 9051 3.3, RFC 3501 3.3"
        "EXISTS, RECENT, EXPUNGE, VANISHED and FETCH are about a mailbox that is selected.";
    ExistsShrinks "exists-shrinks" "RFC 9051 5.2, 7.5.1, RFC 3501 5.2, 7.4.1"
        "EXISTS becomes less by EXPUNGE and VANISHED alone.";
    RecentNumber "recent-number" "RFC 3501 7.3.2"
        "There are no more recent messages than messages.";
    ExpungeTime "expunge-time" "RFC 9051 7.5.1, RFC 3501 7.4.1, RFC 7162 3.2.10.2"
        "No EXPUNGE and no VANISHED is sent while no command is in progress, nor in answer to FETCH, STORE or SEARCH.";
    ExpungeNumber "expunge-number" "RFC 9051 7.5.1, RFC 3501 7.4.1"
        "EXPUNGE has the number of a message that there is.";
    FetchNumber "fetch-number" "RFC 9051 7.5.2, RFC 3501 7.4.2"
        "FETCH has the number of a message that there is.";
    SearchNumber "search-number" "RFC 9051 6.4.4, RFC 3501 6.4.4"
        "SEARCH gives numbers of messages that there are.";
    UidChanged "uid-changed" "RFC 9051 2.3.1.1, RFC 3501 2.3.1.1"
        "The UID of a message does not change during a session.";
    UidOrder "uid-order" "RFC 9051 2.3.1.1, RFC 3501 2.3.1.1"
        "UIDs ascend with the numbers.";
    UidReused "uid-reused" "RFC 9051 2.3.1.1, RFC 3501 2.3.1.1"
        "A UID is never used twice.";
    UidNext "uid-next" "RFC 9051 2.3.1.1, RFC 3501 2.3.1.1"
        "A message that is there has a UID below UIDNEXT, a message that comes has not; UIDNEXT does not become less.";
    UidMissing "uid-missing" "RFC 9051 6.4.9, 7.5.2, RFC 3501 6.4.8, RFC 7162 3.2.4"
        "FETCH has the UID: in answer to a UID command, and for changes under IMAP4rev2 and QRESYNC.";
    UidPlus "uid-plus" "RFC 4315 3, RFC 9051 7.1"
        "COPYUID has as many UIDs of copies as of originals, and none is 0.";
    SearchCorrelator "search-correlator" "RFC 4731 3.1, RFC 9051 7.3.4, RFC 7377 2.1"
        "ESEARCH has the tag of a search in progress, and UID where and only where it is a UID command or ESEARCH.";
    ModSeqMissing "modseq-missing" "RFC 7162 3.1, 3.2.4"
        "After CONDSTORE was enabled, FETCH of a change has the MODSEQ.";
    ModSeqBack "modseq-back" "RFC 7162 3.1"
        "A mod-sequence of a message does not become less, and is not 0.";
    HighestModSeqBack "highestmodseq-back" "RFC 7162 3.1.2.1"
        "HIGHESTMODSEQ of a mailbox does not become less.";
    HighestModSeqEarly "highestmodseq-early" "RFC 7162 3.2, 6"
        "HIGHESTMODSEQ does not run ahead of changes that the client was not told.";
    VanishedUid "vanished-uid" "RFC 7162 3.2.10.2"
        "VANISHED lists messages that the client has.";
    VanishedForm "vanished-form" "RFC 7162 3.2.10, RFC 9586 3"
        "After ENABLE QRESYNC or UIDONLY, VANISHED takes the place of EXPUNGE; and not before.";
    VanishedEarlier "vanished-earlier" "RFC 7162 3.2.10.1"
        "VANISHED (EARLIER) answers SELECT with QRESYNC, or UID FETCH with VANISHED.";
    UidOnly "uid-only" "RFC 9586 3"
        "After ENABLE UIDONLY there are no numbers of messages: UIDFETCH takes the place of FETCH.";
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
