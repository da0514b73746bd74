//! What the library's `sync` has, from the model checker.

mod futex;
mod once;

#[cfg(feature = "loom")]
mod checker {
    pub(crate) use loom::cell::UnsafeCell;
    pub(crate) use loom::lazy_static;
    pub(crate) use loom::sync::atomic::AtomicU64 as OwnAtomicU64;
    pub(crate) use loom::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
    pub(crate) use loom::sync::{Condvar, Mutex, MutexGuard, mpsc};

    /// Loom's, which does not know the word `const`.
    macro_rules! constant_thread_local {
        (static $name:ident: $type:ty = const { $value:expr };) => {
            loom::thread_local! {
                static $name: $type = $value;
            }
        };
    }
    pub(crate) use constant_thread_local as thread_local;

    lazy_static! {
        /// Fences so far.
        static ref FENCES: AtomicU32 = AtomicU32::new(0);
    }

    /// Loom's, at which it does not look for another order; at a change of a word it does. The change
    /// makes nothing visible.
    pub(crate) fn fence(order: Ordering) {
        FENCES.fetch_add(1, Ordering::Relaxed);
        loom::sync::atomic::fence(order);
    }

    /// Makes what all threads share before there are threads: it would be made visible by its making.
    pub(super) fn prepare() {
        FENCES.load(Ordering::Relaxed);
    }

    pub(crate) mod thread {
        pub(crate) use loom::thread::*;

        pub(crate) fn sleep(_time: std::time::Duration) {
            yield_now();
        }
    }
}

#[cfg(feature = "shuttle")]
mod checker {
    pub(crate) use shuttle::sync::atomic::{
        AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence,
    };
    pub(crate) use shuttle::sync::{Condvar, Mutex, MutexGuard, mpsc};
    pub(crate) use shuttle::{lazy_static, thread, thread_local};
}

#[cfg(feature = "shuttle")]
pub(crate) use cell::UnsafeCell;
pub(crate) use checker::*;
pub(crate) use futex::{FUTEX_WORDS, futex_wait, futex_wait_any, futex_wake, futex_wake_one};
pub(crate) use once::OnceCell;
pub(crate) use std::sync::PoisonError;

/// Makes what all threads of a run share.
#[cfg(feature = "loom")]
pub(crate) fn prepare() {
    checker::prepare();
    futex::prepare();
}

#[cfg(feature = "shuttle")]
mod cell {
    /// A value that is not checked for races: shuttle knows no weak memory.
    pub(crate) struct UnsafeCell<T>(std::cell::UnsafeCell<T>);

    impl<T> UnsafeCell<T> {
        pub(crate) fn new(value: T) -> Self {
            Self(std::cell::UnsafeCell::new(value))
        }

        pub(crate) fn with<R>(&self, look: impl FnOnce(*const T) -> R) -> R {
            look(self.0.get())
        }

        pub(crate) fn with_mut<R>(&self, change: impl FnOnce(*mut T) -> R) -> R {
            change(self.0.get())
        }
    }
}
