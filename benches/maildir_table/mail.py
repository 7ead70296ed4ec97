"""The messages, and Maildirs of them. Message number n is the same in every mailbox of every size."""

import os
import pathlib
import random
import shutil
import time

PARTS = ("cur", "new", "tmp")
PEOPLE = "Ann Bob Carl Dora Erik Fay Gus Hana Ivo Jun Kim Lea Max Nia Otto Pia Quin Rosa Sam Tess".split()
WORDS = """alpha bravo carrot delta ember falcon garden harbor island jungle kettle lantern meadow nectar orchid pepper quartz river
saddle timber umbrella velvet walnut xenon yonder zephyr budget invoice meeting report release server""".split()
BEGAN = 1_600_000_000

# Of a hundred messages, one has each of these.
FROM, SUBJECT, BODY = "needlefrom", "needlesubject", "needlebody"


def some(dice, least, most):
    return " ".join(dice.choices(WORDS, k=dice.randint(least, most)))


def header(number, dice):
    person = dice.choice(PEOPLE)
    host = "example.com" if number % 3 else "example.org"
    sender = f"{person} Tester <{person.lower()}{dice.randint(1, 400)}@{host}>"
    if number % 100 == 7:
        sender = f"Needle Fromm <{FROM}@example.net>"
    subject = some(dice, 2, 7) + (f" {SUBJECT}" if number % 100 == 13 else "")
    date = time.strftime("%a, %d %b %Y %H:%M:%S +0000", time.gmtime(BEGAN + number * 60))
    lines = [
        f"Return-Path: <{person.lower()}@{host}>",
        f"Received: from mx{number % 9}.example.net (mx{number % 9}.example.net [192.0.2.{number % 250 + 1}])\n"
        f"\tby mail.example.com with ESMTPS id {dice.getrandbits(48):012x}\n\tfor <big@example.com>; {date}",
        f"Date: {date}",
        f"From: {sender}",
        "To: Big Box <big@example.com>" + (f", {dice.choice(PEOPLE).lower()}@example.org" if dice.random() < 0.3 else ""),
        "Subject: " + ("Re: " if dice.random() < 0.3 else "") + subject,
        f"Message-ID: <{number}.{dice.getrandbits(32):x}@{host}>",
        "MIME-Version: 1.0",
    ]
    if dice.random() < 0.4:
        lines += [f"In-Reply-To: <{max(0, number - 5)}.0@{host}>", f"References: <{max(0, number - 5)}.0@{host}>"]
    return lines


def message(number):
    """1.1 KB or so, lines ending in LF as in a Maildir. One in ten has two parts."""
    dice = random.Random(number)
    lines = header(number, dice)
    text = "\n".join(some(dice, 10, 10) for _ in range(dice.randint(3, 14)))
    if number % 100 == 42:
        text += f"\nhere is the {BODY} word\n"
    if number % 10 == 0:
        lines.append(f'Content-Type: multipart/alternative; boundary="b{number}"')
        text = (f"--b{number}\nContent-Type: text/plain; charset=utf-8\n\n{text}\n"
                f"--b{number}\nContent-Type: text/html; charset=utf-8\n\n<p>{text[:300]}</p>\n--b{number}--")
    else:
        lines.append("Content-Type: text/plain; charset=utf-8")
    return ("\n".join(lines) + "\n\n" + text + "\n").encode()


def name(number):
    flags = {1: "F", 2: "R"}.get(number % 10, "")
    return f"{BEGAN + number * 60}.M{number}P1.bench:2,{flags}"


def template(folder, count, owner):
    """A folder with at least so many messages, each in a file; what an earlier run left there is kept."""
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    done = folder / "count"
    have = int(done.read_text()) if done.exists() else 0
    for number in range(have, count):
        path = folder / name(number)
        path.write_bytes(message(number))
        os.chown(path, *owner)
        os.utime(path, (BEGAN + number * 60,) * 2)
    done.write_text(str(max(have, count)))
    return folder


def make(maildir, owner):
    """An empty Maildir, whatever was there before."""
    shutil.rmtree(maildir, ignore_errors=True)
    for part in PARTS:
        (maildir / part).mkdir(parents=True)
    own(maildir, owner)


def fill(maildir, folder, count, distinct, owner):
    """A Maildir of links to a template's messages, as a message's octets never change. Beyond `distinct` they come again, under other
    names: names and directories are what makes a large mailbox, and a million files are long in the making."""
    source = template(folder, min(count, distinct), owner)
    make(maildir, owner)
    for number in range(count):
        os.link(source / name(number % distinct), maildir / "cur" / name(number))


def forget_indexes(maildir):
    """Takes away everything but mail, as whoever has an index makes it anew."""
    for path in maildir.iterdir():
        if path.name not in PARTS:
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def own(maildir, owner):
    for path in (maildir.parent, maildir, *(maildir / part for part in PARTS)):
        os.chown(path, *owner)


def deliver(maildir, octets, label, owner):
    """What a delivery agent does; says when the message came into sight. Its name's time is now, so that it is the newest."""
    now = time.time_ns()
    file = f"{now // 10**9}.M{now % 10**9 // 1000}P{os.getpid()}{label}.bench"
    path = maildir / "tmp" / file
    path.write_bytes(octets)
    os.chown(path, *owner)
    seen = time.perf_counter()
    os.rename(path, maildir / "new" / file)
    return seen
