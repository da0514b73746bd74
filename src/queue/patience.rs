//! Whether a waiter looks a little longer before it sleeps.

use crate::sync::{AtomicU32, AtomicUsize, Ordering};
use std::hint;
use std::time::{Duration, Instant};

/// How long a waiter looks without sleeping. Longer than a prompt answer of the other process,
/// shorter than the two wake-ups that it saves.
const SPIN: Duration = Duration::from_micros(50);
/// Looks between two looks at the clock.
const LOOKS: u32 = 16;
/// Most waits in a row that sleep at once after spinning has failed.
const LONGEST_COOL_DOWN: u32 = 63;

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

impl Patience {
    /// Looks for an answer for a short time, if that is worth it; `None` means to sleep.
    pub(super) fn spin<T>(
        &self,
        spinners: &Spinners,
        deadline: Option<Instant>,
        ready: &mut impl FnMut() -> Option<T>,
    ) -> Option<T> {
        let skip = self.skip.load(Ordering::Relaxed);
        if skip > 0 {
            self.skip.store(skip - 1, Ordering::Relaxed);
            return None;
        }
        let _place = spinners.join()?;
        let start = Instant::now();
        let end = deadline.map_or(start + SPIN, |deadline| deadline.min(start + SPIN));
        loop {
            for _ in 0..LOOKS {
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

/// Who spins in this process.
pub(crate) static SPINNERS: Spinners = Spinners::new();

/// Threads that spin, and how many may.
pub(crate) struct Spinners {
    /// Threads that are spinning now.
    now: AtomicUsize,
    /// Threads that may spin at a time: processors they may run on, less one.
    spare: AtomicUsize,
}

impl Spinners {
    const fn new() -> Self {
        Self {
            now: AtomicUsize::new(0),
            spare: AtomicUsize::new(0),
        }
    }

    /// Tells on how many processors this process may run.
    pub(crate) fn set_processors(&self, count: usize) {
        let spare = count.saturating_sub(1);
        self.spare.store(spare, Ordering::Relaxed);
    }

    /// Lets a thread spin, unless all that may do so already.
    fn join(&self) -> Option<Place<'_>> {
        let before = self.now.fetch_add(1, Ordering::Relaxed);
        let place = Place(self);
        (before < self.spare.load(Ordering::Relaxed)).then_some(place)
    }
}

/// One thread among the spinners.
struct Place<'a>(&'a Spinners);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.now.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on_processors(count: usize) -> Spinners {
        let spinners = Spinners::new();
        spinners.set_processors(count);
        spinners
    }

    /// A moment that has passed: a spin looks as often as it does between two looks at the clock.
    fn over() -> Option<Instant> {
        Some(Instant::now())
    }

    /// Looks of one spin that finds nothing.
    fn looks(patience: &Patience, spinners: &Spinners) -> u32 {
        let mut looks = 0;
        let nothing = patience.spin(spinners, over(), &mut || {
            looks += 1;
            None::<()>
        });
        assert!(nothing.is_none());
        looks
    }

    #[test]
    fn one_processor_is_left_to_the_others() {
        for (processors, places) in [(0, 0), (1, 0), (2, 1), (4, 3)] {
            let spinners = on_processors(processors);
            for _ in 0..3 {
                let taken: Vec<_> = (0..places).map(|_| spinners.join()).collect();
                assert!(taken.iter().all(Option::is_some));
                assert!(spinners.join().is_none(), "{processors} processors");
            }
        }
        assert_eq!(looks(&Patience::default(), &on_processors(1)), 0);
    }

    #[test]
    fn waits_that_do_not_spin_double_with_each_failure() {
        let (patience, spinners) = (Patience::default(), on_processors(2));
        for skipped in [1, 3, 7, 15, 31, 63, 63] {
            assert_eq!(looks(&patience, &spinners), LOOKS);
            for _ in 0..skipped {
                assert_eq!(looks(&patience, &spinners), 0);
            }
        }
    }

    #[test]
    fn an_answer_ends_the_spin_and_the_cooling_down() {
        let (patience, spinners) = (Patience::default(), on_processors(2));
        assert_eq!(looks(&patience, &spinners), LOOKS);
        assert_eq!(looks(&patience, &spinners), 0);
        let mut left = LOOKS;
        let mut last_look = || {
            left -= 1;
            (left == 0).then_some(7)
        };
        assert_eq!(patience.spin(&spinners, over(), &mut last_look), Some(7));
        // Nothing is skipped now, and one wait after the next failure.
        assert_eq!(looks(&patience, &spinners), LOOKS);
        assert_eq!(looks(&patience, &spinners), 0);
        assert_eq!(looks(&patience, &spinners), LOOKS);
    }

    #[test]
    fn a_spin_lasts_its_time_unless_the_deadline_is_earlier() {
        let far = Instant::now() + Duration::from_secs(3600);
        for deadline in [None, Some(far)] {
            let start = Instant::now();
            let nothing = || None::<()>;
            let spun = Patience::default().spin(&on_processors(2), deadline, &mut { nothing });
            assert!(spun.is_none());
            assert!(start.elapsed() >= SPIN);
        }
    }
}
