//! The C interface.
//!
//! Every exported function has the same shape: check the output parameters, look up the handle,
//! call the safe core, store the result. `boundary::guard` wraps that shape and turns errors and
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
mod drop_in;
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

// For `sqlvdi`, which presents the client's half of this interface as C++ classes.
pub use client_device::{vdi_complete_command, vdi_get_command};
pub use client_set::{
    vdi_close, vdi_create, vdi_get_buffer_handle, vdi_get_configuration, vdi_map_buffer_handle,
    vdi_open_device, vdi_open_in_secondary, vdi_signal_abort,
};
pub use drop_in::{
    Facts, device_facts, has_room, is_open, last_error, result_name, run_exported, set_facts,
    variable,
};
pub use types::{VDC_Command, VDConfig, vdi_create_options, vdi_device, vdi_result, vdi_set};
