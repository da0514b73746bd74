//! The numbers of the interface: result codes, completion codes, commands, features, limits.
//!
//! First chapter of `include/vdi.h`. Published names keep their spelling. The integer types and
//! the decimal spelling of negative values are what cbindgen turns into plain C macros.
#![allow(non_upper_case_globals, reason = "the published names are mixed case")]

/// The call succeeded. [RC-00]
pub const NOERROR: i32 = 0;
/// 0x80770002: object was not open. Defined for completeness; no function returns it. [RC-02]
pub const VD_E_NOTOPEN: i32 = -2139684862;
/// 0x80770003: the call waited and its interval elapsed; everything stays usable. [RC-03]
pub const VD_E_TIMEOUT: i32 = -2139684861;
/// 0x80770004: an abort is in force; only closing makes sense now. [RC-04]
pub const VD_E_ABORT: i32 = -2139684860;
/// 0x80770005: permission is missing, or the security set-up failed. [RC-05]
pub const VD_E_SECURITY: i32 = -2139684859;
/// 0x80770006: a parameter is not valid. [RC-06]
pub const VD_E_INVALID: i32 = -2139684858;
/// 0x80770007: the instance name is malformed. [RC-07]
pub const VD_E_INSTANCE_NAME: i32 = -2139684857;
/// 0x80770009: the requested configuration is invalid. [RC-09]
pub const VD_E_NOTSUPPORTED: i32 = -2139684855;
/// 0x8077000A: out of memory, or out of buffers. Also no room in the runtime directory, and memory
/// that a limit forbids: of the operating system's errors ENOMEM, ENOSPC, EDQUOT and EFBIG, and
/// EAGAIN where memory would be locked. [RC-0A]
pub const VD_E_MEMORY: i32 = -2139684854;
/// 0x8077000B: an operating system error that has no better code, or an error in the library;
/// vdi_last_error_message() says which. So are too many open files (EMFILE, ENFILE), no more
/// threads (EAGAIN), and a kernel or a filter that has no such call (ENOSYS). [RC-0B]
pub const VD_E_UNEXPECTED: i32 = -2139684853;
/// 0x8077000C: the call is not allowed now, or the handle is not open. [RC-0C]
pub const VD_E_PROTOCOL: i32 = -2139684852;
/// 0x8077000D: all devices are open already, or devices are still open. [RC-0D]
pub const VD_E_OPEN: i32 = -2139684851;
/// 0x8077000E: the device is now closed; part of every normal ending. [RC-0E]
pub const VD_E_CLOSE: i32 = -2139684850;
/// 0x8077000F: somebody else is using the object. [RC-0F, AMB-08, AMB-27, AMB-31]
pub const VD_E_BUSY: i32 = -2139684849;
/// 0x80770010: the queue of the device is full. The published documents name this code without a
/// value; the value is this library's. [AMB-09]
pub const VD_E_QUEUE_FULL: i32 = -2139684848;
/// 0x80770011: the device is in the IO-ERROR state and takes VDC_ClearError only. The published
/// documents name this code without a value; the value is this library's. [AMB-09]
pub const VD_E_IO_ERROR: i32 = -2139684847;

/// Completion: success. [CC-01]
pub const ERROR_SUCCESS: i32 = 0;
/// Completion: the device does not take commands; given by the library. [CC-02]
pub const ERROR_INVALID_HANDLE: i32 = 6;
/// Completion: published value without documented use. [CC-03]
pub const ERROR_ARENA_TRASHED: i32 = 7;
/// Completion of a Read: no more data. The bytes of a short last Read come with it. [CC-04]
pub const ERROR_HANDLE_EOF: i32 = 38;
/// Completion: published value without documented use; a full disk. [CC-05]
pub const ERROR_HANDLE_DISK_FULL: i32 = 39;
/// Completion: the client does not support this command. [CC-06]
pub const ERROR_NOT_SUPPORTED: i32 = 50;
/// Completion: a parameter of the command is wrong. [CC-07]
pub const ERROR_INVALID_PARAMETER: i32 = 87;
/// Completion of a Write: the device cannot store more. [CC-08]
pub const ERROR_DISK_FULL: i32 = 112;
/// Completion: the set was aborted; also how a client refuses a Snapshot. [CC-09]
pub const ERROR_OPERATION_ABORTED: i32 = 995;
/// Completion of a Write: the end-of-media warning zone is reached. [CC-10]
pub const ERROR_END_OF_MEDIA: i32 = 1100;
/// Completion: a filemark was met. [CC-11]
pub const ERROR_FILEMARK_DETECTED: i32 = 1101;
/// Completion: backward positioning ran into the start. [CC-12]
pub const ERROR_BEGINNING_OF_MEDIA: i32 = 1102;
/// Completion: published value, not used by VDI. [CC-13]
pub const ERROR_SETMARK_DETECTED: i32 = 1103;
/// Completion of a Read: no more data. [CC-14]
pub const ERROR_NO_DATA_DETECTED: i32 = 1104;
/// Completion: the block length is wrong. [CC-15]
pub const ERROR_INVALID_BLOCK_LENGTH: i32 = 1106;
/// Completion of a Load: the medium could not be locked. [CC-16]
pub const ERROR_UNABLE_TO_LOCK_MEDIA: i32 = 1108;
/// Completion of a Load: the medium could not be unloaded. [CC-17]
pub const ERROR_UNABLE_TO_UNLOAD_MEDIA: i32 = 1109;
/// Completion of a Load: the medium was changed. [CC-18]
pub const ERROR_MEDIA_CHANGED: i32 = 1110;
/// Completion: the device failed. [CC-19]
pub const ERROR_BUS_RESET: i32 = 1111;
/// Completion of a Load: there is no medium. [CC-20]
pub const ERROR_NO_MEDIA_IN_DRIVE: i32 = 1112;
/// Completion: the device is in the IO-ERROR state; given by the library. [CC-21]
pub const ERROR_IO_DEVICE: i32 = 1117;
/// Completion of a Write: the device cannot store more. [CC-22]
pub const ERROR_EOM_OVERFLOW: i32 = 1129;
/// Completion: the queue of the device is full; given by the library. [CC-23]
pub const ERROR_NO_SYSTEM_RESOURCES: i32 = 1450;

/// Feature: no positioning at all, strictly sequential. [FV-01]
pub const VDF_LikePipe: u32 = 0;
/// Feature, set by the client: media can be changed (VDC_Load). [FV-02]
pub const VDF_Removable: u32 = 1;
/// Feature, set by the client: VDC_Rewind is supported. [FV-03]
pub const VDF_Rewind: u32 = 1u32 << 1;
/// Feature, set by the client: VDC_GetPosition and VDC_SetPosition with block addresses that
/// only the device understands. [FV-04]
pub const VDF_Position: u32 = 1u32 << 4;
/// Feature, set by the client: VDC_SkipBlocks is supported. [FV-05]
pub const VDF_SkipBlocks: u32 = 1u32 << 5;
/// Feature, set by the client: positioning backward is possible. [FV-06]
pub const VDF_ReversePosition: u32 = 1u32 << 6;
/// Feature, set by the client: VDC_Discard is supported. [FV-07]
pub const VDF_Discard: u32 = 1u32 << 7;
/// Feature, set by the client: filemarks (VDC_WriteMark, VDC_SkipMarks). [FV-08]
pub const VDF_FileMarks: u32 = 1u32 << 8;
/// Feature, set by the client: like a disk; every Read and Write carries a byte offset. [FV-09]
pub const VDF_RandomAccess: u32 = 1u32 << 9;
/// Feature, set by the client: wants VDC_PrepareToFreeze. [FV-10]
pub const VDF_SnapshotPrepare: u32 = 1u32 << 10;
/// Feature, set by the client: name and value are published, the meaning is not. [FV-11]
pub const VDF_EnumFrozenFiles: u32 = 1u32 << 11;
/// Feature, set by the client: name and value are published, the meaning is not. [FV-12]
pub const VDF_VSSWriter: u32 = 1u32 << 12;
/// Feature, set by the client: asks for VDC_Complete. [FV-13]
pub const VDF_RequestComplete: u32 = 1u32 << 13;
/// Feature, set by the server: the operation writes to the devices (a backup). [FV-14]
pub const VDF_WriteMedia: u32 = 1u32 << 16;
/// Feature, set by the server: the operation reads from the devices (a restore). [FV-15]
pub const VDF_ReadMedia: u32 = 1u32 << 17;
/// Feature, set by the server: it will send VDC_Complete. [FV-16]
pub const VDF_CompleteEnabled: u32 = 1u32 << 18;
/// Feature: name and value are published, the meaning is not. [FV-17]
pub const VDF_LatchStats: u32 = 1u32 << 31;
/// The feature set of a tape: FileMarks, Removable, Rewind, Position, SkipBlocks and
/// ReversePosition (0x173). [FV-18]
pub const VDF_LikeTape: u32 = 371;
/// The feature set of a disk: RandomAccess (0x200). [FV-19]
pub const VDF_LikeDisk: u32 = 1u32 << 9;

/// Command: move `size` bytes from the device into the buffer. [CMD-READ-01]
pub const VDC_Read: i32 = 1;
/// Command: move `size` bytes from the buffer to the device. [CMD-WRITE-01]
pub const VDC_Write: i32 = 2;
/// Command: end of the IO-ERROR state, sent after a failed command. [CMD-CLEAR-01]
pub const VDC_ClearError: i32 = 3;
/// Command: go to the beginning of the medium. [CMD-REWIND-01]
pub const VDC_Rewind: i32 = 4;
/// Command: write one filemark. [CMD-WMARK-01]
pub const VDC_WriteMark: i32 = 5;
/// Command: skip `size` filemarks; negative is backward. [CMD-SMARK-01]
pub const VDC_SkipMarks: i32 = 6;
/// Command: skip `size` blocks. [CMD-SBLK-01]
pub const VDC_SkipBlocks: i32 = 7;
/// Command: make the next medium available. [CMD-LOAD-01]
pub const VDC_Load: i32 = 8;
/// Command: report the position. [CMD-GPOS-01]
pub const VDC_GetPosition: i32 = 9;
/// Command: go to `position`; with VDF_RandomAccess `size` is one of VDC_Beginning, VDC_Current,
/// VDC_End. [CMD-SPOS-01]
pub const VDC_SetPosition: i32 = 10;
/// Command: data written so far is no longer wanted. [CMD-DISC-01]
pub const VDC_Discard: i32 = 11;
/// Command: make everything written so far durable. More Writes may follow. [CMD-FLUSH-01]
pub const VDC_Flush: i32 = 12;
/// Command: the database is frozen, take the snapshot now. [SNAP-21]
pub const VDC_Snapshot: i32 = 13;
/// Command: bring the files of the snapshot back. [SNAP-22]
pub const VDC_MountSnapshot: i32 = 14;
/// Command: get ready, success lets the server freeze the database. [SNAP-20]
pub const VDC_PrepareToFreeze: i32 = 15;
/// Command: only the code is published. [CMD-FINFO-01]
pub const VDC_FileInfoBegin: i32 = 16;
/// Command: only the code is published. [CMD-FINFO-01]
pub const VDC_FileInfoEnd: i32 = 17;
/// Command: only the code is published. [CMD-GETERR-01]
pub const VDC_GetError: i32 = 18;
/// Command: all data was sent; finish the backup. Sent only after VDF_CompleteEnabled. [CMPL-04]
pub const VDC_Complete: i32 = 19;

/// Start of a VDC_SetPosition: the beginning of the data. [CMD-SPOS-02]
pub const VDC_Beginning: i32 = 0;
/// Start of a VDC_SetPosition: the current position. [CMD-SPOS-02]
pub const VDC_Current: i32 = 1;
/// Start of a VDC_SetPosition: the end of the data. [CMD-SPOS-02]
pub const VDC_End: i32 = 2;

/// The time-out that never elapses. [LIM-05, AMB-42]
pub const VDI_INFINITE: u32 = u32::MAX;
/// Most devices in one set. [LIM-01]
pub const VDI_MAX_DEVICES: u32 = 64;
/// Longest name of a set, a device or an instance, in bytes. [AMB-24]
pub const VDI_MAX_NAME: u32 = 255;
/// Smallest block size in bytes. [LIM-02]
pub const VDI_MIN_BLOCK_SIZE: u32 = 512;
/// Largest block size in bytes. [LIM-02]
pub const VDI_MAX_BLOCK_SIZE: u32 = 65536;
/// Largest alignment in bytes. [LIM-03]
pub const VDI_MAX_ALIGNMENT: u32 = 65536;
/// Unit and smallest value of the maximum transfer size, in bytes. [LIM-04]
pub const VDI_TRANSFER_UNIT: u32 = 65536;
/// Largest maximum transfer size in bytes. [LIM-04]
pub const VDI_MAX_TRANSFER_SIZE: u32 = 4194304;
/// Largest prefix zone in bytes. [AMB-11]
pub const VDI_MAX_PREFIX_ZONE: u32 = 1048576;
/// What VDConfig.maxIODepth always says. It limits nothing. [CFG-44]
pub const VDI_IO_DEPTH: u32 = 4;
/// Commands that may be outstanding on one device, unless vdi_create_options says more. [AMB-09]
pub const VDI_QUEUE_CAPACITY: u32 = 64;

/// Flag of vdi_create_options: accept any mix of positioning features. [AMB-11]
pub const VDI_CREATE_LENIENT: u32 = 1;
/// Flag of vdi_create_options: also let in the user `uid`.
pub const VDI_CREATE_ALLOW_UID: u32 = 1u32 << 1;
/// Flag of vdi_create_options: also let in the members of the group `gid`.
pub const VDI_CREATE_ALLOW_GID: u32 = 1u32 << 2;

/// Flag of vdi_server_open_options: also open sets of the user `uid`.
pub const VDI_OPEN_ALLOW_UID: u32 = 1;
/// Flag of vdi_server_open_options: also open sets of the members of the group `gid`.
pub const VDI_OPEN_ALLOW_GID: u32 = 1u32 << 1;

/// Abort reason: the set is not aborted.
pub const VDI_ABORT_NONE: u32 = 0;
/// Abort reason: aborted, but the process that did it left no reason.
pub const VDI_ABORT_UNKNOWN: u32 = 1;
/// Abort reason: vdi_signal_abort() in a client process. [CSET-ABORT-03]
pub const VDI_ABORT_CLIENT: u32 = 2;
/// Abort reason: vdi_server_signal_abort(). [SSET-ABORT-01]
pub const VDI_ABORT_SERVER: u32 = 3;
/// Abort reason: a client closed the set before the devices were closed. [CSET-CLOSE-03]
pub const VDI_ABORT_CLIENT_CLOSED: u32 = 4;
/// Abort reason: the server closed the set before it closed the devices. [SSET-CLOSE-02, AMB-40]
pub const VDI_ABORT_SERVER_CLOSED: u32 = 5;
/// Abort reason: the primary client process ended without closing the set. [CRASH-02]
pub const VDI_ABORT_PRIMARY_DIED: u32 = 6;
/// Abort reason: the server process ended without closing the set. [CRASH-01]
pub const VDI_ABORT_SERVER_DIED: u32 = 7;
/// Abort reason: serverTimeOut expired twice without any completion. [TMO-10]
pub const VDI_ABORT_TIMEOUT: u32 = 8;
/// Abort reason: a process wrote something impossible into the shared memory. [SEC-07]
pub const VDI_ABORT_CORRUPTION: u32 = 9;
/// Abort reason: a process could not get or map the memory of the set. [LNX-11]
pub const VDI_ABORT_RESOURCES: u32 = 10;
/// Abort reason: an error inside the library; please report it.
pub const VDI_ABORT_INTERNAL: u32 = 11;

// The hexadecimal values of the documents, against the decimal spelling above.
const _: () = {
    assert!(VD_E_NOTOPEN as u32 == 0x8077_0002);
    assert!(VD_E_TIMEOUT as u32 == 0x8077_0003);
    assert!(VD_E_ABORT as u32 == 0x8077_0004);
    assert!(VD_E_SECURITY as u32 == 0x8077_0005);
    assert!(VD_E_INVALID as u32 == 0x8077_0006);
    assert!(VD_E_INSTANCE_NAME as u32 == 0x8077_0007);
    assert!(VD_E_NOTSUPPORTED as u32 == 0x8077_0009);
    assert!(VD_E_MEMORY as u32 == 0x8077_000A);
    assert!(VD_E_UNEXPECTED as u32 == 0x8077_000B);
    assert!(VD_E_PROTOCOL as u32 == 0x8077_000C);
    assert!(VD_E_OPEN as u32 == 0x8077_000D);
    assert!(VD_E_CLOSE as u32 == 0x8077_000E);
    assert!(VD_E_BUSY as u32 == 0x8077_000F);
    assert!(VD_E_QUEUE_FULL as u32 == 0x8077_0010);
    assert!(VD_E_IO_ERROR as u32 == 0x8077_0011);
    assert!(
        VDF_LikeTape
            == VDF_FileMarks
                | VDF_Removable
                | VDF_Rewind
                | VDF_Position
                | VDF_SkipBlocks
                | VDF_ReversePosition
    );
    assert!(VDF_LikeDisk == VDF_RandomAccess);
};
