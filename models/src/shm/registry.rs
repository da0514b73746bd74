//! Which memory is behind a descriptor.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixDatagram;
use std::sync::{LazyLock, Mutex, Weak};

/// Memory by the inode of its descriptor. Of the tests, not of the model: no thread of a model waits here.
pub(super) struct Registry<T>(LazyLock<Mutex<HashMap<u64, Weak<T>>>>);

impl<T> Registry<T> {
    pub(super) const fn new() -> Self {
        Self(LazyLock::new(Mutex::default))
    }

    /// Gives memory a descriptor.
    pub(super) fn add(&self, memory: Weak<T>) -> io::Result<OwnedFd> {
        // Any file will do that is of no other.
        let fd = OwnedFd::from(UnixDatagram::unbound()?);
        let mut known = self.0.lock().unwrap();
        known.retain(|_, memory| memory.strong_count() > 0);
        known.insert(inode(OwnedFd::try_clone(&fd)?)?, memory);
        Ok(fd)
    }

    pub(super) fn find(&self, fd: BorrowedFd<'_>) -> io::Result<std::sync::Arc<T>> {
        let inode = inode(fd.try_clone_to_owned()?)?;
        let found = self.0.lock().unwrap().get(&inode).and_then(Weak::upgrade);
        found.ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

fn inode(fd: OwnedFd) -> io::Result<u64> {
    Ok(File::from(fd).metadata()?.ino())
}
