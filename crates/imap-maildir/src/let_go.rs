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
        let held = self.0.take();
        // A runtime of one thread has tests, and no other tasks that would have to wait.
        if let Ok(runtime) = Handle::try_current()
            && runtime.runtime_flavor() != RuntimeFlavor::CurrentThread
        {
            runtime.spawn_blocking(move || drop(held));
        }
    }
}
