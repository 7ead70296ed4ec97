//! SETACL, DELETEACL, GETACL, LISTRIGHTS and MYRIGHTS (RFC 4314, section 3).

use imap_backend::{Ability, AclChange, Backend, Identifier, MailboxName, Session};

use crate::client::Client;
use crate::completion::{Answer, Completion, Stop};
use crate::connection::Gone;
use crate::convert;
use crate::rights::{self, Deed};
use crate::state::State;
use crate::syntax::extension::{Acl, AclRequest};
use crate::wire;

impl<B: Backend> Client<B> {
    pub(crate) async fn acl(&mut self, acl: &Acl) -> Answer {
        let naming = self.naming()?;
        if !self.abilities().has(Ability::Acl) {
            return Err(Completion::bad("ACL is not supported").into());
        }
        let name = naming.name(&acl.mailbox);
        let name = name.ok_or_else(|| Completion::no("NONEXISTENT", convert::IMPOSSIBLE_NAME))?;
        match &acl.request {
            AclRequest::Set { identifier, rights } => {
                let change = AclChange::parse(rights).map_err(|error| Completion::bad(error.to_string()))?;
                self.change_acl(&name, &prepared(identifier)?, change).await?;
                Ok(Completion::ok("SETACL completed"))
            }
            AclRequest::Delete { identifier } => {
                self.change_acl(&name, &prepared(identifier)?, AclChange::Delete)
                    .await?;
                Ok(Completion::ok("DELETEACL completed"))
            }
            AclRequest::Get => self.get_acl(&name).await,
            AclRequest::List { identifier } => self.list_rights(&name, identifier).await,
            AclRequest::My => self.my_rights(&name).await,
        }
    }

    async fn change_acl(
        &mut self,
        name: &MailboxName,
        identifier: &Identifier,
        change: AclChange,
    ) -> Result<(), Stop> {
        let session = self.state.session()?;
        let changing = async {
            rights::permit(session, Deed::Administer, name).await?;
            session.change_acl(name, identifier, change).await
        };
        self.channel.while_present(changing).await??;
        Ok(self.adopt_rights(name).await?)
    }

    /// What this client has granted itself or taken from itself in its selected mailbox counts at once, and it is told which
    /// flags it may change now (section 5.1.1).
    async fn adopt_rights(&mut self, name: &MailboxName) -> Result<(), Gone> {
        let State::Selected(session, selected) = &mut self.state else {
            return Ok(());
        };
        if selected.name != *name {
            return Ok(());
        }
        let asking = session.my_rights(name);
        match self.channel.while_present(asking).await? {
            Ok(rights) => {
                selected.rights = rights;
                selected.flags.adopt_rights(self.channel.io.out(), rights);
            }
            // The ACL is changed all the same.
            Err(error) => tracing::warn!(%error, mailbox = %name, "the rights of before go on"),
        }
        Ok(())
    }

    async fn get_acl(&mut self, name: &MailboxName) -> Answer {
        let session = self.state.session()?;
        let reading = async {
            rights::permit(session, Deed::Administer, name).await?;
            session.acl(name).await
        };
        let acl = self.channel.while_present(reading).await??;
        wire::acl(self.channel.io.out(), name, self.enabled.name_form(), &acl);
        Ok(Completion::ok("GETACL completed"))
    }

    /// The answer has the identifier as the client wrote it (section 3.4).
    async fn list_rights(&mut self, name: &MailboxName, written: &str) -> Answer {
        let identifier = prepared(written)?;
        let session = self.state.session()?;
        let reading = async {
            rights::permit(session, Deed::Administer, name).await?;
            session.grantable(name, &identifier).await
        };
        let grantable = self.channel.while_present(reading).await??;
        let form = self.enabled.name_form();
        wire::list_rights(self.channel.io.out(), name, form, written, &grantable);
        Ok(Completion::ok("LISTRIGHTS completed"))
    }

    async fn my_rights(&mut self, name: &MailboxName) -> Answer {
        let asking = rights::permit(self.state.session()?, Deed::AskRights, name);
        let rights = self.channel.while_present(asking).await??;
        wire::my_rights(self.channel.io.out(), name, self.enabled.name_form(), rights);
        Ok(Completion::ok("MYRIGHTS completed"))
    }
}

/// The identifier as ACLs have it: prepared as user names are (section 3).
///
/// # Errors
/// BAD for what none can be.
fn prepared(written: &str) -> Result<Identifier, Completion> {
    let prepared = stringprep::saslprep(written).ok();
    prepared
        .and_then(|text| Identifier::new(&text))
        .ok_or_else(|| Completion::bad("nobody has that identifier"))
}
