//! The server's buffers.
//!
//! Seventh chapter of `include/vdi.h`.

use super::arg::Out;
use super::boundary::{guard, guard_with_room};
use super::handle;
use super::types::{vdi_result, vdi_server};
use std::ffi::c_void;
use std::ptr;

/// Declares that `count` buffers of `size` bytes will be allocated later. [SSET-REQBUF-01]
///
/// During the configuration the requests are added up, and vdi_server_end_configuration() gets the
/// memory for all of them; afterwards every call gets its memory at once. [SSET-REQBUF-03]
///
/// @param server     The set.
/// @param size       Bytes of the data zone of one buffer, 1 to INT32_MAX. [BUF-07]
/// @param alignment  0 for the alignment of the set, else a power of two up to VDI_MAX_ALIGNMENT.
///                   The set's alignment is the minimum. [SSET-REQBUF-02, CFG-64]
/// @param count      Number of buffers, at least 1.
/// @return NOERROR;
///         VD_E_INVALID for a size, alignment or count out of range, or a sum that overflows;
///         [AMB-28]
///         VD_E_MEMORY if the memory cannot be had, or after the configuration for the 512th time;
///         what was there before is unchanged;
///         VD_E_UNEXPECTED for other errors of the operating system, likewise;
///         VD_E_PROTOCOL before vdi_server_begin_configuration() or after the normal end;
///         VD_E_ABORT if the set is aborted.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn vdi_server_request_buffers(
    server: *mut vdi_server,
    size: u32,
    alignment: u32,
    count: u32,
) -> vdi_result {
    guard_with_room("vdi_server_request_buffers", || {
        let server = handle::servers().get(server)?;
        server.request_buffers(size, alignment, count)
    })
}

/// Tells how many more buffers of a size and alignment vdi_server_allocate_buffer() could return;
/// before the end of the configuration, how many the requests so far cover. [AMB-22]
///
/// @param server     The set.
/// @param size       As in vdi_server_request_buffers().
/// @param alignment  As in vdi_server_request_buffers().
/// @param out_count  Receives the count; 0 on failure.
/// @return NOERROR;
///         VD_E_INVALID for a size or alignment out of range, or a null `out_count`;
///         VD_E_PROTOCOL before vdi_server_begin_configuration() or after the normal end;
///         VD_E_ABORT if the set is aborted.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn vdi_server_query_available_buffers(
    server: *mut vdi_server,
    size: u32,
    alignment: u32,
    out_count: *mut u32,
) -> vdi_result {
    guard("vdi_server_query_available_buffers", || {
        // SAFETY: module contract.
        let out = unsafe { Out::new("out_count", out_count, 0) }?;
        let server = handle::servers().get(server)?;
        out.set(server.query_available_buffers(size, alignment)?);
        Ok(())
    })
}

/// Allocates a shared buffer.
///
/// @param server      The set.
/// @param size        Bytes of the data zone. A buffer of at least this size and alignment must have
///                    been requested. [BUF-12]
/// @param alignment   As in vdi_server_request_buffers(). The same alignment holds in every client
///                    process. [SSET-ALLOC-02]
/// @param out_buffer  Receives the start of the data zone; null on failure. The client's prefix
///                    zone lies before it and is not the server's to touch. [SSET-ALLOC-01]
/// @return NOERROR;
///         VD_E_MEMORY if no such buffer is left, or no memory for the call; [SSET-ALLOC-03]
///         VD_E_INVALID for a size or alignment out of range, or a null `out_buffer`;
///         VD_E_PROTOCOL before the end of the configuration or after the normal end;
///         VD_E_ABORT if the set is aborted.
///
/// Does not block. [SSET-ALLOC-04] Give the buffer back with vdi_server_free_buffer(), or let
/// vdi_server_close() do it. Which bytes it holds is not defined.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn vdi_server_allocate_buffer(
    server: *mut vdi_server,
    size: u32,
    alignment: u32,
    out_buffer: *mut *mut c_void,
) -> vdi_result {
    guard_with_room("vdi_server_allocate_buffer", || {
        // SAFETY: module contract.
        let out = unsafe { Out::new("out_buffer", out_buffer, ptr::null_mut()) }?;
        let server = handle::servers().get(server)?;
        out.set(server.allocate_buffer(size, alignment)?.as_ptr().cast());
        Ok(())
    })
}

/// Gives a buffer back.
///
/// @param server  The set.
/// @param buffer  The address from vdi_server_allocate_buffer().
/// @param size    The size given there. [SSET-FREE-01]
/// @return NOERROR, also after an abort or the normal end; [AMB-07]
///         VD_E_INVALID if `buffer` is not allocated, the size differs, or a command with this
///         buffer is outstanding; [SSET-FREE-02, SSET-FREE-03]
///         VD_E_PROTOCOL if the set is not open, or its configuration has not ended.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vdi_server_free_buffer(
    server: *mut vdi_server,
    buffer: *mut c_void,
    size: u32,
) -> vdi_result {
    guard("vdi_server_free_buffer", || {
        let server = handle::servers().get(server)?;
        server.free_buffer(buffer.addr(), size)
    })
}

/// Tells whether an address belongs to the data zone of an allocated shared buffer of the set.
/// [SSET-SHARED-01]
///
/// @param server  The set; a handle that is not open has no buffers.
/// @param buffer  Any address; it is not read.
/// @return 1 if it is, 0 if not. These are truth values, not result codes.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn vdi_server_is_shared_buffer(
    server: *mut vdi_server,
    buffer: *const c_void,
) -> i32 {
    let mut shared = false;
    // A handle that is not open is an answer here, not an error worth a result.
    let _ = guard("vdi_server_is_shared_buffer", || {
        shared = handle::servers()
            .get(server)?
            .is_shared_buffer(buffer.addr());
        Ok(())
    });
    i32::from(shared)
}
