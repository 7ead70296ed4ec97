//! Turns: which long work a core does next.
//!
//! Work that reads messages keeps a core busy for as long as a mailbox is large. So much of it goes on at the same time as
//! there are cores. A turn lasts from one pause of the work to the next, and at each pause the next user has one: however
//! many connections and commands one user has, another user's work goes on after at most one turn of each.
//!
//! Work that was woken and has no turn yet waits here and not in the runtime: there it would be in the way of everybody
//! else's commands.

use std::collections::{HashMap, VecDeque};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

/// The turns of a server.
#[derive(Debug)]
pub(crate) struct Turns {
    queue: Mutex<Queue>,
}

/// Locked before the state of any work.
#[derive(Debug, Default)]
struct Queue {
    /// Turns that nobody has. While there are any, nobody waits.
    free: usize,
    /// Users with work that waits, in the order in which they are next.
    users: VecDeque<Arc<str>>,
    /// The waiting work of each of these users, in its order.
    waiting: HashMap<Arc<str>, VecDeque<Arc<Work>>>,
}

/// One piece of work. It is the waker of what it does.
#[derive(Debug)]
struct Work {
    turns: Arc<Turns>,
    user: Arc<str>,
    state: Mutex<(State, Waker)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// It waits for something else, and wants no turn.
    Asleep,
    /// It is in the queue.
    Waiting,
    /// It has a turn and has not begun to use it.
    Called,
    /// It uses its turn.
    AtWork,
    /// It uses its turn, and wants another one.
    Woken,
}

impl Turns {
    /// So many turns at the same time, at least one.
    pub(crate) fn new(at_once: usize) -> Arc<Self> {
        let queue = Queue {
            free: at_once.max(1),
            ..Queue::default()
        };
        Arc::new(Self {
            queue: Mutex::new(queue),
        })
    }

    /// Does a user's work, turn by turn. The work has to pause often: what does not pause keeps its turn.
    ///
    /// # Cancel safety
    /// Dropping it ends the work and gives the turn back.
    pub(crate) async fn take_for<T>(self: &Arc<Self>, user: &Arc<str>, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        let place = Place(Arc::new(Work {
            turns: Arc::clone(self),
            user: Arc::clone(user),
            state: Mutex::new((State::Asleep, Waker::noop().clone())),
        }));
        let waker = Waker::from(Arc::clone(&place.0));
        waker.wake_by_ref();
        std::future::poll_fn(|context| {
            if !place.0.begin(context.waker()) {
                return Poll::Pending;
            }
            let turn = Turn(&place.0);
            let polled = work.as_mut().poll(&mut Context::from_waker(&waker));
            drop(turn);
            polled
        })
        .await
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    fn join(&mut self, work: &Arc<Work>) {
        let places = self.waiting.entry(Arc::clone(&work.user)).or_default();
        if places.is_empty() {
            self.users.push_back(Arc::clone(&work.user));
        }
        places.push_back(Arc::clone(work));
    }

    /// The work whose turn is next.
    fn next(&mut self) -> Option<Arc<Work>> {
        let user = self.users.pop_front()?;
        let places = self.waiting.get_mut(&user)?;
        let next = places.pop_front();
        if places.is_empty() {
            self.waiting.remove(&user);
        } else {
            self.users.push_back(user);
        }
        next
    }

    fn leave(&mut self, work: &Arc<Work>) {
        let Some(places) = self.waiting.get_mut(&work.user) else {
            return;
        };
        places.retain(|place| !Arc::ptr_eq(place, work));
        if places.is_empty() {
            self.waiting.remove(&work.user);
            self.users.retain(|user| *user != work.user);
        }
    }

    /// Hands a turn on to the work that is next. Gives whom to wake, if anybody waits.
    fn hand_on(&mut self) -> Option<Waker> {
        match self.next() {
            Some(next) => Some(next.call()),
            None => {
                self.free += 1;
                None
            }
        }
    }
}

impl Work {
    fn state(&self) -> MutexGuard<'_, (State, Waker)> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Its turn has come. Gives whom to wake.
    fn call(&self) -> Waker {
        let mut state = self.state();
        state.0 = State::Called;
        state.1.clone()
    }

    /// Begins to use a turn, if it has one. `waker` is woken when it has the next.
    fn begin(&self, waker: &Waker) -> bool {
        let mut state = self.state();
        state.1.clone_from(waker);
        let has_turn = state.0 == State::Called;
        if has_turn {
            state.0 = State::AtWork;
        }
        has_turn
    }
}

impl Wake for Work {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let mut queue = self.turns.queue();
        let mut state = self.state();
        match state.0 {
            State::Waiting | State::Called | State::Woken => {}
            State::AtWork => state.0 = State::Woken,
            State::Asleep if queue.free > 0 => {
                queue.free -= 1;
                state.0 = State::Called;
                let waker = state.1.clone();
                drop((state, queue));
                waker.wake();
            }
            State::Asleep => {
                state.0 = State::Waiting;
                queue.join(self);
            }
        }
    }
}

/// The use of a turn, which ends when this is dropped.
struct Turn<'w>(&'w Arc<Work>);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut queue = self.0.turns.queue();
        let mut state = self.0.state();
        match state.0 {
            State::Woken => {
                state.0 = State::Waiting;
                queue.join(self.0);
            }
            _ => state.0 = State::Asleep,
        }
        // Whom to wake may be the task that this runs in.
        drop(state);
        let next = queue.hand_on();
        drop(queue);
        if let Some(waker) = next {
            waker.wake();
        }
    }
}

/// Work's place among the turns, which it leaves when it is done or dropped.
struct Place(Arc<Work>);

impl Drop for Place {
    fn drop(&mut self) {
        let mut queue = self.0.turns.queue();
        let state = self.0.state().0;
        let next = match state {
            State::Waiting => {
                queue.leave(&self.0);
                None
            }
            // Its turn came, and it never used it.
            State::Called => queue.hand_on(),
            State::Asleep | State::AtWork | State::Woken => None,
        };
        // Nothing that wakes it from now on may give it a turn.
        self.0.state().0 = State::Woken;
        drop(queue);
        if let Some(waker) = next {
            waker.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::cell::RefCell;
    use std::pin::Pin;
    use std::rc::Rc;

    fn user(name: &str) -> Arc<str> {
        name.into()
    }

    /// Pauses so often, and notes each time that it had a turn.
    async fn work(user: Arc<str>, pauses: usize, log: Rc<RefCell<Vec<Arc<str>>>>) {
        for _ in 0..pauses {
            log.borrow_mut().push(Arc::clone(&user));
            pause().await;
        }
    }

    async fn pause() {
        let mut paused = false;
        std::future::poll_fn(|context| match std::mem::replace(&mut paused, true) {
            true => Poll::Ready(()),
            false => {
                context.waker().wake_by_ref();
                Poll::Pending
            }
        })
        .await;
    }

    fn run(test: impl Future<Output = ()>) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        tokio::task::LocalSet::new().block_on(&runtime, test);
    }

    #[test]
    fn t9_a_user_with_much_work_has_no_more_turns_than_another() {
        run(async {
            let (turns, log) = (Turns::new(1), Rc::default());
            let many = std::iter::repeat_n(user("many"), 50).chain([user("one")]);
            let all: Vec<_> = many
                .map(|user| {
                    let (turns, log) = (Arc::clone(&turns), Rc::clone(&log));
                    tokio::task::spawn_local(async move {
                        turns.take_for(&user, work(Arc::clone(&user), 20, log)).await;
                    })
                })
                .collect();
            for done in all {
                done.await.unwrap();
            }
            let log = log.borrow();
            let places: Vec<_> = (0..log.len()).filter(|&at| *log[at] == *"one").collect();
            assert_eq!((log.len(), places.len()), (51 * 20, 20));
            assert!(places.windows(2).all(|pair| pair[1] - pair[0] == 2), "{places:?}");
        });
    }

    /// A wake that is lost hangs it.
    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn no_wake_is_lost_between_threads() {
        let turns = Turns::new(2);
        let all: Vec<_> = (0..64)
            .map(|number: u32| {
                let turns = Arc::clone(&turns);
                tokio::spawn(async move {
                    let work = async {
                        for step in 0..200 {
                            match (step + number) % 3 {
                                0 => pause().await,
                                1 => tokio::task::yield_now().await,
                                _ => drop(tokio::spawn(async {}).await),
                            }
                        }
                    };
                    turns.take_for(&user(&(number % 5).to_string()), work).await;
                })
            })
            .collect();
        for done in all {
            done.await.unwrap();
        }
        assert_eq!(turns.queue().free, 2);
    }

    #[test]
    fn no_more_work_goes_on_than_there_are_turns() {
        let turns = Turns::new(2);
        let mut context = Context::from_waker(Waker::noop());
        // Each begins the next one while it has its turn.
        fn chain(turns: &Arc<Turns>, context: &mut Context<'_>, depth: usize) -> usize {
            let mut begun = 0;
            let work = std::future::poll_fn(|inner| {
                begun = 1 + if depth == 0 {
                    0
                } else {
                    chain(turns, inner, depth - 1)
                };
                Poll::Ready(())
            });
            let _ = pin!(turns.take_for(&Arc::from(depth.to_string()), work)).poll(context);
            begun
        }
        assert_eq!(chain(&turns, &mut context, 10), 2);
        assert_eq!(turns.queue().free, 2);
    }

    type Task<'t> = Pin<Box<dyn Future<Output = ()> + 't>>;

    /// Eight pieces of work that never end, and what the next one that has a turn does with it.
    #[derive(Default)]
    struct Tasks<'t> {
        all: RefCell<Vec<Option<Task<'t>>>>,
        others: RefCell<Vec<Step>>,
    }

    /// What a test does to one of them.
    #[derive(Debug, Clone)]
    enum Step {
        /// Polls it, whether or not it was woken. If it has a turn, it does this to others meanwhile, and may want another.
        Poll(usize, Vec<Self>),
        Drop(usize),
    }

    impl<'t> Tasks<'t> {
        fn add(self: &Rc<Self>, turns: &'t Arc<Turns>, user: &'t Arc<str>) {
            let tasks = Rc::downgrade(self);
            let work = std::future::poll_fn(move |context| {
                let others = tasks.upgrade().map(|tasks| (tasks.others.take(), tasks));
                for step in others.iter().flat_map(|(steps, _)| steps) {
                    others.iter().for_each(|(_, tasks)| tasks.take(step.clone()));
                }
                context.waker().wake_by_ref();
                Poll::Pending
            });
            self.all
                .borrow_mut()
                .push(Some(Box::pin(turns.take_for(user, work))));
        }

        fn take(&self, step: Step) {
            let at = match step {
                Step::Poll(at, _) | Step::Drop(at) => at,
            };
            // Not there while it is polled, or dropped before.
            let Some(mut task) = self.all.borrow_mut()[at].take() else {
                return;
            };
            if let Step::Poll(_, others) = step {
                self.others.replace(others);
                assert!(
                    task.as_mut()
                        .poll(&mut Context::from_waker(Waker::noop()))
                        .is_pending()
                );
                self.others.take();
                self.all.borrow_mut()[at] = Some(task);
            }
        }
    }

    fn step() -> impl Strategy<Value = Step> {
        let drop = (0_usize..8).prop_map(Step::Drop);
        let poll = |others| (0_usize..8, others).prop_map(|(at, others)| Step::Poll(at, others));
        let leaf = prop_oneof![3 => poll(Just(Vec::new()).boxed()), 1 => drop];
        leaf.prop_recursive(3, 20, 4, move |inner| {
            poll(prop::collection::vec(inner, 0..4).boxed())
        })
    }

    proptest! {
        #[test]
        fn whatever_is_dropped_every_turn_comes_back(
            at_once in 1_usize..4,
            steps in prop::collection::vec(step(), 0..40),
        ) {
            let turns = Turns::new(at_once);
            let users: Vec<_> = ["a", "b", "c"].map(user).into();
            let tasks = Rc::<Tasks<'_>>::default();
            (0..8).for_each(|at: usize| tasks.add(&turns, &users[at % 3]));
            for step in steps {
                tasks.take(step);
                let queue = turns.queue();
                prop_assert!(queue.free == 0 || queue.users.is_empty(), "somebody waits for a turn that nobody has");
            }
            tasks.all.take();
            let queue = turns.queue();
            prop_assert_eq!(queue.free, at_once);
            prop_assert!(queue.users.is_empty() && queue.waiting.is_empty());
        }
    }
}
