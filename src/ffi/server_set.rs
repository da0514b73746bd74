//! The server's device set.
//!
//! Sixth chapter of `include/vdi.h`.

use super::arg::{self, Out};
use super::boundary::{guard, guard_the_end, guard_with_room};
use super::handle;
use super::types::{
    VDConfig, vdi_result, vdi_server, vdi_server_open_options, vdi_server_parameters,
};
use crate::server;
use std::ffi::c_char;
use std::ptr;

/// Attaches the server to the set that a client created under a name.
///
/// @param instance    As in vdi_create().
/// @param name        The name of the set, which is that of the first device. [NAME-05]
/// @param out_server  Receives the set; null on failure.
/// @return NOERROR;
///         VD_E_INVALID if no set of that name is accessible: there is none, or this user may not
///         open it, or it belongs neither to this user nor to root, see vdi_server_open_from(); or a
///         parameter is null or malformed; [SSET-OPEN-04, SEC-06]
///         VD_E_ABORT if the set is aborted; [AMB-27]
///         VD_E_BUSY if another server is attached; [AMB-27]
///         VD_E_SECURITY if the runtime directory may not be used;
///         VD_E_INSTANCE_NAME for a malformed instance;
///         VD_E_MEMORY, VD_E_UNEXPECTED for errors of the operating system.
///
/// Does not wait for a set to appear. [SSET-OPEN-08] Waits for nothing but the answer of the
/// primary's library, which is given at once; a primary that is stopped makes the call fail after
/// ten seconds (VD_E_UNEXPECTED). One that has no descriptor or no memory left for another process
/// says so at once. End with vdi_server_close().
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn vdi_server_open(
    instance: *const c_char,
    name: *const c_char,
    out_server: *mut *mut vdi_server,
) -> vdi_result {
    guard_with_room("vdi_server_open", || {
        // SAFETY: module contract.
        let out = unsafe { Out::new("out_server", out_server, ptr::null_mut()) }?;
        // SAFETY: module contract.
        let instance = unsafe { arg::instance(instance) }?;
        // SAFETY: module contract.
        let name = unsafe { arg::name("name", name) }?;
        let place = handle::servers().reserve()?;
        let server = server::Set::open(&instance, &name)?;
        out.set(place.set(server));
        Ok(())
    })
}

/// As vdi_server_open(), also for sets of other users.
///
/// Whoever may write to the runtime directory can create a set of any name, and so take the place of
/// the client that the statement means. The kernel says who created the set, and nothing is sent to
/// a process that is not meant.
///
/// @param instance    As in vdi_create().
/// @param name        As in vdi_server_open().
/// @param options     Whose sets may be opened besides those of this user and of root; null for
///                    nobody's, as vdi_server_open() does.
/// @param out_server  Receives the set; null on failure.
/// @return As vdi_server_open(); VD_E_INVALID also for a malformed option.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn vdi_server_open_from(
    instance: *const c_char,
    name: *const c_char,
    options: *const vdi_server_open_options,
    out_server: *mut *mut vdi_server,
) -> vdi_result {
    guard_with_room("vdi_server_open_from", || {
        // SAFETY: module contract.
        let out = unsafe { Out::new("out_server", out_server, ptr::null_mut()) }?;
        // SAFETY: module contract.
        let instance = unsafe { arg::instance(instance) }?;
        // SAFETY: module contract.
        let name = unsafe { arg::name("name", name) }?;
        // SAFETY: module contract.
        let options = unsafe { arg::open_options(options) }?;
        let place = handle::servers().reserve()?;
        let server = server::Set::open_from(&instance, &name, &options)?;
        out.set(place.set(server));
        Ok(())
    })
}

/// Tells who created the set, as the kernel knows it: for the log of the server, or for its own
/// rules of whom it serves.
///
/// @param server   The set.
/// @param out_uid  Receives the effective user of the primary client process when it created the
///                 set; 0 on failure.
/// @param out_gid  Receives its effective group; 0 on failure.
/// @param out_pid  Receives its process id, 0 if a namespace hides it; 0 on failure.
/// @return NOERROR, also after an abort;
///         VD_E_INVALID if an output is null;
///         VD_E_PROTOCOL if the set is not open.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn vdi_server_primary(
    server: *mut vdi_server,
    out_uid: *mut u32,
    out_gid: *mut u32,
    out_pid: *mut i32,
) -> vdi_result {
    guard("vdi_server_primary", || {
        // SAFETY: module contract.
        let uid = unsafe { Out::new("out_uid", out_uid, 0) }?;
        // SAFETY: module contract.
        let gid = unsafe { Out::new("out_gid", out_gid, 0) }?;
        // SAFETY: module contract.
        let pid = unsafe { Out::new("out_pid", out_pid, 0) }?;
        let primary = handle::servers().get(server)?.primary()?;
        uid.set(primary.uid);
        gid.set(primary.gid);
        pid.set(primary.pid);
        Ok(())
    })
}

/// Returns the configuration: before vdi_server_begin_configuration() the client's inputs with the
/// server's four fields zero, afterwards the merged one. [SSET-GETCFG-01, AMB-12]
///
/// A server that cannot live with it calls vdi_server_signal_abort(). [CFG-07] In particular
/// compare deviceCount with the number of devices in the statement. [AMB-25]
///
/// @param server      The set.
/// @param out_config  Receives the configuration; left unchanged on failure.
/// @return NOERROR; VD_E_ABORT if the set is aborted; VD_E_PROTOCOL if it is not open;
///         VD_E_INVALID if `out_config` is null.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn vdi_server_get_configuration(
    server: *mut vdi_server,
    out_config: *mut VDConfig,
) -> vdi_result {
    guard("vdi_server_get_configuration", || {
        // SAFETY: module contract.
        let out = unsafe { Out::unchanged("out_config", out_config) }?;
        out.set(handle::servers().get(server)?.configuration()?.into());
        Ok(())
    })
}

/// Starts the configuration and fixes its values for the life of the set. [SSET-BEGIN-01, CFG-08]
///
/// @param server      The set.
/// @param parameters  The server's decisions.
/// @return NOERROR; vdi_server_request_buffers() and vdi_server_end_configuration() follow;
///         VD_E_NOTSUPPORTED if a value breaks its rule, or neither VDF_WriteMedia nor
///         VDF_ReadMedia is given; the call may be repeated; [AMB-28, AMB-10]
///         VD_E_PROTOCOL if the configuration was begun before;
///         VD_E_ABORT if the set is aborted;
///         VD_E_INVALID if `parameters` is null, its size is unknown or a reserved word is not 0;
///         VD_E_MEMORY if there is no memory for the call; nothing has changed.
///
/// Clients see nothing before vdi_server_end_configuration(). [SSET-BEGIN-06]
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn vdi_server_begin_configuration(
    server: *mut vdi_server,
    parameters: *const vdi_server_parameters,
) -> vdi_result {
    guard_with_room("vdi_server_begin_configuration", || {
        let server = handle::servers().get(server)?;
        // SAFETY: module contract.
        let parameters = unsafe { arg::server_parameters(parameters) }?;
        server.begin_configuration(&parameters)
    })
}

/// Ends the configuration: allocates the buffers requested so far and wakes the clients that wait
/// in vdi_get_configuration(). [SSET-END-01]
///
/// @param server  The set.
/// @return NOERROR: devices can be opened;
///         VD_E_MEMORY if the memory cannot be had: all requests so far are forgotten, request less
///         and call again; [BUF-14]
///         VD_E_PROTOCOL unless the configuration was begun and not ended;
///         VD_E_ABORT if the set is aborted;
///         VD_E_UNEXPECTED for other errors of the operating system; nothing has changed.
///
/// The memory is reserved before success is reported, so that a lack of it never shows later.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn vdi_server_end_configuration(server: *mut vdi_server) -> vdi_result {
    guard_with_room("vdi_server_end_configuration", || {
        handle::servers().get(server)?.end_configuration()
    })
}

/// Lends the calling thread to the set as its completion agent: it waits for completions of all
/// devices and calls the completion routine of each, one after another. [SSET-AGENT-01]
///
/// @param server  The set.
/// @return NOERROR when all devices were opened and closed by the server and no command is
///         outstanding, also if that was so before the call, or when the set was closed; [AMB-08]
///         VD_E_ABORT when the set was aborted, after the completion routine of every outstanding
///         command has been called with ERROR_OPERATION_ABORTED; [SSET-AGENT-05]
///         VD_E_UNEXPECTED if the agent meets something impossible in the shared memory; the set is then
///         aborted; [AMB-31]
///         VD_E_BUSY if another thread is the agent already; [AMB-08]
///         VD_E_PROTOCOL if the configuration has not ended, or the set is not open, or a call has
///         returned NOERROR before;
///         VD_E_MEMORY if there is no memory to begin with; call again.
///
/// Blocks, usually for the whole operation. Start it before the first command is sent: commands
/// that are sent earlier wait for it. It also watches the client's serverTimeOut, and aborts the
/// set when no completion came for more than two intervals while a command was outstanding.
/// [TMO-10]
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn vdi_server_execute_completion_agent(
    server: *mut vdi_server,
) -> vdi_result {
    guard_with_room("vdi_server_execute_completion_agent", || {
        handle::servers().get(server)?.execute_completion_agent()
    })
}

/// Aborts the set, for every process. [SSET-ABORT-01]
///
/// Devices take no more commands; the agent calls the completion routine of every outstanding
/// command with ERROR_OPERATION_ABORTED and returns. [SSET-ABORT-02] A client may still be using
/// the buffers of those commands: do not use them for anything else before vdi_server_close().
/// [ABT-10]
///
/// @param server  The set.
/// @param reason  Why, in UTF-8, for the other processes' vdi_abort_reason(); cut after 255 bytes.
///                Null for none.
/// @return NOERROR, also if the set is aborted already; VD_E_PROTOCOL if it is not open.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vdi_server_signal_abort(
    server: *mut vdi_server,
    reason: *const c_char,
) -> vdi_result {
    guard_the_end("vdi_server_signal_abort", || {
        let server = handle::servers().get(server)?;
        // SAFETY: module contract.
        let reason = unsafe { arg::text(reason) };
        server.signal_abort(&reason)
    })
}

/// Tells why a set is aborted; as vdi_abort_reason(), for the server.
///
/// @param server     The set.
/// @param out_code   Receives a VDI_ABORT_ code; VDI_ABORT_NONE if the set is not aborted.
/// @param text       Receives the reason in words, cut to fit, with a final NUL. May be null.
/// @param text_size  Bytes at `text`; 256 is always enough.
/// @return NOERROR; VD_E_INVALID if `out_code` is null; VD_E_PROTOCOL if the set is not open.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn vdi_server_abort_reason(
    server: *mut vdi_server,
    out_code: *mut u32,
    text: *mut c_char,
    text_size: usize,
) -> vdi_result {
    guard_the_end("vdi_server_abort_reason", || {
        // SAFETY: module contract.
        let out = unsafe { Out::new("out_code", out_code, 0) }?;
        // SAFETY: module contract.
        let text = unsafe { Out::text(text, text_size) };
        let reason = handle::servers().get(server)?.abort_reason()?;
        text.set(&reason);
        out.set(arg::abort_code(&reason));
        Ok(())
    })
}

/// Detaches the server from the set and releases everything of it.
///
/// @param server  The set. The handle, its devices and buffers become invalid, also when the result
///                is an error. [SSET-CLOSE-01] Buffers need not be freed first. [SSET-CLOSE-04]
/// @return NOERROR;
///         VD_E_PROTOCOL if devices were still open and the set was not aborted: everything is
///         released all the same and the set is aborted; [SSET-CLOSE-02]
///         VD_E_PROTOCOL if the set is not open; nothing was done.
///
/// A set whose devices were never opened is aborted for the client, and the result is NOERROR.
/// [AMB-40] If the completion agent is running, the call waits until it has called the completion
/// routine of every outstanding command (ERROR_OPERATION_ABORTED) and has left. [SSET-CLOSE-03]
/// Called from inside a completion routine it cannot wait: the agent then leaves after that
/// routine, the routines of the other outstanding commands are called after the call has returned,
/// and the memory is released when the agent has left. If no agent is running, the routines are
/// called on this thread: those of completed commands with their own code, then the others. The
/// result says nothing about the success of the operation; the completion codes do. After the death of the primary the call waits until the system has done
/// away with it, at most two seconds.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vdi_server_close(server: *mut vdi_server) -> vdi_result {
    guard_the_end("vdi_server_close", || {
        let owner = handle::servers().remove(server)?;
        handle::server_devices().remove_owned(server);
        owner.close()
    })
}
