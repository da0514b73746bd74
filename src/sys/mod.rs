//! Every system call of the library, and nothing else.
//!
//! The only module that names libc. Each function returns `io::Result` and knows nothing of VDI.
#![allow(unsafe_code, reason = "system calls")]

pub(crate) mod atomic;
pub(crate) mod dir;
pub(crate) mod epoll;
pub(crate) mod file;
pub(crate) mod futex;
pub(crate) mod heap;
pub(crate) mod memfd;
pub(crate) mod memory;
pub(crate) mod mmap;
pub(crate) mod pidfd;
pub(crate) mod process;
pub(crate) mod robust;
pub(crate) mod socket;
#[cfg(vdi_steps)]
mod steps;
pub(crate) mod thread;

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

/// Turns the -1 of a system call into its error.
fn check(result: libc::c_int) -> io::Result<libc::c_int> {
    if result == -1 {
        Err(io::Error::last_os_error())
    } else {
        Ok(result)
    }
}

/// Takes over the new descriptor that a call has returned.
///
/// # Safety
///
/// `result` is -1, or a descriptor that nobody else owns.
unsafe fn own(result: RawFd) -> io::Result<OwnedFd> {
    let raw = check(result)?;
    // SAFETY: by contract.
    no_stream(unsafe { OwnedFd::from_raw_fd(raw) })
}

/// Gives a descriptor another number if it has that of a standard stream, as it gets in a process
/// that has closed those: what the program prints must not go to another process or into memory.
fn no_stream(fd: OwnedFd) -> io::Result<OwnedFd> {
    Ok(beside_streams(fd.as_fd())?.unwrap_or(fd))
}

/// A duplicate to take the place of a descriptor with the number of a standard stream; `None` if it
/// has another one.
pub(crate) fn beside_streams(fd: BorrowedFd<'_>) -> io::Result<Option<OwnedFd>> {
    const FIRST: RawFd = libc::STDERR_FILENO + 1;
    if fd.as_raw_fd() >= FIRST {
        return Ok(None);
    }
    // SAFETY: a system call on a borrowed, open descriptor.
    let raw = check(unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_DUPFD_CLOEXEC, FIRST) })?;
    // SAFETY: the call returned a new descriptor that nobody else owns.
    Ok(Some(unsafe { OwnedFd::from_raw_fd(raw) }))
}

/// As [`check`], for calls that return a count of bytes.
fn check_size(result: libc::ssize_t) -> io::Result<usize> {
    usize::try_from(result).map_err(|_| io::Error::last_os_error())
}
