"""What is measured, of a server that has the mailbox selected and has looked at every message."""

import random
import statistics

import mail
from client import Client, Wrong
from rows import EXPUNGED, FETCHED, Appender, appended

USERS = ["mid", *(f"u{number}" for number in range(10))]
COPIED = 10_000


class Asked:
    """One server, and a client that has the mailbox selected."""

    def __init__(self, server, given):
        self.server, self.count, self.appends = server, given.count, given.appends
        self.some = min(given.count, COPIED)
        dice = random.Random(1)
        self.one = [dice.randint(1, given.count) for _ in range(300)]
        self.client = self.connect()

    def connect(self):
        client = Client(self.server, USERS[0])
        client.select(exists=self.count)
        return client

    def restart(self):
        """Another process, which remembers nothing."""
        self.server.stop()
        self.server.start()
        self.client = self.connect()
        self.server.settle(quiet=0.3)


def fetch(what):
    return lambda asked: asked.client.command(f"FETCH 1:* {what}", FETCHED, asked.count)[0]


def first(ask):
    """Asks a process that was never asked."""
    def of_new(asked):
        asked.restart()
        return ask(asked)
    return of_new


def command(words):
    return lambda asked: asked.client.command(words)[0]


def find(key, share=100):
    """One message of so many has it."""
    def ask(asked):
        took, answer = asked.client.command(f"UID SEARCH {key}")
        there = sum(len(line.split()) - 2 for line in answer if line.startswith(b"* SEARCH"))
        if there != asked.count // share:
            raise Wrong(f"SEARCH {key}: {there} of {asked.count // share}")
        return took
    return ask


def select(asked):
    client = Client(asked.server, USERS[0])
    took = client.select(exists=asked.count)
    client.logout()
    return took


def bodies(asked):
    return asked.client.command(f"FETCH 1:{asked.some} (UID BODY.PEEK[])", FETCHED, asked.some)[0]


def body(asked):
    """The median of one message each."""
    return statistics.median(asked.client.command(f"FETCH {number} (BODY.PEEK[])")[0] for number in asked.one)


def mark(asked):
    marks = [rf"STORE {number} {sign}FLAGS.SILENT (\Answered)" for number in asked.one[:100] for sign in "+-"]
    return statistics.median(asked.client.command(each)[0] for each in marks)


def mark_all(asked):
    took, _ = asked.client.command(r"STORE 1:* +FLAGS (\Seen)", FETCHED, asked.count)
    asked.client.command(r"STORE 1:* -FLAGS.SILENT (\Seen)")
    return took


def copies(asked):
    """Seconds of a COPY, and of the EXPUNGE of the copies."""
    client = asked.client
    client.command("CREATE copies")
    try:
        copied, _ = client.command(f"COPY 1:{asked.some} copies")
        client.select("copies", asked.some)
        client.command(r"STORE 1:* +FLAGS.SILENT (\Deleted)")
        expunged, _ = client.command("EXPUNGE", EXPUNGED, asked.some)
    finally:
        client.select(exists=asked.count)
        client.command("DELETE copies")
    return copied, expunged


def append(clients, own):
    """Messages a second by so many clients, in one mailbox or in one each."""
    def ask(asked):
        users = [USERS[1 + number] if own else USERS[1] for number in range(clients)]
        owners = [Client(asked.server, user) for user in dict.fromkeys(users)]
        for owner in owners:
            owner.command("CREATE appended")
        try:
            share = asked.appends // clients
            return appended([Appender(asked.server, user, b"appended", share) for user in users])
        finally:
            for owner in owners:
                owner.command("DELETE appended")
                owner.logout()
    return ask


ATTRIBUTES = "(UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE)"
SORT, THREAD = "SORT ({}) UTF-8 ALL", "THREAD REFERENCES UTF-8 ALL"

# By the name for --rows: the work, its unit, and what asks for it.
ROWS = {
    "select": ("SELECT by a new connection", "s", select),
    "flags": ("UID and FLAGS of all", "s", fetch("(UID FLAGS)")),
    "envelope-first": ("ENVELOPE of all, first of a process", "s", first(fetch(ATTRIBUTES))),
    "envelope": ("the same, again", "s", fetch(ATTRIBUTES)),
    "structure": ("BODYSTRUCTURE of all, again", "s", fetch("(UID BODYSTRUCTURE)")),
    "bodies": ("BODY.PEEK[] of {some:,}", "s", bodies),
    "body": ("BODY.PEEK[] of one", "s", body),
    "from": ("SEARCH FROM", "s", find(f"FROM {mail.FROM}")),
    "subject": ("SEARCH SUBJECT", "s", find(f"SUBJECT {mail.SUBJECT}")),
    "body-text": ("SEARCH BODY", "s", find(f"BODY {mail.BODY}")),
    "text": ("SEARCH TEXT", "s", find(f"TEXT {mail.BODY}")),
    "all": ("SEARCH ALL", "s", find("ALL", 1)),
    "sort-first": ("SORT (SUBJECT), first of a process", "s", first(command(SORT.format("SUBJECT")))),
    "sort-other": ("SORT (FROM), first of a process", "s", first(command(SORT.format("FROM")))),
    "sort": ("SORT (FROM), again", "s", command(SORT.format("FROM"))),
    "thread-first": ("THREAD REFERENCES, first of a process", "s", first(command(THREAD))),
    "thread": ("the same, again", "s", command(THREAD)),
    "store": (r"STORE 1:* +FLAGS (\Seen)", "s", mark_all),
    "store-one": ("STORE of one", "s", mark),
    "copy": ("COPY of {some:,}", "s", lambda asked: copies(asked)[0]),
    "expunge": ("EXPUNGE of {some:,}", "s", lambda asked: copies(asked)[1]),
    "append": ("APPEND by one client", "/s", append(1, False)),
    "append-ten": ("APPEND by ten, one mailbox", "/s", append(10, False)),
    "append-own": ("APPEND by ten, own mailboxes", "/s", append(10, True)),
}
