//! Which mailbox becomes which, and the transfer as a whole.

use std::collections::BTreeMap;

use imap_backend::{Ability, Create, Error, ErrorKind, MailboxName, Session};

use crate::progress::Progress;
use crate::source::{Intake, Source};
use crate::target::Target;
use crate::{Failure, Folder, acl};

/// The mailboxes of a source, by the names that they get.
#[derive(Debug)]
pub struct Plan {
    folders: BTreeMap<MailboxName, Folder>,
}

impl Plan {
    /// A plan for a target with this delimiter. A name there has no delimiter within a part and no `/`: those become `_`.
    ///
    /// # Errors
    /// The source cannot be read, or two of its mailboxes would be one.
    pub async fn of(source: &mut impl Source, delimiter: char) -> Result<Self, Failure> {
        let mut folders: BTreeMap<MailboxName, Folder> = BTreeMap::new();
        for folder in source.folders().await? {
            let own = folder.name.clone();
            let name = translated(&own, source.delimiter(), delimiter)?;
            if let Some(other) = folders.insert(name.clone(), folder) {
                let other = other.name;
                return Err(
                    format!("{other} and {own} would both be {name} there: rename one of them").into(),
                );
            }
        }
        Ok(Self { folders })
    }

    /// Makes the mailboxes, and takes into them what they do not have yet.
    ///
    /// # Errors
    /// Nothing more can be read or stored. What is stored stays.
    pub async fn carry(
        self,
        source: &mut impl Source,
        target: &mut impl Target,
        progress: &mut Progress,
    ) -> Result<(), Failure> {
        let amount = self.folders.values().map(|folder| folder.amount).sum();
        progress.expect(amount, source.unit());
        let mut made = Vec::new();
        for (name, folder) in &self.folders {
            let is_new = make(target.session(), name, folder).await;
            made.push(is_new.map_err(|error| format!("{}: {error}", folder.name))?);
        }
        for ((name, folder), made) in self.folders.iter().zip(made) {
            let set = set_acl(target, name, folder, made).await;
            set.map_err(|error| format!("{}: its access control list: {error}", folder.name))?;
        }
        for (name, folder) in &self.folders {
            let mut intake = Intake::open(target, name, folder, progress).await?;
            let read = source.read(folder, &mut intake).await;
            target.close().await?;
            read?;
        }
        Ok(())
    }
}

fn translated(name: &MailboxName, from: char, to: char) -> Result<MailboxName, Failure> {
    let part = |part: &str| part.replace([to, '/'], "_");
    let parts: Vec<String> = match from == to {
        true => vec![name.as_str().to_owned()],
        false => name.as_str().split(from).map(part).collect(),
    };
    let name = MailboxName::new(&parts.join(&to.to_string())).ok_or("a mailbox without a name")?;
    Ok(name.canonical(to))
}

/// Makes a mailbox with what belongs to it; says whether it was not there.
async fn make<S: Session>(session: &mut S, name: &MailboxName, folder: &Folder) -> Result<bool, Error> {
    let uses = session.abilities().has(Ability::CreateSpecialUse) && !folder.special_use.is_empty();
    let how = match uses {
        true => Create::default().with_special_use(folder.special_use),
        false => Create::default(),
    };
    let created = match session.create(name, &how).await {
        Err(error) if error.kind() == ErrorKind::UseNotSupported => {
            session.create(name, &Create::default()).await
        }
        created => created,
    };
    let is_new = match created {
        Ok(_) => true,
        Err(error) if error.kind() == ErrorKind::AlreadyExists || name.is_inbox() => false,
        Err(error) => return Err(error),
    };
    if folder.subscribed {
        session.subscribe(name).await?;
    }
    Ok(is_new)
}

/// Gives a mailbox the ACL that it had, unless it was there and has one.
async fn set_acl(
    target: &mut impl Target,
    name: &MailboxName,
    folder: &Folder,
    made: bool,
) -> Result<(), Error> {
    let Some(wanted) = folder.acl.as_ref().filter(|acl| acl.iter().next().is_some()) else {
        return Ok(());
    };
    let user = target.user().to_owned();
    let session = target.session();
    let Some(has) = acl::read(session, name, &user).await? else {
        return Ok(());
    };
    match made || has.iter().next().is_none() {
        true => acl::write(session, name, wanted).await,
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_keeps_its_parts_and_what_cannot_be_in_one_becomes_an_underscore() {
        for (name, from, to, expected) in [
            ("Letters.2024", '.', '/', "Letters/2024"),
            ("example.org/a", '/', '.', "example_org.a"),
            ("a/b", '.', '.', "a/b"),
            ("a/b.c", '.', '/', "a_b/c"),
            ("Inbox.Sent", '.', '/', "INBOX/Sent"),
            ("a\\b/c", '\\', '.', "a.b_c"),
        ] {
            let name = MailboxName::new(name).unwrap();
            assert_eq!(translated(&name, from, to).unwrap().as_str(), expected);
        }
    }
}
