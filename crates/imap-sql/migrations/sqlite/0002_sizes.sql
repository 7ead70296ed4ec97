-- Version 2.

-- SEARCH LARGER and SMALLER, where they stand alone. With other conditions the column is written `+size`, for which SQLite uses no
-- index. A size never changes, so that a STORE writes nothing here.
CREATE INDEX messages_by_size ON messages (mailbox, size);
