"""Python's imaplib against imap-test-server.

The program is looked for in PATH, or named by IMAP_TEST_SERVER.
"""

import imaplib
import os
import subprocess
import tempfile
import unittest


class Server:
    """The server in a process of its own; it ends with the block."""

    def __init__(self, *arguments):
        program = os.environ.get("IMAP_TEST_SERVER", "imap-test-server")
        self.process = subprocess.Popen(
            [program, "--port", "0", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        address = self.process.stdout.readline().split()[-1]
        self.host, port = address.split(":")
        self.port = int(port)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()

    def do(self, line):
        """Gives a line to the server; returns what it answers behind `ok`."""
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        answer, _, rest = self.process.stdout.readline().strip().partition(" ")
        if answer != "ok":
            raise RuntimeError(f"{line}: {rest}")
        return rest


class Examples(unittest.TestCase):
    def test_a_seeded_message_is_fetched(self):
        with tempfile.TemporaryDirectory() as folder:
            with open(os.path.join(folder, "1,S.eml"), "w") as message:
                message.write("Subject: one\n\nHello\n")
            with Server("--seed", folder) as server, imaplib.IMAP4(server.host, server.port) as client:
                client.login("joe", "secret")
                self.assertEqual(client.select("INBOX"), ("OK", [b"1"]))
                _, answer = client.fetch("1", "(FLAGS BODY.PEEK[])")
                self.assertEqual(answer[0][1], b"Subject: one\r\n\r\nHello\r\n")
                self.assertIn(b"\\Seen", answer[0][0])

    def test_a_delivery_from_outside_is_told(self):
        with Server() as server, imaplib.IMAP4(server.host, server.port) as client:
            client.login("joe", "secret")
            client.select("INBOX")
            with tempfile.NamedTemporaryFile("w", suffix=".eml") as message:
                message.write("Subject: two\n\nHello\n")
                message.flush()
                self.assertEqual(server.do(f"deliver joe INBOX {message.name}"), "1")
            client.noop()
            self.assertEqual(client.response("EXISTS")[1][-1], b"1")

    def test_a_full_mailbox_and_a_lost_connection(self):
        with Server() as server:
            client = imaplib.IMAP4(server.host, server.port)
            client.login("joe", "secret")
            server.do("fault APPEND answer NO [OVERQUOTA] full")
            answer, _ = client.append("INBOX", None, None, b"Subject: three\r\n\r\n")
            self.assertEqual(answer, "NO")
            server.do("fault NOOP disconnect")
            with self.assertRaises(imaplib.IMAP4.abort):
                client.noop()
            client.shutdown()


if __name__ == "__main__":
    unittest.main()
