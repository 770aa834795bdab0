//! Which process this is. Its id does not say: ids are used again, and the child of a fork into another PID namespace can
//! have its parent's.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How many forks lie between the process that imported this module and this one.
static GENERATION: AtomicUsize = AtomicUsize::new(0);

fn generation() -> usize {
    GENERATION.load(Ordering::Relaxed)
}

/// Has forks counted from now on. Called by the import, so before there is anything that could belong to a process.
#[cfg(unix)]
#[allow(unsafe_code, reason = "only the C library tells of a fork in every way that a program can make one")]
pub(crate) fn watch() -> io::Result<()> {
    extern "C" fn in_child() {
        GENERATION.fetch_add(1, Ordering::Relaxed);
    }
    // SAFETY: `in_child` does one atomic addition, which takes no lock and allocates nothing, so it may run between a fork
    // and whatever comes next in the child. It stays loaded: an interpreter never unloads a native module.
    match unsafe { libc::pthread_atfork(None, None, Some(in_child)) } {
        0 => Ok(()),
        error => Err(io::Error::from_raw_os_error(error)),
    }
}

/// Nothing forks here.
#[cfg(not(unix))]
#[allow(clippy::unnecessary_wraps, reason = "elsewhere it can fail")]
pub(crate) fn watch() -> io::Result<()> {
    Ok(())
}

/// A mark of the process that made it.
#[derive(Clone, Copy)]
pub(crate) struct Mark(usize);

impl Mark {
    pub(crate) fn new() -> Self {
        Self(generation())
    }

    /// False in the child of a fork.
    pub(crate) fn is_here(self) -> bool {
        self.0 == generation()
    }
}

/// A value that only the process that made it uses and drops: in the child of a fork its threads are missing, and its locks
/// may be locked for ever.
pub(crate) struct Own<T> {
    /// Without a value only while it is dropped or taken apart.
    value: Option<T>,
    mark: Mark,
}

impl<T> Own<T> {
    pub(crate) fn new(value: T) -> Self {
        Self { value: Some(value), mark: Mark::new() }
    }

    /// `None` in the child of a fork.
    pub(crate) fn get(&self) -> Option<&T> {
        self.of_any_process().filter(|_| self.mark.is_here())
    }

    pub(crate) fn get_mut(&mut self) -> Option<&mut T> {
        self.value.as_mut().filter(|_| self.mark.is_here())
    }

    /// `None` in the child of a fork, where the value is left as it is.
    pub(crate) fn into_inner(mut self) -> Option<T> {
        if self.mark.is_here() { self.value.take() } else { None }
    }

    /// In the child of a fork only for what never changes and takes no lock.
    pub(crate) fn of_any_process(&self) -> Option<&T> {
        self.value.as_ref()
    }
}

impl<T> Drop for Own<T> {
    fn drop(&mut self) {
        if !self.mark.is_here() {
            std::mem::forget(self.value.take());
        }
    }
}
