//! Sleeping until another process has something, and waking it.
//!
//! The word says whether somebody may be asleep: a bell that nobody waits for costs no system call.
//! The waiter sets the word and then looks at its condition; the ringer changes the condition and
//! then looks at the word. The two fences make sure that one of them sees the other, so no wake-up
//! is lost.

use crate::sync::{AtomicU32, AtomicUsize, Ordering, fence, futex_wait, futex_wake};
use std::hint;
use std::time::{Duration, Instant};

/// How long a waiter looks without sleeping. Longer than a prompt answer of the other process,
/// shorter than the two wake-ups that it saves.
const SPIN: Duration = Duration::from_micros(50);
/// Most waits in a row that sleep at once after spinning has failed.
const LONGEST_COOL_DOWN: u32 = 63;
/// Longest single sleep. Nothing relies on it but safety against a peer that tampers with the word.
const SLICE: Duration = Duration::from_secs(1);

/// A bell over a borrowed word that several processes share.
#[derive(Clone, Copy)]
pub(crate) struct Doorbell<'a> {
    word: &'a AtomicU32,
}

impl<'a> Doorbell<'a> {
    /// A bell over `word`.
    pub(crate) fn new(word: &'a AtomicU32) -> Self {
        Self { word }
    }

    /// Wakes the waiters, after the caller has changed what they wait for.
    pub(crate) fn ring(&self) {
        // Pairs with the fence in `sleep`.
        fence(Ordering::SeqCst);
        if self.word.load(Ordering::Relaxed) != 0 && self.word.swap(0, Ordering::Relaxed) != 0 {
            futex_wake(self.word);
        }
    }

    /// As [`Doorbell::ring`], but also if the word says that nobody sleeps: for the news that must
    /// not be lost even when a peer tampers with the word.
    pub(crate) fn alarm(&self) {
        fence(Ordering::SeqCst);
        self.word.store(0, Ordering::Relaxed);
        futex_wake(self.word);
    }

    /// Waits until `ready` gives an answer, at most until `deadline`. `None` means the deadline.
    ///
    /// A change of one of `others` ends a sleep, too, and `ready` is asked again.
    pub(crate) fn wait<T>(
        &self,
        others: [&AtomicU32; 2],
        patience: &Patience,
        deadline: Option<Instant>,
        mut ready: impl FnMut() -> Option<T>,
    ) -> Option<T> {
        if let Some(answer) = ready() {
            return Some(answer);
        }
        if deadline.is_some_and(|deadline| deadline <= Instant::now()) {
            return None;
        }
        patience
            .spin(deadline, &mut ready)
            .or_else(|| self.sleep(others, deadline, ready))
    }

    fn sleep<T>(
        &self,
        others: [&AtomicU32; 2],
        deadline: Option<Instant>,
        mut ready: impl FnMut() -> Option<T>,
    ) -> Option<T> {
        loop {
            let seen = others.map(|other| (other, other.load(Ordering::Acquire)));
            self.word.store(1, Ordering::Relaxed);
            // Pairs with the fence in `ring`.
            fence(Ordering::SeqCst);
            if let Some(answer) = ready() {
                // The word stays set: another waiter may rely on it. It costs one idle wake.
                return Some(answer);
            }
            let limit = match deadline {
                None => SLICE,
                Some(deadline) => match deadline.checked_duration_since(Instant::now()) {
                    None | Some(Duration::ZERO) => return None,
                    Some(left) => left.min(SLICE),
                },
            };
            futex_wait(&[(self.word, 1), seen[0], seen[1]], limit);
        }
    }
}

/// Whether a waiter should spin before it sleeps; learns from its own failures.
///
/// Spinning saves two wake-ups when the answer is near, and wastes a processor when it is not. Each
/// spin that fails doubles the number of following waits that do not try. There is no spinning at
/// all when it would take the processor that the other side needs.
#[derive(Debug, Default)]
pub(crate) struct Patience {
    /// Waits that still sleep at once.
    skip: AtomicU32,
    /// Waits to skip after the next failure.
    cool_down: AtomicU32,
}

/// Threads of this process that are spinning now.
static SPINNERS: AtomicUsize = AtomicUsize::new(0);
/// Threads of this process that may spin at a time: processors it may run on, less one.
static SPARE: AtomicUsize = AtomicUsize::new(0);

/// Tells how many processors this process may run on.
pub(crate) fn set_processors(count: usize) {
    SPARE.store(count.saturating_sub(1), Ordering::Relaxed);
}

impl Patience {
    fn spin<T>(
        &self,
        deadline: Option<Instant>,
        ready: &mut impl FnMut() -> Option<T>,
    ) -> Option<T> {
        let skip = self.skip.load(Ordering::Relaxed);
        if skip > 0 {
            self.skip.store(skip - 1, Ordering::Relaxed);
            return None;
        }
        let _place = Place::take()?;
        let start = Instant::now();
        let end = deadline.map_or(start + SPIN, |deadline| deadline.min(start + SPIN));
        loop {
            for _ in 0..16 {
                hint::spin_loop();
                if let Some(answer) = ready() {
                    self.cool_down.store(0, Ordering::Relaxed);
                    return Some(answer);
                }
            }
            if Instant::now() >= end {
                break;
            }
        }
        let cool_down = self.cool_down.load(Ordering::Relaxed);
        let longer = (cool_down * 2 + 1).min(LONGEST_COOL_DOWN);
        self.cool_down.store(longer, Ordering::Relaxed);
        self.skip.store(longer, Ordering::Relaxed);
        None
    }
}

/// Permission to spin; one of [`SPARE`].
struct Place;

impl Place {
    fn take() -> Option<Self> {
        let before = SPINNERS.fetch_add(1, Ordering::Relaxed);
        let place = Self;
        (before < SPARE.load(Ordering::Relaxed)).then_some(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        SPINNERS.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    #[test]
    fn a_deadline_ends_a_wait_and_not_before_it_passed() {
        let word = AtomicU32::new(0);
        let start = Instant::now();
        let wait = Duration::from_millis(20);
        let quiet = AtomicU32::new(0);
        let end = Some(start + wait);
        let answer: Option<()> =
            Doorbell::new(&word).wait([&quiet; 2], &Patience::default(), end, || None);
        assert!(answer.is_none());
        assert!(start.elapsed() >= wait);
    }

    #[test]
    fn a_ring_without_a_waiter_leaves_the_word_alone() {
        let word = AtomicU32::new(0);
        Doorbell::new(&word).ring();
        assert_eq!(word.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn a_change_of_another_word_ends_a_sleep() {
        let (bell, other) = (AtomicU32::new(0), AtomicU32::new(0));
        thread::scope(|scope| {
            let waiter = scope.spawn(|| {
                let changed = || (other.load(Ordering::Acquire) == 1).then_some(());
                Doorbell::new(&bell).wait([&other; 2], &Patience::default(), None, changed)
            });
            other.store(1, Ordering::Release);
            while !waiter.is_finished() {
                futex_wake(&other);
                thread::yield_now();
            }
        });
    }

    #[test]
    fn no_wake_up_is_lost_in_a_ping_pong() {
        const ROUNDS: u32 = 2_000;
        let (ping, pong, turn) = (AtomicU32::new(0), AtomicU32::new(0), AtomicU32::new(0));
        let quiet = AtomicU32::new(0);
        let until = |bell: &AtomicU32, value: u32| {
            let ready = || (turn.load(Ordering::Acquire) == value).then_some(());
            Doorbell::new(bell).wait([&quiet; 2], &Patience::default(), None, ready)
        };
        thread::scope(|scope| {
            scope.spawn(|| {
                for round in 0..ROUNDS {
                    until(&ping, 2 * round + 1);
                    turn.store(2 * round + 2, Ordering::Release);
                    Doorbell::new(&pong).ring();
                }
            });
            for round in 0..ROUNDS {
                turn.store(2 * round + 1, Ordering::Release);
                Doorbell::new(&ping).ring();
                until(&pong, 2 * round + 2);
            }
        });
        assert_eq!(turn.load(Ordering::Relaxed), 2 * ROUNDS);
    }
}
