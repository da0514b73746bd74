//! Tests of sockets.

use super::*;
use crate::sys::pidfd::holds_in_forked_child;
use crate::sys::{beside_streams, no_stream};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;

#[test]
fn sending_to_nobody_raises_no_signal() {
    let (near, far) = UnixStream::pair().unwrap();
    drop(far);
    assert!(holds_in_forked_child(|| {
        // SAFETY: restores the default action, which ends the process.
        unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
        let sent = send(near.as_fd(), b"x", &[]).map_err(|error| error.kind());
        sent == Err(io::ErrorKind::BrokenPipe)
    }));
}

#[test]
fn a_path_beyond_the_limit_is_not_cut() {
    let socket = create().unwrap();
    for path in ["", "/tmp/\0", &format!("/tmp/{}", "x".repeat(MAX_PATH))] {
        let path = Path::new(path);
        for result in [bind(socket.as_fd(), path), connect(socket.as_fd(), path)] {
            assert_eq!(result.unwrap_err().kind(), io::ErrorKind::InvalidInput);
        }
    }
}

/// What comes is the receiver's at once, also under the number of a standard stream and without a
/// number to give it instead: it may be what must not be closed here. [SEC-07]
#[test]
fn a_descriptor_is_kept_where_no_other_number_is_free() {
    let (near, far) = UnixStream::pair().unwrap();
    send(far.as_fd(), b"x", &[far.as_fd()]).unwrap();
    assert!(holds_in_forked_child(|| {
        let few = libc::rlimit {
            rlim_cur: 1024,
            rlim_max: 1024,
        };
        // SAFETY: `few` is valid for reads.
        unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const few) };
        // SAFETY: the child has no other use for its standard input.
        unsafe { libc::close(libc::STDIN_FILENO) };
        let mut taken = Vec::new();
        let mut full = Vec::new();
        while let Ok(copy) = near.try_clone() {
            full.push(copy);
        }
        let received = receive(near.as_fd(), &mut [0; 8], &mut taken);
        let is_there = taken
            .iter()
            .map(AsRawFd::as_raw_fd)
            .eq([libc::STDIN_FILENO]);
        let moved = taken.iter().any(|fd| beside_streams(fd.as_fd()).is_ok());
        full.pop();
        let fd = taken.pop().and_then(|fd| no_stream(fd).ok());
        matches!(received, Ok(1)) && is_there && !moved && fd.is_some_and(|fd| fd.as_raw_fd() > 2)
    }));
}
