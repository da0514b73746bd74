//! A directory and the files in it, through a descriptor that cannot be exchanged meanwhile.

use super::socket::retry;
use super::{check, own};
use std::ffi::CString;
use std::io;
use std::mem;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// The user this process acts as.
pub(crate) fn effective_user() -> u32 {
    // SAFETY: the call has no arguments and cannot fail.
    unsafe { libc::geteuid() }
}

/// Whether this process may list and change the directory at `path`.
pub(crate) fn is_usable(path: &Path) -> bool {
    let Ok(path) = c_string(path) else {
        return false;
    };
    let mode = libc::R_OK | libc::W_OK | libc::X_OK;
    // SAFETY: `path` is a C string that outlives the call.
    check(unsafe { libc::faccessat(libc::AT_FDCWD, path.as_ptr(), mode, libc::AT_EACCESS) }).is_ok()
}

/// Makes sure that something exists at `path`; a new directory is for its owner only, whatever the
/// umask says. [SEC-05]
pub(crate) fn ensure(path: &Path) -> io::Result<()> {
    let path = c_string(path)?;
    // SAFETY: `path` is a C string that outlives the call.
    match check(unsafe { libc::mkdir(path.as_ptr(), 0o700) }) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(()),
        result => result?,
    };
    let flags = libc::AT_SYMLINK_NOFOLLOW;
    // SAFETY: as above.
    let changed = check(unsafe { libc::fchmodat(libc::AT_FDCWD, path.as_ptr(), 0o700, flags) });
    match changed {
        // An old kernel without /proc; only an odd umask makes a difference then.
        Err(error) if error.raw_os_error() == Some(libc::EOPNOTSUPP) => Ok(()),
        changed => changed.map(drop),
    }
}

/// An open directory.
pub(crate) struct Directory(OwnedFd);

/// The lock of a directory; dropping it unlocks.
pub(crate) struct Lock(OwnedFd);

/// What is known of a file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Status {
    pub(crate) owner: u32,
    pub(crate) permissions: u32,
    pub(crate) is_socket: bool,
    pub(crate) identity: Identity,
}

/// Device and inode: no other file has them as long as this one is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Identity(libc::dev_t, libc::ino_t);

impl Directory {
    /// Opens a directory; a symbolic link at the end of `path` is `NotADirectory`.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        open_at(libc::AT_FDCWD, path).map(Self)
    }

    /// Status of the directory itself.
    pub(crate) fn status(&self) -> io::Result<Status> {
        // SAFETY: all-zero bytes are a valid `stat`, a plain C structure.
        let mut stat: libc::stat = unsafe { mem::zeroed() };
        // SAFETY: `stat` is valid for writes.
        check(unsafe { libc::fstat(self.raw(), &raw mut stat) })?;
        Ok(status(&stat))
    }

    /// Status of a file in the directory, of the link itself if it is a link.
    pub(crate) fn status_of(&self, file: &Path) -> io::Result<Status> {
        let file = c_string(file)?;
        // SAFETY: all-zero bytes are a valid `stat`, a plain C structure.
        let mut stat: libc::stat = unsafe { mem::zeroed() };
        let flags = libc::AT_SYMLINK_NOFOLLOW;
        // SAFETY: `file` is a C string that outlives the call and `stat` is valid for writes.
        check(unsafe { libc::fstatat(self.raw(), file.as_ptr(), &raw mut stat, flags) })?;
        Ok(status(&stat))
    }

    /// Locks the directory against other holders of this lock, in any thread or process; None if
    /// somebody has it.
    pub(crate) fn try_lock(&self) -> io::Result<Option<Lock>> {
        // A descriptor of its own: copies of one descriptor share their lock.
        let own = open_at(self.raw(), Path::new("."))?;
        // SAFETY: a system call on an owned descriptor.
        let locked = check(unsafe { libc::flock(own.as_raw_fd(), libc::LOCK_EX | libc::LOCK_NB) });
        match locked {
            Ok(_) => Ok(Some(Lock(own))),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Removes a file.
    pub(crate) fn remove(&self, file: &Path) -> io::Result<()> {
        let file = c_string(file)?;
        // SAFETY: `file` is a C string that outlives the call.
        check(unsafe { libc::unlinkat(self.raw(), file.as_ptr(), 0) })?;
        Ok(())
    }

    /// Sets the permissions of a file.
    pub(crate) fn set_permissions(&self, file: &Path, mode: u32) -> io::Result<()> {
        let file = c_string(file)?;
        // SAFETY: `file` is a C string that outlives the call.
        check(unsafe { libc::fchmodat(self.raw(), file.as_ptr(), mode, 0) })?;
        Ok(())
    }

    /// Gives a file to a group.
    pub(crate) fn set_group(&self, file: &Path, group: u32) -> io::Result<()> {
        let file = c_string(file)?;
        let same_owner = libc::uid_t::MAX;
        let flags = libc::AT_SYMLINK_NOFOLLOW;
        // SAFETY: `file` is a C string that outlives the call.
        check(unsafe { libc::fchownat(self.raw(), file.as_ptr(), same_owner, group, flags) })?;
        Ok(())
    }

    /// A second descriptor of the same directory.
    pub(crate) fn try_clone(&self) -> io::Result<Self> {
        self.0.try_clone().map(Self)
    }

    fn raw(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing is not enough: a child that was forked meanwhile holds the same lock.
        // SAFETY: a system call on an owned descriptor.
        unsafe { libc::flock(self.0.as_raw_fd(), libc::LOCK_UN) };
    }
}

fn open_at(base: RawFd, path: &Path) -> io::Result<OwnedFd> {
    let path = c_string(path)?;
    let flags = libc::O_RDONLY | libc::O_DIRECTORY | libc::O_NOFOLLOW | libc::O_CLOEXEC;
    // SAFETY: `path` is a C string that outlives the call.
    let raw = retry(|| check(unsafe { libc::openat(base, path.as_ptr(), flags) }))?;
    // SAFETY: the call returned a new descriptor that nobody else owns.
    unsafe { own(raw) }
}

fn status(stat: &libc::stat) -> Status {
    Status {
        owner: stat.st_uid,
        permissions: stat.st_mode & 0o7777,
        is_socket: stat.st_mode & libc::S_IFMT == libc::S_IFSOCK,
        identity: Identity(stat.st_dev, stat.st_ino),
    }
}

fn c_string(path: &Path) -> io::Result<CString> {
    CString::new(path.as_os_str().as_bytes()).map_err(|_| io::ErrorKind::InvalidInput.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A forked child that holds a copy of the lock does not prolong it.
    #[test]
    fn a_copy_of_a_lock_does_not_keep_it() {
        let path = std::env::temp_dir().join(format!("vdi-lock-{}", std::process::id()));
        ensure(&path).unwrap();
        let directory = Directory::open(&path).unwrap();
        let lock = directory.try_lock().unwrap().unwrap();
        let copy = lock.0.try_clone().unwrap();
        assert!(directory.try_lock().unwrap().is_none());
        drop(lock);
        assert!(directory.try_lock().unwrap().is_some());
        drop(copy);
        std::fs::remove_dir(&path).unwrap();
    }
}
