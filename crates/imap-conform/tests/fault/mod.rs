//! A proxy that makes one fault in what a server says.

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::tcp::{OwnedWriteHalf, ReadHalf};
use tokio::net::{TcpListener, TcpStream};

/// What it does with lines of the server.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    /// `* n EXPUNGE` is not passed on.
    DropsExpunge,
    /// RFC822.SIZE has another first digit.
    OtherSize,
    /// LOGOUT is answered without BYE.
    DropsBye,
    /// SELECT is answered without READ-WRITE.
    DropsRead,
    /// NO in place of OK for what STORE answers.
    RefusesStore,
    /// `\Seen` is never told.
    HidesSeen,
    /// APPENDUID with another UID.
    OtherAppendUid,
    /// No COPYUID.
    DropsCopyUid,
    /// VANISHED (EARLIER) is not passed on.
    DropsEarlier,
    /// TRYCREATE is not said.
    DropsTryCreate,
    /// Lines with these words are not passed on.
    Drops(&'static str),
    /// These words are others.
    Says(&'static [(&'static str, &'static str)]),
    /// Lines that begin like this have more at their end.
    Adds(&'static str, &'static str),
    /// What the client says comes to the server as something else: it does what it was not told.
    Hears(&'static str, &'static str),
}

use Fault::{Adds, Drops, Hears, Says};

/// Each with a case that is about it, on a server that limits nothing.
pub(crate) const OF_EXTENSIONS: &[(Fault, &str)] = &[
    (
        Hears("AUTHENTICATE PLAIN ", "AUTHENTICATE PLAIN x"),
        "AUTHENTICATE may say all",
    ),
    (Says(&[("OK DEFLATE", "NO DEFLATE")]), "after COMPRESS both"),
    (Says(&[("OK DEFLATE", "NO DEFLATE")]), "COMPRESS a second time"),
    (
        Hears("99-Foo-2024", "01-Jan-2024"),
        "where one of several messages",
    ),
    (Says(&[("[TOOBIG]", "[LIMIT]")]), "longer than APPENDLIMIT"),
    (
        Says(&[("(APPENDLIMIT ", "(X-LIMIT ")]),
        "STATUS tells APPENDLIMIT",
    ),
    (
        Says(&[("BINARY[1] ", "BODY[1] ")]),
        "a message is stored as a literal8",
    ),
    (
        Says(&[("BINARY.SIZE[1] 7", "BINARY.SIZE[1] 12")]),
        "BINARY.SIZE is",
    ),
    (
        Says(&[("NO [TRYCREATE]", "OK [TRYCREATE]")]),
        "REPLACE that fails",
    ),
    (Hears("(\\Seen)", "(\\Seen \\Flagged)"), "a message that replaces"),
    (Says(&[(" COUNT 1", " COUNT 2")]), "ESEARCH answers for each"),
    (Drops("* 3 FETCH"), "ESEARCH leaves"),
    (Says(&[(" BAD ", " NO ")]), "ESEARCH of the selected"),
    (
        Says(&[("* SEARCH 2 3 4", "* SEARCH 2 3")]),
        "a filter is the search",
    ),
    (
        Says(&[("[UNDEFINED-FILTER", "[NONEXISTENT")]),
        "a filter that there is not",
    ),
    (Says(&[("OK SEARCH", "BAD SEARCH")]), "FUZZY is taken"),
    (Says(&[("* SEARCH\r\n", "* SEARCH 1\r\n")]), "the save date is"),
    (
        Says(&[("SAVEDATE \"", "SAVEDATE \"x")]),
        "a copy leaves the save date",
    ),
    (Drops("ADDTO"), "results are kept up to date"),
    (Drops("REMOVEFROM"), "what is no result any more"),
    (Says(&[("ALL 4,3,2", "ALL 2:4")]), "SORT RETURN gives"),
    (Says(&[("* SORT 3 2 1", "* SORT 3 1 2")]), "DISPLAYFROM goes"),
    (Says(&[("(2 3)", "(2)(3)")]), "THREAD ORDEREDSUBJECT"),
    (Says(&[("(2 3)", "(2)(3)")]), "THREAD REFERENCES"),
    (Says(&[("(1 2 3)", "(1 3 2)")]), "THREAD REFS"),
    (Says(&[("ADDTO (1 ", "ADDTO (3 ")]), "a sorted result is kept"),
    (Says(&[("* SEARCH 1", "* SEARCH")]), "letters above ASCII"),
    (Says(&[("UIDNEXT ", "UNSEEN ")]), "NOTIFY SET STATUS"),
    (
        Says(&[("message number 2", "message number 3")]),
        "NOTIFY of the selected",
    ),
    (
        Says(&[("BADEVENT (", "BADEVENT (AnnotationChange ")]),
        "an event that is not supported",
    ),
    (
        Says(&[("[UIDREQUIRED]", "[CANNOT]")]),
        "after ENABLE UIDONLY numbers",
    ),
    (Drops("* VANISHED"), "after ENABLE UIDONLY an expunge"),
    (Hears("(PARTIAL -1:-2)", "(PARTIAL 1:2)"), "PARTIAL counts"),
    (Says(&[(" 3:1\r\n", " 3:2\r\n")]), "UIDBATCHES has"),
    (
        Says(&[("[MAILBOXID (", "[MAILBOXID (x")]),
        "CREATE, SELECT and STATUS",
    ),
    (Hears("LIST (SPECIAL-USE)", "LIST"), "LIST (SPECIAL-USE) lists"),
    (Says(&[("\\HasChildren", "\\HasNoChildren")]), "LIST tells which"),
    (Hears(" NIL)", " \"of conform\")"), "an annotation comes back"),
    (Hears("(MAXSIZE 9) ", ""), "longer than MAXSIZE"),
    (Hears("(DEPTH 0)", "(DEPTH 1)"), "DEPTH says"),
    (Says(&[(" BAD ", " NO ")]), "an entry with a wildcard"),
    (Hears(" NIL)", " \"of conform\")"), "the server can be annotated"),
    (Drops("* METADATA"), "LIST RETURN (METADATA)"),
    (Drops("* QUOTAROOT"), "GETQUOTAROOT is answered"),
    (Drops("* QUOTA "), "GETQUOTAROOT tells"),
    (
        Says(&[("QUOTA=RES-MESSAGE", "QUOTA=RES-MAILBOX")]),
        "resources are those",
    ),
    (Says(&[("MESSAGE 2 ", "MESSAGE 1 ")]), "a message more"),
    (Says(&[(" anyone l", " nobody l")]), "SETACL gives"),
    (Hears("DELETEACL", "GETACL"), "DELETEACL leaves"),
    (Says(&[(" BAD ", " NO ")]), "a right that there is not"),
    (
        Says(&[("RIGHTS=texk", "RIGHTS=texkn")]),
        "the rights that RIGHTS=",
    ),
    (Adds("* LISTRIGHTS", " l"), "LISTRIGHTS names"),
    (Says(&[("teacd", "tea")]), "MYRIGHTS tells c and d"),
    (
        Says(&[("NO [NOPERM]", "OK [NOPERM]")]),
        "what the user has no right to",
    ),
    (Drops("* MYRIGHTS"), "LIST RETURN (MYRIGHTS)"),
    (Says(&[("The end.", "The End.")]), "CATENATE puts"),
    (Says(&[("[BADURL", "[X-BADURL")]), "CATENATE of what is not there"),
    (
        Says(&[("CATENATE ", "CATENATE URL-PARTIAL "), ("body", "Body")]),
        "a URL with PARTIAL",
    ),
    (Says(&[("This is", "That is")]), "URLFETCH gives"),
    (
        Says(&[("\" NIL\r\n", "\" \"x\"\r\n")]),
        "URLFETCH of a URL that was changed",
    ),
    (Says(&[("\" NIL\r\n", "\" \"x\"\r\n")]), "after RESETKEY"),
    (Says(&[("decoded", "encoded")]), "URLFETCH BINARY"),
];

/// Each with a case that is about it, on a server that limits messages and says where JMAP is.
pub(crate) const OF_LIMITS: &[(Fault, &str)] = &[
    (
        Says(&[("[MESSAGELIMIT", "[X-MESSAGELIMIT")]),
        "FETCH of more than MESSAGELIMIT",
    ),
    (
        Says(&[("[MESSAGELIMIT", "[X-MESSAGELIMIT")]),
        "COPY of more than the limit",
    ),
    (
        Says(&[("JMAPACCESS \"", "JMAPACCESS \"x")]),
        "GETJMAPACCESS tells",
    ),
];

impl Fault {
    /// Each with a case that is about it.
    pub(crate) const ALL: [(Self, &str); 10] = [
        (Self::DropsExpunge, "tells each"),
        (Self::OtherSize, "RFC822.SIZE is the size"),
        (Self::DropsBye, "LOGOUT says BYE"),
        (Self::DropsRead, "SELECT tells what is REQUIRED"),
        (Self::RefusesStore, "STORE sets, adds"),
        (Self::HidesSeen, "BODY[] sets"),
        (Self::OtherAppendUid, "APPEND tells the UID"),
        (Self::DropsCopyUid, "COPYUID says"),
        (Self::DropsEarlier, "tells what was missed"),
        (Self::DropsTryCreate, "says TRYCREATE"),
    ];

    /// The address of a server with this fault.
    pub(crate) async fn before(self, upstream: String) -> String {
        let sockets = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = sockets.local_addr().unwrap().to_string();
        tokio::spawn(async move {
            while let Ok((client, _)) = sockets.accept().await {
                let server = TcpStream::connect(&upstream).await.unwrap();
                tokio::spawn(self.pass(client, server));
            }
        });
        address
    }

    async fn pass(self, mut client: TcpStream, server: TcpStream) {
        client.set_nodelay(true).unwrap();
        server.set_nodelay(true).unwrap();
        let (mut from_client, mut to_client) = client.split();
        let (from_server, to_server) = server.into_split();
        let answers = async {
            let (mut lines, mut line) = (BufReader::new(from_server), Vec::new());
            while matches!(lines.read_until(b'\n', &mut line).await, Ok(1..)) {
                // The client may have gone.
                if let Some(line) = self.changed(&line)
                    && to_client.write_all(&line).await.is_err()
                {
                    return;
                }
                line.clear();
            }
        };
        tokio::select! {
            () = answers => {}
            () = self.hear(&mut from_client, to_server) => {}
        }
    }

    async fn hear(self, from_client: &mut ReadHalf<'_>, mut to_server: OwnedWriteHalf) {
        let mut octets = vec![0; 64 << 10];
        while let Ok(read @ 1..) = from_client.read(&mut octets).await {
            let said = &octets[..read];
            let heard = match (self, std::str::from_utf8(said)) {
                (Hears(old, new), Ok(text)) => text.replace(old, new).into_bytes(),
                _ => said.to_vec(),
            };
            if to_server.write_all(&heard).await.is_err() {
                return;
            }
        }
    }

    fn changed(self, line: &[u8]) -> Option<Vec<u8>> {
        let Ok(text) = std::str::from_utf8(line) else {
            return Some(line.to_vec());
        };
        let without = |words: &str| (!text.contains(words)).then(|| line.to_vec());
        let instead = |old: &str, new: &str| Some(text.replace(old, new).into_bytes());
        match self {
            Self::DropsExpunge => without(" EXPUNGE\r\n"),
            Self::OtherSize => {
                let digit = text.find("RFC822.SIZE ").map(|at| at + "RFC822.SIZE ".len());
                let mut line = line.to_vec();
                if let Some(digit) = digit.and_then(|at| line.get_mut(at)) {
                    *digit = if *digit == b'1' { b'2' } else { b'1' };
                }
                Some(line)
            }
            Self::DropsBye => without("* BYE"),
            Self::DropsRead => instead("[READ-WRITE] ", ""),
            Self::RefusesStore => instead("OK STORE", "NO STORE"),
            Self::HidesSeen => instead("\\Seen", "\\Draft"),
            Self::OtherAppendUid => match text.contains("APPENDUID") {
                true => instead("] ", "1] "),
                false => Some(line.to_vec()),
            },
            Self::DropsCopyUid => without("COPYUID").or_else(|| instead("[COPYUID", "[X-COPYUID")),
            Self::DropsEarlier => without("(EARLIER)"),
            Self::DropsTryCreate => instead("[TRYCREATE] ", ""),
            Drops(words) => without(words),
            Says(words) => {
                let said = |text: String, (old, new): &(&str, &str)| text.replace(old, new);
                Some(words.iter().fold(text.to_owned(), said).into_bytes())
            }
            Adds(begin, words) if text.starts_with(begin) => instead("\r\n", &format!("{words}\r\n")),
            Adds(..) | Hears(..) => Some(line.to_vec()),
        }
    }
}
