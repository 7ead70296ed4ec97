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

    def mailbox(self, server, user, count):
        """The user's Maildir with so many messages, filled unless it is as it was filled."""
        maildir, mark = server.maildir(user), server.folder / f"{user}.filled"
        if not mark.exists() or int(mark.read_text()) != count:
            mark.unlink(missing_ok=True)
            source = mail.template(self.folder / "template", count, self.owner) if count else None
            mail.fill(maildir, source, count, self.owner)
            mark.write_text(str(count))
        return maildir

    def spoil(self, server, user):
        """The row changes what is in the mailbox: it is filled anew before the next one."""
        (server.folder / f"{user}.filled").unlink(missing_ok=True)

    def without_index(self, server, user, count):
        maildir = self.mailbox(server, user, count)
        mail.forget_indexes(maildir)
        return maildir

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
