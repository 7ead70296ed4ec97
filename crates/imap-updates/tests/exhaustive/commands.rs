//! All commands of the release table, each with the permit that the toolkit lends it, and what the RFCs say, by hand: the
//! table in the code is not its own judge.

use std::sync::LazyLock;

use imap_seq::{SeqNum, SequenceSet};
use imap_updates::{
    CommandInProgress, CommandKind, Drained, Followers, MayExpunge, Release, UpdateBuffer, kind,
};

pub struct Command {
    pub name: &'static str,
    /// Whether EXPUNGE may be sent.
    pub may: bool,
    /// Whether it has to be.
    pub must: bool,
    /// A whole command, from its start to the drain before its tagged response.
    pub run: fn(&mut UpdateBuffer, Followers) -> Drained,
}

/// Takes whatever permit the type of a command offers. A server cannot ask for more: `permit` of another one does not compile.
struct Lender<'c, K>(&'c CommandInProgress<K>);

trait Lends {
    fn lend(&self, followers: Followers) -> Release<'_>;
}

trait Holds {
    fn lend(&self, followers: Followers) -> Release<'_>;
}

impl<K: MayExpunge> Lends for Lender<'_, K> {
    fn lend(&self, followers: Followers) -> Release<'_> {
        self.0.permit(followers)
    }
}

/// Found by a call only where [`Lends`] is not there.
impl<K: CommandKind> Holds for &Lender<'_, K> {
    fn lend(&self, _followers: Followers) -> Release<'_> {
        Release::hold()
    }
}

/// A command with a set looks at the view before its drain.
fn resolve(name: &str, buffer: &UpdateBuffer) {
    if name.contains("1:*") {
        let _meant = buffer.resolve_seqs(&ALL_MESSAGES).map(|all| all.is_empty());
    }
}

static ALL_MESSAGES: LazyLock<SequenceSet<SeqNum>> = LazyLock::new(|| "1:*".parse().expect("a set"));

macro_rules! commands {
    ($($kind:ident $name:literal $may:ident)*) => {
        pub const COMMANDS: &[Command] = &[$(Command {
            name: $name,
            may: commands!(@may $may),
            must: commands!(@must $may),
            run: |buffer, followers| {
                let command = buffer.begin(kind::$kind);
                resolve($name, buffer);
                buffer.drain((&Lender(&command)).lend(followers))
            },
        }),*];
    };
    (@may never) => { false };
    (@may $may:ident) => { true };
    (@must must) => { true };
    (@must $may:ident) => { false };
}

commands! {
    Noop "NOOP" may
    Fetch "FETCH 1:* (UID FLAGS)" never
    Store "STORE" never
    UidStore "UID STORE" may
    UidExpunge "UID EXPUNGE" must
    Search "SEARCH ALL" never
    UidSearchWithSeqs "UID SEARCH 1:*" never
    Copy "COPY 1:* other" must
    UidFetch "UID FETCH 1:* FLAGS" may
    Idle "IDLE" may
    Unparsed "a command that is not understood" never
    Literal "the first half of a command" never
    Nothing "nothing" never
    Sort "SORT (DATE) ALL" never
    Thread "THREAD REFERENCES ALL" never
    Check "CHECK" may
    Move "MOVE of nothing" must
    Append "APPEND elsewhere" may
    Replace "REPLACE elsewhere" must
    Expunge "EXPUNGE" must
    UidSearch "UID SEARCH ALL" may
    UidSort "UID SORT (DATE) ALL" may
    UidThread "UID THREAD REFERENCES ALL" may
    UidCopy "UID COPY" may
    UidMove "UID MOVE of nothing" must
    UidReplace "UID REPLACE elsewhere" must
    Status "STATUS" may
    List "LIST" may
    Lsub "LSUB" may
    Create "CREATE" may
    Delete "DELETE" may
    Rename "RENAME" may
    Subscribe "SUBSCRIBE" may
    Unsubscribe "UNSUBSCRIBE" may
    Namespace "NAMESPACE" may
    Quota "GETQUOTA" may
    Metadata "GETMETADATA" may
    Acl "MYRIGHTS" may
    Notify "NOTIFY" must
    CancelUpdate "CANCELUPDATE" may
    UidBatches "UIDBATCHES" may
    Capability "CAPABILITY" may
    Id "ID" may
    Enable "ENABLE" may
    Compress "COMPRESS" may
}

/// Places in [`COMMANDS`] of those that the world gives itself.
pub const NOOP: u8 = 0;
pub const FETCH: u8 = 1;
pub const STORE: u8 = 2;
pub const UID_STORE: u8 = 3;
pub const UID_EXPUNGE: u8 = 4;

/// The commands that a search takes that is to go deep, and all of them.
pub const FEW: u8 = 2;
pub const ALL: u8 = COMMANDS.len() as u8;
