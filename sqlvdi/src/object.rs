//! The objects of the program: eight bytes each, which hold a handle of `vdi`.

use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

/// An object of one of the classes. `H` tells which handle is in it. [LNX-04]
#[repr(transparent)]
pub(crate) struct Object<H>(AtomicPtr<H>);

const _: () = assert!(size_of::<Object<u8>>() == 8 && align_of::<Object<u8>>() == 8);

impl<H> Object<H> {
    /// An object that has nothing open.
    pub(crate) fn new() -> Self {
        Self(AtomicPtr::new(ptr::null_mut()))
    }

    /// The object at an address; `None` if it can be none.
    ///
    /// # Safety
    ///
    /// `this` is null, or valid for reads and writes of eight bytes for the life of the result.
    pub(crate) unsafe fn at<'a>(this: *const Self) -> Option<&'a Self> {
        if !this.is_aligned() {
            return None;
        }
        // SAFETY: null or valid by contract, aligned, and any eight bytes are an object.
        unsafe { this.as_ref() }
    }

    /// The handle in the object at an address; null, which is never open, if it can be none.
    ///
    /// # Safety
    ///
    /// As for [`Object::at`].
    pub(crate) unsafe fn handle_at(this: *const Self) -> *mut H {
        // SAFETY: as for this function.
        unsafe { Self::at(this) }.map_or(ptr::null_mut(), Self::handle)
    }

    /// The handle, or whatever is there if no constructor has run.
    pub(crate) fn handle(&self) -> *mut H {
        self.0.load(Ordering::Acquire)
    }

    /// Puts a handle into the object.
    pub(crate) fn set(&self, handle: *mut H) {
        self.0.store(handle, Ordering::Release);
    }

    /// Puts a handle in the place of another one; `false` if another thread was faster.
    pub(crate) fn replace(&self, before: *mut H, handle: *mut H) -> bool {
        let (new, old) = (Ordering::AcqRel, Ordering::Acquire);
        self.0.compare_exchange(before, handle, new, old).is_ok()
    }
}
