//! The codec as it is: what it does not read yet. A test that fails here says that a piece of this directory can go.

use imap_codec::CommandCodec;
use imap_codec::decode::Decoder;

#[test]
fn the_codec_does_not_read_these_yet() {
    for command in [
        "a FETCH 1 SAVEDATE\r\n",
        "a FETCH 1 (EMAILID)\r\n",
        "a FETCH 1 (THREADID)\r\n",
        "a FETCH 1 (PREVIEW)\r\n",
        "a FETCH 1 (PREVIEW (LAZY))\r\n",
        "a UID FETCH 1:9 FLAGS (PARTIAL 1:5)\r\n",
        "a FETCH 1:* FLAGS (CHANGEDSINCE 0)\r\n",
        "a FETCH 1 BODY[]<0.4294967296>\r\n",
        "a UIDBATCHES 2000\r\n",
        "a GETMETADATA INBOX (DEPTH 1) /private/x\r\n",
        "a NOTIFY NONE\r\n",
        "a NOTIFY SET (personal (MailboxName))\r\n",
        "a CREATE x (USE (\\Sent))\r\n",
        "a LIST (SUBSCRIBED) \"\" *\r\n",
        "a LIST \"\" (a b)\r\n",
        "a LIST \"\" * RETURN (CHILDREN)\r\n",
        "a LIST \"\" * RETURN (METADATA (/private/comment))\r\n",
        "a STATUS x (MAILBOXID)\r\n",
        "a STATUS x (APPENDLIMIT)\r\n",
        "a FETCH $ FLAGS\r\n",
        "a UID EXPUNGE $\r\n",
        "a CANCELUPDATE \"b\"\r\n",
        "a SEARCH RETURN (PARTIAL 1:5) ALL\r\n",
        "a SEARCH $\r\n",
        "a SEARCH FUZZY SEEN\r\n",
        "a ESEARCH SEEN\r\n",
        "a ESEARCH IN (personal) RETURN (COUNT) SEEN\r\n",
        "a SEARCH FILTER on-the-road\r\n",
        "a SEARCH UIDAFTER 5\r\n",
        "a SEARCH UIDBEFORE 5\r\n",
        "a SEARCH EMAILID M1\r\n",
        "a SEARCH THREADID T1\r\n",
        "a SEARCH SAVEDBEFORE 1-Jan-2020\r\n",
        "a SEARCH SAVEDON 1-Jan-2020\r\n",
        "a SEARCH SAVEDSINCE 1-Jan-2020\r\n",
        "a SEARCH SAVEDATESUPPORTED\r\n",
        "a SORT RETURN () (DATE) UTF-8 ALL\r\n",
        "a GENURLAUTH \"imap://joe@example.com/INBOX/;uid=20;urlauth=anonymous\" INTERNAL\r\n",
        "a RESETKEY INBOX\r\n",
        "a URLFETCH \"imap://joe@example.com/\"\r\n",
        "a UNAUTHENTICATE\r\n",
        "a GETJMAPACCESS\r\n",
        "a SETACL x y lr\r\n",
        "a DELETEACL x y\r\n",
        "a GETACL x\r\n",
        "a LISTRIGHTS x y\r\n",
        "a MYRIGHTS x\r\n",
        "a REPLACE 4 INBOX {0}\r\n\r\n",
        "a UID REPLACE 4 INBOX {0}\r\n\r\n",
        "a APPEND INBOX {0}\r\n {0}\r\n\r\n",
        "a APPEND INBOX UTF8 (~{0}\r\n)\r\n",
        "a APPEND INBOX CATENATE (URL \"/INBOX/;UID=1\")\r\n",
    ] {
        let decoded = CommandCodec::default().decode(command.as_bytes());
        assert!(decoded.is_err(), "the codec reads {command:?} by itself now");
    }
}
