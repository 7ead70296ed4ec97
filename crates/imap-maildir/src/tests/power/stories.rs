//! The stories that are told.

use super::expected::{Expected, Mailbox, Message, Presence};
use super::story::{Story, long};
use super::*;

/// A new user: every command, in an account of this server's making.
pub(super) async fn a_new_account(mut story: Story) -> Story {
    story.append("INBOX", "one", "").await;
    story.append("INBOX", "two", "\\Seen todo").await;
    story.look("INBOX").await;
    story.annotate("INBOX", "/private/comment", Some("first")).await;
    story
        .annotate("INBOX", "/private/comment", Some("second\r\nline"))
        .await;
    story
        .annotate("", "/shared/vendor/x", Some("of the server"))
        .await;
    // A quiet time: the mailbox is closed, and all that is known of it is on the disk.
    story.open_account().await;
    story.write_back();
    story.store("INBOX", "one", "\\Seen later").await;
    story.create("work").await;
    story.append("work", "three", "").await;
    story.copy("INBOX", "work", &["one", "two"]).await;
    story.append("INBOX", "four", "\\Flagged").await;
    story.append("INBOX", "five", "").await;
    story.append("INBOX", "one again", "\\Flagged").await;
    story.move_to("INBOX", "work", &["four", "five"]).await;
    story
        .append_together("work", &["left", "middle", "right"], ("INBOX", "one again"))
        .await;
    story.change_together("work", &["left", "middle"], "right").await;
    story.subscribe("work").await;
    story.subscribe("INBOX").await;
    story.unsubscribe("INBOX").await;
    story.create("work.old").await;
    story.move_to("work", "work.old", &["three"]).await;
    story.annotate("work", "/shared/comment", Some("of work")).await;
    story.rename("work", "office").await;
    story.annotate("INBOX", "/private/comment", None).await;
    story.append("office", "six", "\\Seen").await;
    story.expunge("office", "one").await;
    story.copy_octets("office", "office.old", "six").await;
    story.create("short").await;
    story.append("short", "seven", "").await;
    story
        .annotate("short", "/private/comment", Some("of short"))
        .await;
    story.delete("short").await;
    story.create("short").await;
    story.append("short", "eight", "").await;
    story.deliver("INBOX", "new/9.delivered", "nine");
    story.look("INBOX").await;
    story.append("INBOX", "ten", "").await;
    story.rename_inbox("archive").await;
    story.look("archive").await;
    story.append("INBOX", "eleven", "").await;
    story
}

/// An account that other software made.
pub(super) async fn a_foreign_account(mut story: Story) -> Story {
    story.look("INBOX").await;
    // What is in files of former versions is taken over, and then changes.
    story.annotate("INBOX", "/private/comment", Some("new")).await;
    story.annotate("partial", "/private/comment", Some("new")).await;
    story.annotate("", "/private/comment", Some("new")).await;
    story.append("partial", "three", "").await;
    story.look("sparse").await;
    story.append("sparse", "four", "\\Flagged").await;
    story.move_to("INBOX", "sparse", &["one"]).await;
    story.look("courier").await;
    story.append("courier", "five", "").await;
    story.expunge("courier", "five").await;
    story.delete("courier").await;
    story.fail_to_move("sparse", "partial", "sparse").await;
    story
}

/// One thing that clients or another program do.
#[derive(Clone, Copy, Debug)]
pub(super) enum Act {
    Append {
        to: &'static str,
        with: &'static str,
    },
    Deliver,
    Restart,
    Stay {
        at: &'static str,
    },
    Look {
        at: &'static str,
    },
    Store {
        at: &'static str,
        which: usize,
        with: &'static str,
    },
    Expunge {
        at: &'static str,
        which: usize,
    },
    Copy {
        from: &'static str,
        to: &'static str,
        which: usize,
    },
    Move {
        from: &'static str,
        to: &'static str,
        which: usize,
    },
}

/// A new user with two mailboxes does anything.
pub(super) async fn anything(mut story: Story, acts: Vec<Act>) -> Story {
    story.look("INBOX").await;
    story.create("other").await;
    for act in acts {
        story.act(act).await;
    }
    story
}

/// What that other software made, all of it durable.
pub(super) fn made_by_others(root: &Path) -> Expected {
    let mailbox = |directory: &str| root.join(directory);
    deliver(root, "new/1.one", &stored("one"));
    deliver(root, "cur/2.two:2,S", &stored("two"));
    // Most records of this list are about files that are gone: it is written anew.
    let sparse = mailbox(".sparse");
    let records: String = (1..=20).map(|uid| format!("{uid} :{uid}.x\n")).collect();
    deliver(&sparse, "cur/3.x:2,S", &stored("sparse"));
    let list = format!("3 V77 N21 G0123456789abcdef0123456789abcdef\n{records}");
    std::fs::write(sparse.join("dovecot-uidlist"), list).unwrap();
    // Only `cur/` is there, and a list to which is appended.
    std::fs::create_dir_all(mailbox(".partial/cur")).unwrap();
    let list = "3 V78 N5 Gfedcba9876543210fedcba9876543210\n";
    std::fs::write(mailbox(".partial").join("dovecot-uidlist"), list).unwrap();
    deliver(&mailbox(".courier"), "cur/4.x:2,", &stored("courier"));
    std::fs::write(mailbox(".courier").join("courierimapuiddb"), "1 79 9\n8 4.x\n").unwrap();
    let mut expected = Expected::default();
    for (name, texts) in [
        ("INBOX", &["one", "two"][..]),
        ("sparse", &["sparse"]),
        ("partial", &[]),
        ("courier", &["courier"]),
    ] {
        let mut mailbox = Mailbox::new(name, Presence::Certain);
        for text in texts {
            let certain = Message {
                presence: Presence::Certain,
                ..Message::possible()
            };
            mailbox.messages.insert(long(text), certain);
        }
        expected.mailboxes.push(mailbox);
    }
    for (name, file) in [
        ("INBOX", "annotations"),
        ("partial", ".partial/annotations"),
        ("", "server-annotations"),
    ] {
        let text = format!("V\t1\n/private/comment\told\n/shared/comment\tof {name}\n");
        std::fs::write(root.join(file), text).unwrap();
        let known = [
            ("/private/comment", "old".to_owned()),
            ("/shared/comment", format!("of {name}")),
        ];
        let known = known.map(|(entry, value)| (entry.to_owned(), vec![Some(value)]));
        expected.annotations(name).extend(known);
    }
    expected
}

fn stored(text: &str) -> String {
    long(text).replace("\r\n", "\n")
}

/// Nothing is there, not even the account's directory.
pub(super) fn made_by_nobody(_: &Path) -> Expected {
    Expected {
        mailboxes: vec![Mailbox::new("INBOX", Presence::Certain)],
        ..Expected::default()
    }
}

impl Story {
    /// Does one thing, where there is something to do it with.
    async fn act(&mut self, act: Act) {
        let label = self.new_text();
        match act {
            Act::Append { to, with } => self.append(to, &label, with).await,
            Act::Deliver => self.deliver("INBOX", &format!("new/9.{label}"), &label),
            Act::Look { at } => self.look(at).await,
            Act::Restart => self.open_account().await,
            Act::Stay { at } => self.stay(at).await,
            Act::Store { at, which, with } => {
                if let Some(text) = self.pick(at, which, None) {
                    self.store(at, &text, with).await;
                }
            }
            Act::Expunge { at, which } => {
                if let Some(text) = self.pick(at, which, None) {
                    self.expunge(at, &text).await;
                }
            }
            Act::Copy { from, to, which } => {
                if let Some(text) = self.pick(from, which, Some(to)) {
                    self.copy(from, to, &[&text]).await;
                }
            }
            Act::Move { from, to, which } => {
                if let Some(text) = self.pick(from, which, Some(to)) {
                    self.move_to(from, to, &[&text]).await;
                }
            }
        }
    }
}
