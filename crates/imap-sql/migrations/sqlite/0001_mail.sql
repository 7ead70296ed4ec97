-- The schema, version 1. Once released, a migration is never changed; the next one is another file.
--
-- What the triggers do, they do for everybody: for the backend, and for who writes SQL by hand. Whoever inserts a message
-- leaves `uid` and `modseq` out; whoever changes flags leaves `modseq` alone; whoever deletes just deletes. Only the backend
-- gives these numbers itself, because it needs to know them.
--
-- A foreign key is checked by each statement and not at the commit, which several transactions may share.

-- The database as a whole: one row.
CREATE TABLE store (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    -- Never goes back, so that a name never has a UIDVALIDITY twice (RFC 9051, section 2.3.1.1).
    last_uid_validity BIGINT NOT NULL
);
INSERT INTO store (only_row, last_uid_validity) VALUES (1, 0);

CREATE TABLE accounts (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    -- An Argon2id hash, as a PHC string. NULL: may not log in.
    password TEXT,
    -- RFC 5803: `SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>`, of the same password.
    scram_sha_256 TEXT
);

CREATE TABLE mailboxes (
    -- Never used twice.
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    account BIGINT NOT NULL REFERENCES accounts (id),
    -- Unicode, with `/` between its parts.
    name TEXT NOT NULL,
    -- 0: a trigger gives one.
    uid_validity BIGINT NOT NULL DEFAULT 0 CHECK (uid_validity BETWEEN 0 AND 4294967295),
    uid_next BIGINT NOT NULL DEFAULT 1 CHECK (uid_next BETWEEN 1 AND 4294967296),
    highest_modseq BIGINT NOT NULL DEFAULT 1,
    -- Messages from this UID on are `\Recent`: no session was told of them yet.
    recent_from BIGINT NOT NULL DEFAULT 1,
    -- Rows of `expunged` up to this mod-sequence may have been removed.
    log_begins BIGINT NOT NULL DEFAULT 0,
    -- How many rows of `expunged` there are.
    tombstones BIGINT NOT NULL DEFAULT 0,
    -- Messages: all, those without `\Seen`, those with `\Deleted`. Triggers count.
    messages BIGINT NOT NULL DEFAULT 0,
    unseen BIGINT NOT NULL DEFAULT 0,
    deleted BIGINT NOT NULL DEFAULT 0,
    -- RFC 6154, such as `\Sent`.
    special_use TEXT,
    -- RFC 8474: MAILBOXID.
    object_id TEXT,
    UNIQUE (account, name)
);

-- The octets of messages. Copies share them.
CREATE TABLE blobs (
    -- Never used twice: whoever still holds the number of a blob that is gone reads nothing else in its place.
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    -- How many messages have it, those in `released` included. Triggers count.
    uses BIGINT NOT NULL DEFAULT 0,
    size BIGINT NOT NULL DEFAULT 0,
    -- `imap_message::Summary` as octets; NULL where nobody made one.
    summary BLOB,
    -- RFC 8474: EMAILID, the same for all copies.
    object_id TEXT,
    -- Whether the text is in `texts`: 0 it is not, 1 it will be, 2 it is. Of those in which it is not, SEARCH reads all.
    indexed BIGINT NOT NULL DEFAULT 0,
    -- When it was last written to, in seconds since 1970. One without uses that is old is an APPEND that broke off.
    touched BIGINT NOT NULL DEFAULT (CAST(strftime('%s', 'now') AS INTEGER))
);
CREATE INDEX blobs_unused ON blobs (touched) WHERE uses = 0;
CREATE INDEX blobs_unindexed ON blobs (indexed, id) WHERE indexed <> 2;

-- Uses of blobs that are over: a trigger writes one for each message that is deleted, and whoever deletes it here takes it off
-- `uses`, and the blob with its last one. The backend does so a little later: the octets of the messages that a client
-- expunges are all over the file, and it need not wait until they are found.
CREATE TABLE released (
    id INTEGER PRIMARY KEY,
    blob BIGINT NOT NULL
);

-- Which blobs have which three characters one after the other, in the form that `imap_message::SearchedText` gives them: the
-- backend asks for those of a string, and reads what it finds. The row number is the blob's.
CREATE VIRTUAL TABLE texts USING fts5 (
    text, content = '', contentless_delete = 1, detail = none, tokenize = 'trigram case_sensitive 1'
);

-- Blobs that are gone and still in `texts`. The backend removes them there: not every `sqlite3` program can.
CREATE TABLE texts_gone (
    blob INTEGER PRIMARY KEY
);

-- The chunk `number` begins at octet 65536 * `number`. Every chunk but the last is full. Line ends are CRLF, no octet is NUL.
CREATE TABLE chunks (
    blob BIGINT NOT NULL REFERENCES blobs (id),
    number BIGINT NOT NULL,
    octets BLOB NOT NULL CHECK (length(octets) <= 65536),
    PRIMARY KEY (blob, number)
);

CREATE TABLE messages (
    mailbox BIGINT NOT NULL REFERENCES mailboxes (id),
    uid BIGINT NOT NULL DEFAULT 0 CHECK (uid BETWEEN 0 AND 4294967295),
    -- Of the last change.
    modseq BIGINT NOT NULL DEFAULT 0,
    -- Which session made it; 0 for everybody else.
    maker BIGINT NOT NULL DEFAULT 0,
    -- 1 `\Answered`, 2 `\Flagged`, 4 `\Deleted`, 8 `\Seen`, 16 `\Draft`, added up.
    flags BIGINT NOT NULL DEFAULT 0,
    -- With a space between them.
    keywords TEXT NOT NULL DEFAULT '' CHECK (keywords NOT GLOB '*[^ -~]*'),
    -- INTERNALDATE: seconds since 1970, and the zone in minutes east of Greenwich.
    received BIGINT NOT NULL DEFAULT 0,
    zone BIGINT NOT NULL DEFAULT 0,
    -- RFC 8514: when it came into this mailbox.
    saved BIGINT NOT NULL DEFAULT 0,
    -- Octets, as the blob has it.
    size BIGINT NOT NULL DEFAULT 0,
    blob BIGINT NOT NULL REFERENCES blobs (id),
    -- RFC 8474: THREADID.
    thread_id TEXT,
    PRIMARY KEY (mailbox, uid)
) WITHOUT ROWID;
CREATE INDEX messages_by_modseq ON messages (mailbox, modseq);
CREATE INDEX messages_by_blob ON messages (blob);
-- SELECT tells which is the first unseen message, and which keywords there are.
-- With `flags`: SQLite reads that column for the condition, and uses the index only if it is there.
CREATE INDEX messages_unseen ON messages (mailbox, uid, flags) WHERE flags & 8 = 0;
-- EXPUNGE, and SEARCH FLAGGED.
CREATE INDEX messages_deleted ON messages (mailbox, uid, flags) WHERE flags & 4 <> 0;
CREATE INDEX messages_flagged ON messages (mailbox, uid, flags) WHERE flags & 2 <> 0;
CREATE INDEX messages_by_keywords ON messages (mailbox, keywords) WHERE keywords <> '';

-- What was expunged.
CREATE TABLE expunged (
    mailbox BIGINT NOT NULL,
    modseq BIGINT NOT NULL,
    uid BIGINT NOT NULL,
    PRIMARY KEY (mailbox, modseq, uid)
) WITHOUT ROWID;

-- The log of a mailbox: in the order of mod-sequences, which is the order of commits, what became of each message last. It
-- does not grow with the number of changes.
CREATE VIEW changes (mailbox, modseq, uid, kind, maker, flags, keywords) AS
    SELECT mailbox, modseq, uid, 'present', maker, flags, keywords FROM messages
    UNION ALL
    SELECT mailbox, modseq, uid, 'expunged', 0, 0, '' FROM expunged;

-- What imports have stored in a mailbox: one that is run again takes nothing twice. Rows may be deleted by hand.
CREATE TABLE imports (
    mailbox BIGINT NOT NULL,
    -- The message, by what does not change in the place that it came from.
    item TEXT NOT NULL,
    PRIMARY KEY (mailbox, item)
) WITHOUT ROWID;

-- Whether or not there is such a mailbox.
CREATE TABLE subscriptions (
    account BIGINT NOT NULL REFERENCES accounts (id),
    name TEXT NOT NULL,
    PRIMARY KEY (account, name)
) WITHOUT ROWID;

-- RFC 9208. Rows are written by hand: an account without any has no limits.
CREATE TABLE quotas (
    account BIGINT NOT NULL REFERENCES accounts (id),
    -- STORAGE (in units of 1024 octets), MESSAGE.
    resource TEXT NOT NULL,
    most BIGINT NOT NULL,
    PRIMARY KEY (account, resource)
) WITHOUT ROWID;

-- RFC 5464. Mailbox 0: the server's, as this account sees it.
CREATE TABLE metadata (
    account BIGINT NOT NULL REFERENCES accounts (id),
    mailbox BIGINT NOT NULL,
    entry TEXT NOT NULL,
    value BLOB NOT NULL,
    PRIMARY KEY (account, mailbox, entry)
);

-- RFC 4314: who may do what in a mailbox. Without a row for `owner` or the name of the account, that may do everything.
CREATE TABLE acl (
    mailbox BIGINT NOT NULL,
    -- As clients say it: a user's name, `owner`, `authenticated`, `anyone`. With `-` before it, what is denied.
    identifier TEXT NOT NULL,
    -- Letters of RFC 4314, section 2.1, such as `lrs`.
    rights TEXT NOT NULL,
    PRIMARY KEY (mailbox, identifier)
) WITHOUT ROWID;

-- RFC 4467: the secrets that URLs are authorized with, each user's for a mailbox.
CREATE TABLE url_keys (
    account BIGINT NOT NULL REFERENCES accounts (id),
    mailbox BIGINT NOT NULL REFERENCES mailboxes (id),
    octets BLOB NOT NULL CHECK (length(octets) = 32),
    PRIMARY KEY (account, mailbox)
);
CREATE INDEX url_keys_of_mailbox ON url_keys (mailbox);

CREATE TRIGGER accounts_deleted AFTER DELETE ON accounts BEGIN
    DELETE FROM url_keys WHERE account = OLD.id;
    DELETE FROM mailboxes WHERE account = OLD.id;
    DELETE FROM subscriptions WHERE account = OLD.id;
    DELETE FROM quotas WHERE account = OLD.id;
    DELETE FROM metadata WHERE account = OLD.id;
END;

CREATE TRIGGER mailboxes_inserted AFTER INSERT ON mailboxes WHEN NEW.uid_validity = 0 BEGIN
    UPDATE store SET last_uid_validity = max(last_uid_validity + 1, CAST(strftime('%s', 'now') AS INTEGER));
    UPDATE mailboxes SET uid_validity = (SELECT last_uid_validity FROM store) WHERE id = NEW.id;
END;

CREATE TRIGGER mailboxes_deleted AFTER DELETE ON mailboxes BEGIN
    DELETE FROM url_keys WHERE mailbox = OLD.id;
    DELETE FROM messages WHERE mailbox = OLD.id;
    DELETE FROM expunged WHERE mailbox = OLD.id;
    DELETE FROM metadata WHERE mailbox = OLD.id;
    DELETE FROM acl WHERE mailbox = OLD.id;
    DELETE FROM imports WHERE mailbox = OLD.id;
END;

CREATE TRIGGER messages_uid_is_given BEFORE INSERT ON messages WHEN NEW.modseq = 0 AND NEW.uid <> 0 BEGIN
    SELECT RAISE(ABORT, 'a message gets its UID from its mailbox: leave uid and modseq out');
END;

CREATE TRIGGER messages_delivered AFTER INSERT ON messages WHEN NEW.modseq = 0 BEGIN
    UPDATE mailboxes SET uid_next = uid_next + 1, highest_modseq = highest_modseq + 1 WHERE id = NEW.mailbox;
    UPDATE messages SET
        uid = (SELECT uid_next - 1 FROM mailboxes WHERE id = NEW.mailbox),
        modseq = (SELECT highest_modseq FROM mailboxes WHERE id = NEW.mailbox),
        maker = 0,
        received = CASE received WHEN 0 THEN CAST(strftime('%s', 'now') AS INTEGER) ELSE received END,
        saved = CAST(strftime('%s', 'now') AS INTEGER),
        size = (SELECT size FROM blobs WHERE id = NEW.blob)
    WHERE mailbox = NEW.mailbox AND uid = 0;
END;

CREATE TRIGGER messages_counted AFTER INSERT ON messages BEGIN
    UPDATE mailboxes SET
        messages = messages + 1,
        unseen = unseen + (NEW.flags & 8 = 0),
        deleted = deleted + (NEW.flags & 4 <> 0)
    WHERE id = NEW.mailbox;
    UPDATE blobs SET uses = uses + 1 WHERE id = NEW.blob;
END;

CREATE TRIGGER messages_counted_by_flags AFTER UPDATE OF flags ON messages
WHEN NEW.flags & 12 <> OLD.flags & 12 BEGIN
    UPDATE mailboxes SET
        unseen = unseen + (NEW.flags & 8 = 0) - (OLD.flags & 8 = 0),
        deleted = deleted + (NEW.flags & 4 <> 0) - (OLD.flags & 4 <> 0)
    WHERE id = NEW.mailbox;
END;

CREATE TRIGGER messages_flagged AFTER UPDATE OF flags, keywords ON messages
WHEN NEW.modseq = OLD.modseq AND (NEW.flags <> OLD.flags OR NEW.keywords <> OLD.keywords) BEGIN
    UPDATE mailboxes SET highest_modseq = highest_modseq + 1 WHERE id = NEW.mailbox;
    UPDATE messages SET maker = 0, modseq = (SELECT highest_modseq FROM mailboxes WHERE id = NEW.mailbox)
    WHERE mailbox = NEW.mailbox AND uid = NEW.uid;
END;

CREATE TRIGGER messages_never_change BEFORE UPDATE OF mailbox, uid, blob ON messages
WHEN OLD.uid <> 0 AND (NEW.mailbox <> OLD.mailbox OR NEW.uid <> OLD.uid OR NEW.blob <> OLD.blob) BEGIN
    SELECT RAISE(ABORT, 'a message keeps its mailbox, its UID and its octets: insert another one and delete this one');
END;

CREATE TRIGGER messages_expunged AFTER DELETE ON messages BEGIN
    UPDATE mailboxes SET
        highest_modseq = highest_modseq + 1,
        tombstones = tombstones + 1,
        messages = messages - 1,
        unseen = unseen - (OLD.flags & 8 = 0),
        deleted = deleted - (OLD.flags & 4 <> 0)
    WHERE id = OLD.mailbox;
    INSERT INTO expunged (mailbox, modseq, uid)
        SELECT id, highest_modseq, OLD.uid FROM mailboxes WHERE id = OLD.mailbox;
    INSERT INTO released (blob) VALUES (OLD.blob);
END;

CREATE TRIGGER released_deleted AFTER DELETE ON released BEGIN
    DELETE FROM blobs WHERE id = OLD.blob AND uses <= 1;
    UPDATE blobs SET uses = uses - 1 WHERE id = OLD.blob;
END;

CREATE TRIGGER blobs_deleted AFTER DELETE ON blobs BEGIN
    DELETE FROM chunks WHERE blob = OLD.id;
    INSERT INTO texts_gone (blob) SELECT OLD.id WHERE OLD.indexed = 2;
END;
