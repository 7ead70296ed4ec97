#!/usr/bin/env python3
"""What commands over a large INBOX take, of servers that are asked in turns, and what of it COMPRESS changes.

    python3 benches/commands.py maildird=127.0.0.1:1143 dovecot=127.0.0.1:11143 --user ada --password secret

Each command is sent ROUNDS times to each server, in turns; the first time and the best of the others are printed, in milliseconds,
and the octets that came over the wire. A name with a `+` behind it (`maildird+=HOST:PORT`) speaks through COMPRESS=DEFLATE (RFC 4978).
"""

import argparse
import socket
import time
import zlib

ROUNDS = 4
COMMANDS = [
    "SORT (DATE) UTF-8 ALL",
    "SORT (SUBJECT) UTF-8 ALL",
    "SORT (REVERSE ARRIVAL FROM) UTF-8 ALL",
    "THREAD ORDEREDSUBJECT UTF-8 ALL",
    "THREAD REFERENCES UTF-8 ALL",
    "UID FETCH 1:* (FLAGS)",
    "FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE)",
    "FETCH 1:* BODYSTRUCTURE",
    "FETCH 1:10000 BODY.PEEK[]",
]


class Client:
    """A connection that is logged in, with INBOX selected."""

    def __init__(self, address, user, password, compressed):
        host, port = address.rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.inflate = self.deflate = None
        self.octets = 0
        self.receive(b"* OK")
        self.command(f"LOGIN {user} {password}")
        if compressed:
            self.command("COMPRESS DEFLATE")
            self.inflate, self.deflate = zlib.decompressobj(-15), zlib.compressobj(wbits=-15)
        self.command("SELECT INBOX")

    def receive(self, wanted):
        """Reads until a line begins like that at the end of what has come."""
        end = b""
        while True:
            octets = self.socket.recv(1 << 18)
            if not octets:
                raise EOFError(end)
            self.octets += len(octets)
            if self.inflate:
                octets = self.inflate.decompress(octets)
            end = (end + octets)[-4096:]
            last = end[: -2].rsplit(b"\r\n", 1)[-1]
            if end.endswith(b"\r\n") and last.startswith(wanted):
                return last

    def command(self, command):
        line = f"t7 {command}\r\n".encode()
        if self.deflate:
            line = self.deflate.compress(line) + self.deflate.flush(zlib.Z_SYNC_FLUSH)
        self.octets = 0
        began = time.perf_counter()
        self.socket.sendall(line)
        answer = self.receive(b"t7 ")
        took = time.perf_counter() - began
        if not answer.startswith(b"t7 OK"):
            raise RuntimeError(f"{command}: {answer!r}")
        return took, self.octets


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("servers", nargs="+", metavar="NAME=HOST:PORT")
    arguments.add_argument("--user", required=True)
    arguments.add_argument("--password", required=True)
    given = arguments.parse_args()
    clients = {}
    for server in given.servers:
        name, address = server.split("=", 1)
        clients[name] = Client(address, given.user, given.password, name.endswith("+"))
    for command in COMMANDS:
        times = {name: [] for name in clients}
        octets = {}
        for _ in range(ROUNDS):
            for name, client in clients.items():
                took, octets[name] = client.command(command)
                times[name].append(took * 1e3)
        print(command)
        for name, each in times.items():
            print(f"  {name:12} first {each[0]:9.1f} ms, again {min(each[1:]):9.1f} ms, {octets[name]:>10} octets", flush=True)


if __name__ == "__main__":
    main()
