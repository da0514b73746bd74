//! The C interface, declared as `include/vdi.h` declares it: with pointers that may be anything.

use std::ffi::{CStr, c_char, c_void};
// Links the library, whose functions are called by their C names only.
use vdi as _;

/// Opaque; a handle is only passed on.
pub(crate) type Handle = *mut c_void;

#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct VdConfig(pub(crate) [u32; 11]);

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
#[derive(Default)]
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

// Safe are those that follow no pointer: the header promises an answer for any handle and any address.
unsafe extern "C" {
    pub(crate) safe fn vdi_result_name(result: i32) -> *const c_char;
    pub(crate) safe fn vdi_command_name(code: i32) -> *const c_char;
    safe fn vdi_last_error_message() -> *const c_char;

    pub(crate) fn vdi_create(
        instance: *const c_char,
        name: *const c_char,
        config: *const VdConfig,
        options: *const CreateOptions,
        out_set: *mut Handle,
    ) -> i32;
    pub(crate) fn vdi_open_in_secondary(
        instance: *const c_char,
        name: *const c_char,
        out_set: *mut Handle,
    ) -> i32;
    pub(crate) fn vdi_get_configuration(set: Handle, timeout: u32, out: *mut VdConfig) -> i32;
    pub(crate) fn vdi_open_device(set: Handle, name: *const c_char, out: *mut Handle) -> i32;
    pub(crate) fn vdi_get_command(device: Handle, timeout: u32, out: *mut *const VdcCommand)
    -> i32;
    pub(crate) safe fn vdi_complete_command(
        device: Handle,
        command: *const VdcCommand,
        code: i32,
        bytes: u32,
        position: i64,
    ) -> i32;
    pub(crate) fn vdi_get_buffer_handle(set: Handle, buffer: *const u8, out: *mut u32) -> i32;
    pub(crate) fn vdi_map_buffer_handle(set: Handle, handle: u32, out: *mut *mut u8) -> i32;
    pub(crate) fn vdi_signal_abort(set: Handle, reason: *const c_char) -> i32;
    pub(crate) fn vdi_abort_reason(
        set: Handle,
        out_code: *mut u32,
        text: *mut c_char,
        size: usize,
    ) -> i32;
    pub(crate) fn vdi_lost_secondaries(set: Handle, out_count: *mut u32) -> i32;
    pub(crate) safe fn vdi_close(set: Handle) -> i32;

    pub(crate) fn vdi_server_open(
        instance: *const c_char,
        name: *const c_char,
        out_server: *mut Handle,
    ) -> i32;
    pub(crate) fn vdi_server_get_configuration(server: Handle, out: *mut VdConfig) -> i32;
    pub(crate) fn vdi_server_begin_configuration(
        server: Handle,
        parameters: *const ServerParameters,
    ) -> i32;
    pub(crate) safe fn vdi_server_request_buffers(
        server: Handle,
        size: u32,
        alignment: u32,
        count: u32,
    ) -> i32;
    pub(crate) fn vdi_server_query_available_buffers(
        server: Handle,
        size: u32,
        alignment: u32,
        out_count: *mut u32,
    ) -> i32;
    pub(crate) safe fn vdi_server_end_configuration(server: Handle) -> i32;
    pub(crate) safe fn vdi_server_execute_completion_agent(server: Handle) -> i32;
    pub(crate) fn vdi_server_open_device(
        server: Handle,
        name: *const c_char,
        out: *mut Handle,
    ) -> i32;
    pub(crate) fn vdi_server_allocate_buffer(
        server: Handle,
        size: u32,
        alignment: u32,
        out: *mut *mut u8,
    ) -> i32;
    pub(crate) safe fn vdi_server_free_buffer(server: Handle, buffer: *mut u8, size: u32) -> i32;
    pub(crate) safe fn vdi_server_is_shared_buffer(server: Handle, buffer: *const u8) -> i32;
    pub(crate) fn vdi_server_send_command(device: Handle, command: *mut VdsCommand) -> i32;
    pub(crate) safe fn vdi_server_close_device(device: Handle) -> i32;
    pub(crate) fn vdi_server_signal_abort(server: Handle, reason: *const c_char) -> i32;
    pub(crate) fn vdi_server_abort_reason(
        server: Handle,
        out_code: *mut u32,
        text: *mut c_char,
        size: usize,
    ) -> i32;
    pub(crate) safe fn vdi_server_close(server: Handle) -> i32;
}

/// A string that the library gave: never null, valid until the next call of this thread.
pub(crate) fn text_at(pointer: *const c_char) -> String {
    assert!(!pointer.is_null());
    // SAFETY: as above.
    let text = unsafe { CStr::from_ptr(pointer) };
    text.to_string_lossy().into_owned()
}

pub(crate) fn last_error() -> String {
    text_at(vdi_last_error_message())
}
