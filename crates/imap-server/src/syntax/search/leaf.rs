//! The search keys that do not contain others, by name.

use imap_backend::{Ability, ObjectId, SearchKey};
use imap_message::Needle;
use imap_seq::{Uid, UidSet};
use imap_updates::{Flag, Keyword};

use super::super::reader::Reader;
use super::super::shown::shown;
use super::{Fault, Key, Needed};

/// What a key looks at, as far as it matters to what a search may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cost {
    /// Flags, dates, sizes and numbers.
    Attributes,
    /// Fields that a store may keep a summary of.
    Summary,
    /// The message itself.
    Message,
}

/// Reads the key whose name comes next, with its arguments.
pub(super) fn leaf(reader: &mut Reader<'_>) -> Result<Key, Fault> {
    let at = reader.at();
    let name = reader.atom()?;
    let arguments = Arguments(reader);
    let key = match name.to_ascii_uppercase().as_str() {
        "ALL" => SearchKey::All,
        "ANSWERED" => SearchKey::Flag(Flag::Answered),
        "BCC" => arguments.field("Bcc")?,
        "BEFORE" => SearchKey::Before(arguments.after_space()?.date()?),
        "BODY" => SearchKey::Body(arguments.needle()?),
        "CC" => arguments.field("Cc")?,
        "DELETED" => SearchKey::Flag(Flag::Deleted),
        "DRAFT" => SearchKey::Flag(Flag::Draft),
        "EMAILID" => SearchKey::EmailId(arguments.object_id()?),
        "FLAGGED" => SearchKey::Flag(Flag::Flagged),
        "FROM" => arguments.field("From")?,
        "HEADER" => arguments.header()?,
        "KEYWORD" => arguments.keyword()?,
        "LARGER" => SearchKey::Larger(arguments.after_space()?.number64()?),
        "MODSEQ" => return arguments.mod_sequence(),
        "NEW" => return Ok(Key::New),
        "OLD" => return Ok(Key::Old),
        "OLDER" => return Ok(Key::Older(arguments.after_space()?.nz_number()?)),
        "ON" => SearchKey::On(arguments.after_space()?.date()?),
        "RECENT" => return Ok(Key::Recent),
        "SAVEDATESUPPORTED" => SearchKey::SaveDateSupported,
        "SAVEDBEFORE" => SearchKey::SavedBefore(arguments.after_space()?.date()?),
        "SAVEDON" => SearchKey::SavedOn(arguments.after_space()?.date()?),
        "SAVEDSINCE" => SearchKey::SavedSince(arguments.after_space()?.date()?),
        "SEEN" => SearchKey::Flag(Flag::Seen),
        "SENTBEFORE" => SearchKey::SentBefore(arguments.after_space()?.date()?),
        "SENTON" => SearchKey::SentOn(arguments.after_space()?.date()?),
        "SENTSINCE" => SearchKey::SentSince(arguments.after_space()?.date()?),
        "SINCE" => SearchKey::Since(arguments.after_space()?.date()?),
        "SMALLER" => SearchKey::Smaller(arguments.after_space()?.number64()?),
        "SUBJECT" => arguments.field("Subject")?,
        "TEXT" => SearchKey::Text(arguments.needle()?),
        "THREADID" => SearchKey::ThreadId(arguments.object_id()?),
        "TO" => arguments.field("To")?,
        "UID" => {
            let reader = arguments.after_space()?;
            return match reader.eat(b'$') {
                Some(()) => Ok(Key::Saved),
                None => Ok(Key::Uids(reader.set()?)),
            };
        }
        "UIDAFTER" => SearchKey::Uids(arguments.uids(|uid| Some((uid.next()?, Uid::MAX)))?),
        "UIDBEFORE" => SearchKey::Uids(arguments.uids(|uid| Some((Uid::MIN, Uid::new(uid.get() - 1)?)))?),
        "UNANSWERED" => not(SearchKey::Flag(Flag::Answered)),
        "UNDELETED" => not(SearchKey::Flag(Flag::Deleted)),
        "UNDRAFT" => not(SearchKey::Flag(Flag::Draft)),
        "UNFLAGGED" => not(SearchKey::Flag(Flag::Flagged)),
        "UNKEYWORD" => not(arguments.keyword()?),
        "UNSEEN" => not(SearchKey::Flag(Flag::Seen)),
        "YOUNGER" => return Ok(Key::Younger(arguments.after_space()?.nz_number()?)),
        _ => {
            let name = shown(name.as_bytes());
            return Err(Fault::syntax(at, format!("unknown search key {name}")));
        }
    };
    Ok(Key::Plain(Box::new(key)))
}

fn not(key: SearchKey) -> SearchKey {
    SearchKey::Not(Box::new(key))
}

/// The reader behind the name of a key.
struct Arguments<'r, 'c>(&'r mut Reader<'c>);

impl<'r, 'c> Arguments<'r, 'c> {
    fn after_space(self) -> Result<&'r mut Reader<'c>, Fault> {
        self.0.due(b' ')?;
        Ok(self.0)
    }

    fn needle(self) -> Result<Needle, Fault> {
        Ok(Needle::new(&self.after_space()?.astring()?))
    }

    fn field(self, name: &str) -> Result<SearchKey, Fault> {
        Ok(SearchKey::Header(name.to_owned(), self.needle()?))
    }

    fn header(self) -> Result<SearchKey, Fault> {
        let reader = self.after_space()?;
        let name = reader.astring()?.into_owned();
        Ok(SearchKey::Header(name, Arguments(reader).needle()?))
    }

    /// `[SP entry-name SP entry-type-req] SP mod-sequence-valzer` (RFC 7162, section 7). All entries of a message have the
    /// same mod-sequence here.
    fn mod_sequence(self) -> Result<Key, Fault> {
        let reader = self.after_space()?;
        if reader.peek() == Some(b'"') {
            reader.astring()?;
            reader.due(b' ')?;
            let at = reader.at();
            let kind = reader.atom()?;
            if !["priv", "shared", "all"]
                .iter()
                .any(|known| known.eq_ignore_ascii_case(kind))
            {
                return Err(Fault::syntax(at, "expected priv, shared or all"));
            }
            reader.due(b' ')?;
        }
        Ok(Key::ModSeq(reader.number64()?))
    }

    /// The UIDs on one side of another, which may be none (RFC 9738, section 3.2).
    fn uids(self, side: impl Fn(Uid) -> Option<(Uid, Uid)>) -> Result<UidSet, Fault> {
        let uid = Uid::new(self.after_space()?.nz_number()?.get());
        let mut uids = UidSet::new();
        if let Some((first, last)) = uid.and_then(side) {
            uids.insert_range(first, last);
        }
        Ok(uids)
    }

    /// `objectid` (RFC 8474, section 7).
    fn object_id(self) -> Result<ObjectId, Fault> {
        let reader = self.after_space()?;
        let at = reader.at();
        ObjectId::new(reader.atom()?).ok_or_else(|| Fault::syntax(at, "no object id"))
    }

    fn keyword(self) -> Result<SearchKey, Fault> {
        let reader = self.after_space()?;
        let at = reader.at();
        let keyword = Keyword::new(reader.atom()?);
        let keyword = keyword.map_err(|error| Fault::syntax(at, format!("bad keyword: {error}")))?;
        Ok(SearchKey::Flag(Flag::Keyword(keyword)))
    }
}

/// The fields that a summary of a message has ([`imap_message::Summary::contains_header`]), without those of MIME.
const SUMMARIZED: [&str; 11] = [
    "Bcc",
    "Cc",
    "Date",
    "From",
    "In-Reply-To",
    "Message-ID",
    "References",
    "Reply-To",
    "Sender",
    "Subject",
    "To",
];

/// What has to be offered for a key that [`leaf`] gave.
pub(super) fn needs(key: &Key) -> Option<Needed> {
    let Key::Plain(key) = key else { return None };
    Some(match **key {
        SearchKey::EmailId(_) | SearchKey::ThreadId(_) => Needed::Ability(Ability::ObjectId),
        SearchKey::SavedBefore(_)
        | SearchKey::SavedOn(_)
        | SearchKey::SavedSince(_)
        | SearchKey::SaveDateSupported => Needed::Ability(Ability::SaveDate),
        // UIDAFTER and UIDBEFORE; those of UID have to be resolved.
        SearchKey::Uids(_) => Needed::MessageLimit,
        _ => return None,
    })
}

/// What a key that [`leaf`] gave looks at.
pub(super) fn cost(key: &Key) -> Cost {
    let Key::Plain(key) = key else {
        return Cost::Attributes;
    };
    match &**key {
        SearchKey::Body(_) | SearchKey::Text(_) => Cost::Message,
        SearchKey::Header(name, _) => {
            let summarized = SUMMARIZED.iter().any(|field| field.eq_ignore_ascii_case(name));
            if summarized { Cost::Summary } else { Cost::Message }
        }
        SearchKey::SentBefore(_) | SearchKey::SentOn(_) | SearchKey::SentSince(_) => Cost::Summary,
        _ => Cost::Attributes,
    }
}
