//! The background thread of a process that sees peers speak, hang up and end.
//!
//! The thread runs as long as somebody needs it: a process whose own threads have all ended must end,
//! too. All signals are blocked in it, so that the handlers of the application never run there. A
//! forked child starts a thread of its own when it needs one.

use super::background;
use crate::error::{Error, Result};
use crate::panics::contain;
use crate::sync::{Condvar, Mutex, MutexGuard, PoisonError, mpsc, thread_local};
use crate::sys::epoll::{Epoll, Keys};
use crate::sys::heap;
use crate::sys::process::{PerProcess, generation};
use crate::sys::robust::{Hold, List};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};
use std::sync::Arc;

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
    _need: Need,
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
pub(crate) fn hold_word(fd: BorrowedFd<'_>, offset: usize) -> io::Result<Word> {
    let link = Link::current()?;
    let need = link.need()?;
    let hold = link.words.hold(fd, offset)?;
    Ok(Word {
        _hold: hold,
        _need: need,
    })
}

/// A word that is held; dropping it gives the word back, unmarked.
pub(crate) struct Word {
    // Before the need: the thread gives up no word.
    _hold: Hold,
    _need: Need,
}

/// Keeps the thread running.
struct Need {
    link: &'static Link,
}

impl Drop for Need {
    fn drop(&mut self) {
        if self.link.generation != generation() {
            return;
        }
        let mut state = self.link.lock();
        state.needs -= 1;
        if state.needs == 0 {
            // Failing, it leaves a thread that waits for the next need.
            let _ = self.link.epoll.end_wait();
        }
    }
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
    /// Reasons for the thread to run, and whether it does.
    needs: usize,
    has_thread: bool,
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
    /// The link of this process.
    fn current() -> io::Result<&'static Self> {
        static CURRENT: PerProcess<Link> = PerProcess::new();
        CURRENT.get_or_make(Self::new)
    }

    fn new() -> io::Result<Self> {
        Ok(Self {
            generation: generation(),
            epoll: Epoll::new()?,
            words: List::new(),
            state: Mutex::default(),
            idle: Condvar::new(),
        })
    }

    /// The thread runs from now on, until all needs are dropped.
    fn need(&'static self) -> io::Result<Need> {
        let mut state = self.lock();
        if !state.has_thread {
            self.start()?;
            state.has_thread = true;
        }
        state.needs += 1;
        Ok(Need { link: self })
    }

    fn start(&'static self) -> io::Result<()> {
        let (ready, started) = mpsc::channel::<()>();
        background::start("vdi-link", move || {
            self.words.adopt();
            drop(ready);
            self.run();
        })?;
        // Nothing is ever sent: the end of the channel says that words can be held.
        let _: std::result::Result<(), _> = started.recv();
        Ok(())
    }

    fn register(
        &'static self,
        target: Arc<dyn Watched>,
        descriptors: &[(BorrowedFd<'_>, u32)],
    ) -> io::Result<Watch> {
        let need = self.need()?;
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
        let watch = Watch {
            link: self,
            id,
            _need: need,
        };
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
        ON_LINK_THREAD.with(|here| here.set(true));
        // The wait fails only if the application closes descriptors that are not its own; then
        // there is nothing left to do.
        // Nothing is allocated before there is room.
        let mut keys = Keys::default();
        while let Ok(count) = self.epoll.wait(&mut keys) {
            heap::make_room();
            for key in &keys[..count] {
                self.dispatch(*key);
            }
            if self.leave() {
                return;
            }
        }
    }

    /// Ends the part of the thread if nobody needs it.
    fn leave(&self) -> bool {
        let mut state = self.lock();
        if state.needs == 0 {
            state.has_thread = false;
            self.words.give_up();
        }
        !state.has_thread
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
        if !ON_LINK_THREAD.with(Cell::get) {
            self.link.let_go(self.id);
        }
        drop(target);
    }
}

#[cfg(test)]
#[path = "watcher_tests.rs"]
mod tests;
