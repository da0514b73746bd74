//! What the library says about itself: version, names of codes, the last error.
//!
//! Third chapter of `include/vdi.h`.

use super::boundary;
use super::types::vdi_result;
use crate::protocol::names;
use std::ffi::c_char;

/// The version of the library at run time: major << 16 | minor << 8 | patch.
///
/// Compare with VDI_VERSION_MAJOR and so on, which are those of the header.
#[unsafe(no_mangle)]
pub extern "C" fn vdi_version() -> u32 {
    boundary::VERSION
}

/// The name of a result code.
///
/// @param result  Any value.
/// @return The name, such as "VD_E_TIMEOUT"; "unknown result" for a value without a name. Never
///         null; a constant that lives as long as the library.
#[unsafe(no_mangle)]
pub extern "C" fn vdi_result_name(result: vdi_result) -> *const c_char {
    names::result(result).as_ptr()
}

/// The name of a command code.
///
/// @param command_code  Any value.
/// @return The name, such as "VDC_Flush"; "unknown command" for a value without a name. Never
///         null; a constant that lives as long as the library.
#[unsafe(no_mangle)]
pub extern "C" fn vdi_command_name(command_code: i32) -> *const c_char {
    names::command(command_code).as_ptr()
}

/// What the last failing call on this thread complained about, in English.
///
/// The text begins with the name of the function and names the parameter or object at fault. It is
/// meant for logs; decide by result codes.
///
/// @return The text; "" if no call on this thread failed. Never null. It belongs to the library and
///         is valid on this thread until the next call that fails.
#[unsafe(no_mangle)]
pub extern "C" fn vdi_last_error_message() -> *const c_char {
    boundary::last_error_message()
}
