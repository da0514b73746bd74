//! The objects of the program: eight bytes each, which hold a handle of `vdi`.

use std::ffi::{CStr, c_void};
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

/// An object of one of the classes. `H` tells which handle is in it. [LNX-04]
#[repr(transparent)]
pub(crate) struct Object<H>(AtomicPtr<H>);

const _: () = assert!(size_of::<Object<u8>>() == 8 && align_of::<Object<u8>>() == 8);

impl<H> Object<H> {
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

/// A new object, as `new` of the program makes it, so that `delete` of the program can free it; null
/// if there is no memory. [AMB-33]
pub(crate) fn new_object<H>() -> *mut Object<H> {
    const SIZE: usize = size_of::<usize>();
    let object = match function(c"_ZnwmRKSt9nothrow_t") {
        Some(operator_new) => {
            // SAFETY: operator new(unsigned long, std::nothrow_t const&) has this signature.
            let operator_new: unsafe extern "C" fn(usize, *const u8) -> *mut c_void =
                unsafe { std::mem::transmute(operator_new) };
            // Its second argument has no members.
            let nothrow = 0_u8;
            // SAFETY: allocates, and throws nothing.
            unsafe { operator_new(SIZE, &raw const nothrow) }
        }
        // SAFETY: allocates.
        None => unsafe { libc::malloc(SIZE) },
    };
    let object: *mut Object<H> = object.cast();
    // SAFETY: null, or new and of the right size.
    if let Some(object) = unsafe { Object::at(object) } {
        object.set(ptr::null_mut());
    }
    object
}

/// Frees an object that the program has not seen, as `delete` of the program would.
///
/// # Safety
///
/// `object` is from [`new_object`] and not used again.
pub(crate) unsafe fn delete_object<H>(object: *mut Object<H>) {
    match function(c"_ZdlPv") {
        Some(operator_delete) => {
            // SAFETY: operator delete(void*) has this signature.
            let operator_delete: unsafe extern "C" fn(*mut c_void) =
                unsafe { std::mem::transmute(operator_delete) };
            // SAFETY: from the operator new that belongs to it, by contract.
            unsafe { operator_delete(object.cast()) }
        }
        // SAFETY: from malloc, by contract.
        None => unsafe { libc::free(object.cast()) },
    }
}

/// The function of that name that the program uses. A program in C++ has its own `operator new`, or
/// that of its C++ library, which this one is not linked with; without any it has `malloc`.
fn function(name: &CStr) -> Option<ptr::NonNull<c_void>> {
    // SAFETY: looks a name up in the objects that are loaded.
    ptr::NonNull::new(unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) })
}
