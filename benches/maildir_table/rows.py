"""What is measured. A row yields a figure's name and its value: seconds, KiB, messages a second."""

import os
import select
import statistics
import threading
import time

import idle
import mail
from client import Client, Took, Wrong

ENVELOPE = "FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE)"
FETCHED = b" FETCH ("
EXPUNGED = b" EXPUNGE\r\n"


def opened(server, user, exists):
    client = Client(server, user)
    return client, client.select(exists=exists)


def indexed(place, server, user, count):
    """The mailbox was opened and every message looked at before: whatever the server keeps, it has. It is stopped then. How many
    messages there are."""
    there = place.mailbox(server, user, count)
    with server:
        client, _ = opened(server, user, there)
        client.command("UID SEARCH UNSEEN")
        client.logout()
        server.settle()
    return there


# -- the large mailbox

def first(place, server):
    count = place.without_index(server, "big", place.given.large)
    with server:
        client, took = opened(server, "big", count)
        yield "open", took
        yield "peak", server.peak()
        client.logout()


def again(place, server):
    count = indexed(place, server, "big", place.given.large)
    with server:
        client, took = opened(server, "big", count)
        yield "open", took
        yield "peak", server.peak()
        client.logout()


def rename(maildir):
    """Another program marks a message as seen, or no longer."""
    with os.scandir(maildir / "cur") as entries:
        entry = next(entry for entry in entries if ":2," in entry.name)
    base, flags = entry.name.split(":2,")
    flags = flags.replace("S", "") if "S" in flags else flags + "S"
    began = time.perf_counter()
    os.rename(entry.path, maildir / "cur" / f"{base}:2,{flags}")
    return began


def told(place, server):
    """The time until a session's NOOP tells: what another program does, to a session that looks again and again."""
    count = indexed(place, server, "big", place.given.large)
    maildir = server.maildir("big")
    with server:
        client, _ = opened(server, "big", count)
        server.settle()
        cpu, began = server.cpu(), rename(maildir)
        client.until(lambda line: FETCHED in line)
        yield "rename", Took.since(server, began, cpu)
        server.settle()
        cpu, began = server.cpu(), place.deliver(server, "big", mail.message(1), "told")
        client.until(lambda line: line.endswith(b" EXISTS"))
        yield "delivery", Took.since(server, began, cpu)
        yield "peak", server.peak()
        client.logout()


class Bystander(threading.Thread):
    """Another user's NOOPs, every few milliseconds, and the longest of them."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.client, self.longest, self.over = Client(server, "other"), 0.0, threading.Event()
        self.client.select()

    def run(self):
        while not self.over.wait(0.005):
            self.longest = max(self.longest, self.client.command("NOOP")[0])

    def stop(self):
        self.over.set()
        self.join()
        self.client.logout()


def restart(place, server):
    """A rename and a delivery while the server was not running, seen by the first SELECT; another user goes on."""
    count = indexed(place, server, "big", place.given.large)
    place.mailbox(server, "other", 100)
    rename(server.maildir("big"))
    place.deliver(server, "big", mail.message(1), "restart")
    with server:
        other = Bystander(server)
        other.start()
        client, took = opened(server, "big", count + 1)
        yield "open", took
        other.stop()
        yield "other", other.longest
        yield "peak", server.peak()
        client.logout()


def flags(place, server):
    """Two sessions ask for all flags at the same time."""
    count = indexed(place, server, "big", place.given.large)
    with server:
        clients = [opened(server, "big", count)[0] for _ in range(2)]
        failed = []

        def ask(client):
            try:
                client.command("FETCH 1:* (FLAGS)", FETCHED, count)
            except Wrong as wrong:
                failed.append(wrong)

        threads = [threading.Thread(target=ask, args=[client]) for client in clients]
        cpu, began = server.cpu(), time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if failed:
            raise failed[0]
        yield "both", Took.since(server, began, cpu)
        yield "peak", server.peak()
        yield "resident", server.resident()
        for client in clients:
            client.logout()


# -- the middle mailbox

def reselect(place, server):
    """A new connection each time, nobody there in between."""
    count = place.given.count
    indexed(place, server, "mid", count)
    with server:
        opened(server, "mid", count)[0].logout()
        server.settle()
        times = []
        for _ in range(9):
            client, took = opened(server, "mid", count)
            times.append(took)
            client.logout()
            time.sleep(0.3)
        yield "select", statistics.median(times)


def envelope(place, server):
    count = place.given.count
    place.without_index(server, "mid", count)
    for figure in ("cold", "indexed", "warm"):
        if figure != "warm" and not place.forget_caches():
            continue
        with server:
            client, _ = opened(server, "mid", count)
            yield figure, client.measured(ENVELOPE, FETCHED, count)[0]
            client.logout()
            server.settle()


def structure(place, server):
    count = place.given.count
    place.without_index(server, "mid", count)
    with server:
        client, _ = opened(server, "mid", count)
        for figure in ("first", "again"):
            yield figure, client.measured("FETCH 1:* (UID BODYSTRUCTURE)", FETCHED, count)[0]
        client.logout()


def search(place, server):
    """Each search twice: the first one may fill an index, or have one filled, that the second one has."""
    count = place.given.count
    place.without_index(server, "mid", count)
    with server:
        client, _ = opened(server, "mid", count)
        server.settle()
        for key, needle in (("FROM", mail.FROM), ("SUBJECT", mail.SUBJECT), ("BODY", mail.BODY), ("TEXT", mail.BODY)):
            for figure in ("first", "again"):
                took, answer = client.measured(f'UID SEARCH {key} "{needle}"')
                found = sum(len(line.split()) - 2 for line in answer if line.startswith(b"* SEARCH"))
                if found != count // 100:
                    raise Wrong(f"SEARCH {key}: {found} of {count // 100}")
                yield f"{key.lower()} {figure}", took
                server.settle()
        client.logout()


def store(place, server):
    count = place.given.count
    place.spoil(server, "mid")
    indexed(place, server, "mid", count)
    place.spoil(server, "mid")
    copied = min(count, 10_000)
    doomed = range(10, count + 1, 10)
    with server:
        client, _ = opened(server, "mid", count)
        yield "store", client.measured(r"STORE 1:* +FLAGS (\Seen)", FETCHED, count)[0]
        client.command("CREATE copies")
        yield "copy", client.measured(f"COPY 1:{copied} copies")[0]
        for at in range(0, len(doomed), 1000):
            numbers = ",".join(map(str, doomed[at:at + 1000]))
            client.command(rf"STORE {numbers} +FLAGS.SILENT (\Deleted)")
        yield "expunge", client.measured("EXPUNGE", EXPUNGED, len(doomed))[0]
        client.select("copies", copied)
        client.logout()


# -- many clients

class Appender:
    """One of several clients that are served by one loop, as threads would wait for each other more than for the server."""

    def __init__(self, server, user, mailbox, share):
        self.client, self.mailbox, self.left = Client(server, user), mailbox, share
        self.socket = self.client.socket

    def begin(self):
        self.octets = mail.message(self.left).replace(b"\n", b"\r\n")
        self.socket.sendall(b"t7 APPEND %s {%d}\r\n" % (self.mailbox, len(self.octets)))

    def go_on(self):
        """Takes what came; true once its last message was stored."""
        came = self.socket.recv(1 << 16)
        while not came.endswith(b"\r\n"):
            came += self.socket.recv(1 << 16)
        if came.startswith(b"+"):
            self.socket.sendall(self.octets + b"\r\n")
        elif b"t7 OK" in came:
            self.left -= 1
            if self.left == 0:
                return True
            self.begin()
        elif b"t7 " in came or not came:
            raise Wrong(f"APPEND: {came!r}")
        return False


def appended(clients):
    """The messages a second of all of them together."""
    total = sum(client.left for client in clients)
    waiting = {client.socket.fileno(): client for client in clients}
    poll = select.epoll()
    for number in waiting:
        poll.register(number, select.EPOLLIN)
    began = time.perf_counter()
    for client in clients:
        client.begin()
    while waiting:
        for number, _ in poll.poll(60):
            if waiting[number].go_on():
                poll.unregister(number)
                del waiting[number]
    took = time.perf_counter() - began
    for client in clients:
        client.client.logout()
    return total / took


def append(place, server):
    total = place.given.appends
    for figure, clients, own in (("one", 1, False), ("ten", 10, False), ("own", 10, True)):
        users = [f"u{number}" if own else "other" for number in range(clients)]
        for user in set(users):
            place.spoil(server, user)
            place.mailbox(server, user, 0)
        share = total // clients
        with server:
            yield figure, appended([Appender(server, user, b"INBOX", share) for user in users])
            client = Client(server, users[0])
            client.select(exists=share if own else share * clients)
            client.logout()
        for user in set(users):
            place.spoil(server, user)


def idling(place, server):
    return idle.measure(place, server)


ROWS = {
    "first": first, "again": again, "told": told, "restart": restart, "flags": flags, "select": reselect,
    "envelope": envelope, "structure": structure, "search": search, "append": append, "store": store, "idle": idling,
}
