//! One client: greets it, takes its commands one after the other, tells it what is new, says goodbye.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use imap_backend::{Backend, Mailbox, Peer, PollReason, Session};
use imap_seq::UidSet;
use imap_updates::{Closed, CommandInProgress, CommandKind, Ended, Followers, MayExpunge, Release, kind};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;

use crate::command::LookFor;
use crate::completion::{Answer, Completion, Condition, Stop};
use crate::connection::{Channel, Gone, Io, Phase, Received, Receiver, Refusal, Secured};
use crate::convert::Naming;
use crate::enabled::{Enabled, Feature};
use crate::notify::Watching;
use crate::on_the_heap::on_the_heap;
use crate::selected::Selected;
use crate::shared::Shared;
use crate::shutdown::Shutdown;
use crate::state::State;
use crate::syntax::extension::NO_EXTRAS;
use crate::{syntax, wire};

/// Everything that one connection is.
pub(crate) struct Client<B: Backend> {
    pub(crate) server: Arc<Shared<B>>,
    pub(crate) peer: Peer,
    /// Of a TLS session that this server has made itself.
    pub(crate) secured: Option<Box<Secured>>,
    pub(crate) channel: Channel,
    pub(crate) state: State<B::Session>,
    /// Who is logged in: long work is done in turns by user. Empty before login.
    pub(crate) user: Arc<str>,
    pub(crate) failed_logins: u32,
    pub(crate) enabled: Enabled,
    /// What NOTIFY has asked for.
    pub(crate) watching: Option<Box<Watching>>,
    receiver: Receiver,
    bad_in_a_row: u32,
}

/// Serves one client over a stream, to its end.
pub(crate) async fn serve<B: Backend>(
    server: &Arc<Shared<B>>,
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    peer: Peer,
    secured: Option<Box<Secured>>,
    shutdown: Shutdown,
) {
    let limits = Arc::clone(&server.limits);
    let io = Io::new(Box::new(stream), limits.write_stall);
    let channel = Channel::new(io, limits, shutdown);
    Client::new(Arc::clone(server), channel, peer, secured)
        .run()
        .await;
}

/// What comes after a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// The next command.
    Command,
    /// The end: LOGOUT was answered.
    End,
}

impl<B: Backend> Client<B> {
    fn new(server: Arc<Shared<B>>, channel: Channel, peer: Peer, secured: Option<Box<Secured>>) -> Self {
        let receiver = Receiver::new(server.limits.command);
        Self {
            server,
            peer,
            secured,
            channel,
            state: State::NotAuthenticated,
            user: Arc::from(""),
            failed_logins: 0,
            enabled: Enabled::default(),
            watching: None,
            receiver,
            bad_in_a_row: 0,
        }
    }

    /// Serves the client to its end, and says why it ended where that is not what the client wanted.
    async fn run(mut self) {
        let capabilities = self.capabilities();
        wire::untagged_ok(
            self.channel.io.out(),
            &format!("CAPABILITY {capabilities}"),
            "IMAP4rev1 server ready",
        );
        let served = catch_unwind(AssertUnwindSafe(self.serve())).await;
        let gone = match served {
            Ok(Ok(())) => None,
            Ok(Err(gone)) => Some(gone),
            Err(Panicked) => Some(Gone::Server("internal error")),
        };
        match gone {
            None => tracing::debug!("logged out"),
            Some(Gone::Lost(error)) => return tracing::debug!(%error, "connection lost"),
            Some(Gone::Torn) => return,
            Some(gone) => {
                match self.channel.phase {
                    // Whoever can connect can bring this about as often as he likes.
                    Phase::Stranger => tracing::debug!(why = %gone, "connection ended by the server"),
                    Phase::User => tracing::info!(why = %gone, "connection ended by the server"),
                }
                wire::bye(self.channel.io.out(), &gone.to_string());
            }
        }
        self.channel.io.close().await;
    }

    async fn serve(&mut self) -> Result<(), Gone> {
        loop {
            if self.is_waiting_with_news() {
                on_the_heap(|| self.wait_with_news()).await?;
            }
            let received = self.receiver.receive(&mut self.channel).await?;
            if self.take(received).await? == Next::End {
                return Ok(());
            }
            self.channel.io.flush_if_full().await?;
        }
    }

    async fn take(&mut self, received: Received) -> Result<Next, Gone> {
        match &received {
            Received::Command(command, _) => self.channel.work_for(command.tag.as_ref()),
            Received::Search(command) => self.channel.work_for(&command.tag),
            Received::Extension(command) => self.channel.work_for(&command.tag),
            Received::Append(head) => self.channel.work_for(&head.tag),
            Received::Refused(_) => {}
        }
        match received {
            Received::Command(command, extras) => {
                let tag = command.tag.as_ref().to_owned();
                let extras = extras.as_deref().unwrap_or(&NO_EXTRAS);
                self.dispatch(&tag, command.body, extras).await
            }
            // What commands need while they are at work lies in allocations of their own: a connection that waits for its
            // client, as most do, has none of it.
            Received::Search(command) => on_the_heap(|| self.dispatch_search(command))
                .await
                .map(|()| Next::Command),
            Received::Extension(command) => on_the_heap(|| self.dispatch_extension(command))
                .await
                .map(|()| Next::Command),
            Received::Append(head) => on_the_heap(|| self.append(head)).await.map(|()| Next::Command),
            Received::Refused(refusal) => self.refuse(refusal).await.map(|()| Next::Command),
        }
    }

    /// Answers what is no command.
    async fn refuse(&mut self, refusal: Refusal) -> Result<(), Gone> {
        if refusal.forgets_saved {
            self.forget_saved();
        }
        let tag = refusal.tag.unwrap_or_else(|| "*".to_owned());
        let command = self.begin(kind::Unparsed);
        self.complete(&tag, command, Ok(refusal.answer)).await?;
        match refusal.last {
            true => Err(Gone::CutOff("a refused literal is on its way")),
            false => Ok(()),
        }
    }

    /// A command was received whole. In the selected state its sets are resolved from now on.
    pub(crate) fn begin<K: CommandKind>(&mut self, kind: K) -> Option<CommandInProgress<K>> {
        match &mut self.state {
            State::Selected(_, selected) => Some(selected.updates.begin(kind)),
            _ => None,
        }
    }

    /// Ends a command that must hold expunges: tells what may be told, then the tagged line.
    pub(crate) async fn complete<K: CommandKind>(
        &mut self,
        tag: &str,
        _command: Option<CommandInProgress<K>>,
        answer: Answer,
    ) -> Result<(), Gone> {
        self.finish(tag, Release::hold(), answer).await
    }

    /// Ends a command that may release expunges, unless commands that already wait behind it use sequence numbers.
    pub(crate) async fn complete_releasing<K: MayExpunge>(
        &mut self,
        tag: &str,
        command: Option<CommandInProgress<K>>,
        answer: Answer,
    ) -> Result<(), Gone> {
        let release = match &command {
            Some(command) => command.permit(self.followers()),
            None => Release::hold(),
        };
        self.finish(tag, release, answer).await
    }

    /// Ends a command after which there is nothing to tell: the tagged line alone.
    pub(crate) fn complete_silently(&mut self, tag: &str, answer: Answer) -> Result<(), Gone> {
        let completion = self.completion(answer)?;
        completion.write(&mut self.channel, tag);
        self.bound_bad()
    }

    fn bound_bad(&self) -> Result<(), Gone> {
        // No limit ends a connection whose client has done nothing wrong.
        if self.bad_in_a_row >= self.server.limits.bad_commands.max(1) {
            return Err(Gone::CutOff("too many malformed commands"));
        }
        Ok(())
    }

    async fn finish(&mut self, tag: &str, release: Release<'_>, answer: Answer) -> Result<(), Gone> {
        let mut completion = self.completion(answer)?;
        let mut closed = None;
        if let State::Selected(_, selected) = &mut self.state {
            selected.poll(PollReason::Passing, &self.server.log).await;
            closed = self.report(release).await?;
        }
        if closed.is_none() && self.searches_are_due() {
            on_the_heap(|| self.update_searches(LookFor::AsLongAsItTakes)).await?;
        }
        if let State::Selected(_, selected) = &mut self.state {
            let asked = completion.tells_highest_modseq && self.enabled.has(Feature::QResync);
            let asked = asked.then(|| selected.told_modseq(selected.updates.highest_modseq()));
            if let Some(modseq) = selected.highest_modseq_due().or(asked.flatten()) {
                let code = format!("HIGHESTMODSEQ {modseq}");
                match completion.code.is_empty() {
                    true => completion.code = code.into(),
                    false => wire::untagged_ok(self.channel.io.out(), &code, "to be remembered"),
                }
            }
        }
        match (&self.watching, &mut self.state) {
            (Some(_), _) => on_the_heap(|| self.tell_arrived()).await?,
            (None, State::Selected(_, selected)) => selected.arrived = UidSet::new(),
            (None, _) => {}
        }
        completion.write(&mut self.channel, tag);
        match closed {
            Some(why) => Err(mailbox_ended(why)),
            None => self.bound_bad(),
        }
    }

    /// Tells what has arrived before a command that looks for messages by UID. Its client may know from elsewhere, such as
    /// a STATUS of another connection, that there are new ones, and expects to find them.
    pub(crate) async fn announce(&mut self) -> Result<(), Gone> {
        if let State::Selected(_, selected) = &mut self.state {
            selected.poll(PollReason::Passing, &self.server.log).await;
            if let Some(why) = self.report(Release::hold()).await? {
                return Err(mailbox_ended(why));
            }
        }
        Ok(())
    }

    fn completion(&mut self, answer: Answer) -> Result<Completion, Gone> {
        let completion = match answer {
            Ok(completion) | Err(Stop::Answer(completion)) => completion,
            Err(Stop::Gone(gone)) => return Err(gone),
        };
        self.log_failure(&completion);
        match completion.condition {
            Condition::Bad => self.bad_in_a_row += 1,
            _ => self.bad_in_a_row = 0,
        }
        Ok(completion)
    }

    /// Tells the operator of a backend that failed, and not for each command.
    pub(crate) fn log_failure(&self, completion: &Completion) {
        if let Some(error) = &completion.failure
            && let Some(left_out) = self.server.log.backend_failed.admit(Instant::now())
        {
            tracing::error!(%error, left_out, "the backend failed");
        }
    }

    pub(crate) fn followers(&self) -> Followers {
        if syntax::uses_sequence_numbers(self.channel.io.input()) {
            Followers::UseSequenceNumbers
        } else {
            Followers::None
        }
    }

    /// How this client writes mailbox names.
    ///
    /// # Errors
    /// BAD: nobody is logged in.
    pub(crate) fn naming(&mut self) -> Result<Naming, Completion> {
        Ok(Naming {
            delimiter: self.state.session()?.delimiter(),
            form: self.enabled.name_form(),
        })
    }

    /// Leaves the selected mailbox, if any, without a word to the client; says whether there was one.
    pub(crate) async fn leave(&mut self) -> bool {
        let Some(Selected {
            name,
            mailbox,
            updates,
            ..
        }) = self.state.take_selected()
        else {
            return false;
        };
        // First the subscription, so that the backend can see that nobody is left.
        drop(updates);
        if let Err(error) = mailbox.close().await {
            tracing::warn!(%error, mailbox = %name, "closing the mailbox failed");
        }
        true
    }

    /// LOGOUT's last duty towards the backend.
    pub(crate) async fn log_out(&mut self) {
        self.leave().await;
        if let State::Authenticated(session) = std::mem::replace(&mut self.state, State::NotAuthenticated) {
            session.logout().await;
        }
    }
}

/// A mailbox that was deleted under a session ends the session (RFC 2180, section 3.3).
pub(crate) fn mailbox_ended(why: Ended) -> Gone {
    Gone::Server(match why {
        Ended::Mailbox(Closed::Deleted) => "the selected mailbox was deleted",
        Ended::Mailbox(Closed::UidValidityChanged) => "the selected mailbox has a new UIDVALIDITY",
        Ended::Mailbox(Closed::Lost) => "the selected mailbox has to be selected again",
        Ended::NotWritten => "the selected mailbox is out of step",
        _ => "the selected mailbox has ended",
    })
}

/// The backend panicked; the panic itself is already in the log of the process.
struct Panicked;

/// Runs a future and turns a panic in it into an error, so that the client gets its BYE.
async fn catch_unwind<F: Future>(future: AssertUnwindSafe<F>) -> Result<F::Output, Panicked> {
    let mut future = std::pin::pin!(future.0);
    std::future::poll_fn(move |context| {
        let polled = std::panic::catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context)));
        match polled {
            Ok(poll) => poll.map(Ok),
            Err(_) => std::task::Poll::Ready(Err(Panicked)),
        }
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;
    use imap_backend::Transport;
    use imap_backend_test::MemoryBackend;

    /// Most connections wait most of the time, and there may be many.
    #[tokio::test]
    async fn what_a_connection_is_while_it_waits_takes_less_than_6_kib() {
        let (backend, limits) = (MemoryBackend::new("joe", "secret"), crate::Limits::default());
        let server = Arc::new(Shared::new(
            backend,
            limits,
            None,
            crate::PlaintextLogin::default(),
            crate::options::Options::default(),
        ));
        let (_client, stream) = tokio::io::duplex(64);
        let served = serve(
            &server,
            stream,
            Peer::new(None, Transport::Plain),
            None,
            Shutdown::new(),
        );
        assert!(size_of_val(&served) < 6 << 10, "{}", size_of_val(&served));
    }
}
