"""A maildird and a sqlmaild, kept in step by interimap (Debian's package), which synchronises by QRESYNC alone: what either
side does between two runs has to be on both afterwards, message by message and flag by flag.

usage: interimap.py MAILDIRD SQLMAILD DATABASE SCRATCH [SEED]
       (DATABASE: a file, or the URL of an empty database; SCRATCH: an empty folder)
"""

import imaplib
import pathlib
import random
import re
import subprocess
import sys
import time

ROUNDS = 9
FLAGS = [r"\Seen", r"\Flagged", r"\Answered", "$Forwarded", "work"]


class Server:
    """A program that serves alice, password secret."""

    def __init__(self, program, scratch, arguments):
        self.log = scratch / f"{program.name}.log"
        # Changes that no mailbox in use brings along are looked for so often (NOTIFY).
        command = [program, "serve", "--listen", "127.0.0.1:0", "--limit", "idle_poll=100ms", *arguments]
        with self.log.open("w") as log:
            self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
        line = self.process.stdout.readline()
        self.port = int(re.fullmatch(r"listening on 127\.0\.0\.1:(\d+)\n", line)[1])

    def stop(self):
        self.process.terminate()
        self.process.wait()
        # A panic ends one connection, and a client that connects again hides it.
        assert "panicked at" not in self.log.read_text(), self.log.read_text()


def maildird(program, scratch):
    users = ["--users", scratch / "users"]
    subprocess.run([program, "user", "add", *users, "alice", "--password-stdin"], input=b"secret\n", check=True)
    return Server(program, scratch, ["--mail-root", f"{scratch}/%u", *users])


def sqlmaild(program, scratch, database):
    admin = [program, "admin", "--database", database, "account", "create", "alice", "--password-stdin"]
    subprocess.run(admin, input=b"secret\n", check=True)
    return Server(program, scratch, ["--database", database])


class Side:
    """One of the servers, and a client that changes its mail."""

    def __init__(self, name, port):
        self.name, self.port = name, port
        self.imap = imaplib.IMAP4("127.0.0.1", port, timeout=60)
        self.imap.login("alice", "secret")
        self.delimiter = re.search(rb'"(.)"', self.ok(self.imap.list('""', '""'))[0])[1].decode()

    def ok(self, answer):
        kind, data = answer
        assert kind == "OK", f"{self.name}: {kind} {data}"
        return data

    def wire(self, mailbox):
        return '"' + mailbox.replace("/", self.delimiter) + '"'

    def mailboxes(self):
        lines = [line.decode() for line in self.ok(self.imap.list('""', "*")) if b"\\Noselect" not in line]
        names = [re.search(r'\) "." "?([^"]+)"?$', line)[1] for line in lines]
        return sorted(name.replace(self.delimiter, "/") for name in names)

    def look(self, mailbox):
        """The flags of each message, known by its Message-ID, and its UID."""
        self.ok(self.imap.select(self.wire(mailbox)))
        rows = self.ok(self.imap.uid("FETCH", "1:*", "(FLAGS BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])"))
        found = {}
        for head, header in (row for row in rows if isinstance(row, tuple)):
            name = re.search(rb"<(.+)>", header)[1].decode()
            assert name not in found, f"{self.name}: {mailbox} has {name} twice"
            flags = imaplib.ParseFlags(head)
            found[name] = (
                frozenset(flag.decode() for flag in flags if flag != b"\\Recent"),
                int(re.search(rb"UID (\d+)", head)[1]),
            )
        return found

    def everything(self):
        return {
            mailbox: {name: flags for name, (flags, _) in self.look(mailbox).items()} for mailbox in self.mailboxes()
        }

    def append(self, mailbox, name, flags):
        size = len(name) * 7 % 3000
        text = f"From: {self.name}@example.org\r\nSubject: {name}\r\nMessage-ID: <{name}>\r\n\r\n{'x' * size}\r\n"
        self.ok(self.imap.append(self.wire(mailbox), f"({' '.join(flags)})", None, text.encode()))

    def change(self, dice, name):
        """Something that a client does."""
        mailbox = dice.choice(self.mailboxes())
        there = self.look(mailbox)
        deed = dice.randrange(8)
        if deed < 3 or not there:
            return self.append(mailbox, name, dice.sample(FLAGS, dice.randrange(3)))
        uid = str(dice.choice(sorted(uid for _, uid in there.values())))
        if deed < 6:
            self.ok(self.imap.uid("STORE", uid, dice.choice(["+FLAGS", "-FLAGS"]), f"({dice.choice(FLAGS)})"))
        elif deed == 6:
            self.ok(self.imap.uid("STORE", uid, "+FLAGS.SILENT", r"(\Deleted)"))
            self.ok(self.imap.expunge())
        else:
            other = dice.choice(self.mailboxes())
            if other != mailbox:
                self.ok(self.imap.uid("MOVE", uid, self.wire(other)))


class Sync:
    """interimap between two sides, and what it remembers."""

    def __init__(self, sides, scratch):
        self.scratch = scratch
        text = f"database = {scratch}/state.db\nlogfile = {scratch}/log\n"
        for section, side in zip(("local", "remote"), sides):
            text += f"[{section}]\ntype = imap\nhost = 127.0.0.1\nport = {side.port}\nSTARTTLS = NO\n"
            text += "auth = PLAIN\nusername = alice\npassword = secret\ncompress = YES\n"
        self.config = scratch / "config"
        self.config.write_text(text)
        self.config.chmod(0o600)

    def command(self, *arguments):
        return ["interimap", f"--config={self.config}", "--debug", *arguments]

    def run(self, *arguments):
        done = subprocess.run(self.command(*arguments), stderr=subprocess.PIPE, timeout=120, text=True)
        assert done.returncode == 0, f"interimap {arguments}: {done.returncode}\n{done.stderr}"

    def watching(self):
        return subprocess.Popen(self.command("--watch=60", "--notify"), stderr=subprocess.DEVNULL)


def in_step(sides):
    one, other = (side.everything() for side in sides)
    return one == other, f"{sides[0].name}: {one}\n{sides[1].name}: {other}"


def between_runs(sides, sync, dice):
    """Both sides change, then they are synchronised."""
    for turn in range(ROUNDS):
        if turn % 4 == 1:
            side = dice.choice(sides)
            side.ok(side.imap.create(side.wire(f"Lists/number {turn}")))
        for step in range(dice.randrange(1, 8)):
            dice.choice(sides).change(dice, f"round{turn}-{step}")
        sync.run()
        same, shown = in_step(sides)
        assert same, f"round {turn}:\n{shown}"


def while_it_watches(sides, sync, dice):
    """NOTIFY tells it what either side does."""
    watching = sync.watching()
    try:
        for turn in range(4):
            for step in range(3):
                dice.choice(sides).change(dice, f"live{turn}-{step}")
            give_up = time.monotonic() + 30
            while not in_step(sides)[0]:
                assert watching.poll() is None, "interimap has ended"
                assert time.monotonic() < give_up, f"turn {turn}:\n{in_step(sides)[1]}"
                time.sleep(0.1)
    finally:
        watching.terminate()
        watching.wait()


def main():
    programs, database, scratch = map(pathlib.Path, sys.argv[1:3]), sys.argv[3], pathlib.Path(sys.argv[4]).resolve()
    seed = int(sys.argv[5]) if len(sys.argv) > 5 else 1
    dice = random.Random(seed)
    one, other = programs
    servers = [maildird(one, scratch), sqlmaild(other, scratch, database)]
    try:
        sides = [Side(name, server.port) for name, server in zip(("maildird", "sqlmaild"), servers)]
        sync = Sync(sides, scratch)
        between_runs(sides, sync, dice)
        while_it_watches(sides, sync, dice)
        sync.run("--rename", f"Lists{sides[0].delimiter}number 1", "Renamed")
        sync.run("--repair")
        sync.run("--delete", "Renamed")
        same, shown = in_step(sides)
        assert same and "Renamed" not in sides[0].mailboxes(), shown
    finally:
        for server in servers:
            server.stop()
    print(f"interimap: in step, seed {seed}")


main()
