"""Where the mailboxes are, and in what state: filled once, and anew after a row that took something away."""

import os
import pathlib

import mail


class Place:
    """A folder for both servers' mail, and the sizes that were asked for."""

    def __init__(self, folder, given, owner):
        self.folder, self.given, self.owner = pathlib.Path(folder), given, owner
        self.folder.mkdir(parents=True, exist_ok=True)
        os.chmod(self.folder, 0o755)

    def mark(self, server, user):
        return server.folder / f"{user}.filled"

    def mailbox(self, server, user, count):
        """The user's Maildir with so many messages, and those that were delivered since it was filled: how many there are."""
        mark = self.mark(server, user)
        filled, more = map(int, mark.read_text().split()) if mark.exists() else (None, 0)
        if filled != count:
            mark.unlink(missing_ok=True)
            mail.fill(server.maildir(user), self.folder / "template", count, self.given.distinct, self.owner)
            mark.write_text(f"{count} 0")
            more = 0
        return count + more

    def deliver(self, server, user, octets, label):
        """Another message in that mailbox, by a delivery agent; says when it came into sight."""
        filled, more = self.mark(server, user).read_text().split()
        self.mark(server, user).write_text(f"{filled} {int(more) + 1}")
        return mail.deliver(server.maildir(user), octets, label, self.owner)

    def spoil(self, server, user):
        """What is in the mailbox is no longer known: it is filled anew before the next row."""
        self.mark(server, user).unlink(missing_ok=True)

    def without_index(self, server, user, count):
        there = self.mailbox(server, user, count)
        mail.forget_indexes(server.maildir(user))
        return there

    def forget_caches(self):
        """What was read is no longer in memory. False where that is not ours to say."""
        os.sync()
        try:
            pathlib.Path("/proc/sys/vm/drop_caches").write_text("3\n")
        except OSError:
            return False
        return True

    def file_system(self):
        """The kind of file system, as the rows that wait for a disk tell nothing on another one."""
        place, kind = str(self.folder.resolve()), {}
        for line in pathlib.Path("/proc/self/mounts").read_text().splitlines():
            _, at, name, *_ = line.split()
            if place == at or place.startswith(at.rstrip("/") + "/"):
                kind[len(at)] = name
        return kind[max(kind)]
