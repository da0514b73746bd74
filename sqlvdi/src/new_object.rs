//! Objects that this library makes, and the program deletes. [AMB-33]
//!
//! They come from the program's own `operator new`, looked up by name: it may be one of its own, or
//! that of a C++ library, which this one is not linked with.

use crate::object::Object;
use std::ffi::{CStr, c_void};
use std::mem::{ManuallyDrop, transmute};
use std::ptr::NonNull;

// A program with the C++ library inside exports its operators only if a library that it is linked with
// asks for them. Nothing reads the table: it keeps the question.
std::arch::global_asm!(
    ".weak _Znwm",
    ".weak _ZnwmRKSt9nothrow_t",
    ".weak _ZdlPv",
    ".pushsection .data.rel.ro.sqlvdi_operators, \"awR\"",
    ".balign 8",
    ".8byte _Znwm",
    ".8byte _ZnwmRKSt9nothrow_t",
    ".8byte _ZdlPv",
    ".popsection",
);

const SIZE: usize = size_of::<usize>();

type New = unsafe extern "C" fn(usize) -> *mut c_void;
type NewNothrow = unsafe extern "C" fn(usize, *const u8) -> *mut c_void;
type Delete = unsafe extern "C" fn(*mut c_void);

/// An object that the program has not seen, and that goes if the program does not get it.
pub(crate) struct NewObject<H> {
    object: NonNull<Object<H>>,
    /// What frees that kind of memory, if it is known.
    delete: Option<Delete>,
}

impl<H> NewObject<H> {
    /// A new object, as `new` of the program makes it; `None` if there is no memory. The caller has seen
    /// that there is room: the program's operator may have no other answer than to throw.
    pub(crate) fn make() -> Option<Self> {
        let (memory, delete) = allocate();
        let object = NonNull::new(memory.cast())?;
        // SAFETY: new, of the right size, and aligned for any type of that size.
        unsafe { object.write(Object::new()) };
        Some(Self { object, delete })
    }

    /// Hands the object, with a handle in it, to the program.
    pub(crate) fn give(self, handle: *mut H) -> *mut Object<H> {
        let object = ManuallyDrop::new(self).object;
        // SAFETY: made by make(), and nobody has deleted it.
        unsafe { object.as_ref() }.set(handle);
        object.as_ptr()
    }
}

impl<H> Drop for NewObject<H> {
    fn drop(&mut self) {
        if let Some(delete) = self.delete {
            // SAFETY: the memory came with this function, and the program has not seen it.
            unsafe { delete(self.object.as_ptr().cast()) }
        }
    }
}

/// Memory of an object, or null, and what frees it. An operator new without a known delete is still the
/// one that the program's delete belongs to; then the few bytes of a failed call are lost.
fn allocate() -> (*mut c_void, Option<Delete>) {
    if let Some(function) = function(c"_ZnwmRKSt9nothrow_t") {
        // SAFETY: operator new(unsigned long, std::nothrow_t const&) has this signature.
        let operator_new = unsafe { transmute::<NonNull<c_void>, NewNothrow>(function) };
        // Its second argument has no members.
        let nothrow = 0_u8;
        // SAFETY: allocates, and throws nothing.
        return (unsafe { operator_new(SIZE, &raw const nothrow) }, delete());
    }
    if let Some(function) = function(c"_Znwm") {
        // SAFETY: operator new(unsigned long) has this signature.
        let operator_new = unsafe { transmute::<NonNull<c_void>, New>(function) };
        // SAFETY: allocates; it throws only without memory, and there was some.
        return (unsafe { operator_new(SIZE) }, delete());
    }
    // SAFETY: allocates.
    (unsafe { libc::malloc(SIZE) }, Some(libc::free))
}

fn delete() -> Option<Delete> {
    // SAFETY: operator delete(void*) has this signature.
    function(c"_ZdlPv").map(|function| unsafe { transmute::<NonNull<c_void>, Delete>(function) })
}

/// The function of that name that the program uses.
fn function(name: &CStr) -> Option<NonNull<c_void>> {
    // SAFETY: looks a name up in the objects that are loaded.
    NonNull::new(unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) })
}
