//! What can happen to a thread.

unsafe extern "C" {
    /// Not declared by the libc crate.
    fn pthread_setcancelstate(state: libc::c_int, before: *mut libc::c_int) -> libc::c_int;
}

/// The value of every C library of Linux.
const PTHREAD_CANCEL_DISABLE: libc::c_int = 1;

/// Runs `body` so that pthread_cancel() does not end it: what C would unwind has cleaning up to do.
pub(crate) fn without_cancellation<T>(body: impl FnOnce() -> T) -> T {
    let mut before = 0;
    // SAFETY: `before` is valid for writes.
    unsafe { pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &raw mut before) };
    let result = body();
    // SAFETY: the second argument is an output that is not wanted, which may be null on Linux.
    unsafe { pthread_setcancelstate(before, std::ptr::null_mut()) };
    result
}
