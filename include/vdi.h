/*
 * vdi.h - the Virtual Device Interface: both ends of it, in one library
 *
 * A backup program (the client) plays the storage device of a BACKUP or RESTORE that a database
 * engine (the server) executes. The client creates a device set and names it; the engine opens
 * the set by that name, configures it, and sends commands to its devices; the data of a command
 * lies in memory that both processes see. The library is one shared object, libvdi.so; link with
 * -lvdi, or load it at run time: every function can be found with dlsym().
 *
 * THE CLIENT, one thread per device
 *
 *     vdi_set *set; vdi_device *device; VDC_Command *command; vdi_result result;
 *     VDConfig config = {0};
 *     config.deviceCount = 1;
 *     result = vdi_create(NULL, "nightly-7f3a", &config, NULL, &set);
 *     ... start the engine's BACKUP or RESTORE with that name ...
 *     result = vdi_get_configuration(set, 30000, &config);
 *     result = vdi_open_device(set, "nightly-7f3a", &device);
 *     while ((result = vdi_get_command(device, VDI_INFINITE, &command)) == NOERROR) {
 *         ... do what command->commandCode says with command->buffer ...
 *         vdi_complete_command(device, command, ERROR_SUCCESS, (uint32_t)command->size, 0);
 *     }
 *     ... result == VD_E_CLOSE is the normal end of a device ...
 *     result = vdi_close(set);
 *
 * THE SERVER, one thread for the completion agent
 *
 *     vdi_server_parameters parameters = {0};
 *     parameters.size = sizeof parameters;
 *     parameters.features = VDF_WriteMedia; parameters.blockSize = 4096;
 *     parameters.maxTransferSize = 1048576;
 *     result = vdi_server_open(NULL, "nightly-7f3a", &server);
 *     result = vdi_server_get_configuration(server, &config);
 *     result = vdi_server_begin_configuration(server, &parameters);
 *     result = vdi_server_request_buffers(server, 1048576, 0, 4);
 *     result = vdi_server_end_configuration(server);
 *     ... start a thread that calls vdi_server_execute_completion_agent(server) ...
 *     result = vdi_server_open_device(server, "nightly-7f3a", &device);
 *     result = vdi_server_allocate_buffer(server, 1048576, 0, &buffer);
 *     result = vdi_server_send_command(device, &command);   then command.completionRoutine is called
 *     result = vdi_server_close_device(device);
 *     ... join the agent's thread ...
 *     result = vdi_server_close(server);
 *
 * THE LIFE OF A SET, and of a device in it
 *
 *     set:     created, server attached, being configured, configured, ended; or aborted, for ever
 *     device:  unopened, open, in the IO-ERROR state, closed
 *
 * One process may be client and server, and may open a set several times. A secondary needs no
 * device: it may only map buffer handles.
 *
 * A FAILED COMMAND
 *
 * A completion code other than ERROR_SUCCESS puts its device into the IO-ERROR state, an ordinary end
 * such as ERROR_HANDLE_EOF or ERROR_END_OF_MEDIA included. [ERR-10] The commands of that device that
 * no client has fetched end with ERROR_IO_DEVICE, and new ones are refused. The fetched ones remain the client's and end as it says; they may succeed. [ERR-03, ERR-04]
 * The server sends VDC_ClearError, which the client receives when it has completed all it fetched;
 * success ends the state, and the server sends again what it still wants. Or the server closes the
 * device. VDC_ClearError may fail and be repeated, and may be sent without an error. [ERR-05..14]
 * Other devices are not concerned.
 *
 * WHAT HOLDS FOR EVERY FUNCTION
 *
 * Results. A vdi_result is NOERROR (0) or a negative VD_E_ code. vdi_last_error_message() then
 * says in words what was wrong and names the parameter or object; control flow never needs it.
 * Completion codes (ERROR_...) are another space of numbers: they tell the server how a command
 * ended and are never returned by a function. When several results apply: null and misaligned
 * pointers and handles that are not open come first, then an abort, then the state, then the rest. The
 * address of a command or buffer is looked up, not read, and belongs to the rest. A lack of memory may
 * come before all others.
 *
 * Handles. vdi_set, vdi_device, vdi_server and vdi_server_device are opaque. A handle is looked up
 * and never dereferenced, so a closed, null or invented handle is VD_E_PROTOCOL and harmless, also
 * while another thread is inside a call with it: that call goes on with what it has, and those that
 * wait end with VD_E_PROTOCOL. No handle is used twice.
 *
 * Pointers. Every pointer is checked for null and alignment: VD_E_INVALID. An output parameter is
 * written only with a result, or with its failure value (null, 0) where the function says so.
 *
 * Threads. Any function may be called from any thread at any time unless it says otherwise.
 * Functions that wait say so, for what, and for how long; the others wait for nothing but short
 * locks inside the process. Signals do not end a wait. A signal handler must not call the library:
 * it may have interrupted a call that holds a lock. No function is a cancellation point: a
 * pthread_cancel() takes effect after the call, that of the completion agent after the agent. The
 * thread's cancellation must be deferred, as it is by default.
 * While the process has a set open the library runs two threads of its own, "vdi-link" and
 * "vdi-witness", with all signals blocked; they call nothing of the program.
 *
 * Completion routines may call every function, also for their own set, and may end the process or
 * fork; see vdi_completion_routine for what waits meanwhile.
 *
 * Processes. In the child of a fork() every handle of the parent is VD_E_PROTOCOL; the child may
 * create and open sets of its own. Neither its life nor its end disturbs those of the parent. The child of a vfork() must not call the library. Nothing of a set survives an
 * exec().
 *
 * The end. The library works in atexit handlers, and in destructors of the program and of threads.
 * exit() waits for nobody: a set that is still open ends in an abort. A process whose main thread
 * leaves by pthread_exit() ends with its last thread if all sets are closed. After dlclose() the
 * library stays in memory, sets stay open, and a later dlopen() finds them.
 *
 * Output. The library prints nothing, and keeps none of the descriptors 0 to 2 for itself, even if
 * the program has closed them.
 *
 * Names. A name is 1 to VDI_MAX_NAME bytes without backslash, compared byte by byte. An instance
 * is null or "" (the default instance), or follows the same rules; sets of different instances do
 * not see each other.
 *
 * Finding each other. Client and server meet in a directory: $VDI_RUNTIME_DIR if set, else
 * /run/vdi if it exists and can be used, else $XDG_RUNTIME_DIR/vdi, else /tmp/vdi-UID. The first two
 * must exist, the others are created for the user alone. The path is absolute, at most 70 bytes, and
 * what others may write to needs the sticky bit. Processes of different users need one of the first
 * two, and each side's word: vdi_create_options says who may join a set, vdi_server_open_options whose
 * sets the server opens. The kernel tells each who the other is. A process that is killed leaves at
 * most one empty file there, which the others of the set or the next vdi_create() remove. A program
 * that runs with more rights than its caller (set-user-ID, set-group-ID, file capabilities, another
 * domain of a security module; AT_SECURE of getauxval(3)) reads neither variable.
 *
 * Abort. A set that is aborted stays so for every process: blocking calls end with VD_E_ABORT, the
 * server's outstanding commands complete with ERROR_OPERATION_ABORTED, and vdi_abort_reason() tells
 * why; the first reason stays. The end of the server process or of the primary client process before
 * the operation has ended is an abort, too. So is something impossible in the shared memory; the
 * call that was about to use it returns VD_E_UNEXPECTED. [AMB-31] A process that is stopped or that
 * hangs is alive: a client that must not wait for ever uses time-outs, a server lets its client ask
 * for serverTimeOut.
 *
 * The numbers in brackets, such as [CSET-CLOSE-03], are rules of docs/vdi-spec.md.
 *
 * This file is generated from the Rust sources; do not edit it.
 */

#ifndef VDI_H
#define VDI_H

#include <stddef.h>
#include <stdint.h>

#ifdef SQLVDI_VDIERROR_H
#error "include either the C interface of libvdi or the classes of sqlvdi, not both in one source file"
#endif

#if defined(__GNUC__) || defined(__clang__)
#define VDI_API __attribute__((visibility("default")))
#define VDI_MUST_USE __attribute__((warn_unused_result))
#else
#define VDI_API
#define VDI_MUST_USE
#endif

#if defined(__cplusplus) && __cplusplus >= 201103L
#define VDI_NOEXCEPT noexcept
#else
#define VDI_NOEXCEPT
#endif

struct VDS_Command;

#define VDI_VERSION_MAJOR 0
#define VDI_VERSION_MINOR 1
#define VDI_VERSION_PATCH 0

/**
 * The call succeeded. [RC-00]
 */
#define NOERROR 0

/**
 * 0x80770002: object was not open. Defined for completeness; no function returns it. [RC-02]
 */
#define VD_E_NOTOPEN -2139684862

/**
 * 0x80770003: the call waited and its interval elapsed; everything stays usable. [RC-03]
 */
#define VD_E_TIMEOUT -2139684861

/**
 * 0x80770004: an abort is in force; only closing makes sense now. [RC-04]
 */
#define VD_E_ABORT -2139684860

/**
 * 0x80770005: permission is missing, or the security set-up failed. [RC-05]
 */
#define VD_E_SECURITY -2139684859

/**
 * 0x80770006: a parameter is not valid. [RC-06]
 */
#define VD_E_INVALID -2139684858

/**
 * 0x80770007: the instance name is malformed. [RC-07]
 */
#define VD_E_INSTANCE_NAME -2139684857

/**
 * 0x80770009: the requested configuration is invalid. [RC-09]
 */
#define VD_E_NOTSUPPORTED -2139684855

/**
 * 0x8077000A: out of memory, or out of buffers. Also no room in the runtime directory, and memory
 * that a limit forbids: of the operating system's errors ENOMEM, ENOSPC, EDQUOT and EFBIG, and
 * EAGAIN where memory would be locked. [RC-0A]
 */
#define VD_E_MEMORY -2139684854

/**
 * 0x8077000B: an operating system error that has no better code, or an error in the library;
 * vdi_last_error_message() says which. So are too many open files (EMFILE, ENFILE), no more
 * threads (EAGAIN), and a kernel or a filter that has no such call (ENOSYS). [RC-0B]
 */
#define VD_E_UNEXPECTED -2139684853

/**
 * 0x8077000C: the call is not allowed now, or the handle is not open. [RC-0C]
 */
#define VD_E_PROTOCOL -2139684852

/**
 * 0x8077000D: all devices are open already, or devices are still open. [RC-0D]
 */
#define VD_E_OPEN -2139684851

/**
 * 0x8077000E: the device is now closed; part of every normal ending. [RC-0E]
 */
#define VD_E_CLOSE -2139684850

/**
 * 0x8077000F: somebody else is using the object. [RC-0F, AMB-08, AMB-27, AMB-31]
 */
#define VD_E_BUSY -2139684849

/**
 * 0x80770010: the queue of the device is full. The published documents name this code without a
 * value; the value is this library's. [AMB-09]
 */
#define VD_E_QUEUE_FULL -2139684848

/**
 * 0x80770011: the device is in the IO-ERROR state and takes VDC_ClearError only. The published
 * documents name this code without a value; the value is this library's. [AMB-09]
 */
#define VD_E_IO_ERROR -2139684847

/**
 * Completion: success. [CC-01]
 */
#define ERROR_SUCCESS 0

/**
 * Completion: the device does not take commands; given by the library. [CC-02]
 */
#define ERROR_INVALID_HANDLE 6

/**
 * Completion: published value without documented use. [CC-03]
 */
#define ERROR_ARENA_TRASHED 7

/**
 * Completion of a Read: no more data. The bytes of a short last Read come with it. [CC-04]
 */
#define ERROR_HANDLE_EOF 38

/**
 * Completion: published value without documented use; a full disk. [CC-05]
 */
#define ERROR_HANDLE_DISK_FULL 39

/**
 * Completion: the client does not support this command. [CC-06]
 */
#define ERROR_NOT_SUPPORTED 50

/**
 * Completion: a parameter of the command is wrong. [CC-07]
 */
#define ERROR_INVALID_PARAMETER 87

/**
 * Completion of a Write: the device cannot store more. [CC-08]
 */
#define ERROR_DISK_FULL 112

/**
 * Completion: the set was aborted; also how a client refuses a Snapshot. [CC-09]
 */
#define ERROR_OPERATION_ABORTED 995

/**
 * Completion of a Write: the end-of-media warning zone is reached. [CC-10]
 */
#define ERROR_END_OF_MEDIA 1100

/**
 * Completion: a filemark was met. [CC-11]
 */
#define ERROR_FILEMARK_DETECTED 1101

/**
 * Completion: backward positioning ran into the start. [CC-12]
 */
#define ERROR_BEGINNING_OF_MEDIA 1102

/**
 * Completion: published value, not used by VDI. [CC-13]
 */
#define ERROR_SETMARK_DETECTED 1103

/**
 * Completion of a Read: no more data. [CC-14]
 */
#define ERROR_NO_DATA_DETECTED 1104

/**
 * Completion: the block length is wrong. [CC-15]
 */
#define ERROR_INVALID_BLOCK_LENGTH 1106

/**
 * Completion of a Load: the medium could not be locked. [CC-16]
 */
#define ERROR_UNABLE_TO_LOCK_MEDIA 1108

/**
 * Completion of a Load: the medium could not be unloaded. [CC-17]
 */
#define ERROR_UNABLE_TO_UNLOAD_MEDIA 1109

/**
 * Completion of a Load: the medium was changed. [CC-18]
 */
#define ERROR_MEDIA_CHANGED 1110

/**
 * Completion: the device failed. [CC-19]
 */
#define ERROR_BUS_RESET 1111

/**
 * Completion of a Load: there is no medium. [CC-20]
 */
#define ERROR_NO_MEDIA_IN_DRIVE 1112

/**
 * Completion: the device is in the IO-ERROR state; given by the library. [CC-21]
 */
#define ERROR_IO_DEVICE 1117

/**
 * Completion of a Write: the device cannot store more. [CC-22]
 */
#define ERROR_EOM_OVERFLOW 1129

/**
 * Completion: the queue of the device is full; given by the library. [CC-23]
 */
#define ERROR_NO_SYSTEM_RESOURCES 1450

/**
 * Feature: no positioning at all, strictly sequential. [FV-01]
 */
#define VDF_LikePipe 0

/**
 * Feature, set by the client: media can be changed (VDC_Load). [FV-02]
 */
#define VDF_Removable 1

/**
 * Feature, set by the client: VDC_Rewind is supported. [FV-03]
 */
#define VDF_Rewind (1u << 1)

/**
 * Feature, set by the client: VDC_GetPosition and VDC_SetPosition with block addresses that
 * only the device understands. [FV-04]
 */
#define VDF_Position (1u << 4)

/**
 * Feature, set by the client: VDC_SkipBlocks is supported. [FV-05]
 */
#define VDF_SkipBlocks (1u << 5)

/**
 * Feature, set by the client: positioning backward is possible. [FV-06]
 */
#define VDF_ReversePosition (1u << 6)

/**
 * Feature, set by the client: VDC_Discard is supported. [FV-07]
 */
#define VDF_Discard (1u << 7)

/**
 * Feature, set by the client: filemarks (VDC_WriteMark, VDC_SkipMarks). [FV-08]
 */
#define VDF_FileMarks (1u << 8)

/**
 * Feature, set by the client: like a disk; every Read and Write carries a byte offset. [FV-09]
 */
#define VDF_RandomAccess (1u << 9)

/**
 * Feature, set by the client: wants VDC_PrepareToFreeze. [FV-10]
 */
#define VDF_SnapshotPrepare (1u << 10)

/**
 * Feature, set by the client: name and value are published, the meaning is not. [FV-11]
 */
#define VDF_EnumFrozenFiles (1u << 11)

/**
 * Feature, set by the client: name and value are published, the meaning is not. [FV-12]
 */
#define VDF_VSSWriter (1u << 12)

/**
 * Feature, set by the client: asks for VDC_Complete. [FV-13]
 */
#define VDF_RequestComplete (1u << 13)

/**
 * Feature, set by the server: the operation writes to the devices (a backup). [FV-14]
 */
#define VDF_WriteMedia (1u << 16)

/**
 * Feature, set by the server: the operation reads from the devices (a restore). [FV-15]
 */
#define VDF_ReadMedia (1u << 17)

/**
 * Feature, set by the server: it will send VDC_Complete. [FV-16]
 */
#define VDF_CompleteEnabled (1u << 18)

/**
 * Feature: name and value are published, the meaning is not. [FV-17]
 */
#define VDF_LatchStats (1u << 31)

/**
 * The feature set of a tape: FileMarks, Removable, Rewind, Position, SkipBlocks and
 * ReversePosition (0x173). [FV-18]
 */
#define VDF_LikeTape 371

/**
 * The feature set of a disk: RandomAccess (0x200). [FV-19]
 */
#define VDF_LikeDisk (1u << 9)

/**
 * Command: move `size` bytes from the device into the buffer. [CMD-READ-01]
 */
#define VDC_Read 1

/**
 * Command: move `size` bytes from the buffer to the device. [CMD-WRITE-01]
 */
#define VDC_Write 2

/**
 * Command: end of the IO-ERROR state, sent after a failed command. [CMD-CLEAR-01]
 */
#define VDC_ClearError 3

/**
 * Command: go to the beginning of the medium. [CMD-REWIND-01]
 */
#define VDC_Rewind 4

/**
 * Command: write one filemark. [CMD-WMARK-01]
 */
#define VDC_WriteMark 5

/**
 * Command: skip `size` filemarks; negative is backward. [CMD-SMARK-01]
 */
#define VDC_SkipMarks 6

/**
 * Command: skip `size` blocks. [CMD-SBLK-01]
 */
#define VDC_SkipBlocks 7

/**
 * Command: make the next medium available. [CMD-LOAD-01]
 */
#define VDC_Load 8

/**
 * Command: report the position. [CMD-GPOS-01]
 */
#define VDC_GetPosition 9

/**
 * Command: go to `position`; with VDF_RandomAccess `size` is one of VDC_Beginning, VDC_Current,
 * VDC_End. [CMD-SPOS-01]
 */
#define VDC_SetPosition 10

/**
 * Command: data written so far is no longer wanted. [CMD-DISC-01]
 */
#define VDC_Discard 11

/**
 * Command: make everything written so far durable. More Writes may follow. [CMD-FLUSH-01]
 */
#define VDC_Flush 12

/**
 * Command: the database is frozen, take the snapshot now. [SNAP-21]
 */
#define VDC_Snapshot 13

/**
 * Command: bring the files of the snapshot back. [SNAP-22]
 */
#define VDC_MountSnapshot 14

/**
 * Command: get ready, success lets the server freeze the database. [SNAP-20]
 */
#define VDC_PrepareToFreeze 15

/**
 * Command: only the code is published. [CMD-FINFO-01]
 */
#define VDC_FileInfoBegin 16

/**
 * Command: only the code is published. [CMD-FINFO-01]
 */
#define VDC_FileInfoEnd 17

/**
 * Command: only the code is published. [CMD-GETERR-01]
 */
#define VDC_GetError 18

/**
 * Command: all data was sent; finish the backup. Sent only after VDF_CompleteEnabled. [CMPL-04]
 */
#define VDC_Complete 19

/**
 * Start of a VDC_SetPosition: the beginning of the data. [CMD-SPOS-02]
 */
#define VDC_Beginning 0

/**
 * Start of a VDC_SetPosition: the current position. [CMD-SPOS-02]
 */
#define VDC_Current 1

/**
 * Start of a VDC_SetPosition: the end of the data. [CMD-SPOS-02]
 */
#define VDC_End 2

/**
 * The time-out that never elapses. [LIM-05, AMB-42]
 */
#define VDI_INFINITE UINT32_MAX

/**
 * Most devices in one set. [LIM-01]
 */
#define VDI_MAX_DEVICES 64

/**
 * Longest name of a set, a device or an instance, in bytes. [AMB-24]
 */
#define VDI_MAX_NAME 255

/**
 * Smallest block size in bytes. [LIM-02]
 */
#define VDI_MIN_BLOCK_SIZE 512

/**
 * Largest block size in bytes. [LIM-02]
 */
#define VDI_MAX_BLOCK_SIZE 65536

/**
 * Largest alignment in bytes. [LIM-03]
 */
#define VDI_MAX_ALIGNMENT 65536

/**
 * Unit and smallest value of the maximum transfer size, in bytes. [LIM-04]
 */
#define VDI_TRANSFER_UNIT 65536

/**
 * Largest maximum transfer size in bytes. [LIM-04]
 */
#define VDI_MAX_TRANSFER_SIZE 4194304

/**
 * Largest prefix zone in bytes. [AMB-11]
 */
#define VDI_MAX_PREFIX_ZONE 1048576

/**
 * What VDConfig.maxIODepth always says. It limits nothing. [CFG-44]
 */
#define VDI_IO_DEPTH 4

/**
 * Commands that may be outstanding on one device, unless vdi_create_options says more. [AMB-09]
 */
#define VDI_QUEUE_CAPACITY 64

/**
 * Flag of vdi_create_options: accept any mix of positioning features. [AMB-11]
 */
#define VDI_CREATE_LENIENT 1

/**
 * Flag of vdi_create_options: also let in the user `uid`.
 */
#define VDI_CREATE_ALLOW_UID (1u << 1)

/**
 * Flag of vdi_create_options: also let in the members of the group `gid`.
 */
#define VDI_CREATE_ALLOW_GID (1u << 2)

/**
 * Flag of vdi_server_open_options: also open sets of the user `uid`.
 */
#define VDI_OPEN_ALLOW_UID 1

/**
 * Flag of vdi_server_open_options: also open sets of the members of the group `gid`.
 */
#define VDI_OPEN_ALLOW_GID (1u << 1)

/**
 * Abort reason: the set is not aborted.
 */
#define VDI_ABORT_NONE 0

/**
 * Abort reason: aborted, but the process that did it left no reason.
 */
#define VDI_ABORT_UNKNOWN 1

/**
 * Abort reason: vdi_signal_abort() in a client process. [CSET-ABORT-03]
 */
#define VDI_ABORT_CLIENT 2

/**
 * Abort reason: vdi_server_signal_abort(). [SSET-ABORT-01]
 */
#define VDI_ABORT_SERVER 3

/**
 * Abort reason: a client closed the set before the devices were closed. [CSET-CLOSE-03]
 */
#define VDI_ABORT_CLIENT_CLOSED 4

/**
 * Abort reason: the server closed the set before it closed the devices. [SSET-CLOSE-02, AMB-40]
 */
#define VDI_ABORT_SERVER_CLOSED 5

/**
 * Abort reason: the primary client process ended without closing the set. [CRASH-02]
 */
#define VDI_ABORT_PRIMARY_DIED 6

/**
 * Abort reason: the server process ended without closing the set. [CRASH-01]
 */
#define VDI_ABORT_SERVER_DIED 7

/**
 * Abort reason: serverTimeOut expired twice without any completion. [TMO-10]
 */
#define VDI_ABORT_TIMEOUT 8

/**
 * Abort reason: a process wrote something impossible into the shared memory. [SEC-07]
 */
#define VDI_ABORT_CORRUPTION 9

/**
 * Abort reason: a process could not get or map the memory of the set. [LNX-11]
 */
#define VDI_ABORT_RESOURCES 10

/**
 * Abort reason: an error inside the library; please report it.
 */
#define VDI_ABORT_INTERNAL 11

/**
 * A device of a set that this client process opened.
 */
typedef struct vdi_device vdi_device;

/**
 * A device set, as the server has it open.
 */
typedef struct vdi_server vdi_server;

/**
 * A device of a set that the server opened.
 */
typedef struct vdi_server_device vdi_server_device;

/**
 * A device set, as a client process has it open: the primary that created it, or a secondary.
 */
typedef struct vdi_set vdi_set;

/**
 * NOERROR or one of the VD_E_ codes.
 */
typedef int32_t vdi_result;

/**
 * Configuration of a device set: 44 bytes, as published. [3.1]
 *
 * The client fills in the first seven fields for vdi_create(); the last four are ignored there.
 * vdi_get_configuration() returns all of them as the server decided.
 */
typedef struct VDConfig {
  /**
   * Number of devices, 1 to VDI_MAX_DEVICES. [CFG-20]
   */
  uint32_t deviceCount;
  /**
   * VDF_ bits: the client's on input, with the server's added on output. The positioning bits are
   * those of a pipe (none), VDF_LikeTape or VDF_LikeDisk; any others may be added. Bits that only
   * the server sets are dropped on input, unknown ones are passed on. [CFG-21, CFG-40, AMB-11]
   */
  uint32_t features;
  /**
   * Bytes of private space of the client before every buffer, at most VDI_MAX_PREFIX_ZONE;
   * 0 for none. Neither cleared nor kept from one command to the next. [CFG-22, BUF-06]
   */
  uint32_t prefixZoneSize;
  /**
   * On input the least alignment in bytes that the client needs, a power of two up to
   * VDI_MAX_ALIGNMENT, or 0; on output the alignment of every buffer. [CFG-23, CFG-42]
   */
  uint32_t alignment;
  /**
   * With VDF_FileMarks: bytes of a soft filemark, 0 for hard ones. [CFG-24]
   */
  uint32_t softFileMarkBlockSize;
  /**
   * Bytes of the end-of-media warning zone, 0 for none. [CFG-25]
   */
  uint32_t EOMWarningSize;
  /**
   * Milliseconds that the server's agent allows for a response (it tolerates two intervals
   * without any); 0 for no limit. [CFG-26, TMO-10]
   */
  uint32_t serverTimeOut;
  /**
   * Output: block size in bytes; the server makes every transfer a multiple of it. [CFG-43]
   */
  uint32_t blockSize;
  /**
   * Output: always 4; limits nothing. [CFG-44]
   */
  uint32_t maxIODepth;
  /**
   * Output: bytes of the largest single Read or Write that the server is to send. [CFG-45]
   */
  uint32_t maxTransferSize;
  /**
   * Output: bytes of shared buffer area at the end of the configuration, prefix zones and
   * padding included; UINT32_MAX if it is more. [CFG-46, AMB-13]
   */
  uint32_t bufferAreaSize;
} VDConfig;

/**
 * What vdi_create() can be told beyond the published configuration.
 *
 * Zero the structure, set `size`, then what is wanted. By default only processes of the same user
 * and of root may open the set.
 */
typedef struct vdi_create_options {
  /**
   * sizeof(vdi_create_options).
   */
  uint32_t size;
  /**
   * VDI_CREATE_ bits; any other bit is VD_E_INVALID.
   */
  uint32_t flags;
  /**
   * With VDI_CREATE_ALLOW_UID: a user whose processes may open the set.
   */
  uint32_t uid;
  /**
   * With VDI_CREATE_ALLOW_GID: a group whose members may open the set. The creator must be a
   * member, or root.
   */
  uint32_t gid;
  /**
   * Commands that may be outstanding on one device: 0 for VDI_QUEUE_CAPACITY, else a power of
   * two from VDI_QUEUE_CAPACITY up, with at most 4096 for all devices together. [AMB-09]
   */
  uint32_t queueCapacity;
  /**
   * Milliseconds that vdi_open_device() waits for a device name that the server has not
   * announced yet; 0 for 30000, at most 3600000. [AMB-16]
   */
  uint32_t nameWait;
  /**
   * Must be zero.
   */
  uint32_t reserved[4];
} vdi_create_options;

/**
 * A command, as the client receives it: 24 bytes, as published. [3.2]
 *
 * The memory belongs to the library, must not be changed, and is valid until the command is
 * completed or the set is closed. [STRUCT-05]
 */
typedef struct VDC_Command {
  /**
   * VDC_ code. A code that the client does not know is to be completed with
   * ERROR_NOT_SUPPORTED. [CMD-02]
   */
  int32_t commandCode;
  /**
   * Bytes to transfer; a count or a start for some commands. [CMD-03]
   */
  int32_t size;
  /**
   * Position on the device, for commands that have one. [CMD-03]
   */
  int64_t position;
  /**
   * Start of the data zone in this process, or null. The prefix zone lies directly before it.
   * [BUF-04]
   */
  uint8_t *buffer;
} VDC_Command;

/**
 * Options of vdi_server_open_from(). Without any, sets of the server's own user and of root are
 * opened.
 */
typedef struct vdi_server_open_options {
  /**
   * sizeof(vdi_server_open_options).
   */
  uint32_t size;
  /**
   * VDI_OPEN_ bits; any other bit is VD_E_INVALID.
   */
  uint32_t flags;
  /**
   * With VDI_OPEN_ALLOW_UID: a user whose sets may be opened.
   */
  uint32_t uid;
  /**
   * With VDI_OPEN_ALLOW_GID: a group; sets of its members may be opened.
   */
  uint32_t gid;
  /**
   * Must be zero.
   */
  uint32_t reserved[4];
} vdi_server_open_options;

/**
 * Parameters of vdi_server_begin_configuration(), by name, because published documents and
 * headers disagree about their order. [AMB-18]
 */
typedef struct vdi_server_parameters {
  /**
   * sizeof(vdi_server_parameters).
   */
  uint32_t size;
  /**
   * VDF_WriteMedia, VDF_ReadMedia or both, and VDF_CompleteEnabled; other bits are ignored.
   * VDF_CompleteEnabled counts only if the client asked for it. [AMB-10]
   */
  uint32_t features;
  /**
   * Block size in bytes: a power of two, VDI_MIN_BLOCK_SIZE to VDI_MAX_BLOCK_SIZE. [CFG-60]
   */
  uint32_t blockSize;
  /**
   * Alignment of every buffer in bytes: 0 for the block size, else a power of two from the
   * block size to VDI_MAX_ALIGNMENT. The client's own need raises it. [CFG-61, CFG-65]
   */
  uint32_t alignment;
  /**
   * Largest Read or Write in bytes: a multiple of VDI_TRANSFER_UNIT up to
   * VDI_MAX_TRANSFER_SIZE. [CFG-62, LIM-04]
   */
  uint32_t maxTransferSize;
  /**
   * Milliseconds; accepted and without effect. [AMB-14]
   */
  uint32_t timeout;
  /**
   * Must be zero.
   */
  uint32_t reserved[2];
} vdi_server_parameters;

/**
 * Called when a command has ended, exactly once for every command. [STRUCT-02, SSET-AGENT-09]
 *
 * The fields completionCode, bytesTransferred and outPosition are filled in. The function runs on
 * the thread of the completion agent, on the thread that calls vdi_server_send_command() when that
 * call fails, or on the thread that calls vdi_server_close() when no agent is running.
 *
 * It may call every function: send commands, allocate and free buffers, close devices, abort and
 * close the set. On the agent's thread vdi_server_execute_completion_agent() is VD_E_BUSY, and
 * vdi_server_close() does not wait; elsewhere it may even become the agent. It may send the same
 * command again; if that fails, it is called again before the send returns, so it must look at
 * completionCode first. It may fork; in the child the call that runs it ends with VD_E_PROTOCOL, and
 * the other commands stay the parent's.
 *
 * It should not block: as long as it runs, no other completion of the set is delivered, serverTimeOut
 * is not watched, and a vdi_server_close() of another thread waits. If it never returns, that is
 * all: clients are told of aborts and closes at once, and other sets go on.
 *
 * It must not leave other than by returning. An exception that it lets out, and a pthread_exit() in
 * it, end the process with SIGABRT; a longjmp() out of it is undefined. pthread_cancel() waits until
 * the agent has returned.
 */
typedef void (*vdi_completion_routine)(struct VDS_Command *command);

/**
 * A command, as the server sends it: 56 bytes, as published. [3.3]
 *
 * The memory belongs to the caller and must stay valid and unmoved from
 * vdi_server_send_command() until the completion routine has been called. [STRUCT-06]
 */
typedef struct VDS_Command {
  /**
   * In: VDC_ code. Any value travels. [CMD-02]
   */
  int32_t commandCode;
  /**
   * In: bytes to transfer; a count or a start for some commands. [CMD-03] That a Read or Write
   * is a multiple of the block size and at most maxTransferSize is the server's duty to the
   * client; the library checks only that it fits the buffer. [BUF-20]
   */
  int32_t size;
  /**
   * In: position, delivered as VDC_Command.position.
   */
  int64_t inPosition;
  /**
   * Out: position that the client returned. [AMB-21]
   */
  int64_t outPosition;
  /**
   * In: a buffer from vdi_server_allocate_buffer() for Read and Write. Any other command may
   * carry such a buffer or null; any other address reaches the client as null.
   * [SDEV-SEND-07, CMD-04]
   */
  uint8_t *buffer;
  /**
   * In: called when the command has ended; must not be null. [SDEV-SEND-02]
   */
  vdi_completion_routine completionRoutine;
  /**
   * In: free for the caller. [SDEV-SEND-02]
   */
  void *completionContext;
  /**
   * Out: ERROR_SUCCESS, or how the command failed. [CMD-01]
   */
  int32_t completionCode;
  /**
   * Out: bytes moved by a Read or Write; 0 when the library ended the command. [SDEV-SEND-08]
   */
  int32_t bytesTransferred;
} VDS_Command;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * The version of the library at run time: major << 16 | minor << 8 | patch.
 *
 * Compare with VDI_VERSION_MAJOR and so on, which are those of the header.
 */
VDI_API uint32_t vdi_version(void) VDI_NOEXCEPT;

/**
 * The name of a result code.
 *
 * @param result  Any value.
 * @return The name, such as "VD_E_TIMEOUT"; "unknown result" for a value without a name. Never
 *         null; a constant that lives as long as the library.
 */
VDI_API
const char *vdi_result_name(vdi_result result)
VDI_NOEXCEPT;

/**
 * The name of a command code.
 *
 * @param command_code  Any value.
 * @return The name, such as "VDC_Flush"; "unknown command" for a value without a name. Never
 *         null; a constant that lives as long as the library.
 */
VDI_API
const char *vdi_command_name(int32_t command_code)
VDI_NOEXCEPT;

/**
 * What the last failing call on this thread complained about, in English.
 *
 * The text begins with the name of the function and names the parameter or object at fault. It is
 * meant for logs; decide by result codes.
 *
 * @return The text; "" if no call on this thread failed. Never null. It belongs to the library and
 *         is valid on this thread until the next call that fails.
 */
VDI_API
const char *vdi_last_error_message(void)
VDI_NOEXCEPT;

/**
 * Creates a device set and makes it findable by its name. The caller is the primary client.
 *
 * Start the statement that makes the server open the set only after this call succeeded. One set
 * serves one BACKUP or RESTORE. [CSET-CREATE-01, CSET-CREATE-05]
 *
 * @param instance  Instance of the server; null or "" for the default. [NAME-12, NAME-16]
 * @param name      Name of the set, unique on this machine while the set lives; a fresh UUID is
 *                  the usual way. It is also the name of the first device. [NAME-01, NAME-06]
 * @param config    The client's inputs; read during the call. [CSET-CREATE-07]
 * @param options   Null for the defaults.
 * @param out_set   Receives the set; null on failure.
 * @return NOERROR;
 *         VD_E_PROTOCOL if a set of that name exists; [CSET-CREATE-04]
 *         VD_E_NOTSUPPORTED if a field of `config` is invalid: a deviceCount outside 1 to
 *         VDI_MAX_DEVICES, positioning features that are neither those of a pipe, a tape nor a
 *         disk, an alignment that is no power of two, a prefix zone that is too large; [AMB-11]
 *         VD_E_INVALID for a null or malformed parameter or option;
 *         VD_E_INSTANCE_NAME for a malformed instance;
 *         VD_E_SECURITY if the runtime directory may not be used, or another user has a set of that
 *         name or has left one behind;
 *         VD_E_MEMORY if there is no memory for the set, or no room in the runtime directory;
 *         VD_E_UNEXPECTED for any other error of the operating system, such as too many open files.
 *
 * After a failure nothing remains. [CSET-CREATE-10] End the set with vdi_close(). Does not wait
 * for a server; waits, at most five seconds, while other processes create or find a set at the same moment.
 */
VDI_API
VDI_MUST_USE
vdi_result vdi_create(const char *instance,
                      const char *name,
                      const struct VDConfig *config,
                      const struct vdi_create_options *options,
                      struct vdi_set **out_set)
VDI_NOEXCEPT;

/**
 * Opens, as a secondary client, a set that was created elsewhere, usually in another process.
 *
 * Possible as soon as the server has ended the configuration; a primary knows it when its
 * vdi_get_configuration() returns. A secondary opens devices and works on them as the primary
 * would; its vdi_get_configuration() returns at once. [CSET-SECOND-01, CSET-SECOND-07]
 *
 * @param instance  As in vdi_create().
 * @param name      Name of the set, exactly as in vdi_create(). [CSET-SECOND-05]
 * @param out_set   Receives the set; null on failure.
 * @return NOERROR;
 *         VD_E_PROTOCOL if there is no such set, or it is not configured yet, or has ended;
 *         VD_E_ABORT if it was aborted;
 *         VD_E_SECURITY if it exists but this user may not open it;
 *         VD_E_BUSY if it has been opened more than 255 times;
 *         VD_E_INVALID for a null or malformed parameter;
 *         VD_E_INSTANCE_NAME for a malformed instance;
 *         VD_E_MEMORY, VD_E_UNEXPECTED for errors of the operating system.
 *
 * End with vdi_close(). Waits for nothing but the answer of the primary's library, which is given
 * at once; a primary that is stopped makes the call fail after ten seconds (VD_E_UNEXPECTED).
 */
VDI_API
VDI_MUST_USE
vdi_result vdi_open_in_secondary(const char *instance,
                                 const char *name,
                                 struct vdi_set **out_set)
VDI_NOEXCEPT;

/**
 * Waits until the server has configured the set, and returns the configuration.
 *
 * Once the set is configured the call returns at once, any number of times, in any thread, in the
 * primary and in secondaries. [CSET-GETCFG-05]
 *
 * @param set         The set.
 * @param timeout_ms  Milliseconds to wait, at most 2147483647; 0 polls; VDI_INFINITE, as every
 *                    value that is negative as an int32_t, waits for ever. [AMB-42]
 * @param out_config  Receives the configuration; left unchanged on failure. [CSET-GETCFG-08]
 * @return NOERROR;
 *         VD_E_TIMEOUT if the set was not configured in time; call again; [CSET-GETCFG-03]
 *         VD_E_ABORT if the set is aborted, also during the wait; [CSET-GETCFG-04]
 *         VD_E_UNEXPECTED if it meets something impossible in the shared memory; the set is then
 *         aborted; [AMB-31]
 *         VD_E_PROTOCOL if the set is not open, or is closed during the wait;
 *         VD_E_INVALID if `out_config` is null.
 *
 * Blocks. A statement that fails before the server opens the set is never seen here: watch it,
 * too. [CFG-09]
 */
VDI_API
VDI_MUST_USE
vdi_result vdi_get_configuration(struct vdi_set *set,
                                 uint32_t timeout_ms,
                                 struct VDConfig *out_config)
VDI_NOEXCEPT;

/**
 * Opens one device of the set for this process.
 *
 * Possible as soon as the set is configured. With n devices configured, n calls succeed in total,
 * over all client processes. [CSET-OPENDEV-09]
 *
 * @param set         The set.
 * @param name        Name of the device: the name of the set for the first one, for the others
 *                    those that the server announces by opening them. [CSET-OPENDEV-02]
 * @param out_device  Receives the device; null on failure. [CSET-OPENDEV-08]
 * @return NOERROR;
 *         VD_E_OPEN if all devices have been opened already; [CSET-OPENDEV-04]
 *         VD_E_PROTOCOL if that device is open already, or the set is not open, not configured
 *         yet, or has ended normally: an operation without commands may be over before the client
 *         opens its devices, which is no error; [CSET-OPENDEV-05]
 *         VD_E_INVALID if the name is null, malformed or not one of the set; [CSET-OPENDEV-06]
 *         VD_E_ABORT if the set is aborted; [CSET-OPENDEV-07]
 *         VD_E_MEMORY if there is no memory for the device.
 *
 * The device belongs to the set and ends with vdi_close(); it is never freed. Blocks only while
 * the name may still be announced by the server, at most vdi_create_options.nameWait; the first
 * device never waits. [AMB-16]
 */
VDI_API
VDI_MUST_USE
vdi_result vdi_open_device(struct vdi_set *set,
                           const char *name,
                           struct vdi_device **out_device)
VDI_NOEXCEPT;

/**
 * Turns the address of a buffer into a handle that means the same buffer in every client process
 * of this set.
 *
 * @param set         The set.
 * @param buffer      VDC_Command.buffer of a command that this process has received and not
 *                    completed. [CSET-BUFH-01]
 * @param out_handle  Receives the handle; 0 on failure, which is never a handle.
 * @return NOERROR;
 *         VD_E_INVALID if `buffer` is not such an address, or `out_handle` is null;
 *         VD_E_PROTOCOL if the set is not open;
 *         VD_E_MEMORY if there is no memory for the call.
 *
 * The handle is valid until the command is completed. [CSET-BUFH-07] Each command has handles of its
 * own: never keep one for the next command, even with the same buffer. Pass it to the other process
 * by any means. Works after an abort, too. [AMB-06]
 */
VDI_API
VDI_MUST_USE
vdi_result vdi_get_buffer_handle(struct vdi_set *set,
                                 const void *buffer,
                                 uint32_t *out_handle)
VDI_NOEXCEPT;

/**
 * Turns a buffer handle into an address that is valid in this process.
 *
 * @param set      The set, the same one as in the process that made the handle.
 * @param handle   A handle from vdi_get_buffer_handle().
 * @param out_ptr  Receives the start of the data zone; the prefix zone lies directly before it.
 *                 [CSET-BUFH-06] Null on failure.
 * @return NOERROR;
 *         VD_E_INVALID if the handle was never given out, belongs to another set or to a command
 *         that is completed, or `out_ptr` is null; [CSET-BUFH-03]
 *         VD_E_PROTOCOL if the set is not open;
 *         VD_E_MEMORY, VD_E_UNEXPECTED if this process could not get the memory of the buffer: the
 *         set is then aborted (VDI_ABORT_RESOURCES).
 *
 * Use the address only until the command is completed, which remains the duty of the process that
 * received it. [CSET-BUFH-05] The same handle gives the same address again. Works after an abort,
 * too. [AMB-06] The memory of a buffer that the server has just added may still be on its way to
 * this process: the call waits for it, at most ten seconds.
 */
VDI_API
VDI_MUST_USE
vdi_result vdi_map_buffer_handle(struct vdi_set *set,
                                 uint32_t handle,
                                 void **out_ptr)
VDI_NOEXCEPT;

/**
 * Aborts the set, for every process.
 *
 * No more commands are delivered; all uncompleted ones end with ERROR_OPERATION_ABORTED for the
 * server. [CSET-ABORT-03]
 *
 * @param set     The set.
 * @param reason  Why, in UTF-8, for the other processes' vdi_abort_reason(); cut after 255 bytes.
 *                Null for none.
 * @return NOERROR, also if the set is aborted already; [CSET-ABORT-04]
 *         VD_E_PROTOCOL if the set is not open.
 *
 * Waits for nobody. [CSET-ABORT-02] Call vdi_close() when the buffers are no longer used.
 */
VDI_API
vdi_result vdi_signal_abort(struct vdi_set *set,
                            const char *reason)
VDI_NOEXCEPT;

/**
 * Tells why a set is aborted.
 *
 * @param set        The set.
 * @param out_code   Receives a VDI_ABORT_ code; VDI_ABORT_NONE if the set is not aborted.
 * @param text       Receives the reason in words, cut to fit, with a final NUL. May be null.
 * @param text_size  Bytes at `text`; 256 is always enough.
 * @return NOERROR;
 *         VD_E_INVALID if `out_code` is null;
 *         VD_E_PROTOCOL if the set is not open.
 */
VDI_API
VDI_MUST_USE
vdi_result vdi_abort_reason(struct vdi_set *set,
                            uint32_t *out_code,
                            char *text,
                            size_t text_size)
VDI_NOEXCEPT;

/**
 * Tells the primary how many secondaries ended while a device that they had opened was not closed by
 * the server, or had a command that was not completed.
 *
 * A dead secondary does not abort the set; its commands stay outstanding. A primary that does not
 * watch its secondaries by other means asks here, and calls vdi_signal_abort(). [CRASH-03, AMB-46]
 *
 * @param set        The set; in a secondary the count is always 0.
 * @param out_count  Receives the count; 0 on failure.
 * @return NOERROR; VD_E_INVALID if `out_count` is null; VD_E_PROTOCOL if the set is not open.
 */
VDI_API
VDI_MUST_USE
vdi_result vdi_lost_secondaries(struct vdi_set *set,
                                uint32_t *out_count)
VDI_NOEXCEPT;

/**
 * Closes the set in this process and releases everything of it.
 *
 * Wait for VD_E_CLOSE on every device first, or for VD_E_ABORT. [CSET-CLOSE-05] When the primary
 * closes, the set is gone and its name is free.
 *
 * @param set  The set. The handle, its devices, commands and buffer addresses become invalid, also
 *             when the result is VD_E_OPEN. [CSET-CLOSE-04]
 * @return NOERROR;
 *         VD_E_OPEN if a device that this process opened (for the primary: that any client opened)
 *         has not been closed by the server, or has a command that is not completed, and the set
 *         was not aborted: everything is released all the same, and the set is aborted;
 *         [CSET-CLOSE-03, AMB-04]
 *         VD_E_PROTOCOL if the set is not open; nothing was done. [CSET-CLOSE-02]
 *
 * A primary that closes while a server is attached and no device was ever opened aborts the set
 * for the server. [CSET-CLOSE-08] Threads inside another call with this set are woken and get
 * VD_E_PROTOCOL. Memory stays mapped until the last such call has returned. After the death of the
 * primary the call waits until the system has done away with it, at most two seconds.
 */
VDI_API
vdi_result vdi_close(struct vdi_set *set)
VDI_NOEXCEPT;

/**
 * Fetches the next command of a device, waiting for one if needed.
 *
 * Commands come in the order in which the server sent them; several may be fetched before any is
 * completed. [CDEV-GETCMD-08, CDEV-GETCMD-09] Each must be completed with vdi_complete_command().
 *
 * @param device       The device.
 * @param timeout_ms   Milliseconds to wait, at most 2147483647; 0 polls; VDI_INFINITE, as every
 *                     value that is negative as an int32_t, waits for ever. [AMB-42]
 * @param out_command  Receives the command; null on failure. [CDEV-GETCMD-12]
 * @return NOERROR;
 *         VD_E_TIMEOUT if none came in time; nothing has changed; [CDEV-GETCMD-03]
 *         VD_E_CLOSE if the server has closed the device and every command is completed: the
 *         normal end; [CDEV-GETCMD-04]
 *         VD_E_ABORT if the set is aborted, also during the wait; [CDEV-GETCMD-05]
 *         VD_E_PROTOCOL if the device is not open, or VD_E_CLOSE was returned before;
 *         [CDEV-GETCMD-06]
 *         VD_E_UNEXPECTED if it meets something impossible in the shared memory; the set is then
 *         aborted; [AMB-31]
 *         VD_E_BUSY if another thread is waiting in this call for the same device; [AMB-31]
 *         VD_E_INVALID if `out_command` is null. [AMB-43]
 *
 * After a command was completed with an error, the next command is a VDC_ClearError, and it comes
 * only when every other fetched command is completed. [ERR-05]
 *
 * Blocks. Other threads may call vdi_complete_command() meanwhile. [PROC-10]
 */
VDI_API
VDI_MUST_USE
vdi_result vdi_get_command(struct vdi_device *device,
                           uint32_t timeout_ms,
                           struct VDC_Command **out_command)
VDI_NOEXCEPT;

/**
 * Tells the server that a command has ended.
 *
 * @param device           The device that delivered the command.
 * @param command          The pointer from vdi_get_command(); found by its value, never read.
 * @param completion_code  ERROR_SUCCESS or any Win32 error number; carried unchanged. An error puts
 *                         the device into the IO-ERROR state. [CC-30, CDEV-COMPLETE-13]
 * @param bytes_transferred  Bytes moved by a Read or Write, also together with an error code;
 *                         ignored for other commands. [CDEV-COMPLETE-04, CDEV-COMPLETE-14]
 * @param position         Result of VDC_GetPosition and VDC_SetPosition; carried unchanged for
 *                         all commands. [AMB-21]
 * @return NOERROR: recorded; the buffer now belongs to the server; [CDEV-COMPLETE-11]
 *         VD_E_INVALID if `command` is not an active command of this device, or more bytes are
 *         reported than were asked for; the command then stays active; [CDEV-COMPLETE-07, AMB-34]
 *         VD_E_ABORT if the set is aborted; the server does not see the completion;
 *         [CDEV-COMPLETE-08]
 *         VD_E_UNEXPECTED if it meets something impossible in the shared memory; the set is then
 *         aborted; [AMB-31]
 *         VD_E_PROTOCOL if the device is not open.
 *
 * Commands may be completed in any order, from any thread. [PROC-11] Waits for nobody.
 */
VDI_API
vdi_result vdi_complete_command(struct vdi_device *device,
                                const struct VDC_Command *command,
                                int32_t completion_code,
                                uint32_t bytes_transferred,
                                int64_t position)
VDI_NOEXCEPT;

/**
 * Attaches the server to the set that a client created under a name.
 *
 * @param instance    As in vdi_create().
 * @param name        The name of the set, which is that of the first device. [NAME-05]
 * @param out_server  Receives the set; null on failure.
 * @return NOERROR;
 *         VD_E_INVALID if no set of that name is accessible: there is none, or this user may not
 *         open it, or it belongs neither to this user nor to root, see vdi_server_open_from(); or a
 *         parameter is null or malformed; [SSET-OPEN-04, SEC-06]
 *         VD_E_ABORT if the set is aborted; [AMB-27]
 *         VD_E_BUSY if another server is attached; [AMB-27]
 *         VD_E_SECURITY if the runtime directory may not be used;
 *         VD_E_INSTANCE_NAME for a malformed instance;
 *         VD_E_MEMORY, VD_E_UNEXPECTED for errors of the operating system.
 *
 * Does not wait for a set to appear. [SSET-OPEN-08] Waits for nothing but the answer of the
 * primary's library, which is given at once; a primary that is stopped makes the call fail after
 * ten seconds (VD_E_UNEXPECTED). One that has no descriptor or no memory left for another process
 * says so at once. End with vdi_server_close().
 */
VDI_API
VDI_MUST_USE
vdi_result vdi_server_open(const char *instance,
                           const char *name,
                           struct vdi_server **out_server)
VDI_NOEXCEPT;

/**
 * As vdi_server_open(), also for sets of other users.
 *
 * Whoever may write to the runtime directory can create a set of any name, and so take the place of
 * the client that the statement means. The kernel says who created the set, and nothing is sent to
 * a process that is not meant.
 *
 * @param instance    As in vdi_create().
 * @param name        As in vdi_server_open().
 * @param options     Whose sets may be opened besides those of this user and of root; null for
 *                    nobody's, as vdi_server_open() does.
 * @param out_server  Receives the set; null on failure.
 * @return As vdi_server_open(); VD_E_INVALID also for a malformed option.
 */
VDI_API
VDI_MUST_USE
vdi_result vdi_server_open_from(const char *instance,
                                const char *name,
                                const struct vdi_server_open_options *options,
                                struct vdi_server **out_server)
VDI_NOEXCEPT;

/**
 * Tells who created the set, as the kernel knows it: for the log of the server, or for its own
 * rules of whom it serves.
 *
 * @param server   The set.
 * @param out_uid  Receives the effective user of the primary client process when it created the
 *                 set; 0 on failure.
 * @param out_gid  Receives its effective group; 0 on failure.
 * @param out_pid  Receives its process id, 0 if a namespace hides it; 0 on failure.
 * @return NOERROR, also after an abort;
 *         VD_E_INVALID if an output is null;
 *         VD_E_PROTOCOL if the set is not open.
 */
VDI_API
VDI_MUST_USE
vdi_result vdi_server_primary(struct vdi_server *server,
                              uint32_t *out_uid,
                              uint32_t *out_gid,
                              int32_t *out_pid)
VDI_NOEXCEPT;

/**
 * Returns the configuration: before vdi_server_begin_configuration() the client's inputs with the
 * server's four fields zero, afterwards the merged one. [SSET-GETCFG-01, AMB-12]
 *
 * A server that cannot live with it calls vdi_server_signal_abort(). [CFG-07] In particular
 * compare deviceCount with the number of devices in the statement. [AMB-25]
 *
 * @param server      The set.
 * @param out_config  Receives the configuration; left unchanged on failure.
 * @return NOERROR; VD_E_ABORT if the set is aborted; VD_E_PROTOCOL if it is not open;
 *         VD_E_INVALID if `out_config` is null.
 */
VDI_API
VDI_MUST_USE
vdi_result vdi_server_get_configuration(struct vdi_server *server,
                                        struct VDConfig *out_config)
VDI_NOEXCEPT;

/**
 * Starts the configuration and fixes its values for the life of the set. [SSET-BEGIN-01, CFG-08]
 *
 * @param server      The set.
 * @param parameters  The server's decisions.
 * @return NOERROR; vdi_server_request_buffers() and vdi_server_end_configuration() follow;
 *         VD_E_NOTSUPPORTED if a value breaks its rule, or neither VDF_WriteMedia nor
 *         VDF_ReadMedia is given; the call may be repeated; [AMB-28, AMB-10]
 *         VD_E_PROTOCOL if the configuration was begun before;
 *         VD_E_ABORT if the set is aborted;
 *         VD_E_INVALID if `parameters` is null, its size is unknown or a reserved word is not 0;
 *         VD_E_MEMORY if there is no memory for the call; nothing has changed.
 *
 * Clients see nothing before vdi_server_end_configuration(). [SSET-BEGIN-06]
 */
VDI_API
VDI_MUST_USE
vdi_result vdi_server_begin_configuration(struct vdi_server *server,
                                          const struct vdi_server_parameters *parameters)
VDI_NOEXCEPT;

/**
 * Ends the configuration: allocates the buffers requested so far and wakes the clients that wait
 * in vdi_get_configuration(). [SSET-END-01]
 *
 * @param server  The set.
 * @return NOERROR: devices can be opened;
 *         VD_E_MEMORY if the memory cannot be had: all requests so far are forgotten, request less
 *         and call again; [BUF-14]
 *         VD_E_PROTOCOL unless the configuration was begun and not ended;
 *         VD_E_ABORT if the set is aborted;
 *         VD_E_UNEXPECTED for other errors of the operating system; nothing has changed.
 *
 * The memory is reserved before success is reported, so that a lack of it never shows later.
 */
VDI_API
VDI_MUST_USE
vdi_result vdi_server_end_configuration(struct vdi_server *server)
VDI_NOEXCEPT;

/**
 * Lends the calling thread to the set as its completion agent: it waits for completions of all
 * devices and calls the completion routine of each, one after another. [SSET-AGENT-01]
 *
 * @param server  The set.
 * @return NOERROR when all devices were opened and closed by the server and no command is
 *         outstanding, also if that was so before the call, or when the set was closed; [AMB-08]
 *         VD_E_ABORT when the set was aborted, after the completion routine of every outstanding
 *         command has been called with ERROR_OPERATION_ABORTED; [SSET-AGENT-05]
 *         VD_E_UNEXPECTED if the agent meets something impossible in the shared memory; the set is then
 *         aborted; [AMB-31]
 *         VD_E_BUSY if another thread is the agent already; [AMB-08]
 *         VD_E_PROTOCOL if the configuration has not ended, or the set is not open, or a call has
 *         returned NOERROR before;
 *         VD_E_MEMORY if there is no memory to begin with; call again.
 *
 * Blocks, usually for the whole operation. Start it before the first command is sent: commands
 * that are sent earlier wait for it. It also watches the client's serverTimeOut, and aborts the
 * set when no completion came for more than two intervals while a command was outstanding.
 * [TMO-10]
 */
VDI_API
VDI_MUST_USE
vdi_result vdi_server_execute_completion_agent(struct vdi_server *server)
VDI_NOEXCEPT;

/**
 * Aborts the set, for every process. [SSET-ABORT-01]
 *
 * Devices take no more commands; the agent calls the completion routine of every outstanding
 * command with ERROR_OPERATION_ABORTED and returns. [SSET-ABORT-02] A client may still be using
 * the buffers of those commands: do not use them for anything else before vdi_server_close().
 * [ABT-10]
 *
 * @param server  The set.
 * @param reason  Why, in UTF-8, for the other processes' vdi_abort_reason(); cut after 255 bytes.
 *                Null for none.
 * @return NOERROR, also if the set is aborted already; VD_E_PROTOCOL if it is not open.
 */
VDI_API
vdi_result vdi_server_signal_abort(struct vdi_server *server,
                                   const char *reason)
VDI_NOEXCEPT;

/**
 * Tells why a set is aborted; as vdi_abort_reason(), for the server.
 *
 * @param server     The set.
 * @param out_code   Receives a VDI_ABORT_ code; VDI_ABORT_NONE if the set is not aborted.
 * @param text       Receives the reason in words, cut to fit, with a final NUL. May be null.
 * @param text_size  Bytes at `text`; 256 is always enough.
 * @return NOERROR; VD_E_INVALID if `out_code` is null; VD_E_PROTOCOL if the set is not open.
 */
VDI_API
VDI_MUST_USE
vdi_result vdi_server_abort_reason(struct vdi_server *server,
                                   uint32_t *out_code,
                                   char *text,
                                   size_t text_size)
VDI_NOEXCEPT;

/**
 * Detaches the server from the set and releases everything of it.
 *
 * @param server  The set. The handle, its devices and buffers become invalid, also when the result
 *                is an error. [SSET-CLOSE-01] Buffers need not be freed first. [SSET-CLOSE-04]
 * @return NOERROR;
 *         VD_E_PROTOCOL if devices were still open and the set was not aborted: everything is
 *         released all the same and the set is aborted; [SSET-CLOSE-02]
 *         VD_E_PROTOCOL if the set is not open; nothing was done.
 *
 * A set whose devices were never opened is aborted for the client, and the result is NOERROR.
 * [AMB-40] If the completion agent is running, the call waits until it has called the completion
 * routine of every outstanding command (ERROR_OPERATION_ABORTED) and has left. [SSET-CLOSE-03]
 * Called from inside a completion routine it cannot wait: the agent then leaves after that
 * routine, the routines of the other outstanding commands are called after the call has returned,
 * and the memory is released when the agent has left. If no agent is running, the routines are
 * called on this thread: those of completed commands with their own code, then the others. The
 * result says nothing about the success of the operation; the completion codes do. After the death of the primary the call waits until the system has done
 * away with it, at most two seconds.
 */
VDI_API
vdi_result vdi_server_close(struct vdi_server *server)
VDI_NOEXCEPT;

/**
 * Declares that `count` buffers of `size` bytes will be allocated later. [SSET-REQBUF-01]
 *
 * During the configuration the requests are added up, and vdi_server_end_configuration() gets the
 * memory for all of them; afterwards every call gets its memory at once. [SSET-REQBUF-03]
 *
 * @param server     The set.
 * @param size       Bytes of the data zone of one buffer, 1 to INT32_MAX. [BUF-07]
 * @param alignment  0 for the alignment of the set, else a power of two up to VDI_MAX_ALIGNMENT.
 *                   The set's alignment is the minimum. [SSET-REQBUF-02, CFG-64]
 * @param count      Number of buffers, at least 1.
 * @return NOERROR;
 *         VD_E_INVALID for a size, alignment or count out of range, or a sum that overflows;
 *         [AMB-28]
 *         VD_E_MEMORY if the memory cannot be had, or after the configuration for the 512th time;
 *         what was there before is unchanged;
 *         VD_E_UNEXPECTED for other errors of the operating system, likewise;
 *         VD_E_PROTOCOL before vdi_server_begin_configuration() or after the normal end;
 *         VD_E_ABORT if the set is aborted.
 */
VDI_API
VDI_MUST_USE
vdi_result vdi_server_request_buffers(struct vdi_server *server,
                                      uint32_t size,
                                      uint32_t alignment,
                                      uint32_t count)
VDI_NOEXCEPT;

/**
 * Tells how many more buffers of a size and alignment vdi_server_allocate_buffer() could return;
 * before the end of the configuration, how many the requests so far cover. [AMB-22]
 *
 * @param server     The set.
 * @param size       As in vdi_server_request_buffers().
 * @param alignment  As in vdi_server_request_buffers().
 * @param out_count  Receives the count; 0 on failure.
 * @return NOERROR;
 *         VD_E_INVALID for a size or alignment out of range, or a null `out_count`;
 *         VD_E_PROTOCOL before vdi_server_begin_configuration() or after the normal end;
 *         VD_E_ABORT if the set is aborted.
 */
VDI_API
VDI_MUST_USE
vdi_result vdi_server_query_available_buffers(struct vdi_server *server,
                                              uint32_t size,
                                              uint32_t alignment,
                                              uint32_t *out_count)
VDI_NOEXCEPT;

/**
 * Allocates a shared buffer.
 *
 * @param server      The set.
 * @param size        Bytes of the data zone. A buffer of at least this size and alignment must have
 *                    been requested. [BUF-12]
 * @param alignment   As in vdi_server_request_buffers(). The same alignment holds in every client
 *                    process. [SSET-ALLOC-02]
 * @param out_buffer  Receives the start of the data zone; null on failure. The client's prefix
 *                    zone lies before it and is not the server's to touch. [SSET-ALLOC-01]
 * @return NOERROR;
 *         VD_E_MEMORY if no such buffer is left, or no memory for the call; [SSET-ALLOC-03]
 *         VD_E_INVALID for a size or alignment out of range, or a null `out_buffer`;
 *         VD_E_PROTOCOL before the end of the configuration or after the normal end;
 *         VD_E_ABORT if the set is aborted.
 *
 * Does not block. [SSET-ALLOC-04] Give the buffer back with vdi_server_free_buffer(), or let
 * vdi_server_close() do it. Which bytes it holds is not defined.
 */
VDI_API
VDI_MUST_USE
vdi_result vdi_server_allocate_buffer(struct vdi_server *server,
                                      uint32_t size,
                                      uint32_t alignment,
                                      void **out_buffer)
VDI_NOEXCEPT;

/**
 * Gives a buffer back.
 *
 * @param server  The set.
 * @param buffer  The address from vdi_server_allocate_buffer().
 * @param size    The size given there. [SSET-FREE-01]
 * @return NOERROR, also after an abort or the normal end; [AMB-07]
 *         VD_E_INVALID if `buffer` is not allocated, the size differs, or a command with this
 *         buffer is outstanding; [SSET-FREE-02, SSET-FREE-03]
 *         VD_E_PROTOCOL if the set is not open, or its configuration has not ended.
 */
VDI_API
vdi_result vdi_server_free_buffer(struct vdi_server *server,
                                  void *buffer,
                                  uint32_t size)
VDI_NOEXCEPT;

/**
 * Tells whether an address belongs to the data zone of an allocated shared buffer of the set.
 * [SSET-SHARED-01]
 *
 * @param server  The set; a handle that is not open has no buffers.
 * @param buffer  Any address; it is not read.
 * @return 1 if it is, 0 if not. These are truth values, not result codes.
 */
VDI_API
VDI_MUST_USE
int32_t vdi_server_is_shared_buffer(struct vdi_server *server,
                                    const void *buffer)
VDI_NOEXCEPT;

/**
 * Opens the next device of the set; succeeds exactly deviceCount times. [SSET-OPENDEV-01]
 *
 * @param server      The set.
 * @param name        Name of the device, from its VIRTUAL_DEVICE clause: for the first one the name
 *                    of the set, for the others any name that is new in the set. Clients can then
 *                    open it by that name. [SSET-OPENDEV-02, AMB-25]
 * @param out_device  Receives the device; null on failure.
 * @return NOERROR;
 *         VD_E_OPEN if all devices have been opened; [SSET-OPENDEV-03]
 *         VD_E_INVALID if the name is null, malformed, used already, or wrong for the first device;
 *         [SSET-OPENDEV-04, AMB-25]
 *         VD_E_PROTOCOL before the end of the configuration or after the normal end;
 *         VD_E_ABORT if the set is aborted;
 *         VD_E_MEMORY if there is no memory for the device.
 *
 * The device belongs to the set and ends with vdi_server_close(); it is never freed. Commands may
 * be sent before the client has opened the device; they wait. [DEV-01]
 */
VDI_API
VDI_MUST_USE
vdi_result vdi_server_open_device(struct vdi_server *server,
                                  const char *name,
                                  struct vdi_server_device **out_device)
VDI_NOEXCEPT;

/**
 * Sends a command to the client; does not wait for its execution. [SDEV-SEND-01]
 *
 * @param device   The device.
 * @param command  The command; see VDS_Command for what must be filled in and how long it must
 *                 stay. The buffer belongs to the client until the completion routine is called.
 *                 [BUF-02]
 * @return NOERROR: queued; the completion routine will be called by the completion agent.
 *         [SDEV-SEND-03]
 *         On the following failures the completion routine has been called already, on this
 *         thread, with the code in brackets; do not clean up a second time: [SDEV-SEND-04]
 *         VD_E_QUEUE_FULL (ERROR_NO_SYSTEM_RESOURCES) if too many commands are outstanding;
 *         VD_E_IO_ERROR (ERROR_IO_DEVICE) if the device is in the IO-ERROR state and the command
 *         is not VDC_ClearError; [ERR-02]
 *         VD_E_PROTOCOL (ERROR_INVALID_HANDLE) if the device is closed or not an open handle;
 *         VD_E_ABORT (ERROR_OPERATION_ABORTED) if the set is aborted;
 *         VD_E_INVALID (ERROR_INVALID_PARAMETER) if the buffer of a Read or Write is not an
 *         allocated shared buffer of the set, or is smaller than `size`. [AMB-28]
 *         And without a call of the routine:
 *         VD_E_INVALID if `command` or its completion routine is null. [AMB-28]
 */
VDI_API
vdi_result vdi_server_send_command(struct vdi_server_device *device,
                                   struct VDS_Command *command)
VDI_NOEXCEPT;

/**
 * Closes a device: the client's vdi_get_command() will return VD_E_CLOSE. [SDEV-CLOSE-01]
 *
 * Normally the server first waits until all commands of the device have completed. [SDEV-CLOSE-04]
 * If it does not, queued commands are still delivered, and the client sees VD_E_CLOSE when all are
 * completed. [AMB-17] In the IO-ERROR state closing takes the place of VDC_ClearError.
 * [SDEV-CLOSE-05]
 *
 * @param device  The device. The handle stays known until vdi_server_close().
 * @return NOERROR; with the last device of the set the operation has ended normally;
 *         [SDEV-CLOSE-06]
 *         VD_E_CLOSE if it was closed before; [SDEV-CLOSE-02]
 *         VD_E_ABORT if the set is aborted; nothing was done;
 *         VD_E_PROTOCOL if `device` is not an open handle.
 */
VDI_API
vdi_result vdi_server_close_device(struct vdi_server_device *device)
VDI_NOEXCEPT;

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* VDI_H */
