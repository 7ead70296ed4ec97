#!/usr/bin/env python3
"""Mail in SQLite and in PostgreSQL beside a Maildir, on the same messages, in turns: a table of docs/testing.md.

    cargo build --release -p maildird -p sqlmaild
    sudo python3 benches/databases_table FOLDER                           every row; FOLDER on the disk that is meant
    sudo python3 benches/databases_table FOLDER --docs docs               and the table into docs/testing.md
    sudo python3 benches/databases_table FOLDER --servers maildird,SQLite --count 10000 --rounds 5

All servers run at once and are asked one after the other, so that what else the machine does hits all alike; the table has the medians of
the rounds. Without --postgres a server of this machine's packages is started, with its default settings, and removed afterwards. What
was made in FOLDER is removed, too, unless --keep says otherwise: then the next run finds it.

Needs Linux and root (whose the Maildirs are, and as whom PostgreSQL works), and Dovecot in the PATH where --servers names it.
"""

import argparse
import contextlib
import os
import pathlib
import pwd
import shutil
import statistics
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "maildir_table"))

import mail  # noqa: E402
import rows  # noqa: E402
import table  # noqa: E402
from client import Client, Wrong  # noqa: E402
from databases import PostgreSQL, Sqlmaild  # noqa: E402
from place import Place  # noqa: E402
from servers import Dovecot, Maildird  # noqa: E402
from work import ROWS, USERS, Asked  # noqa: E402

BEGIN, END = "<!-- measured: written by databases_table -->", "<!-- measured: databases end -->"
POSTGRES = pathlib.Path(__file__).parent.parent.parent / ".ci/postgres"


def arguments():
    given = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    given.add_argument("folder", type=pathlib.Path, help="for mail, SQLite's file, settings and logs")
    given.add_argument("--programs", type=pathlib.Path, default="target/release", help="where maildird and sqlmaild are")
    given.add_argument("--servers", default="maildird,SQLite,PostgreSQL", help="of Dovecot, maildird, SQLite, PostgreSQL")
    given.add_argument("--postgres", metavar="URL", help="an empty database, or with --keep the one of the last run")
    given.add_argument("--rows", default=",".join(ROWS), help="of " + ", ".join(ROWS))
    given.add_argument("--count", type=int, default=30_000, help="messages, in hundreds")
    given.add_argument("--rounds", type=int, default=3)
    given.add_argument("--appends", type=int, default=1000)
    given.add_argument("--user", default="mail", help="whose the Maildirs are")
    given.add_argument("--keep", action="store_true", help="what was made, for the next run")
    given.add_argument("--docs", type=pathlib.Path, help="where testing.md gets the table")
    given = given.parse_args()
    if given.count % 100:
        raise SystemExit("--count: each hundredth message is searched for, so let it be hundreds")
    given.folder, given.programs = given.folder.resolve(), given.programs.resolve()
    return given


def say(words):
    print(words, file=sys.stderr, flush=True)


@contextlib.contextmanager
def postgres(given):
    """The URL of a database: the one that was given, or one of a server that is gone afterwards."""
    if given.postgres or "PostgreSQL" not in given.servers.split(","):
        yield given.postgres
        return
    scratch = given.folder / "postgresql"
    # Nobody waits for the output of the server, which lives longer than this command.
    with (given.folder / "url").open("w+") as out:
        subprocess.run([POSTGRES, "start", scratch], stdout=out, stdin=subprocess.DEVNULL, check=True,
                       env=os.environ | {"TMPDIR": str(given.folder)})
        out.seek(0)
        url = out.read().strip()
    try:
        yield url
    finally:
        subprocess.run([POSTGRES, "stop", scratch], check=False)


def filled(given, url):
    """Each server that was asked for, by its name, with the mail in it."""
    entry = pwd.getpwnam(given.user)
    place = Place(given.folder, argparse.Namespace(distinct=given.count), (entry.pw_uid, entry.pw_gid))
    sqlmaild, owner = given.programs / "sqlmaild", place.owner
    known = {
        "Dovecot": lambda: Dovecot("dovecot", given.folder, owner),
        "maildird": lambda: Maildird(given.programs / "maildird", given.folder, owner),
        "SQLite": lambda: Sqlmaild(sqlmaild, given.folder, owner),
        "PostgreSQL": lambda: PostgreSQL(sqlmaild, given.folder, owner, url),
    }
    source = given.folder / "source" / "Maildir"
    source.parent.mkdir(exist_ok=True)
    mail.fill(source, given.folder / "template", given.count, given.count, owner)
    servers = {}
    for name in given.servers.split(","):
        if name not in known:
            raise SystemExit(f"--servers: {name} is none of {', '.join(known)}")
        say(f"{name}: {given.count:,} messages")
        servers[name] = server = known[name]()
        if isinstance(server, Sqlmaild):
            server.fill(USERS, source, given.count)
            continue
        place.mailbox(server, "mid", given.count)
        for user in USERS[1:]:
            mail.make(server.maildir(user), owner)
    return servers


def warm(name, asked, count):
    """What is made when it is first asked for is made, and what is made behind the commands."""
    say(f"{name}: every message is looked at once")
    for command, counted in ((rows.ENVELOPE, count), ("FETCH 1:* BODYSTRUCTURE", count), (f"SEARCH TEXT {mail.BODY}", None)):
        asked.client.command(command, rows.FETCHED, counted)
    asked.server.settle()
    if isinstance(asked.server, Sqlmaild):
        asked.server.wait_for_index()


def measure(given, servers):
    """The lines of the table."""
    right, lines = True, [f"| {given.count:,} messages | {' | '.join(servers)} |", f"| --- |{' --- |' * len(servers)}"]
    with contextlib.ExitStack() as running:
        asked = {}
        for name, server in servers.items():
            running.enter_context(server)
            asked[name] = Asked(server, given)
            warm(name, asked[name], given.count)
        for row in given.rows.split(","):
            work, unit, ask = ROWS[row]
            values = {name: [] for name in servers}
            for _ in range(given.rounds):
                for name in servers:
                    try:
                        values[name].append(ask(asked[name]))
                    except (Wrong, OSError, TimeoutError) as error:
                        say(f"{row} {name}: {type(error).__name__}: {error}")
                        right = False
                        asked[name].restart()
                    servers[name].settle(quiet=0.3)
            cells = [shown(statistics.median(each), unit) if each else "-" for each in values.values()]
            lines.append(f"| {work.format(some=asked[name].some)} | {' | '.join(cells)} |")
            say(lines[-1])
    return "\n".join(lines) + "\n", right


def shown(value, unit):
    return f"{value * 1e6:.0f} us" if unit == "s" and value < 0.001 else table.shown(value, unit)


def told(given, load):
    """How the table came about."""
    return (f"`python3 benches/databases_table FOLDER --count {given.count} --rounds {given.rounds}`: messages of 1.1 KB, the same in each store. "
            f"The servers ran at once and were asked in turns;\nthe medians of the rounds, with a new process each time where it says so. "
            f"{os.cpu_count()} processors, a load average of {load:.1f} before. Lower is better but for\nAPPEND, in messages a second.\n")


def main():
    given = arguments()
    load = os.getloadavg()[0]
    before = set(given.folder.iterdir()) if given.folder.exists() else set()
    given.folder.mkdir(parents=True, exist_ok=True)
    given.folder.chmod(0o755)  # PostgreSQL and the Maildirs' owner look into it
    try:
        with postgres(given) as url:
            text, right = measure(given, filled(given, url))
    finally:
        if not given.keep:
            for path in set(given.folder.iterdir()) - before:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
    print(text)
    if given.docs:
        page = given.docs / "testing.md"
        head, rest = page.read_text().split(BEGIN, 1)
        page.write_text(f"{head}{BEGIN}\n\n{told(given, load)}\n{text}\n{END}{rest.split(END, 1)[1]}")
    sys.exit(not right)


if __name__ == "__main__":
    main()
