"""The tests and examples that client crates have themselves, against imap-test-server: python run.py PROGRAM

Fails where one of them fails. docs/testing-a-client.md says what is left out.
"""

import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time

import packages
import smtp

LIMIT = 120  # seconds: what takes longer hangs
MESSAGES = ["From: Ann <ann@example.org>\r\nSubject: one\r\n\r\nHello\r\n", "Subject: two\r\n\r\nBye\r\n"]
# What the examples log in with.
ACCOUNTS = [
    "joe:secret",
    "user:pass",
    "alice:password",
    "Al¹cE:pa²²w0rd",
    "me@example.com:password",
    "sombody@gmail.com:<access_token>",
    "test@pimalaya.org:P!malaya-test-2026",
]


class Server:
    """The test server, and its input."""

    def __init__(self, program, folder, accounts, encryption):
        self.certificate = str(folder / f"server{encryption}.pem")
        options = [word for account in accounts for word in ("--account", account)]
        command = [program, *options, encryption, "--certificate", self.certificate]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8")
        self.port = int(self.process.stdout.readline().split(":")[-1])
        self.folder, self.one_by_one = folder, threading.Lock()

    def obey(self, line):
        with self.one_by_one:
            self.process.stdin.write(line + "\n")
            self.process.stdin.flush()
            return self.process.stdout.readline()

    def tells(self, text):
        """Waits until a client was told this. The server itself waits for ten seconds."""
        if not any(self.obey(f"told {text}").startswith("ok") for _ in range(LIMIT // 10)):
            sys.exit(f"nobody was told {text!r}")

    def deliver(self, account, message):
        with tempfile.NamedTemporaryFile(dir=self.folder) as file:
            file.write(message)
            file.flush()
            answer = self.obey(f"deliver {account} INBOX {file.name}")
            if not answer.startswith("ok"):
                sys.exit(f"{account}: {answer}")

    def close(self):
        self.process.stdin.close()
        self.process.wait()


class Suites:
    def __init__(self, folder, environment):
        self.folder, self.environment, self.programs, self.tests, self.examples = folder, environment, {}, 0, 0

    def build(self, *words):
        """Builds tests and examples; what was built before is not known any more: examples of two packages have one name."""
        command = ["cargo", "build", "--locked", "--message-format", "json-render-diagnostics", *words]
        built = subprocess.run(command, cwd=self.folder, check=True, stdout=subprocess.PIPE).stdout
        artifacts = [json.loads(line) for line in built.splitlines()]
        self.programs = {built["target"]["name"]: built["executable"] for built in artifacts if built.get("executable")}

    def test(self, name, passes, without=(), **environment):
        """Runs a file of tests, those too that it ignores by itself, but not those `without`; so many have to pass."""
        skip = [word for name in without for word in ("--skip", name)]
        command = [self.programs[name], "--include-ignored", *skip]
        environment = self.environment | environment
        ran = subprocess.run(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=LIMIT
        )
        passed = sum(map(int, re.findall(r"^test result: \w+\. (\d+) passed", ran.stdout, re.M)))
        if ran.returncode or passed != passes:
            sys.exit(f"{ran.stdout}\n{name}: {passed} passed, {passes} should")
        self.tests += passed
        print(f"  {name}: {passed} tests passed", flush=True)

    def example(self, name, *arguments, says="", then=None, endless=False, **environment):
        """Runs an example, which has to say something and to end well, if it ends. Meanwhile `then` is done with it."""
        output, command = self.folder / "output", [self.programs[name], *arguments]
        environment = self.environment | environment
        with output.open("w") as out:
            process = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=out)

        def said():
            return re.search(says, output.read_text(), re.DOTALL)

        limit = threading.Timer(LIMIT, process.kill)
        limit.start()
        try:
            if then:
                then(process)
            while endless and process.poll() is None and not said():
                time.sleep(0.05)
            if endless:
                process.kill()
            code = process.wait()
        finally:
            limit.cancel()
            process.kill()
        if not said() or code != (-signal.SIGKILL if endless else 0):
            sys.exit(f"{output.read_text()}\nexample {name}: ended with {code}, or did not say {says!r}")
        self.examples += 1
        print(f"  example {name} did its work", flush=True)


def imap(suites, connects_to, plain, tls):
    """Examples that both versions of `imap` have; two of them connect to the server that is named in packages.py."""
    account = {"IMAP_HOST": "localhost", "IMAP_USERNAME": "joe", "IMAP_USER": "joe", "IMAP_PASSWORD": "secret"}
    suites.example("basic", SSL_CERT_FILE=connects_to.certificate)
    suites.example("gmail_oauth2", says="Fetch", SSL_CERT_FILE=connects_to.certificate)
    suites.example("starttls", IMAP_PORT=str(plain.port), SSL_CERT_FILE=plain.certificate, **account)
    suites.example("timeout", IMAP_SERVER="localhost", IMAP_TIMEOUT="60", IMAP_PORT=str(tls.port), **account)


def imap_alpha(suites, plain):
    """Examples that version 3 has alone."""
    suites.example("plaintext", says="Connection successful!.*Subject: one")

    def arrive(_):
        plain.tells("+ idling")
        plain.deliver("joe", b"Subject: new\r\n\r\n")

    options = {"server": "localhost", "port": str(plain.port), "username": "joe", "password": "secret", "max-responses": "2"}
    words = [word for name, value in options.items() for word in (f"--{name}", value)]
    says = r"#1: Exists\(3\).*#2: Recent.*IDLE finished normally"
    suites.example("idle", *words, says=says, then=arrive, SSL_CERT_FILE=plain.certificate)


def io_imap(suites, plain, tls):
    account = {"HOST": "localhost", "PORT": str(tls.port), "LOGIN": "joe", "PASSWORD": "secret"}
    for name in ("std_client_light", "std_coroutine", "tokio_coroutine"):
        suites.example(name, says="QResync", **account)
    behind_tls, without_tls = (f"{scheme}://localhost:{server.port}" for scheme, server in (("imaps", tls), ("imap", plain)))
    suites.example("std_client_full", says="QResync", URL=behind_tls)
    suites.example("tokio_session", says="Inbox", URL=behind_tls, **account)
    suites.example("tokio_session", says="Inbox", URL=without_tls, **account)
    suites.example("tokio_session", says="Inbox", URL=without_tls, STARTTLS="1", SSL_CERT_FILE=plain.certificate, **account)
    body = suites.folder / "body.eml"
    suites.example("tokio_fetch_stream", says="wrote the body of UID 1", UID="1", OUT=str(body), **account)
    if body.read_bytes().decode() != MESSAGES[0]:
        sys.exit("tokio_fetch_stream wrote something else")

    def arrive(process):
        tls.tells("+ idling")
        tls.deliver("alice", b"Subject: new\r\n\r\n")
        tls.tells("+ idling")  # it has seen the message, and waits again
        process.send_signal(signal.SIGINT)

    account |= {"LOGIN": "alice", "PASSWORD": "password"}
    suites.example("tokio_watch", says="watcher wound down", then=arrive, **account)


def imap_next(suites):
    for name in ("client", "client_std"):
        suites.example(name, says="command sent.*logged in", endless=True)
    suites.example("client_authenticate", says="AuthenticateStatusReceived.*logged in")


def test_imap_2(suites, plain, tls):
    print("imap 2.4.1", flush=True)
    suites.build("-p", "imap-2", "--examples", "--test", "imap_integration")
    suites.test("imap_integration", passes=10, without=["list"])
    imap(suites, tls, plain, tls)


def test_the_others(suites, plain, tls, mail):
    print("imap 3, io-imap, imap-next", flush=True)
    members = [word for name in ("imap", "io-imap", "imap-next") for word in ("-p", name)]
    tests = [word for name in ("*_integration", "stalwart", "fastmail", "gmail") for word in ("--test", name)]
    suites.build(*members, "--features", "imap/test-full-imap,imap-next/tag_generator", "--examples", *tests)
    ports = {"TEST_IMAP_PORT": str(plain.port), "TEST_IMAPS_PORT": str(tls.port), "TEST_SMTPS_PORT": str(mail.port)}
    suites.test("builder_integration", passes=6, **ports)
    suites.test("imap_integration", passes=14, without=["acl_tests", "quota"], **ports)
    suites.test("stalwart", passes=1)
    account = {"EMAIL": "test@pimalaya.org", "APP_PASSWORD": "P!malaya-test-2026"}
    for provider in ("fastmail", "gmail"):
        suites.test(provider, passes=1, **{f"{provider.upper()}_{name}": value for name, value in account.items()})
    imap(suites, plain, plain, tls)
    imap_alpha(suites, plain)
    io_imap(suites, plain, tls)
    imap_next(suites)


def main():
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        workspace = folder / "workspace"
        packages.copy(workspace)
        tests = "".join(file.read_text() for file in workspace.glob("imap-*/tests/*.rs"))
        accounts = [*ACCOUNTS, *(f"{name}:{name}" for name in sorted(set(re.findall(r'"([\w-]+@localhost)"', tests))))]
        plain, tls = (Server(sys.argv[1], folder, accounts, encryption) for encryption in ("--starttls", "--tls"))
        mail = smtp.Submission(folder, tls.deliver)
        threading.Thread(target=mail.serve_forever, daemon=True).start()
        packages.change(workspace, plain.port, tls.port, mail.port)
        # The tests begin with empty mailboxes; the examples find messages in theirs.
        for server in (plain, tls):
            for account in ("joe", "user", "alice", "me@example.com", "sombody@gmail.com"):
                for message in MESSAGES:
                    server.deliver(account, message.encode())
        suites = Suites(workspace, os.environ | {"SSL_CERT_FILE": tls.certificate})
        test_imap_2(suites, plain, tls)
        test_the_others(suites, plain, tls, mail)
        for server in (plain, tls):
            server.close()
    print(f"{suites.tests} tests passed, {suites.examples} examples ran")


if __name__ == "__main__":
    main()
