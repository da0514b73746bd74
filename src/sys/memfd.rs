//! Anonymous memory that is passed between processes as a descriptor and cannot change its size.

use super::{check, own};
use std::ffi::CStr;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};

/// Size and seals are fixed before the descriptor is passed on; content stays writable.
const SEALS: libc::c_int = libc::F_SEAL_SHRINK | libc::F_SEAL_GROW | libc::F_SEAL_SEAL;

/// Creates sealed memory of `size` bytes. Nothing is allocated yet; see [`reserve`].
pub(crate) fn create(name: &CStr, size: u64) -> io::Result<OwnedFd> {
    allow_size(size)?;
    let flags = libc::MFD_CLOEXEC | libc::MFD_ALLOW_SEALING;
    // SAFETY: `name` is a valid C string for the duration of the call.
    let raw = unsafe { libc::memfd_create(name.as_ptr(), flags) };
    // SAFETY: the call returned a new descriptor that nobody else owns.
    let fd = unsafe { own(raw) }?;
    let length = libc::off_t::try_from(size).map_err(|_| io::ErrorKind::OutOfMemory)?;
    // SAFETY: a system call on an owned descriptor.
    check(unsafe { libc::ftruncate(fd.as_raw_fd(), length) })?;
    // SAFETY: a system call on an owned descriptor.
    check(unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_ADD_SEALS, SEALS) })?;
    Ok(fd)
}

/// Refuses a size that the file size limit forbids: ftruncate would raise SIGXFSZ instead.
fn allow_size(size: u64) -> io::Result<()> {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: `limit` is valid for writes during the call.
    check(unsafe { libc::getrlimit(libc::RLIMIT_FSIZE, &raw mut limit) })?;
    if size > limit.rlim_cur {
        return Err(io::ErrorKind::OutOfMemory.into());
    }
    Ok(())
}

/// Checks that a received descriptor is sealed memory of exactly `size` bytes.
///
/// Without the seals the sender could shrink the memory under our mapping, which would end this
/// process with SIGBUS.
pub(crate) fn verify(fd: BorrowedFd<'_>, size: u64) -> io::Result<()> {
    // SAFETY: a system call on a borrowed, open descriptor.
    let seals =
        check(unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_GET_SEALS) }).map_err(|error| {
            match error.kind() {
                io::ErrorKind::InvalidInput => {
                    io::Error::other("the descriptor is not sealable memory")
                }
                _ => error,
            }
        })?;
    if seals & SEALS != SEALS || seals & (libc::F_SEAL_WRITE | libc::F_SEAL_FUTURE_WRITE) != 0 {
        return Err(io::Error::other("the memory has the wrong seals"));
    }
    // SAFETY: a system call on a borrowed, open descriptor.
    let mode = check(unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_GETFL) })?;
    if mode & libc::O_ACCMODE != libc::O_RDWR {
        return Err(io::Error::other("the memory cannot be written"));
    }
    // SAFETY: all-zero bytes are a valid `stat`, a plain C structure.
    let mut stat: libc::stat = unsafe { std::mem::zeroed() };
    // SAFETY: `stat` is valid for writes during the call.
    check(unsafe { libc::fstat(fd.as_raw_fd(), &raw mut stat) })?;
    if u64::try_from(stat.st_size) != Ok(size) {
        return Err(io::Error::other(
            "the memory does not have the announced size",
        ));
    }
    if u64::try_from(stat.st_blocks).unwrap_or(0) * 512 < size {
        return Err(io::Error::other("the memory is not allocated"));
    }
    verify_kind(fd)
}

/// Whether a descriptor is memory of some kind, so that closing it takes no time that depends on
/// anybody else.
pub(crate) fn is_memory(fd: BorrowedFd<'_>) -> bool {
    // SAFETY: a system call on a borrowed, open descriptor.
    check(unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_GET_SEALS) }).is_ok()
}

/// Huge pages come from a small reserve: the sender could take them back, and touching the memory
/// would then end this process.
fn verify_kind(fd: BorrowedFd<'_>) -> io::Result<()> {
    // SAFETY: all-zero bytes are a valid `statfs`, a plain C structure.
    let mut statfs: libc::statfs = unsafe { std::mem::zeroed() };
    // SAFETY: `statfs` is valid for writes during the call.
    check(unsafe { libc::fstatfs(fd.as_raw_fd(), &raw mut statfs) })?;
    if statfs.f_type != libc::TMPFS_MAGIC {
        return Err(io::Error::other("the memory is of the wrong kind"));
    }
    Ok(())
}

/// Allocates `len` bytes from `offset` on, so that touching them can no longer fail.
pub(crate) fn reserve(fd: BorrowedFd<'_>, offset: u64, len: u64) -> io::Result<()> {
    let out_of_range = |_| io::Error::from(io::ErrorKind::OutOfMemory);
    in_pieces(offset, len, |offset, len| {
        let offset = libc::off_t::try_from(offset).map_err(out_of_range)?;
        let len = libc::off_t::try_from(len).map_err(out_of_range)?;
        // SAFETY: a system call on a borrowed, open descriptor.
        check(unsafe { libc::fallocate(fd.as_raw_fd(), 0, offset, len) }).map(|_| ())
    })
}

/// Some kernels undo a call that a signal interrupts. The pieces become smaller until one is done
/// between two signals, however often those come.
fn in_pieces(
    offset: u64,
    len: u64,
    allocate: impl Fn(u64, u64) -> io::Result<()>,
) -> io::Result<()> {
    const LARGEST: u64 = 64 << 20;
    const SMALLEST: u64 = 4096;
    let end = offset.checked_add(len).ok_or(io::ErrorKind::OutOfMemory)?;
    let (mut at, mut piece) = (offset, LARGEST);
    while at < end {
        let len = piece.min(end - at);
        match allocate(at, len) {
            Ok(()) => {
                at += len;
                piece = piece.saturating_mul(2).min(LARGEST);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                piece = (len / 2).max(SMALLEST);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;
    use std::os::fd::{AsFd, FromRawFd};

    /// What cannot shrink is accepted, everything else is not. [SEC-07]
    #[test]
    fn only_sealed_memory_of_the_right_size_is_accepted() {
        let sealed = create(c"vdi-test", 8192).unwrap();
        assert!(
            verify(sealed.as_fd(), 8192).is_err(),
            "nothing is allocated yet"
        );
        reserve(sealed.as_fd(), 0, 8192).unwrap();
        assert!(verify(sealed.as_fd(), 8192).is_ok());
        assert!(verify(sealed.as_fd(), 4096).is_err());

        // SAFETY: a valid name; the result is checked.
        let raw = check(unsafe { libc::memfd_create(c"x".as_ptr(), libc::MFD_ALLOW_SEALING) });
        // SAFETY: a new descriptor that nobody else owns.
        let unsealed = unsafe { OwnedFd::from_raw_fd(raw.unwrap()) };
        assert!(verify(unsealed.as_fd(), 0).is_err());

        let file = std::fs::File::open("/proc/self/exe").unwrap();
        let size = file.metadata().unwrap().len();
        assert!(verify(file.as_fd(), size).is_err());
    }

    /// [LNX-10]
    #[test]
    fn memory_is_had_between_two_signals() {
        let done = Cell::new(10_000);
        let interrupted_if_long = |offset, len| {
            assert_eq!(offset, done.get());
            if len > 5000 {
                return Err(io::ErrorKind::Interrupted.into());
            }
            done.set(offset + len);
            Ok(())
        };
        in_pieces(10_000, 99_999, interrupted_if_long).unwrap();
        assert_eq!(done.get(), 109_999);
        let full = |_, _| Err(io::ErrorKind::StorageFull.into());
        let error = in_pieces(0, 4096, full).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    }

    #[test]
    fn sealed_memory_cannot_shrink() {
        let fd = create(c"vdi-test", 4096).unwrap();
        // SAFETY: a system call on an owned descriptor.
        assert_eq!(unsafe { libc::ftruncate(fd.as_raw_fd(), 0) }, -1);
    }
}
