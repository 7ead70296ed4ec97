#!/usr/bin/env python3
"""How long a NOOP takes, there and back, of servers that are asked in turns.

    python3 benches/round_trip.py maildird=127.0.0.1:1143 dovecot=127.0.0.1:11143 --user ada --password secret

Prints the 10th percentile and the median of each, in microseconds, without and with INBOX selected. In turns, so that what else the
machine does hits all alike; on one machine, so that there is no network between.
"""

import argparse
import socket
import time

ROUNDS = 30
IN_A_ROUND = 200


class Client:
    """A connection that is logged in."""

    def __init__(self, address, user, password):
        host, port = address.rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.lines = self.socket.makefile("rb")
        self.lines.readline()
        self.command(f"LOGIN {user} {password}")

    def command(self, command):
        self.socket.sendall(f"t {command}\r\n".encode())
        while not (line := self.lines.readline()).startswith(b"t "):
            if not line:
                raise EOFError(command)
        if not line.startswith(b"t OK"):
            raise RuntimeError(f"{command}: {line!r}")


def measure(clients):
    times = {name: [] for name in clients}
    for _ in range(ROUNDS):
        for name, client in clients.items():
            for _ in range(IN_A_ROUND):
                began = time.perf_counter()
                client.command("NOOP")
                times[name].append(time.perf_counter() - began)
    for name, each in times.items():
        each.sort()
        print(f"  {name}: {each[len(each) // 10] * 1e6:.1f}, {each[len(each) // 2] * 1e6:.1f} us")


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("servers", nargs="+", metavar="NAME=HOST:PORT")
    arguments.add_argument("--user", required=True)
    arguments.add_argument("--password", required=True)
    given = arguments.parse_args()
    servers = dict(server.split("=", 1) for server in given.servers)
    clients = {name: Client(address, given.user, given.password) for name, address in servers.items()}
    print("no mailbox selected")
    measure(clients)
    for client in clients.values():
        client.command("SELECT INBOX")
    print("INBOX selected")
    measure(clients)


if __name__ == "__main__":
    main()
