//! What servers have said in the place of a BODYSTRUCTURE.

use super::Persona;
use super::text::value_of;
use crate::builder::Builder;
use crate::fault::Fault;

const MESSAGE: &str = "Subject: parts\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n\
                       --b\nContent-Type: text/plain\n\nText\n--b--\n";

pub(super) const ALL: &[Persona] = &[
    Persona {
        name: "structure-multipart-nil",
        about: "A multipart without parts has NIL in their place, and its size.",
        source: "https://github.com/jstedfast/MailKit/issues/1393",
        apply: |builder| {
            saying(
                builder,
                "((\"text\" \"plain\" (\"charset\" \"utf-8\") NIL NIL \"7bit\" 727 16 NIL NIL NIL NIL)\
                 (NIL \"alternative\" (\"boundary\" \"b\") NIL NIL NIL) \"report\" (\"boundary\" \"c\") NIL NIL NIL)",
            )
        },
    },
    Persona {
        name: "structure-subtype-alone",
        about: "A multipart without parts is its subtype in parentheses (Gmail).",
        source: "https://github.com/jstedfast/MailKit/issues/1841",
        apply: |builder| {
            saying(
                builder,
                "((\"TEXT\" \"PLAIN\" (\"CHARSET\" \"windows-1252\") NIL NIL \"QUOTED-PRINTABLE\" 211 5)\
                 (\"ALTERNATIVE\") \"REPORT\")",
            )
        },
    },
    Persona {
        name: "structure-no-subtype",
        about: "A part has a type, and no subtype.",
        source: "https://github.com/jstedfast/MailKit/issues/371",
        apply: |builder| {
            saying(
                builder,
                "((\"TEXT\" \"PLAIN\" (\"CHARSET\" \"windows-1251\") NIL NIL \"base64\" 356 5)\
                 (\"X-ZIP\" (\"BOUNDARY\" \"\")) \"MIXED\")",
            )
        },
    },
    Persona {
        name: "structure-disposition-text",
        about: "A multipart's disposition is a string, where the grammar wants a list or NIL (Exchange 2016).",
        source: "https://github.com/javaee/javamail/issues/278",
        apply: |builder| {
            saying(
                builder,
                "((\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 21 0 NIL (\"inline\" NIL) NIL NIL) \
                 \"mixed\" (\"boundary\" \"b\") \"S/MIME Encrypted Message\" NIL)",
            )
        },
    },
    Persona {
        name: "structure-disposition-bare",
        about: "A part's disposition is a word without its parentheses (Exchange).",
        source: "https://github.com/jstedfast/MailKit/issues/919",
        apply: |builder| {
            saying(
                builder,
                "((\"text\" \"plain\" (\"charset\" \"ISO-8859-1\") NIL NIL \"QUOTED-PRINTABLE\" 850 31 NIL \"inline\" NIL NIL) \
                 \"alternative\" (\"boundary\" \"b\") NIL NIL)",
            )
        },
    },
];

/// Every BODYSTRUCTURE is this one.
fn saying(builder: Builder, structure: &'static str) -> Builder {
    let on = |name| {
        Fault::on(name).always().edit(move |response| {
            response.change_text(|text| match value_of(text, "BODYSTRUCTURE") {
                Some(value) => format!("{}{structure}{}", &text[..value.start], &text[value.end..]),
                None => text.to_owned(),
            });
        })
    };
    let builder = builder.mailbox("INBOX", [MESSAGE]);
    builder.fault(on("FETCH")).fault(on("UID FETCH"))
}
