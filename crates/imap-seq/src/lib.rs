//! Message sequence numbers and unique identifiers of one mailbox, as each client was told them.
