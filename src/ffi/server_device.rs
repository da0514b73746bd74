//! The server's device.
//!
//! Eighth chapter of `include/vdi.h`.

use super::arg::{self, Out};
use super::boundary::{guard, guard_the_end, guard_with_room};
use super::handle;
use super::routine;
use super::types::{VDS_Command, vdi_result, vdi_server, vdi_server_device};
use crate::protocol::codes::ERROR_INVALID_HANDLE;
use crate::protocol::command::Completion;
use std::ffi::c_char;
use std::ptr;

/// Opens the next device of the set; succeeds exactly deviceCount times. [SSET-OPENDEV-01]
///
/// @param server      The set.
/// @param name        Name of the device, from its VIRTUAL_DEVICE clause: for the first one the name
///                    of the set, for the others any name that is new in the set. Clients can then
///                    open it by that name. [SSET-OPENDEV-02, AMB-25]
/// @param out_device  Receives the device; null on failure.
/// @return NOERROR;
///         VD_E_OPEN if all devices have been opened; [SSET-OPENDEV-03]
///         VD_E_INVALID if the name is null, malformed, used already, or wrong for the first device;
///         [SSET-OPENDEV-04, AMB-25]
///         VD_E_PROTOCOL before the end of the configuration or after the normal end;
///         VD_E_ABORT if the set is aborted;
///         VD_E_MEMORY if there is no memory for the device.
///
/// The device belongs to the set and ends with vdi_server_close(); it is never freed. Commands may
/// be sent before the client has opened the device; they wait. [DEV-01]
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn vdi_server_open_device(
    server: *mut vdi_server,
    name: *const c_char,
    out_device: *mut *mut vdi_server_device,
) -> vdi_result {
    guard_with_room("vdi_server_open_device", || {
        // SAFETY: module contract.
        let out = unsafe { Out::new("out_device", out_device, ptr::null_mut()) }?;
        arg::not_null("name", name)?;
        let owner = handle::servers().get(server)?;
        let place = handle::server_devices().reserve()?;
        // SAFETY: module contract.
        let device = match unsafe { arg::name("name", name) } {
            Ok(name) => owner.open_device(&name)?,
            // An abort, the state and that all are open are told first.
            Err(malformed) => return owner.check_open_device().and(Err(malformed)),
        };
        out.set(place.device(server, device)?);
        Ok(())
    })
}

/// Sends a command to the client; does not wait for its execution. [SDEV-SEND-01]
///
/// @param device   The device.
/// @param command  The command; see VDS_Command for what must be filled in and how long it must
///                 stay. The buffer belongs to the client until the completion routine is called.
///                 [BUF-02]
/// @return NOERROR: queued; the completion routine will be called by the completion agent.
///         [SDEV-SEND-03]
///         On the following failures the completion routine has been called already, on this
///         thread, with the code in brackets; do not clean up a second time: [SDEV-SEND-04]
///         VD_E_QUEUE_FULL (ERROR_NO_SYSTEM_RESOURCES) if too many commands are outstanding;
///         VD_E_IO_ERROR (ERROR_IO_DEVICE) if the device is in the IO-ERROR state and the command
///         is not VDC_ClearError; [ERR-02]
///         VD_E_PROTOCOL (ERROR_INVALID_HANDLE) if the device is closed or not an open handle;
///         VD_E_ABORT (ERROR_OPERATION_ABORTED) if the set is aborted;
///         VD_E_INVALID (ERROR_INVALID_PARAMETER) if the buffer of a Read or Write is not an
///         allocated shared buffer of the set, or is smaller than `size`. [AMB-28]
///         And without a call of the routine:
///         VD_E_INVALID if `command` or its completion routine is null. [AMB-28]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vdi_server_send_command(
    device: *mut vdi_server_device,
    command: *mut VDS_Command,
) -> vdi_result {
    guard("vdi_server_send_command", || {
        // SAFETY: module contract.
        let (request, callback) = unsafe { routine::request(command) }?;
        match handle::server_devices().get(device) {
            Ok(device) => device.send(request, callback),
            Err(error) => {
                callback.call(Completion::automatic(ERROR_INVALID_HANDLE));
                Err(error)
            }
        }
    })
}

/// Closes a device: the client's vdi_get_command() will return VD_E_CLOSE. [SDEV-CLOSE-01]
///
/// Normally the server first waits until all commands of the device have completed. [SDEV-CLOSE-04]
/// If it does not, queued commands are still delivered, and the client sees VD_E_CLOSE when all are
/// completed. [AMB-17] In the IO-ERROR state closing takes the place of VDC_ClearError.
/// [SDEV-CLOSE-05]
///
/// @param device  The device. The handle stays known until vdi_server_close().
/// @return NOERROR; with the last device of the set the operation has ended normally;
///         [SDEV-CLOSE-06]
///         VD_E_CLOSE if it was closed before; [SDEV-CLOSE-02]
///         VD_E_ABORT if the set is aborted; nothing was done;
///         VD_E_PROTOCOL if `device` is not an open handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vdi_server_close_device(device: *mut vdi_server_device) -> vdi_result {
    guard_the_end("vdi_server_close_device", || {
        handle::server_devices().get(device)?.close()
    })
}
