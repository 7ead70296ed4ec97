//! What a listing says, against what is known: the one place where the two are brought together.

use std::collections::BTreeMap;
use std::time::Duration;

use imap_seq::{ModSeq, Uid, UidSet};
use imap_updates::{Flags, LogHub, Origin, Recency};

use crate::absence::{Absence, Missing};
use crate::compare::Difference;
use crate::completed::{Answer, Completed};
use crate::known::{Aside, Known, Numbering, Standing, own};
use crate::listing::{Compared, Listed, Listing};
use crate::news::News;

impl Known {
    /// Publishes what the listing has and the sessions were not told, in one step, and remembers it. O(differences).
    ///
    /// The listing is newer than the own change with the number `reports` and perhaps older than those that follow it.
    pub(crate) fn settle(
        &mut self,
        hub: &LogHub,
        mut compared: Compared,
        reports: u64,
        absence: Absence,
        now: Duration,
    ) -> Completed {
        let upto = match self.numbering {
            Numbering::Counted => self.version.next().unwrap_or(ModSeq::MAX),
            Numbering::OfStore => compared.version.unwrap_or(self.version),
        };
        if self.numbering == Numbering::OfStore && upto == self.version {
            // The same version: the same mailbox.
            return Completed::new(Answer::Taken);
        }
        let absence = self.absence(absence);
        let before = self.covered;
        let unproven = !absence.is_confirmed(Missing::again(None, now), now);
        self.covered = before.max(compared.covered());
        if unproven {
            self.covered = self.covered.max(self.covered_by_reports(reports));
        }
        let aside = std::mem::take(&mut self.aside);
        let differences = std::mem::take(&mut compared.differences);
        let mut settling = Settling {
            news: News::new(self.version, upto),
            known: self,
            covered_before: before,
            absence,
            gone: compared.gone.as_ref(),
            now,
        };
        settling.all(differences, aside, &compared, reports);
        let mut news = settling.news;
        compared.replace(&mut self.listed);
        if self.numbering == Numbering::Counted {
            self.tell_those_that_follow(&mut news);
        }
        self.finish(hub, news, before)
    }

    /// A listing as of a version is always proof.
    const fn absence(&self, absence: Absence) -> Absence {
        match self.numbering {
            Numbering::Counted => absence,
            Numbering::OfStore => Absence::IsProof,
        }
    }

    /// The messages that count as gone once this listing is settled, if nothing comes between.
    pub(crate) fn would_be_gone(&self, listing: &Listing, absence: Absence, now: Duration) -> UidSet {
        let absence = self.absence(absence);
        let is_confirmed = |before| absence.is_confirmed(Missing::again(before, now), now);
        let at_once = is_confirmed(None);
        let reports = listing.reports.unwrap_or(self.reports);
        let unknown = listing
            .missing()
            .filter(|uid| at_once && !self.aside.contains_key(uid));
        let aside = self.aside.iter().filter(|(uid, aside)| {
            let decides = aside.report <= reports && !listing.lists(**uid);
            decides
                && match aside.state {
                    Standing::Told(_) => is_confirmed(aside.missing),
                    Standing::Waiting(..) => at_once || u64::from(uid.get()) < self.covered,
                    Standing::Gone => true,
                }
        });
        unknown.chain(aside.map(|(uid, _)| *uid)).collect()
    }

    /// What was expunged through this process, and no listing that began since was settled.
    pub(crate) fn expunged_here(&self) -> UidSet {
        let gone = self
            .aside
            .iter()
            .filter(|(_, aside)| matches!(aside.state, Standing::Gone));
        gone.map(|(uid, _)| *uid).collect()
    }

    /// Own arrivals that were reported before the listing was asked for are told now, even if it does not prove that they
    /// are there.
    fn covered_by_reports(&self, reports: u64) -> u64 {
        let waiting = self.aside.iter().rev();
        let last = waiting
            .filter(|(_, aside)| aside.report <= reports)
            .find(|(_, aside)| matches!(aside.state, Standing::Waiting(..)));
        last.map_or(0, |(uid, _)| u64::from(uid.get()) + 1)
    }

    fn finish(&mut self, hub: &LogHub, news: News, covered_before: u64) -> Completed {
        let mut completed = Completed::new(Answer::Taken);
        (completed.arrived, completed.changed) = (news.arrived, news.changed);
        completed.expunged = news.expunged;
        let missing = self
            .aside
            .values()
            .filter(|aside| aside.missing.is_some())
            .count();
        completed.missing = u32::try_from(missing).unwrap_or(u32::MAX);
        if self.numbering == Numbering::OfStore || !news.is_empty() || self.covered != covered_before {
            self.version = news.upto();
            completed.note(&news.publish(hub, self.covered));
        }
        completed
    }
}

/// One listing on its way into what is known.
struct Settling<'k> {
    known: &'k mut Known,
    news: News,
    covered_before: u64,
    absence: Absence,
    /// In place of `absence`, if that was decided before.
    gone: Option<&'k UidSet>,
    now: Duration,
}

impl Settling<'_> {
    fn is_confirmed(&self, uid: Uid, missing: Missing) -> bool {
        match self.gone {
            Some(gone) => gone.contains(uid),
            None => self.absence.is_confirmed(missing, self.now),
        }
    }

    fn all(
        &mut self,
        differences: Vec<Difference>,
        aside: BTreeMap<Uid, Aside>,
        listing: &Compared,
        reports: u64,
    ) {
        let others = differences.into_iter();
        others
            .filter(|difference| !aside.contains_key(&difference.uid()))
            .for_each(|difference| self.difference(difference));
        for (uid, aside) in aside {
            let listed = listing.get(uid);
            let kept = if aside.report > reports {
                self.is_newer(uid, aside, listed)
            } else {
                self.is_older(uid, aside, listed)
            };
            if let Some(kept) = kept {
                self.known.aside.insert(uid, kept);
            }
        }
    }

    /// A message of which nothing else is known.
    fn difference(&mut self, difference: Difference) {
        match difference {
            Difference::Arrived(listed) => self.news.arrived(listed, Recency::Recent),
            Difference::Changed(listed) => self.news.changed(listed, Origin::EXTERNAL),
            Difference::Missing(listed) => {
                if let Some(kept) = self.missing(listed.uid, listed.flags, 0, None) {
                    self.known.aside.insert(listed.uid, kept);
                }
            }
        }
    }

    /// An own change that was reported after the listing was asked for: the listing may not have it, and does not undo it.
    fn is_newer(&mut self, uid: Uid, mut aside: Aside, listed: Option<&Listed>) -> Option<Aside> {
        if let Standing::Waiting(flags, recency) = &aside.state {
            let number = u64::from(uid.get());
            let between = self.covered_before <= number && number < self.known.covered;
            // The version of a listing decides: what it lacks below its UIDNEXT came and went.
            let between = between && self.known.numbering == Numbering::Counted;
            let message = match listed {
                Some(listed) => listed.clone(),
                // Messages above it are told now, so it has to be told as well.
                None if between => own(uid, flags.clone()),
                None => return Some(aside),
            };
            self.news.arrived(message.clone(), *recency);
            aside.state = Standing::Told(message.flags);
        }
        Some(aside)
    }

    /// What was known before the listing was asked for: the listing decides.
    fn is_older(&mut self, uid: Uid, aside: Aside, listed: Option<&Listed>) -> Option<Aside> {
        match (aside.state, listed) {
            (Standing::Told(flags), Some(listed)) if flags != listed.flags => {
                self.news.changed(listed.clone(), Origin::EXTERNAL)
            }
            (Standing::Told(_), Some(_)) | (Standing::Gone, None) => {}
            (Standing::Waiting(_, recency), Some(listed)) => self.news.arrived(listed.clone(), recency),
            // The UID is used twice: the hub knows, and says so.
            (Standing::Gone, Some(listed)) => self.news.arrived(listed.clone(), Recency::NotRecent),
            (Standing::Told(flags), None) => return self.missing(uid, flags, aside.report, aside.missing),
            (Standing::Waiting(flags, recency), None) => {
                return self.never_seen(uid, flags, recency, aside.report);
            }
        }
        None
    }

    /// An own arrival that the listing lacks: gone again, or missed.
    fn never_seen(&mut self, uid: Uid, flags: Flags, recency: Recency, report: u64) -> Option<Aside> {
        let missing = Missing::again(None, self.now);
        let covered_before = u64::from(uid.get()) < self.covered_before;
        if covered_before || self.is_confirmed(uid, missing) {
            return None;
        }
        self.news.arrived(own(uid, flags.clone()), recency);
        Some(Aside {
            report,
            state: Standing::Told(flags),
            missing: Some(missing),
        })
    }

    fn missing(&mut self, uid: Uid, flags: Flags, report: u64, before: Option<Missing>) -> Option<Aside> {
        let missing = Missing::again(before, self.now);
        if self.is_confirmed(uid, missing) {
            self.news.gone(uid);
            return None;
        }
        Some(Aside {
            report,
            state: Standing::Told(flags),
            missing: Some(missing),
        })
    }
}
