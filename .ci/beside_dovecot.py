"""maildird and Debian's Dovecot on one Maildir: in turns, in both directions and in both modes, then both at once, with
clients of both that APPEND, STORE, COPY, MOVE and EXPUNGE at random.

At rest both have the same UIDVALIDITY, UIDs, messages, flags and keywords, and these are what the answers promised: no message
lost or twice, no UID used again, no flag of an answered STORE lost. No client is told of an EXPUNGE that nobody asked for.
Each finds the annotations that the other has set, and none is lost while both set some.

Dovecot itself misses a file now and then that is renamed while it lists, tells of an EXPUNGE and gives the message a new UID,
with nobody else in the Maildir too. Its log says so of each, and these alone are excused.

usage: beside_dovecot.py MAILDIRD SCRATCH [SECONDS [SEED]]
       (SCRATCH: an empty folder, as root; SECONDS of both at once, 30 where not said)
"""

import pathlib
import pwd
import random
import re
import shutil
import socket
import sys
import threading
import time
from collections import Counter

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "benches/maildir_table"))
from servers import Dovecot, Maildird  # noqa: E402

USER = "u0"
MAILBOXES = ["INBOX", "a", "b"]
FLAGS = [r"\Seen", r"\Flagged", r"\Answered", "$MDNSent", "work"]  # $Forwarded is P here, which Dovecot does not know
CLIENTS = 3  # of each server
ROUND = 10  # seconds between two rests
# Dovecot keeps annotations only where it is told to.
KEEPS_ANNOTATIONS = """
mail_attribute_dict = file:%h/Maildir/dovecot-attributes
protocol imap {
  imap_metadata = yes
}
"""
VALUES = [b"plain", b'a "quoted" \\ value', b"two\r\nlines\n", b"a\ttab and\x01octet 1", "gr\u00fcn".encode(), b"x" * 5000, b"", None]


class Ledger:
    """What the servers' answers promise: which messages there are, and which flags they have."""

    def __init__(self):
        self.lock = threading.Lock()
        self.there = {}  # (mailbox, UID): Message-ID
        self.asked = set()  # those that somebody has asked to remove
        self.flags = {}  # (mailbox, UID): {keyword: whether it was set last, by the one client that changes it}
        self.open = set()  # those of which no answer says whether they are there
        self.names = {}  # (mailbox, UID): Message-ID, of all that were ever there
        self.unasked = []  # EXPUNGEs that were told and nobody asked for
        self.serial = 0

    def fresh(self):
        with self.lock:
            self.serial += 1
            return f"{self.serial}@beside"

    def came(self, key, name):
        with self.lock:
            assert key not in self.names, f"{key} is used twice"
            self.names[key] = self.there[key] = name

    def claim(self, key):
        """Whether the caller is the one who removes this message."""
        with self.lock:
            if key not in self.there or key in self.asked:
                return False
            self.asked.add(key)
            return True

    def went(self, key):
        with self.lock:
            del self.there[key]

    def stored(self, key, keyword, is_set):
        with self.lock:
            self.flags.setdefault(key, {})[keyword] = is_set

    def told_gone(self, who, key):
        with self.lock:
            if key not in self.asked:
                self.unasked.append((who, key))


class Connection:
    """One session, which keeps what it was told of its mailbox."""

    def __init__(self, server, ledger):
        self.who, self.ledger = server.name, ledger
        self.socket = socket.create_connection(("127.0.0.1", server.port), timeout=60)
        self.file, self.tag, self.view, self.mailbox = self.socket.makefile("rb"), 0, [], None
        self.line()
        self.ok(f"LOGIN {USER} secret")

    def line(self):
        """One response, its literals in it."""
        whole = b""
        while True:
            line = self.file.readline()
            assert line.endswith(b"\n"), f"{self.who} ended the connection after {whole + line}"
            whole += line
            literal = re.search(rb"\{(\d+)\}\r\n$", line)
            if not literal:
                return whole.decode("utf-8", "replace").rstrip("\r\n")
            whole += self.file.read(int(literal[1]))

    def command(self, text, literal=None, rest=b""):
        """All responses; the last is the tagged one, without its tag. What follows a literal is in `rest`."""
        self.tag += 1
        tag, responses = f"t{self.tag} ", []
        size = "" if literal is None else " {%d}" % len(literal)
        self.socket.sendall(f"{tag}{text}{size}\r\n".encode())
        while True:
            line = self.line()
            if line.startswith("+"):
                self.socket.sendall(literal + rest + b"\r\n")
                continue
            if line.startswith(tag):
                return [*responses, line.removeprefix(tag)]
            responses.append(line)
            self.heard(line)

    def ok(self, text, literal=None, rest=b""):
        responses = self.command(text, literal, rest)
        assert responses[-1].startswith("OK"), f"{self.who}: {text}: {responses[-1]}"
        return responses

    def heard(self, line):
        told = re.match(r"\* (\d+) (EXISTS|EXPUNGE|FETCH)", line)
        if not told:
            return
        number = int(told[1])
        if told[2] == "EXISTS":
            assert number >= len(self.view), f"{self.who}: {line} with {len(self.view)} messages"
            self.view += [None] * (number - len(self.view))
        elif told[2] == "EXPUNGE":
            uid = self.view.pop(number - 1)
            if uid:
                self.ledger.told_gone(self.who, (self.mailbox, uid))
        elif uid := re.search(r"[( ]UID (\d+)", line):
            self.view[number - 1] = int(uid[1])

    def select(self, mailbox):
        self.view, self.mailbox = [], mailbox
        return self.ok(f"SELECT {mailbox}")

    def learn(self):
        """The UIDs of messages that were announced since."""
        while None in self.view:
            # Answered NO where some of them are gone by now.
            self.command(f"FETCH {self.view.index(None) + 1}:{len(self.view)} (UID)")
            self.ok("NOOP")

    def close(self):
        self.command("LOGOUT")
        self.socket.close()


def copied(responses):
    """What COPYUID says, of one message: its new UID."""
    for line in responses:
        if code := re.search(r"\[COPYUID \d+ \d+ (\d+)\]", line):
            return int(code[1])
    return None


class Client(threading.Thread):
    """Changes a mailbox at random until it is told to stop; keeps what went wrong."""

    def __init__(self, server, ledger, number, seed):
        super().__init__(daemon=True)
        self.server, self.ledger, self.random = server, ledger, random.Random(seed)
        self.keyword, self.stopping, self.failure = f"of{number}", threading.Event(), None
        self.deeds = 0

    def run(self):
        try:
            connection = Connection(self.server, self.ledger)
            connection.select(self.random.choice(MAILBOXES))
            while not self.stopping.is_set():
                self.deed(connection)
                self.deeds += 1
            connection.close()
        except Exception as failure:  # told by who waits for this thread
            self.failure = failure

    def deed(self, connection):
        connection.learn()
        known = [uid for uid in connection.view if (connection.mailbox, uid) in self.ledger.there]
        # Some sixty messages in each mailbox: enough to meet, few enough that each has many changes.
        deeds = [self.append, self.look] + [self.store] * 4 * bool(known)
        if known:
            deeds += [self.copy] + [self.move, self.expunge] * (2 if len(known) > 60 else 1)
        self.random.choice(deeds)(connection, self.random.choice(known) if known else None)

    def look(self, connection, _):
        if self.random.random() < 0.3:
            connection.select(self.random.choice(MAILBOXES))
        else:
            connection.ok("NOOP")

    def append(self, connection, _):
        mailbox, name = self.random.choice(MAILBOXES), self.ledger.fresh()
        text = f"Message-ID: <{name}>\r\nSubject: x\r\n\r\n" + "text\r\n" * self.random.randrange(200)
        flags = " ".join(self.random.sample(FLAGS, 2))
        answer = connection.ok(f"APPEND {mailbox} ({flags})", text.encode())[-1]
        self.ledger.came((mailbox, int(re.search(r"APPENDUID \d+ (\d+)", answer)[1])), name)

    def store(self, connection, uid):
        sign, own = self.random.choice("+-"), self.random.random() < 0.5
        flag = self.keyword if own else self.random.choice(FLAGS)
        answer = connection.command(f"UID STORE {uid} {sign}FLAGS ({flag})")[-1]
        # Somebody may have removed it meanwhile.
        if own and answer.startswith("OK"):
            self.ledger.stored((connection.mailbox, uid), flag, sign == "+")

    def copy(self, connection, uid):
        source, target = (connection.mailbox, uid), self.random.choice(MAILBOXES)
        name = self.ledger.names[source]
        if new := copied(connection.command(f"UID COPY {uid} {target}")):
            self.ledger.came((target, new), name)

    def move(self, connection, uid):
        source = (connection.mailbox, uid)
        target = self.random.choice([mailbox for mailbox in MAILBOXES if mailbox != connection.mailbox])
        name = self.ledger.names[source]
        if not self.ledger.claim(source):
            return
        responses = connection.command(f"UID MOVE {uid} {target}")
        if new := copied(responses):
            self.ledger.came((target, new), name)
            self.ledger.went(source)
        else:
            self.unsure(source, responses[-1])

    def expunge(self, connection, uid):
        source = (connection.mailbox, uid)
        if not self.ledger.claim(source):
            return
        connection.command(f"UID STORE {uid} +FLAGS.SILENT (\\Deleted)")
        answer = connection.command(f"UID EXPUNGE {uid}")[-1]
        connection.ok("NOOP")
        if uid in connection.view:
            self.unsure(source, answer)
        else:
            self.ledger.went(source)

    def unsure(self, key, answer):
        print(f"{self.server.name}: of {key} nothing is known after: {answer}", flush=True)
        self.ledger.open.add(key)


def state(server, ledger):
    """What a new client of a server finds, by mailbox: UIDVALIDITY, UIDNEXT, and each UID's Message-ID and flags."""
    connection, found = Connection(server, ledger), {}
    for mailbox in MAILBOXES:
        selected = "\n".join(connection.select(mailbox))
        validity, following = (int(re.search(rf"{what} (\d+)\]", selected)[1]) for what in ("UIDVALIDITY", "UIDNEXT"))
        messages = {}
        if connection.view:
            rows = connection.ok("UID FETCH 1:* (UID FLAGS BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])")
            for row in rows[:-1]:
                fields = [re.search(what, row) for what in (r"UID (\d+)", r"FLAGS \(([^)]*)\)", r"<(.+?)>")]
                if all(fields):
                    uid, flags, name = (field[1] for field in fields)
                    messages[int(uid)] = (name, frozenset(flags.split()) - {r"\Recent"})
            assert len(messages) == len(connection.view), f"{server.name}: {mailbox}: {rows}"
        found[mailbox] = (validity, following, messages)
    connection.close()
    return found


def difference(one, other):
    lines = []
    for mailbox in MAILBOXES:
        (*head, messages), (*other_head, others) = one[mailbox], other[mailbox]
        if head != other_head:
            lines.append(f"{mailbox}: UIDVALIDITY, UIDNEXT {head} and {other_head}")
        for uid in sorted(messages.keys() | others.keys()):
            if messages.get(uid) != others.get(uid):
                lines.append(f"{mailbox} {uid}: {messages.get(uid)} and {others.get(uid)}")
    return "\n".join(lines)


def judge(found, ledger, renumbered):
    """Whether what is there is what the answers promised. From here on the ledger has what is there."""
    there = {(mailbox, uid): name for mailbox in MAILBOXES for uid, (name, _) in found[mailbox][2].items()}
    for who, key in ledger.unasked:
        assert key in renumbered, f"{who} was told of an EXPUNGE of {key}, which nobody asked for"
    unsure = renumbered | ledger.open
    for key in ledger.there.keys() - there.keys():
        assert key in unsure, f"{key} is lost"
    # Where these are now: none of them twice, and none lost that nobody asked to remove.
    elsewhere = Counter(there[key] for key in there.keys() - ledger.there.keys())
    may_be = Counter(ledger.names[key] for key in unsure if key in ledger.names)
    must_be = Counter(ledger.names[key] for key in ledger.there.keys() & renumbered - there.keys() - ledger.asked)
    assert elsewhere <= may_be, f"messages of nobody: {elsewhere - may_be}"
    assert must_be <= elsewhere, f"messages that got a new UID are lost: {must_be - elsewhere}"
    for key, name in there.items():
        flags = found[key[0]][2][key[1]][1]
        assert ledger.names.setdefault(key, name) == name, f"{key} is {name}, and was {ledger.names[key]}"
        for keyword, is_set in ledger.flags.get(key, {}).items():
            assert (keyword in flags) == is_set, f"{key} has {set(flags)}, and {keyword} was set last: {is_set}"
    ledger.there = there
    ledger.asked -= there.keys()
    ledger.open, ledger.unasked = set(), []


class DovecotsLog:
    """What Dovecot says of messages that it gave a new UID."""

    def __init__(self, dovecot):
        self.path, self.read, self.count = dovecot.folder / "log", 0, 0

    def renumbered(self):
        """Since the last time: (mailbox, UID) of each."""
        text = self.path.read_text()[self.read:]
        self.read += len(text)
        said = [
            r"Maildir/(?:\.(\w+)/)?dovecot-uidlist: Duplicate file entry at line \d+: .* \(uid (\d+) -> (\d+)\)",
            r"Maildir(?:/\.(\w+))?: Expunged message reappeared, giving a new UID \(old uid=(\d+)(,)",
        ]
        found = [(mailbox or "INBOX", uids) for what in said for mailbox, *uids in re.findall(what, text)]
        self.count += len(found)
        # The new one too: it may be given up for another before anybody has used it.
        return {(mailbox, int(uid)) for mailbox, uids in found for uid in uids if uid.isdigit()}


def work(servers, ledger, log, seconds, seed):
    """Has clients change the mail on these servers, and gives what all of them find when these have ended."""
    clients = [
        Client(server, ledger, number, f"{seed} {number}")
        for number, server in enumerate(server for server in servers for _ in range(CLIENTS))
    ]
    for client in clients:
        client.start()
    until = time.monotonic() + seconds
    while time.monotonic() < until and not any(client.failure for client in clients):
        time.sleep(0.1)
    for client in clients:
        client.stopping.set()
    for client in clients:
        client.join(120)
        assert not client.is_alive(), f"{client.server.name}: a client waits for ever"
        if client.failure:
            raise client.failure
    time.sleep(2.5)  # longer than the grain of time stamps
    found = [state(server, ledger) for server in servers]
    for server, other in zip(servers[1:], found[1:]):
        assert found[0] == other, f"{servers[0].name} and {server.name} differ:\n{difference(found[0], other)}"
    judge(found[0], ledger, log.renumbered())
    return found[0], sum(client.deeds for client in clients)


def in_turns(servers, ledger, log, seconds, seed):
    """Each of the servers alone, one after the other: it finds what the one before left. Gives the last one's mail."""
    before = None
    for server in servers:
        with server:
            if before:
                found = state(server, ledger)
                assert found == before, f"{server.name} found something else:\n{difference(before, found)}"
            before, _ = work([server], ledger, log, seconds, f"{seed} {server.name}")
    return before


def annotate(connection, mailbox, entry, value):
    if value is None:
        connection.ok(f'SETMETADATA "{mailbox}" ({entry} NIL)')
    else:
        connection.ok(f'SETMETADATA "{mailbox}" ({entry}', value, b")")


def annotation(connection, mailbox, entry):
    responses = connection.ok(f'GETMETADATA "{mailbox}" ({entry})')
    if not (told := re.match(rf'\* METADATA \S+ \({entry} (.*)\)$', responses[0], re.DOTALL)):
        return None
    if quoted := re.fullmatch(r'"(.*)"', told[1]):
        return re.sub(r"\\(.)", r"\1", quoted[1]).encode()
    literal = re.fullmatch(r"\{(\d+)\}\r\n(.*)", told[1], re.DOTALL)
    assert literal or told[1] == "NIL", responses
    if not literal:
        return None
    assert len(value := literal[2].encode()) == int(literal[1]), responses
    return value


def found_by_both(connections, mailbox, entry, value):
    for connection in connections:
        found = annotation(connection, mailbox, entry)
        assert found == value, f"{connection.who}: {entry} of {mailbox or 'the server'} is {found}, and was set to {value}"


def annotations(servers, ledger):
    """Each finds what the other has set, changed and removed; and both lose nothing while they set some at once."""
    connections = [Connection(server, ledger) for server in servers]
    for writer, other in (connections, connections[::-1]):
        for mailbox in ("INBOX", "a", ""):
            for entry in ("/private/comment", "/shared/vendor/example/of it"):
                entry = f'"{entry}"' if " " in entry else entry
                for value in VALUES:
                    annotate(writer, mailbox, entry, value)
                    found_by_both(connections, mailbox, entry, value)
        writer.ok("CREATE short")
        annotate(writer, "short", "/shared/comment", b"of the first")
        writer.ok("RENAME short shorter")
        found_by_both(connections, "shorter", "/shared/comment", b"of the first")
        other.ok("DELETE shorter")
        writer.ok("CREATE shorter")
        found_by_both(connections, "shorter", "/shared/comment", None)
        writer.ok("DELETE shorter")
    file = servers[0].maildir(USER) / "dovecot-attributes"
    assert file.read_bytes() == b"", "all of them were removed"
    threads = [threading.Thread(target=annotate_many, args=pair, daemon=True) for pair in enumerate(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
        assert not thread.is_alive(), "a client waits for ever"
    for number in range(len(connections)):
        for entry in range(MANY):
            found_by_both(connections, "INBOX", f"/private/{number}-{entry}", b"there")
    for connection in connections:
        connection.close()


MANY = 40  # annotations, of each server


def annotate_many(number, connection):
    for entry in range(MANY):
        annotate(connection, "INBOX", f"/private/{number}-{entry}", b"there")


def main(program, scratch, seconds="30", seed=None):
    seed, scratch = seed or str(time.time_ns()), pathlib.Path(scratch)
    print(f"seed {seed}", flush=True)
    owner = pwd.getpwnam("mail")
    owner = (owner.pw_uid, owner.pw_gid)
    dovecot, shared, exclusive = Dovecot(shutil.which("dovecot"), scratch, owner), *(
        Maildird(program, scratch, owner) for _ in range(2)
    )
    exclusive.settings = ("--mode", "exclusive")
    for server in (shared, exclusive):
        # However small the mailboxes: an index is in the game.
        server.mail, server.settings = dovecot.mail, (*server.settings, "--index-from", "20")
    dovecot.more = KEEPS_ANNOTATIONS
    ledger, log = Ledger(), DovecotsLog(dovecot)
    with dovecot:
        connection = Connection(dovecot, ledger)
        for mailbox in MAILBOXES[1:]:
            connection.ok(f"CREATE {mailbox}")
        connection.close()
    before = in_turns([dovecot, shared, dovecot, exclusive, dovecot, exclusive, shared], ledger, log, 2, seed)
    print("in turns: the same mail in both directions", flush=True)
    with dovecot, shared:
        annotations([dovecot, shared], ledger)
    print("annotations: the same in both", flush=True)
    rounds, left = 0, float(seconds)
    with dovecot, shared:
        while left > 0:
            before, deeds = work([shared, dovecot], ledger, log, min(ROUND, left), f"{seed} {rounds}")
            rounds, left = rounds + 1, left - ROUND
            messages = sum(len(mailbox[2]) for mailbox in before.values())
            print(f"round {rounds}: {deeds} commands, {messages} messages, the same in both", flush=True)
    for server in (dovecot, shared):
        with server:
            assert state(server, ledger) == before, f"{server.name} finds something else after a restart"
    assert "panicked" not in (said := (shared.folder / "log").read_text()), said
    print(f"{ledger.serial} messages came, {len(ledger.names)} UIDs were given, all as it should be; "
          f"{log.count} times Dovecot says that it gave a message a new UID")


main(*sys.argv[1:])
