//! The C interface.
//!
//! Every exported function has the same shape: check the output parameters, look up the handle,
//! call the safe core, store the result. [`boundary::guard`] wraps that shape and turns errors and
//! panics into result codes. Logic lives elsewhere.
//!
//! # Safety
//!
//! One contract holds for all functions, so it is stated here and not repeated: every pointer
//! argument is null, or valid for the documented access until the call returns. Handles need no
//! promise; they are looked up, never dereferenced.
#![allow(unsafe_code, reason = "the C boundary follows the caller's pointers")]
#![allow(
    clippy::missing_safety_doc,
    reason = "stated once in the module documentation"
)]
#![allow(
    unreachable_pub,
    reason = "exported by name, whatever the path says to Rust"
)]

mod arg;
mod boundary;
mod client_device;
mod client_set;
mod handle;
mod held;
mod info;
mod routine;
mod server_buffer;
mod server_device;
mod server_set;
mod slots;
mod types;
mod views;
