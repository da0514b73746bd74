//! The one background thread of a process, which sees peers speak, hang up and end.
//!
//! The thread is started by the first [`watch`] and lives as long as the process. All signals are
//! blocked in it, so that the handlers of the application never run there. A forked child starts
//! a thread of its own when it needs one.

use crate::error::{Error, Result};
use crate::sys::epoll::{Epoll, without_signals};
use crate::sys::process::{PerProcess, generation};
use crate::sys::robust::{Hold, List};
use once_cell::sync::OnceCell;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

/// What becomes of a registration after an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// It stays.
    Keep,
    /// It ends, with all its descriptors.
    Drop,
}

/// Somebody who wants to know of events. Owns the descriptors, and keeps them open as long as it
/// is registered.
pub(crate) trait Watched: Send + Sync {
    /// Called on the link thread when the descriptor of `token` is readable or hung up, and again
    /// as long as it is. Must not block: all sets of the process wait for this thread.
    ///
    /// A panic counts as [`Next::Drop`].
    fn ready(&self, token: u32) -> Next;
}

/// A registration; dropping it ends it.
///
/// The drop waits until a call of [`Watched::ready`] in progress has returned and the link thread
/// has let go of the target, so that nothing of the target remains in use. Whoever drops a `Watch`
/// must therefore not hold a lock that `ready` takes. On the link thread itself the drop does not
/// wait. In a forked child it does nothing, since the kernel's list is the parent's, too.
#[must_use = "dropping it ends the watch"]
pub(crate) struct Watch {
    link: &'static Link,
    id: u64,
}

/// Calls `target` whenever one of the descriptors is ready; the number is the token of each.
pub(crate) fn watch(
    target: Arc<dyn Watched>,
    descriptors: &[(BorrowedFd<'_>, u32)],
) -> Result<Watch> {
    let cannot = |error| Error::system("cannot watch for the end of other processes", &error);
    let link = Link::current().map_err(cannot)?;
    link.register(target, descriptors).map_err(cannot)
}

/// Holds a word of shared memory in the name of the background thread: the kernel marks it when
/// this process ends without giving it back, long before its sockets hang up.
pub(crate) fn hold_word(fd: BorrowedFd<'_>, offset: usize) -> io::Result<Hold> {
    Link::current()?.words.hold(fd, offset)
}

/// The background thread and its registrations.
struct Link {
    generation: u32,
    epoll: Epoll,
    /// The words that the thread holds.
    words: List,
    state: Mutex<State>,
    /// Signalled when the thread has let go of a target.
    idle: Condvar,
    /// Filled when the thread runs.
    thread: OnceCell<()>,
}

#[derive(Default)]
struct State {
    targets: BTreeMap<u64, Arc<dyn Watched>>,
    descriptors: BTreeMap<u64, Descriptor>,
    /// The last key given to a target or descriptor; none is used twice, so that an event that
    /// was on its way when its registration ended finds nothing.
    last: u64,
    /// The target that the thread is calling.
    running: Option<u64>,
}

#[derive(Clone, Copy)]
struct Descriptor {
    target: u64,
    token: u32,
    fd: RawFd,
}

thread_local! {
    static ON_LINK_THREAD: Cell<bool> = const { Cell::new(false) };
}

impl Link {
    /// The link of this process, with its thread running.
    fn current() -> io::Result<&'static Self> {
        static CURRENT: PerProcess<Link> = PerProcess::new();
        let link = CURRENT.get_or_make(Self::new)?;
        link.thread.get_or_try_init(|| link.start())?;
        Ok(link)
    }

    fn new() -> io::Result<Self> {
        Ok(Self {
            generation: generation(),
            epoll: Epoll::new()?,
            words: List::new(),
            state: Mutex::default(),
            idle: Condvar::new(),
            thread: OnceCell::new(),
        })
    }

    fn start(&'static self) -> io::Result<()> {
        let thread = thread::Builder::new().name("vdi-link".to_owned());
        let (ready, started) = mpsc::channel::<()>();
        without_signals(|| {
            thread.spawn(move || {
                self.words.adopt();
                drop(ready);
                self.run();
            })
        })?;
        // Nothing is ever sent: the end of the channel says that words can be held.
        let _: std::result::Result<(), mpsc::RecvError> = started.recv();
        Ok(())
    }

    fn register(
        &'static self,
        target: Arc<dyn Watched>,
        descriptors: &[(BorrowedFd<'_>, u32)],
    ) -> io::Result<Watch> {
        let mut state = self.lock();
        let id = state.next_key();
        state.targets.insert(id, target);
        let added = descriptors.iter().try_for_each(|(fd, token)| {
            let key = state.next_key();
            self.epoll.add(*fd, key)?;
            let descriptor = Descriptor {
                target: id,
                token: *token,
                fd: fd.as_raw_fd(),
            };
            state.descriptors.insert(key, descriptor);
            Ok(())
        });
        drop(state);
        // After a failure the drop of the watch takes back what was added.
        let watch = Watch { link: self, id };
        added.map(|()| watch)
    }

    /// Ends a registration and returns its target, to be dropped where no lock is held.
    fn unregister(&self, id: u64) -> Option<Arc<dyn Watched>> {
        let mut state = self.lock();
        state.descriptors.retain(|_, descriptor| {
            let stays = descriptor.target != id;
            if !stays {
                // It can fail only if the target has closed its descriptor against the rule.
                let _ = self.epoll.remove(descriptor.fd);
            }
            stays
        });
        state.targets.remove(&id)
    }

    fn run(&self) {
        ON_LINK_THREAD.set(true);
        // The wait fails only if the application closes descriptors that are not its own; then
        // there is nothing left to do.
        while let Ok(keys) = self.epoll.wait() {
            for key in keys {
                self.dispatch(key);
            }
        }
    }

    fn dispatch(&self, key: u64) {
        let Some((target, descriptor)) = self.begin(key) else {
            return;
        };
        let next = contain(|| target.ready(descriptor.token)).unwrap_or(Next::Drop);
        let ended = match next {
            Next::Keep => None,
            Next::Drop => self.unregister(descriptor.target),
        };
        contain(|| drop((target, ended)));
        self.lock().running = None;
        self.idle.notify_all();
    }

    fn begin(&self, key: u64) -> Option<(Arc<dyn Watched>, Descriptor)> {
        let mut state = self.lock();
        let descriptor = *state.descriptors.get(&key)?;
        let target = state.targets.get(&descriptor.target)?.clone();
        state.running = Some(descriptor.target);
        Some((target, descriptor))
    }

    /// Waits until the thread is not calling this target any more.
    fn let_go(&self, id: u64) {
        let mut state = self.lock();
        while state.running == Some(id) {
            state = self
                .idle
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn next_key(&mut self) -> u64 {
        self.last += 1;
        self.last
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if self.link.generation != generation() {
            return;
        }
        let target = self.link.unregister(self.id);
        if !ON_LINK_THREAD.get() {
            self.link.let_go(self.id);
        }
        drop(target);
    }
}

/// Runs `body`; None if it panics.
fn contain<T>(body: impl FnOnce() -> T) -> Option<T> {
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(value) => Some(value),
        Err(payload) => {
            // Dropping an arbitrary payload may panic again, so leak it.
            std::mem::forget(payload);
            None
        }
    }
}

#[cfg(test)]
#[path = "watcher_tests.rs"]
mod tests;
