//! The kernel's futexes: words that threads sleep on.
//!
//! As in the kernel, a sleeper looks at all its words under the lock that a waker takes, and sleeps if
//! each holds what it expects. Nothing else ends a sleep but a wake: no limit, no signal. So a wake-up
//! that is lost stays lost, and the model checker reports that every thread sleeps.

use super::{AtomicU32, Condvar, Mutex, MutexGuard, Ordering, PoisonError, lazy_static};
use std::io;
use std::sync::Arc;
use std::time::Duration;

/// The lock of the kernel, and who sleeps.
#[derive(Default)]
struct Kernel {
    sleepers: Vec<Sleeper>,
    /// Sleeps so far.
    sleeps: usize,
}

struct Sleeper {
    sleep: usize,
    /// Addresses of the words.
    words: Vec<usize>,
    bed: Arc<Condvar>,
}

lazy_static! {
    static ref KERNEL: Mutex<Kernel> = Mutex::new(Kernel::default());
}

fn lock() -> MutexGuard<'static, Kernel> {
    KERNEL.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Makes the kernel, before there are threads.
#[cfg(feature = "loom")]
pub(super) fn prepare() {
    drop(lock());
}

fn address(word: &AtomicU32) -> usize {
    std::ptr::from_ref(word).addr()
}

pub(crate) const FUTEX_WORDS: usize = 128;

/// Sleeps while the word holds `expected`. The limit is not kept.
pub(crate) fn futex_wait(word: &AtomicU32, expected: u32, _limit: Option<Duration>) {
    sleep(&[(word, expected)]);
}

/// Sleeps while every word holds the value beside it. The limit is not kept.
pub(crate) fn futex_wait_any(
    words: &[(&AtomicU32, u32)],
    _limit: Option<Duration>,
) -> io::Result<()> {
    sleep(words);
    Ok(())
}

fn sleep(words: &[(&AtomicU32, u32)]) {
    let mut kernel = lock();
    let mut addresses = Vec::new();
    for (word, expected) in words {
        if word.load(Ordering::Relaxed) != *expected {
            return;
        }
        addresses.push(address(word));
    }
    let bed = Arc::new(Condvar::new());
    kernel.sleeps += 1;
    let sleep = kernel.sleeps;
    kernel.sleepers.push(Sleeper {
        sleep,
        words: addresses,
        bed: Arc::clone(&bed),
    });
    while kernel.sleepers.iter().any(|sleeper| sleeper.sleep == sleep) {
        kernel = bed.wait(kernel).unwrap_or_else(PoisonError::into_inner);
    }
}

/// Wakes everybody who sleeps on the word.
pub(crate) fn futex_wake(word: &AtomicU32) {
    wake(word, usize::MAX);
}

/// Wakes one sleeper, as the kernel does for the word of a thread that has ended.
pub(crate) fn futex_wake_one(word: &AtomicU32) {
    wake(word, 1);
}

fn wake(word: &AtomicU32, mut most: usize) {
    let mut kernel = lock();
    kernel.sleepers.retain(|sleeper| {
        let stays = most == 0 || !sleeper.words.contains(&address(word));
        if !stays {
            most -= 1;
            sleeper.bed.notify_one();
        }
        stays
    });
}
