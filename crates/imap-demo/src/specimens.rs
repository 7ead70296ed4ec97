//! One message of each shape that mail programs and servers get wrong.

use chrono::{DateTime, FixedOffset};

use mail_builder::headers::address::Address;
use mail_builder::headers::content_type::ContentType;
use mail_builder::headers::raw::Raw;

use crate::corpus::Welcome;
use crate::files;
use crate::message::{
    Message, Part, attached_message, html, mailbox, multipart, octets, picture, plain, raw_part, text_in,
};
use crate::texts::{PEOPLE, me};

/// A message and how its file's name and place mark it.
#[derive(Debug)]
pub(crate) struct Specimen {
    /// The whole message.
    pub(crate) octets: Vec<u8>,
    /// Letters after `:2,`; none leaves the message in `new/`.
    pub(crate) flags: Option<&'static str>,
}

const RED: [u8; 3] = [230, 90, 40];
const BLUE: [u8; 3] = [40, 90, 200];
/// `Grüße.png` as an encoded word.
const ENCODED_NAME: &str = "=?UTF-8?B?R3LDvMOfZS5wbmc=?=";

/// Adds what makes the kind to a message that has sender, recipient and date.
type Kind = fn(Message) -> Vec<u8>;

/// All specimens, the welcome last. `date` gives the n-th its date.
pub(crate) fn all(date: impl Fn(usize) -> DateTime<FixedOffset>, words: Welcome) -> Vec<Specimen> {
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
    ];
    let begin = |index: usize| {
        let (name, address) = PEOPLE[index % PEOPLE.len()];
        Message::new(
            &format!("specimen-{index}"),
            date(index),
            mailbox(name, address),
            me(),
        )
    };
    let write = |(index, (kind, flags)): (usize, &(Kind, _))| Specimen {
        octets: kind(begin(index)),
        flags: *flags,
    };
    let welcome = Specimen {
        octets: welcome(begin(kinds.len()), words),
        flags: None,
    };
    kinds.iter().enumerate().map(write).chain([welcome]).collect()
}

fn welcome(message: Message, Welcome { program, place }: Welcome) -> Vec<u8> {
    let text = format!(
        "Hello,\n\nthis is the demo mailbox of {program}. {place}\n\n\
        The other messages show what mail can be: alternatives, pictures within HTML, attachments with names in\n\
        any script, messages within messages, mailing list threads, old charsets, and some broken ones.\n\n\
        Change what you like. To get the demo as it was, stop it and delete its folder.\n"
    );
    message.subject(format!("Welcome to {program}")).with(plain(text))
}

fn latin1(message: Message) -> Vec<u8> {
    message
        .raw("Subject", "=?ISO-8859-1?Q?Gr=FC=DFe_aus_K=F6ln?=")
        .with(text_in(
            "iso-8859-1",
            b"Sch\xf6ne Gr\xfc\xdfe aus K\xf6ln!\n\nDer Rhein steht hoch.\n",
        ))
}

fn emoji(message: Message) -> Vec<u8> {
    let text = "🎉🎉🎉\n\nThe lighthouse is a hundred years old!\nΧρόνια πολλά! С днём рождения! お誕生日おめでとう!\n";
    message
        .subject("🎂 A hundred years of light 🗼")
        .with(plain(text))
}

fn flowed(message: Message) -> Vec<u8> {
    let fields = "Content-Type: text/plain; charset=us-ascii; format=flowed; delsp=no\n";
    let text = "> Shall we paint the lighthouse \n> red, or red and white?\n\nBoth, and then let the fog decide which of \n\
        the two it likes better.\n\n-- \nBrid\n";
    message
        .subject("Re: Paint for the lighthouse")
        .with(raw_part(fields, text))
}

fn alternative(message: Message) -> Vec<u8> {
    let plain = plain("The ferry leaves at 7:10, 9:10 and 17:40.\n");
    let html = html("<p>The ferry leaves at <b>7:10</b>, <b>9:10</b> and <b>17:40</b>.</p>\n");
    message
        .subject("New timetable for the ferry")
        .with(multipart("multipart/alternative", [plain, html]))
}

fn inline_picture(message: Message) -> Vec<u8> {
    let html = html(
        "<p>Tonight, from the pier:</p>\n<p><img src=\"cid:sunset@harbour.example\" alt=\"sunset\"></p>\n",
    );
    let picture = picture(
        "sunset@harbour.example",
        "sunset.png",
        files::sunset(160, 90, RED),
    );
    let kind = ContentType::new("multipart/related").attribute("type", "text/html");
    message.subject("Sunset").with(multipart(kind, [html, picture]))
}

fn pdf(message: Message) -> Vec<u8> {
    let parts = [
        plain("The invoice is attached. Thirty days, as always.\n"),
        Part::new(
            "application/pdf",
            files::page("Invoice 2025-03: one anchor, used"),
        )
        .attachment("invoice-2025-03.pdf"),
    ];
    message
        .subject("Invoice for March")
        .with(multipart("multipart/mixed", parts))
}

fn deep(message: Message) -> Vec<u8> {
    let html = html("<p>The plan: <img src=\"cid:plan@harbour.example\"></p>\n");
    let picture = picture("plan@harbour.example", "plan.png", files::sunset(120, 60, BLUE));
    let alternatives = [
        plain("The plan is attached.\n"),
        multipart("multipart/related", [html, picture]),
    ];
    let parts = [
        multipart("multipart/alternative", alternatives),
        Part::new("application/pdf", files::page("Harbour plan")).attachment("plan.pdf"),
        tides("utf-8", "tides.csv", 30),
    ];
    message
        .subject("Harbour plan, with everything")
        .with(multipart("multipart/mixed", parts))
}

fn unicode_filename(message: Message) -> Vec<u8> {
    let parts = [
        plain("Anbei die Übersicht über die Größen aller Liegeplätze.\n"),
        tides("utf-8", "Übersicht Größe – Liegeplätze.csv", 12),
        Part::new("application/pdf", files::page("Map of the harbour")).attachment("港の地図.pdf"),
        // The form that many mail programs write against the RFC: an encoded word in a quoted string.
        Part::new(
            ContentType::new("image/png").attribute("name", ENCODED_NAME),
            files::sunset(32, 18, BLUE),
        )
        .attachment(ENCODED_NAME),
    ];
    message
        .subject("Übersicht der Liegeplätze")
        .with(multipart("multipart/mixed", parts))
}

/// A table to save.
fn tides(charset: &'static str, name: &'static str, rows: u32) -> Part {
    let kind = ContentType::new("text/csv").attribute("charset", charset);
    Part::new(kind, files::tides(rows)).attachment(name)
}

/// A message to forward.
fn gate() -> Vec<u8> {
    let plain = plain("Who left the gate open?\n");
    let html = html("<p>Who left the <i>gate</i> open?</p>\n");
    let fields = "From: Jo <jo@harbour.example>\nTo: crew@harbour.example\nSubject: The gate\n\
        Date: Mon, 3 Mar 2025 23:59:00 -0330\nMessage-ID: <gate@harbour.example>\nMIME-Version: 1.0\n";
    let body = octets(multipart("multipart/alternative", [plain, html]));
    [fields.as_bytes(), &body].concat()
}

fn forwarded(message: Message) -> Vec<u8> {
    let parts = [plain("See below. It was not me.\n"), attached_message(&gate())];
    message
        .subject("Fwd: The gate")
        .with(multipart("multipart/mixed", parts))
}

fn forwarded_twice(message: Message) -> Vec<u8> {
    let fields = "From: brid@lighthouse.example\nTo: demo@harbour.example\nSubject: Fwd: The gate\n\
        Date: Tue, 4 Mar 2025 08:00:00 +0100\nMIME-Version: 1.0\n";
    let middle = multipart(
        "multipart/mixed",
        [plain("Look at this.\n"), attached_message(&gate())],
    );
    let middle = [fields.as_bytes(), &octets(middle)].concat();
    message
        .subject("Fwd: Fwd: The gate")
        .with(attached_message(&middle))
}

fn digest(message: Message) -> Vec<u8> {
    let entry = |number: u32| {
        let text =
            format!("From: list@harbour.example\nSubject: Notice {number}\n\nNotice number {number}.\n");
        // In a digest a part without a type is a message (RFC 2046, section 5.1.5).
        raw_part("", text)
    };
    message
        .subject("Notices, digest 12")
        .with(multipart("multipart/digest", [entry(1), entry(2), entry(3)]))
}

fn invitation(message: Message) -> Vec<u8> {
    let calendar = "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//harbour.example//demo//EN\nMETHOD:REQUEST\nBEGIN:VEVENT\n\
        UID:regatta@harbour.example\nDTSTAMP:20250401T080000Z\nDTSTART:20250614T090000Z\nDTEND:20250614T160000Z\n\
        SUMMARY:Regatta\nORGANIZER:mailto:ada@harbour.example\nATTENDEE:mailto:demo@harbour.example\nEND:VEVENT\n\
        END:VCALENDAR\n";
    let kind = ContentType::new("text/calendar")
        .attribute("charset", "utf-8")
        .attribute("method", "REQUEST")
        .attribute("name", "invite.ics");
    let parts = [
        plain("You are invited to the regatta on 14 June.\n"),
        Part::new(kind, calendar).header("Content-Description", Raw::new("the invitation")),
    ];
    message
        .subject("Invitation: Regatta")
        .with(multipart("multipart/alternative", parts))
}

fn bounce(message: Message) -> Vec<u8> {
    let status = "Reporting-MTA: dns; mail.harbour.example\n\nFinal-Recipient: rfc822; nobody@pier.example\nAction: failed\n\
        Status: 5.1.1\nDiagnostic-Code: smtp; 550 no such pier\n";
    let parts = [
        plain("Your message could not be delivered to nobody@pier.example.\n"),
        raw_part("Content-Type: message/delivery-status\n", status),
        raw_part(
            "Content-Type: text/rfc822-headers\n",
            "From: demo@harbour.example\nSubject: Is anybody there?\n",
        ),
    ];
    let kind = ContentType::new("multipart/report").attribute("report-type", "delivery-status");
    message
        .raw("Return-Path", "<>")
        .raw("Auto-Submitted", "auto-replied")
        .subject("Undelivered mail")
        .with(multipart(kind, parts))
}

fn signed(message: Message) -> Vec<u8> {
    let signature = "-----BEGIN PGP SIGNATURE-----\n\nThis is a demo: the signature is not one.\n-----END PGP SIGNATURE-----\n";
    let parts = [
        plain("I, the harbourmaster, declare the season open.\n"),
        raw_part(
            "Content-Type: application/pgp-signature; name=\"signature.asc\"\n",
            signature,
        ),
    ];
    let kind = ContentType::new("multipart/signed")
        .attribute("micalg", "pgp-sha256")
        .attribute("protocol", "application/pgp-signature");
    message.subject("The season is open").with(multipart(kind, parts))
}

fn raw_utf8(message: Message) -> Vec<u8> {
    message
        .raw("Subject", "Größe: roh, ohne Kodierung – 生のまま")
        .raw("Cc", "Jürgen Fähre <fähre@hafen.example>")
        .with(raw_part(
            "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n",
            "Größe: 14 m.\n",
        ))
}

fn koi8(message: Message) -> Vec<u8> {
    message.raw("Subject", "=?KOI8-R?B?8NLJ18XU?=").with(text_in(
        "koi8-r",
        b"\xf0\xd2\xc9\xd7\xc5\xd4, \xf0\xd2\xc9\xd7\xc5\xd4!\n",
    ))
}

fn iso2022jp(message: Message) -> Vec<u8> {
    let fields = "Content-Type: text/plain; charset=iso-2022-jp\nContent-Transfer-Encoding: 7bit\n";
    message
        .raw("Subject", "=?ISO-2022-JP?B?GyRCJDMkcyRLJEEkTxsoQg==?=")
        .with(raw_part(fields, b"\x1b$B$3$s$K$A$O\x1b(B!\n"))
}

fn no_subject(message: Message) -> Vec<u8> {
    message.with(plain("I forgot the subject. The rope is in the shed.\n"))
}

fn empty(message: Message) -> Vec<u8> {
    message.subject("(nothing to add)").with(plain(""))
}

fn many_recipients(message: Message) -> Vec<u8> {
    let berth = |berth| {
        let address = format!("berth{berth}@harbour.example");
        Address::new_address(Some(format!("Berth {berth}")), address)
    };
    message
        .cc(Address::new_list((1..=60).map(berth).collect()))
        .subject("To all berths: water will be off on Monday")
        .with(plain("From eight to ten.\n"))
}

fn group(message: Message) -> Vec<u8> {
    message
        .raw(
            "Cc",
            "Night shift: Jo <jo@harbour.example>, brid@lighthouse.example;, undisclosed-recipients:;",
        )
        .raw(
            "Reply-To",
            "\"The \\\"real\\\" harbourmaster\" <harbourmaster@harbour.example>",
        )
        .subject("Night shift")
        .with(plain("The list for next week is on the board.\n"))
}

fn long_line(message: Message) -> Vec<u8> {
    let words = "and then the gull said ".repeat(400);
    // Raw, since the builder would break the line.
    message.subject("One very long line").with(raw_part(
        "Content-Type: text/plain; charset=us-ascii\n",
        format!("{words}no.\n"),
    ))
}

fn large(message: Message) -> Vec<u8> {
    let parts = [
        plain("All tides until the end of the century; and a big picture.\n"),
        tides("us-ascii", "tides-2100.csv", 12_000),
        Part::new("image/png", files::sunset(240, 200, RED)).attachment("sunset-large.png"),
    ];
    message
        .subject("Large: all tides")
        .with(multipart("multipart/mixed", parts))
}

fn crlf(message: Message) -> Vec<u8> {
    let octets = message
        .subject("Stored with CRLF")
        .with(plain("This file has\nnetwork line ends\non the disk.\n"));
    String::from_utf8_lossy(&octets)
        .replace('\n', "\r\n")
        .into_bytes()
}

fn without_mime(message: Message) -> Vec<u8> {
    message
        .subject("From a very old mail program")
        .without_mime("No MIME here, since 1978.\n")
}

fn patch(message: Message) -> Vec<u8> {
    let text =
        "--- a/tides.c\n+++ b/tides.c\n@@ -1,3 +1,3 @@\n-\tint moon = 1;\n+\tint moon = 0; /* new moon */\n";
    let fields = "Content-Type: text/x-patch; charset=us-ascii\nContent-Disposition: inline; filename=\"moon.patch\"\n";
    let parts = [plain("One line, but an important one.\n"), raw_part(fields, text)];
    message
        .subject("[PATCH] tides: begin with the new moon")
        .with(multipart("multipart/mixed", parts))
}

fn unknown_charset(message: Message) -> Vec<u8> {
    message
        .raw("Subject", "=?x-semaphore?Q?flags_up?=")
        .with(text_in("x-semaphore", b"\x80\x81\x82 flags up\n"))
}

fn lone_attachment(message: Message) -> Vec<u8> {
    message
        .subject("Scan")
        .with(Part::new("application/pdf", files::page("A scan")).attachment("scan 0001.pdf"))
}
