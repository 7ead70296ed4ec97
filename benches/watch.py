#!/usr/bin/env python3
"""What `imap-conform watch` costs a client: one server, asked directly and through the proxy, in turns.

    python3 benches/watch.py 127.0.0.1:1143 --user ada --password secret

The proxy is started here, and ended. Each command is sent ROUNDS times on each way; who is first changes. The medians are printed, in
milliseconds, with what the proxy takes away of the client's octets in a second, and the processor time of the proxy.
"""

import argparse
import os
import statistics
import subprocess

from commands import Client

ROUNDS = 40
COMMANDS = [
    "FETCH 1:10000 BODY.PEEK[]",
    "UID FETCH 1:* (FLAGS)",
    "FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE)",
    "UID SEARCH ALL",
]


def processor_time(pid):
    """Seconds that a process has had, of its own and in the system for it."""
    with open(f"/proc/{pid}/stat") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(command, direct, watched, proxy):
    times = {"direct": [], "watched": []}
    began = processor_time(proxy)
    for round in range(ROUNDS):
        ways = [("direct", direct), ("watched", watched)]
        for name, client in ways if round % 2 else reversed(ways):
            took, octets = client.command(command)
            times[name].append(took * 1e3)
    direct, watched = (statistics.median(each) for each in times.values())
    judged = (processor_time(proxy) - began) * 1e3 / ROUNDS
    print(
        f"{command}: {octets} octets, direct {direct:.2f} ms, watched {watched:.2f} ms, "
        f"throughput {100 * (direct / watched - 1):+.1f} %; the proxy computes {judged:.1f} ms",
        flush=True,
    )


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("server", metavar="HOST:PORT")
    arguments.add_argument("--user", required=True)
    arguments.add_argument("--password", required=True)
    arguments.add_argument("--conform", default="target/release/imap-conform")
    given = arguments.parse_args()
    command = [given.conform, "watch", "--listen", "127.0.0.1:0", "--upstream", given.server]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as proxy:
        try:
            address = proxy.stderr.readline().removeprefix("listening on ").split(",")[0]
            direct, watched = (Client(way, given.user, given.password, False) for way in (given.server, address))
            for command in COMMANDS:
                measure(command, direct, watched, proxy.pid)
        finally:
            proxy.terminate()


if __name__ == "__main__":
    main()
