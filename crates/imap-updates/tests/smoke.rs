//! One walk through the life of a session.
use imap_seq::{Uid, UidSet};
use imap_updates::*;

fn uid(n: u32) -> Uid {
    Uid::new(n).unwrap()
}
fn lines(d: &Drained) -> Vec<String> {
    d.iter()
        .map(|u| match u {
            Untagged::Fetch { seq, uid, flags, .. } => format!("{seq} FETCH {uid} {flags}"),
            Untagged::Expunge(n) => format!("{n} EXPUNGE"),
            Untagged::Exists(n) => format!("{n} EXISTS"),
            Untagged::Recent(n) => format!("{n} RECENT"),
            other => format!("{other:?}"),
        })
        .collect()
}

#[test]
fn walk() {
    let hub = MailboxHub::new((), (1..=3).map(uid).collect()).unwrap();
    let mut a = hub.subscribe(Access::ReadWrite);
    let mut b = hub.subscribe(Access::ReadWrite);
    {
        let mut g = hub.lock();
        assert_eq!(g.expunge(&[uid(1)].into_iter().collect::<UidSet>()).len(), 1);
        assert_eq!(g.arrive(uid(4), Recency::Recent), Ingest::Applied);
        assert_eq!(
            g.flags_changed(uid(2), Flags::from_iter([Flag::Seen]), a.origin(), Echo::Silent),
            Ingest::Applied
        );
    }
    let command = b.begin(kind::Fetch);
    let d = b.drain(Release::hold());
    assert_eq!(lines(&d), ["2 FETCH 2 (\\Seen)", "4 EXISTS", "1 RECENT"]);
    b.written(d);
    drop(command);
    let command = b.begin(kind::Noop);
    let d = b.drain(command.permit(Followers::None));
    assert_eq!(lines(&d), ["1 EXPUNGE"]);
    b.written(d);
    let command = a.begin(kind::Noop);
    let d = a.drain(command.permit(Followers::None));
    assert_eq!(lines(&d), ["1 EXPUNGE", "3 EXISTS"]);
    a.written(d);
    println!("{}", std::mem::size_of::<UpdateBuffer>());
}
