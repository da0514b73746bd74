//! Sleeping until another process has something, and waking it.
//!
//! One bit of the word says whether somebody may be asleep: a bell that nobody waits for costs no
//! system call. The waiter sets the bit and then looks at its condition; the ringer changes the
//! condition and then looks at the bit. The two fences make sure that one of them sees the other.
//!
//! The other bits count the rings, so that a waiter that has missed the wake on its way to sleep sees
//! another word, even if a second waiter has set the bit again. So no wake-up is lost between processes
//! that keep to this. One that does not, or is stopped on its way to wake, can only delay the others: a
//! sleeper looks again by itself ([`crate::naps`]).

use super::patience::{Patience, SPINNERS};
use crate::naps::{self, FIRST_NAP};
use crate::sync::{AtomicU32, Ordering, fence, futex_wait, futex_wake};
use std::time::{Duration, Instant};

/// Bit of the word: somebody may be asleep. The rings are counted above it.
const ASLEEP: u32 = 1;

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
        let word = self.word.load(Ordering::Relaxed);
        if word & ASLEEP != 0 && self.count(word, word.wrapping_add(1)) {
            futex_wake(self.word);
        }
    }

    /// Counts a ring and takes the bit away; `false` if another ring has come first, which wakes
    /// everybody that this one would have woken.
    fn count(&self, word: u32, next: u32) -> bool {
        self.word
            .compare_exchange(word, next, Ordering::Relaxed, Ordering::Relaxed)
            .is_ok()
    }

    /// As [`Doorbell::ring`], but also if the word says that nobody sleeps: for the news that must
    /// not be lost even when a peer tampers with the word.
    pub(crate) fn alarm(&self) {
        fence(Ordering::SeqCst);
        // The bit may stay: it costs one idle wake.
        self.word.fetch_add(2, Ordering::Relaxed);
        futex_wake(self.word);
    }

    /// Waits until `ready` gives an answer, at most until `deadline`. `None` means the deadline.
    pub(crate) fn wait<T>(
        &self,
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
            .spin(&SPINNERS, deadline, &mut ready)
            .or_else(|| self.sleep(deadline, ready))
    }

    fn sleep<T>(
        &self,
        deadline: Option<Instant>,
        mut ready: impl FnMut() -> Option<T>,
    ) -> Option<T> {
        let mut nap = FIRST_NAP;
        loop {
            let word = self.word.fetch_or(ASLEEP, Ordering::Relaxed) | ASLEEP;
            // Pairs with the fence in `ring`.
            fence(Ordering::SeqCst);
            if let Some(answer) = ready() {
                // The bit stays: another waiter may rely on it. It costs one idle wake.
                return Some(answer);
            }
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            if left == Some(Duration::ZERO) {
                return None;
            }
            let limit = left.map_or(nap, |left| left.min(nap));
            futex_wait(self.word, word, Some(limit));
            // Before the bit is set again: a bell that nobody waits for costs no system call.
            if let Some(answer) = ready() {
                return Some(answer);
            }
            nap = naps::after(nap);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::support::Watchdog;
    use std::thread;

    #[test]
    fn a_deadline_ends_a_wait_and_not_before_it_passed() {
        let word = AtomicU32::new(0);
        let start = Instant::now();
        let wait = Duration::from_millis(20);
        let end = Some(start + wait);
        let answer: Option<()> = Doorbell::new(&word).wait(&Patience::default(), end, || None);
        assert!(answer.is_none());
        assert!(start.elapsed() >= wait);
    }

    #[test]
    fn a_ring_without_a_waiter_leaves_the_word_alone() {
        let word = AtomicU32::new(0);
        Doorbell::new(&word).ring();
        assert_eq!(word.load(Ordering::Relaxed), 0);
    }

    /// A waiter that is about to sleep sees by the word that it has been woken, even if another
    /// waiter has come meanwhile.
    #[test]
    fn a_word_does_not_come_back_after_a_ring_or_an_alarm() {
        let word = AtomicU32::new(u32::MAX);
        Doorbell::new(&word).ring();
        assert_eq!(word.load(Ordering::Relaxed), 0, "nobody sleeps now");
        word.store(u32::MAX, Ordering::Relaxed);
        Doorbell::new(&word).alarm();
        assert_ne!(word.load(Ordering::Relaxed) | ASLEEP, u32::MAX);
    }

    /// Until a waiter has set the word: it sleeps, or is about to.
    fn until_asleep(word: &AtomicU32) {
        while word.load(Ordering::Acquire) & ASLEEP == 0 {
            thread::yield_now();
        }
    }

    /// An alarm wakes also those whose sign a peer has wiped out.
    #[test]
    fn an_alarm_does_not_believe_the_word() {
        let _watchdog = Watchdog::start();
        let (word, news) = (AtomicU32::new(0), AtomicU32::new(0));
        thread::scope(|scope| {
            let waiter = scope.spawn(|| {
                let ready = || (news.load(Ordering::Acquire) == 1).then_some(());
                Doorbell::new(&word).wait(&Patience::default(), None, ready)
            });
            until_asleep(&word);
            news.store(1, Ordering::Release);
            word.store(0, Ordering::Release);
            while !waiter.is_finished() {
                Doorbell::new(&word).alarm();
                thread::yield_now();
            }
        });
    }

    #[test]
    fn no_wake_up_is_lost_in_a_ping_pong() {
        const ROUNDS: u32 = 2_000;
        let _watchdog = Watchdog::start();
        let (ping, pong, turn) = (AtomicU32::new(0), AtomicU32::new(0), AtomicU32::new(0));
        let until = |bell: &AtomicU32, value: u32| {
            let ready = || (turn.load(Ordering::Acquire) == value).then_some(());
            Doorbell::new(bell).wait(&Patience::default(), None, ready)
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
