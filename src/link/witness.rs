//! The early witness of deaths: a thread that sleeps on the signs of life of other processes.
//!
//! The kernel marks the word of a process that dies and wakes one sleeper. That is this thread, in the
//! one process that tells the others. So whoever waits for anything else sleeps on one word, and no
//! longer than it likes.
//!
//! As that of [`super::watcher`], the thread runs as long as somebody needs it, with all signals
//! blocked, and a forked child starts one of its own.

use crate::error::{Error, Result};
use crate::panics::contain;
use crate::sync::{AtomicU32, Condvar, Mutex, MutexGuard, Ordering, PoisonError, thread};
use crate::sync::{FUTEX_WORDS, futex_wait, futex_wait_any, futex_wake};
use crate::sys::epoll::without_signals;
use crate::sys::heap;
use crate::sys::process::{PerProcess, generation};
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

/// How long a mark may go unseen that the kernel does not wake the thread for.
const SLICE: Duration = Duration::from_secs(1);

/// Somebody who wants to know of a death.
pub(crate) trait Survivor: Send + Sync {
    /// The word to sleep on. `None` if another process does: this one looks once a second, for the
    /// case that the other one is dead or stopped.
    fn word(&self) -> Option<&AtomicU32>;

    /// Called on the thread when the word has changed, and at any other time. Must not block: all
    /// sets of the process wait for it.
    fn look(&self);
}

/// A registration; dropping it ends it.
///
/// The drop waits until the thread has let go of the survivor. Whoever drops it must therefore not
/// hold a lock that `look` takes, and not do so there. In a forked child it does nothing.
#[must_use = "dropping it ends the vigil"]
pub(crate) struct Vigil {
    witness: &'static Witness,
    id: u64,
}

/// Lets `survivor` look whenever its word changes.
pub(crate) fn attend(survivor: Arc<dyn Survivor>) -> Result<Vigil> {
    let vigil = Witness::current().attend(survivor);
    vigil.map_err(|error| Error::system("cannot watch for the death of other processes", &error))
}

struct Witness {
    generation: u32,
    state: Mutex<State>,
    /// Changes when a survivor comes or goes: the first word that the thread sleeps on.
    news: AtomicU32,
    /// Signalled when the thread has let go of everybody.
    idle: Condvar,
}

#[derive(Default)]
struct State {
    survivors: BTreeMap<u64, Arc<dyn Survivor>>,
    /// The last key of a survivor.
    last: u64,
    /// How often the thread has let go of everybody.
    rounds: u64,
    has_thread: bool,
}

impl Witness {
    /// The witness of this process.
    fn current() -> &'static Self {
        static CURRENT: PerProcess<Witness> = PerProcess::new();
        let Ok(witness) = CURRENT.get_or_make(|| Ok::<_, Infallible>(Self::new()));
        witness
    }

    fn new() -> Self {
        Self {
            generation: generation(),
            state: Mutex::default(),
            news: AtomicU32::new(0),
            idle: Condvar::new(),
        }
    }

    fn attend(&'static self, survivor: Arc<dyn Survivor>) -> io::Result<Vigil> {
        let mut state = self.lock();
        if !state.has_thread {
            let thread = thread::Builder::new().name("vdi-witness".to_owned());
            without_signals(|| thread.spawn(move || self.run()))?;
            state.has_thread = true;
        }
        state.last += 1;
        let id = state.last;
        state.survivors.insert(id, survivor);
        self.tell();
        Ok(Vigil { witness: self, id })
    }

    /// Lets the thread look at who is there.
    fn tell(&self) {
        self.news.fetch_add(1, Ordering::Release);
        futex_wake(&self.news);
    }

    fn run(&self) {
        while let Some((news, survivors)) = self.begin() {
            self.watch(news, &survivors);
        }
    }

    /// Begins a round, in which the thread holds those who are there now. `None` if there is nobody
    /// and the thread has ended its part.
    fn begin(&self) -> Option<(u32, Vec<Arc<dyn Survivor>>)> {
        heap::make_room();
        let mut state = self.lock();
        state.rounds += 1;
        state.has_thread = !state.survivors.is_empty();
        self.idle.notify_all();
        let news = self.news.load(Ordering::Relaxed);
        state
            .has_thread
            .then(|| (news, state.survivors.values().cloned().collect()))
    }

    /// Lets everybody look, and sleeps until a word changes.
    fn watch(&self, news: u32, survivors: &[Arc<dyn Survivor>]) {
        let signs = survivors.iter().filter_map(|survivor| survivor.word());
        let mut words = vec![(&self.news, news)];
        // Read before the look: what changes after it ends the sleep.
        words.extend(signs.map(|word| (word, word.load(Ordering::Acquire))));
        words.truncate(FUTEX_WORDS);
        for survivor in survivors {
            contain(|| survivor.look());
        }
        let is_all = words.len() > survivors.len();
        let limit = (!is_all).then_some(SLICE);
        if futex_wait_any(&words, limit).is_err() {
            // This kernel does not watch several words, or not now.
            futex_wait(&self.news, news, Some(SLICE));
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Vigil {
    fn drop(&mut self) {
        let witness = self.witness;
        if witness.generation != generation() {
            return;
        }
        let mut state = witness.lock();
        let survivor = state.survivors.remove(&self.id);
        witness.tell();
        let round = state.rounds;
        while state.has_thread && state.rounds == round {
            state = witness
                .idle
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        drop(state);
        drop(survivor);
    }
}

#[cfg(test)]
#[path = "witness_tests.rs"]
mod tests;
