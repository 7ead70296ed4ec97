#!/usr/bin/env python3
"""What maildird's memory costs: a burst of logins, a heavy FETCH, idle connections. Linux; needs openssl.

    cargo build --release -p maildird
    python3 benches/memory.py target/release/maildird [--settle SECONDS] [--connections N] [--only idle] [--modes compressed,TLS]

Prints one line a figure. Memory is the process's PSS (/proc/PID/smaps_rollup) in KiB, times are wall seconds beside the
process's CPU seconds. "settled" is after SECONDS (default 15) without a client's command. Environment variables reach the
server, so that MALLOC_ARENA_MAX=1 or LD_PRELOAD compare allocators."""

import argparse
import base64
import os
import pathlib
import socket
import ssl
import subprocess
import tempfile
import threading
import time
import zlib

# The password of both users is "secret". This hash costs next to nothing, so that the memory of hashing does not hide
# that of a connection; what `maildird user add` makes costs 19 MiB.
CHEAP = "$argon2id$v=19$m=8,t=1,p=1$pJZ0GBjxPR9cbuMI2IFNLg$/5TI07SC1HQp6eNsz5Jz2Vq/zBveClvuB2SW8mALAKo"

LOGINS, LOGINS_AT_ONCE = 100, 20
MODES = ("plain", "TLS", "compressed", "compressed base64")
# What a client under compression says before it idles: more than it may refer back to, in either case.
COMMANDS = 40
READERS, BURSTS, SMALL, LARGE = 32, 3, 2000, 8
SMALL_SIZE, LARGE_SIZE = 20 << 10, 16 << 20


class Site:
    """A folder with users, a certificate and mail."""

    def __init__(self, program, folder):
        self.program, self.folder = program, pathlib.Path(folder)
        for part in ("cur", "new", "tmp"):
            for user in ("ada", "cheap"):
                (self.folder / user / "Maildir" / part).mkdir(parents=True, exist_ok=True)
        self.users = self.folder / "users"
        subprocess.run([program, "user", "add", "--users", self.users, "ada", "--password-stdin"],
                       input=b"secret", check=True)
        with self.users.open("a") as users:
            users.write(f"cheap:{CHEAP}\n")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                        "-subj", "/CN=localhost", "-keyout", self.folder / "key.pem", "-out", self.folder / "cert.pem"],
                       check=True, stderr=subprocess.DEVNULL)

    def deliver(self):
        line = b"The quick brown fox jumps over the lazy dog, again and again, until the line ends.\n"
        for number in range(SMALL + LARGE):
            size = SMALL_SIZE if number < SMALL else LARGE_SIZE
            text = b"From: bob@example.org\nSubject: n\n\n" + line * (size // len(line))
            (self.folder / f"cheap/Maildir/cur/17{number:08}.M1P1.test:2,S").write_bytes(text)


class Server:
    """One run of the program; its memory and its CPU time."""

    def __init__(self, site):
        self.process = subprocess.Popen(
            [site.program, "serve", "--mail-root", site.folder / "%u/Maildir", "--users", site.users,
             "--listen", "127.0.0.1:0", "--listen-tls", "127.0.0.1:0",
             "--tls-cert", site.folder / "cert.pem", "--tls-key", site.folder / "key.pem", "--log-level", "error",
             "--limit", "connections=4096", "--limit", "connections_per_address=4096"],
            stdout=subprocess.PIPE, text=True)
        ports = [int(self.process.stdout.readline().split()[2].rsplit(":", 1)[1]) for _ in range(2)]
        self.port, self.tls_port = ports
        time.sleep(0.5)

    def pss(self):
        rollup = pathlib.Path(f"/proc/{self.process.pid}/smaps_rollup").read_text()
        return next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))

    def peak(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:"))

    def cpu(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()


class Client:
    """One connection; reads each answer to its tagged line."""

    def __init__(self, port, tls=False):
        self.socket = socket.create_connection(("127.0.0.1", port))
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            self.socket = context.wrap_socket(self.socket)
        self.inflate = self.deflate = None
        self.socket.recv(4096)

    def command(self, command, until=b"t OK"):
        line = b"t " + command.encode() + b"\r\n"
        if self.deflate:
            line = self.deflate.compress(line) + self.deflate.flush(zlib.Z_SYNC_FLUSH)
        self.socket.sendall(line)
        tail = b""
        while True:
            octets = self.socket.recv(1 << 18)
            assert octets, f"closed in {command}"
            if self.inflate:
                octets = self.inflate.decompress(octets)
            tail = (tail + octets)[-8192:]  # the list of capabilities is long
            if b"\r\n" + until in b"\r\n" + tail and tail.endswith(b"\r\n"):
                return

    def compress(self):
        self.command("COMPRESS DEFLATE")
        self.inflate, self.deflate = zlib.decompressobj(-15), zlib.compressobj(wbits=-15)

    def say(self, number, mode):
        """One of the commands after which all is held that ever is: of repeated words, or of what hardly compresses."""
        text = f"word{number}-" * 300
        if mode == "compressed base64":
            text = base64.b64encode(os.urandom(1500)).decode()
        self.command("SEARCH SUBJECT " + text)

    def close(self):
        self.socket.close()


def at_once(count, work):
    threads = [threading.Thread(target=work) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def timed(server, what, work):
    began, cpu = time.monotonic(), server.cpu()
    work()
    print(f"{what}: {time.monotonic() - began:.2f} s, CPU {server.cpu() - cpu:.2f} s")


def burst_of_logins(site, settle):
    with Server(site) as server:
        print(f"start: {server.pss()}")

        def some():
            for _ in range(LOGINS // LOGINS_AT_ONCE):
                client = Client(server.port)
                client.command("LOGIN ada secret")
                client.command("LOGOUT")
                client.close()

        timed(server, f"{LOGINS_AT_ONCE} clients, {LOGINS} logins", lambda: at_once(LOGINS_AT_ONCE, some))
        print(f"peak (RSS): {server.peak()}")
        print(f"right after: {server.pss()}")
        time.sleep(settle)
        print(f"settled: {server.pss()}")


def heavy_fetch(site, settle):
    with Server(site) as server:
        first = Client(server.port)
        first.command("LOGIN cheap secret")
        first.command("SELECT INBOX")
        first.close()
        time.sleep(settle)
        print(f"start, the mailbox looked at: {server.pss()}")

        def read():
            client = Client(server.port)
            client.command("LOGIN cheap secret")
            client.command("SELECT INBOX")
            client.command("FETCH 1:* (UID FLAGS ENVELOPE BODYSTRUCTURE)")
            client.command("FETCH 1:* BODY.PEEK[]")
            client.close()

        for burst in range(1, BURSTS + 1):
            timed(server, f"{READERS} clients fetch {SMALL + LARGE} messages", lambda: at_once(READERS, read))
            print(f"peak (RSS): {server.peak()}")
            print(f"right after: {server.pss()}")
            time.sleep(settle)
            print(f"settled after burst {burst}: {server.pss()}")


def idle_connections(site, settle, connections, modes):
    steps = [("greeted", None), ("logged in", "LOGIN cheap secret"), ("selected", "SELECT INBOX"), ("idling", "IDLE")]
    for mode in modes:
        tls = mode == "TLS"
        with Server(site) as server:
            port = server.tls_port if tls else server.port
            # Someone holds the mailbox open: what it costs once is not what a connection costs.
            holder = Client(port, tls)
            holder.command("LOGIN cheap secret")
            holder.command("SELECT INBOX")
            start, clients = server.pss(), []
            for name, command in steps:
                if command is None:
                    clients = [Client(port, tls) for _ in range(connections)]
                for client in clients if command else []:
                    client.command(command, b"+ " if command == "IDLE" else b"t OK")
                if command == "SELECT INBOX" and mode.startswith("compressed"):
                    say_much(clients, mode)
                time.sleep(3)
                each = (server.pss() - start) / connections
                print(f"{mode}, {name}: {each:.1f} KiB a connection")
            print(f"peak (RSS): {server.peak()}")
            for client in clients:
                client.close()
            time.sleep(settle)
            print(f"{mode}, closed, settled: {server.pss() - start} more than before")


def say_much(clients, mode):
    """Half of the clients one after the other, and half of them in turns."""
    for client in clients:
        client.compress()
    half = len(clients) // 2
    for client in clients[:half]:
        for number in range(COMMANDS):
            client.say(number, mode)
    for number in range(COMMANDS):
        for client in clients[half:]:
            client.say(number, mode)


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("program", type=lambda path: pathlib.Path(path).resolve())
    arguments.add_argument("--settle", type=float, default=15)
    arguments.add_argument("--connections", type=int, default=200)
    arguments.add_argument("--only", choices=("logins", "idle", "fetch"))
    arguments.add_argument("--modes", default=",".join(MODES), help="of idle connections")
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        site = Site(given.program, folder)
        if given.only in (None, "logins"):
            print("-- a burst of logins")
            burst_of_logins(site, given.settle)
        if given.only in (None, "idle"):
            print("-- idle connections")
            idle_connections(site, given.settle, given.connections, given.modes.split(","))
        if given.only in (None, "fetch"):
            print("-- a heavy FETCH")
            site.deliver()
            heavy_fetch(site, given.settle)


if __name__ == "__main__":
    main()
