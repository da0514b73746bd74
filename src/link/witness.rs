//! The early witness of deaths: a thread that sleeps on the signs of life of other processes.
//!
//! The kernel marks the word of a process that dies and wakes one sleeper. That is this thread, in the
//! one process that tells the others. So whoever waits for anything else sleeps on one word, and no
//! longer than it likes.
//!
//! As that of [`super::watcher`], the thread runs as long as somebody needs it, with all signals
//! blocked, and a forked child starts one of its own.

use super::background;
use crate::error::{Error, Result};
use crate::naps::{self, FIRST_NAP};
use crate::panics::contain;
use crate::sync::{AtomicU32, Condvar, Mutex, MutexGuard, Ordering, PoisonError};
use crate::sync::{FUTEX_WORDS, futex_wait, futex_wait_any, futex_wake};
use crate::sys::process::{PerProcess, generation};
use std::convert::Infallible;
use std::io;
use std::mem;
use std::sync::Arc;
use std::time::Duration;

/// How long a mark may go unseen that the kernel does not wake the thread for. [AMB-37]
const SLICE: Duration = Duration::from_millis(500);

/// Somebody who wants to know of a death.
pub(crate) trait Survivor: Send + Sync {
    /// The word to sleep on. `None` if another process does: this one looks twice a second, for the
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
    /// Signalled when a round begins: the thread has let go of those who have gone.
    idle: Condvar,
}

#[derive(Default)]
struct State {
    survivors: Vec<(u64, Arc<dyn Survivor>)>,
    /// Empty, for a list that the thread holds: it has, or here is, room for all survivors.
    room: Vec<Arc<dyn Survivor>>,
    /// A survivor has come or gone since the last round.
    has_changed: bool,
    /// The last key of a survivor.
    last: u64,
    /// How often the thread has begun a round.
    rounds: u64,
    has_thread: bool,
}

/// What the thread knows of the rounds before.
struct Watch {
    /// Held until a round in which they are not there any more.
    survivors: Vec<Arc<dyn Survivor>>,
    values: [u32; FUTEX_WORDS],
    /// How long the next sleep is if the kernel wakes for every mark.
    nap: Duration,
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
        state.make_room()?;
        if !state.has_thread {
            background::start("vdi-witness", move || self.run())?;
            state.has_thread = true;
        }
        state.last += 1;
        let id = state.last;
        state.survivors.push((id, survivor));
        self.tell(&mut state);
        Ok(Vigil { witness: self, id })
    }

    /// Lets the thread look at who is there.
    fn tell(&self, state: &mut State) {
        state.has_changed = true;
        self.news.fetch_add(1, Ordering::Release);
        futex_wake(&self.news);
    }

    fn run(&self) {
        let mut watch = Watch {
            survivors: Vec::new(),
            values: [0; FUTEX_WORDS],
            nap: FIRST_NAP,
        };
        while let Some(news) = self.begin(&mut watch.survivors) {
            self.watch(news, &mut watch);
        }
    }

    /// Begins a round, in which the thread holds those who are there now. `None` if there is nobody
    /// and the thread has ended its part.
    ///
    /// Allocates nothing: here a lack of memory could be told to nobody.
    fn begin(&self, survivors: &mut Vec<Arc<dyn Survivor>>) -> Option<u32> {
        let mut state = self.lock();
        if mem::take(&mut state.has_changed) {
            survivors.clear();
            if survivors.capacity() < state.survivors.len() {
                mem::swap(survivors, &mut state.room);
            }
            survivors.extend(state.survivors.iter().map(|(_, one)| Arc::clone(one)));
        }
        state.rounds += 1;
        state.has_thread = !survivors.is_empty();
        self.idle.notify_all();
        let news = self.news.load(Ordering::Relaxed);
        state.has_thread.then_some(news)
    }

    /// Lets everybody look, and sleeps until a word changes.
    fn watch(&self, news: u32, watch: &mut Watch) {
        let signs = watch.survivors.iter().filter_map(|one| one.word());
        let mut words = [(&self.news, news); FUTEX_WORDS];
        let mut count = 1;
        for (place, word) in words[1..].iter_mut().zip(signs) {
            // Read before the look: what changes after it ends the sleep.
            *place = (word, word.load(Ordering::Acquire));
            count += 1;
        }
        for survivor in &watch.survivors {
            contain(|| survivor.look());
        }
        let values = words.map(|(_, value)| value);
        let is_quiet = mem::replace(&mut watch.values, values) == values;
        watch.nap = if is_quiet {
            naps::after(watch.nap)
        } else {
            FIRST_NAP
        };
        let is_all = count > watch.survivors.len();
        let limit = if is_all { watch.nap } else { SLICE };
        if futex_wait_any(&words[..count], Some(limit)).is_err() {
            // This kernel does not watch several words, or not now.
            futex_wait(&self.news, news, Some(SLICE));
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Makes room for one more survivor, here and in what the thread holds.
    fn make_room(&mut self) -> io::Result<()> {
        let count = self.survivors.len() + 1;
        let survivors = self.survivors.try_reserve(1);
        let made = survivors.and_then(|()| self.room.try_reserve(count));
        made.map_err(|_| io::ErrorKind::OutOfMemory.into())
    }
}

impl Drop for Vigil {
    fn drop(&mut self) {
        let witness = self.witness;
        if witness.generation != generation() {
            return;
        }
        let mut state = witness.lock();
        let survivors = &mut state.survivors;
        let place = survivors.iter().position(|(id, _)| *id == self.id);
        let survivor = place.map(|place| survivors.swap_remove(place));
        witness.tell(&mut state);
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
