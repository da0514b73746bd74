//! Words of shared memory that the kernel marks when the thread that holds them ends.
//!
//! The kernel walks a thread's list of held words before it tears the memory of the process down,
//! so the mark comes long before a socket hangs up, whatever the size of the process. The list
//! lies in private memory and is registered by the raw system call: a robust mutex of the C
//! library would keep its list pointers in the shared memory, where a peer could change them.

use super::atomic::{AtomicPtr, AtomicU32};
use super::check;
use super::process::generation;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr;
use std::sync::atomic::Ordering;
use std::sync::{Mutex, PoisonError};

/// Set by the kernel in a word whose holder has ended.
pub(crate) const OWNER_DIED: u32 = libc::FUTEX_OWNER_DIED;

/// Entry of the list, in private memory exactly one page before the word that it stands for.
#[repr(C)]
struct Node {
    next: AtomicPtr<Node>,
}

/// What the kernel is told: where the list begins and how far each word is from its entry.
#[repr(C)]
struct Head {
    list: Node,
    distance: libc::c_long,
    pending: *mut Node,
}

/// The words that one thread holds. Lives as long as the process, while threads may come and go.
pub(crate) struct List {
    head: &'static Head,
    /// Entries in the order of the list.
    nodes: Mutex<Vec<NodePointer>>,
    /// The thread that has registered the list; 0 if there is none, or if the kernel refused.
    thread: AtomicU32,
}

// SAFETY: the head is written through its atomic only; `pending` stays null.
unsafe impl Send for List {}
// SAFETY: as above.
unsafe impl Sync for List {}

struct NodePointer(*const Node);

// SAFETY: the entry is mapped until its `Hold` has taken it out of the list.
unsafe impl Send for NodePointer {}

impl List {
    /// An empty list.
    pub(crate) fn new() -> Self {
        let head = Box::leak(Box::new(Head {
            list: Node {
                next: AtomicPtr::new(ptr::null_mut()),
            },
            distance: page() as libc::c_long,
            pending: ptr::null_mut(),
        }));
        head.list
            .next
            .store((&raw const head.list).cast_mut(), Ordering::Release);
        Self {
            head,
            nodes: Mutex::default(),
            thread: AtomicU32::new(0),
        }
    }

    /// Makes the list that of the calling thread, which keeps it until it calls [`List::give_up`].
    ///
    /// Replaces the list of the C library for this thread, which therefore must not use robust
    /// mutexes.
    pub(crate) fn adopt(&self) {
        if register(self.head) {
            // SAFETY: no pointers are passed.
            let thread = unsafe { libc::gettid() };
            self.thread.store(thread as u32, Ordering::Release);
        }
    }

    /// The calling thread is about to end. No word may be held.
    pub(crate) fn give_up(&self) {
        self.thread.store(0, Ordering::Release);
        register(ptr::null());
    }

    /// Holds the word at `offset` in shared memory until the result is dropped.
    pub(crate) fn hold(&'static self, fd: BorrowedFd<'_>, offset: usize) -> io::Result<Hold> {
        let thread = self.thread.load(Ordering::Acquire);
        if thread == 0 {
            return Err(io::ErrorKind::Unsupported.into());
        }
        let pages = Pages::new(fd, offset / page() * page())?;
        let hold = Hold {
            word: pages.base.wrapping_add(page() + offset % page()).cast(),
            node: pages.base.wrapping_add(offset % page()).cast(),
            list: self,
            generation: generation(),
            _pages: pages,
        };
        hold.word()
            .store(thread | libc::FUTEX_WAITERS, Ordering::Release);
        self.insert(hold.node);
        Ok(hold)
    }

    /// Puts an entry at the front. The list is whole at every step: the kernel may walk it at any.
    fn insert(&self, node: *const Node) {
        let mut nodes = self.nodes.lock().unwrap_or_else(PoisonError::into_inner);
        let first = self.head.list.next.load(Ordering::Relaxed);
        // SAFETY: the entry is mapped and not in the list yet.
        unsafe { &*node }.next.store(first, Ordering::Release);
        self.head
            .list
            .next
            .store(node.cast_mut(), Ordering::Release);
        nodes.insert(0, NodePointer(node));
    }

    fn remove(&self, node: *const Node) {
        let mut nodes = self.nodes.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(at) = nodes.iter().position(|other| other.0 == node) else {
            return;
        };
        // SAFETY: entries in the list are mapped.
        let next = unsafe { &*node }.next.load(Ordering::Relaxed);
        let before = match at {
            0 => &self.head.list,
            // SAFETY: entries in the list are mapped.
            _ => unsafe { &*nodes[at - 1].0 },
        };
        before.next.store(next, Ordering::Release);
        nodes.remove(at);
    }
}

/// Tells the kernel the list of the calling thread; whether it took it.
fn register(head: *const Head) -> bool {
    // SAFETY: null, or never freed; the kernel reads it when this thread ends.
    let set = unsafe { libc::syscall(libc::SYS_set_robust_list, head, size_of::<Head>()) };
    set == 0
}

/// A word that is held; dropping it gives the word back, unmarked.
pub(crate) struct Hold {
    word: *const AtomicU32,
    node: *const Node,
    list: &'static List,
    generation: u32,
    _pages: Pages,
}

// SAFETY: the pointers lead into the mapping that the value owns; they are used through atomics.
unsafe impl Send for Hold {}

impl Hold {
    fn word(&self) -> &AtomicU32 {
        // SAFETY: inside the second page of the mapping, aligned, and mapped as long as `self`.
        unsafe { &*self.word }
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        // In a forked child the word is the parent's.
        if self.generation != generation() {
            return;
        }
        self.list.remove(self.node);
        self.word().store(0, Ordering::Release);
    }
}

/// A private page, and directly after it a page of shared memory.
struct Pages {
    base: *mut u8,
}

impl Pages {
    fn new(fd: BorrowedFd<'_>, offset: usize) -> io::Result<Self> {
        let access = libc::PROT_READ | libc::PROT_WRITE;
        let private = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
        // SAFETY: a new mapping.
        let base = unsafe { libc::mmap(ptr::null_mut(), 2 * page(), access, private, -1, 0) };
        if base == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let pages = Self { base: base.cast() };
        let second = pages.base.wrapping_add(page());
        // SAFETY: replaces the second page of the mapping just made.
        let shared = unsafe {
            libc::mmap(
                second.cast(),
                page(),
                access,
                libc::MAP_SHARED | libc::MAP_FIXED,
                fd.as_raw_fd(),
                offset as libc::off_t,
            )
        };
        if shared == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        Ok(pages)
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        // SAFETY: the mapping is owned, and nothing points into it any more.
        let result = unsafe { libc::munmap(self.base.cast(), 2 * page()) };
        debug_assert!(check(result).is_ok(), "munmap of an owned range");
    }
}

fn page() -> usize {
    super::mmap::page()
}

#[cfg(test)]
mod tests {
    use super::super::memfd;
    use super::super::mmap::Mapping;
    use super::*;
    use std::os::fd::AsFd;

    /// The word at `offset` of a mapping.
    fn word(mapping: &Mapping, offset: usize) -> u32 {
        let at = mapping
            .base()
            .as_ptr()
            .wrapping_add(offset)
            .cast::<AtomicU32>();
        // SAFETY: inside the mapping and aligned.
        unsafe { &*at }.load(Ordering::Acquire)
    }

    #[test]
    fn the_words_of_a_thread_that_ends_are_marked_and_no_others() {
        let fd = memfd::create(c"vdi-test", 16384).unwrap();
        let mapping = Mapping::new(fd.as_fd(), 16384).unwrap();
        let offsets = [0, 256, 4096 + 128, 12288];
        std::thread::scope(|scope| {
            let thread = scope.spawn(|| {
                let list: &'static List = Box::leak(Box::new(List::new()));
                list.adopt();
                let mut holds: Vec<_> = offsets
                    .iter()
                    .map(|offset| list.hold(fd.as_fd(), *offset).unwrap())
                    .collect();
                // One is given back from the middle of the list.
                drop(holds.remove(1));
                for offset in [0, 4096 + 128, 12288] {
                    assert_eq!(word(&mapping, offset) & OWNER_DIED, 0);
                    assert_ne!(word(&mapping, offset), 0);
                }
                std::mem::forget(holds);
            });
            // The end of the scope alone does not wait for the end of the thread.
            thread.join().unwrap();
        });
        for offset in [0, 4096 + 128, 12288] {
            assert_ne!(word(&mapping, offset) & OWNER_DIED, 0, "{offset}");
        }
        assert_eq!(word(&mapping, 256), 0, "given back in order");
    }
}
