//! `libsqlvdi.so`: the client classes that programs for SQL Server on Linux are written against.
//!
//! Each member function is a symbol of the C++ classes `ClientVirtualDeviceSet` and
//! `ClientVirtualDevice` (specification, section 26) and thin over the function of `vdi` that does
//! the same. An object is eight bytes of the program's memory. They hold a handle of `vdi`, which is
//! looked up and never followed; so an object may be copied, moved, destroyed twice, or be no object
//! at all, and the worst that follows is `VD_E_PROTOCOL`. What the functions do is written in
//! `sqlvdi/include/vdi.h`.
//!
//! # Safety
//!
//! One contract holds for all exported functions, so it is stated here and not repeated: every
//! pointer argument, `this` included, is null, or valid for the documented access until the call
//! returns. Nothing is promised about the eight bytes of an object.

mod call;
mod device;
mod device_set;
mod environment;
mod log;
mod new_object;
mod object;
mod pipe;
mod place;
mod said;
mod time;
mod timeout;
