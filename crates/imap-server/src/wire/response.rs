//! Whole responses (RFC 9051, chapter 7).

use bytes::Bytes;
use imap_backend::{MailboxName, ObjectId, Quota, Rights};
use imap_seq::{ModSeq, SeqNum, Uid, UidSet};
use imap_updates::{Flag, Flags, Keyword, Recency};

use super::fetch;
use super::text::{NameForm, astring, literal_begin, mailbox, nstring, number, string};
use crate::convert::Naming;

/// `* OK [CODE] text`.
pub(crate) fn untagged_ok(out: &mut Vec<u8>, code: &str, text: &str) {
    status(out, "*", "OK", code, text);
}

/// `tag OK [CODE] text`; an empty code is left out.
///
/// Codes and texts are made by this crate; octets that the grammar does not allow become `?`, so that nothing a
/// client or a backend said can end the line.
pub(crate) fn status(out: &mut Vec<u8>, tag: &str, kind: &str, code: &str, text: &str) {
    out.extend_from_slice(tag.as_bytes());
    out.push(b' ');
    out.extend_from_slice(kind.as_bytes());
    out.push(b' ');
    if !code.is_empty() {
        out.push(b'[');
        line_text(out, code);
        out.extend_from_slice(b"] ");
    }
    line_text(out, if text.is_empty() { "done" } else { text });
    // A text that ends like the announcement of a literal would make a client wait for its octets.
    if out.ends_with(b"}") {
        out.push(b'.');
    }
    out.extend_from_slice(b"\r\n");
}

fn line_text(out: &mut Vec<u8>, text: &str) {
    out.extend(
        text.bytes()
            .map(|octet| if matches!(octet, b' '..=b'~') { octet } else { b'?' }),
    );
}

/// `* BYE text`.
pub(crate) fn bye(out: &mut Vec<u8>, text: &str) {
    status(out, "*", "BYE", "", text);
}

/// `+ text`.
pub(crate) fn continuation(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(b"+ ");
    line_text(out, text);
    out.extend_from_slice(b"\r\n");
}

/// `* ID ("name" "Cyrus")` (RFC 2971, section 3.2); NIL for nothing.
pub(crate) fn id(out: &mut Vec<u8>, fields: &[(String, String)]) {
    out.extend_from_slice(b"* ID ");
    for (index, (name, value)) in fields.iter().enumerate() {
        out.push(if index == 0 { b'(' } else { b' ' });
        string(out, name.as_bytes());
        out.push(b' ');
        string(out, value.as_bytes());
    }
    out.extend_from_slice(if fields.is_empty() { b"NIL\r\n" } else { b")\r\n" });
}

/// `* GENURLAUTH "imap://joe@example.com/INBOX/;uid=20;urlauth=anonymous:internal:01ab"` (RFC 4467, section 8).
pub(crate) fn gen_url_auth(out: &mut Vec<u8>, urls: &[Vec<u8>]) {
    out.extend_from_slice(b"* GENURLAUTH");
    for url in urls {
        out.push(b' ');
        string(out, url);
    }
    out.extend_from_slice(b"\r\n");
}

/// `* URLFETCH "imap://..." `, behind which an `nstring` (RFC 4467, section 8) or items (RFC 5524, section 5) and the line end
/// are due.
pub(crate) fn url_fetch_begin(out: &mut Vec<u8>, url: &[u8]) {
    out.extend_from_slice(b"* URLFETCH ");
    string(out, url);
    out.push(b' ');
}

/// `* JMAPACCESS "https://example.com/.well-known/jmap"` (RFC 9698, section 4).
pub(crate) fn jmap_access(out: &mut Vec<u8>, url: &str) {
    out.extend_from_slice(b"* JMAPACCESS ");
    string(out, url.as_bytes());
    out.extend_from_slice(b"\r\n");
}

/// `* CAPABILITY ...`.
pub(crate) fn capability(out: &mut Vec<u8>, capabilities: &str) {
    out.extend_from_slice(b"* CAPABILITY ");
    line_text(out, capabilities);
    out.extend_from_slice(b"\r\n");
}

/// `* ENABLED CONDSTORE QRESYNC` (RFC 5161, section 3.2); also without any.
pub(crate) fn enabled(out: &mut Vec<u8>, names: &[&str]) {
    out.extend_from_slice(b"* ENABLED");
    for name in names {
        out.push(b' ');
        line_text(out, name);
    }
    out.extend_from_slice(b"\r\n");
}

/// `* UIDBATCHES (TAG "A143") 215295:99696,99695:1`; also without any range.
pub(crate) fn uid_batches(out: &mut Vec<u8>, tag: &str, batches: impl Iterator<Item = (Uid, Uid)>) {
    out.extend_from_slice(b"* UIDBATCHES (TAG ");
    string(out, tag.as_bytes());
    out.push(b')');
    let mut before = b' ';
    for (highest, lowest) in batches {
        out.push(before);
        number(out, highest.get());
        if highest != lowest {
            out.push(b':');
            number(out, lowest.get());
        }
        before = b',';
    }
    out.extend_from_slice(b"\r\n");
}

/// `* 3 EXISTS`.
pub(crate) fn exists(out: &mut Vec<u8>, exists: u32) {
    counted(out, exists, b" EXISTS\r\n");
}

/// `* 1 RECENT` (RFC 3501, section 7.3.2).
pub(crate) fn recent(out: &mut Vec<u8>, recent: u32) {
    counted(out, recent, b" RECENT\r\n");
}

/// `* 3 EXPUNGE`.
pub(crate) fn expunge(out: &mut Vec<u8>, seq: SeqNum) {
    counted(out, seq.get(), b" EXPUNGE\r\n");
}

fn counted(out: &mut Vec<u8>, count: u32, what: &[u8]) {
    out.extend_from_slice(b"* ");
    number(out, count);
    out.extend_from_slice(what);
}

/// `* VANISHED 3,5:9` (RFC 7162, section 3.2.10).
pub(crate) fn vanished(out: &mut Vec<u8>, uids: &UidSet) {
    out.extend_from_slice(b"* VANISHED ");
    uid_set(out, uids);
    out.extend_from_slice(b"\r\n");
}

/// `* VANISHED (EARLIER) 3,5:9`: what is gone since a client was here last, which has no number any more (RFC 7162,
/// section 3.2.10.1).
pub(crate) fn vanished_earlier(out: &mut Vec<u8>, uids: &UidSet) {
    out.extend_from_slice(b"* VANISHED (EARLIER) ");
    uid_set(out, uids);
    out.extend_from_slice(b"\r\n");
}

/// `3,5:9`.
pub(crate) fn uid_set(out: &mut Vec<u8>, uids: &UidSet) {
    runs(out, uids.ranges().map(|(first, last)| (first.get(), last.get())));
}

/// `3,5:9` of ascending message numbers.
pub(crate) fn seq_set(out: &mut Vec<u8>, seqs: impl Iterator<Item = SeqNum>) {
    runs(out, seqs.map(|seq| (seq.get(), seq.get())));
}

/// `3,5:9`, or in another order `5:9,3`: runs of numbers, first and last, of which each that goes on from the one before it
/// is written with it.
pub(crate) fn runs(out: &mut Vec<u8>, runs: impl Iterator<Item = (u32, u32)>) {
    let mut runs = runs.peekable();
    let mut is_first = true;
    while let Some((first, mut last)) = runs.next() {
        while let Some((_, end)) = runs.next_if(|next| last.checked_add(1) == Some(next.0)) {
            last = end;
        }
        if !std::mem::take(&mut is_first) {
            out.push(b',');
        }
        number(out, first);
        if first != last {
            out.push(b':');
            number(out, last);
        }
    }
}

/// Which message a FETCH row is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RowOf {
    /// `* 2 FETCH`.
    Seq(SeqNum),
    /// `* 17 UIDFETCH` (RFC 9586, section 3.3).
    Uid(Uid),
}

/// `* 2 FETCH (`: the caller writes the items, a space between two, and [`fetch_end`].
pub(crate) fn fetch_begin(out: &mut Vec<u8>, row: RowOf) {
    match row {
        RowOf::Seq(seq) => counted(out, seq.get(), b" FETCH ("),
        RowOf::Uid(uid) => counted(out, uid.get(), b" UIDFETCH ("),
    }
}

/// Ends a FETCH row.
pub(crate) fn fetch_end(out: &mut Vec<u8>) {
    out.extend_from_slice(b")\r\n");
}

/// A FETCH row about flags: what a change of them, or a STORE, is told with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FlagsRow<'f> {
    pub(crate) of: RowOf,
    /// None where the row does not have it.
    pub(crate) uid: Option<Uid>,
    /// None where only the mod-sequence is told.
    pub(crate) flags: Option<(&'f Flags, Recency)>,
    /// None where the client has not asked for mod-sequences.
    pub(crate) modseq: Option<ModSeq>,
}

impl FlagsRow<'_> {
    /// `* 2 FETCH (UID 17 FLAGS (\Seen) MODSEQ (715194045007))`.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        fetch_begin(out, self.of);
        if let Some(uid) = self.uid {
            out.extend_from_slice(b"UID ");
            number(out, uid.get());
            out.push(b' ');
        }
        if let Some((flags, recent)) = self.flags {
            out.extend_from_slice(b"FLAGS ");
            fetch::flags(out, flags, recent);
            out.push(b' ');
        }
        match self.modseq {
            Some(modseq) => mod_seq(out, modseq),
            None => drop(out.pop()),
        }
        fetch_end(out);
    }
}

/// `EMAILID (M6d99ac3275bb4e)`, `THREADID NIL` (RFC 8474, section 5).
pub(crate) fn object_id(out: &mut Vec<u8>, item: &str, id: Option<&ObjectId>) {
    out.extend_from_slice(item.as_bytes());
    match id {
        Some(id) => {
            out.extend_from_slice(b" (");
            out.extend_from_slice(id.as_str().as_bytes());
            out.push(b')');
        }
        None => out.extend_from_slice(b" NIL"),
    }
}

/// `MODSEQ (715194045007)` (RFC 7162, section 3.1.4.2).
pub(crate) fn mod_seq(out: &mut Vec<u8>, modseq: ModSeq) {
    out.extend_from_slice(b"MODSEQ (");
    number(out, modseq.get());
    out.push(b')');
}

const SYSTEM_FLAGS: [(&str, Flag); 5] = [
    ("\\Answered", Flag::Answered),
    ("\\Flagged", Flag::Flagged),
    ("\\Deleted", Flag::Deleted),
    ("\\Seen", Flag::Seen),
    ("\\Draft", Flag::Draft),
];

/// `* FLAGS (...)`: the system flags and the mailbox's keywords.
pub(crate) fn mailbox_flags<'k>(out: &mut Vec<u8>, keywords: impl Iterator<Item = &'k Keyword>) {
    out.extend_from_slice(b"* FLAGS (");
    let system = SYSTEM_FLAGS.iter().map(|(name, _)| *name);
    flag_list(out, system.chain(keywords.map(Keyword::as_str)));
    out.extend_from_slice(b")\r\n");
}

/// `* OK [PERMANENTFLAGS (...)]` of a mailbox opened read-write: the flags that these rights are enough to change. `more` is `\*`
/// or nothing.
pub(crate) fn permanent_flags<'k>(
    out: &mut Vec<u8>,
    rights: Rights,
    keywords: impl Iterator<Item = &'k Keyword>,
    more: Option<&'k str>,
) {
    out.extend_from_slice(b"* OK [PERMANENTFLAGS (");
    let system = SYSTEM_FLAGS.iter().filter(|(_, flag)| rights.may_change(flag));
    let others = keywords.map(Keyword::as_str).chain(more);
    let others = others.filter(|_| rights.includes(Rights::WRITE));
    flag_list(out, system.map(|(name, _)| *name).chain(others));
    out.extend_from_slice(b")] flags that can be changed\r\n");
}

fn flag_list<'f>(out: &mut Vec<u8>, flags: impl Iterator<Item = &'f str>) {
    for (index, flag) in flags.enumerate() {
        if index > 0 {
            out.push(b' ');
        }
        out.extend_from_slice(flag.as_bytes());
    }
}

/// `* LIST (\HasNoChildren) "/" name`, or the same with LSUB.
pub(crate) fn list(out: &mut Vec<u8>, verb: &str, attributes: &[&str], naming: Naming, name: &MailboxName) {
    list_head(out, verb, attributes, naming.delimiter);
    mailbox(out, name, naming.form);
    out.extend_from_slice(b"\r\n");
}

/// `* LIST (\NonExistent) "/" name ("CHILDINFO" ("SUBSCRIBED"))` (RFC 5258, section 3.5): there are inferiors that were asked
/// for by these selection options.
pub(crate) fn list_with_child_info(
    out: &mut Vec<u8>,
    attributes: &[&str],
    naming: Naming,
    name: &MailboxName,
    options: &[&str],
) {
    list_head(out, "LIST", attributes, naming.delimiter);
    mailbox(out, name, naming.form);
    out.extend_from_slice(b" (\"CHILDINFO\" (\"");
    out.extend_from_slice(options.join("\" \"").as_bytes());
    out.extend_from_slice(b"\"))\r\n");
}

/// The answer to `LIST "" ""`: the delimiter, and the root as an empty name (RFC 9051, section 6.3.9).
pub(crate) fn list_delimiter(out: &mut Vec<u8>, verb: &str, delimiter: char) {
    list_head(out, verb, &["\\Noselect"], delimiter);
    out.extend_from_slice(b"\"\"\r\n");
}

fn list_head(out: &mut Vec<u8>, verb: &str, attributes: &[&str], delimiter: char) {
    out.extend_from_slice(b"* ");
    out.extend_from_slice(verb.as_bytes());
    out.extend_from_slice(b" (");
    out.extend_from_slice(attributes.join(" ").as_bytes());
    out.extend_from_slice(b") ");
    quoted_delimiter(out, delimiter);
    out.push(b' ');
}

/// A delimiter is one printable ASCII character; anything else means a flat hierarchy, NIL.
fn quoted_delimiter(out: &mut Vec<u8>, delimiter: char) {
    match u8::try_from(delimiter) {
        Ok(octet @ (b'"' | b'\\')) => out.extend_from_slice(&[b'"', b'\\', octet, b'"']),
        Ok(octet @ b' '..=b'~') => out.extend_from_slice(&[b'"', octet, b'"']),
        _ => out.extend_from_slice(b"NIL"),
    }
}

/// `* NAMESPACE (("" "/")) NIL NIL` (RFC 2342, section 5): the personal one, nothing shared.
pub(crate) fn namespace(out: &mut Vec<u8>, delimiter: char) {
    out.extend_from_slice(b"* NAMESPACE ((\"\" ");
    quoted_delimiter(out, delimiter);
    out.extend_from_slice(b")) NIL NIL\r\n");
}

/// As [`list`], with the name that the mailbox had before (RFC 5465, section 5.4).
pub(crate) fn list_with_old_name(
    out: &mut Vec<u8>,
    attributes: &[&str],
    naming: Naming,
    name: &MailboxName,
    old: Option<&MailboxName>,
) {
    list_head(out, "LIST", attributes, naming.delimiter);
    mailbox(out, name, naming.form);
    if let Some(old) = old {
        out.extend_from_slice(b" (\"OLDNAME\" (");
        mailbox(out, old, naming.form);
        out.extend_from_slice(b"))");
    }
    out.extend_from_slice(b"\r\n");
}

/// `* METADATA name (/private/comment "..." /shared/comment NIL)` (RFC 5464, section 4.4.1); the empty name is the server's.
pub(crate) fn metadata(
    out: &mut Vec<u8>,
    name: Option<&MailboxName>,
    form: NameForm,
    entries: &[(&str, Option<&Bytes>)],
) {
    metadata_begin(out, name, form);
    let mut before = b" (".as_slice();
    for (entry, value) in entries {
        out.extend_from_slice(before);
        astring(out, entry.as_bytes());
        out.push(b' ');
        match value {
            // NUL has no place in another literal.
            Some(value) if value.contains(&0) => {
                out.push(b'~');
                literal_begin(out, value.len() as u64);
                out.extend_from_slice(value);
            }
            value => nstring(out, value.map(|value| &value[..])),
        }
        before = b" ";
    }
    out.extend_from_slice(b")\r\n");
}

/// `* METADATA INBOX /shared/comment /private/comment` (RFC 5464, section 4.4.2): annotations that have changed.
pub(crate) fn metadata_changed<'r>(
    out: &mut Vec<u8>,
    name: Option<&MailboxName>,
    form: NameForm,
    entries: impl Iterator<Item = &'r str>,
) {
    metadata_begin(out, name, form);
    for entry in entries {
        out.push(b' ');
        astring(out, entry.as_bytes());
    }
    out.extend_from_slice(b"\r\n");
}

fn metadata_begin(out: &mut Vec<u8>, name: Option<&MailboxName>, form: NameForm) {
    out.extend_from_slice(b"* METADATA ");
    match name {
        Some(name) => mailbox(out, name, form),
        None => out.extend_from_slice(b"\"\""),
    }
}

/// `* QUOTAROOT INBOX "#user/alice"` (RFC 9208, section 4.2.2).
pub(crate) fn quota_root<'r>(
    out: &mut Vec<u8>,
    name: &MailboxName,
    form: NameForm,
    roots: impl Iterator<Item = &'r str>,
) {
    out.extend_from_slice(b"* QUOTAROOT ");
    mailbox(out, name, form);
    for root in roots {
        out.push(b' ');
        astring(out, root.as_bytes());
    }
    out.extend_from_slice(b"\r\n");
}

/// `* QUOTA "" (STORAGE 104 10923847 MESSAGE 42 1000)` (RFC 9208, section 4.2.1): storage in units of 1024 octets, what is used
/// rounded up.
pub(crate) fn quota(out: &mut Vec<u8>, quota: &Quota) {
    out.extend_from_slice(b"* QUOTA ");
    astring(out, quota.root().as_bytes());
    let storage = quota
        .storage()
        .map(|usage| ("STORAGE", usage.used().div_ceil(1024), usage.limit() / 1024));
    let messages = quota
        .messages()
        .map(|usage| ("MESSAGE", usage.used(), usage.limit()));
    let resources = [storage, messages].into_iter().flatten();
    let resources = resources.map(|(name, used, limit)| format!("{name} {used} {limit}"));
    let resources: Vec<String> = resources.collect();
    out.extend_from_slice(format!(" ({})\r\n", resources.join(" ")).as_bytes());
}

/// What STATUS says of one item.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Figure<'f> {
    Number(u64),
    Id(&'f ObjectId),
    Nil,
}

/// `* STATUS name (MESSAGES 3 ...)`.
pub(crate) fn mailbox_status<'f>(
    out: &mut Vec<u8>,
    name: &MailboxName,
    form: NameForm,
    figures: impl Iterator<Item = (&'f str, Figure<'f>)>,
) {
    out.extend_from_slice(b"* STATUS ");
    mailbox(out, name, form);
    out.extend_from_slice(b" (");
    for (index, (item, figure)) in figures.enumerate() {
        if index > 0 {
            out.push(b' ');
        }
        out.extend_from_slice(item.as_bytes());
        out.push(b' ');
        match figure {
            Figure::Number(value) => number(out, value),
            Figure::Id(id) => {
                out.push(b'(');
                out.extend_from_slice(id.as_str().as_bytes());
                out.push(b')');
            }
            Figure::Nil => out.extend_from_slice(b"NIL"),
        }
    }
    out.extend_from_slice(b")\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_text_can_end_the_line() {
        let mut out = Vec::new();
        status(&mut out, "a", "BAD", "", "x\r\n* BYE y\0\u{e9}");
        assert_eq!(out, b"a BAD x??* BYE y???\r\n");
    }

    #[test]
    fn a_backslash_delimiter_is_escaped_and_no_delimiter_is_nil() {
        let mut out = Vec::new();
        quoted_delimiter(&mut out, '\\');
        quoted_delimiter(&mut out, '/');
        quoted_delimiter(&mut out, '\0');
        assert_eq!(out, br#""\\""/"NIL"#);
    }
}
