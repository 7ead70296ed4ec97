//! What the expunge log is shared with: from the standard library, or from loom when the log is model-checked
//! (`RUSTFLAGS="--cfg loom" cargo test -p imap-seq --test loom --release`). Chosen here and nowhere else.

#[cfg(not(loom))]
pub(crate) use std::sync::{Arc, atomic::AtomicU32, atomic::Ordering};

#[cfg(loom)]
pub(crate) use loom::sync::{Arc, atomic::AtomicU32, atomic::Ordering};

/// The value, for exactly one of all who gave up their share.
#[cfg(not(loom))]
pub(crate) fn sole<T>(shared: Arc<T>) -> Option<T> {
    Arc::into_inner(shared)
}

/// As near as loom comes: when two give up at once it may be none of them, and the plain drop runs.
#[cfg(loom)]
pub(crate) fn sole<T>(shared: Arc<T>) -> Option<T> {
    Arc::try_unwrap(shared).ok()
}

/// A link that is set once, while others may look.
#[cfg(not(loom))]
pub(crate) struct Link<T>(std::sync::OnceLock<T>);

#[cfg(not(loom))]
impl<T: Clone> Link<T> {
    pub(crate) fn unset() -> Self {
        Self(std::sync::OnceLock::new())
    }

    pub(crate) fn get(&self) -> Option<T> {
        self.0.get().cloned()
    }

    /// Keeps the first value.
    pub(crate) fn set(&self, value: T) {
        let _ = self.0.set(value);
    }

    pub(crate) fn take(&mut self) -> Option<T> {
        self.0.take()
    }
}

/// Loom has no `OnceLock`: a lock stands for it.
#[cfg(loom)]
pub(crate) struct Link<T>(loom::sync::Mutex<Option<T>>);

#[cfg(loom)]
impl<T: Clone> Link<T> {
    pub(crate) fn unset() -> Self {
        Self(loom::sync::Mutex::new(None))
    }

    pub(crate) fn get(&self) -> Option<T> {
        self.0.lock().ok().and_then(|link| link.clone())
    }

    pub(crate) fn set(&self, value: T) {
        if let Ok(mut link) = self.0.lock() {
            link.get_or_insert(value);
        }
    }

    pub(crate) fn take(&mut self) -> Option<T> {
        self.0.lock().ok().and_then(|mut link| link.take())
    }
}
