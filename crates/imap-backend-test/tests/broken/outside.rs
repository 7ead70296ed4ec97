//! Another program on the store of a wrapper: it works on the reference backend, behind the wrapper.

use crate::fault::Fault;
use crate::world::{Broken, During, World};
use imap_backend::{
    Append, Error, FlagAction, FlagChange, Mailbox, MailboxName, MessageSource, Select, Session,
};
use imap_backend_test::{MemoryMailbox, Outside, OutsideMessage, Subject};
use imap_seq::{Uid, UidSet};
use imap_updates::{Access, Flag, Flags, Origin};
use std::sync::Arc;

/// A wrapper with everything that a case may ask for: another program, a second process, a restart, quotas.
pub(crate) fn subject(fault: Fault) -> Subject<Broken> {
    let broken = Broken::new(fault);
    let world = broken.world();
    let (reopened, limited) = (Arc::clone(&world), Arc::clone(&world));
    Subject::new(broken, "ann", "secret")
        .with_limits(move |messages, octets| limited.inner.limit(Some(messages), Some(octets)))
        .with_second(Broken::of(&world))
        .with_reopen(async move || match fault {
            Fault::ForgetsAtRestart => Broken::new(fault),
            _ => Broken::of(&reopened),
        })
        .with_outside(Program(world))
}

struct Program(Arc<World>);

/// A message in one piece.
struct Whole(Option<bytes::Bytes>);

impl MessageSource for Whole {
    fn size(&self) -> Option<u64> {
        self.0.as_ref().map(|octets| octets.len() as u64)
    }

    async fn chunk(&mut self) -> Result<Option<bytes::Bytes>, Error> {
        Ok(self.0.take())
    }
}

impl Program {
    async fn mailbox(&self, name: &MailboxName) -> Result<MemoryMailbox, Error> {
        let how = Select::new(Access::ReadWrite);
        let opened = self.0.session().await.select(name, &how).await?;
        Ok(opened.into_parts().0)
    }

    async fn append(&self, mailbox: &MailboxName, octets: &[u8]) -> Result<Uid, Error> {
        let message = Whole(Some(bytes::Bytes::copy_from_slice(octets)));
        let mut session = self.0.session().await;
        Ok(session.append(mailbox, &Append::default(), message).await?.uid())
    }

    async fn change(&self, mailbox: &MailboxName, uid: Uid, change: FlagChange) -> Result<(), Error> {
        self.mailbox(mailbox)
            .await?
            .store(&UidSet::from_iter([uid]), &change)
            .await
            .map(drop)
    }

    async fn take_out(&self, mailbox: &MailboxName, uid: Uid) -> Result<(), Error> {
        let deleted = FlagChange::new(FlagAction::Add, Flags::from_iter([Flag::Deleted]));
        self.change(mailbox, uid, deleted).await?;
        self.mailbox(mailbox)
            .await?
            .expunge(&UidSet::from_iter([uid]))
            .await
    }
}

impl Outside for Program {
    async fn deliver(&self, mailbox: &MailboxName, octets: &[u8]) -> Result<(), Error> {
        self.append(mailbox, octets).await.map(drop)
    }

    async fn remove(&self, mailbox: &MailboxName, message: &OutsideMessage) -> Result<(), Error> {
        self.take_out(mailbox, message.uid).await
    }

    async fn set_flags(
        &self,
        mailbox: &MailboxName,
        message: &OutsideMessage,
        flags: &Flags,
    ) -> Result<(), Error> {
        let change = FlagChange::new(FlagAction::Replace, flags.clone());
        self.change(mailbox, message.uid, change).await
    }

    async fn delete(&self, mailbox: &MailboxName) -> Result<(), Error> {
        self.0.session().await.delete(mailbox).await?;
        if self.0.fault() != Fault::DeleteIsSilent {
            self.0.shadows.lock().remove(mailbox);
        }
        Ok(())
    }

    async fn rename(&self, from: &MailboxName, to: &MailboxName) -> Result<(), Error> {
        self.0.session().await.rename(from, to).await?;
        let shadow = self.0.shadows.lock().remove(from);
        if let Some(shadow) = shadow {
            self.0.shadows.lock().insert(to.clone(), shadow);
        }
        Ok(())
    }

    async fn roll_back(&self, mailbox: &MailboxName, octets: &[u8]) -> Result<(), Error> {
        let uid = self.append(mailbox, octets).await?;
        if self.0.fault() != Fault::TellsUncommitted {
            return self.take_out(mailbox, uid).await;
        }
        // The wrapper reads what is not committed yet, and nothing says that it was taken back.
        let shadow = self.0.shadow(mailbox).await?;
        shadow
            .lock()
            .publish(Fault::None, Origin::EXTERNAL, During::Other);
        self.take_out(mailbox, uid).await?;
        shadow
            .lock()
            .publish(Fault::SilentExpunges, Origin::EXTERNAL, During::Other);
        Ok(())
    }
}
