//! How servers name mailboxes, and number messages in them.

use super::Persona;
use crate::builder::Builder;
use crate::fault::Fault;
use crate::message::Message;
use std::sync::atomic::{AtomicU32, Ordering};

const NO_MAIL: [&str; 0] = [];

pub(super) const ALL: &[Persona] = &[
    Persona {
        name: "inbox-namespace",
        about: "All mailboxes are below INBOX, with dots between, and others cannot be made (Courier, Hetzner, o2switch).",
        source: "https://github.com/imapsync/imapsync/issues/324",
        apply: |builder| {
            let refused = "NO Client tried to access nonexistent namespace. (Mailbox name should probably be prefixed with: INBOX.)";
            let namespace = Fault::on("NAMESPACE")
                .always()
                .replace("((\"\" \".\"))", "((\"INBOX.\" \".\"))");
            let create = Fault::on("CREATE").always().lacking("INBOX.").answer(refused);
            let builder = builder.delimiter('.').fault(namespace).fault(create);
            of_names(builder, &["INBOX.Drafts", "INBOX.Sent", "INBOX.Trash"])
        },
    },
    Persona {
        name: "localized-below-inbox",
        about: "Mailboxes for everyday use are below INBOX, in the user's language, and say no special use.",
        source: "https://github.com/nextcloud/mail/issues/2919",
        apply: |builder| {
            of_names(
                builder.delimiter('.'),
                &["INBOX.Entwürfe", "INBOX.Gesendet", "INBOX.Papierkorb"],
            )
        },
    },
    Persona {
        name: "huge-uids",
        about: "The first message has a UID above a thousand million.",
        source: "https://github.com/LogicLabs-OU/OpenArchiver/issues/184",
        apply: |builder| with_uids(builder, &[1_377_008_892, 1_377_008_893]),
    },
    Persona {
        name: "uid-gaps",
        about: "UIDs are sparse, with most of them in one place: ranges of a fixed width are empty, or full.",
        source: "https://github.com/nextcloud/mail/pull/10696",
        apply: |builder| with_uids(builder, &[4, 8, 12, 100_000, 100_001, 3_000_000_000]),
    },
    Persona {
        name: "quotes-in-names",
        about: "Names with quotes, parentheses, backslashes and ampersands, as a label of Gmail may have.",
        source: "https://github.com/IndySockets/Indy/issues/112",
        apply: |builder| of_names(builder, &["!@#$^&()_+{}|:\"?><", "say \"hello\"", "back\\slash"]),
    },
    Persona {
        name: "wrong-utf7",
        about: "An ampersand inside the base64 of a mailbox name, where modified UTF-7 wants it as &- (Yandex).",
        source: "https://github.com/modern-email/defects/issues/46",
        apply: |builder| {
            let wrong = Fault::on("LIST")
                .always()
                .replace("&BBAEMQQy-&-&BDMENAQ1-", "&BBAEMQQyACYEMwQ0BDU-");
            of_names(builder, &["Абв&где"]).fault(wrong)
        },
    },
    Persona {
        name: "uidvalidity-changes",
        about: "Each SELECT tells another UIDVALIDITY: all that was remembered is void.",
        source: "https://github.com/chatmail/core/issues/1725",
        apply: |builder| {
            let count = AtomicU32::new(1_000);
            builder.fault(Fault::on("SELECT").always().edit(move |response| {
                if response.contains("[UIDVALIDITY ") {
                    let validity = count.fetch_add(1, Ordering::Relaxed);
                    response.change_text(|_| format!("* OK [UIDVALIDITY {validity}] UIDs valid"));
                }
            }))
        },
    },
    Persona {
        name: "status-without-uidnext",
        about: "STATUS leaves out UIDNEXT, although it was asked for.",
        source: "https://github.com/Webklex/php-imap/issues/570",
        apply: |builder| {
            builder.fault(Fault::on("STATUS").always().edit(|response| {
                response.change_text(|text| without_item(text, "UIDNEXT"));
            }))
        },
    },
];

fn of_names(builder: Builder, names: &[&str]) -> Builder {
    names
        .iter()
        .fold(builder, |builder, name| builder.mailbox(name, NO_MAIL))
}

fn with_uids(builder: Builder, uids: &[u32]) -> Builder {
    let message = |uid: &u32| Message::new(format!("Subject: message {uid}\n\nText\n")).uid(*uid);
    builder.mailbox("INBOX", uids.iter().map(message))
}

/// A list of names and numbers without one name and its number.
fn without_item(text: &str, name: &str) -> String {
    let Some((head, items)) = text.split_once(" (") else {
        return text.to_owned();
    };
    let words: Vec<&str> = items.trim_end_matches(')').split(' ').collect();
    let kept = words.chunks(2).filter(|item| item[0] != name);
    let kept: Vec<String> = kept.map(|item| item.join(" ")).collect();
    format!("{head} ({})", kept.join(" "))
}
