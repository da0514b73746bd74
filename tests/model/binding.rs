//! The C interface, declared as a C program sees it in `include/vdi.h`.

use std::ffi::{CStr, c_char, c_void};
use std::ptr::null;
// Links the library, whose functions are called by their C names only.
use vdi as _;

/// Opaque; a handle is only passed on.
pub(crate) type Handle = *mut c_void;

#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct VdConfig {
    pub(crate) device_count: u32,
    pub(crate) features: u32,
    pub(crate) prefix_zone_size: u32,
    pub(crate) alignment: u32,
    pub(crate) soft_file_mark_block_size: u32,
    pub(crate) eom_warning_size: u32,
    pub(crate) server_timeout: u32,
    pub(crate) block_size: u32,
    pub(crate) max_io_depth: u32,
    pub(crate) max_transfer_size: u32,
    pub(crate) buffer_area_size: u32,
}

#[repr(C)]
#[derive(Default)]
pub(crate) struct CreateOptions {
    pub(crate) size: u32,
    pub(crate) flags: u32,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) queue_capacity: u32,
    pub(crate) name_wait: u32,
    pub(crate) reserved: [u32; 4],
}

#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ServerParameters {
    pub(crate) size: u32,
    pub(crate) features: u32,
    pub(crate) block_size: u32,
    pub(crate) alignment: u32,
    pub(crate) max_transfer_size: u32,
    pub(crate) timeout: u32,
    pub(crate) reserved: [u32; 2],
}

#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct VdcCommand {
    pub(crate) code: i32,
    pub(crate) size: i32,
    pub(crate) position: i64,
    pub(crate) buffer: *mut u8,
}

pub(crate) type Routine = unsafe extern "C" fn(*mut VdsCommand);

#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct VdsCommand {
    pub(crate) code: i32,
    pub(crate) size: i32,
    pub(crate) in_position: i64,
    pub(crate) out_position: i64,
    pub(crate) buffer: *mut u8,
    pub(crate) routine: Option<Routine>,
    pub(crate) context: *mut c_void,
    pub(crate) completion_code: i32,
    pub(crate) bytes_transferred: i32,
}

// Safe are those that look at a handle or an address without following it, and write through valid
// references at most: the header promises it for any value.
unsafe extern "C" {
    safe fn vdi_result_name(result: i32) -> *const c_char;
    safe fn vdi_last_error_message() -> *const c_char;

    fn vdi_create(
        instance: *const c_char,
        name: *const c_char,
        config: *const VdConfig,
        options: *const CreateOptions,
        out_set: *mut Handle,
    ) -> i32;
    fn vdi_open_in_secondary(
        instance: *const c_char,
        name: *const c_char,
        out_set: *mut Handle,
    ) -> i32;
    pub(crate) safe fn vdi_get_configuration(
        set: Handle,
        timeout: u32,
        config: &mut VdConfig,
    ) -> i32;
    fn vdi_open_device(set: Handle, name: *const c_char, out_device: *mut Handle) -> i32;
    pub(crate) safe fn vdi_get_command(
        device: Handle,
        timeout: u32,
        out_command: &mut *const VdcCommand,
    ) -> i32;
    pub(crate) safe fn vdi_complete_command(
        device: Handle,
        command: *const VdcCommand,
        code: i32,
        bytes: u32,
        position: i64,
    ) -> i32;
    pub(crate) safe fn vdi_get_buffer_handle(
        set: Handle,
        buffer: *const u8,
        out_handle: &mut u32,
    ) -> i32;
    pub(crate) safe fn vdi_map_buffer_handle(set: Handle, handle: u32, out: &mut *mut u8) -> i32;
    fn vdi_signal_abort(set: Handle, reason: *const c_char) -> i32;
    fn vdi_abort_reason(set: Handle, out_code: *mut u32, text: *mut c_char, size: usize) -> i32;
    pub(crate) safe fn vdi_close(set: Handle) -> i32;

    fn vdi_server_open(
        instance: *const c_char,
        name: *const c_char,
        out_server: *mut Handle,
    ) -> i32;
    pub(crate) safe fn vdi_server_get_configuration(server: Handle, config: &mut VdConfig) -> i32;
    pub(crate) safe fn vdi_server_begin_configuration(
        server: Handle,
        parameters: &ServerParameters,
    ) -> i32;
    pub(crate) safe fn vdi_server_request_buffers(
        server: Handle,
        size: u32,
        alignment: u32,
        count: u32,
    ) -> i32;
    pub(crate) safe fn vdi_server_query_available_buffers(
        server: Handle,
        size: u32,
        alignment: u32,
        out_count: &mut u32,
    ) -> i32;
    pub(crate) safe fn vdi_server_end_configuration(server: Handle) -> i32;
    pub(crate) safe fn vdi_server_execute_completion_agent(server: Handle) -> i32;
    fn vdi_server_open_device(server: Handle, name: *const c_char, out_device: *mut Handle) -> i32;
    pub(crate) safe fn vdi_server_allocate_buffer(
        server: Handle,
        size: u32,
        alignment: u32,
        out_buffer: &mut *mut u8,
    ) -> i32;
    pub(crate) safe fn vdi_server_free_buffer(server: Handle, buffer: *mut u8, size: u32) -> i32;
    pub(crate) safe fn vdi_server_is_shared_buffer(server: Handle, buffer: *const u8) -> i32;
    pub(crate) fn vdi_server_send_command(device: Handle, command: *mut VdsCommand) -> i32;
    pub(crate) safe fn vdi_server_close_device(device: Handle) -> i32;
    fn vdi_server_signal_abort(server: Handle, reason: *const c_char) -> i32;
    fn vdi_server_abort_reason(
        server: Handle,
        out_code: *mut u32,
        text: *mut c_char,
        size: usize,
    ) -> i32;
    pub(crate) safe fn vdi_server_close(server: Handle) -> i32;
}

/// The functions below take names and texts; C strings are what they say.
pub(crate) fn create(
    name: &CStr,
    config: &VdConfig,
    options: &CreateOptions,
    out: &mut Handle,
) -> i32 {
    // SAFETY: valid strings and references.
    unsafe { vdi_create(null(), name.as_ptr(), config, options, out) }
}

pub(crate) fn open_in_secondary(name: &CStr, out: &mut Handle) -> i32 {
    // SAFETY: as above.
    unsafe { vdi_open_in_secondary(null(), name.as_ptr(), out) }
}

pub(crate) fn open_device(set: Handle, name: &CStr, out: &mut Handle) -> i32 {
    // SAFETY: as above.
    unsafe { vdi_open_device(set, name.as_ptr(), out) }
}

pub(crate) fn signal_abort(set: Handle) -> i32 {
    // SAFETY: no text.
    unsafe { vdi_signal_abort(set, null()) }
}

pub(crate) fn abort_reason(set: Handle, code: &mut u32, text: &mut [c_char]) -> i32 {
    // SAFETY: the text has that size.
    unsafe { vdi_abort_reason(set, code, text.as_mut_ptr(), text.len()) }
}

pub(crate) fn server_open(name: &CStr, out: &mut Handle) -> i32 {
    // SAFETY: as above.
    unsafe { vdi_server_open(null(), name.as_ptr(), out) }
}

pub(crate) fn server_open_device(server: Handle, name: &CStr, out: &mut Handle) -> i32 {
    // SAFETY: as above.
    unsafe { vdi_server_open_device(server, name.as_ptr(), out) }
}

pub(crate) fn server_signal_abort(server: Handle) -> i32 {
    // SAFETY: no text.
    unsafe { vdi_server_signal_abort(server, null()) }
}

pub(crate) fn server_abort_reason(server: Handle, code: &mut u32, text: &mut [c_char]) -> i32 {
    // SAFETY: the text has that size.
    unsafe { vdi_server_abort_reason(server, code, text.as_mut_ptr(), text.len()) }
}

/// The name of a result.
pub(crate) fn name_of(result: i32) -> String {
    // SAFETY: never null, and constant.
    let name = unsafe { CStr::from_ptr(vdi_result_name(result)) };
    name.to_string_lossy().into_owned()
}

pub(crate) fn last_error() -> String {
    // SAFETY: never null, and valid until the next call of this thread.
    let text = unsafe { CStr::from_ptr(vdi_last_error_message()) };
    text.to_string_lossy().into_owned()
}

/// The first byte of a buffer that the test has.
pub(crate) fn peek(address: *const u8) -> u8 {
    // SAFETY: the library gave the address to the test, which has not given it back.
    unsafe { address.read_volatile() }
}

/// Fills the bytes of a buffer that the test has.
pub(crate) fn fill(address: *mut u8, byte: u8, size: usize) {
    // SAFETY: as for `peek`, with the size that was asked for.
    unsafe { address.write_bytes(byte, size) };
}
