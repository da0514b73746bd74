//! Programs that end with this process, and waiting for them without end.

use std::io;
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::process::Command;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Signal, getpid, getppid, set_parent_process_death_signal};

use super::Watch;
use crate::exit::Failure;

/// How often it is asked whether the statement is to end.
const PERIOD: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 50_000_000,
};

/// Has the program killed when this process is: it would take the end of its input, which the
/// kernel then closes, for the end of the backup.
pub(super) fn bound(command: &mut Command) -> &mut Command {
    let parent = getpid();
    let bind = move || {
        set_parent_process_death_signal(Some(Signal::KILL))?;
        match getppid() == Some(parent) {
            true => Ok(()),
            // It was killed before.
            false => Err(io::ErrorKind::BrokenPipe.into()),
        }
    };
    // SAFETY: between fork and exec, `bind` only makes two system calls; it allocates nothing and
    // takes no lock.
    unsafe { command.pre_exec(bind) }
}

/// Waits until something can be done with a descriptor, or the statement is to end.
pub(super) fn ready(
    descriptor: impl AsFd,
    what: PollFlags,
    watch: Watch,
) -> Result<io::Result<()>, Failure> {
    loop {
        watch()?;
        match poll(&mut [PollFd::new(&descriptor, what)], Some(&PERIOD)) {
            Ok(0) | Err(rustix::io::Errno::INTR) => {}
            Ok(_) => return Ok(Ok(())),
            Err(error) => return Ok(Err(error.into())),
        }
    }
}
