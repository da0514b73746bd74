//! How the bare ring sleeps and wakes.

use super::ring::Bell;
use crate::os;
use crate::shared::{Shared, Zeroed};
use crate::side::{Apart, Role};
use std::cell::UnsafeCell;
use std::hint;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// Never sleeps.
pub struct Spin;

impl Bell for Spin {
    type Shared = ();
    const BATCHED: bool = true;

    fn new() -> io::Result<()> {
        Ok(())
    }

    fn end((): &(), _: Role) -> Self {
        Self
    }

    #[inline]
    fn ring(&mut self, _: u64) {}

    #[inline]
    fn wait(&mut self, ready: impl Fn() -> bool) {
        while !ready() {
            hint::spin_loop();
        }
    }
}

/// A semaphore for each direction, by the role of the waiter; a post for each message.
pub struct Semaphores([Apart<UnsafeCell<libc::sem_t>>; 2]);

// SAFETY: semaphores are made to be shared.
unsafe impl Sync for Semaphores {}
// SAFETY: `new` initialises them before anybody else sees them.
unsafe impl Zeroed for Semaphores {}

/// POSIX semaphores in shared memory.
pub struct Semaphore {
    all: Arc<Shared<Semaphores>>,
    own: usize,
}

impl Bell for Semaphore {
    type Shared = Arc<Shared<Semaphores>>;
    const BATCHED: bool = false;

    fn new() -> io::Result<Self::Shared> {
        let all = Shared::<Semaphores>::new()?;
        for one in &all.0 {
            // SAFETY: in shared memory, used by nobody yet.
            os::check(unsafe { libc::sem_init(one.0.get(), 1, 0) }.into())?;
        }
        Ok(Arc::new(all))
    }

    fn end(shared: &Self::Shared, role: Role) -> Self {
        Self {
            all: Arc::clone(shared),
            own: role as usize,
        }
    }

    fn ring(&mut self, messages: u64) {
        for _ in 0..messages {
            // SAFETY: initialised by `new`.
            unsafe { libc::sem_post(self.all.0[1 - self.own].0.get()) };
        }
    }

    fn wait(&mut self, _: impl Fn() -> bool) {
        // SAFETY: initialised by `new`.
        while unsafe { libc::sem_wait(self.all.0[self.own].0.get()) } != 0 {}
    }
}

/// An eventfd for each direction, by the role of the waiter.
pub struct Eventfd {
    all: Arc<[OwnedFd; 2]>,
    own: usize,
}

impl Bell for Eventfd {
    type Shared = Arc<[OwnedFd; 2]>;
    const BATCHED: bool = false;

    fn new() -> io::Result<Self::Shared> {
        Ok(Arc::new([os::eventfd()?, os::eventfd()?]))
    }

    fn end(shared: &Self::Shared, role: Role) -> Self {
        Self {
            all: Arc::clone(shared),
            own: role as usize,
        }
    }

    fn ring(&mut self, messages: u64) {
        os::write_all(&self.all[1 - self.own], &messages.to_ne_bytes());
    }

    fn wait(&mut self, ready: impl Fn() -> bool) {
        while !ready() {
            let mut count = [0; 8];
            os::read_all(&self.all[self.own], &mut count);
        }
    }
}

/// A word for each direction, by the role of the waiter: whether it may be asleep.
pub struct Flags([Apart<AtomicU32>; 2]);

// SAFETY: all atomics.
unsafe impl Zeroed for Flags {}

/// Sleeps on a futex; wakes only those that say that they sleep.
pub struct Futex {
    all: Arc<Shared<Flags>>,
    own: usize,
}

impl Bell for Futex {
    type Shared = Arc<Shared<Flags>>;
    const BATCHED: bool = true;

    fn new() -> io::Result<Self::Shared> {
        Ok(Arc::new(Shared::new()?))
    }

    fn end(shared: &Self::Shared, role: Role) -> Self {
        Self {
            all: Arc::clone(shared),
            own: role as usize,
        }
    }

    fn ring(&mut self, _: u64) {
        let flag = &self.all.0[1 - self.own].0;
        std::sync::atomic::fence(Ordering::SeqCst);
        if flag.load(Ordering::Relaxed) != 0 && flag.swap(0, Ordering::Relaxed) != 0 {
            os::futex_wake(flag);
        }
    }

    fn wait(&mut self, ready: impl Fn() -> bool) {
        let flag = &self.all.0[self.own].0;
        while !ready() {
            flag.store(1, Ordering::Relaxed);
            std::sync::atomic::fence(Ordering::SeqCst);
            if ready() {
                return;
            }
            os::futex_wait(flag, 1);
        }
    }
}
