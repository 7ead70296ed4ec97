//! Messages that clients did not take well.

use super::Persona;

pub(super) const ALL: &[Persona] = &[
    Persona {
        name: "parenthesis-in-subject",
        about: "A subject with a parenthesis that nobody closes.",
        source: "https://github.com/jakartaee/mail-api/issues/16",
        apply: |builder| {
            let message =
                "From: anyone@example.org\nSubject: Here goes nothing (or does it\n\nThis mail will hang.\n";
            builder.mailbox("INBOX", [message])
        },
    },
    Persona {
        name: "header-like-an-answer",
        about: "A header field that looks like the end of a command: X-Spam-Flag: NO (GMX).",
        source: "https://github.com/huacnlee/omamail/issues/74",
        apply: |builder| {
            let message = "Subject: a good one\nX-Spam-Flag: NO\n\na OK FETCH completed\n* BYE\n";
            builder.mailbox("INBOX", [message])
        },
    },
    Persona {
        name: "no-message-id",
        about: "A message without Message-ID, on a server without UIDPLUS: a copy cannot be found again.",
        source: "https://github.com/nextcloud/mail/pull/11306",
        apply: |builder| {
            let builder = builder.without("UIDPLUS").mailbox("Snoozed", [""; 0]);
            builder.mailbox("INBOX", ["From: ann@example.org\nSubject: no id\n\nText\n"])
        },
    },
    Persona {
        name: "empty-part",
        about: "A part without a single octet: a literal {0}.",
        source: "https://github.com/emailjs/emailjs-imap-client/issues/147",
        apply: |builder| {
            let message = "Subject: empty\nMIME-Version: 1.0\nContent-Type: multipart/alternative; boundary=b\n\n\
                           --b\nContent-Type: text/plain\n\n\n--b\nContent-Type: text/html\n\n<p>Text\n--b--\n";
            builder.mailbox("INBOX", [message])
        },
    },
    Persona {
        name: "address-groups",
        about: "Groups of addresses, empty ones too: ENVELOPE marks their ends with an address of NIL.",
        source: "https://github.com/apple/swift-nio-imap/pull/695",
        apply: |builder| {
            let message = "From: ann@example.org\nTo: undisclosed-recipients:;\n\
                           Cc: team: bob@example.org, eve@example.org;, joe@example.org\nSubject: groups\n\nText\n";
            builder.mailbox("INBOX", [message])
        },
    },
];
