//! Waiting for descriptors, once or in the loop of a background thread.

use super::socket::retry;
use super::{check, own};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::ptr;
use std::time::{Duration, Instant};

/// A set of watched descriptors, each with a key.
pub(crate) struct Epoll {
    set: OwnedFd,
    /// Always readable, and asked about only when a wait shall end.
    end: OwnedFd,
}

/// The key of what ends a wait.
const END: u64 = 0;

/// Most keys that one wait gives.
const MOST_KEYS: usize = 16;

/// Room for the keys of one wait.
pub(crate) type Keys = [u64; MOST_KEYS];

impl Epoll {
    /// Creates an empty set.
    pub(crate) fn new() -> io::Result<Self> {
        // SAFETY: no pointers are passed.
        let raw = unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) };
        // SAFETY: the call returned a new descriptor that nobody else owns.
        let set = unsafe { own(raw) }?;
        // SAFETY: no pointers are passed.
        let raw = unsafe { libc::eventfd(1, libc::EFD_CLOEXEC) };
        // SAFETY: the call returned a new descriptor that nobody else owns.
        let end = unsafe { own(raw) }?;
        let epoll = Self { set, end };
        let mut event = libc::epoll_event {
            events: 0,
            u64: END,
        };
        epoll.control(libc::EPOLL_CTL_ADD, epoll.end.as_raw_fd(), &raw mut event)?;
        Ok(epoll)
    }

    /// Ends the wait in progress, or the next one, without a key.
    pub(crate) fn end_wait(&self) -> io::Result<()> {
        let mut event = libc::epoll_event {
            events: (libc::EPOLLIN | libc::EPOLLONESHOT) as u32,
            u64: END,
        };
        self.control(libc::EPOLL_CTL_MOD, self.end.as_raw_fd(), &raw mut event)
    }

    /// Watches a descriptor for input and hang-up, level-triggered. The key is not 0.
    pub(crate) fn add(&self, fd: BorrowedFd<'_>, key: u64) -> io::Result<()> {
        let mut event = libc::epoll_event {
            events: (libc::EPOLLIN | libc::EPOLLRDHUP) as u32,
            u64: key,
        };
        self.control(libc::EPOLL_CTL_ADD, fd.as_raw_fd(), &raw mut event)
    }

    /// Ends the watch of a descriptor. By number, since the caller need not own it any more.
    pub(crate) fn remove(&self, fd: RawFd) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_DEL, fd, ptr::null_mut())
    }

    fn control(&self, what: i32, fd: RawFd, event: *mut libc::epoll_event) -> io::Result<()> {
        // SAFETY: `event` is valid for reads where `what` reads it; a wrong number is an error.
        check(unsafe { libc::epoll_ctl(self.set.as_raw_fd(), what, fd, event) })?;
        Ok(())
    }

    /// Sleeps until something is ready and writes some of the keys; returns how many. None after
    /// [`Epoll::end_wait`].
    pub(crate) fn wait(&self, keys: &mut Keys) -> io::Result<usize> {
        let mut events = [libc::epoll_event { events: 0, u64: 0 }; MOST_KEYS];
        let count = retry(|| {
            // SAFETY: `events` is valid for writes of its length.
            check(unsafe {
                libc::epoll_wait(
                    self.set.as_raw_fd(),
                    events.as_mut_ptr(),
                    events.len() as i32,
                    -1,
                )
            })
        })?;
        let ready = events.iter().take(count as usize);
        let ready = ready.map(|event| event.u64).filter(|key| *key != END);
        Ok(keys
            .iter_mut()
            .zip(ready)
            .map(|(to, key)| *to = key)
            .count())
    }
}

/// Waits until one of `fds` is readable or hung up; false after `limit` on the monotonic clock.
pub(crate) fn wait_readable(fds: &[BorrowedFd<'_>], limit: Duration) -> io::Result<bool> {
    let events = libc::POLLIN | libc::POLLRDHUP;
    poll(fds.iter().map(|fd| pollfd(*fd, events)).collect(), limit)
}

/// As [`wait_readable`], for the hang-up of a socket alone, or for a process to end.
pub(crate) fn wait_hang_up(
    socket: BorrowedFd<'_>,
    process: Option<BorrowedFd<'_>>,
    limit: Duration,
) -> io::Result<bool> {
    let mut polled = vec![pollfd(socket, libc::POLLRDHUP)];
    polled.extend(process.map(|process| pollfd(process, libc::POLLIN)));
    poll(polled, limit)
}

fn pollfd(fd: BorrowedFd<'_>, events: libc::c_short) -> libc::pollfd {
    libc::pollfd {
        fd: fd.as_raw_fd(),
        events,
        revents: 0,
    }
}

fn poll(mut polled: Vec<libc::pollfd>, limit: Duration) -> io::Result<bool> {
    let start = Instant::now();
    let count = retry(|| {
        let left = limit.saturating_sub(start.elapsed());
        // Rounded up, so that the wait is not shorter than asked for.
        let ms = i32::try_from(left.as_nanos().div_ceil(1_000_000)).unwrap_or(i32::MAX);
        // SAFETY: `polled` is valid for reads and writes of its length.
        check(unsafe { libc::poll(polled.as_mut_ptr(), polled.len() as libc::nfds_t, ms) })
    })?;
    Ok(count > 0)
}

/// Runs `body` with all signals blocked: a thread that it starts never runs a signal handler.
pub(crate) fn without_signals<T>(body: impl FnOnce() -> T) -> T {
    let mut all = MaybeUninit::<libc::sigset_t>::uninit();
    let mut before = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: `all` is valid for writes.
    unsafe { libc::sigfillset(all.as_mut_ptr()) };
    // SAFETY: `all` was filled above and `before` is valid for writes; the call cannot fail.
    unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, all.as_ptr(), before.as_mut_ptr()) };
    let result = body();
    // SAFETY: `before` was filled by the call above.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, before.as_ptr(), ptr::null_mut()) };
    result
}
