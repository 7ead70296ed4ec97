//! Futures of commands, made and kept on the heap.

use std::pin::Pin;

/// A future that no frame of the caller has room for.
///
/// Without optimization an `async` function has room in its frame for each future that it awaits, also for those that it boxes. Those of
/// commands are a hundred KiB and more; some of them together overflow the stack of a thread in a debug build.
#[inline(never)]
pub(crate) fn on_the_heap<'f, F: Future + Send + 'f>(
    make: impl FnOnce() -> F,
) -> Pin<Box<dyn Future<Output = F::Output> + Send + 'f>> {
    Box::pin(make())
}
