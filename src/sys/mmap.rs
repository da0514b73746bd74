//! Mappings of shared memory at aligned addresses.

use super::check;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr::{self, NonNull};

/// Size of a huge page, and alignment that lets the kernel use them.
const HUGE_PAGE: usize = 2 << 20;

/// A shared, writable mapping of a whole descriptor. Unmapped when dropped.
pub(crate) struct Mapping {
    base: NonNull<u8>,
    len: usize,
}

// SAFETY: the mapping is plain memory without an owner thread; every access goes through raw
// pointers or atomics, whose users answer for their own ordering.
unsafe impl Send for Mapping {}
// SAFETY: as above.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// Maps `len` bytes of `fd` at an address that is a multiple of 2 MiB, hence also of every
    /// alignment that a buffer may ask for.
    pub(crate) fn new(fd: BorrowedFd<'_>, len: usize) -> io::Result<Self> {
        let reserved = len
            .checked_add(HUGE_PAGE)
            .ok_or(io::ErrorKind::OutOfMemory)?;
        let none = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
        let start = map(ptr::null_mut(), reserved, libc::PROT_NONE, none, -1)?;
        let head = start.align_offset(HUGE_PAGE);
        let base = start.wrapping_add(head);
        let access = libc::PROT_READ | libc::PROT_WRITE;
        let flags = libc::MAP_SHARED | libc::MAP_FIXED;
        let mapped = map(base, len, access, flags, fd.as_raw_fd());
        // What the reservation has too much goes back, or all of it if the mapping failed.
        let used = if mapped.is_ok() {
            len.next_multiple_of(page())
        } else {
            0
        };
        unmap(start, head);
        unmap(base.wrapping_add(used), reserved - head - used);
        let base = NonNull::new(mapped?).ok_or(io::ErrorKind::OutOfMemory)?;
        Ok(Self { base, len })
    }

    /// First address.
    pub(crate) fn base(&self) -> NonNull<u8> {
        self.base
    }

    /// Length in bytes.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Asks the kernel to back the whole mapping with huge pages. Needs one page allocated in each
    /// 2 MiB. Kernels that cannot say no; the mapping works all the same.
    pub(crate) fn collapse(&self) {
        const MADV_COLLAPSE: libc::c_int = 25;
        let whole = self.len - self.len % HUGE_PAGE;
        if whole > 0 {
            self.advise(whole, MADV_COLLAPSE);
        }
    }

    /// Brings pages that exist already into this process's page table. A hint.
    pub(crate) fn populate(&self) {
        self.advise(self.len, libc::MADV_POPULATE_WRITE);
    }

    fn advise(&self, len: usize, advice: libc::c_int) {
        // SAFETY: the range lies inside the mapping; neither advice changes its content.
        unsafe { libc::madvise(self.base.as_ptr().cast(), len, advice) };
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        unmap(self.base.as_ptr(), self.len);
    }
}

fn map(
    at: *mut u8,
    len: usize,
    access: libc::c_int,
    flags: libc::c_int,
    fd: libc::c_int,
) -> io::Result<*mut u8> {
    // SAFETY: a new mapping, or (MAP_FIXED) one that replaces part of a reservation of the caller.
    let address = unsafe { libc::mmap(at.cast(), len, access, flags, fd, 0) };
    if address == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    Ok(address.cast())
}

fn unmap(start: *mut u8, len: usize) {
    if len > 0 {
        // SAFETY: the range belongs to the caller, who gives it up with this call.
        let result = unsafe { libc::munmap(start.cast(), len) };
        debug_assert!(check(result).is_ok(), "munmap of an owned range");
    }
}

/// Size of a page.
pub(super) fn page() -> usize {
    // SAFETY: no memory is involved.
    let size = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    usize::try_from(size).unwrap_or(4096)
}

#[cfg(test)]
mod tests {
    use super::super::memfd;
    use super::*;
    use std::os::fd::AsFd;

    /// 64 KiB alignment must hold in every process. [AMB-23]
    #[test]
    fn mappings_are_aligned_and_share_their_bytes() {
        let fd = memfd::create(c"vdi-test", 3 << 20).unwrap();
        let one = Mapping::new(fd.as_fd(), 3 << 20).unwrap();
        let two = Mapping::new(fd.as_fd(), 3 << 20).unwrap();
        assert_eq!(one.base().as_ptr().addr() % HUGE_PAGE, 0);
        assert_eq!(two.base().as_ptr().addr() % HUGE_PAGE, 0);
        let last = (3 << 20) - 1;
        // SAFETY: the last byte of a live mapping.
        unsafe { one.base().as_ptr().wrapping_add(last).write_volatile(7) };
        // SAFETY: the last byte of a live mapping.
        let seen = unsafe { two.base().as_ptr().wrapping_add(last).read_volatile() };
        assert_eq!(seen, 7);
    }

    /// A descriptor that cannot be mapped is an error, and so is a length beyond any memory.
    #[test]
    fn what_cannot_be_mapped_is_an_error() {
        let directory = std::fs::File::open("/").unwrap();
        assert!(Mapping::new(directory.as_fd(), 4096).is_err());
        let fd = memfd::create(c"vdi-test", 4096).unwrap();
        assert!(Mapping::new(fd.as_fd(), usize::MAX).is_err());
        assert!(Mapping::new(fd.as_fd(), usize::MAX / 2).is_err());
    }
}
