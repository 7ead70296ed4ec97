//! Letting go of what is closed by whoever has it last: closing a mailbox writes to the disk, and sessions end on threads that must
//! not wait for one.

use std::ops::Deref;
use std::sync::Arc;

use tokio::runtime::{Handle, RuntimeFlavor};

/// One of the holders of a value.
#[derive(Debug)]
pub(crate) struct LetGo<T: Send + Sync + 'static>(Option<Arc<T>>);

impl<T: Send + Sync + 'static> LetGo<T> {
    pub(crate) const fn new(held: Arc<T>) -> Self {
        Self(Some(held))
    }

    /// For whoever lets go of it on a thread that may wait.
    pub(crate) fn into_inner(mut self) -> Arc<T> {
        // It is there until this is dropped.
        self.0
            .take()
            .unwrap_or_else(|| unreachable!("held until it is dropped"))
    }
}

impl<T: Send + Sync + 'static> Deref for LetGo<T> {
    type Target = Arc<T>;

    fn deref(&self) -> &Arc<T> {
        // It is taken when this is dropped, and not before.
        self.0
            .as_ref()
            .unwrap_or_else(|| unreachable!("held until it is dropped"))
    }
}

impl<T: Send + Sync + 'static> Drop for LetGo<T> {
    fn drop(&mut self) {
        // Of several threads that let go at the same time, one has it.
        let Some(last) = self.0.take().and_then(Arc::into_inner) else {
            return;
        };
        // A runtime of one thread has tests, and no other tasks that would have to wait.
        if let Ok(runtime) = Handle::try_current()
            && runtime.runtime_flavor() != RuntimeFlavor::CurrentThread
        {
            runtime.spawn_blocking(move || drop(last));
        }
    }
}
