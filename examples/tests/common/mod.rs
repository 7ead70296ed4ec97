//! What the tests of several backends use.

use imap_backend::{Mailbox, PollReason};
use imap_backend_test::{Outcome, Report};
use imap_updates::{Closed, Ended, Followers, Untagged, UpdateBuffer, kind};

/// Everything passed, and in each of these areas so many cases at least were not skipped.
#[track_caller]
pub(crate) fn passed(report: &Report, areas: &[(&str, usize)]) {
    report.assert_passed();
    for (area, least) in areas {
        let ran = report.results().filter(|(case, how)| case.area == *area && **how == Outcome::Passed);
        assert!(ran.count() >= *least, "{area}: {report}");
    }
}

/// What a client hears at NOOP, and whether the mailbox has ended.
#[allow(dead_code, reason = "not every test of a backend asks by itself")]
pub(crate) async fn noop(
    mailbox: &mut impl Mailbox,
    updates: &mut UpdateBuffer,
) -> (Vec<String>, Option<Closed>) {
    let command = updates.begin(kind::Noop);
    mailbox.poll(PollReason::Asked).await.unwrap();
    let drained = updates.drain(command.permit(Followers::None));
    let text = |response: Untagged<'_>| match response {
        Untagged::Exists(messages) => format!("{messages} EXISTS"),
        Untagged::Recent(messages) => format!("{messages} RECENT"),
        Untagged::Expunge(seq) => format!("{seq} EXPUNGE"),
        Untagged::Fetch { seq, flags, .. } => format!("{seq} FETCH {flags}"),
        other => panic!("{other:?}"),
    };
    let heard = (drained.iter().map(text).collect(), drained.ended().and_then(Ended::mailbox));
    updates.written(drained);
    heard
}
