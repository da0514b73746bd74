//! Sleeping on a word of shared memory.

use super::atomic::AtomicU32;
use super::check;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Most words that one sleep can watch.
pub(crate) const MAX_WORDS: usize = 3;

/// Sleeps while every word holds the value beside it, at most `limit`.
///
/// Returns on a wake, on the limit, on a signal, and at once if a word differs: the caller looks at
/// its condition again in every case. The limit runs on the monotonic clock. A kernel that cannot
/// watch several words (before 5.16) watches the first.
pub(crate) fn wait(words: &[(&AtomicU32, u32)], limit: Duration) {
    static ONE_ONLY: AtomicBool = AtomicBool::new(false);
    match words {
        [] => {}
        [(word, expected), ..] if words.len() == 1 || ONE_ONLY.load(Ordering::Relaxed) => {
            wait_one(word, *expected, limit);
        }
        _ => {
            if let Err(error) = wait_all(words, limit) {
                if matches!(error.raw_os_error(), Some(libc::ENOSYS | libc::EPERM)) {
                    ONE_ONLY.store(true, Ordering::Relaxed);
                }
            }
        }
    }
}

fn wait_one(word: &AtomicU32, expected: u32, limit: Duration) {
    let timeout = timespec(limit);
    // SAFETY: `word` is a live, aligned 32-bit word and `timeout` outlives the call.
    unsafe {
        libc::syscall(
            libc::SYS_futex,
            word.as_ptr(),
            libc::FUTEX_WAIT,
            expected,
            &raw const timeout,
        )
    };
}

/// One word for futex_waitv(2).
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Waiter {
    value: u64,
    address: u64,
    flags: u32,
    reserved: u32,
}

fn wait_all(words: &[(&AtomicU32, u32)], limit: Duration) -> io::Result<()> {
    const FUTEX2_SIZE_U32: u32 = 2;
    let mut waiters = [Waiter::default(); MAX_WORDS];
    let words = &words[..words.len().min(MAX_WORDS)];
    for (waiter, (word, expected)) in waiters.iter_mut().zip(words) {
        *waiter = Waiter {
            value: u64::from(*expected),
            address: word.as_ptr().addr() as u64,
            flags: FUTEX2_SIZE_U32,
            reserved: 0,
        };
    }
    let deadline = timespec(now()?.saturating_add(limit));
    // SAFETY: every address is that of a live, aligned 32-bit word; arrays and deadline outlive
    // the call.
    let woken = unsafe {
        libc::syscall(
            libc::SYS_futex_waitv,
            waiters.as_ptr(),
            words.len(),
            0,
            &raw const deadline,
            libc::CLOCK_MONOTONIC,
        )
    };
    if woken == -1 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// Time since the start of the monotonic clock.
fn now() -> io::Result<Duration> {
    let mut time = timespec(Duration::ZERO);
    // SAFETY: `time` is valid for writes.
    check(unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut time) })?;
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    let nanoseconds = u32::try_from(time.tv_nsec).unwrap_or(0);
    Ok(Duration::new(seconds, nanoseconds))
}

fn timespec(time: Duration) -> libc::timespec {
    libc::timespec {
        tv_sec: time.as_secs().try_into().unwrap_or(libc::time_t::MAX),
        tv_nsec: time.subsec_nanos().into(),
    }
}

/// Wakes every thread of every process that sleeps on `word`.
pub(crate) fn wake(word: &AtomicU32) {
    // SAFETY: `word` is a live, aligned 32-bit word; the kernel uses only its address.
    unsafe {
        libc::syscall(
            libc::SYS_futex,
            word.as_ptr(),
            libc::FUTEX_WAKE,
            libc::c_int::MAX,
        )
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    #[test]
    fn several_words_are_watched_at_once() {
        let words = [AtomicU32::new(1), AtomicU32::new(2), AtomicU32::new(3)];
        let all = [(&words[0], 1), (&words[1], 2), (&words[2], 3)];
        let start = Instant::now();
        wait(&all, Duration::from_millis(20));
        assert!(
            start.elapsed() >= Duration::from_millis(20),
            "nothing happened"
        );
        for changed in 0..3 {
            let mut differing = all;
            differing[changed].1 = 9;
            // Would sleep for an hour if the word were not looked at.
            wait(&differing, Duration::from_secs(3600));
        }
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while words[2].load(Ordering::Acquire) == 3 {
                    wait(&all, Duration::from_secs(3600));
                }
            });
            words[2].store(4, Ordering::Release);
            wake(&words[2]);
        });
    }
}
