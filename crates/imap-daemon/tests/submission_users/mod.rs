//! Who may fetch what was authorized for submission. Shared by the tests of the programs.

use crate::common::Running;

/// RFC 4467, section 3: `submit+` is for the submission server alone.
///
/// The server was started with `--submission-users postman`. Its users are ada, password `secret`, with a message in INBOX whose text
/// is `Hello, Ada.`; postman and bob, password `other`.
pub fn assert_they_alone_fetch(server: &Running) {
    let mut ada = server.login("ada", "secret");
    ada.ok("SELECT INBOX");
    let rump = "imap://ada@h/INBOX/;uid=1/;section=TEXT;urlauth=submit+bob";
    let made = ada.ok(&format!("GENURLAUTH \"{rump}\" INTERNAL"));
    let token = made.split_once(rump).and_then(|(_, rest)| rest.split_once('"'));
    let fetch = format!("URLFETCH \"{rump}{}\"", token.unwrap().0);
    let fetched = server.login("postman", "other").ok(&fetch);
    assert!(fetched.contains("Hello, Ada."), "{fetched}");
    for (user, password) in [("ada", "secret"), ("bob", "other")] {
        let fetched = server.login(user, password).ok(&fetch);
        assert!(fetched.contains("\" NIL\n"), "{user}: {fetched}");
    }
}
