"""The server of this repository on a database: a process like those of maildir_table's servers."""

import contextlib
import sqlite3
import subprocess
import time

from client import PASSWORD
from servers import Server


class Sqlmaild(Server):
    """On SQLite, in a file of its folder."""

    name = "sqlite"

    def __init__(self, program, folder, owner):
        super().__init__(program, folder, owner)
        self.database = str(self.folder / "mail.db")

    def admin(self, *words, text=None):
        command = [self.program, "admin", "--database", self.database, *words]
        subprocess.run(command, input=text, text=True, check=True, stdout=subprocess.DEVNULL)

    def fill(self, users, maildir, count):
        """The accounts, and all messages for the first of them. What an earlier run filled is known by a file."""
        mark = self.folder / "filled"
        if mark.exists() and mark.read_text() == f"{self.database} {count}":
            return
        for user in users:
            self.admin("account", "create", user, "--password-stdin", text=f"{PASSWORD}\n")
        self.admin("import", "maildir", users[0], maildir)
        mark.write_text(f"{self.database} {count}")

    def start(self):
        command = [self.program, "serve", "--database", self.database, "--listen", "127.0.0.1:0", "--log-level", "warn"]
        with (self.folder / "log").open("a") as log:
            self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
        line = self.process.stdout.readline()
        if not line.startswith("listening on"):
            raise SystemExit(f"sqlmaild did not start; see {self.folder}/log")
        self.port = int(line.rsplit(":", 1)[1])

    def family(self):
        return [(self.process.pid, "sqlmaild")]

    def number(self, sql):
        with contextlib.closing(sqlite3.connect(f"file:{self.database}?mode=ro", uri=True)) as connection:
            return connection.execute(sql).fetchone()[0]

    def wait_for_index(self):
        """Texts are indexed behind the commands."""
        while self.number("SELECT count(*) FROM blobs WHERE indexed = 1"):
            time.sleep(0.5)


class PostgreSQL(Sqlmaild):
    """On PostgreSQL; of its processor time only the server's own is seen."""

    name = "postgres"

    def __init__(self, program, folder, owner, url):
        super().__init__(program, folder, owner)
        self.database = url

    def number(self, sql):
        return int(subprocess.run(["psql", "-XAtc", sql, self.database], check=True, capture_output=True, text=True).stdout)
