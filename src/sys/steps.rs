//! Atomic words that say when they are about to be written.
//!
//! Only in a build with `--cfg vdi_steps`. The test program defines `vdi_step`, and may end the
//! process there: between any two writes, and so at every step that another process can see.

use std::fmt;
use std::sync::atomic::{self, Ordering};

unsafe extern "C" {
    /// Defined by the test program.
    safe fn vdi_step();
}

macro_rules! word {
    ($name:ident $(<$of:ident>)?, $value:ty) => {
        /// A word like that of the standard library, in the same place.
        #[derive(Default)]
        #[repr(transparent)]
        pub(crate) struct $name $(<$of>)? (atomic::$name $(<$of>)?);

        #[allow(dead_code, reason = "the words have the same methods, not the same uses")]
        impl $(<$of>)? $name $(<$of>)? {
            pub(crate) const fn new(value: $value) -> Self {
                Self(atomic::$name::new(value))
            }

            pub(crate) fn load(&self, order: Ordering) -> $value {
                self.0.load(order)
            }

            pub(crate) fn store(&self, value: $value, order: Ordering) {
                vdi_step();
                self.0.store(value, order);
            }

            pub(crate) fn swap(&self, value: $value, order: Ordering) -> $value {
                vdi_step();
                self.0.swap(value, order)
            }

            pub(crate) fn compare_exchange(
                &self,
                current: $value,
                new: $value,
                success: Ordering,
                failure: Ordering,
            ) -> Result<$value, $value> {
                vdi_step();
                self.0.compare_exchange(current, new, success, failure)
            }
        }

        impl $(<$of>)? fmt::Debug for $name $(<$of>)? {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

macro_rules! number {
    ($name:ident, $value:ty) => {
        word!($name, $value);

        #[allow(dead_code, reason = "as above")]
        impl $name {
            pub(crate) const fn as_ptr(&self) -> *mut $value {
                self.0.as_ptr()
            }

            pub(crate) fn fetch_add(&self, value: $value, order: Ordering) -> $value {
                vdi_step();
                self.0.fetch_add(value, order)
            }

            pub(crate) fn fetch_sub(&self, value: $value, order: Ordering) -> $value {
                vdi_step();
                self.0.fetch_sub(value, order)
            }

            pub(crate) fn fetch_or(&self, value: $value, order: Ordering) -> $value {
                vdi_step();
                self.0.fetch_or(value, order)
            }
        }
    };
}

word!(AtomicBool, bool);
word!(AtomicPtr<T>, *mut T);
number!(AtomicU32, u32);
number!(AtomicU64, u64);
number!(AtomicUsize, usize);
