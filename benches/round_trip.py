#!/usr/bin/env python3
"""How long commands about next to nothing take, there and back, of servers that are asked in turns.

    python3 benches/round_trip.py maildird=127.0.0.1:1143 dovecot=127.0.0.1:11143 --user ada --password secret

Prints the 10th percentile and the median of each, in microseconds. In turns, so that what else the machine does hits all alike; on one
machine, so that there is no network between. A name with a `+` behind it (`maildird+=HOST:PORT`) speaks through COMPRESS=DEFLATE
(RFC 4978). The messages of INBOX are asked for at random, the same of each server; STORE sets a flag and takes it away again.
"""

import argparse
import random
import socket
import time
import zlib

ROUNDS = 30
IN_A_ROUND = 200
WRITES_IN_A_ROUND = 20
CONNECTIONS_IN_A_ROUND = 3


class Client:
    """A connection that is logged in."""

    def __init__(self, address, user, password, compressed=False):
        host, port = address.rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.inflate = self.deflate = None
        self.received = b""
        self.until(b"* OK")
        self.command(f"LOGIN {user} {password}")
        if compressed:
            self.command("COMPRESS DEFLATE")
            self.inflate, self.deflate = zlib.decompressobj(-15), zlib.compressobj(wbits=-15)

    def until(self, wanted):
        """Reads until the last line that has come begins like that."""
        text = self.received
        while not (text.endswith(b"\r\n") and text[:-2].rsplit(b"\r\n", 1)[-1].startswith(wanted)):
            octets = self.socket.recv(1 << 16)
            if not octets:
                raise EOFError(text)
            text += self.inflate.decompress(octets) if self.inflate else octets
        self.received = b""
        return text

    def command(self, command):
        line = f"t7 {command}\r\n".encode()
        if self.deflate:
            line = self.deflate.compress(line) + self.deflate.flush(zlib.Z_SYNC_FLUSH)
        self.socket.sendall(line)
        text = self.until(b"t7 ")
        last = text[:-2].rsplit(b"\r\n", 1)[-1]
        if not last.startswith(b"t7 OK"):
            raise RuntimeError(f"{command}: {last!r}")
        return text


def show(title, times):
    print(title)
    for name, each in times.items():
        each.sort()
        print(f"  {name}: {each[len(each) // 10] * 1e6:.1f}, {each[len(each) // 2] * 1e6:.1f} us", flush=True)


def measure(title, clients, command, in_a_round=IN_A_ROUND):
    """Of commands that `command` makes of their number."""
    times = {name: [] for name in clients}
    for round_ in range(ROUNDS):
        for name, client in clients.items():
            for number in range(round_ * in_a_round, (round_ + 1) * in_a_round):
                line = command(number)
                began = time.perf_counter()
                client.command(line)
                times[name].append(time.perf_counter() - began)
    show(title, times)


def measure_connections(servers, user, password):
    """Of a login, and of the first SELECT behind it."""
    logins, selects = {name: [] for name in servers}, {name: [] for name in servers}
    for _ in range(ROUNDS):
        for name, address in servers.items():
            for _ in range(CONNECTIONS_IN_A_ROUND):
                began = time.perf_counter()
                client = Client(address, user, password)
                logins[name].append(time.perf_counter() - began)
                began = time.perf_counter()
                client.command("SELECT INBOX")
                selects[name].append(time.perf_counter() - began)
                client.command("LOGOUT")
                client.socket.close()
    show("connection and LOGIN", logins)
    show("SELECT INBOX of a new connection", selects)


def uids(client):
    text = client.command("UID SEARCH ALL")
    line = next(line for line in text.split(b"\r\n") if line.startswith(b"* SEARCH"))
    return [int(uid) for uid in line.split()[2:]]


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("servers", nargs="+", metavar="NAME=HOST:PORT")
    arguments.add_argument("--user", required=True)
    arguments.add_argument("--password", required=True)
    given = arguments.parse_args()
    servers = dict(server.split("=", 1) for server in given.servers)
    clients = {
        name: Client(address, given.user, given.password, name.endswith("+")) for name, address in servers.items()
    }
    measure("NOOP, no mailbox selected", clients, lambda _: "NOOP")
    for client in clients.values():
        client.command("SELECT INBOX")
    measure("NOOP, INBOX selected", clients, lambda _: "NOOP")
    known = [set(uids(client)) for client in clients.values()]
    some = sorted(set.intersection(*known))
    random.Random(7).shuffle(some)
    measure("UID FETCH of one, FLAGS", clients, lambda number: f"UID FETCH {some[number % len(some)]} (FLAGS)")
    measure("UID FETCH of one, ENVELOPE", clients, lambda number: f"UID FETCH {some[number % len(some)]} (ENVELOPE)")
    measure("UID FETCH of one, BODY.PEEK[]", clients, lambda number: f"UID FETCH {some[number % len(some)]} (BODY.PEEK[])")
    measure(
        "UID STORE of one",
        clients,
        lambda number: f"UID STORE {some[number // 2 % len(some)]} {'-' if number % 2 else '+'}FLAGS (\\Answered)",
        WRITES_IN_A_ROUND,
    )
    measure("SELECT INBOX again", clients, lambda _: "SELECT INBOX")
    measure_connections({name: at for name, at in servers.items() if not name.endswith("+")}, given.user, given.password)


if __name__ == "__main__":
    main()
