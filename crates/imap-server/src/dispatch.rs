//! From a decoded command to its handler. Here, and nowhere else, a command is begun as its kind, so that what it may
//! release is decided in one table.

use imap_backend::{Ability, Backend};
use imap_codec::imap_types::command::CommandBody;
use imap_updates::{Access, Followers, kind};

use crate::client::{Client, Next};
use crate::command::{ExpungesHere, FetchWanted, MessageLimit, StoreWanted};
use crate::completion::Completion;
use crate::connection::{ExtensionCommand, Gone, SearchCommand};
use crate::numbers::Numbers;
use crate::on_the_heap::on_the_heap;
use crate::syntax::extension::{Extension, Extras};
use crate::syntax::search::{Numbering, Request};

/// Begins a command as its kind, handles it, and ends it with the release that the kind has.
macro_rules! run {
    ($client:ident, $tag:ident, $complete:ident, $kind:ident, $handler:expr) => {{
        let command = $client.begin(kind::$kind);
        let answer = on_the_heap(|| $handler).await;
        $client.$complete($tag, command, answer).await?
    }};
}

/// For kinds during which an EXPUNGE may be told. Using it for others does not compile.
macro_rules! releasing {
    ($client:ident, $tag:ident, $kind:ident, $handler:expr) => {
        run!($client, $tag, complete_releasing, $kind, $handler)
    };
}

/// For kinds during which every EXPUNGE waits.
macro_rules! holding {
    ($client:ident, $tag:ident, $kind:ident, $handler:expr) => {
        run!($client, $tag, complete, $kind, $handler)
    };
}

impl<B: Backend> Client<B> {
    pub(crate) async fn dispatch(
        &mut self,
        tag: &str,
        mut body: CommandBody<'static>,
        extras: &Extras,
    ) -> Result<Next, Gone> {
        tracing::debug!(command = body.name(), "received");
        if extras.set_is_saved {
            let answer = match self.put_saved(&mut body) {
                Ok(true) => None,
                // A valid list, of no messages (RFC 5182, section 2.1).
                Ok(false) => Some(Ok(Completion::ok(format!("{} completed", body.name())))),
                Err(completion) => Some(Err(completion.into())),
            };
            if let Some(answer) = answer {
                let command = self.begin(kind::Unparsed);
                self.complete(tag, command, answer).await?;
                return Ok(Next::Command);
            }
        }
        match &body {
            CommandBody::Capability => self.capability(tag).await?,
            CommandBody::Noop => self.noop(tag).await?,
            CommandBody::Logout => return on_the_heap(|| self.logout(tag)).await,
            CommandBody::Id { parameters } => self.id(tag, parameters).await?,
            CommandBody::StartTLS => on_the_heap(|| self.start_tls(tag)).await?,
            CommandBody::Login { username, password } => {
                on_the_heap(|| self.login(tag, username, password.declassify())).await?;
            }
            CommandBody::Authenticate {
                mechanism,
                initial_response,
            } => {
                let initial = initial_response.as_ref().map(|response| &**response.declassify());
                on_the_heap(|| self.authenticate(tag, mechanism, initial)).await?;
            }
            CommandBody::Enable { capabilities } => {
                on_the_heap(|| self.enable(tag, capabilities.as_ref())).await?;
            }
            CommandBody::Namespace => self.namespace(tag).await?,
            CommandBody::Compress { algorithm } => on_the_heap(|| self.compress(tag, algorithm)).await?,
            CommandBody::Idle => self.idle(tag).await?,
            CommandBody::Check => self.check(tag).await?,
            CommandBody::Close => on_the_heap(|| self.close(tag)).await?,
            CommandBody::Unselect => on_the_heap(|| self.unselect(tag)).await?,
            CommandBody::Select { .. }
            | CommandBody::Examine { .. }
            | CommandBody::Create { .. }
            | CommandBody::Delete { .. }
            | CommandBody::Rename { .. }
            | CommandBody::Subscribe { .. }
            | CommandBody::Unsubscribe { .. }
            | CommandBody::List { .. }
            | CommandBody::Lsub { .. }
            | CommandBody::GetMetadata { .. }
            | CommandBody::SetMetadata { .. }
            | CommandBody::GetQuota { .. }
            | CommandBody::GetQuotaRoot { .. }
            | CommandBody::SetQuota { .. }
            | CommandBody::Status { .. } => on_the_heap(|| self.dispatch_mailbox(tag, &body)).await?,
            _ => on_the_heap(|| self.dispatch_message(tag, &body, extras)).await?,
        }
        Ok(Next::Command)
    }

    /// Commands about mailboxes as a whole.
    async fn dispatch_mailbox(&mut self, tag: &str, body: &CommandBody<'_>) -> Result<(), Gone> {
        match body {
            CommandBody::Select { mailbox, parameters } => {
                self.select(tag, mailbox, parameters, Access::ReadWrite).await?;
            }
            CommandBody::Examine { mailbox, parameters } => {
                self.select(tag, mailbox, parameters, Access::ReadOnly).await?;
            }
            CommandBody::Create { mailbox } => releasing!(self, tag, Create, self.create(mailbox)),
            CommandBody::Delete { mailbox } => releasing!(self, tag, Delete, self.delete(mailbox)),
            CommandBody::Rename { from, to } => releasing!(self, tag, Rename, self.rename(from, to)),
            CommandBody::Subscribe { mailbox } => releasing!(self, tag, Subscribe, self.subscribe(mailbox)),
            CommandBody::Unsubscribe { mailbox } => {
                releasing!(self, tag, Unsubscribe, self.unsubscribe(mailbox))
            }
            CommandBody::List {
                reference,
                mailbox_wildcard,
            } => {
                releasing!(self, tag, List, self.list(reference, mailbox_wildcard));
            }
            CommandBody::Lsub {
                reference,
                mailbox_wildcard,
            } => {
                releasing!(self, tag, Lsub, self.lsub(reference, mailbox_wildcard));
            }
            CommandBody::GetMetadata {
                mailbox,
                options,
                entries,
            } => releasing!(
                self,
                tag,
                Metadata,
                self.get_metadata(mailbox, options, entries.as_ref())
            ),
            CommandBody::SetMetadata {
                mailbox,
                entry_values,
            } => {
                releasing!(
                    self,
                    tag,
                    Metadata,
                    self.set_metadata(mailbox, entry_values.as_ref())
                );
            }
            CommandBody::GetQuota { root } => releasing!(self, tag, Quota, self.get_quota(root)),
            CommandBody::GetQuotaRoot { mailbox } => {
                releasing!(self, tag, Quota, self.get_quota_root(mailbox));
            }
            CommandBody::SetQuota { .. } => releasing!(self, tag, Quota, self.set_quota()),
            CommandBody::Status { mailbox, item_names } => {
                let command = self.begin(kind::Status);
                let answer = self.status(mailbox, item_names, command.as_ref()).await;
                self.complete_releasing(tag, command, answer).await?;
            }
            other => self.unsupported(tag, other).await?,
        }
        Ok(())
    }

    /// Commands about the messages of the selected mailbox.
    async fn dispatch_message(
        &mut self,
        tag: &str,
        body: &CommandBody<'_>,
        extras: &Extras,
    ) -> Result<(), Gone> {
        use CommandBody as Body;
        match body {
            Body::Fetch {
                sequence_set: set,
                macro_or_item_names: items,
                uid,
                modifiers,
            } => {
                let wanted = FetchWanted {
                    items,
                    modifiers,
                    extras,
                    limit: MessageLimit::of(&self.server.limits),
                };
                match Numbers::of(*uid) {
                    Numbers::Seqs => holding!(self, tag, Fetch, self.fetch(set, wanted, Numbers::Seqs)),
                    Numbers::Uids => {
                        self.announce().await?;
                        releasing!(self, tag, UidFetch, self.fetch(set, wanted, Numbers::Uids));
                    }
                }
            }
            Body::Store {
                sequence_set: set,
                kind,
                response,
                flags,
                uid,
                modifiers,
            } => {
                let wanted = StoreWanted {
                    kind: *kind,
                    response: *response,
                    flags,
                    modifiers,
                };
                match Numbers::of(*uid) {
                    Numbers::Seqs => holding!(self, tag, Store, self.store(set, wanted, Numbers::Seqs)),
                    Numbers::Uids => {
                        releasing!(self, tag, UidStore, self.store(set, wanted, Numbers::Uids))
                    }
                }
            }
            Body::Copy {
                sequence_set: set,
                mailbox,
                uid,
            } => match Numbers::of(*uid) {
                Numbers::Seqs => releasing!(self, tag, Copy, self.copy(set, mailbox, Numbers::Seqs)),
                Numbers::Uids => releasing!(self, tag, UidCopy, self.copy(set, mailbox, Numbers::Uids)),
            },
            Body::Move {
                sequence_set: set,
                mailbox,
                uid,
            } if self.abilities().has(Ability::Move) => match Numbers::of(*uid) {
                Numbers::Seqs => releasing!(self, tag, Move, self.move_to(set, mailbox, Numbers::Seqs)),
                Numbers::Uids => releasing!(self, tag, UidMove, self.move_to(set, mailbox, Numbers::Uids)),
            },
            Body::Expunge => releasing!(self, tag, Expunge, self.expunge()),
            Body::ExpungeUid { sequence_set: set } if self.abilities().has(Ability::UidPlus) => {
                releasing!(self, tag, UidExpunge, self.uid_expunge(set));
            }
            other => self.unsupported(tag, other).await?,
        }
        Ok(())
    }

    /// Commands that the codec does not know.
    pub(crate) async fn dispatch_extension(&mut self, command: ExtensionCommand) -> Result<(), Gone> {
        let ExtensionCommand { tag, name, extension } = command;
        let tag = tag.as_str();
        tracing::debug!(command = name, "received");
        match extension {
            Extension::Notify(notify) => {
                let command = self.begin(kind::Notify);
                let answer = self.notify(notify, command.as_ref()).await;
                self.complete_releasing(tag, command, answer).await?;
            }
            Extension::Acl(acl) => releasing!(self, tag, Acl, self.acl(&acl)),
            Extension::Create(create) => releasing!(self, tag, Create, self.create_for_use(&create)),
            Extension::List(list) => {
                let command = self.begin(kind::List);
                let answer = self.extended_list(&list, command.as_ref()).await;
                self.complete_releasing(tag, command, answer).await?;
            }
            Extension::Status(status) => {
                let command = self.begin(kind::Status);
                let answer = self.extended_status(&status, command.as_ref()).await;
                self.complete_releasing(tag, command, answer).await?;
            }
            Extension::CancelUpdate(tags) => {
                releasing!(self, tag, CancelUpdate, self.cancel_update(&tags));
            }
            Extension::UidBatches(batches) => {
                releasing!(self, tag, UidBatches, self.uid_batches(tag, &batches));
            }
            // They say nothing of the selected mailbox, and release what GETMETADATA does.
            Extension::GenUrlAuth(requests) => {
                releasing!(self, tag, Metadata, self.gen_url_auth(&requests));
            }
            Extension::ResetKey(reset) => releasing!(self, tag, Metadata, self.reset_key(reset.as_ref())),
            Extension::UrlFetch(urls) => releasing!(self, tag, Metadata, self.url_fetch(&urls)),
            Extension::Unauthenticate => self.unauthenticate(tag).await?,
            // It says what CAPABILITY has no room for, and releases what that does.
            Extension::GetJmapAccess => releasing!(self, tag, Capability, self.get_jmap_access()),
        }
        Ok(())
    }

    /// UID SEARCH, UID SORT and UID THREAD are two kinds of command each: with message sequence numbers in them, they hold
    /// expunges (RFC 9051, section 7.5.1).
    pub(crate) async fn dispatch_search(&mut self, command: SearchCommand) -> Result<(), Gone> {
        let SearchCommand {
            tag,
            numbers,
            mut program,
            unfiltered,
        } = command;
        let tag = tag.as_str();
        if let Some(unfiltered) = unfiltered {
            // What a filter stands for may be message sequence numbers, and make the command one of another kind.
            match self.filtered(&unfiltered).await {
                Ok(filtered) => program = filtered,
                Err(stop) => {
                    let command = self.begin(kind::Unparsed);
                    return self.complete(tag, command, Err(stop)).await;
                }
            }
        }
        tracing::debug!(command = "SEARCH", request = ?program.request, ?numbers, "received");
        let held = ExpungesHere::Held;
        match (numbers, program.numbering) {
            (Numbers::Seqs, _) => match program.request {
                Request::Search => holding!(self, tag, Search, self.search(tag, program, numbers, held)),
                Request::Sort(_) => holding!(self, tag, Sort, self.search(tag, program, numbers, held)),
                Request::Thread(_) => holding!(self, tag, Thread, self.search(tag, program, numbers, held)),
            },
            (Numbers::Uids, Numbering::UsesSequenceNumbers) => {
                holding!(
                    self,
                    tag,
                    UidSearchWithSeqs,
                    self.search(tag, program, numbers, held)
                );
            }
            (Numbers::Uids, Numbering::Free) => {
                self.announce().await?;
                let here = match self.followers() {
                    Followers::None => ExpungesHere::Told,
                    _ => held,
                };
                match program.request {
                    Request::Search => {
                        releasing!(self, tag, UidSearch, self.search(tag, program, numbers, here));
                    }
                    Request::Sort(_) => {
                        releasing!(self, tag, UidSort, self.search(tag, program, numbers, here));
                    }
                    Request::Thread(_) => {
                        releasing!(self, tag, UidThread, self.search(tag, program, numbers, here));
                    }
                }
            }
        }
        Ok(())
    }

    /// What the codec knows and this server does not offer.
    async fn unsupported(&mut self, tag: &str, body: &CommandBody<'_>) -> Result<(), Gone> {
        let command = self.begin(kind::Unparsed);
        let answer = Ok(Completion::bad(format!("{}: not supported", body.name())));
        self.complete(tag, command, answer).await
    }
}
