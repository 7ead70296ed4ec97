//! Modifiers of FETCH: only some of the messages that its set names (RFC 7162, sections 3.1.4.1 and 3.2.6; RFC 9394,
//! section 3.3).

use imap_backend::Mailbox;
use imap_codec::imap_types::command::FetchModifier;
use imap_codec::imap_types::sequence;
use imap_seq::{ModSeq, UidSet};
use imap_updates::Resolved;

use super::super::resync::vanished;
use super::FetchWanted;
use crate::command::{MessageLimit, Numbers};
use crate::completion::{Completion, Stop};
use crate::connection::Channel;
use crate::convert;
use crate::enabled::{Enabled, Feature};
use crate::syntax::window::Window;
use crate::wire;

/// What the modifiers say.
#[derive(Debug)]
pub(super) struct Narrowed {
    pub(super) changed_since: Option<ChangedSince>,
    /// VANISHED: what is gone is told as well.
    tells_vanished: bool,
    window: Option<Window>,
}

/// CHANGEDSINCE.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ChangedSince {
    /// Of 0: every message has changed since.
    Ever,
    After(ModSeq),
}

impl Narrowed {
    /// # Errors
    /// BAD for modifiers that do not go together, or not with this command.
    pub(super) fn new(
        wanted: &FetchWanted<'_>,
        numbers: Numbers,
        enabled: Enabled,
    ) -> Result<Self, Completion> {
        let bad = |why: &'static str| Err(Completion::bad(why));
        let mut changed_since = wanted.extras.changed_since_zero.then_some(ChangedSince::Ever);
        let mut tells_vanished = false;
        for modifier in wanted.modifiers {
            match modifier {
                FetchModifier::ChangedSince(_) if changed_since.is_some() => {
                    return bad("FETCH: CHANGEDSINCE twice");
                }
                FetchModifier::ChangedSince(since) => match ModSeq::new(since.get()) {
                    Some(since) => changed_since = Some(ChangedSince::After(since)),
                    None => return bad("FETCH: CHANGEDSINCE is too large"),
                },
                FetchModifier::Vanished => tells_vanished = true,
            }
        }
        let window = wanted.extras.window;
        match (numbers, tells_vanished) {
            (Numbers::Seqs, true) => bad("VANISHED goes with UID FETCH only"),
            (_, true) if changed_since.is_none() => bad("VANISHED needs CHANGEDSINCE"),
            (_, true) if !enabled.has(Feature::QResync) => bad("VANISHED: enable QRESYNC first"),
            (Numbers::Seqs, _) if window.is_some() => bad("PARTIAL goes with UID FETCH only"),
            _ => Ok(Self {
                changed_since,
                tells_vanished,
                window,
            }),
        }
    }

    /// Whether PARTIAL asks for too many messages (RFC 9738, section 3.1).
    pub(super) fn window_exceeds(&self, limit: MessageLimit) -> bool {
        self.window
            .is_some_and(|window| limit.is_exceeded_by(window.width()))
    }

    /// The messages that are left of those of a set; `None` where all are. What has vanished is told on the way, before any
    /// row (RFC 7162, section 3.2.6).
    ///
    /// # Errors
    /// The store cannot be read, or the connection is over.
    pub(super) async fn messages<M: Mailbox>(
        &self,
        resolved: &Resolved<'_>,
        set: &sequence::SequenceSet,
        mailbox: &mut M,
        channel: &mut Channel,
    ) -> Result<Option<UidSet>, Stop> {
        let mut left = self.window.map(|window| {
            let among = u32::try_from(resolved.uids().count()).unwrap_or(u32::MAX);
            let places = window.places(among);
            let (skipped, taken) = (places.start as usize, places.len());
            resolved.uids().skip(skipped).take(taken).collect::<UidSet>()
        });
        let since = match self.changed_since {
            None => return Ok(left),
            Some(ChangedSince::Ever) => None,
            Some(ChangedSince::After(since)) => Some(since),
        };
        if self.tells_vanished {
            let known = convert::sequence_set(set)?;
            let gone = vanished(
                mailbox,
                since.unwrap_or(ModSeq::MIN),
                Some(&known),
                resolved.view(),
            );
            let gone = channel.while_present(gone).await??;
            if !gone.is_empty() {
                wire::vanished_earlier(channel.io.out(), &gone);
            }
        }
        if let Some(since) = since {
            let changed = mailbox.changed_since(since, resolved.view());
            let changed = channel.while_present(changed).await??;
            left = Some(match left {
                Some(left) => left.intersection(&changed),
                None => {
                    let ranges = resolved.ranges();
                    changed.iter().filter(|&uid| ranges.contains(uid)).collect()
                }
            });
        }
        Ok(left)
    }
}
