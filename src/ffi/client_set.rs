//! The client's device set.
//!
//! Fourth chapter of `include/vdi.h`.

use super::arg::{self, Out};
use super::boundary::{guard, guard_the_end, guard_with_room};
use super::handle;
use super::types::{VDConfig, vdi_create_options, vdi_device, vdi_result, vdi_set};
use super::views::Commands;
use crate::client;
use std::ffi::{c_char, c_void};
use std::ptr;

/// Creates a device set and makes it findable by its name. The caller is the primary client.
///
/// Start the statement that makes the server open the set only after this call succeeded. One set
/// serves one BACKUP or RESTORE. [CSET-CREATE-01, CSET-CREATE-05]
///
/// @param instance  Instance of the server; null or "" for the default. [NAME-12, NAME-16]
/// @param name      Name of the set, unique on this machine while the set lives; a fresh UUID is
///                  the usual way. It is also the name of the first device. [NAME-01, NAME-06]
/// @param config    The client's inputs; read during the call. [CSET-CREATE-07]
/// @param options   Null for the defaults.
/// @param out_set   Receives the set; null on failure.
/// @return NOERROR;
///         VD_E_PROTOCOL if a set of that name exists; [CSET-CREATE-04]
///         VD_E_NOTSUPPORTED if a field of `config` is invalid: a deviceCount outside 1 to
///         VDI_MAX_DEVICES, positioning features that are neither those of a pipe, a tape nor a
///         disk, an alignment that is no power of two, a prefix zone that is too large; [AMB-11]
///         VD_E_INVALID for a null or malformed parameter or option;
///         VD_E_INSTANCE_NAME for a malformed instance;
///         VD_E_SECURITY if the runtime directory may not be used, or another user has a set of that
///         name or has left one behind;
///         VD_E_MEMORY if there is no memory for the set, or no room in the runtime directory;
///         VD_E_UNEXPECTED for any other error of the operating system, such as too many open files.
///
/// After a failure nothing remains. [CSET-CREATE-10] End the set with vdi_close(). Does not wait
/// for a server; waits, at most five seconds, while other processes create or find a set at the same moment.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn vdi_create(
    instance: *const c_char,
    name: *const c_char,
    config: *const VDConfig,
    options: *const vdi_create_options,
    out_set: *mut *mut vdi_set,
) -> vdi_result {
    guard_with_room("vdi_create", || {
        // SAFETY: module contract.
        let out = unsafe { Out::new("out_set", out_set, ptr::null_mut()) }?;
        // SAFETY: module contract.
        let instance = unsafe { arg::instance(instance) }?;
        // SAFETY: module contract.
        let name = unsafe { arg::name("name", name) }?;
        // SAFETY: module contract.
        let config = unsafe { arg::input("config", config) }?;
        // SAFETY: module contract.
        let options = unsafe { arg::create_options(options) }?;
        let place = handle::sets().reserve()?;
        let set = client::Set::create(&instance, &name, &config.into(), &options)?;
        out.set(place.set(set));
        Ok(())
    })
}

/// Opens, as a secondary client, a set that was created elsewhere, usually in another process.
///
/// Possible as soon as the server has ended the configuration; a primary knows it when its
/// vdi_get_configuration() returns. A secondary opens devices and works on them as the primary
/// would; its vdi_get_configuration() returns at once. [CSET-SECOND-01, CSET-SECOND-07]
///
/// @param instance  As in vdi_create().
/// @param name      Name of the set, exactly as in vdi_create(). [CSET-SECOND-05]
/// @param out_set   Receives the set; null on failure.
/// @return NOERROR;
///         VD_E_PROTOCOL if there is no such set, or it is not configured yet, or has ended;
///         VD_E_ABORT if it was aborted;
///         VD_E_SECURITY if it exists but this user may not open it;
///         VD_E_BUSY if it has been opened more than 255 times;
///         VD_E_INVALID for a null or malformed parameter;
///         VD_E_INSTANCE_NAME for a malformed instance;
///         VD_E_MEMORY, VD_E_UNEXPECTED for errors of the operating system.
///
/// End with vdi_close(). Waits for nothing but the answer of the primary's library, which is given
/// at once; a primary that is stopped makes the call fail after ten seconds (VD_E_UNEXPECTED).
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn vdi_open_in_secondary(
    instance: *const c_char,
    name: *const c_char,
    out_set: *mut *mut vdi_set,
) -> vdi_result {
    guard_with_room("vdi_open_in_secondary", || {
        // SAFETY: module contract.
        let out = unsafe { Out::new("out_set", out_set, ptr::null_mut()) }?;
        // SAFETY: module contract.
        let instance = unsafe { arg::instance(instance) }?;
        // SAFETY: module contract.
        let name = unsafe { arg::name("name", name) }?;
        let place = handle::sets().reserve()?;
        let set = client::Set::open_in_secondary(&instance, &name)?;
        out.set(place.set(set));
        Ok(())
    })
}

/// Waits until the server has configured the set, and returns the configuration.
///
/// Once the set is configured the call returns at once, any number of times, in any thread, in the
/// primary and in secondaries. [CSET-GETCFG-05]
///
/// @param set         The set.
/// @param timeout_ms  Milliseconds to wait, at most 2147483647; 0 polls; VDI_INFINITE, as every
///                    value that is negative as an int32_t, waits for ever. [AMB-42]
/// @param out_config  Receives the configuration; left unchanged on failure. [CSET-GETCFG-08]
/// @return NOERROR;
///         VD_E_TIMEOUT if the set was not configured in time; call again; [CSET-GETCFG-03]
///         VD_E_ABORT if the set is aborted, also during the wait; [CSET-GETCFG-04]
///         VD_E_UNEXPECTED if it meets something impossible in the shared memory; the set is then
///         aborted; [AMB-31]
///         VD_E_PROTOCOL if the set is not open, or is closed during the wait;
///         VD_E_INVALID if `out_config` is null.
///
/// Blocks. A statement that fails before the server opens the set is never seen here: watch it,
/// too. [CFG-09]
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn vdi_get_configuration(
    set: *mut vdi_set,
    timeout_ms: u32,
    out_config: *mut VDConfig,
) -> vdi_result {
    guard("vdi_get_configuration", || {
        // SAFETY: module contract.
        let out = unsafe { Out::unchanged("out_config", out_config) }?;
        let set = handle::sets().get(set)?;
        out.set(set.configuration(arg::timeout(timeout_ms))?.into());
        Ok(())
    })
}

/// Opens one device of the set for this process.
///
/// Possible as soon as the set is configured. With n devices configured, n calls succeed in total,
/// over all client processes. [CSET-OPENDEV-09]
///
/// @param set         The set.
/// @param name        Name of the device: the name of the set for the first one, for the others
///                    those that the server announces by opening them. [CSET-OPENDEV-02]
/// @param out_device  Receives the device; null on failure. [CSET-OPENDEV-08]
/// @return NOERROR;
///         VD_E_OPEN if all devices have been opened already; [CSET-OPENDEV-04]
///         VD_E_PROTOCOL if that device is open already, or the set is not open, not configured
///         yet, or has ended normally: an operation without commands may be over before the client
///         opens its devices, which is no error; [CSET-OPENDEV-05]
///         VD_E_INVALID if the name is null, malformed or not one of the set; [CSET-OPENDEV-06]
///         VD_E_ABORT if the set is aborted; [CSET-OPENDEV-07]
///         VD_E_MEMORY if there is no memory for the device.
///
/// The device belongs to the set and ends with vdi_close(); it is never freed. Blocks only while
/// the name may still be announced by the server, at most vdi_create_options.nameWait; the first
/// device never waits. [AMB-16]
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn vdi_open_device(
    set: *mut vdi_set,
    name: *const c_char,
    out_device: *mut *mut vdi_device,
) -> vdi_result {
    guard_with_room("vdi_open_device", || {
        // SAFETY: module contract.
        let out = unsafe { Out::new("out_device", out_device, ptr::null_mut()) }?;
        arg::not_null("name", name)?;
        let owner = handle::sets().get(set)?;
        let place = handle::devices().reserve()?;
        let commands = Commands::new(owner.queue_capacity())?;
        // SAFETY: module contract.
        let device = match unsafe { arg::name("name", name) } {
            Ok(name) => owner.open_device(&name)?,
            // No device has such a name; an abort and the state are told first. [AMB-03]
            Err(malformed) => return owner.check_open_device().and(Err(malformed)),
        };
        out.set(place.device(set, device, commands)?);
        Ok(())
    })
}

/// Turns the address of a buffer into a handle that means the same buffer in every client process
/// of this set.
///
/// @param set         The set.
/// @param buffer      VDC_Command.buffer of a command that this process has received and not
///                    completed. [CSET-BUFH-01]
/// @param out_handle  Receives the handle; 0 on failure, which is never a handle.
/// @return NOERROR;
///         VD_E_INVALID if `buffer` is not such an address, or `out_handle` is null;
///         VD_E_PROTOCOL if the set is not open;
///         VD_E_MEMORY if there is no memory for the call.
///
/// The handle is valid until the command is completed. [CSET-BUFH-07] Each command has handles of its
/// own: never keep one for the next command, even with the same buffer. Pass it to the other process
/// by any means. Works after an abort, too. [AMB-06]
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn vdi_get_buffer_handle(
    set: *mut vdi_set,
    buffer: *const c_void,
    out_handle: *mut u32,
) -> vdi_result {
    guard_with_room("vdi_get_buffer_handle", || {
        // SAFETY: module contract.
        let out = unsafe { Out::new("out_handle", out_handle, 0) }?;
        let set = handle::sets().get(set)?;
        out.set(set.buffer_handle(buffer.addr())?);
        Ok(())
    })
}

/// Turns a buffer handle into an address that is valid in this process.
///
/// @param set      The set, the same one as in the process that made the handle.
/// @param handle   A handle from vdi_get_buffer_handle().
/// @param out_ptr  Receives the start of the data zone; the prefix zone lies directly before it.
///                 [CSET-BUFH-06] Null on failure.
/// @return NOERROR;
///         VD_E_INVALID if the handle was never given out, belongs to another set or to a command
///         that is completed, or `out_ptr` is null; [CSET-BUFH-03]
///         VD_E_PROTOCOL if the set is not open;
///         VD_E_MEMORY, VD_E_UNEXPECTED if this process could not get the memory of the buffer: the
///         set is then aborted (VDI_ABORT_RESOURCES).
///
/// Use the address only until the command is completed, which remains the duty of the process that
/// received it. [CSET-BUFH-05] The same handle gives the same address again. Works after an abort,
/// too. [AMB-06] The memory of a buffer that the server has just added may still be on its way to
/// this process: the call waits for it, at most ten seconds.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn vdi_map_buffer_handle(
    set: *mut vdi_set,
    handle: u32,
    out_ptr: *mut *mut c_void,
) -> vdi_result {
    guard("vdi_map_buffer_handle", || {
        // SAFETY: module contract.
        let out = unsafe { Out::new("out_ptr", out_ptr, ptr::null_mut()) }?;
        let set = handle::sets().get(set)?;
        out.set(set.map_buffer_handle(handle)?.as_ptr().cast());
        Ok(())
    })
}

/// Aborts the set, for every process.
///
/// No more commands are delivered; all uncompleted ones end with ERROR_OPERATION_ABORTED for the
/// server. [CSET-ABORT-03]
///
/// @param set     The set.
/// @param reason  Why, in UTF-8, for the other processes' vdi_abort_reason(); cut after 255 bytes.
///                Null for none.
/// @return NOERROR, also if the set is aborted already; [CSET-ABORT-04]
///         VD_E_PROTOCOL if the set is not open.
///
/// Waits for nobody. [CSET-ABORT-02] Call vdi_close() when the buffers are no longer used.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vdi_signal_abort(set: *mut vdi_set, reason: *const c_char) -> vdi_result {
    guard_the_end("vdi_signal_abort", || {
        let set = handle::sets().get(set)?;
        // SAFETY: module contract.
        let reason = unsafe { arg::text(reason) };
        set.signal_abort(&reason)
    })
}

/// Tells why a set is aborted.
///
/// @param set        The set.
/// @param out_code   Receives a VDI_ABORT_ code; VDI_ABORT_NONE if the set is not aborted.
/// @param text       Receives the reason in words, cut to fit, with a final NUL. May be null.
/// @param text_size  Bytes at `text`; 256 is always enough.
/// @return NOERROR;
///         VD_E_INVALID if `out_code` is null;
///         VD_E_PROTOCOL if the set is not open.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn vdi_abort_reason(
    set: *mut vdi_set,
    out_code: *mut u32,
    text: *mut c_char,
    text_size: usize,
) -> vdi_result {
    guard_the_end("vdi_abort_reason", || {
        // SAFETY: module contract.
        let out = unsafe { Out::new("out_code", out_code, 0) }?;
        // SAFETY: module contract.
        let text = unsafe { Out::text(text, text_size) };
        let reason = handle::sets().get(set)?.abort_reason()?;
        text.set(&reason);
        out.set(arg::abort_code(&reason));
        Ok(())
    })
}

/// Tells the primary how many secondaries ended while a device that they had opened was not closed by
/// the server, or had a command that was not completed.
///
/// A dead secondary does not abort the set; its commands stay outstanding. A primary that does not
/// watch its secondaries by other means asks here, and calls vdi_signal_abort(). [CRASH-03, AMB-46]
///
/// @param set        The set; in a secondary the count is always 0.
/// @param out_count  Receives the count; 0 on failure.
/// @return NOERROR; VD_E_INVALID if `out_count` is null; VD_E_PROTOCOL if the set is not open.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn vdi_lost_secondaries(
    set: *mut vdi_set,
    out_count: *mut u32,
) -> vdi_result {
    guard("vdi_lost_secondaries", || {
        // SAFETY: module contract.
        let out = unsafe { Out::new("out_count", out_count, 0) }?;
        out.set(handle::sets().get(set)?.lost_secondaries()?);
        Ok(())
    })
}

/// Closes the set in this process and releases everything of it.
///
/// Wait for VD_E_CLOSE on every device first, or for VD_E_ABORT. [CSET-CLOSE-05] When the primary
/// closes, the set is gone and its name is free.
///
/// @param set  The set. The handle, its devices, commands and buffer addresses become invalid, also
///             when the result is VD_E_OPEN. [CSET-CLOSE-04]
/// @return NOERROR;
///         VD_E_OPEN if a device that this process opened (for the primary: that any client opened)
///         has not been closed by the server, or has a command that is not completed, and the set
///         was not aborted: everything is released all the same, and the set is aborted;
///         [CSET-CLOSE-03, AMB-04]
///         VD_E_PROTOCOL if the set is not open; nothing was done. [CSET-CLOSE-02]
///
/// A primary that closes while a server is attached and no device was ever opened aborts the set
/// for the server. [CSET-CLOSE-08] Threads inside another call with this set are woken and get
/// VD_E_PROTOCOL. Memory stays mapped until the last such call has returned. After the death of the
/// primary the call waits until the system has done away with it, at most two seconds.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vdi_close(set: *mut vdi_set) -> vdi_result {
    guard_the_end("vdi_close", || {
        let owner = handle::sets().remove(set)?;
        handle::devices().remove_owned(set);
        owner.close()
    })
}
