//! IDLE (RFC 2177): everything that is new is told at once, until DONE.

use std::future::pending;
use std::time::Duration;

use imap_backend::{Backend, PollReason};
use imap_codec::IdleDoneCodec;
use imap_codec::decode::Decoder;
use imap_updates::{CommandInProgress, Followers, Release, kind};
use tokio::time::{Instant, sleep_until};

use super::LookFor;
use crate::client::{Client, mailbox_ended};
use crate::completion::{Answer, Completion};
use crate::connection::{Channel, Gone, Line, after};
use crate::notify::Look;
use crate::on_the_heap::on_the_heap;
use crate::state::State;
use crate::wire;

/// The longest line that may end an IDLE, in octets: `DONE` with CRLF, and patience for spaces.
const DONE_LINE: usize = 64;

/// A backend is asked for changes so often at most, so that a silly `idle_poll` does not keep a core busy.
pub(super) const LEAST_POLL: Duration = Duration::from_millis(10);

/// And a client is told so often at most that the server is still there.
const LEAST_KEEP_ALIVE: Duration = Duration::from_secs(1);

impl<B: Backend> Client<B> {
    pub(crate) async fn idle(&mut self, tag: &str) -> Result<(), Gone> {
        let command = self.begin(kind::Idle);
        if let Err(refusal) = self.state.session() {
            return self.complete_releasing(tag, command, Err(refusal.into())).await;
        }
        wire::continuation(self.channel.io.out(), "idling");
        // The client waits for it: a backend that looks for changes must not hold it up.
        self.channel.io.flush().await?;
        let answer = self.tell_until_done(command.as_ref()).await;
        self.complete_releasing(tag, command, answer).await
    }

    async fn tell_until_done(&mut self, command: Option<&CommandInProgress<kind::Idle>>) -> Answer {
        let limits = std::sync::Arc::clone(&self.server.limits);
        // Nothing of what the client sends now prolongs it but DONE.
        self.channel.restart_time();
        let idle_poll = limits.idle_poll.max(LEAST_POLL);
        let mut look_at = Instant::now();
        let mut tell_at = Instant::now();
        let keep_alive = limits.idle_keep_alive.max(LEAST_KEEP_ALIVE);
        let mut word_at = after(keep_alive);
        let mut reason = PollReason::Asked;
        loop {
            if Instant::now() >= look_at {
                if let State::Selected(_, selected) = &mut self.state {
                    selected.poll(reason, &self.server.log).await;
                }
                if reason == PollReason::Idling {
                    on_the_heap(|| self.look_at_others(Look::TellChanges)).await?;
                }
                reason = PollReason::Idling;
                look_at = after(idle_poll);
            }
            if let Some(command) = command
                && Instant::now() >= tell_at
            {
                // What has arrived already may be DONE with a command behind it that uses numbers.
                let release = match self.channel.io.input().is_empty() {
                    true => command.permit(Followers::None),
                    false => Release::hold(),
                };
                if let Some(why) = self.report(release).await? {
                    return Err(mailbox_ended(why).into());
                }
                tell_at = after(limits.idle_batch);
            }
            if self.searches_are_behind() {
                on_the_heap(|| self.update_searches(LookFor::AsLongAsTheClientIsSilent)).await?;
            }
            on_the_heap(|| self.tell_arrived()).await?;
            if Instant::now() >= word_at {
                wire::untagged_ok(self.channel.io.out(), "", "still here");
            }
            if !self.channel.io.out().is_empty() {
                word_at = after(keep_alive);
            }
            let is_behind = self.searches_are_behind();
            let (channel, state) = (&mut self.channel, &mut self.state);
            let changed = async {
                match state {
                    _ if is_behind => {}
                    State::Selected(_, selected) => {
                        sleep_until(tell_at).await;
                        selected.updates.changed().await;
                    }
                    _ => pending().await,
                }
            };
            tokio::select! {
                line = channel.read_line(DONE_LINE) => return done(channel, &line?),
                () = changed => {}
                () = sleep_until(look_at) => {}
                () = sleep_until(word_at) => {}
            }
        }
    }
}

fn done(channel: &Channel, line: &Line) -> Answer {
    let line = match line {
        Line::Whole => channel.line().trim_ascii(),
        Line::TooLong(_) => b"",
    };
    match IdleDoneCodec::default().decode(&[line, b"\r\n"].concat()) {
        Ok(_) => Ok(Completion::ok("IDLE completed")),
        Err(_) => Ok(Completion::bad("expected DONE")),
    }
}
