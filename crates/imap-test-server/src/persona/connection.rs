//! What servers do with the connection and with commands as a whole.

use super::Persona;
use crate::fault::{Fault, Step};
use crate::response::Response;
use std::time::Duration;

pub(super) const ALL: &[Persona] = &[
    Persona {
        name: "lost-behind-done",
        about: "What comes behind DONE in the same packet is lost (Stalwart before 0.10).",
        source: "https://github.com/stalwartlabs/stalwart/issues/765",
        apply: |builder| builder.fault(Fault::on("DONE").always().lose_behind()),
    },
    Persona {
        name: "bye-in-idle",
        about: "BYE right behind the continuation of IDLE.",
        source: "https://github.com/stalwartlabs/stalwart/issues/280",
        apply: |builder| {
            builder.fault(Fault::on("IDLE").always().change(|_, response| {
                let bye = Response::line("* BYE Server shutting down.");
                vec![response.into(), bye.into(), Step::Close]
            }))
        },
    },
    Persona {
        name: "idle-ends-by-itself",
        about: "IDLE is answered OK before DONE, which is then an unknown command.",
        source: "https://github.com/jstedfast/MailKit/issues/677",
        apply: |builder| {
            let unknown = "BAD Error in IMAP command : Unknown command";
            builder
                .fault(Fault::on("IDLE").always().end_idle("OK Idle completed."))
                .fault(Fault::on("DONE").always().answer(unknown))
        },
    },
    Persona {
        name: "flags-before-idling",
        about: "An untagged FLAGS comes before the continuation of IDLE.",
        source: "https://github.com/dinhvh/libetpan/issues/393",
        apply: |builder| {
            let flags = "* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft)";
            builder.fault(Fault::on("IDLE").always().begin_with(flags))
        },
    },
    Persona {
        name: "silent-select",
        about: "SELECT takes 30 seconds without a word (grommunio with a large mailbox, up to 60).",
        source: "https://github.com/grommunio/gromox/issues/244",
        apply: |builder| builder.fault(Fault::on("SELECT").always().delay(Duration::from_secs(30))),
    },
    Persona {
        name: "spaces-to-keep-alive",
        about: "A second space behind the asterisk of EXISTS: spaces are sent while a large mailbox is loaded (DavMail).",
        source: "https://github.com/mguessan/davmail/issues/343",
        apply: |builder| {
            builder.fault(Fault::on("SELECT").always().edit(|response| {
                if response.is("EXISTS") {
                    response.replace("* ", "*  ");
                }
            }))
        },
    },
    Persona {
        name: "logout-without-bye",
        about: "LOGOUT closes the connection without a word.",
        source: "https://github.com/forwardemail/forwardemail.net/issues/425",
        apply: |builder| builder.fault(Fault::on("LOGOUT").always().disconnect()),
    },
    Persona {
        name: "bye-in-list",
        about: "BYE in the place of an answer to LIST (Outlook): who reads on at the end of the stream never ends.",
        source: "https://github.com/Webklex/php-imap/issues/291",
        apply: |builder| builder.fault(Fault::on("LIST").always().bye("Connection closed.")),
    },
    Persona {
        name: "cut-in-body",
        about: "The connection ends inside the literal of a message.",
        source: "https://github.com/emersion/go-imap/issues/140",
        apply: |builder| {
            let cut = |name| Fault::on(name).always().cut_literal(10);
            let builder = builder.mailbox("INBOX", ["Subject: cut in body\n\nText\n"]);
            builder.fault(cut("FETCH")).fault(cut("UID FETCH"))
        },
    },
    Persona {
        name: "id-before-select",
        about: "SELECT is refused before the client has said ID (NetEase, 163.com).",
        source: "https://github.com/LeonMusCoden/LetterFeed/pull/30",
        apply: |builder| {
            builder.fault(
                Fault::on("SELECT")
                    .always()
                    .until("ID")
                    .answer("NO SELECT Unsafe Login"),
            )
        },
    },
    Persona {
        name: "id-refused-before-login",
        about: "ID is named, and works after login alone (o2.pl).",
        source: "https://github.com/emailjs/emailjs-imap-client/pull/116",
        apply: |builder| {
            builder.fault(
                Fault::on("ID")
                    .always()
                    .until("LOGIN")
                    .until("AUTHENTICATE")
                    .answer("BAD Unknown command"),
            )
        },
    },
    Persona {
        name: "long-lines-refused",
        about: "A command with a long set of UIDs is refused (Yandex).",
        source: "https://github.com/ikvk/imap_tools/issues/47",
        apply: |builder| {
            let long = |name| Fault::on(name).always().longer_than(8000);
            let text = "NO command or literal size is too large";
            builder
                .fault(long("UID COPY").answer(text))
                .fault(long("UID FETCH").answer(text))
                .fault(long("UID MOVE").answer(text))
                .fault(long("UID STORE").answer(text))
        },
    },
];

#[cfg(test)]
mod tests {
    use crate::fault::{Command, How, Place, Step};
    use crate::{Response, TestServer};
    use std::collections::BTreeSet;
    use std::time::Duration;

    /// Nobody waits 30 seconds for a test.
    #[test]
    fn silent_select_says_nothing_for_30_seconds() {
        let builder = TestServer::builder().persona("silent-select");
        let command = Command {
            tag: "a".into(),
            name: "SELECT".into(),
            line: "SELECT INBOX".into(),
        };
        let mut fault = builder.faults[0].clone();
        assert!(fault.happens_at(&command, &BTreeSet::new()));
        let How::Change(change) = fault.how else { panic!() };
        let place = Place {
            command: &command,
            index: 0,
            last: false,
        };
        let steps = change(place, Response::line("* 0 EXISTS"));
        assert!(matches!(&steps[..], [Step::Pause(time), Step::Send(_)] if *time == Duration::from_secs(30)));
    }
}
