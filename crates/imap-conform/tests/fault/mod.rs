//! A proxy that makes one fault in what a server says.

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, copy};
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
}

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
        let (from_server, mut to_server) = server.into_split();
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
            _ = copy(&mut from_client, &mut to_server) => {}
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
        }
    }
}
