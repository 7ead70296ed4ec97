//! How much of a thread's stack commands take in a debug build, which takes several times as much as one that is optimized: less than half
//! of what a thread of tokio has, 2 MiB.

use tokio::runtime::Builder;

use crate::common::World;

const STACK: usize = 1 << 20;

const COMMANDS: [&str; 24] = [
    "ENABLE CONDSTORE",
    "CREATE x",
    "LIST \"\" * RETURN (STATUS (MESSAGES UNSEEN SIZE))",
    "STATUS INBOX (MESSAGES SIZE)",
    "SELECT INBOX",
    "FETCH 1:3 ENVELOPE",
    "FETCH 1:3 (BODYSTRUCTURE BODY.PEEK[TEXT] PREVIEW)",
    "SEARCH TEXT body",
    "UID SEARCH RETURN (ALL COUNT) BODY body",
    "SORT (SUBJECT) UTF-8 TEXT body",
    "THREAD REFERENCES UTF-8 ALL",
    "SEARCH RETURN (UPDATE) TEXT body",
    "STORE 1:3 +FLAGS (\\Seen $x)",
    "UID COPY 1:3 x",
    "COPY 1:3 INBOX",
    "UID MOVE 1 x",
    "STORE 1 +FLAGS (\\Deleted)",
    "EXPUNGE",
    "ESEARCH IN (mailboxes (INBOX x)) TEXT body",
    "NOTIFY SET STATUS (selected (MessageNew (UID BODY.PEEK[TEXT]) MessageExpunge FlagChange)) (personal (MessageNew MessageExpunge MailboxName))",
    "APPEND INBOX {3+}\r\na\r\n",
    "RENAME x y",
    "DELETE y",
    "CLOSE",
];

#[test]
fn commands_leave_most_of_the_stack_to_the_backend() {
    let served = || {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build();
        runtime.unwrap().block_on(async {
            let world = World::new();
            world.deliver(3).await;
            let mut client = world.user().await;
            for command in COMMANDS {
                client.ok(command).await;
            }
        });
    };
    let thread = std::thread::Builder::new().stack_size(STACK).spawn(served);
    thread.unwrap().join().unwrap();
}
