//! The whole run, against the server of this workspace in memory: nothing is found; and each of some faults is.
#![cfg(feature = "program")]
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod fault;

use std::num::NonZeroU32;
use std::time::Duration;

use fault::{Fault, OF_EXTENSIONS, OF_LIMITS};
use imap_backend_test::MemoryBackend;
use imap_conform::run::{Plan, Report, Verdict, run};
use imap_conform::{Target, acceptor};
use imap_server::{Limits, PlaintextLogin, Server, Shutdown};
use tokio::net::TcpListener;

/// The user's mail, with a quota.
fn backend() -> MemoryBackend {
    let backend = MemoryBackend::new("joe", "sec\"ret");
    backend.limit(Some(100_000), Some(1 << 40));
    backend
}

/// A server in memory, on a port of its own.
async fn server() -> String {
    serve(Server::builder(backend()).build(), "127.0.0.1:0").await
}

/// One that handles three messages at once, and says where JMAP is.
async fn limited() -> String {
    let mut limits = Limits::default();
    limits.message_limit = NonZeroU32::new(3);
    let server = Server::builder(backend())
        .limits(limits)
        .jmap("https://example.org/jmap");
    serve(server.build(), "127.0.0.1:0").await
}

async fn serve(server: Server<MemoryBackend>, address: &str) -> String {
    let sockets = TcpListener::bind(address).await.unwrap();
    let address = sockets.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        while let Ok((stream, address)) = sockets.accept().await {
            let server = server.clone();
            tokio::spawn(async move {
                let peer = imap_backend::Peer::new(Some(address), imap_backend::Transport::Plain);
                server.serve_connection(stream, peer, Shutdown::new()).await;
            });
        }
    });
    address
}

fn plan(address: String) -> Plan {
    Plan {
        target: Target::plain(address),
        user: "joe".to_owned(),
        password: "sec\"ret".to_owned(),
        only: None,
        seed: 1,
        random: Duration::from_millis(500),
        patience: Duration::from_secs(60),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_found_in_the_server_of_this_workspace() {
    let report = run(&plan(server().await), |_| {}).await.unwrap();
    assert_eq!(report.failed(), 0, "{report}");
    // A limit of messages, JMAP, and PARTIAL in URLs are not offered.
    assert_eq!(report.skipped(), 4, "{report}");
    assert!(report.passed() >= 165, "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_found_in_a_server_with_limits() {
    let address = limited().await;
    for (_, case) in OF_LIMITS {
        let report = only(address.clone(), case).await;
        assert_eq!((report.passed(), report.failed()), (1, 0), "{report}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_run_leaves_nothing_behind_and_touches_nothing_else() {
    let address = server().await;
    let report = run(&plan(address.clone()), |_| {}).await.unwrap();
    assert!(!report.to_string().contains("left behind"), "{report}");
    let again = run(
        &Plan {
            only: Some("delimiter".to_owned()),
            ..plan(address)
        },
        |_| {},
    )
    .await
    .unwrap();
    assert_eq!(again.outcomes().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_an_error_and_no_verdict() {
    let plan = Plan {
        password: "wrong".to_owned(),
        ..plan(server().await)
    };
    let error = run(&plan, |_| {}).await.unwrap_err();
    assert!(error.starts_with("LOGIN is answered"), "{error}");
}

/// RFC 9051, section 6.2.1: TLS begins in the middle of the connection, and what follows is judged.
#[tokio::test(flavor = "multi_thread")]
async fn rfc9051_6_2_1_a_server_that_takes_passwords_over_tls_alone_is_judged_behind_starttls() {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key) = (folder.path().join("certificate"), folder.path().join("key"));
    std::fs::write(&certificate, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let tls = acceptor(&certificate, &key).unwrap().config().clone();
    let server = Server::builder(MemoryBackend::new("joe", "sec\"ret"))
        .tls(tls)
        .plaintext_login(PlaintextLogin::Never);
    let address = serve(server.build(), "localhost:0").await;
    let port = address.rsplit_once(':').unwrap().1;
    let address = format!("localhost:{port}");
    let behind_starttls = Plan {
        target: Target::starttls(address.clone(), Some(&certificate)).unwrap(),
        only: Some("sessions".to_owned()),
        ..plan(address.clone())
    };
    let report = run(&behind_starttls, |_| {}).await.unwrap();
    assert_eq!(report.failed(), 0, "{report}");
    assert!(report.passed() >= 10, "{report}");
    let error = run(&plan(address), |_| {}).await.unwrap_err();
    assert!(
        error.contains("LOGINDISABLED") && error.contains("say --starttls"),
        "{error}"
    );
}

/// Runs what has this in its name.
async fn only(address: String, name: &str) -> Report {
    let plan = Plan {
        only: Some(name.to_owned()),
        ..plan(address)
    };
    let report = run(&plan, |_| {}).await;
    report.unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Runs what has this in its name, against the server with a fault in front of it.
async fn with_fault(fault: Fault, name: &str) -> Report {
    only(fault.before(server().await).await, name).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_random_sessions_find_is_made_short() {
    let report = with_fault(Fault::DropsExpunge, "at random").await;
    let Verdict::Failed { what, transcript } = &report.outcomes()[0].verdict else {
        panic!("nothing was found: {report}");
    };
    let steps = what.lines().filter(|line| line.starts_with("session ")).count();
    assert!((1..=8).contains(&steps), "{what}");
    assert!(transcript.contains("EXPUNGE"), "{transcript}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fault_is_found_by_the_case_that_is_about_it() {
    for (fault, case) in Fault::ALL.iter().chain(OF_EXTENSIONS) {
        let report = with_fault(*fault, case).await;
        assert_eq!(report.failed(), 1, "{fault:?}, {case}: {report}");
    }
    for (fault, case) in OF_LIMITS {
        let report = only(fault.before(limited().await).await, case).await;
        assert_eq!(report.failed(), 1, "{fault:?}, {case}: {report}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_is_a_page_and_xml_with_what_was_said() {
    let report = with_fault(Fault::OtherSize, "RFC822.SIZE is the size").await;
    let (page, xml) = (report.html().unwrap(), report.junit().unwrap());
    for text in [&page, &xml] {
        assert!(text.contains("RFC 9051 2.3.4") && text.contains("S: "), "{text}");
    }
    assert!(
        page.contains("color-scheme") && !page.contains("<script"),
        "{page}"
    );
    assert!(xml.contains("<failure"), "{xml}");
    // What no case is about is not passed over in silence.
    let listed = report.not_judged().join(" ");
    assert!(
        listed.contains("INPROGRESS") && !listed.contains("IDLE"),
        "{listed}"
    );
    for text in [&page, &xml, &report.to_string()] {
        assert!(
            text.to_lowercase().contains("offered, not judged: ") && text.contains(&listed),
            "{text}"
        );
    }
    // What failed stands at the top, and leads to what was said.
    let place = "messages-RFC822-SIZE-is-the-size";
    let link = page.find(&format!("href=\"#{place}\"")).unwrap();
    assert!(link < page.find(&format!("id=\"{place}\"")).unwrap(), "{page}");
}
