"""IMAP clients: one that waits for each answer, and one of many that are told."""

import asyncio
import socket
import time

PASSWORD = "secret"


class Wrong(Exception):
    """A server that did not do what it was asked."""


class Took(float):
    """Seconds, and how many the server's processors worked meanwhile: the figure to compare where others work too."""

    cpu = None

    @classmethod
    def since(cls, server, began, cpu):
        took = cls(time.perf_counter() - began)
        took.cpu = server.cpu() - cpu
        return took


class Client:
    """A connection that is logged in. `count` in `command` tells how often these octets are to come in the answer."""

    def __init__(self, server, user):
        self.server = server
        self.socket = socket.create_connection(("127.0.0.1", server.port), timeout=900)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.rest = b""
        self.line()
        self.command(f"LOGIN {user} {PASSWORD}")

    def line(self):
        while b"\r\n" not in self.rest:
            octets = self.socket.recv(1 << 16)
            if not octets:
                raise Wrong("the connection ended")
            self.rest += octets
        line, _, self.rest = self.rest.partition(b"\r\n")
        return line

    def command(self, command, counted=b"", count=None):
        """Seconds until the tagged line was there, and what came before it, if it was not counted."""
        began = time.perf_counter()
        self.socket.sendall(b"t7 " + command.encode() + b"\r\n")
        answer, seen = self.answer(counted)
        took = time.perf_counter() - began
        if not answer[-1].startswith(b"t7 OK"):
            raise Wrong(f"{command}: {answer[-1]!r}")
        if count is not None and seen != count:
            raise Wrong(f"{command}: {seen} of {count} times {counted!r}")
        return took, answer

    def answer(self, counted):
        """Reads up to the tagged line. What is counted is not kept, but for its end."""
        kept, seen = b"\r\n" + self.rest, 0
        self.rest = b""
        while not (kept.endswith(b"\r\n") and b"\r\nt7 " in kept[kept.rfind(b"\r\n", 0, -2):]):
            octets = self.socket.recv(1 << 20)
            if not octets:
                raise Wrong("the connection ended")
            kept += octets
            if counted and len(kept) > 1 << 16:
                whole = kept.rfind(b"\r\n", 0, -2)
                seen += kept.count(counted, 0, whole + 2)
                kept = kept[whole:]
        seen += kept.count(counted) if counted else 0
        return kept.strip(b"\r\n").split(b"\r\n"), seen

    def measured(self, *command):
        """The same, with the server's processor time."""
        cpu, began = self.server.cpu(), time.perf_counter()
        _, answer = self.command(*command)
        return Took.since(self.server, began, cpu), answer

    def select(self, mailbox="INBOX", exists=None):
        took, answer = self.measured(f"SELECT {mailbox}")
        found = next((int(line.split()[1]) for line in answer if line.endswith(b" EXISTS")), None)
        if exists is not None and found != exists:
            raise Wrong(f"SELECT {mailbox}: {found} messages, not {exists}")
        return took

    def until(self, told, limit=120):
        """NOOP after NOOP until a line of the answer is what is waited for."""
        began = time.perf_counter()
        while time.perf_counter() - began < limit:
            answer = self.command("NOOP")[1]
            if any(told(line) for line in answer):
                return
            time.sleep(0.001)
        raise Wrong(f"not told in {limit} s")

    def logout(self):
        self.command("LOGOUT")
        self.socket.close()


class Idler:
    """A connection in IDLE on a mailbox of its own; notes when it was told of each message."""

    def __init__(self):
        self.told = {}

    async def start(self, server, user):
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", server.port, limit=1 << 13)
        await self.reader.readline()
        for command in (f"LOGIN {user} {PASSWORD}", "SELECT INBOX"):
            self.writer.write(f"t7 {command}\r\n".encode())
            while not (line := await self.reader.readline()).startswith(b"t7 "):
                if not line:
                    raise Wrong(f"{command}: the connection ended")
            if not line.startswith(b"t7 OK"):
                raise Wrong(f"{command}: {line!r}")
        self.writer.write(b"t7 IDLE\r\n")
        if not (line := await self.reader.readline()).startswith(b"+"):
            raise Wrong(f"IDLE: {line!r}")

    async def listen(self):
        """EXISTS n tells of every message up to the n-th that nobody told of yet."""
        while line := await self.reader.readline():
            if line.endswith(b" EXISTS\r\n"):
                now = time.perf_counter()
                for number in range(len(self.told) + 1, int(line.split()[1]) + 1):
                    self.told[number] = now
