//! How the octets arrive must not matter, and whatever they are, the server stands.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

use std::time::Duration;

use proptest::prelude::*;
use tokio::io::AsyncWriteExt;
use tokio::task::yield_now;
use tokio::time::sleep;

use crate::common::{World, run};

/// A conversation without anything that depends on answers: literals are non-synchronising, and nothing follows the
/// EXPUNGE, which an unknown follower would hold back.
const CONVERSATION: &[u8] = b"a LOGIN joe {6+}\r\nsecret\r\n\
    b APPEND INBOX (\\Seen) {20+}\r\nSubject: x\r\n\r\nbody\r\n\r\n\
    c SELECT INBOX\r\n\
    d FETCH 1:* (FLAGS BODY.PEEK[HEADER.FIELDS (SUBJECT)])\r\n\
    e UID SEARCH CHARSET {5+}\r\nUTF-8 OR SUBJECT {1+}\r\nx (NOT TEXT \"q\" 1:*) \r\n\
    f FROB\r\n\
    g STORE 1 +FLAGS.SILENT (\\Deleted)\r\n\
    h EXPUNGE\r\n";

/// What comes back when the conversation arrives in these pieces.
async fn answers(pieces: impl Iterator<Item = &[u8]>) -> Vec<String> {
    let mut client = World::new().connect().await;
    for piece in pieces {
        client.send(piece).await;
        sleep(Duration::from_millis(1)).await;
        yield_now().await;
    }
    client.stream.shutdown().await.unwrap();
    client.rest().await
}

#[test]
fn splitting_the_input_at_any_octet_changes_no_answer() {
    let whole = run(answers(std::iter::once(CONVERSATION)));
    assert_eq!(whole.last().unwrap(), "h OK EXPUNGE completed", "{whole:#?}");
    for at in 1..CONVERSATION.len() {
        let (first, second) = CONVERSATION.split_at(at);
        assert_eq!(run(answers([first, second].into_iter())), whole, "split at {at}");
    }
    assert_eq!(run(answers(CONVERSATION.chunks(1))), whole, "octet by octet");
}

/// Pieces of commands, of which random ones are glued together.
fn fragments() -> impl Strategy<Value = Vec<u8>> {
    let pieces: Vec<&'static [u8]> = vec![
        b"a ",
        b"tag ",
        b"\r\n",
        b"\n",
        b"\r",
        b" ",
        b"\0",
        b"(",
        b")",
        b"\"",
        b"\\",
        b"{",
        b"{3}\r\n",
        b"{3+}\r\nabc",
        b"{99999999999}",
        b"~{2+}\r\n\0\0",
        b"FETCH",
        b"1:*",
        b"*",
        b"0",
        b"4294967295",
        b"BODY[]",
        b"BODY[1.2.MIME]<0.5>",
        b"HEADER.FIELDS (A B)",
        b"LOGIN joe secret\r\n",
        b"SELECT INBOX\r\n",
        b"UID ",
        b"STORE",
        b"+FLAGS",
        b"(\\Seen)",
        b"SEARCH",
        b"OR",
        b"NOT",
        b"ALL",
        b"CHARSET",
        b"UTF-8",
        b"APPEND INBOX",
        b"IDLE\r\n",
        b"DONE\r\n",
        b"LIST",
        b"\"\"",
        b"%",
        b"&U,BTFw-",
        b"&",
        b"\xff\xfe",
        b"\xc3\xa4",
        b"EXPUNGE\r\n",
        b"CLOSE\r\n",
        b"NOOP\r\n",
        b"AUTHENTICATE PLAIN\r\n",
        b"AGpvZQBzZWNyZXQ=\r\n",
        b"COPY 1 INBOX\r\n",
        b"STATUS INBOX (MESSAGES)\r\n",
        b"ESEARCH",
        b"IN (personal subtree-one (INBOX a))",
        b"RETURN (COUNT)",
        b"GENURLAUTH",
        b"URLFETCH",
        b"imap://joe@h/INBOX/;uid=1;urlauth=anonymous",
        b":internal:01",
        b"INTERNAL",
        b"RESETKEY",
    ];
    prop::collection::vec(prop::sample::select(pieces), 0..60).prop_map(|pieces| pieces.concat())
}

/// Sends octets to a client that may be logged in, and waits for the server's side to end without a panic.
fn survives(octets: &[u8], logged_in: bool) {
    run(async {
        let world = World::new();
        world.deliver(2).await;
        let mut client = if logged_in {
            world.selected().await
        } else {
            world.connect().await
        };
        client.send(octets).await;
        client.send("\r\nz LOGOUT\r\n").await;
        sleep(Duration::from_secs(1)).await;
        client.ended().await;
        // Others are not hurt.
        world.user().await.ok("STATUS INBOX (MESSAGES)").await;
    });
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_mixture_of_commands_hurts_the_server(octets in fragments(), logged_in: bool) {
        survives(&octets, logged_in);
    }

    #[test]
    fn no_random_octets_hurt_the_server(octets in prop::collection::vec(any::<u8>(), 0..400), logged_in: bool) {
        survives(&octets, logged_in);
    }

    #[test]
    fn random_pieces_change_no_answer(cuts in prop::collection::btree_set(1..CONVERSATION.len(), 0..20)) {
        let whole = run(answers(std::iter::once(CONVERSATION)));
        let mut pieces = Vec::new();
        let mut from = 0;
        for cut in cuts {
            pieces.push(&CONVERSATION[from..cut]);
            from = cut;
        }
        pieces.push(&CONVERSATION[from..]);
        prop_assert_eq!(run(answers(pieces.into_iter())), whole);
    }
}
