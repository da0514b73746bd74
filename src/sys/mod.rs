//! Every system call of the library, and nothing else.
//!
//! The only module that names libc. Each function returns `io::Result` and knows nothing of VDI.
#![allow(unsafe_code, reason = "system calls")]

pub(crate) mod atomic;
pub(crate) mod dir;
pub(crate) mod epoll;
pub(crate) mod file;
pub(crate) mod futex;
pub(crate) mod memfd;
pub(crate) mod memory;
pub(crate) mod mmap;
pub(crate) mod pidfd;
pub(crate) mod process;
pub(crate) mod robust;
pub(crate) mod socket;
#[cfg(vdi_steps)]
mod steps;

use std::io;

/// Turns the -1 of a system call into its error.
fn check(result: libc::c_int) -> io::Result<libc::c_int> {
    if result == -1 {
        Err(io::Error::last_os_error())
    } else {
        Ok(result)
    }
}

/// As [`check`], for calls that return a count of bytes.
fn check_size(result: libc::ssize_t) -> io::Result<usize> {
    usize::try_from(result).map_err(|_| io::Error::last_os_error())
}
