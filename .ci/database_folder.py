#!/usr/bin/env python3
"""Runs a client scenario against a server whose mail is in a database.

    python3 .ci/database_folder.py SCENARIO.py

The scenarios look at the server's Maildir from outside, and change it as other programs do. Here `sqlmaild admin` delivers,
flags and removes messages in its place, and what is there is read by SQL. Environment: SQLMAILD, DATABASE, and what the scenario
wants.
"""

import os
import runpy
import sqlite3
import subprocess
import sys

sys.path.insert(0, os.path.join(os.environ["CLIENTS_DIR"], "lib"))
import harness  # noqa: E402

SQLMAILD, DATABASE = os.environ["SQLMAILD"], os.environ["DATABASE"]
BITS = {1: "R", 2: "F", 4: "T", 8: "S", 16: "D"}
QUERY = """SELECT uid, flags, number, {octets} FROM messages JOIN chunks ON chunks.blob = messages.blob
    WHERE mailbox = (SELECT mailboxes.id FROM mailboxes JOIN accounts ON accounts.id = account
        WHERE accounts.name = '{user}' AND mailboxes.name = '{mailbox}') ORDER BY uid, number"""
MaildirFolder = harness.Folder


def admin(command, *arguments, stdin=b""):
    done = subprocess.run([SQLMAILD, "admin", "--database", DATABASE, "message", command, *arguments],
                          input=stdin, capture_output=True, check=False)
    if done.returncode:
        raise RuntimeError("%s: %s" % (command, done.stderr.decode()))
    return done.stdout.decode().strip()


def query(sql):
    if "://" not in DATABASE:
        connection = sqlite3.connect(DATABASE, timeout=10)
        try:
            return connection.execute(sql.replace("{octets}", "octets")).fetchall()
        finally:
            connection.close()
    sql = sql.replace("{octets}", "encode(octets, 'hex')")
    done = subprocess.run(["psql", "-X", "-q", "-A", "-t", "-F", "|", "-d", DATABASE, "-c", sql], capture_output=True, check=True)
    rows = (line.split("|") for line in done.stdout.decode().splitlines())
    return [(int(uid), int(flags), int(number), bytes.fromhex(octets)) for uid, flags, number, octets in rows]


class Folder(MaildirFolder):
    """A mailbox in the database; a Maildir where a scenario names a folder of its own."""

    def __init__(self, name, sep="."):
        self.name, self.local = name, False
        self.mailbox = "INBOX" if name.upper() == "INBOX" else name
        self.scratch = harness.tmpdir("database")
        for sub in ("cur", "new"):
            os.mkdir(os.path.join(self.scratch, sub))

    @property
    def dir(self):
        return self.scratch

    @dir.setter
    def dir(self, folder):
        self.scratch, self.local = folder, True

    def deliver(self, data, flags=None, when=None, base=None):
        if self.local:
            return super().deliver(data, flags, when, base)
        more = ["--flag=" + harness.LETTER[letter] for letter in flags or "" if letter in harness.LETTER]
        if when:
            more.append("--date=" + harness.time.strftime("%Y-%m-%dT%H:%M:%S+00:00", harness.time.gmtime(when)))
        return "uid%s" % admin("deliver", harness.USER, self.mailbox, "-", *more, stdin=data).split()[-1]

    def files(self):
        if self.local:
            return super().files()
        found = {}
        user, mailbox = (text.replace("'", "''") for text in (harness.USER, self.mailbox))
        for uid, flags, number, octets in query(QUERY.replace("{user}", user).replace("{mailbox}", mailbox)):
            letters = "".join(sorted(letter for bit, letter in BITS.items() if flags & bit))
            path = os.path.join(self.scratch, "cur", "%d" % uid)
            with open(path, "ab" if number else "wb") as file:
                file.write(octets)
            found["uid%d" % uid] = ("cur", letters, path)
        return found

    def rename_flags(self, base, fn):
        if self.local:
            return super().rename_flags(base, fn)
        before = self.files().get(base)
        if not before:
            return False
        after = fn(set(before[1]))
        edits = ["+" + harness.LETTER[letter] for letter in after - set(before[1])]
        edits += ["-" + harness.LETTER[letter] for letter in set(before[1]) - after]
        if edits:
            admin("flags", harness.USER, self.mailbox, base[3:], *edits)
        return True

    def unlink(self, base):
        if self.local:
            return super().unlink(base)
        return admin("remove", harness.USER, self.mailbox, base[3:]).split()[0] != "0"


def without_nul(corpus):
    """IMAP has no way to send a NUL in a message (RFC 3501, section 4.3.1), and the database takes none."""
    return lambda *how, **more: (message for message in corpus(*how, **more) if b"\0" not in message.data)


harness.Folder = Folder
harness.seeds.corpus = without_nul(harness.seeds.corpus)
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
