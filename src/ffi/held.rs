//! Objects during a call, and what a panic does to them.

use super::slots::Hold;
use crate::client;
use crate::server;
use std::ops::Deref;
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
pub(super) struct Held<T: Poison + 'static> {
    hold: Hold<'static, T>,
    was_panicking: bool,
}

impl<T: Poison> Held<T> {
    pub(super) fn new(hold: Hold<'static, T>) -> Self {
        Self {
            hold,
            was_panicking: thread::panicking(),
        }
    }
}

impl<T: Poison> Deref for Held<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.hold
    }
}

impl<T: Poison> Drop for Held<T> {
    fn drop(&mut self) {
        if thread::panicking() && !self.was_panicking {
            self.poison();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::slots::Slots;
    use super::*;
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::atomic::{AtomicBool, Ordering};

    #[derive(Default)]
    struct Object(AtomicBool);

    impl Poison for Object {
        fn poison(&self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }

    fn hold(slots: &'static Slots<Object>) -> Held<Object> {
        Held::new(slots.hold(0, 1).unwrap())
    }

    /// Holds an object during a call when a panic comes from somewhere else.
    struct HeldByCleaning(&'static Slots<Object>);

    impl Drop for HeldByCleaning {
        fn drop(&mut self) {
            drop(hold(self.0));
        }
    }

    #[test]
    fn only_a_panic_inside_the_call_aborts_the_set() {
        let slots: &Slots<_> = Box::leak(Box::new(Slots::new()));
        let place = slots.reserve().unwrap();
        place.fill(1, 0, Object::default());
        let is_poisoned = || hold(slots).0.load(Ordering::Relaxed);
        assert!(!is_poisoned());
        let elsewhere = catch_unwind(AssertUnwindSafe(|| {
            let _cleaning = HeldByCleaning(slots);
            panic!("a test");
        }));
        assert!(elsewhere.is_err() && !is_poisoned());
        let inside = catch_unwind(AssertUnwindSafe(|| {
            let _held = hold(slots);
            panic!("a test");
        }));
        assert!(inside.is_err() && is_poisoned());
    }
}
