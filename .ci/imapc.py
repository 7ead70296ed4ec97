"""A maildird or a sqlmaild as the mail storage of Dovecot (imapc, Debian's dovecot-imapd): dsync copies it into a Maildir, and takes
changes both ways afterwards. Mailboxes, flags and octets have to be the same on both sides. As root.

usage: imapc.py maildird|sqlmaild PROGRAM SCRATCH      (SCRATCH: an empty folder, which others may enter)
"""

import hashlib
import imaplib
import os
import pathlib
import re
import subprocess
import sys

NAMES = ["INBOX", "Work", "Entw&APw-rfe", "&ZeVnLIqe-", "a &- b", 'quo"te']
PLAIN = b"From: a@b.example\r\nSubject: plain\r\nMessage-ID: <%d@x.example>\r\n\r\nhello %d\r\n"
ODD = [
    b"Subject: no body\r\n\r\n",
    b"no header at all",
    b"Subject: raw \xe4 8bit\r\n\r\nno line end",
    b"Subject: big\r\n\r\n" + (b"x" * 76 + b"\r\n") * 20000,
    b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: i\r\n\r\nx\r\n--b--\r\n',
]
SETTINGS = """base_dir = {home}
state_dir = {home}
mail_home = {home}
mail_location = maildir:~/Maildir
log_path = /dev/stderr
ssl = no
imapc_host = 127.0.0.1
imapc_port = {port}
imapc_user = alice
imapc_password = secret
imapc_list_prefix =
imapc_features = rfc822.size fetch-headers modseq delay-login fetch-bodystructure
namespace inbox {{
  inbox = yes
  separator = /
}}
"""


def server(act, kind, program, scratch):
    script = pathlib.Path(__file__).with_name("server")
    subprocess.run(["bash", script, act, scratch, kind], env={**os.environ, kind.upper(): str(program)}, check=True)


def quoted(name):
    return '"' + name.replace('"', '\\"') + '"'


def ok(answer):
    assert answer[0] == "OK", answer
    return answer[1]


def seed(imap):
    for name in NAMES:
        if name != "INBOX":
            ok(imap.create(quoted(name)))
        for number in range(10):
            ok(imap.append(quoted(name), [None, r"\Seen", r"(\Flagged $Forwarded)"][number % 3], None, PLAIN % (number, number)))
    for message in ODD:
        ok(imap.append("INBOX", None, None, message))


def on_the_server(imap):
    """The mailboxes: flags and octets of each message."""
    mailboxes = {}
    for name in NAMES:
        ok(imap.select(quoted(name), readonly=True))
        rows = []
        for row in ok(imap.uid("FETCH", "1:*", "(FLAGS BODY.PEEK[])")):
            if isinstance(row, tuple):
                flags = re.search(rb"FLAGS \(([^)]*)\)", row[0])[1].decode().split()
                rows.append((sorted(set(flags) - {r"\Recent"}), hashlib.sha256(row[1]).hexdigest()))
        mailboxes[name] = sorted(rows)
    return mailboxes


class Dovecot:
    """doveadm on a Maildir of its own, as a user that is not root, which Dovecot refuses."""

    def __init__(self, scratch, port):
        home = scratch / "home"
        home.mkdir()
        self.settings = scratch / "dovecot.conf"
        self.settings.write_text(SETTINGS.format(home=home, port=port))
        subprocess.run(["chown", "mail", home], check=True)
        self.environment = {**os.environ, "HOME": str(home), "USER": "alice"}

    def __call__(self, *arguments):
        user = ["setpriv", "--reuid=mail", "--regid=mail", "--clear-groups"]
        done = subprocess.run(
            [*user, "doveadm", "-c", self.settings, *arguments], env=self.environment, capture_output=True, timeout=60
        )
        assert done.returncode == 0 and not re.search(rb"Error|Warning|Fatal|Panic", done.stderr), (arguments, done.stderr)
        return done.stdout

    def mailboxes(self):
        mailboxes = {}
        for name in NAMES:
            decoded = {"Entw&APw-rfe": "Entw\u00fcrfe", "&ZeVnLIqe-": "\u65e5\u672c\u8a9e", "a &- b": "a & b"}.get(name, name)
            rows = []
            fetched = self("fetch", "flags text", "mailbox", decoded, "all")
            for record in re.sub(rb"\f\n?\Z", b"", fetched).split(b"\f\n"):
                flags, text = re.fullmatch(rb"flags: ([^\n]*)\ntext:\n(.*)", record, re.DOTALL).groups()
                octets = text.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
                rows.append((sorted(set(flags.decode().split()) - {r"\Recent"}), hashlib.sha256(octets).hexdigest()))
            mailboxes[name] = sorted(rows)
        return mailboxes


def main():
    kind, program, scratch = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3]).resolve()
    server("start", kind, program, scratch)
    try:
        port = int((scratch / "port").read_text())
        imap = imaplib.IMAP4("127.0.0.1", port, timeout=60)
        ok(imap.login("alice", "secret"))
        seed(imap)
        dovecot = Dovecot(scratch, port)
        dovecot("backup", "-R", "imapc:")
        assert dovecot.mailboxes() == on_the_server(imap), (dovecot.mailboxes(), on_the_server(imap))
        ok(imap.select("Work"))
        ok(imap.store("1:2", "+FLAGS", r"(\Deleted)"))
        ok(imap.expunge())
        ok(imap.store("1", "FLAGS", r"(\Answered $Junk)"))
        ok(imap.append("Work", None, None, PLAIN % (99, 99)))
        dovecot("flags", "add", r"\Flagged $Local", "mailbox", "Entw\u00fcrfe", "all")
        dovecot("expunge", "mailbox", "INBOX", "uid", "1:3")
        dovecot("copy", "a & b", "mailbox", "INBOX", "uid", "4:5")
        dovecot("sync", "imapc:")
        there, here = on_the_server(imap), dovecot.mailboxes()
        assert here == there, (here, there)
        counts = [len(there[name]) for name in NAMES]
        assert counts == [12, 9, 10, 10, 12, 10], counts
        imap.logout()
    finally:
        server("stop", kind, program, scratch)
    print(f"{kind} as Dovecot's storage: the same on both sides after backup and after sync")


if __name__ == "__main__":
    main()
