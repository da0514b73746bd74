//! The structures and handles of the C interface.
//!
//! Second chapter of `include/vdi.h`. Published structures keep their names and layout.
#![allow(
    non_snake_case,
    non_camel_case_types,
    reason = "the published names of fields and the C names of types"
)]

use std::ffi::c_void;

/// NOERROR or one of the VD_E_ codes.
pub type vdi_result = i32;

/// A device set, as a client process has it open: the primary that created it, or a secondary.
pub struct vdi_set;

/// A device of a set that this client process opened.
pub struct vdi_device;

/// A device set, as the server has it open.
pub struct vdi_server;

/// A device of a set that the server opened.
pub struct vdi_server_device;

/// Configuration of a device set: 44 bytes, as published. [3.1]
///
/// The client fills in the first seven fields for vdi_create(); the last four are ignored there.
/// vdi_get_configuration() returns all of them as the server decided.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VDConfig {
    /// Number of devices, 1 to VDI_MAX_DEVICES. [CFG-20]
    pub deviceCount: u32,
    /// VDF_ bits: the client's on input, with the server's added on output. The positioning bits are
    /// those of a pipe (none), VDF_LikeTape or VDF_LikeDisk; any others may be added. Bits that only
    /// the server sets are dropped on input, unknown ones are passed on. [CFG-21, CFG-40, AMB-11]
    pub features: u32,
    /// Bytes of private space of the client before every buffer, at most VDI_MAX_PREFIX_ZONE;
    /// 0 for none. Neither cleared nor kept from one command to the next. [CFG-22, BUF-06]
    pub prefixZoneSize: u32,
    /// On input the least alignment in bytes that the client needs, a power of two up to
    /// VDI_MAX_ALIGNMENT, or 0; on output the alignment of every buffer. [CFG-23, CFG-42]
    pub alignment: u32,
    /// With VDF_FileMarks: bytes of a soft filemark, 0 for hard ones. [CFG-24]
    pub softFileMarkBlockSize: u32,
    /// Bytes of the end-of-media warning zone, 0 for none. [CFG-25]
    pub EOMWarningSize: u32,
    /// Milliseconds that the server's agent allows for a response (it tolerates two intervals
    /// without any); 0 for no limit. [CFG-26, TMO-10]
    pub serverTimeOut: u32,
    /// Output: block size in bytes; the server makes every transfer a multiple of it. [CFG-43]
    pub blockSize: u32,
    /// Output: always 4; limits nothing. [CFG-44]
    pub maxIODepth: u32,
    /// Output: bytes of the largest single Read or Write that the server is to send. [CFG-45]
    pub maxTransferSize: u32,
    /// Output: bytes of shared buffer area at the end of the configuration, prefix zones and
    /// padding included; UINT32_MAX if it is more. [CFG-46, AMB-13]
    pub bufferAreaSize: u32,
}

/// A command, as the client receives it: 24 bytes, as published. [3.2]
///
/// The memory belongs to the library, must not be changed, and is valid until the command is
/// completed or the set is closed. [STRUCT-05]
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct VDC_Command {
    /// VDC_ code. A code that the client does not know is to be completed with
    /// ERROR_NOT_SUPPORTED. [CMD-02]
    pub commandCode: i32,
    /// Bytes to transfer; a count or a start for some commands. [CMD-03]
    pub size: i32,
    /// Position on the device, for commands that have one. [CMD-03]
    pub position: i64,
    /// Start of the data zone in this process, or null. The prefix zone lies directly before it.
    /// [BUF-04]
    pub buffer: *mut u8,
}

/// Called when a command has ended, exactly once for every command. [STRUCT-02, SSET-AGENT-09]
///
/// The fields completionCode, bytesTransferred and outPosition are filled in. The function runs on
/// the thread of the completion agent, on the thread that calls vdi_server_send_command() when that
/// call fails, or on the thread that calls vdi_server_close() when no agent is running.
///
/// It may call every function: send commands, allocate and free buffers, close devices, abort and
/// close the set. On the agent's thread vdi_server_execute_completion_agent() is VD_E_BUSY, and
/// vdi_server_close() does not wait; elsewhere it may even become the agent. It may send the same
/// command again; if that fails, it is called again before the send returns, so it must look at
/// completionCode first. It may fork; in the child the call that runs it ends with VD_E_PROTOCOL, and
/// the other commands stay the parent's.
///
/// It should not block: as long as it runs, no other completion of the set is delivered, serverTimeOut
/// is not watched, and a vdi_server_close() of another thread waits. If it never returns, that is
/// all: clients are told of aborts and closes at once, and other sets go on.
///
/// It must not leave other than by returning. An exception that it lets out, and a pthread_exit() in
/// it, end the process with SIGABRT; a longjmp() out of it is undefined. pthread_cancel() waits until
/// the agent has returned.
pub type vdi_completion_routine = Option<unsafe extern "C" fn(command: *mut VDS_Command)>;

/// A command, as the server sends it: 56 bytes, as published. [3.3]
///
/// The memory belongs to the caller and must stay valid and unmoved from
/// vdi_server_send_command() until the completion routine has been called. [STRUCT-06]
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct VDS_Command {
    /// In: VDC_ code. Any value travels. [CMD-02]
    pub commandCode: i32,
    /// In: bytes to transfer; a count or a start for some commands. [CMD-03] That a Read or Write
    /// is a multiple of the block size and at most maxTransferSize is the server's duty to the
    /// client; the library checks only that it fits the buffer. [BUF-20]
    pub size: i32,
    /// In: position, delivered as VDC_Command.position.
    pub inPosition: i64,
    /// Out: position that the client returned. [AMB-21]
    pub outPosition: i64,
    /// In: a buffer from vdi_server_allocate_buffer() for Read and Write. Any other command may
    /// carry such a buffer or null; any other address reaches the client as null.
    /// [SDEV-SEND-07, CMD-04]
    pub buffer: *mut u8,
    /// In: called when the command has ended; must not be null. [SDEV-SEND-02]
    pub completionRoutine: vdi_completion_routine,
    /// In: free for the caller. [SDEV-SEND-02]
    pub completionContext: *mut c_void,
    /// Out: ERROR_SUCCESS, or how the command failed. [CMD-01]
    pub completionCode: i32,
    /// Out: bytes moved by a Read or Write; 0 when the library ended the command. [SDEV-SEND-08]
    pub bytesTransferred: i32,
}

/// What vdi_create() can be told beyond the published configuration.
///
/// Zero the structure, set `size`, then what is wanted. By default only processes of the same user
/// and of root may open the set.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct vdi_create_options {
    /// sizeof(vdi_create_options).
    pub size: u32,
    /// VDI_CREATE_ bits; any other bit is VD_E_INVALID.
    pub flags: u32,
    /// With VDI_CREATE_ALLOW_UID: a user whose processes may open the set.
    pub uid: u32,
    /// With VDI_CREATE_ALLOW_GID: a group whose members may open the set. The creator must be a
    /// member, or root.
    pub gid: u32,
    /// Commands that may be outstanding on one device: 0 for VDI_QUEUE_CAPACITY, else a power of
    /// two from VDI_QUEUE_CAPACITY up, with at most 4096 for all devices together. [AMB-09]
    pub queueCapacity: u32,
    /// Milliseconds that vdi_open_device() waits for a device name that the server has not
    /// announced yet; 0 for 30000, at most 3600000. [AMB-16]
    pub nameWait: u32,
    /// Must be zero.
    pub reserved: [u32; 4],
}

/// Options of vdi_server_open_from(). Without any, sets of the server's own user and of root are
/// opened.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct vdi_server_open_options {
    /// sizeof(vdi_server_open_options).
    pub size: u32,
    /// VDI_OPEN_ bits; any other bit is VD_E_INVALID.
    pub flags: u32,
    /// With VDI_OPEN_ALLOW_UID: a user whose sets may be opened.
    pub uid: u32,
    /// With VDI_OPEN_ALLOW_GID: a group; sets of its members may be opened.
    pub gid: u32,
    /// Must be zero.
    pub reserved: [u32; 4],
}

/// Parameters of vdi_server_begin_configuration(), by name, because published documents and
/// headers disagree about their order. [AMB-18]
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct vdi_server_parameters {
    /// sizeof(vdi_server_parameters).
    pub size: u32,
    /// VDF_WriteMedia, VDF_ReadMedia or both, and VDF_CompleteEnabled; other bits are ignored.
    /// VDF_CompleteEnabled counts only if the client asked for it. [AMB-10]
    pub features: u32,
    /// Block size in bytes: a power of two, VDI_MIN_BLOCK_SIZE to VDI_MAX_BLOCK_SIZE. [CFG-60]
    pub blockSize: u32,
    /// Alignment of every buffer in bytes: 0 for the block size, else a power of two from the
    /// block size to VDI_MAX_ALIGNMENT. The client's own need raises it. [CFG-61, CFG-65]
    pub alignment: u32,
    /// Largest Read or Write in bytes: a multiple of VDI_TRANSFER_UNIT up to
    /// VDI_MAX_TRANSFER_SIZE. [CFG-62, LIM-04]
    pub maxTransferSize: u32,
    /// Milliseconds; accepted and without effect. [AMB-14]
    pub timeout: u32,
    /// Must be zero.
    pub reserved: [u32; 2],
}

const _: () = {
    use std::mem::{align_of, offset_of, size_of};
    assert!(size_of::<VDConfig>() == 44 && align_of::<VDConfig>() == 4);
    assert!(size_of::<VDC_Command>() == 24);
    assert!(offset_of!(VDC_Command, buffer) == 16);
    assert!(size_of::<VDS_Command>() == 56);
    assert!(offset_of!(VDS_Command, completionRoutine) == 32);
    assert!(offset_of!(VDS_Command, completionCode) == 48);
};
