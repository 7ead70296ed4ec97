//! What clients do in an account, told step by step: the calls that reach the disk, and what was answered after which of them.

use super::disk::{self, Tree};
use super::expected::{Expected, Mailbox, Message, Presence};
use super::seen::{see_mailbox, sorted};
use super::*;
use crate::disk::interference::Moment;
use crate::disk::storage::recording::{Recorder, Recording};
use crate::disk::storage::{self, CWD, Call, Mode, OpenFor, faults};
use crate::format::maildirsize::Amount;
use crate::tests::together;

/// What was recorded of a story.
pub(super) struct Told {
    pub(super) recording: Recording,
    /// From so many steps on, this is expected; ascending.
    pub(super) expected: Vec<(usize, Expected)>,
    /// What was there in the end.
    pub(super) left: Tree,
}

impl Told {
    /// What is expected when the power fails after so many steps.
    pub(super) fn expected(&self, after: usize) -> &Expected {
        let next = self.expected.partition_point(|(from, _)| *from <= after);
        &self.expected[next - 1].1
    }
}

/// Records a story in a directory that `prepare` fills, after which the account is expected to be so.
pub(super) fn tell<F: Future<Output = Story>>(
    prepare: impl FnOnce(&Path) -> Expected,
    story: impl FnOnce(Story) -> F,
) -> Told {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let home = Arc::new(disk::home());
    let now = prepare(&home.path().join("u"));
    let begun = Story {
        recorder: Recorder::start(home.path()),
        fixture: Fixture::on(Arc::clone(&home)),
        account: None,
        staying: Vec::new(),
        expected: vec![(0, now.clone())],
        now,
        count: 0,
    };
    let story = runtime.block_on(async {
        let mut begun = begun;
        begun.open_account().await;
        story(begun).await
    });
    let Story {
        recorder,
        expected,
        fixture,
        account,
        staying,
        ..
    } = story;
    drop((staying, account, fixture));
    // What still runs on a blocking thread ends before that.
    drop(runtime);
    Told {
        recording: recorder.finish(),
        expected,
        left: disk::take(home.path()),
    }
}

/// A story while it is told.
pub(super) struct Story {
    recorder: Recorder,
    fixture: Fixture,
    /// Keeps mailboxes open from one command to the next.
    account: Option<MaildirSession>,
    /// Clients that have a mailbox selected: what arrives in it goes to `cur/` at once.
    staying: Vec<Client>,
    expected: Vec<(usize, Expected)>,
    now: Expected,
    count: i64,
}

impl Story {
    /// From here on, something else is expected: a command begins, or was answered.
    fn expect(&mut self, change: impl FnOnce(&mut Expected)) {
        change(&mut self.now);
        self.expected.push((self.recorder.steps(), self.now.clone()));
    }

    /// Forgets what is open, as a new process does.
    pub(super) async fn open_account(&mut self) {
        self.staying.clear();
        self.account = None;
        self.account = Some(self.fixture.session().await);
    }

    async fn session(&self) -> MaildirSession {
        self.fixture.session().await
    }

    pub(super) async fn append(&mut self, mailbox: &str, text: &str, with: &str) {
        self.count += 1;
        let (text, date) = (long(text), 1_000_000_000 + self.count);
        self.expect(|now| {
            let messages = &mut now.mailbox(mailbox).messages;
            messages.insert(text.clone(), Message::possible());
        });
        let internal_date = chrono::DateTime::from_timestamp(date, 0).unwrap().fixed_offset();
        let append = Append::new(flags(with)).with_internal_date(internal_date);
        let mut session = self.session().await;
        let appended = session
            .append(&name(mailbox), &append, Pieces::of(&text))
            .await
            .unwrap();
        self.expect(|now| {
            let mailbox = now.mailbox(mailbox);
            mailbox.uid_validity = Some(appended.uid_validity().get());
            mailbox.tell(&text, appended.uid().get());
            mailbox.keywords.extend(keywords(with));
            let message = mailbox.messages.get_mut(&text).unwrap();
            message.presence = Presence::Certain;
            message.flags = Some(sorted(&flags(with)));
            message.date = Some(date);
        });
    }

    /// Several clients add messages at once, and one of them copies another: all of it is made durable together.
    pub(super) async fn append_together(&mut self, mailbox: &str, texts: &[&str], copied: (&str, &str)) {
        let (from, copied) = copied;
        let (copied, uids) = self.known(from, &[copied]);
        let texts: Vec<_> = texts.iter().map(|text| long(text)).collect();
        self.expect(|now| {
            now.arriving(mailbox, &texts);
            now.arriving(mailbox, &copied);
        });
        let mut client = self.fixture.select(from).await;
        let target = name(mailbox);
        let copy = async { client.mailbox().copy(&uids, &target).await.unwrap() };
        let (added, copies) = together::append_beside(&self.fixture, mailbox, &texts, copy).await;
        self.expect(|now| {
            now.arrived(from, mailbox, &copied, &copies);
            for (text, uid) in texts.iter().zip(added) {
                let mailbox = now.mailbox(mailbox);
                mailbox.tell(text, uid);
                let message = mailbox.messages.get_mut(text).unwrap();
                (message.presence, message.flags) = (Presence::Certain, Some(Vec::new()));
            }
        });
    }

    /// Shows a client what is there.
    pub(super) async fn look(&mut self, mailbox: &str) {
        let seen = see_mailbox(&mut self.session().await, mailbox, &[])
            .await
            .unwrap();
        self.expect(|now| {
            let mailbox = now.mailbox(mailbox);
            mailbox.uid_validity = Some(seen.uid_validity);
            mailbox.leave(&seen);
            for message in seen.messages {
                mailbox.tell(&message.text, message.uid);
            }
        });
    }

    /// A client that looks, and stays.
    pub(super) async fn stay(&mut self, mailbox: &str) {
        self.look(mailbox).await;
        self.staying.push(self.fixture.select(mailbox).await);
    }

    pub(super) async fn store(&mut self, mailbox: &str, text: &str, with: &str) {
        let text = long(text);
        let uid = self.now.mailbox(mailbox).messages[&text].uid.unwrap();
        self.expect(|now| now.mailbox(mailbox).messages.get_mut(&text).unwrap().flags = None);
        let mut client = self.fixture.select(mailbox).await;
        client.store(&[uid], FlagAction::Add, with).await.unwrap();
        let seen = see_mailbox(&mut self.session().await, mailbox, &[])
            .await
            .unwrap();
        self.expect(|now| {
            let mailbox = now.mailbox(mailbox);
            mailbox.keywords.extend(keywords(with));
            let stored = seen.messages.iter().find(|message| message.text == text).unwrap();
            mailbox.messages.get_mut(&text).unwrap().flags = Some(stored.flags.clone());
            mailbox.leave(&seen);
        });
    }

    /// Several clients set `\Flagged` and one expunges, at once: all of it is made durable together.
    pub(super) async fn change_together(&mut self, mailbox: &str, flagged: &[&str], expunged: &str) {
        let (flagged, uids) = self.known(mailbox, flagged);
        let (expunged, gone) = self.known(mailbox, &[expunged]);
        let gone = gone.first().unwrap().get();
        let mut client = self.fixture.select(mailbox).await;
        self.expect(|now| {
            let messages = &mut now.mailbox(mailbox).messages;
            for text in &flagged {
                messages.get_mut(text).unwrap().flags = None;
            }
            messages.insert(expunged[0].clone(), Message::possible());
        });
        client.store(&[gone], FlagAction::Add, "\\Deleted").await.unwrap();
        let stores: Vec<_> = uids.iter().map(|uid| (uid.get(), "\\Flagged")).collect();
        together::change_beside(&self.fixture, mailbox, &stores, gone).await;
        let seen = see_mailbox(&mut self.session().await, mailbox, &[])
            .await
            .unwrap();
        self.expect(|now| {
            let mailbox = now.mailbox(mailbox);
            mailbox.messages.remove(&expunged[0]);
            for text in &flagged {
                let stored = seen
                    .messages
                    .iter()
                    .find(|message| message.text == *text)
                    .unwrap();
                assert!(stored.flags.iter().any(|flag| flag.contains("Flagged")));
                mailbox.messages.get_mut(text).unwrap().flags = Some(stored.flags.clone());
            }
            mailbox.leave(&seen);
        });
    }

    /// The system writes the mod-sequences of INBOX to the disk, as it does by itself after some time.
    pub(super) fn write_back(&mut self) {
        let root = storage::open_directory(CWD, &*self.fixture.root()).unwrap();
        let file = storage::open_file(&root, "imap-modseqs", OpenFor::Reading).unwrap();
        file.sync_all().unwrap();
    }

    pub(super) async fn expunge(&mut self, mailbox: &str, text: &str) {
        let text = long(text);
        let uid = self.now.mailbox(mailbox).messages[&text].uid.unwrap();
        self.expect(|now| {
            now.mailbox(mailbox)
                .messages
                .insert(text.clone(), Message::possible());
        });
        let mut client = self.fixture.select(mailbox).await;
        client.store(&[uid], FlagAction::Add, "\\Deleted").await.unwrap();
        client.mailbox().expunge(&set(&[uid])).await.unwrap();
        let seen = see_mailbox(&mut self.session().await, mailbox, &[])
            .await
            .unwrap();
        self.expect(|now| {
            now.mailbox(mailbox).messages.remove(&text);
            now.mailbox(mailbox).leave(&seen);
        });
    }

    pub(super) async fn copy(&mut self, from: &str, to: &str, texts: &[&str]) {
        let (texts, uids) = self.known(from, texts);
        self.expect(|now| now.arriving(to, &texts));
        let mut client = self.fixture.select(from).await;
        let copied = client.mailbox().copy(&uids, &name(to)).await.unwrap();
        self.expect(|now| now.arrived(from, to, &texts, &copied));
    }

    pub(super) async fn move_to(&mut self, from: &str, to: &str, texts: &[&str]) {
        let (texts, uids) = self.known(from, texts);
        self.expect(|now| {
            now.arriving(to, &texts);
            now.leaving(from, &texts);
        });
        let mut client = self.fixture.select(from).await;
        let moved = client.mailbox().move_to(&uids, &name(to)).await.unwrap();
        self.expect(|now| {
            now.arrived(from, to, &texts, &moved);
            now.left(from, &texts);
        });
    }

    /// COPY where no file can be linked.
    pub(super) async fn copy_octets(&mut self, from: &str, to: &str, text: &str) {
        let (texts, uids) = self.known(from, &[text]);
        self.expect(|now| now.arriving(to, &texts));
        let source = self.fixture.select(from).await.open();
        let target = self.fixture.select(to).await.open();
        let originals = source.originals(&uids).unwrap();
        let copies = faults::with(Call::Link, std::io::ErrorKind::CrossesDevices, || {
            source
                .prepare_copies(&target, &originals, imap_backend::Rights::ALL)
                .unwrap()
        });
        let uid_validity = target.uid_validity;
        let session = self.session().await;
        let added = session.account().add_messages(&target, copies, Amount::default());
        let added = added.await.unwrap();
        let copied = imap_backend::Copied::new(uid_validity, uids.iter().zip(added));
        self.expect(|now| now.arrived(from, to, &texts, &copied));
    }

    /// MOVE that ends with NO after the message came into the target: somebody takes the lock away.
    pub(super) async fn fail_to_move(&mut self, from: &str, to: &str, text: &str) {
        let (texts, uids) = self.known(from, &[text]);
        self.expect(|now| {
            now.arriving(to, &texts);
            now.leaving(from, &texts);
        });
        let target = self.fixture.select(to).await.open();
        let directory = Arc::clone(&target.directory);
        target.directory.moments().set(move |moment| {
            if moment == Moment::PlacedDurably {
                storage::unlink(directory.root(), "dovecot-uidlist.lock").unwrap();
            }
        });
        let mut client = self.fixture.select(from).await;
        assert!(client.mailbox().move_to(&uids, &name(to)).await.is_err());
        target.directory.moments().clear();
    }

    /// A text that no message has.
    pub(super) fn new_text(&self) -> String {
        format!("m{}", self.expected.len())
    }

    /// The which-th of the messages that are certain in a mailbox, and absent from another one.
    pub(super) fn pick(&mut self, mailbox: &str, which: usize, absent_from: Option<&str>) -> Option<String> {
        let there = absent_from.map(|other| self.now.mailbox(other).messages.clone());
        let there = there.unwrap_or_default();
        let messages = &self.now.mailbox(mailbox).messages;
        let is_certain = |message: &Message| message.presence == Presence::Certain && message.uid.is_some();
        let candidates = messages
            .iter()
            .filter(|(text, message)| is_certain(message) && !there.contains_key(*text));
        let texts: Vec<_> = candidates.map(|(text, _)| text).collect();
        let text = texts.get(which % texts.len().max(1))?;
        let label = text.lines().next()?.strip_prefix("Subject: ")?;
        Some(label.to_owned())
    }

    fn known(&mut self, mailbox: &str, texts: &[&str]) -> (Vec<String>, UidSet) {
        let mailbox = self.now.mailbox(mailbox);
        let mut texts: Vec<_> = texts.iter().map(|text| long(text)).collect();
        texts.sort_by_key(|text| mailbox.messages[text].uid.unwrap());
        let uids = texts.iter().map(|text| mailbox.messages[text].uid.unwrap());
        let uids = set(&uids.collect::<Vec<_>>());
        (texts, uids)
    }

    pub(super) async fn create(&mut self, mailbox: &str) {
        self.expect(|now| now.mailboxes.push(Mailbox::new(mailbox, Presence::Possible)));
        create(&mut self.session().await, mailbox).await.unwrap();
        self.expect(|now| now.mailbox(mailbox).presence = Presence::Certain);
    }

    pub(super) async fn delete(&mut self, mailbox: &str) {
        self.expect(|now| now.mailbox(mailbox).presence = Presence::Possible);
        self.session().await.delete(&name(mailbox)).await.unwrap();
        self.expect(|now| {
            if let Some(uid_validity) = now.mailbox(mailbox).uid_validity {
                now.retired.insert(mailbox.to_owned(), uid_validity);
            }
            now.mailboxes.retain(|known| known.names != [mailbox]);
        });
    }

    pub(super) async fn rename(&mut self, from: &str, to: &str) {
        let renamed = |name: &str| name.strip_prefix(from).map(|rest| format!("{to}{rest}"));
        self.expect(|now| {
            for mailbox in &mut now.mailboxes {
                mailbox.names.extend(renamed(&mailbox.names[0]));
            }
        });
        self.session().await.rename(&name(from), &name(to)).await.unwrap();
        self.expect(|now| {
            let in_both = now
                .mailboxes
                .iter_mut()
                .filter(|mailbox| mailbox.names.len() == 2);
            in_both.for_each(|mailbox| drop(mailbox.names.remove(0)));
        });
    }

    pub(super) async fn rename_inbox(&mut self, to: &str) {
        let texts: Vec<_> = self.now.mailbox("INBOX").messages.keys().cloned().collect();
        self.expect(|now| {
            now.mailboxes.push(Mailbox::new(to, Presence::Possible));
            now.arriving(to, &texts);
            now.leaving("INBOX", &texts);
        });
        self.session()
            .await
            .rename(&name("INBOX"), &name(to))
            .await
            .unwrap();
        self.expect(|now| {
            now.mailbox(to).presence = Presence::Certain;
            for text in &texts {
                let was_certain = now.moving.contains(text);
                let message = now.mailbox(to).messages.get_mut(text).unwrap();
                if was_certain {
                    message.presence = Presence::Certain;
                }
            }
            now.left("INBOX", &texts);
        });
    }

    /// Changes an annotation of a mailbox, or of the server where it has no name.
    pub(super) async fn annotate(&mut self, mailbox: &str, entry: &str, value: Option<&str>) {
        let value = value.map(str::to_owned);
        self.expect(|now| {
            let possible = now
                .annotations(mailbox)
                .entry(entry.to_owned())
                .or_insert(vec![None]);
            possible.push(value.clone());
        });
        let name = imap_backend::EntryName::new(entry).unwrap();
        let changes = [(name, value.clone().map(Bytes::from))];
        let place = MailboxName::new(mailbox);
        let mut session = self.session().await;
        session.set_metadata(place.as_ref(), &changes).await.unwrap();
        self.expect(|now| {
            now.annotations(mailbox).insert(entry.to_owned(), vec![value]);
        });
    }

    pub(super) async fn subscribe(&mut self, mailbox: &str) {
        self.expect(|now| now.subscribing(mailbox, Presence::Possible));
        self.session().await.subscribe(&name(mailbox)).await.unwrap();
        self.expect(|now| now.subscribing(mailbox, Presence::Certain));
    }

    pub(super) async fn unsubscribe(&mut self, mailbox: &str) {
        self.expect(|now| now.subscribing(mailbox, Presence::Possible));
        self.session().await.unsubscribe(&name(mailbox)).await.unwrap();
        self.expect(|now| now.subscribed.retain(|name, _| name != mailbox));
    }

    /// Another program delivers a message, and syncs it.
    pub(super) fn deliver(&mut self, mailbox: &str, file: &str, text: &str) {
        let text = long(text);
        self.expect(|now| {
            let messages = &mut now.mailbox(mailbox).messages;
            messages.insert(text.clone(), Message::possible());
        });
        let directory = storage::open_directory(CWD, &*self.fixture.root()).unwrap();
        let mut written = storage::create_file(&directory, "tmp/delivery", Mode::RUSR | Mode::WUSR).unwrap();
        std::io::Write::write_all(&mut written, text.replace("\r\n", "\n").as_bytes()).unwrap();
        written.sync_all().unwrap();
        storage::rename(&directory, "tmp/delivery", &directory, file).unwrap();
        let new = storage::open_directory(&directory, "new").unwrap();
        storage::sync_directory(new).unwrap();
        self.expect(|now| {
            let message = now.mailbox(mailbox).messages.get_mut(&text).unwrap();
            message.presence = Presence::Certain;
        });
    }
}

impl Expected {
    fn subscribing(&mut self, mailbox: &str, presence: Presence) {
        self.subscribed.insert(mailbox.to_owned(), presence);
    }

    fn arriving(&mut self, to: &str, texts: &[String]) {
        for text in texts {
            self.mailbox(to)
                .messages
                .insert(text.clone(), Message::possible());
        }
    }

    fn leaving(&mut self, from: &str, texts: &[String]) {
        for text in texts {
            let message = self.mailbox(from).messages.get_mut(text).unwrap();
            if message.presence == Presence::Certain {
                message.presence = Presence::Possible;
                self.moving.insert(text.clone());
            }
        }
    }

    fn left(&mut self, from: &str, texts: &[String]) {
        for text in texts {
            self.mailbox(from).messages.remove(text);
            self.moving.remove(text);
        }
    }

    fn arrived(&mut self, from: &str, to: &str, texts: &[String], copied: &imap_backend::Copied) {
        assert_eq!(copied.to().iter().count(), texts.len());
        for (text, uid) in texts.iter().zip(copied.to().iter()) {
            let original = self.mailbox(from).messages[text].clone();
            let target = self.mailbox(to);
            target.uid_validity = Some(copied.uid_validity().get());
            target.tell(text, uid.get());
            target
                .keywords
                .extend(keywords(&original.flags.clone().unwrap_or_default().join(" ")));
            let message = target.messages.get_mut(text).unwrap();
            (message.flags, message.date) = (original.flags, original.date);
            message.presence = Presence::Certain;
        }
    }
}

/// Long enough to be cut.
pub(super) fn long(text: &str) -> String {
    format!("Subject: {text}\r\n\r\n{}\r\n", text.repeat(8))
}

fn keywords(flags: &str) -> impl Iterator<Item = String> {
    let keywords = flags.split_whitespace().filter(|flag| !flag.starts_with('\\'));
    keywords.map(str::to_owned).collect::<Vec<_>>().into_iter()
}
