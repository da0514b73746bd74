//! Sleeping on words of shared memory.

use super::atomic::AtomicU32;
use super::check;
use std::io;
use std::ptr;
use std::time::Duration;

/// Most words that one sleep can watch, by the kernel's rule.
pub(crate) const MAX_WORDS: usize = 128;

/// Sleeps while the word holds `expected`, at most `limit` on the monotonic clock.
///
/// Returns on a wake, on the limit, on a signal, and at once if the word differs: the caller looks at
/// its condition again in every case.
pub(crate) fn wait(word: &AtomicU32, expected: u32, limit: Option<Duration>) {
    let limit = limit.map(timespec);
    // SAFETY: `word` is a live, aligned 32-bit word; the limit is null or outlives the call.
    unsafe {
        libc::syscall(
            libc::SYS_futex,
            word.as_ptr(),
            libc::FUTEX_WAIT,
            expected,
            limit.as_ref().map_or(ptr::null(), ptr::from_ref),
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

/// As [`wait`], for as long as every word holds the value beside it; there may be [`MAX_WORDS`].
///
/// # Errors
///
/// The kernel cannot do it (before 5.16), must not, or lacks memory. Nothing was waited for.
pub(crate) fn wait_any(words: &[(&AtomicU32, u32)], limit: Option<Duration>) -> io::Result<()> {
    const FUTEX2_SIZE_U32: u32 = 2;
    let mut waiters = [Waiter::default(); MAX_WORDS];
    for (waiter, (word, expected)) in waiters.iter_mut().zip(words) {
        *waiter = Waiter {
            value: u64::from(*expected),
            address: word.as_ptr().addr() as u64,
            flags: FUTEX2_SIZE_U32,
            reserved: 0,
        };
    }
    let deadline = match limit {
        Some(limit) => Some(timespec(now()?.saturating_add(limit))),
        None => None,
    };
    // SAFETY: every address is that of a live, aligned 32-bit word; the array, and the deadline if it
    // is not null, outlive the call.
    let woken = unsafe {
        libc::syscall(
            libc::SYS_futex_waitv,
            waiters.as_ptr(),
            words.len().min(MAX_WORDS),
            0,
            deadline.as_ref().map_or(ptr::null(), ptr::from_ref),
            libc::CLOCK_MONOTONIC,
        )
    };
    let error = io::Error::last_os_error();
    match error.raw_os_error() {
        _ if woken >= 0 => Ok(()),
        Some(libc::EAGAIN | libc::EINTR | libc::ETIMEDOUT) => Ok(()),
        code => {
            let known = [libc::ENOSYS, libc::EPERM, libc::EACCES, libc::ENOMEM];
            debug_assert!(code.is_some_and(|code| known.contains(&code)), "{error}");
            Err(error)
        }
    }
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
    use std::sync::atomic::Ordering;
    use std::time::Instant;

    #[test]
    fn several_words_are_watched_at_once() {
        let words = [AtomicU32::new(1), AtomicU32::new(2), AtomicU32::new(3)];
        let all = [(&words[0], 1), (&words[1], 2), (&words[2], 3)];
        let hour = Some(Duration::from_secs(3600));
        let start = Instant::now();
        let moment = Duration::from_millis(20);
        if let Err(error) = wait_any(&all, Some(moment)) {
            // A kernel without it, or a sandbox.
            let code = error.raw_os_error();
            assert!([Some(libc::ENOSYS), Some(libc::EPERM)].contains(&code));
            return;
        }
        assert!(start.elapsed() >= moment, "nothing happened");
        for changed in 0..3 {
            let mut differing = all;
            differing[changed].1 = 9;
            // Would sleep for an hour if the word were not looked at.
            wait_any(&differing, hour).unwrap();
        }
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while words[2].load(Ordering::Acquire) == 3 {
                    wait_any(&all, None).unwrap();
                }
            });
            words[2].store(4, Ordering::Release);
            wake(&words[2]);
        });
    }

    #[test]
    fn as_many_words_are_watched_as_there_may_be() {
        let words = [const { AtomicU32::new(0) }; MAX_WORDS];
        let mut all = words.each_ref().map(|word| (word, 0));
        all[MAX_WORDS - 1].1 = 1;
        let hour = Some(Duration::from_secs(3600));
        let told = wait_any(&all, hour);
        assert!(told.is_ok() || wait_any(&all[..1], Some(Duration::ZERO)).is_err());
    }

    #[test]
    fn a_sleep_on_one_word_keeps_its_limit() {
        let word = AtomicU32::new(1);
        let moment = Duration::from_millis(20);
        let start = Instant::now();
        wait(&word, 1, Some(moment));
        assert!(start.elapsed() >= moment);
        wait(&word, 2, None);
    }
}
