#!/usr/bin/env python3
"""What `imap-conform watch` costs clients: one server, asked directly, through a relay that does nothing (`socat`), and through the
proxy, in turns.

    python3 benches/watch.py 127.0.0.1:1143 --user ada --password secret

Relay and proxy are started here, and ended. First each command alone, ROUNDS times on each way; who is first changes. A command that is
short is sent many times in a row, one after the other. Then CLIENTS clients at once, each with short commands. The medians are printed:
what a command takes, what the two take away of the commands in a second, and the processor time of the proxy for a command.
"""

import argparse
import contextlib
import multiprocessing
import os
import socket
import statistics
import subprocess
import time

from commands import Client

ROUNDS = 40
CLIENTS = 4
WAYS = ("direct", "relay", "watch")
# How often in a row.
COMMANDS = [
    ("NOOP", 200),
    ("UID FETCH 1 (FLAGS)", 200),
    ("FETCH 100 BODY.PEEK[]", 200),
    ("UID SEARCH ALL", 10),
    ("FETCH 1:10000 BODY.PEEK[]", 1),
    ("UID FETCH 1:* (FLAGS)", 1),
    ("FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE)", 1),
]
SHORT = COMMANDS[:3]


def processor_time(pid):
    """Seconds that a process has had, of its own and in the system for it."""
    with open(f"/proc/{pid}/stat") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def in_turns(turn):
    """What a turn took on each way, the median."""
    times = {way: [] for way in WAYS}
    for round in range(ROUNDS):
        for at in range(len(WAYS)):
            way = WAYS[(round + at) % len(WAYS)]
            times[way].append(turn(way))
    return {way: statistics.median(each) for way, each in times.items()}


def report(what, medians, computes):
    """Medians in seconds for a command."""
    direct, relay, watch = (medians[way] for way in WAYS)
    print(
        f"{what}: direct {direct * 1e3:.3f} ms, relay {relay * 1e3:.3f} ms, watch {watch * 1e3:.3f} ms; throughput "
        f"relay {100 * (direct / relay - 1):+.1f} %, watch {100 * (direct / watch - 1):+.1f} %, "
        f"watch beside relay {100 * (relay / watch - 1):+.1f} %; the proxy computes {computes * 1e3:.3f} ms",
        flush=True,
    )


def alone(clients, proxy, command, times):
    octets = 0

    def turn(way):
        nonlocal octets
        began = time.perf_counter()
        for _ in range(times):
            _, octets = clients[way].command(command)
        return (time.perf_counter() - began) / times

    began = processor_time(proxy)
    medians = in_turns(turn)
    report(f"{command}, {octets} octets", medians, (processor_time(proxy) - began) / ROUNDS / times)


def client_of_many(ways, user, password, orders, done):
    """Does what it is told, on the way that it is told."""
    clients = {way: Client(address, user, password, False) for way, address in ways.items()}
    done.put(None)
    while order := orders.get():
        way, command, times = order
        for _ in range(times):
            clients[way].command(command)
        done.put(None)


def at_once(ways, given, proxy):
    done = multiprocessing.Queue()
    orders = [multiprocessing.Queue() for _ in range(CLIENTS)]
    arguments = [(ways, given.user, given.password, each, done) for each in orders]
    processes = [multiprocessing.Process(target=client_of_many, args=each) for each in arguments]

    def everybody(order):
        for each in orders:
            each.put(order)
        if order:
            for _ in orders:
                done.get(timeout=60)

    for process in processes:
        process.start()
    for _ in processes:
        done.get(timeout=60)
    for command, times in SHORT:

        def turn(way):
            began = time.perf_counter()
            everybody((way, command, times))
            return (time.perf_counter() - began) / times / CLIENTS

        began = processor_time(proxy)
        medians = in_turns(turn)
        report(f"{CLIENTS} clients, {command}", medians, (processor_time(proxy) - began) / ROUNDS / times / CLIENTS)
    everybody(None)
    for process in processes:
        process.join()


@contextlib.contextmanager
def relay(server):
    """Where `socat` listens, which passes on what it reads."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    listen = f"TCP-LISTEN:{port},bind=127.0.0.1,reuseaddr,fork,nodelay"
    with subprocess.Popen(["socat", "-b", "65536", listen, f"TCP:{server},nodelay"]) as process:
        try:
            address = f"127.0.0.1:{port}"
            while True:
                with contextlib.suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port)):
                    break
                time.sleep(0.05)
            yield address
        finally:
            process.terminate()


@contextlib.contextmanager
def watch(program, server):
    """Where the proxy listens, and its process."""
    command = [program, "watch", "--listen", "127.0.0.1:0", "--upstream", server]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process.stderr.readline().removeprefix("listening on ").split(",")[0], process.pid
        finally:
            process.terminate()


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("server", metavar="HOST:PORT")
    arguments.add_argument("--user", required=True)
    arguments.add_argument("--password", required=True)
    arguments.add_argument("--conform", default="target/release/imap-conform")
    given = arguments.parse_args()
    with relay(given.server) as relayed, watch(given.conform, given.server) as (watched, proxy):
        ways = dict(zip(WAYS, (given.server, relayed, watched)))
        clients = {way: Client(address, given.user, given.password, False) for way, address in ways.items()}
        for command, times in COMMANDS:
            alone(clients, proxy, command, times)
        at_once(ways, given, proxy)


if __name__ == "__main__":
    main()
