//! Writing where nobody may be reading any more.

use std::io::{self, ErrorKind};
use std::mem::MaybeUninit;
use std::ptr;

/// Runs a write that ends with an error, not with the program, when it is to a broken pipe: the SIGPIPE
/// of that goes to the thread that writes.
pub(crate) fn without_signal(write: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
    let sigpipe = only_sigpipe();
    let mut before = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: the sets are of this function.
    unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, &raw const sigpipe, before.as_mut_ptr()) };
    // Blocked and waiting since earlier, it is the program's.
    let was_pending = is_pending();
    let written = write();
    let broken = matches!(&written, Err(error) if error.kind() == ErrorKind::BrokenPipe);
    if broken && !was_pending {
        let now = libc::timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        // SAFETY: takes a signal of this set that is pending, and waits for none.
        unsafe { libc::sigtimedwait(&raw const sigpipe, ptr::null_mut(), &raw const now) };
    }
    // SAFETY: the set was filled in above: blocking a valid signal cannot fail.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, before.as_ptr(), ptr::null_mut()) };
    written
}

fn only_sigpipe() -> libc::sigset_t {
    let mut set = MaybeUninit::uninit();
    // SAFETY: the set is of this function.
    unsafe { libc::sigemptyset(set.as_mut_ptr()) };
    // SAFETY: as above, and the number is that of a signal.
    unsafe { libc::sigaddset(set.as_mut_ptr(), libc::SIGPIPE) };
    // SAFETY: filled in by sigemptyset().
    unsafe { set.assume_init() }
}

fn is_pending() -> bool {
    let mut set = MaybeUninit::uninit();
    // SAFETY: the set is of this function.
    unsafe { libc::sigpending(set.as_mut_ptr()) };
    // SAFETY: filled in by sigpending(), which cannot fail with a valid address.
    unsafe { libc::sigismember(set.as_ptr(), libc::SIGPIPE) == 1 }
}
