//! Facts about this process.

use super::socket::retry;
use super::{check, check_size};
use std::ffi::OsString;
use std::mem::MaybeUninit;
use std::sync::atomic::{AtomicPtr, AtomicU32, Ordering};
use std::{env, io, ptr};

/// Tells a process from its parent: the number changes in the child of a fork, and only there.
///
/// The kernel wipes the page that holds it when the process forks, so that no handler has to run
/// and no lock is involved. Costs two loads.
#[inline]
pub(crate) fn generation() -> u32 {
    static PAGE: AtomicPtr<AtomicU32> = AtomicPtr::new(ptr::null_mut());
    // SAFETY: null, the word of a page that is never unmapped, or a static one.
    let word = unsafe { PAGE.load(Ordering::Acquire).as_ref() };
    match word.map(|word| word.load(Ordering::Acquire)) {
        None | Some(0) => renew(&PAGE),
        Some(known) => known,
    }
}

/// Stands for the page if the kernel did not give one, and stays 0: a fork is then noticed through the
/// process id, at the cost of a call. Once and for all, since the two numbers differ.
static NO_PAGE: AtomicU32 = AtomicU32::new(0);

/// First use in this process, or first use after a fork.
#[cold]
fn renew(page: &AtomicPtr<AtomicU32>) -> u32 {
    static LAST: AtomicU32 = AtomicU32::new(0);
    let word = match ptr::NonNull::new(page.load(Ordering::Acquire)) {
        Some(word) => word,
        None => publish(page, wiped_page().ok()),
    };
    if ptr::eq(word.as_ptr(), &raw const NO_PAGE) {
        return std::process::id();
    }
    // SAFETY: the page is never unmapped and holds an aligned, initialised word.
    let word = unsafe { word.as_ref() };
    let next = LAST.fetch_add(1, Ordering::AcqRel).wrapping_add(1).max(1);
    match word.compare_exchange(0, next, Ordering::AcqRel, Ordering::Acquire) {
        Ok(_) => next,
        Err(other) => other,
    }
}

fn publish(
    page: &AtomicPtr<AtomicU32>,
    made: Option<ptr::NonNull<AtomicU32>>,
) -> ptr::NonNull<AtomicU32> {
    let new = made.unwrap_or(ptr::NonNull::from(&NO_PAGE));
    let old = page.compare_exchange(
        ptr::null_mut(),
        new.as_ptr(),
        Ordering::AcqRel,
        Ordering::Acquire,
    );
    if let (Err(_), Some(made)) = (old, made) {
        // SAFETY: the page was just mapped here and nobody else has seen it.
        unsafe { libc::munmap(made.as_ptr().cast(), WIPED_LEN) };
    }
    old.map_or_else(|other| ptr::NonNull::new(other).unwrap_or(new), |_| new)
}

const WIPED_LEN: usize = 4096;

/// A private page that reads zero in the child of a fork.
fn wiped_page() -> io::Result<ptr::NonNull<AtomicU32>> {
    // SAFETY: a new anonymous mapping.
    let page = unsafe {
        libc::mmap(
            ptr::null_mut(),
            WIPED_LEN,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
            -1,
            0,
        )
    };
    if page == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the range is the mapping made above.
    let wiped = check(unsafe { libc::madvise(page, WIPED_LEN, libc::MADV_WIPEONFORK) });
    if let Err(error) = wiped {
        // SAFETY: the mapping made above, unused.
        unsafe { libc::munmap(page, WIPED_LEN) };
        return Err(error);
    }
    ptr::NonNull::new(page.cast()).ok_or_else(|| io::ErrorKind::OutOfMemory.into())
}

/// A value that every process has of its own.
///
/// A forked child makes a fresh one and leaves the parent's alone, whose locks a thread of the
/// parent may have held at the fork. Nothing here waits, so there is nothing to be caught in.
pub(crate) struct PerProcess<T> {
    current: AtomicPtr<Own<T>>,
}

struct Own<T> {
    generation: u32,
    value: T,
}

impl<T: Send + Sync + 'static> PerProcess<T> {
    /// No value yet.
    pub(crate) const fn new() -> Self {
        Self {
            current: AtomicPtr::new(ptr::null_mut()),
        }
    }

    /// The value of this process; made, and kept for ever, if there is none. When several threads
    /// make one at the same moment, one is kept and the others are dropped.
    pub(crate) fn get_or_make<E>(&self, make: impl Fn() -> Result<T, E>) -> Result<&'static T, E> {
        let generation = generation();
        loop {
            let current = self.current.load(Ordering::Acquire);
            // SAFETY: null, or leaked below and never freed.
            match unsafe { current.as_ref() } {
                Some(own) if own.generation == generation => return Ok(&own.value),
                _ => {
                    let value = make()?;
                    let own = Box::into_raw(Box::new(Own { generation, value }));
                    let (new, old) = (Ordering::AcqRel, Ordering::Acquire);
                    let kept = self.current.compare_exchange(current, own, new, old);
                    if kept.is_err() {
                        // SAFETY: made above and seen by nobody else.
                        drop(unsafe { Box::from_raw(own) });
                    }
                }
            }
        }
    }
}

/// How many processors this process may run on, at least 1.
pub(crate) fn processors() -> usize {
    let mut set = MaybeUninit::<libc::cpu_set_t>::zeroed();
    // SAFETY: `set` is valid for writes of its own size.
    let result =
        unsafe { libc::sched_getaffinity(0, size_of::<libc::cpu_set_t>(), set.as_mut_ptr()) };
    if check(result).is_err() {
        return 1;
    }
    // SAFETY: zeroed bytes are a valid set, and the kernel has filled it.
    let set = unsafe { set.assume_init() };
    // SAFETY: counts bits in the set.
    let count = unsafe { libc::CPU_COUNT(&set) };
    usize::try_from(count).unwrap_or(1).max(1)
}

/// Whether this program runs with more rights than its caller, who wrote its environment.
pub(crate) fn has_more_rights() -> bool {
    // SAFETY: reads a value that the kernel gave this process at its start.
    unsafe { libc::getauxval(libc::AT_SECURE) != 0 }
}

/// A variable of the environment; a program with more rights than its caller has none, and so is not led
/// by it.
pub(crate) fn variable(name: &str) -> Option<OsString> {
    if has_more_rights() {
        None
    } else {
        env::var_os(name)
    }
}

/// Random bytes for tags that must differ between sets.
pub(crate) fn random_u64() -> io::Result<u64> {
    let mut bytes = [0_u8; 8];
    retry(|| {
        // SAFETY: `bytes` is valid for writes of its length; so few come all at once.
        check_size(unsafe { libc::getrandom(bytes.as_mut_ptr().cast(), bytes.len(), 0) })
    })?;
    Ok(u64::from_ne_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_generation_changes_in_a_forked_child_only() {
        let before = generation();
        assert_eq!(generation(), before);
        // SAFETY: the child calls only async-signal-safe functions and leaves with _exit.
        match unsafe { libc::fork() } {
            0 => {
                let changed = generation() != before;
                // SAFETY: ends the child.
                unsafe { libc::_exit(i32::from(!changed)) }
            }
            child => {
                let mut status = 0;
                // SAFETY: `status` is valid for writes; the child is ours.
                unsafe { libc::waitpid(child, &raw mut status, 0) };
                assert_eq!(status, 0);
            }
        }
        assert_eq!(generation(), before);
    }
}
