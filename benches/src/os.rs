//! What the harness needs of the operating system, behind safe functions.

use std::io::{self, Error};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::sync::atomic::AtomicU32;
use std::time::Duration;
use std::{fs, mem, ptr};

/// A process that the harness started.
pub type Pid = i32;

/// -1 means `errno`.
pub fn check(result: i64) -> io::Result<i64> {
    if result < 0 {
        Err(Error::last_os_error())
    } else {
        Ok(result)
    }
}

/// Runs `body` in a child process, which ends with it. Only while the caller has one thread.
pub fn fork(body: impl FnOnce()) -> io::Result<Pid> {
    // SAFETY: the caller has one thread, so the child finds no lock held.
    let pid = check(unsafe { libc::fork() }.into())?;
    if pid != 0 {
        return Ok(pid as Pid);
    }
    let body = std::panic::AssertUnwindSafe(body);
    let status = if std::panic::catch_unwind(body).is_ok() {
        0
    } else {
        101
    };
    // SAFETY: ends this child without the driver's exit handlers.
    unsafe { libc::_exit(status) }
}

/// Asks the kernel to end this process with its parent.
pub fn end_with_parent() {
    // SAFETY: plain values.
    unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
}

/// Ends a process; the caller waits for it.
pub fn kill(pid: Pid) {
    // SAFETY: plain values.
    unsafe { libc::kill(pid, libc::SIGKILL) };
}

/// The wait status of a child, if it has ended.
pub fn ended(pid: Pid) -> Option<i32> {
    let mut status = 0;
    // SAFETY: `status` is valid for writes.
    let result = unsafe { libc::waitpid(pid, &raw mut status, libc::WNOHANG) };
    (result == pid).then_some(status)
}

/// The wait status of a child, when it has ended.
pub fn wait(pid: Pid) -> i32 {
    let mut status = 0;
    // SAFETY: `status` is valid for writes.
    unsafe { libc::waitpid(pid, &raw mut status, 0) };
    status
}

/// The processors that the calling thread may use.
pub fn processors() -> Vec<usize> {
    // SAFETY: zeroed bytes are a valid set.
    let mut set: libc::cpu_set_t = unsafe { mem::zeroed() };
    // SAFETY: `set` is valid for writes of its size.
    unsafe { libc::sched_getaffinity(0, size_of_val(&set), &raw mut set) };
    let allowed = |cpu: &usize| {
        // SAFETY: reads a bit of the set; the range below is its size.
        unsafe { libc::CPU_ISSET(*cpu, &set) }
    };
    (0..libc::CPU_SETSIZE as usize).filter(allowed).collect()
}

/// Lets the calling thread, and those that it starts, use only these processors.
pub fn pin(processors: &[usize]) {
    // SAFETY: zeroed bytes are a valid set.
    let mut set: libc::cpu_set_t = unsafe { mem::zeroed() };
    for &cpu in processors {
        // SAFETY: sets a bit of the set; numbers come from `processors`.
        unsafe { libc::CPU_SET(cpu, &mut set) };
    }
    // SAFETY: `set` is valid for reads of its size.
    unsafe { libc::sched_setaffinity(0, size_of_val(&set), &raw const set) };
}

/// Nanoseconds of a clock.
fn clock(id: libc::clockid_t) -> u64 {
    let mut now = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: `now` is valid for writes.
    unsafe { libc::clock_gettime(id, &raw mut now) };
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

/// Nanoseconds of the clock that all processes share.
pub fn now() -> u64 {
    clock(libc::CLOCK_MONOTONIC)
}

/// CPU time of a process, all threads, in nanoseconds.
pub fn cpu_of(pid: Pid) -> u64 {
    let mut id = 0;
    // SAFETY: `id` is valid for writes.
    let result = unsafe { libc::clock_getcpuclockid(pid, &raw mut id) };
    if result == 0 { clock(id) } else { 0 }
}

/// CPU time of this process and of the children that it has waited for, in nanoseconds.
pub fn cpu_of_family() -> u64 {
    let of = |who| {
        // SAFETY: zeroed bytes are a valid value.
        let mut usage: libc::rusage = unsafe { mem::zeroed() };
        // SAFETY: `usage` is valid for writes.
        unsafe { libc::getrusage(who, &raw mut usage) };
        let ns =
            |time: libc::timeval| time.tv_sec as u64 * 1_000_000_000 + time.tv_usec as u64 * 1000;
        ns(usage.ru_utime) + ns(usage.ru_stime)
    };
    of(libc::RUSAGE_SELF) + of(libc::RUSAGE_CHILDREN)
}

/// Context switches of all threads of a process, voluntary and not.
pub fn switches_of(pid: Pid) -> u64 {
    let Ok(tasks) = fs::read_dir(format!("/proc/{pid}/task")) else {
        return 0;
    };
    let of_task = |status: String| -> u64 {
        let lines = status.lines().filter(|line| line.contains("ctxt_switches"));
        lines
            .filter_map(|line| line.split_whitespace().last()?.parse::<u64>().ok())
            .sum()
    };
    let status = |task: fs::DirEntry| fs::read_to_string(task.path().join("status")).ok();
    tasks.flatten().filter_map(status).map(of_task).sum()
}

/// Sleeps while the word has this value.
pub fn futex_wait(word: &AtomicU32, value: u32) {
    // SAFETY: `word` is a live, aligned word; no time-out.
    unsafe {
        libc::syscall(
            libc::SYS_futex,
            word.as_ptr(),
            libc::FUTEX_WAIT,
            value,
            ptr::null::<libc::timespec>(),
        )
    };
}

/// Wakes one waiter.
pub fn futex_wake(word: &AtomicU32) {
    // SAFETY: `word` is a live, aligned word.
    unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), libc::FUTEX_WAKE, 1) };
}

fn owned(fd: RawFd) -> OwnedFd {
    // SAFETY: the descriptor was just made, and nobody else has it.
    unsafe { OwnedFd::from_raw_fd(fd) }
}

/// Both ends of a pipe, reading end first, with room for `room` bytes if the kernel permits.
pub fn pipe(room: Option<usize>) -> io::Result<(OwnedFd, OwnedFd)> {
    let mut ends = [0; 2];
    // SAFETY: `ends` is valid for writes.
    check(unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC) }.into())?;
    if let Some(room) = room {
        // SAFETY: plain values.
        check(unsafe { libc::fcntl(ends[1], libc::F_SETPIPE_SZ, room as libc::c_int) }.into())?;
    }
    Ok((owned(ends[0]), owned(ends[1])))
}

/// A pair of connected Unix sockets.
pub fn sockets(kind: libc::c_int, room: Option<usize>) -> io::Result<[OwnedFd; 2]> {
    let mut ends = [0; 2];
    let kind = kind | libc::SOCK_CLOEXEC;
    // SAFETY: `ends` is valid for writes.
    check(unsafe { libc::socketpair(libc::AF_UNIX, kind, 0, ends.as_mut_ptr()) }.into())?;
    let ends = ends.map(owned);
    if let Some(room) = room {
        ends.iter()
            .for_each(|end| set_room(end, room as libc::c_int));
    }
    Ok(ends)
}

/// Asks for room for what was sent; best effort.
fn set_room(socket: &OwnedFd, room: libc::c_int) {
    let (level, option, size) = (libc::SOL_SOCKET, libc::SO_SNDBUFFORCE, size_of_val(&room));
    let (fd, size) = (socket.as_raw_fd(), size as libc::socklen_t);
    // SAFETY: the value is an int, as the option expects.
    unsafe { libc::setsockopt(fd, level, option, (&raw const room).cast(), size) };
}

/// An eventfd that counts from 0.
pub fn eventfd() -> io::Result<OwnedFd> {
    // SAFETY: plain values.
    Ok(owned(
        check(unsafe { libc::eventfd(0, libc::EFD_CLOEXEC) }.into())? as RawFd,
    ))
}

/// Reads once.
pub fn read(fd: &OwnedFd, into: &mut [u8]) -> io::Result<usize> {
    // SAFETY: `into` is valid for writes of its length.
    let count = unsafe { libc::read(fd.as_raw_fd(), into.as_mut_ptr().cast(), into.len()) };
    Ok(check(count as i64)? as usize)
}

/// Reads until `into` is full; `false` if the stream has ended before its first byte.
pub fn read_whole(fd: &OwnedFd, into: &mut [u8]) -> bool {
    let mut done = 0;
    while done < into.len() {
        let count = read(fd, &mut into[done..]).expect("read");
        if count == 0 && done == 0 {
            return false;
        }
        assert!(count > 0, "the stream has ended in the middle");
        done += count;
    }
    true
}

/// Reads until `into` is full.
pub fn read_all(fd: &OwnedFd, into: &mut [u8]) {
    assert!(read_whole(fd, into), "the other end is gone");
}

/// Writes everything.
pub fn write_all(fd: &OwnedFd, from: &[u8]) {
    let mut done = 0;
    while done < from.len() {
        let rest = &from[done..];
        // SAFETY: `rest` is valid for reads of its length.
        let count = unsafe { libc::write(fd.as_raw_fd(), rest.as_ptr().cast(), rest.len()) };
        done += check(count as i64).expect("write") as usize;
    }
}

/// Gives the pages of `from` to a pipe without copying them.
pub fn vmsplice_all(fd: &OwnedFd, from: &[u8]) {
    let mut done = 0;
    while done < from.len() {
        let rest = &from[done..];
        let piece = libc::iovec {
            iov_base: rest.as_ptr().cast_mut().cast(),
            iov_len: rest.len(),
        };
        // SAFETY: `piece` describes bytes that live on; the kernel only reads them.
        let count = unsafe { libc::vmsplice(fd.as_raw_fd(), &raw const piece, 1, 0) };
        done += check(count as i64).expect("vmsplice") as usize;
    }
}

/// Sleeps.
pub fn sleep(time: Duration) {
    std::thread::sleep(time);
}
