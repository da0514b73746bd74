//! Buffer areas, and the buffers in them.

use crate::error::{Error, ErrorKind, Result};
use crate::sys::mmap::Mapping;
use crate::sys::{file, memfd, memory};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::ptr;
use std::sync::Arc;

/// One piece of buffer memory of a set: made by the server, mapped by every client process.
pub(crate) struct Area {
    mapping: Mapping,
    index: u32,
}

/// Most areas of a set: each costs the primary a descriptor, and every process a mapping, and a
/// server that is not sane must not take all of them.
pub(crate) const MAX_AREAS: u32 = 512;

/// Bytes of a huge page: one page in each is enough for the kernel to make one of it.
const HUGE_PAGE: u64 = 2 << 20;

impl Area {
    /// Makes an area and reserves its memory, so that touching it cannot fail later. [BUF-14]
    ///
    /// The descriptor is for passing the memory on; the area does not need it.
    pub(crate) fn create(index: u32, size: u64) -> Result<(Self, OwnedFd)> {
        if index >= MAX_AREAS {
            let text = format!("a set has at most {MAX_AREAS} pieces of buffer memory");
            return Err(Error::new(ErrorKind::Memory, text));
        }
        if memory::available().is_some_and(|available| size > available) {
            return Err(Error::new(
                ErrorKind::Memory,
                format!("{size} bytes of buffers are more than the machine can give"),
            ));
        }
        let failed = |error| Error::memory(format!("cannot get {size} bytes of buffers"), &error);
        let fd = memfd::create(c"vdi-buffers", size).map_err(failed)?;
        let mapping = map(&fd, size).map_err(failed)?;
        let mut at = 0;
        while at + HUGE_PAGE <= size {
            memfd::reserve(fd.as_fd(), at, 1).map_err(failed)?;
            at += HUGE_PAGE;
        }
        mapping.collapse();
        // Whatever the kernel did not turn into huge pages is allocated here.
        memfd::reserve(fd.as_fd(), 0, size).map_err(failed)?;
        mapping.populate();
        Ok((Self { mapping, index }, fd))
    }

    /// Maps an area behind a received descriptor after checking it.
    pub(crate) fn open(index: u32, fd: &OwnedFd, size: u64) -> Result<Self> {
        let what = || format!("buffer area {index} of {size} bytes");
        if index >= MAX_AREAS {
            return Err(Error::new(
                ErrorKind::Memory,
                format!("{} is one too many", what()),
            ));
        }
        memfd::verify(fd.as_fd(), size)
            .map_err(|error| Error::memory(format!("{} is refused", what()), &error))?;
        let mapping = map(fd, size)
            .map_err(|error| Error::memory(format!("cannot map {}", what()), &error))?;
        mapping.populate();
        Ok(Self { mapping, index })
    }

    /// Number of the area within its set.
    pub(crate) fn index(&self) -> u32 {
        self.index
    }

    /// Size in bytes.
    pub(crate) fn size(&self) -> u64 {
        self.mapping.len() as u64
    }
}

fn map(fd: &OwnedFd, size: u64) -> io::Result<Mapping> {
    let len = usize::try_from(size).map_err(|_| io::ErrorKind::OutOfMemory)?;
    Mapping::new(fd.as_fd(), len)
}

/// The data zone of one shared buffer, as this process sees it.
///
/// Keeps the memory mapped as long as it lives. Other processes may write the bytes at any time
/// while the buffer is theirs; that is why they are copied and never borrowed. [BUF-02]
#[derive(Clone)]
pub struct Buffer {
    area: Arc<Area>,
    offset: usize,
    len: usize,
}

impl Buffer {
    /// The buffer at `offset`; `None` unless all of it, with `prefix` bytes before, is inside.
    pub(crate) fn new(area: Arc<Area>, offset: u64, len: u64, prefix: u64) -> Option<Self> {
        let end = offset.checked_add(len)?;
        if offset < prefix || end > area.size() {
            return None;
        }
        Some(Self {
            area,
            offset: usize::try_from(offset).ok()?,
            len: usize::try_from(len).ok()?,
        })
    }

    /// Length in bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether it has no bytes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Address of the first byte in this process.
    #[must_use]
    pub fn address(&self) -> usize {
        self.as_ptr().addr()
    }

    /// Pointer to the first byte. Valid while this value, or another buffer of the same area, lives.
    #[must_use]
    pub fn as_ptr(&self) -> *mut u8 {
        self.area.mapping.base().as_ptr().wrapping_add(self.offset)
    }

    /// Where the buffer lies: number of the area, and offset in it.
    pub(crate) fn place(&self) -> (u32, u64) {
        (self.area.index, self.offset as u64)
    }

    /// Copies bytes into the buffer, from position `at` on.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`] if they do not fit.
    pub fn write(&self, at: usize, from: &[u8]) -> Result<()> {
        let into = self.part(at, from.len())?;
        // SAFETY: `part` checked the range; source and target cannot overlap, because no reference
        // to shared memory exists.
        unsafe { ptr::copy_nonoverlapping(from.as_ptr(), into, from.len()) };
        Ok(())
    }

    /// Copies bytes out of the buffer, from position `at` on.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`] if there are not that many.
    pub fn read(&self, at: usize, into: &mut [u8]) -> Result<()> {
        let from = self.part(at, into.len())?;
        // SAFETY: as in `write`.
        unsafe { ptr::copy_nonoverlapping(from, into.as_mut_ptr(), into.len()) };
        Ok(())
    }

    /// Writes part of the buffer to a descriptor with one write(2), without a copy in between.
    ///
    /// # Errors
    ///
    /// The error of the system call; `InvalidInput` if the part is not inside the buffer.
    pub fn write_to(&self, fd: BorrowedFd<'_>, at: usize, len: usize) -> io::Result<usize> {
        let from = self
            .part(at, len)
            .map_err(|_| io::ErrorKind::InvalidInput)?;
        // SAFETY: `part` checked the range, and `self` keeps it mapped.
        unsafe { file::write(fd, from, len) }
    }

    /// Fills part of the buffer from a descriptor with one read(2), without a copy in between.
    ///
    /// # Errors
    ///
    /// The error of the system call; `InvalidInput` if the part is not inside the buffer.
    pub fn read_from(&self, fd: BorrowedFd<'_>, at: usize, len: usize) -> io::Result<usize> {
        let into = self
            .part(at, len)
            .map_err(|_| io::ErrorKind::InvalidInput)?;
        // SAFETY: `part` checked the range, and `self` keeps it mapped.
        unsafe { file::read(fd, into, len) }
    }

    fn part(&self, at: usize, len: usize) -> Result<*mut u8> {
        match at.checked_add(len) {
            Some(end) if end <= self.len => Ok(self.as_ptr().wrapping_add(at)),
            _ => Err(Error::new(
                ErrorKind::Invalid,
                format!(
                    "{len} bytes at {at} are not inside a buffer of {} bytes",
                    self.len
                ),
            )),
        }
    }
}

impl std::fmt::Debug for Buffer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (area, offset) = self.place();
        write!(
            f,
            "Buffer({} bytes, area {area}, offset {offset})",
            self.len
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_processes_worth_of_mappings_see_the_same_bytes() {
        let (area, fd) = Area::create(0, 5 << 20).unwrap();
        let other = Arc::new(Area::open(0, &fd, area.size()).unwrap());
        let one = Buffer::new(Arc::new(area), 4096, 100, 16).unwrap();
        let two = Buffer::new(other, 4096, 100, 16).unwrap();
        one.write(90, b"0123456789").unwrap();
        let mut seen = [0; 10];
        two.read(90, &mut seen).unwrap();
        assert_eq!(&seen, b"0123456789");
        assert_ne!(one.address(), two.address());
    }

    /// [SEC-07]
    #[test]
    fn nothing_outside_the_area_is_a_buffer() {
        let area = Arc::new(Area::create(0, 65536).unwrap().0);
        let buffer = |offset, len| Buffer::new(Arc::clone(&area), offset, len, 512);
        assert!(buffer(512, 65024).is_some());
        assert!(buffer(511, 1).is_none(), "the prefix would be outside");
        assert!(buffer(512, 65025).is_none());
        assert!(buffer(u64::MAX, 2).is_none());
        let inside = buffer(512, 8).unwrap();
        assert!(!inside.is_empty());
        assert!(format!("{inside:?}").contains("512"), "{inside:?}");
        assert!(inside.write(1, &[0; 8]).is_err());
        assert!(inside.read(usize::MAX, &mut [0; 8]).is_err());
    }

    /// Too much is an error, not a signal. [BUF-14]
    #[test]
    fn an_absurd_size_is_refused() {
        let error = Area::create(0, 1 << 50).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Memory);
    }
}
