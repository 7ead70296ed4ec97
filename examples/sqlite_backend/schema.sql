-- Also UIDVALIDITY: no later mailbox has the number, nor a lower one.
CREATE TABLE mailboxes (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    -- HIGHESTMODSEQ. Every transaction that changes the mailbox raises it, and writes it to the rows that it changes.
    modseq INTEGER NOT NULL DEFAULT 1,
    uid_next INTEGER NOT NULL DEFAULT 1,
    -- Messages from this UID on are `\Recent`: no session was told of them.
    recent_from INTEGER NOT NULL DEFAULT 1
);
INSERT INTO mailboxes (name) VALUES ('INBOX'), ('Archive');

CREATE TABLE messages (
    mailbox INTEGER NOT NULL,
    -- The mailbox gives it.
    uid INTEGER NOT NULL DEFAULT 0,
    -- Of the last change.
    modseq INTEGER NOT NULL DEFAULT 0,
    -- Which session made that change; 0 for everybody else.
    maker INTEGER NOT NULL DEFAULT 0,
    flags TEXT NOT NULL DEFAULT '',
    -- INTERNALDATE: a moment, and the zone in minutes east of Greenwich.
    seconds INTEGER NOT NULL DEFAULT (CAST(strftime('%s', 'now') AS INTEGER)),
    zone INTEGER NOT NULL DEFAULT 0,
    -- What `imap_message::Summary` keeps of the message; NULL where nobody made one.
    summary BLOB,
    -- With CRLF line ends and without NUL.
    octets BLOB NOT NULL,
    UNIQUE (mailbox, uid)
);
CREATE INDEX messages_by_modseq ON messages (mailbox, modseq);

-- What was expunged, and with which change.
CREATE TABLE expunged (
    mailbox INTEGER NOT NULL,
    modseq INTEGER NOT NULL,
    uid INTEGER NOT NULL,
    PRIMARY KEY (mailbox, modseq, uid)
) WITHOUT ROWID;

-- An administrator inserts a message without UID and mod-sequence.
CREATE TRIGGER messages_delivered AFTER INSERT ON messages WHEN NEW.modseq = 0 BEGIN
    UPDATE mailboxes SET modseq = modseq + 1, uid_next = uid_next + 1 WHERE id = NEW.mailbox;
    UPDATE messages SET (uid, modseq) = (SELECT uid_next - 1, modseq FROM mailboxes WHERE id = NEW.mailbox)
    WHERE rowid = NEW.rowid;
END;

-- An administrator changes flags and nothing else. The backend gives the new mod-sequence itself, and the maker.
CREATE TRIGGER messages_flagged AFTER UPDATE OF flags ON messages
WHEN NEW.modseq = OLD.modseq AND NEW.flags <> OLD.flags BEGIN
    UPDATE mailboxes SET modseq = modseq + 1 WHERE id = NEW.mailbox;
    UPDATE messages SET maker = 0, modseq = (SELECT modseq FROM mailboxes WHERE id = NEW.mailbox)
    WHERE rowid = NEW.rowid;
END;

-- Whoever removes a message.
CREATE TRIGGER messages_expunged AFTER DELETE ON messages BEGIN
    UPDATE mailboxes SET modseq = modseq + 1 WHERE id = OLD.mailbox;
    INSERT INTO expunged SELECT id, modseq, OLD.uid FROM mailboxes WHERE id = OLD.mailbox;
END;

CREATE TRIGGER mailboxes_deleted AFTER DELETE ON mailboxes BEGIN
    DELETE FROM messages WHERE mailbox = OLD.id;
    DELETE FROM expunged WHERE mailbox = OLD.id;
END;
