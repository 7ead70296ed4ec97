//! GETQUOTA, GETQUOTAROOT and SETQUOTA (RFC 9208).

use imap_backend::{Ability, Backend, Quota, Session};
use imap_codec::imap_types::core::AString;
use imap_codec::imap_types::mailbox::Mailbox;

use crate::client::Client;
use crate::completion::{Answer, Completion, Stop};
use crate::convert;
use crate::wire;

impl<B: Backend> Client<B> {
    /// GETQUOTA.
    pub(crate) async fn get_quota(&mut self, root: &AString<'_>) -> Answer {
        self.offers_quotas()?;
        let reading = self.state.session()?.quotas(None);
        let quotas = self.channel.while_present(reading).await??;
        let quota = quotas
            .iter()
            .find(|quota| quota.root().as_bytes() == root.as_ref());
        let quota = quota.ok_or_else(|| Completion::no("NONEXISTENT", "no such quota root"))?;
        wire::quota(self.channel.io.out(), quota);
        Ok(Completion::ok("GETQUOTA completed"))
    }

    /// GETQUOTAROOT.
    pub(crate) async fn get_quota_root(&mut self, mailbox: &Mailbox<'_>) -> Answer {
        let naming = self.naming()?;
        self.offers_quotas()?;
        let name = convert::mailbox_name(mailbox, naming)?;
        let reading = self.state.session()?.quotas(Some(&name));
        let quotas = self.channel.while_present(reading).await??;
        let out = self.channel.io.out();
        wire::quota_root(out, &name, naming.form, quotas.iter().map(Quota::root));
        for quota in &quotas {
            wire::quota(out, quota);
        }
        Ok(Completion::ok("GETQUOTAROOT completed"))
    }

    /// SETQUOTA: who has mail here does not say how much it may be.
    pub(crate) async fn set_quota(&mut self) -> Answer {
        self.state.session()?;
        self.offers_quotas()?;
        Err(Completion::no("NOPERM", "quotas are not set by clients").into())
    }

    fn offers_quotas(&mut self) -> Result<(), Stop> {
        self.state.session()?;
        match self.abilities().has(Ability::Quota) {
            true => Ok(()),
            false => Err(Completion::bad("QUOTA is not supported").into()),
        }
    }
}
