//! The client's device.
//!
//! Fifth chapter of `include/vdi.h`.

use super::arg::{self, Out};
use super::boundary::guard_the_quick;
use super::handle;
use super::types::{VDC_Command, vdi_device, vdi_result};
use crate::protocol::command::Completion;
use std::ptr;

/// Fetches the next command of a device, waiting for one if needed.
///
/// Commands come in the order in which the server sent them; several may be fetched before any is
/// completed. [CDEV-GETCMD-08, CDEV-GETCMD-09] Each must be completed with vdi_complete_command().
///
/// @param device       The device.
/// @param timeout_ms   Milliseconds to wait, at most 2147483647; 0 polls; VDI_INFINITE, as every
///                     value that is negative as an int32_t, waits for ever. [AMB-42]
/// @param out_command  Receives the command; null on failure. [CDEV-GETCMD-12]
/// @return NOERROR;
///         VD_E_TIMEOUT if none came in time; nothing has changed; [CDEV-GETCMD-03]
///         VD_E_CLOSE if the server has closed the device and every command is completed: the
///         normal end; [CDEV-GETCMD-04]
///         VD_E_ABORT if the set is aborted, also during the wait; [CDEV-GETCMD-05]
///         VD_E_PROTOCOL if the device is not open, or VD_E_CLOSE was returned before;
///         [CDEV-GETCMD-06]
///         VD_E_UNEXPECTED if it meets something impossible in the shared memory; the set is then
///         aborted; [AMB-31]
///         VD_E_BUSY if another thread is waiting in this call for the same device; [AMB-31]
///         VD_E_INVALID if `out_command` is null. [AMB-43]
///
/// After a command was completed with an error, the next command is a VDC_ClearError, and it comes
/// only when every other fetched command is completed. [ERR-05]
///
/// Blocks. Other threads may call vdi_complete_command() meanwhile. [PROC-10]
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn vdi_get_command(
    device: *mut vdi_device,
    timeout_ms: u32,
    out_command: *mut *mut VDC_Command,
) -> vdi_result {
    guard_the_quick("vdi_get_command", || {
        // SAFETY: module contract.
        let out = unsafe { Out::new("out_command", out_command, ptr::null_mut()) }?;
        let device = handle::devices().get(device)?;
        out.set(device.get_command(arg::timeout(timeout_ms))?);
        Ok(())
    })
}

/// Tells the server that a command has ended.
///
/// @param device           The device that delivered the command.
/// @param command          The pointer from vdi_get_command(); found by its value, never read.
/// @param completion_code  ERROR_SUCCESS or any Win32 error number; carried unchanged. An error puts
///                         the device into the IO-ERROR state. [CC-30, CDEV-COMPLETE-13]
/// @param bytes_transferred  Bytes moved by a Read or Write, also together with an error code;
///                         ignored for other commands. [CDEV-COMPLETE-04, CDEV-COMPLETE-14]
/// @param position         Result of VDC_GetPosition and VDC_SetPosition; carried unchanged for
///                         all commands. [AMB-21]
/// @return NOERROR: recorded; the buffer now belongs to the server; [CDEV-COMPLETE-11]
///         VD_E_INVALID if `command` is not an active command of this device, or more bytes are
///         reported than were asked for; the command then stays active; [CDEV-COMPLETE-07, AMB-34]
///         VD_E_ABORT if the set is aborted; the server does not see the completion;
///         [CDEV-COMPLETE-08]
///         VD_E_UNEXPECTED if it meets something impossible in the shared memory; the set is then
///         aborted; [AMB-31]
///         VD_E_PROTOCOL if the device is not open.
///
/// Commands may be completed in any order, from any thread. [PROC-11] Waits for nobody.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vdi_complete_command(
    device: *mut vdi_device,
    command: *const VDC_Command,
    completion_code: i32,
    bytes_transferred: u32,
    position: i64,
) -> vdi_result {
    guard_the_quick("vdi_complete_command", || {
        let device = handle::devices().get(device)?;
        let completion = Completion {
            code: completion_code,
            bytes: bytes_transferred,
            position,
        };
        device.complete_command(command.addr(), completion)
    })
}
