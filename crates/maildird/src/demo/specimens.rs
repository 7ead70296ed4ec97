//! One message of each shape that mail programs and servers get wrong.

use chrono::{DateTime, FixedOffset};

use super::files;
use super::message::{Message, Part, fold, mailbox};
use super::texts::{ME, PEOPLE};

/// A message and how its file's name and place mark it.
#[derive(Debug)]
pub(super) struct Specimen {
    /// The whole message.
    pub(super) octets: Vec<u8>,
    /// Letters after `:2,`; none leaves the message in `new/`.
    pub(super) flags: Option<&'static str>,
}

const RED: [u8; 3] = [230, 90, 40];
const BLUE: [u8; 3] = [40, 90, 200];

/// Adds what makes the kind to a message that has sender, recipient and date.
type Kind = fn(&mut Message) -> Vec<u8>;

/// All specimens, the welcome last. `date` gives the n-th its date.
pub(super) fn all(date: impl Fn(usize) -> DateTime<FixedOffset>) -> Vec<Specimen> {
    let kinds: &[(Kind, Option<&'static str>)] = &[
        (latin1, Some("S")),
        (emoji, Some("FS")),
        (flowed, Some("S")),
        (alternative, Some("RS")),
        (inline_picture, Some("S")),
        (pdf, Some("FS")),
        (deep, Some("S")),
        (unicode_filename, Some("S")),
        (forwarded, Some("PS")),
        (forwarded_twice, Some("S")),
        (digest, None),
        (invitation, Some("S")),
        (bounce, Some("S")),
        (signed, Some("S")),
        (raw_utf8, Some("S")),
        (koi8, Some("S")),
        (iso2022jp, Some("S")),
        (no_subject, Some("")),
        (empty, Some("S")),
        (many_recipients, Some("RS")),
        (group, Some("S")),
        (long_line, Some("S")),
        (large, Some("S")),
        (crlf, Some("")),
        (without_mime, Some("Sa")),
        (patch, Some("Sab")),
        (unknown_charset, None),
        (lone_attachment, Some("S")),
        (welcome, None),
    ];
    let write = |(index, (kind, flags)): (usize, &(Kind, _))| {
        let (name, address) = PEOPLE[index % PEOPLE.len()];
        let mut message = Message::new(
            &format!("specimen-{index}"),
            date(index),
            &mailbox(name, address),
            ME,
        );
        Specimen {
            octets: kind(&mut message),
            flags: *flags,
        }
    };
    kinds.iter().enumerate().map(write).collect()
}

fn welcome(message: &mut Message) -> Vec<u8> {
    let text = "Hello,\n\nthis is the demo mailbox of maildird. Everything in it is an ordinary file: this message lies in\n\
        the folder new of the Maildir, and when you read it, it moves to cur with an S at the end of its name.\n\n\
        The other messages show what mail can be: alternatives, pictures within HTML, attachments with names in\n\
        any script, messages within messages, mailing list threads, old charsets, and some broken ones.\n\n\
        Change what you like. To get the demo as it was, stop it and delete its folder.\n";
    message.subject("Welcome to maildird").with(&Part::plain(text))
}

fn latin1(message: &mut Message) -> Vec<u8> {
    message.raw("Subject", "=?ISO-8859-1?Q?Gr=FC=DFe_aus_K=F6ln?=");
    message.with(&Part::text_in(
        "iso-8859-1",
        b"Sch\xf6ne Gr\xfc\xdfe aus K\xf6ln!\n\nDer Rhein steht hoch.\n",
    ))
}

fn emoji(message: &mut Message) -> Vec<u8> {
    let text = "🎉🎉🎉\n\nThe lighthouse is a hundred years old!\nΧρόνια πολλά! С днём рождения! お誕生日おめでとう!\n";
    let part = Part::encoded("text/plain; charset=utf-8", "", text.as_bytes());
    message.subject("🎂 A hundred years of light 🗼").with(&part)
}

fn flowed(message: &mut Message) -> Vec<u8> {
    let fields = "Content-Type: text/plain; charset=us-ascii; format=flowed; delsp=no\n";
    let text = "> Shall we paint the lighthouse \n> red, or red and white?\n\nBoth, and then let the fog decide which of \n\
        the two it likes better.\n\n-- \nBrid\n";
    message
        .subject("Re: Paint for the lighthouse")
        .with(&Part::raw(fields, text))
}

fn alternative(message: &mut Message) -> Vec<u8> {
    let plain = Part::plain("The ferry leaves at 7:10, 9:10 and 17:40.\n");
    let html = Part::html("<p>The ferry leaves at <b>7:10</b>, <b>9:10</b> and <b>17:40</b>.</p>\n");
    message
        .subject("New timetable for the ferry")
        .with(&Part::multipart("alternative", &[plain, html]))
}

fn inline_picture(message: &mut Message) -> Vec<u8> {
    let html = Part::html(
        "<p>Tonight, from the pier:</p>\n<p><img src=\"cid:sunset@harbour.example\" alt=\"sunset\"></p>\n",
    );
    let picture = Part::picture(
        "sunset@harbour.example",
        "sunset.png",
        &files::sunset(160, 90, RED),
    );
    let related = Part::multipart("related; type=\"text/html\"", &[html, picture]);
    message.subject("Sunset").with(&related)
}

fn pdf(message: &mut Message) -> Vec<u8> {
    let parts = [
        Part::plain("The invoice is attached. Thirty days, as always.\n"),
        Part::attachment(
            "application/pdf",
            "invoice-2025-03.pdf",
            &files::page("Invoice 2025-03: one anchor, used"),
        ),
    ];
    message
        .subject("Invoice for March")
        .with(&Part::multipart("mixed", &parts))
}

fn deep(message: &mut Message) -> Vec<u8> {
    let html = Part::html("<p>The plan: <img src=\"cid:plan@harbour.example\"></p>\n");
    let picture = Part::picture("plan@harbour.example", "plan.png", &files::sunset(120, 60, BLUE));
    let alternatives = [
        Part::plain("The plan is attached.\n"),
        Part::multipart("related", &[html, picture]),
    ];
    let parts = [
        Part::multipart("alternative", &alternatives),
        Part::attachment("application/pdf", "plan.pdf", &files::page("Harbour plan")),
        Part::attachment("text/csv; charset=utf-8", "tides.csv", &files::tides(30)),
    ];
    message
        .subject("Harbour plan, with everything")
        .with(&Part::multipart("mixed", &parts))
}

fn unicode_filename(message: &mut Message) -> Vec<u8> {
    let parts = [
        Part::plain("Anbei die Übersicht über die Größen aller Liegeplätze.\n"),
        Part::attachment(
            "text/csv; charset=utf-8",
            "Übersicht Größe – Liegeplätze.csv",
            &files::tides(12),
        ),
        Part::attachment(
            "application/pdf",
            "港の地図.pdf",
            &files::page("Map of the harbour"),
        ),
        // The form that many mail programs write against the RFC: an encoded word in a quoted string.
        Part::encoded(
            "image/png; name=\"=?UTF-8?B?R3LDvMOfZS5wbmc=?=\"",
            "Content-Disposition: attachment;\n filename=\"=?UTF-8?B?R3LDvMOfZS5wbmc=?=\"\n",
            &files::sunset(32, 18, BLUE),
        ),
    ];
    message
        .subject("Übersicht der Liegeplätze")
        .with(&Part::multipart("mixed", &parts))
}

/// A message to forward.
fn gate() -> Vec<u8> {
    let plain = Part::plain("Who left the gate open?\n");
    let html = Part::html("<p>Who left the <i>gate</i> open?</p>\n");
    let fields = "From: Jo <jo@harbour.example>\nTo: crew@harbour.example\nSubject: The gate\n\
        Date: Mon, 3 Mar 2025 23:59:00 -0330\nMessage-ID: <gate@harbour.example>\nMIME-Version: 1.0\n";
    [
        fields.as_bytes(),
        &Part::multipart("alternative", &[plain, html]).octets(),
    ]
    .concat()
}

fn forwarded(message: &mut Message) -> Vec<u8> {
    let parts = [Part::plain("See below. It was not me.\n"), Part::message(&gate())];
    message
        .subject("Fwd: The gate")
        .with(&Part::multipart("mixed", &parts))
}

fn forwarded_twice(message: &mut Message) -> Vec<u8> {
    let fields = "From: brid@lighthouse.example\nTo: demo@harbour.example\nSubject: Fwd: The gate\n\
        Date: Tue, 4 Mar 2025 08:00:00 +0100\nMIME-Version: 1.0\n";
    let middle = Part::multipart("mixed", &[Part::plain("Look at this.\n"), Part::message(&gate())]);
    let middle = [fields.as_bytes(), &middle.octets()].concat();
    message
        .subject("Fwd: Fwd: The gate")
        .with(&Part::message(&middle))
}

fn digest(message: &mut Message) -> Vec<u8> {
    let entry = |number: u32| {
        let text =
            format!("From: list@harbour.example\nSubject: Notice {number}\n\nNotice number {number}.\n");
        // In a digest a part without a type is a message (RFC 2046, section 5.1.5).
        Part::raw("", text)
    };
    message
        .subject("Notices, digest 12")
        .with(&Part::multipart("digest", &[entry(1), entry(2), entry(3)]))
}

fn invitation(message: &mut Message) -> Vec<u8> {
    let calendar = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//harbour.example//demo//EN\r\nMETHOD:REQUEST\r\nBEGIN:VEVENT\r\n\
        UID:regatta@harbour.example\r\nDTSTAMP:20250401T080000Z\r\nDTSTART:20250614T090000Z\r\nDTEND:20250614T160000Z\r\n\
        SUMMARY:Regatta\r\nORGANIZER:mailto:ada@harbour.example\r\nATTENDEE:mailto:demo@harbour.example\r\nEND:VEVENT\r\n\
        END:VCALENDAR\r\n";
    let kind = "text/calendar; charset=utf-8; method=REQUEST; name=\"invite.ics\"";
    let parts = [
        Part::plain("You are invited to the regatta on 14 June.\n"),
        Part::encoded(kind, "Content-Description: the invitation\n", calendar.as_bytes()),
    ];
    message
        .subject("Invitation: Regatta")
        .with(&Part::multipart("alternative", &parts))
}

fn bounce(message: &mut Message) -> Vec<u8> {
    let status = "Reporting-MTA: dns; mail.harbour.example\n\nFinal-Recipient: rfc822; nobody@pier.example\nAction: failed\n\
        Status: 5.1.1\nDiagnostic-Code: smtp; 550 no such pier\n";
    let parts = [
        Part::plain("Your message could not be delivered to nobody@pier.example.\n"),
        Part::raw("Content-Type: message/delivery-status\n", status),
        Part::raw(
            "Content-Type: text/rfc822-headers\n",
            "From: demo@harbour.example\nSubject: Is anybody there?\n",
        ),
    ];
    message
        .raw("Return-Path", "<>")
        .raw("Auto-Submitted", "auto-replied");
    message
        .subject("Undelivered mail")
        .with(&Part::multipart("report; report-type=delivery-status", &parts))
}

fn signed(message: &mut Message) -> Vec<u8> {
    let signature = "-----BEGIN PGP SIGNATURE-----\n\nThis is a demo: the signature is not one.\n-----END PGP SIGNATURE-----\n";
    let parts = [
        Part::plain("I, the harbourmaster, declare the season open.\n"),
        Part::raw(
            "Content-Type: application/pgp-signature; name=\"signature.asc\"\n",
            signature,
        ),
    ];
    let kind = "signed; micalg=pgp-sha256;\n protocol=\"application/pgp-signature\"";
    message
        .subject("The season is open")
        .with(&Part::multipart(kind, &parts))
}

fn raw_utf8(message: &mut Message) -> Vec<u8> {
    message
        .raw("Subject", "Größe: roh, ohne Kodierung – 生のまま")
        .raw("Cc", "Jürgen Fähre <fähre@hafen.example>");
    message.with(&Part::raw(
        "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n",
        "Größe: 14 m.\n",
    ))
}

fn koi8(message: &mut Message) -> Vec<u8> {
    message.raw("Subject", "=?KOI8-R?B?8NLJ18XU?=");
    message.with(&Part::text_in(
        "koi8-r",
        b"\xf0\xd2\xc9\xd7\xc5\xd4, \xf0\xd2\xc9\xd7\xc5\xd4!\n",
    ))
}

fn iso2022jp(message: &mut Message) -> Vec<u8> {
    message.raw("Subject", "=?ISO-2022-JP?B?GyRCJDMkcyRLJEEkTxsoQg==?=");
    let fields = "Content-Type: text/plain; charset=iso-2022-jp\nContent-Transfer-Encoding: 7bit\n";
    message.with(&Part::raw(fields, b"\x1b$B$3$s$K$A$O\x1b(B!\n".as_slice()))
}

fn no_subject(message: &mut Message) -> Vec<u8> {
    message.with(&Part::plain("I forgot the subject. The rope is in the shed.\n"))
}

fn empty(message: &mut Message) -> Vec<u8> {
    message.subject("(nothing to add)").with(&Part::plain(""))
}

fn many_recipients(message: &mut Message) -> Vec<u8> {
    let addresses: Vec<_> = (1..=60)
        .map(|berth| format!("Berth {berth} <berth{berth}@harbour.example>,"))
        .collect();
    let words = addresses.iter().flat_map(|address| address.split(' '));
    let list = fold(words);
    message.raw("Cc", list.trim_end_matches(','));
    message
        .subject("To all berths: water will be off on Monday")
        .with(&Part::plain("From eight to ten.\n"))
}

fn group(message: &mut Message) -> Vec<u8> {
    message.raw(
        "Cc",
        "Night shift: Jo <jo@harbour.example>,\n brid@lighthouse.example;, undisclosed-recipients:;",
    );
    message.raw(
        "Reply-To",
        "\"The \\\"real\\\" harbourmaster\" <harbourmaster@harbour.example>",
    );
    message
        .subject("Night shift")
        .with(&Part::plain("The list for next week is on the board.\n"))
}

fn long_line(message: &mut Message) -> Vec<u8> {
    let words = "and then the gull said ".repeat(400);
    message
        .subject("One very long line")
        .with(&Part::plain(&format!("{words}no.\n")))
}

fn large(message: &mut Message) -> Vec<u8> {
    let parts = [
        Part::plain("All tides until the end of the century; and a big picture.\n"),
        Part::attachment(
            "text/csv; charset=us-ascii",
            "tides-2100.csv",
            &files::tides(12_000),
        ),
        Part::attachment("image/png", "sunset-large.png", &files::sunset(240, 200, RED)),
    ];
    message
        .subject("Large: all tides")
        .with(&Part::multipart("mixed", &parts))
}

fn crlf(message: &mut Message) -> Vec<u8> {
    let octets = message
        .subject("Stored with CRLF")
        .with(&Part::plain("This file has\nnetwork line ends\non the disk.\n"));
    octets
        .iter()
        .flat_map(|octet| {
            if *octet == b'\n' {
                &b"\r\n"[..]
            } else {
                std::slice::from_ref(octet)
            }
        })
        .copied()
        .collect()
}

fn without_mime(message: &mut Message) -> Vec<u8> {
    message
        .subject("From a very old mail program")
        .with_bare("No MIME here, since 1978.\n")
}

fn patch(message: &mut Message) -> Vec<u8> {
    let text =
        "--- a/tides.c\n+++ b/tides.c\n@@ -1,3 +1,3 @@\n-\tint moon = 1;\n+\tint moon = 0; /* new moon */\n";
    let fields = "Content-Type: text/x-patch; charset=us-ascii\nContent-Disposition: inline; filename=\"moon.patch\"\n";
    let parts = [
        Part::plain("One line, but an important one.\n"),
        Part::raw(fields, text),
    ];
    message
        .subject("[PATCH] tides: begin with the new moon")
        .with(&Part::multipart("mixed", &parts))
}

fn unknown_charset(message: &mut Message) -> Vec<u8> {
    message.raw("Subject", "=?x-semaphore?Q?flags_up?=");
    message.with(&Part::text_in("x-semaphore", b"\x80\x81\x82 flags up\n"))
}

fn lone_attachment(message: &mut Message) -> Vec<u8> {
    message.subject("Scan").with(&Part::attachment(
        "application/pdf",
        "scan 0001.pdf",
        &files::page("A scan"),
    ))
}
