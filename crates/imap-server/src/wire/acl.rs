//! The responses of RFC 4314, section 3.

use imap_backend::{Acl, Grantable, MailboxName, Rights};

use super::text::{NameForm, astring, mailbox};

/// `* ACL INBOX Fred rwipslxetad -Fred wetd`.
pub(crate) fn acl(out: &mut Vec<u8>, name: &MailboxName, form: NameForm, acl: &Acl) {
    out.extend_from_slice(b"* ACL ");
    mailbox(out, name, form);
    for (identifier, rights) in acl.iter() {
        words(out, [identifier.as_str(), &rights.to_string()]);
    }
    out.extend_from_slice(b"\r\n");
}

/// `* LISTRIGHTS INBOX smith la r swicdkxte`.
pub(crate) fn list_rights(
    out: &mut Vec<u8>,
    name: &MailboxName,
    form: NameForm,
    identifier: &str,
    grantable: &Grantable,
) {
    out.extend_from_slice(b"* LISTRIGHTS ");
    mailbox(out, name, form);
    words(out, [identifier]);
    words(out, grantable.texts().iter().map(String::as_str));
    out.extend_from_slice(b"\r\n");
}

/// `* MYRIGHTS INBOX rwiptsldaex`.
pub(crate) fn my_rights(out: &mut Vec<u8>, name: &MailboxName, form: NameForm, rights: Rights) {
    out.extend_from_slice(b"* MYRIGHTS ");
    mailbox(out, name, form);
    words(out, [rights.to_string().as_str()]);
    out.extend_from_slice(b"\r\n");
}

fn words<'w>(out: &mut Vec<u8>, words: impl IntoIterator<Item = &'w str>) {
    for word in words {
        out.push(b' ');
        astring(out, word.as_bytes());
    }
}
