"""The two servers: each runs as a child of this program, from settings that are written here, on a port of its own choice."""

import os
import pathlib
import shutil
import socket
import subprocess
import time

# The password of every user is "secret". The hash is as cheap as Dovecot's comparison of plain text, nearly.
CHEAP = "$argon2id$v=19$m=8,t=1,p=1$pJZ0GBjxPR9cbuMI2IFNLg$/5TI07SC1HQp6eNsz5Jz2Vq/zBveClvuB2SW8mALAKo"
TICK = os.sysconf("SC_CLK_TCK")

DOVECOT = """
base_dir = {folder}/base
state_dir = {folder}/state
instance_name = maildir-table-{port}
protocols = imap
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
log_path = {folder}/log
mail_location = maildir:{mail}/%u/Maildir
mail_uid = {uid}
mail_gid = {gid}
first_valid_uid = 1
first_valid_gid = 1
mail_max_userip_connections = 30000
default_client_limit = 19000
default_vsz_limit = 4 G
login_trusted_networks = 127.0.0.0/8
namespace inbox {{
  inbox = yes
}}
service imap-login {{
  chroot =
  service_count = 0
  inet_listener imap {{
    address = 127.0.0.1
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service imap {{
  process_limit = 20000
}}
service stats {{
  chroot =
}}
service anvil {{
  chroot =
}}
passdb {{
  driver = static
  args = password=secret
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={mail}/%u
}}
"""


class Server:
    """What both have in common: a folder, mail in it, a process and its children."""

    def __init__(self, program, folder, owner):
        self.program, self.owner = program, owner
        self.folder = pathlib.Path(folder) / self.name
        self.mail = self.folder / "mail"
        self.mail.mkdir(parents=True, exist_ok=True)
        for path in (self.folder, self.mail):
            os.chown(path, *owner)
        self.process = None

    def maildir(self, user):
        return self.mail / user / "Maildir"

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        self.process.terminate()
        self.process.wait()

    def cpu(self):
        """Seconds of processor time, those of children that ended included."""
        ticks = 0
        for process, _ in self.family():
            try:
                fields = pathlib.Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
            except OSError:
                continue
            ticks += sum(map(int, fields[11:15]))
        return ticks / TICK

    def status(self, field, processes):
        kib = 0
        for process in processes:
            try:
                lines = pathlib.Path(f"/proc/{process}/status").read_text().splitlines()
            except OSError:
                continue
            kib += next((int(line.split()[1]) for line in lines if line.startswith(field + ":")), 0)
        return kib

    def settle(self, quiet=1.0, limit=300):
        """Waits until the server does nothing any more, as it may write an index when nobody asks."""
        began, before, since = time.monotonic(), self.cpu(), time.monotonic()
        while time.monotonic() - began < limit and time.monotonic() - since < quiet:
            time.sleep(0.1)
            now = self.cpu()
            if now > before + 1 / TICK:
                before, since = now, time.monotonic()

    def pss(self):
        """KiB of all processes, what they share counted once."""
        kib = 0
        for process, _ in self.family():
            try:
                lines = pathlib.Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
            except OSError:
                continue
            kib += next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)
        return kib


class Maildird(Server):
    """The program of this repository; `settings` are flags more, such as those of a search index."""

    name = "maildird"
    settings = ()
    users = 10

    def start(self):
        program = self.folder / "maildird"
        shutil.copy2(self.program, program)
        users = self.folder / "users"
        names = ["big", "mid", "other", *(f"u{number}" for number in range(self.users))]
        users.write_text("".join(f"{name}:{CHEAP}\n" for name in names))
        users.chmod(0o644)
        command = [program, "serve", "--listen", "127.0.0.1:0", "--mail-root", self.mail / "%u/Maildir", "--users", users,
                   "--log-level", "warn"]
        for limit in ("connections", "connections_per_address"):
            command += ["--limit", f"{limit}=30000"]
        uid, gid = self.owner
        with (self.folder / "log").open("a") as log:
            self.process = subprocess.Popen([*command, *self.settings], stdout=subprocess.PIPE, stderr=log, text=True,
                                            user=uid, group=gid, extra_groups=[])
        line = self.process.stdout.readline()
        if not line.startswith("listening on"):
            raise SystemExit(f"maildird did not start; see {self.folder}/log")
        self.port = int(line.rsplit(":", 1)[1])

    def family(self):
        return [(self.process.pid, self.name)]

    def resident(self):
        return self.status("VmRSS", [self.process.pid])

    def peak(self):
        return self.status("VmHWM", [self.process.pid])


class Dovecot(Server):
    """Dovecot, with one process for each session; its memory is that of those."""

    name = "dovecot"
    more = ""  # lines of its configuration

    def start(self):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        (self.folder / "base").mkdir(exist_ok=True)
        uid, gid = self.owner
        config = self.folder / "dovecot.conf"
        config.write_text(DOVECOT.format(folder=self.folder, mail=self.mail, port=self.port, uid=uid, gid=gid)
                          + self.more)
        with (self.folder / "out").open("a") as log:
            self.process = subprocess.Popen([self.program, "-F", "-c", config], stdout=log, stderr=log)
        for _ in range(100):
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
                return
            except OSError:
                time.sleep(0.1)
        raise SystemExit(f"dovecot did not start; see {self.folder}/out and log")

    def family(self):
        """The process and all below it, as pairs of id and name."""
        parents, names = {}, {}
        for entry in filter(str.isdigit, os.listdir("/proc")):
            try:
                head, tail = pathlib.Path(f"/proc/{entry}/stat").read_text().rsplit(")", 1)
            except OSError:
                continue
            parents.setdefault(int(tail.split()[1]), []).append(int(entry))
            names[int(entry)] = head.split("(", 1)[1]
        found, left = [], [self.process.pid]
        while left:
            process = left.pop()
            found.append((process, names.get(process, "")))
            left += parents.get(process, [])
        return found

    def sessions(self):
        return [process for process, name in self.family() if name == "imap"]

    def resident(self):
        return self.status("VmRSS", self.sessions())

    def peak(self):
        return self.status("VmHWM", self.sessions())
