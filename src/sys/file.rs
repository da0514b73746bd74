//! Reading and writing descriptors straight from and to shared memory.
//!
//! Raw pointers, because no Rust reference may be formed over memory that a peer can write.

use super::check_size;
use super::socket::retry;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

/// One write(2) of `len` bytes at `from`, repeated after signals.
///
/// # Safety
///
/// `from` is valid for reads of `len` bytes, which other processes may change meanwhile.
pub(crate) unsafe fn write(fd: BorrowedFd<'_>, from: *const u8, len: usize) -> io::Result<usize> {
    retry(|| {
        // SAFETY: by contract; the kernel copies and forms no reference.
        check_size(unsafe { libc::write(fd.as_raw_fd(), from.cast(), len) })
    })
}

/// One read(2) of up to `len` bytes to `into`, repeated after signals.
///
/// # Safety
///
/// `into` is valid for writes of `len` bytes, which other processes may change meanwhile.
pub(crate) unsafe fn read(fd: BorrowedFd<'_>, into: *mut u8, len: usize) -> io::Result<usize> {
    retry(|| {
        // SAFETY: by contract; the kernel copies and forms no reference.
        check_size(unsafe { libc::read(fd.as_raw_fd(), into.cast(), len) })
    })
}
