//! Objects during a call, and what a panic does to them.

use crate::client;
use crate::server;
use std::ops::Deref;
use std::sync::Arc;
use std::thread;

/// An object that a panic may have left half changed.
pub(super) trait Poison {
    /// Aborts the set that it belongs to.
    fn poison(&self);
}

impl Poison for client::Set {
    fn poison(&self) {
        client::Set::poison(self);
    }
}

impl Poison for server::Set {
    fn poison(&self) {
        server::Set::poison(self);
    }
}

impl Poison for server::Device {
    fn poison(&self) {
        server::Device::poison(self);
    }
}

/// An object during a call. A panic inside the call aborts the set: memory that other processes
/// see may be half written.
pub(super) struct Held<T: Poison> {
    object: Arc<T>,
    was_panicking: bool,
}

impl<T: Poison> Held<T> {
    pub(super) fn new(object: Arc<T>) -> Self {
        Self {
            object,
            was_panicking: thread::panicking(),
        }
    }
}

impl<T: Poison> Deref for Held<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.object
    }
}

impl<T: Poison> Drop for Held<T> {
    fn drop(&mut self) {
        if thread::panicking() && !self.was_panicking {
            self.object.poison();
        }
    }
}
