#!/usr/bin/env python3
"""maildird beside Dovecot, on the same messages, in turns: the table and the plots of docs/benchmarks.md.

    cargo build --release -p maildird
    python3 benches/maildir_table FOLDER                               every row; FOLDER on the disk that is meant
    python3 benches/maildir_table FOLDER --rows select,search --count 10000    some, smaller
    python3 benches/maildir_table FOLDER --rows '' --docs docs         no row: the figures that are there into the docs

Needs Linux, root (Dovecot's settings, dropping caches, files of another user), Dovecot in the PATH, and for the plots matplotlib. The
figures go to FOLDER/figures.jsonl, a line each; of each row the last run counts. The mail stays in FOLDER for the next run.
"""

import argparse
import json
import pathlib
import pwd
import resource
import sys
import time

import table
from client import Wrong
from place import Place
from rows import ROWS
from servers import Dovecot, Maildird

# The rows of the large mailbox, and those of many clients; the others are of the middle one.
OF_LARGE, OF_MANY = {"first", "again", "told", "restart", "flags"}, {"append", "idle"}


def arguments():
    given = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    given.add_argument("folder", type=pathlib.Path, help="for mail, settings, logs and figures")
    given.add_argument("--maildird", default="target/release/maildird", help="the program")
    given.add_argument("--dovecot", default="dovecot", help="the program")
    given.add_argument("--servers", default="dovecot,maildird")
    given.add_argument("--rows", default=",".join(ROWS), help="of " + ", ".join(ROWS))
    given.add_argument("--rounds", type=int, default=1, help="so often each row; the table has the medians")
    given.add_argument("--large", type=int, default=table.LARGE, help="messages of the large mailbox")
    given.add_argument("--count", type=int, default=table.MIDDLE, help="messages of the middle mailbox")
    given.add_argument("--distinct", type=int, default=table.MIDDLE, help="messages after which they come again, by hundreds")
    given.add_argument("--appends", type=int, default=2000)
    given.add_argument("--idlers", type=int, default=10_000)
    given.add_argument("--dovecot-idlers", type=int, default=1000, help="fewer: each is a process")
    given.add_argument("--mailboxes", type=int, default=10_000, help="that they idle on: fewer than idlers where descriptors are few")
    given.add_argument("--told", type=int, default=100, help="mailboxes that get a message each second")
    given.add_argument("--seconds", type=int, default=30, help="how long they do")
    given.add_argument("--user", default="mail", help="whose the mail is, and as whom servers work: Dovecot wants no root")
    given.add_argument("--docs", type=pathlib.Path, help="where benchmarks.md gets the table, and benchmarks/ the plots")
    given.add_argument("--set", action="append", default=[], metavar="FLAG=VALUE",
                       help="a flag of maildird serve, as of a search index; repeated as needed")
    return given.parse_args()


def run(row, server, place, note):
    """The figures of one row of one server; false where an answer was wrong, which is said, and the next row goes on."""
    given = place.given
    count = None if row in OF_MANY else given.large if row in OF_LARGE else given.count
    try:
        for figure, value in ROWS[row](place, server):
            note({"row": row, "figure": figure, "count": count, "server": server.name, "value": value,
                  "cpu": getattr(value, "cpu", None)})
        return True
    except (Wrong, OSError, TimeoutError) as error:
        print(f"{row} {server.name}: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
        for user in ("mid", "big"):
            place.spoil(server, user)
        return False


def main():
    given = arguments()
    given.folder = given.folder.resolve()
    entry = pwd.getpwnam(given.user)
    place = Place(given.folder, given, (entry.pw_uid, entry.pw_gid))
    maildird = Maildird(given.maildird, given.folder, place.owner)
    maildird.settings = [word for flag in given.set for word in f"--{flag}".split("=", 1)]
    known = {"maildird": maildird, "dovecot": Dovecot(given.dovecot, given.folder, place.owner)}
    servers = [known[name] for name in given.servers.split(",")]
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    figures, this = given.folder / "figures.jsonl", int(time.time())
    figures.touch()

    def note(figure):
        figure |= {"run": this, "on": place.file_system()}
        print("{row} {server}: {figure} {value:.6g}".format(**figure), flush=True)
        with figures.open("a") as file:
            file.write(json.dumps(figure) + "\n")

    rows = [row for row in given.rows.split(",") if row]
    right = [run(row, server, place, note) for row in rows for _ in range(given.rounds) for server in servers]
    publish(table.latest(figures), given)
    sys.exit(not all(right))


def publish(figures, given):
    """The table on standard output, and with --docs both table and plots where they are read."""
    text = table.markdown(figures)
    print(text)
    if given.docs:
        table.into(given.docs / "benchmarks.md", text)
    folder = given.docs / "benchmarks" if given.docs else given.folder
    try:
        folder.mkdir(exist_ok=True)
        table.plots(figures, folder)
    except ImportError:
        print("no plots: there is no matplotlib", file=sys.stderr)


if __name__ == "__main__":
    main()
