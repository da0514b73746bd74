//! Counts the system calls of a process with the kernel's tracepoint.

use crate::os::{self, Pid};
use std::fs;
use std::io;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};
use std::sync::OnceLock;

/// The number of the tracepoint that every system call passes, if it can be had.
pub fn tracepoint() -> Option<u64> {
    static NUMBER: OnceLock<Option<u64>> = OnceLock::new();
    *NUMBER.get_or_init(|| number_in("/sys/kernel/tracing").or_else(mounted_for_a_moment))
}

fn number_in(tracing: &str) -> Option<u64> {
    let path = format!("{tracing}/events/raw_syscalls/sys_enter/id");
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

/// Where the tracing file system is not mounted: mounts it where only one child sees it.
fn mounted_for_a_moment() -> Option<u64> {
    let (reading, writing) = os::pipe(None).ok()?;
    let child = os::fork(|| {
        // SAFETY: this process gets mounts of its own; the strings are constants.
        let mounted = unsafe {
            libc::unshare(libc::CLONE_NEWNS) == 0
                && libc::mount(
                    c"none".as_ptr(),
                    c"/".as_ptr(),
                    std::ptr::null(),
                    libc::MS_REC | libc::MS_PRIVATE,
                    std::ptr::null(),
                ) == 0
                && libc::mount(
                    c"none".as_ptr(),
                    c"/sys/kernel/tracing".as_ptr(),
                    c"tracefs".as_ptr(),
                    0,
                    std::ptr::null(),
                ) == 0
        };
        let number = if mounted {
            number_in("/sys/kernel/tracing")
        } else {
            None
        };
        os::write_all(&writing, &number.unwrap_or(0).to_ne_bytes());
    });
    let child = child.ok()?;
    let mut number = [0; 8];
    os::read_all(&reading, &mut number);
    os::wait(child);
    Some(u64::from_ne_bytes(number)).filter(|number| *number != 0)
}

/// Counts the system calls of a process and of the threads that it starts later.
pub struct Counter(OwnedFd);

/// The beginning of `struct perf_event_attr`, as of its first version.
#[repr(C)]
#[derive(Default)]
struct Attributes {
    kind: u32,
    size: u32,
    config: u64,
    period: u64,
    sample: u64,
    format: u64,
    flags: u64,
    wakeup: u32,
    breakpoint: u32,
    config1: u64,
}

const TRACEPOINT: u32 = 2;
const INHERIT: u64 = 1 << 1;

impl Counter {
    /// `None` where the kernel does not permit it.
    pub fn of(pid: Pid) -> Option<Self> {
        let attributes = Attributes {
            kind: TRACEPOINT,
            size: size_of::<Attributes>() as u32,
            config: tracepoint()?,
            flags: INHERIT,
            ..Attributes::default()
        };
        let flags = 8; // PERF_FLAG_FD_CLOEXEC
        // SAFETY: the attributes are valid for reads of the size that they name.
        let fd = unsafe {
            libc::syscall(
                libc::SYS_perf_event_open,
                &raw const attributes,
                pid,
                -1,
                -1,
                flags,
            )
        };
        let fd = os::check(fd).ok()? as RawFd;
        // SAFETY: just opened.
        Some(Self(unsafe { OwnedFd::from_raw_fd(fd) }))
    }

    pub fn read(&self) -> io::Result<u64> {
        let mut count = [0; 8];
        os::read(&self.0, &mut count)?;
        Ok(u64::from_ne_bytes(count))
    }
}
