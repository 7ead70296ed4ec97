//! What servers say that they can do.

use super::Persona;
use crate::builder::Builder;
use crate::fault::Fault;
use crate::response::Response;

const BAD_CHARSET: &str = "NO [BADCHARSET (US-ASCII)] The specified charset is not supported.";

/// The special uses that a list may have.
const USES: [&str; 5] = ["\\Archive", "\\Drafts", "\\Junk", "\\Sent", "\\Trash"];

pub(super) const ALL: &[Persona] = &[
    Persona {
        name: "no-uidplus",
        about: "There is no UIDPLUS: nobody says which UID a copy has, and UID EXPUNGE is unknown.",
        source: "https://github.com/jstedfast/MailKit/issues/72",
        apply: |builder| builder.without("UIDPLUS"),
    },
    Persona {
        name: "no-move",
        about: "There is UIDPLUS, and no MOVE.",
        source: "https://github.com/DirectoryTree/ImapEngine/issues/38",
        apply: |builder| builder.without("MOVE"),
    },
    Persona {
        name: "special-use-on-request",
        about: "Plain LIST shows no special uses: only LIST RETURN (SPECIAL-USE) does (Cyrus by default).",
        source: "https://github.com/cyrusimap/cyrus-imapd/issues/2410",
        apply: |builder| {
            let plain = Fault::on("LIST").always().lacking("SPECIAL-USE");
            with_special_uses(builder).fault(plain.edit(hide_uses))
        },
    },
    Persona {
        name: "special-use-unannounced",
        about: "Plain LIST shows special uses, and the capability is not named (Zoho).",
        source: "https://github.com/mjs/imapclient/issues/517",
        apply: |builder| {
            with_special_uses(builder).fault(Fault::on("*").always().replace(" SPECIAL-USE", ""))
        },
    },
    Persona {
        name: "special-use-claimed",
        about: "SPECIAL-USE is named, and LIST (SPECIAL-USE) is answered BAD (Proton Mail Bridge, once).",
        source: "https://github.com/ProtonMail/proton-bridge/issues/112",
        apply: |builder| {
            let extended = Fault::on("LIST").always().containing("LIST (");
            with_special_uses(builder).fault(extended.answer("BAD Reference name must be a string"))
        },
    },
    Persona {
        name: "few-capabilities-before-login",
        about: "Before login only IMAP4rev1 and LITERAL+ are named, and the answer to LOGIN names none: one has to ask again \
                (perdition).",
        source: "https://github.com/thunderbird/thunderbird-android/issues/2431",
        apply: |builder| {
            let greeting = Fault::on("GREETING").always().edit(|response| {
                *response = Response::line("* OK [CAPABILITY IMAP4 IMAP4REV1 LITERAL+] perdition ready");
            });
            let before_login = Fault::on("CAPABILITY")
                .always()
                .until("LOGIN")
                .until("AUTHENTICATE");
            let asked = before_login.edit(|response| {
                if response.is("CAPABILITY") {
                    *response = Response::line("* CAPABILITY IMAP4 IMAP4REV1 LITERAL+");
                }
            });
            builder
                .fault(greeting)
                .fault(asked)
                .fault(Fault::on("LOGIN").always().edit(hide_code))
                .fault(Fault::on("AUTHENTICATE").always().edit(hide_code))
        },
    },
    Persona {
        name: "capabilities-beside-login",
        about: "LOGIN is answered with an untagged CAPABILITY in place of the response code (Gmail).",
        source: "https://github.com/modern-email/defects/issues/18",
        apply: |builder| {
            builder.fault(Fault::on("LOGIN").always().change(|_, mut response| {
                let all = response.to_string();
                let listed = all
                    .split_once("[CAPABILITY ")
                    .and_then(|(_, rest)| rest.split_once(']'));
                let Some((listed, _)) = listed else {
                    return vec![response.into()];
                };
                let untagged = Response::line(&format!("* CAPABILITY {listed}"));
                hide_code(&mut response);
                vec![untagged.into(), response.into()]
            }))
        },
    },
    Persona {
        name: "login-disabled-before-tls",
        about: "LOGINDISABLED before STARTTLS, mechanisms behind it: who remembers the first list cannot log in.",
        source: "https://github.com/OfflineIMAP/offlineimap3/issues/242",
        apply: |builder| builder.starttls().require_tls(),
    },
    Persona {
        name: "two-spaces-in-capability",
        about: "Two spaces between capabilities (mail.t-online.hu).",
        source: "https://github.com/rustmailer/bichon/issues/221",
        apply: |builder| {
            builder.fault(
                Fault::on("*")
                    .always()
                    .replace("CAPABILITY IMAP4rev1 ", "CAPABILITY IMAP4rev1  "),
            )
        },
    },
    Persona {
        name: "charset-refused",
        about: "SEARCH with CHARSET UTF-8 is refused, also where all is ASCII (Exchange, Outlook).",
        source: "https://github.com/jstedfast/MailKit/issues/16",
        apply: |builder| {
            let search = |name| {
                Fault::on(name)
                    .always()
                    .containing("CHARSET UTF-8")
                    .answer(BAD_CHARSET)
            };
            builder.fault(search("SEARCH")).fault(search("UID SEARCH"))
        },
    },
    Persona {
        name: "enabled-unsaid",
        about: "ENABLE is answered OK without the untagged ENABLED (iCloud).",
        source: "https://github.com/jstedfast/MailKit/issues/1871",
        apply: |builder| builder.fault(Fault::on("ENABLE").always().lose("ENABLED")),
    },
];

/// Mailboxes that have a use.
fn with_special_uses(builder: Builder) -> Builder {
    let none: [&str; 0] = [];
    builder
        .mailbox_for("Sent Messages", "\\Sent", none)
        .mailbox_for("Deleted Messages", "\\Trash", none)
}

fn hide_uses(response: &mut Response) {
    if response.is("LIST") {
        for name in USES {
            response.replace(&format!(" {name}"), "");
            response.replace(&format!("{name} "), "");
        }
    }
}

/// Takes the response code off.
fn hide_code(response: &mut Response) {
    response.change_text(|text| match (text.find(" ["), text.find(']')) {
        (Some(from), Some(to)) => format!("{}{}", &text[..from], &text[to + 1..]),
        _ => text.to_owned(),
    });
}
