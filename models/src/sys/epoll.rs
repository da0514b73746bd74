//! Waiting until a socket of the model has something.

use crate::link::wire;
use crate::sync::{Mutex, MutexGuard, PoisonError};
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};

/// Room for the keys of one wait.
pub(crate) type Keys = [u64; 16];

#[derive(Default)]
pub(crate) struct Epoll(Mutex<State>);

#[derive(Default)]
struct State {
    watched: Vec<(RawFd, u64)>,
    /// Somebody has ended the wait.
    has_ended: bool,
}

impl Epoll {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self::default())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn add(&self, fd: BorrowedFd<'_>, key: u64) -> io::Result<()> {
        self.lock().watched.push((fd.as_raw_fd(), key));
        wire::nudge();
        Ok(())
    }

    pub(crate) fn remove(&self, fd: RawFd) -> io::Result<()> {
        self.lock().watched.retain(|(other, _)| *other != fd);
        Ok(())
    }

    /// Ends a wait with no keys.
    pub(crate) fn end_wait(&self) -> io::Result<()> {
        self.lock().has_ended = true;
        wire::nudge();
        Ok(())
    }

    /// Writes the keys of those that are readable or hung up; waits until there is one.
    pub(crate) fn wait(&self, keys: &mut Keys) -> io::Result<usize> {
        Ok(wire::until(|wire| {
            let mut state = self.lock();
            let ready = state.watched.iter();
            let ready = ready.filter(|(fd, _)| wire.is_readable(*fd));
            let written = keys.iter_mut().zip(ready);
            let count = written.map(|(to, (_, key))| *to = *key).count();
            let has_ended = std::mem::take(&mut state.has_ended);
            (has_ended || count > 0).then_some(count)
        }))
    }
}

pub(crate) fn without_signals<T>(body: impl FnOnce() -> T) -> T {
    body()
}
