//! A descriptor in reserve.

use crate::sys::dir::Directory;
use std::io;
use std::sync::{Mutex, PoisonError};

/// A descriptor that is given up for the moment in which somebody must be told that there is no
/// other one left.
pub(super) struct Spare(Mutex<Option<Directory>>);

impl Spare {
    /// Takes a descriptor into reserve, a second one of this directory.
    pub(super) fn of(directory: &Directory) -> io::Result<Self> {
        Ok(Self(Mutex::new(Some(directory.try_clone()?))))
    }

    /// Runs `body` while the descriptor is free, and takes it back if nobody else was quicker;
    /// otherwise a later call does.
    pub(super) fn without<T>(&self, directory: &Directory, body: impl FnOnce() -> T) -> T {
        let mut spare = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        spare.take();
        let result = body();
        *spare = directory.try_clone().ok();
        result
    }
}
