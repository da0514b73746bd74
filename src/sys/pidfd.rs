//! The end of a process as an event on a descriptor.

use super::epoll::wait_readable;
#[cfg(test)]
use super::socket::retry;
use super::{check, own};
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::time::Duration;

/// A descriptor of the process at the other end of `socket`, readable when that process has ended.
///
/// None if the kernel has no such thing. `NotFound` if the process has ended already.
pub(crate) fn of_peer(socket: BorrowedFd<'_>, pid: i32) -> io::Result<Option<OwnedFd>> {
    let mut raw: RawFd = -1;
    let mut len = size_of::<RawFd>() as libc::socklen_t;
    // SAFETY: `raw` is valid for writes of `len` bytes.
    let asked = check(unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_PEERPIDFD,
            (&raw mut raw).cast(),
            &raw mut len,
        )
    });
    match asked.map_err(|error| error.raw_os_error()) {
        // SAFETY: the call returned a new descriptor that nobody else owns.
        Ok(_) => unsafe { own(raw) }.map(Some),
        // The first means so; the second is what kernels before 6.15 say for it.
        Err(Some(libc::ESRCH | libc::EINVAL)) => Err(io::ErrorKind::NotFound.into()),
        // Before 6.5.
        Err(Some(libc::ENOPROTOOPT)) => open(pid),
        Err(error) => {
            Err(error.map_or_else(|| io::ErrorKind::Other.into(), io::Error::from_raw_os_error))
        }
    }
}

/// By number: the process may have ended and its number may stand for another one, so this is
/// only the second choice. The hang-up of the socket is seen in any case.
fn open(pid: i32) -> io::Result<Option<OwnedFd>> {
    // SAFETY: no pointers are passed.
    let opened = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
    // SAFETY: the call returned a new descriptor that nobody else owns.
    match unsafe { own(opened as RawFd) } {
        Ok(fd) => Ok(Some(fd)),
        Err(error) => match error.raw_os_error() {
            Some(libc::ESRCH) => Err(io::ErrorKind::NotFound.into()),
            // No such call, a filter that forbids it, or a peer in a namespace that hides it.
            Some(libc::ENOSYS | libc::EPERM | libc::EINVAL) => Ok(None),
            _ => Err(error),
        },
    }
}

/// Whether the process has ended.
pub(crate) fn has_ended(process: BorrowedFd<'_>) -> io::Result<bool> {
    wait_readable(&[process], Duration::ZERO)
}

/// Runs `body` in a forked child, which does not run the test's own destructors; whether it
/// returned true within half a minute.
#[cfg(test)]
pub(crate) fn holds_in_forked_child(body: impl FnOnce() -> bool) -> bool {
    // SAFETY: `body` uses no lock that another thread of the test may have held at the fork.
    let child = unsafe { libc::fork() };
    if child == 0 {
        // SAFETY: no pointers are passed.
        unsafe { libc::alarm(30) };
        let held = std::panic::catch_unwind(std::panic::AssertUnwindSafe(body));
        // SAFETY: ends the child.
        unsafe { libc::_exit(i32::from(!held.unwrap_or(false))) };
    }
    let mut status = -1;
    // SAFETY: `status` is valid for writes; the child is ours.
    let ended = retry(|| check(unsafe { libc::waitpid(child, &raw mut status, 0) }));
    ended.is_ok() && status == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsFd;
    use std::process::{Command, Stdio};

    /// The fall-back for older kernels sees the end of a process, and only that. [CRASH-05]
    #[test]
    fn a_process_opened_by_number_is_seen_to_end() {
        let mut child = Command::new("cat")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let pid = child.id() as i32;
        let process = open(pid).unwrap();
        let ended = || process.as_ref().map(|fd| has_ended(fd.as_fd()).unwrap());
        assert_ne!(ended(), Some(true));
        drop(child.stdin.take());
        child.wait().unwrap();
        assert_ne!(ended(), Some(false));
        // Its number is free now, unless somebody has it already.
        let again = open(pid).map_err(|error| error.kind());
        assert!(!matches!(again, Err(kind) if kind != io::ErrorKind::NotFound));
    }
}
