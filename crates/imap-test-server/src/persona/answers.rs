//! How servers write their answers.

use super::Persona;
use super::text::{elements, value_of};
use crate::builder::Builder;
use crate::fault::Fault;
use crate::response::Response;
use parking_lot::Mutex;

/// A message for personas that are about how one is shown.
const MESSAGE: &str =
    "From: Ann <ann@example.org>\nSubject: hello there\nMessage-ID: <one@example.org>\n\nText\n";

pub(super) const ALL: &[Persona] = &[
    Persona {
        name: "empty-address-list",
        about: "ENVELOPE has () for a list without addresses, where the grammar wants NIL (Mail.ru, hydroxide).",
        source: "https://github.com/apple/swift-nio-imap/issues/821",
        apply: |builder| fetching(builder, |response| edit_envelope(response, empty_lists)),
    },
    Persona {
        name: "quotes-in-message-id",
        about: "ENVELOPE has a Message-ID with quotes in it that are not escaped (iCloud).",
        source: "https://github.com/MailCore/mailcore2/issues/1967",
        apply: |builder| {
            fetching(builder, |response| {
                edit_envelope(response, |fields| {
                    if let Some(id) = fields.get_mut(9) {
                        *id = id.replace('<', "<\"").replace('@', "\"@");
                    }
                });
            })
        },
    },
    Persona {
        name: "subject-as-literal",
        about: "ENVELOPE has its subject as a literal, as it may: a response is then more than one line.",
        source: "https://github.com/iroco-co/aioimaplib/issues/72",
        apply: |builder| fetching(builder, subject_as_literal),
    },
    Persona {
        name: "space-behind-flags",
        about: "A space before the parenthesis that closes FLAGS and PERMANENTFLAGS (SurgeMail).",
        source: "https://github.com/chatmail/async-imap/issues/123",
        apply: |builder| {
            builder.fault(Fault::on("SELECT").always().edit(|response| {
                if response.is("FLAGS") || response.contains("[PERMANENTFLAGS ") {
                    response.replace(")", " )");
                }
            }))
        },
    },
    Persona {
        name: "space-behind-fetch",
        about: "A space before the parenthesis that closes FETCH (QQ Mail).",
        source: "https://github.com/jakartaee/mail-api/issues/209",
        apply: |builder| {
            fetching(builder, |response| {
                if !response.has_literal() {
                    response.change_text(|text| format!("{} )", text.trim_end_matches(')')));
                }
            })
        },
    },
    Persona {
        name: "fetch-closed-early",
        about: "The parenthesis of FETCH closes behind the literal, and the other items come behind it (Xeams).",
        source: "https://github.com/paperless-ngx/paperless-ngx/issues/13412",
        apply: |builder| {
            fetching(builder, |response| {
                flags_behind_body(response);
                response.change_end(|end| format!("){}", end.strip_suffix(')').unwrap_or(end)));
            })
        },
    },
    Persona {
        name: "blank-line-behind-literal",
        about: "An empty line comes behind the literal of a FETCH.",
        source: "https://github.com/python/cpython/pull/153317",
        apply: |builder| {
            fetching(builder, |response| {
                response.change_end(|end| format!("\r\n{end}"))
            })
        },
    },
    Persona {
        name: "flags-behind-body",
        about: "FLAGS, asked for or not, come behind the literal of the body (Exchange 2003).",
        source: "https://github.com/twisted/twisted/issues/10722",
        apply: |builder| fetching(builder, flags_behind_body),
    },
    Persona {
        name: "literal-too-long",
        about: "A literal announces two octets more than it has (Domino).",
        source: "https://github.com/jstedfast/MailKit/issues/954",
        apply: |builder| fetching(builder, |response| response.misstate_literal(2)),
    },
    Persona {
        name: "stranger-in-fetch",
        about: "The flags of a message that was not asked for come among the answers to FETCH (Proton Mail Bridge).",
        source: "https://github.com/getmail6/getmail6/pull/93",
        apply: |builder| {
            let builder = builder.mailbox("INBOX", [MESSAGE, MESSAGE]);
            let stranger = |name| Fault::on(name).always().end_with("* 1 FETCH (FLAGS (NonJunk))");
            builder.fault(stranger("FETCH")).fault(stranger("UID FETCH"))
        },
    },
    Persona {
        name: "recent-in-fetch",
        about: "RECENT comes among the answers to FETCH.",
        source: "https://github.com/mattnenterprise/rust-imap/issues/81",
        apply: |builder| {
            let recent = |name| Fault::on(name).always().end_with("* 1 RECENT");
            let builder = builder.mailbox("INBOX", [MESSAGE]);
            builder.fault(recent("FETCH")).fault(recent("UID FETCH"))
        },
    },
    Persona {
        name: "highestmodseq-before-fetch",
        about: "An untagged OK with HIGHESTMODSEQ comes before the answers to FETCH.",
        source: "https://github.com/emailjs/emailjs-imap-client/issues/117",
        apply: |builder| {
            let modseq = |name| {
                Fault::on(name)
                    .always()
                    .begin_with("* OK [HIGHESTMODSEQ 99] Highest")
            };
            let builder = builder.mailbox("INBOX", [MESSAGE]);
            builder.fault(modseq("FETCH")).fault(modseq("UID FETCH"))
        },
    },
    Persona {
        name: "dash-in-text",
        about: "The text of a response is not ASCII.",
        source: "https://github.com/chatmail/async-imap/issues/145",
        apply: |builder| {
            builder.fault(Fault::on("LOGIN").always().edit(|response| {
                response.change_text(|text| format!("{text} – go ahead!"));
            }))
        },
    },
    Persona {
        name: "copyuid-of-source",
        about: "COPYUID has the UIDVALIDITY of the mailbox that was copied from, INBOX (GreenMail before 1.6.6).",
        source: "https://github.com/greenmail-mail-test/greenmail/issues/423",
        apply: |builder| {
            let source = |name| {
                Fault::on(name).always().edit(|response| {
                    response.change_text(|text| match text.split_once("[COPYUID ") {
                        Some((head, rest)) => {
                            let sets = rest.split_once(' ').map_or(rest, |(_, sets)| sets);
                            format!("{head}[COPYUID 1 {sets}")
                        }
                        None => text.to_owned(),
                    });
                })
            };
            let builder = builder.mailbox("INBOX", [MESSAGE]).mailbox("Archive", [MESSAGE]);
            builder.fault(source("COPY")).fault(source("UID COPY"))
        },
    },
    Persona {
        name: "copyuid-behind-move",
        about: "COPYUID of MOVE comes in the tagged response, behind the EXPUNGE (Gmail).",
        source: "https://github.com/ruby/net-imap/pull/398",
        apply: |builder| {
            let builder = builder.mailbox("INBOX", [MESSAGE]).mailbox("Archive", [MESSAGE]);
            builder
                .fault(copyuid_last("MOVE"))
                .fault(copyuid_last("UID MOVE"))
        },
    },
    Persona {
        name: "vanished-empty",
        about: "VANISHED comes without a UID where nothing has vanished (James, once).",
        source: "https://github.com/apache/james-project/pull/909",
        apply: |builder| {
            let resync = Fault::on("SELECT").always().containing("(QRESYNC");
            builder.fault(resync.end_with("* VANISHED (EARLIER) "))
        },
    },
    Persona {
        name: "vanished-malformed",
        about: "VANISHED does not follow its grammar (iCloud). The report shows no octets: here EARLIER has no parentheses.",
        source: "https://github.com/Foundry376/Mailspring-Sync/pull/91",
        apply: |builder| {
            builder.fault(
                Fault::on("*")
                    .always()
                    .replace("VANISHED (EARLIER)", "VANISHED EARLIER"),
            )
        },
    },
];

/// With a message in INBOX, and an edit of each FETCH.
fn fetching(builder: Builder, edit: fn(&mut Response)) -> Builder {
    let on = |name| {
        Fault::on(name).always().edit(move |response| {
            if response.is("FETCH") {
                edit(response);
            }
        })
    };
    let builder = builder.mailbox("INBOX", [MESSAGE]);
    builder.fault(on("FETCH")).fault(on("UID FETCH"))
}

/// Changes the fields of an ENVELOPE that has no literals.
fn edit_envelope(response: &mut Response, edit: impl Fn(&mut [String])) {
    response.change_text(|text| {
        let edited = || {
            let list = value_of(text, "ENVELOPE")?;
            let fields = elements(text, list.clone())?;
            let mut fields: Vec<String> = fields.into_iter().map(|field| text[field].to_owned()).collect();
            edit(&mut fields);
            Some(format!(
                "{}({}){}",
                &text[..list.start],
                fields.join(" "),
                &text[list.end..]
            ))
        };
        edited().unwrap_or_else(|| text.to_owned())
    });
}

/// The six lists of addresses are the third field and those behind it.
fn empty_lists(fields: &mut [String]) {
    for field in fields.iter_mut().skip(2).take(6) {
        if field == "NIL" {
            *field = "()".to_owned();
        }
    }
}

fn subject_as_literal(response: &mut Response) {
    edit_envelope(response, |fields| {
        if let Some(subject) = fields.get_mut(1) {
            let text = subject.trim_matches('"').to_owned();
            *subject = format!("{{{}}}\r\n{text}", text.len());
        }
    });
    if let Some(whole) = Response::from_octets(&response.octets()) {
        *response = whole;
    }
}

/// Moves FLAGS behind the literal.
fn flags_behind_body(response: &mut Response) {
    if !response.has_literal() {
        return;
    }
    let mut flags = None;
    response.change_text(|text| {
        let Some(list) = value_of(text, "FLAGS") else {
            return text.to_owned();
        };
        flags = Some(text[list.clone()].to_owned());
        let head = text[..list.start].trim_end_matches("FLAGS ");
        format!("{head}{}", text[list.end..].trim_start())
    });
    if let Some(flags) = flags {
        response.change_end(|end| format!(" FLAGS {flags}{}", end.trim_start()));
    }
}

/// Takes COPYUID out of its untagged OK and into the tagged one.
fn copyuid_last(name: &str) -> Fault {
    let code = Mutex::new(String::new());
    Fault::on(name).always().change(move |place, mut response| {
        if response.is("OK") && response.contains("[COPYUID ") {
            let text = response.to_string();
            let end = text.find(']').map_or(text.len(), |at| at + 1);
            text["* OK ".len()..end].clone_into(&mut code.lock());
            return Vec::new();
        }
        if place.last {
            let code = std::mem::take(&mut *code.lock());
            response.replace(" OK ", &format!(" OK {code} "));
        }
        vec![response.into()]
    })
}
