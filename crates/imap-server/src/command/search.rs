//! SEARCH, SORT and THREAD, with and without UID (RFC 9051, section 6.4.4; RFC 5256; RFC 4731; RFC 5182; RFC 5267).

pub(super) mod key;
mod results;

use std::future::poll_fn;
use std::pin::pin;
use std::time::{Duration, Instant};

use chrono::Utc;
use imap_backend::search::Wanted;
use imap_backend::{Backend, Error, Mailbox, Need, Query, SearchKey, Threads, Walk};
use imap_seq::{ModSeq, UidSet, View};
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::task::block_in_place;

use super::message_limit::MessageLimit;
use super::permitted;
use crate::client::Client;
use crate::completion::{Answer, Completion, Condition, Stop};
use crate::contexts::{Context, Keeping};
use crate::enabled::Feature;
use crate::numbers::Numbers;
use crate::on_the_heap::on_the_heap;
use crate::selected::ModSequences;
use crate::syntax::search::{Needed, Numbering, Program, Reading, Request, Return};
use crate::syntax::window::{End, Window};
use crate::wire::{self, Correlator, ESearch, ThreadWriter};

use key::{Session, resolved};
pub(crate) use results::{Results, number_of};

/// What becomes of expunges that the client was not told of, at the end of a search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ExpungesHere {
    /// The messages keep their numbers.
    Held,
    /// They are told before the tagged line.
    Told,
}

/// So many numbers are written before what was written is sent, if the client takes it.
const AT_ONCE: usize = 4096;

/// What a searching command found.
#[derive(Debug)]
enum Found {
    Results(Results),
    Threads(Threads),
}

impl<B: Backend> Client<B> {
    pub(crate) async fn search(
        &mut self,
        tag: &str,
        mut program: Program,
        numbers: Numbers,
        expunges: ExpungesHere,
    ) -> Answer {
        let saves = program.options.is_some_and(|options| options.save);
        let answer = match program.sources.take() {
            Some(sources) => on_the_heap(|| self.search_mailboxes(tag, program, sources, expunges)).await,
            None => on_the_heap(|| self.find_and_tell(tag, program, numbers, expunges)).await,
        };
        // A failure leaves an empty result, a fault leaves the one before (RFC 5182, section 2.1).
        if let Ok(completion) | Err(Stop::Answer(completion)) = &answer
            && saves
            && completion.condition == Condition::No
        {
            self.forget_saved();
        }
        answer
    }

    /// `$` means no message.
    pub(crate) fn forget_saved(&mut self) {
        if let Ok(selected) = self.state.selected() {
            selected.saved = UidSet::new();
        }
    }

    async fn find_and_tell(
        &mut self,
        tag: &str,
        program: Program,
        numbers: Numbers,
        expunges: ExpungesHere,
    ) -> Answer {
        self.may_search(tag, &program, numbers)?;
        let Program {
            request,
            options,
            key,
            new_rows,
            reading,
            asks_mod_sequences,
            ..
        } = program;
        let options = match (&request, options) {
            // Change 4 of RFC 9051, appendix E: ESEARCH is the answer, whether RETURN was written or not.
            (Request::Search, None) if self.enabled.has(Feature::Rev2) => Some(Return::ALL),
            (_, options) => options,
        };
        let limit = MessageLimit::of(&self.server.limits);
        let selected = self.state.selected()?;
        let session = Session {
            updates: &selected.updates,
            saved: &selected.saved,
            now: Utc::now(),
        };
        let key = resolved(key, session);
        let wanted = match request {
            Request::Search if !asks_mod_sequences => wanted(options),
            _ => Wanted::All,
        };
        let query = Query::new(key, selected.updates.view().clone()).with_wanted(wanted);
        let highest = limit.highest(query.candidates());
        let limited = match (&highest, &request) {
            (None, _) => None,
            (Some(highest), Request::Search) => Some(narrowed(&query, highest)),
            // What is sorted or threaded is so as a whole (RFC 9738, section 3.3).
            (Some(_), Request::Sort(_) | Request::Thread(_)) => return Err(limit.refusal(None).into()),
        };
        let finding = find(
            &mut selected.mailbox,
            limited.as_ref().unwrap_or(&query),
            &request,
        );
        let finding = async {
            match (reading, &request) {
                (Reading::Attributes, Request::Search) => finding.await,
                _ => off_the_runtime(finding).await,
            }
        };
        let finding = self.server.turns.take_for(&self.user, finding);
        let found = self.channel.while_present(finding).await??;
        let results = match found {
            Found::Results(results) => results,
            Found::Threads(threads) => {
                self.tell_threads(&threads, numbers, query.view()).await?;
                return Ok(self.searched("THREAD", expunges));
            }
        };
        let modseq = match asks_mod_sequences {
            true => {
                let told = results.told(options);
                let highest = highest_modseq(&mut selected.mailbox, &told);
                self.channel.while_present(highest).await??
            }
            false => None,
        };
        let name = if request == Request::Search {
            "SEARCH"
        } else {
            "SORT"
        };
        match options {
            None => {
                let listed = match &highest {
                    Some(_) => &results.descending(),
                    None => &results,
                };
                self.tell_list(name, listed, numbers, query.view(), modseq)
                    .await?
            }
            Some(options) if options.wants_answer() => {
                let out = self.channel.io.out();
                let correlator = Correlator::new(tag);
                tell(
                    out,
                    (&correlator, numbers),
                    options,
                    &results,
                    query.view(),
                    modseq,
                );
            }
            Some(_) => {}
        }
        if let Some(options) = options {
            let query = (&query, Keeping { reading, new_rows });
            self.keep(Correlator::new(tag), options, request, query, results, numbers)?;
        }
        let limited = highest.map(|highest| limit.code(highest.first()));
        Ok(self.searched(name, expunges).with_limit(limited))
    }

    /// BAD for keys that are not offered.
    pub(super) fn has_what_is_needed(&self, program: &Program) -> Result<(), Completion> {
        let abilities = self.abilities();
        let is_offered = |needed: &Needed| match needed {
            Needed::Ability(ability) => abilities.has(*ability),
            Needed::MessageLimit => self.server.limits.message_limit.is_some(),
        };
        match program.needs.iter().all(is_offered) {
            true => Ok(()),
            false => Err(Completion::bad("a search key is not offered")),
        }
    }

    /// What is wrong with a program in this session.
    fn may_search(&mut self, tag: &str, program: &Program, numbers: Numbers) -> Result<(), Completion> {
        permitted(numbers, self.enabled)?;
        if program.numbering == Numbering::UsesSequenceNumbers {
            permitted(Numbers::Seqs, self.enabled)?;
        }
        self.has_what_is_needed(program)?;
        let selected = self.state.selected()?;
        if program.options.is_some_and(|options| options.update) && selected.contexts.has(tag) {
            return Err(Completion::bad("tag reuse"));
        }
        if program.asks_mod_sequences {
            if selected.mod_sequences == ModSequences::NotKept {
                return Err(Completion::bad("this mailbox keeps no mod-sequences"));
            }
            self.use_mod_sequences();
        }
        Ok(())
    }

    /// What lasts beyond the command: the saved result, and the updates that the client wants.
    pub(super) fn keep(
        &mut self,
        correlator: Correlator,
        options: Return,
        request: Request,
        (query, keeping): (&Query, Keeping),
        results: Results,
        numbers: Numbers,
    ) -> Result<(), Completion> {
        let selected = self.state.selected()?;
        if options.save {
            selected.saved = results.told(Some(options));
        }
        if options.update {
            let sort = match request {
                Request::Sort(by) => Some(by),
                _ => None,
            };
            let code = format!("NOUPDATE \"{}\"", correlator.tag());
            let key = (query.key().clone(), keeping);
            let context = Context::new(correlator, numbers, key, sort, results);
            if !selected.contexts.add(context) {
                wire::status(self.channel.io.out(), "*", "NO", &code, "too many contexts");
            }
        }
        Ok(())
    }

    /// `* SEARCH 2 3 6`.
    async fn tell_list(
        &mut self,
        name: &str,
        results: &Results,
        numbers: Numbers,
        view: &View,
        modseq: Option<ModSeq>,
    ) -> Result<(), Stop> {
        wire::listed_begin(self.channel.io.out(), name);
        let mut all = results.runs(view, numbers).flat_map(|(first, last)| first..=last);
        loop {
            let mut count = 0;
            let some = all.by_ref().take(AT_ONCE).inspect(|_| count += 1);
            wire::listed(self.channel.io.out(), some);
            if count == 0 {
                break;
            }
            self.channel.io.flush_if_full().await?;
        }
        let modseq = modseq.filter(|_| results.count() > 0);
        wire::listed_end(self.channel.io.out(), modseq);
        Ok(())
    }

    async fn tell_threads(&mut self, threads: &Threads, numbers: Numbers, view: &View) -> Result<(), Stop> {
        let mut writer = ThreadWriter::default();
        for some in threads.entries().chunks(AT_ONCE) {
            for entry in some {
                writer.write(self.channel.io.out(), entry, |uid| number_of(uid, view, numbers));
            }
            self.channel.io.flush_if_full().await?;
        }
        writer.end(self.channel.io.out());
        Ok(())
    }

    /// Asked after the search: messages that went while it looked are missing among the hits as well. They still have
    /// their numbers, so the client is told why it does not see them (RFC 9051, section 7.1).
    pub(super) fn searched(&mut self, name: &str, expunges: ExpungesHere) -> Completion {
        let completed = Completion::ok(format!("{name} completed"));
        let pending = self
            .state
            .selected()
            .map(|selected| selected.updates.pending_expunges());
        match (expunges, pending) {
            (ExpungesHere::Held, Ok(1..)) => completed.with_code("EXPUNGEISSUED"),
            _ => completed,
        }
    }
}

async fn find<M: Mailbox>(mailbox: &mut M, query: &Query, request: &Request) -> Result<Found, Error> {
    let view = query.view();
    Ok(match request {
        Request::Search => Found::Results(Results::found(mailbox.search(query).await?.uids(), view)),
        Request::Sort(by) => Found::Results(Results::sorted(mailbox.sort(query, by).await?, view)),
        Request::Thread(algorithm) => {
            let mut threads = mailbox.thread(query, *algorithm).await?;
            threads.retain(|uid| view.seq_of(uid).is_some());
            Found::Threads(threads)
        }
    })
}

/// The same, of these messages alone.
fn narrowed(query: &Query, uids: &UidSet) -> Query {
    let keys = vec![SearchKey::Uids(uids.clone()), query.key().clone()];
    Query::new(SearchKey::And(keys), query.view().clone()).with_wanted(query.wanted())
}

/// What of the messages is asked of the backend: not all of them where one or their number is enough.
pub(super) fn wanted(options: Option<Return>) -> Wanted {
    let only = |only: Return| options == Some(only);
    let nothing = Return::default();
    if only(Return { min: true, ..nothing }) {
        Wanted::Min
    } else if only(Return { max: true, ..nothing }) {
        Wanted::Max
    } else if only(Return {
        count: true,
        ..nothing
    }) {
        Wanted::Count
    } else {
        Wanted::All
    }
}

/// The highest mod-sequence of these messages.
pub(super) async fn highest_modseq<M: Mailbox>(
    mailbox: &mut M,
    uids: &UidSet,
) -> Result<Option<ModSeq>, Error> {
    let mut highest = None;
    let mut walk = Walk::new(uids.iter(), Need::MODSEQ);
    while let Some(records) = walk.next(mailbox).await? {
        for record in records.into_records() {
            highest = highest.max(record.modseq());
        }
    }
    Ok(highest)
}

/// `* ESEARCH`.
pub(super) fn tell(
    out: &mut Vec<u8>,
    (correlator, numbers): (&Correlator, Numbers),
    options: Return,
    results: &Results,
    view: &View,
    modseq: Option<ModSeq>,
) {
    let mut answer = ESearch::begin(out, correlator, numbers);
    let number = |uid| number_of(uid, view, numbers).map(u64::from);
    if let Some(min) = results.first().filter(|_| options.min).and_then(number) {
        answer.value("MIN", min);
    }
    if let Some(max) = results.last().filter(|_| options.max).and_then(number) {
        answer.value("MAX", max);
    }
    if options.count {
        answer.value("COUNT", results.count());
    }
    if options.all && results.count() > 0 {
        answer.set("ALL", results.runs(view, numbers));
    }
    let mut told = results.count();
    if let Some(window) = options.partial {
        let part = results.at(window.places(results.len()));
        answer.partial(&written(window), part.runs(view, numbers));
        told = part.count();
    }
    if options.relevancy {
        answer.relevancy(told);
    }
    if let Some(modseq) = modseq {
        answer.value("MODSEQ", modseq.get());
    }
    answer.end();
}

/// `1:500`, or `-1:-500`.
fn written(window: Window) -> String {
    let sign = match window.from {
        End::Lowest => "",
        End::Highest => "-",
    };
    format!("{sign}{}:{sign}{}", window.first, window.last)
}

/// A store may look for text without a pause for as long as a message is large. On a runtime of several threads such a
/// search gives its worker to the other clients meanwhile; on one of a single thread there is nobody to give it to. What
/// has paused soon keeps its worker: giving it away costs more than a short look.
pub(crate) async fn off_the_runtime<T>(search: impl Future<Output = T>) -> T {
    let mut search = pin!(search);
    let mut gives_away = Handle::current().runtime_flavor() == RuntimeFlavor::MultiThread;
    let may_give_away = gives_away;
    poll_fn(|context| {
        let began = Instant::now();
        let polled = match gives_away {
            true => block_in_place(|| search.as_mut().poll(context)),
            false => search.as_mut().poll(context),
        };
        gives_away = may_give_away && began.elapsed() > SHORT;
        polled
    })
    .await
}

/// What is over so soon need not be kept away from the other clients.
const SHORT: Duration = Duration::from_millis(1);
