//! Memory that the driver and the two processes of a cell share.

use std::io::{self, Error};
use std::ops::Deref;
use std::ptr::{self, NonNull};

/// A value in anonymous shared memory that every child inherits. Its bytes are zero at first.
pub struct Shared<T> {
    place: NonNull<T>,
}

/// Values that are valid when all bytes are zero, and may be changed by several processes.
///
/// # Safety
///
/// Both have to be true of the type.
pub unsafe trait Zeroed: Sync {}

// SAFETY: the value is `Sync`, and the memory belongs to this handle.
unsafe impl<T: Zeroed> Send for Shared<T> {}
// SAFETY: the value is `Sync`.
unsafe impl<T: Zeroed> Sync for Shared<T> {}

impl<T: Zeroed> Shared<T> {
    pub fn new() -> io::Result<Self> {
        let place = map(size_of::<T>().max(1))?;
        Ok(Self {
            place: place.cast(),
        })
    }
}

impl<T> Deref for Shared<T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: mapped as long as this lives; zero bytes are a value of a `Zeroed` type.
        unsafe { self.place.as_ref() }
    }
}

impl<T> Drop for Shared<T> {
    fn drop(&mut self) {
        // SAFETY: mapped by `new` with this size.
        unsafe { libc::munmap(self.place.as_ptr().cast(), size_of::<T>().max(1)) };
    }
}

/// Bytes in anonymous shared memory, present and in huge pages where the kernel permits.
pub struct Bytes {
    place: NonNull<u8>,
    size: usize,
}

// SAFETY: plain bytes; who may write when is the users' agreement.
unsafe impl Send for Bytes {}
// SAFETY: as above.
unsafe impl Sync for Bytes {}

const HUGE: usize = 2 << 20;

impl Bytes {
    pub fn new(size: usize) -> io::Result<Self> {
        let bytes = Self::lazy(size)?;
        for at in (0..size).step_by(HUGE) {
            // SAFETY: inside the mapping.
            unsafe { bytes.place.add(at).write_volatile(0) };
        }
        bytes.advise(libc::MADV_COLLAPSE);
        bytes.present();
        Ok(bytes)
    }

    /// Memory that comes page by page when it is first touched.
    pub fn lazy(size: usize) -> io::Result<Self> {
        Ok(Self {
            place: map_for_huge_pages(size)?,
            size,
        })
    }

    /// As [`Bytes::new`], with bytes that differ everywhere.
    pub fn filled(size: usize) -> io::Result<Self> {
        let bytes = Self::new(size)?;
        let mut word = 1_u64;
        for at in (0..size & !7).step_by(8) {
            word = word
                .wrapping_mul(0x5851_F42D_4C95_7F2D)
                .wrapping_add(0x1405_7B7E_F767_814F);
            bytes.put(at, &(word ^ word >> 31).to_ne_bytes());
        }
        Ok(bytes)
    }

    /// Makes all pages present in the calling process.
    pub fn present(&self) {
        self.advise(libc::MADV_POPULATE_WRITE);
    }

    fn advise(&self, advice: libc::c_int) {
        // SAFETY: the range is this mapping; a refusal only makes it slower.
        unsafe { libc::madvise(self.place.as_ptr().cast(), self.size, advice) };
    }

    pub fn len(&self) -> usize {
        self.size
    }

    pub fn pointer(&self, at: usize) -> *mut u8 {
        assert!(at < self.size);
        self.place.as_ptr().wrapping_add(at)
    }

    /// A part that nobody writes meanwhile.
    pub fn part(&self, at: usize, size: usize) -> &[u8] {
        assert!(at + size <= self.size);
        // SAFETY: inside the mapping; the caller knows that it is nobody else's turn.
        unsafe { std::slice::from_raw_parts(self.pointer(at), size) }
    }

    /// Copies into a part that nobody else uses meanwhile.
    pub fn put(&self, at: usize, from: &[u8]) {
        assert!(at + from.len() <= self.size);
        // SAFETY: inside the mapping, and another mapping than `from`.
        unsafe { ptr::copy_nonoverlapping(from.as_ptr(), self.pointer(at), from.len()) };
    }
}

impl Drop for Bytes {
    fn drop(&mut self) {
        // SAFETY: mapped by `new` with this size.
        unsafe { libc::munmap(self.place.as_ptr().cast(), self.size) };
    }
}

fn map(size: usize) -> io::Result<NonNull<u8>> {
    let (protection, flags) = (
        libc::PROT_READ | libc::PROT_WRITE,
        libc::MAP_SHARED | libc::MAP_ANONYMOUS,
    );
    // SAFETY: a new mapping.
    mapped(unsafe { libc::mmap(ptr::null_mut(), size, protection, flags, -1, 0) })
}

/// Shared memory that begins at a huge page, in memory and in the file behind it.
fn map_for_huge_pages(size: usize) -> io::Result<NonNull<u8>> {
    // SAFETY: the name is a string; the descriptor is new.
    let fd = unsafe { libc::memfd_create(c"vdi-bench".as_ptr(), libc::MFD_CLOEXEC) };
    // SAFETY: plain values.
    crate::os::check(unsafe { libc::ftruncate(fd, size as i64) }.into())?;
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
    // SAFETY: a new mapping, which only reserves addresses.
    let room =
        mapped(unsafe { libc::mmap(ptr::null_mut(), size + HUGE, libc::PROT_NONE, flags, -1, 0) })?;
    let aligned = room.as_ptr().wrapping_add(room.as_ptr().align_offset(HUGE));
    let (protection, flags) = (
        libc::PROT_READ | libc::PROT_WRITE,
        libc::MAP_SHARED | libc::MAP_FIXED,
    );
    // SAFETY: replaces a part of what was just reserved.
    let place = mapped(unsafe { libc::mmap(aligned.cast(), size, protection, flags, fd, 0) });
    // SAFETY: the descriptor is this function's own.
    unsafe { libc::close(fd) };
    place
}

fn mapped(place: *mut libc::c_void) -> io::Result<NonNull<u8>> {
    if place == libc::MAP_FAILED {
        return Err(Error::last_os_error());
    }
    NonNull::new(place.cast()).ok_or_else(|| Error::other("mapped at 0"))
}

/// Writes to every page of some bytes that nobody else uses meanwhile.
///
/// # Safety
///
/// All `size` bytes are writable memory.
pub unsafe fn touch(place: *mut u8, size: usize) {
    for at in (0..size).step_by(4096) {
        // SAFETY: inside the bytes.
        unsafe { place.add(at).write_volatile(1) };
    }
}
