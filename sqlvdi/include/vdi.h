/*
 * vdi.h - the classes of the Virtual Device Interface for backup programs on Linux
 *
 * A backup program (the client) plays the storage device of a BACKUP or RESTORE that a database
 * engine (the server) executes. It creates a device set and names it; the engine opens the set by
 * that name, configures it, and sends commands to its devices; the data of a command lies in memory
 * that both processes see. Names, constants and layout are those of the published interface, so
 * that a program can be compiled against either header and linked with either library (-lsqlvdi).
 * This is libvdi's: its server end is libvdi, or the engine of the tool `vdi`; it does not speak with
 * SQL Server. C++11 or later, 64-bit Linux.
 *
 * ONE DEVICE
 *
 *     char name[] = "0b6f3c1a-5d2e-4f7b-9a80-1c2d3e4f5a6b";
 *     ClientVirtualDeviceSet set;
 *     ClientVirtualDevice *device;
 *     VDC_Command *command;
 *     VDConfig config = {};
 *     config.deviceCount = 1;
 *     int result = set.Create(name, &config);
 *     ... start the statement: BACKUP DATABASE x TO VIRTUAL_DEVICE = '0b6f3c1a-...' ...
 *     result = set.GetConfiguration(30000, &config);
 *     result = set.OpenDevice(name, &device);
 *     while ((result = device->GetCommand(-1, &command)) == NOERROR) {
 *         ... do what command->commandCode says with command->buffer ...
 *         device->CompleteCommand(command, ERROR_SUCCESS, command->size, 0);
 *     }
 *     ... result == VD_E_CLOSE is the normal end of a device ...
 *     result = set.Close();
 *
 * WHAT HOLDS FOR EVERY FUNCTION
 *
 * Results. A result is NOERROR (0) or one of the negative VD_E_ codes of vdierror.h. Completion codes
 * (ERROR_...) are another space of numbers: they tell the server how a command ended. When several
 * results apply: null and misaligned pointers and objects that have nothing open come first, then an
 * abort, then the state, then the rest. The address of a command or buffer is looked up, not read, and
 * belongs to the rest. A lack of memory may come before all others. No function throws.
 *
 * Objects. An object is eight bytes of the program's memory, on the stack, static, or made by new.
 * The bytes are looked up and never followed: an object that was never constructed, is destroyed,
 * freed, or null has nothing open, which is VD_E_PROTOCOL and harmless as far as its memory can be
 * read. A copy of an object is another name for the same set or device. The end of one set object
 * closes the set for all; the end of a device object ends nothing.
 *
 * Pointers. Every pointer parameter is checked for null and alignment: VD_E_INVALID. Strings are
 * bytes, end with NUL, and are not modified; char * is what the published interface has. [LNX-06]
 *
 * Threads. Any function may be called from any thread at any time, constructors and destructors
 * apart. Functions that wait say so; signals do not end a wait, and pthread_cancel() takes effect
 * after the call. A signal handler must not call the library. While a set is open the library runs one
 * thread of its own, with all signals blocked. In the child of a fork() objects that the parent has
 * opened have nothing open, and may be used for sets of the child's own.
 *
 * Time-outs. A time_t is in milliseconds, whatever its type suggests: 0 polls; a negative value, and
 * exactly 0xFFFFFFFF, wait for ever; values above 2147483647 count as that, 24 days. Programs that
 * mean seconds in GetCommand() set SQLVDI_GETCOMMAND_TIMEOUT_UNIT. [AMB-01, AMB-42]
 *
 * The environment. Read by Create() and OpenInSecondary() alone, so no other thread may change it during
 * these two calls. They fail with VD_E_INVALID if one of the first three values is not understood. A
 * program that runs with more rights than its caller (set-user-ID, file capabilities) reads none of them.
 *
 *     SQLVDI_ALLOW_UID               number of another user whose processes may open the set
 *     SQLVDI_ALLOW_GID               number of a group whose members may; the creator is one, or root
 *     SQLVDI_GETCOMMAND_TIMEOUT_UNIT ms (the default) or s
 *     SQLVDI_LOG                     stderr, or a file to which a line is added for each failure:
 *                                    what failed, on which object, as which user, what to do; of
 *                                    GetConfiguration() and GetCommand(), which are called again and
 *                                    again, once for each object and result;
 *                                    the last that was read holds for all objects
 *     VDI_RUNTIME_DIR                where client and server meet; see permissions of libvdi. Empty or
 *                                    relative: VD_E_UNEXPECTED. XDG_RUNTIME_DIR may stand in for it
 *
 * Without the first two, only processes of the same user and of root may open a set.
 *
 * Abort. A set that is aborted stays so for every process: blocking calls end with VD_E_ABORT. The end
 * of the server process, or of the process that created the set, before the operation has ended is
 * an abort, too.
 *
 * The end of the program. A set that is still open is aborted. Destructors of static objects work.
 *
 * The numbers in brackets are rules of docs/vdi-spec.md of libvdi.
 */
#ifndef SQLVDI_VDI_H
#define SQLVDI_VDI_H

#include "vdierror.h"

#include <stdint.h>
#include <time.h>

/* Completion codes: those that the published header names. Any other Win32 error number may be used, too;
 * programs define such names themselves, so they are not here. [CC-30] */

/* Success, for every command. [CC-01] */
#define ERROR_SUCCESS 0
/* Published value without documented use. [CC-03] */
#define ERROR_ARENA_TRASHED 7
/* Read: no more data. The bytes of a short last Read come with it. [CC-04] */
#define ERROR_HANDLE_EOF 38
/* Published value without documented use; a full disk. [CC-05] */
#define ERROR_HANDLE_DISK_FULL 39
/* The client does not support this command. [CC-06] */
#define ERROR_NOT_SUPPORTED 50
/* Write: the device cannot store more. [CC-08] */
#define ERROR_DISK_FULL 112
/* The set was aborted; also how a client refuses a Snapshot. [CC-09] */
#define ERROR_OPERATION_ABORTED 995

/* Bits of VDConfig::features. */
enum VDFeatures : uint32_t {
    /* Set by the client: what the device can do. */
    VDF_LikePipe = 0x00000000,        /* strictly sequential [FV-01] */
    VDF_Removable = 0x00000001,       /* media can be changed: VDC_Load [FV-02] */
    VDF_Rewind = 0x00000002,          /* VDC_Rewind [FV-03] */
    VDF_Position = 0x00000010,        /* VDC_GetPosition, VDC_SetPosition [FV-04] */
    VDF_SkipBlocks = 0x00000020,      /* VDC_SkipBlocks [FV-05] */
    VDF_ReversePosition = 0x00000040, /* positioning backward [FV-06] */
    VDF_Discard = 0x00000080,         /* VDC_Discard [FV-07] */
    VDF_FileMarks = 0x00000100,       /* VDC_WriteMark, VDC_SkipMarks [FV-08] */
    VDF_RandomAccess = 0x00000200,    /* each Read and Write has a byte offset [FV-09] */
    VDF_SnapshotPrepare = 0x00000400, /* wants VDC_PrepareToFreeze [FV-10] */
    VDF_EnumFrozenFiles = 0x00000800, /* name and value are published only [FV-11] */
    VDF_VSSWriter = 0x00001000,       /* name and value are published only [FV-12] */
    VDF_RequestComplete = 0x00002000, /* asks for VDC_Complete [FV-13] */

    /* Set by the server. */
    VDF_WriteMedia = 0x00010000,      /* a backup: it will write [FV-14] */
    VDF_ReadMedia = 0x00020000,       /* a restore: it will read [FV-15] */
    VDF_CompleteEnabled = 0x00040000, /* it will send VDC_Complete [FV-16] */

    VDF_LatchStats = 0x80000000, /* name and value are published only [FV-17] */

    /* The usual sets: a tape and a disk. [FV-18, FV-19] */
    VDF_LikeTape = VDF_FileMarks | VDF_Removable | VDF_Rewind | VDF_Position | VDF_SkipBlocks |
                   VDF_ReversePosition,
    VDF_LikeDisk = VDF_RandomAccess
};

/* VDC_Command::commandCode. Complete a code that is not known with ERROR_NOT_SUPPORTED. [CMD-02] */
enum VDCommands {
    VDC_Read = 1,             /* move `size` bytes from the device into the buffer */
    VDC_Write = 2,            /* move `size` bytes from the buffer to the device */
    VDC_ClearError = 3,       /* end of the error state that a failed command began */
    VDC_Rewind = 4,           /* go to the beginning of the medium */
    VDC_WriteMark = 5,        /* write a filemark */
    VDC_SkipMarks = 6,        /* skip `size` filemarks; negative is backward */
    VDC_SkipBlocks = 7,       /* skip `size` blocks; negative is backward */
    VDC_Load = 8,             /* make the next medium available */
    VDC_GetPosition = 9,      /* report the position */
    VDC_SetPosition = 10,     /* go to `position`; of a disk from where `size`, a VDWhence, says */
    VDC_Discard = 11,         /* the data written so far is no longer wanted */
    VDC_Flush = 12,           /* make durable what was written so far; more Writes may follow */
    VDC_Snapshot = 13,        /* the database is frozen: take the snapshot now */
    VDC_MountSnapshot = 14,   /* bring the files of the snapshot back */
    VDC_PrepareToFreeze = 15, /* get ready; success lets the server freeze the database */
    VDC_FileInfoBegin = 16,   /* only the code is published */
    VDC_FileInfoEnd = 17,     /* only the code is published */
    VDC_GetError = 18,        /* only the code is published */
    VDC_Complete = 19         /* all data was sent: finish the backup; see VDF_RequestComplete */
};

/* From where VDC_SetPosition counts. */
enum VDWhence {
    VDC_Beginning = 0,
    VDC_Current = 1,
    VDC_End = 2
};

#pragma pack(push, 8)

/* The configuration of a device set: 44 bytes. The client fills in the first seven fields. */
struct VDConfig {
    /* Devices of the set, 1 to 64. [CFG-20] */
    uint32_t deviceCount;
    /* VDFeatures. The positioning bits are those of a pipe (none), VDF_LikeTape or VDF_LikeDisk; any
     * others may be added. On output with those of the server. [CFG-21, CFG-40, AMB-11] */
    uint32_t features;
    /* Bytes of the client's own before every buffer, 0 to 1048576. [CFG-22] */
    uint32_t prefixZoneSize;
    /* On input the least alignment in bytes that the client needs: 0 or a power of two up to 65536; on
     * output the alignment of every buffer. [CFG-23, CFG-42] */
    uint32_t alignment;
    /* With VDF_FileMarks: bytes of a soft filemark, 0 for hard ones. [CFG-24] */
    uint32_t softFileMarkBlockSize;
    /* Bytes of the end-of-media warning zone, 0 for none. [CFG-25] */
    uint32_t EOMWarningSize;
    /* Milliseconds that the server waits for a response; it aborts the set after two such intervals
     * without any; 0 for no limit. [CFG-26, TMO-10] */
    uint32_t serverTimeOut;
    /* Output: block size in bytes; every transfer is a multiple of it. [CFG-43] */
    uint32_t blockSize;
    /* Output: always 4; limits nothing. [CFG-44] */
    uint32_t maxIODepth;
    /* Output: bytes of the largest single Read or Write. [CFG-45] */
    uint32_t maxTransferSize;
    /* Output: bytes of all shared buffers. [CFG-46] */
    uint32_t bufferAreaSize;
};

/* A command: 24 bytes. The memory belongs to the library, must not be changed, and is valid until the
 * command is completed or the set is closed. [STRUCT-05] */
struct VDC_Command {
    /* VDCommands. */
    int32_t commandCode;
    /* Bytes to transfer; a count or a start for some commands. [CMD-03] */
    int32_t size;
    /* Position on the device, for commands that have one. */
    int64_t position;
    /* Start of the data in this process, or null; the prefix zone lies directly before it. [BUF-04] */
    uint8_t *buffer;
};

/* A command as the server sends it: 56 bytes. Of no use to a client. */
struct VDS_Command {
    int32_t commandCode;
    int32_t size;
    int64_t inPosition;
    int64_t outPosition;
    uint8_t *buffer;
    uint8_t *completionRoutine;
    uint8_t *completionContext;
    int32_t completionCode;
    int32_t bytesTransferred;
};

#pragma pack(pop)

extern "C" {

/*
 * A device of a set, from ClientVirtualDeviceSet::OpenDevice().
 *
 * The device belongs to its set, and ends with it. The object belongs to the program: delete it at
 * any time, before or after the set is closed, or never, which costs its few bytes. [AMB-33]
 */
class ClientVirtualDevice {
public:
    /* A device that is not open: both functions return VD_E_PROTOCOL. [AMB-33] */
    ClientVirtualDevice();

    /* Does not close the device, which the server does. [AMB-33] */
    ~ClientVirtualDevice();

    /*
     * Fetches the next command, waiting for one if needed. Commands come in the order in which the
     * server sent them; several may be fetched before any is completed.
     *
     *   timeOut  Milliseconds to wait; 0 polls, negative waits for ever; see above.
     *   ppCmd    Receives the command; null on failure. [CDEV-GETCMD-12]
     *
     * NOERROR        complete the command with CompleteCommand().
     * VD_E_TIMEOUT   none came in time; nothing has changed. [CDEV-GETCMD-03]
     * VD_E_CLOSE     the server has closed the device and every command is completed: the normal
     *                end. [CDEV-GETCMD-04]
     * VD_E_ABORT     the set is aborted, also during the wait. [CDEV-GETCMD-05]
     * VD_E_PROTOCOL  the device is not open, its set was closed, or VD_E_CLOSE was returned before.
     *                [CDEV-GETCMD-06]
     * VD_E_BUSY      another thread is waiting in this call for the same device. [AMB-31]
     * VD_E_INVALID   `ppCmd` is null. [AMB-43]
     * VD_E_UNEXPECTED  something impossible is in the shared memory; the set is aborted.
     *
     * After a command was completed with an error, the next one is a VDC_ClearError, and comes when
     * every other fetched command is completed. [ERR-05] Blocks. Other threads may complete commands
     * meanwhile.
     */
    int GetCommand(time_t timeOut, VDC_Command **ppCmd);

    /*
     * Tells the server that a command has ended.
     *
     *   pCmd              The pointer from GetCommand(); found by its value, never read.
     *   completionCode    ERROR_SUCCESS, or why it failed; carried unchanged. [CC-30]
     *   bytesTransferred  Bytes moved by a Read or Write, also together with an error; ignored for
     *                     other commands. [CDEV-COMPLETE-04]
     *   position          Result of VDC_GetPosition and VDC_SetPosition, otherwise 0. [AMB-21]
     *
     * NOERROR        recorded; the buffer now belongs to the server. [CDEV-COMPLETE-06]
     * VD_E_INVALID   `pCmd` is not a command of this device that was fetched and not completed, or
     *                more bytes are reported than were asked for; the command then stays active.
     *                [CDEV-COMPLETE-07, AMB-34, LNX-07]
     * VD_E_ABORT     the set is aborted; the server does not see the completion. [CDEV-COMPLETE-08]
     * VD_E_PROTOCOL  the device is not open. [CDEV-COMPLETE-09]
     * VD_E_UNEXPECTED  something impossible is in the shared memory; the set is aborted.
     *
     * Commands may be completed in any order, from any thread. Waits for nobody.
     */
    int CompleteCommand(VDC_Command *pCmd, int completionCode, unsigned long bytesTransferred,
                        int64_t position);

private:
    void *cvd;
};

/*
 * A device set, as one process has it open: the primary, which created it, or a secondary. One set
 * serves one BACKUP or RESTORE; after Close() the object may be used for the next.
 */
class ClientVirtualDeviceSet {
public:
    /* Nothing is open. */
    ClientVirtualDeviceSet();

    /* As Close(), if a set is open. [CSET-CLOSE-10] */
    ~ClientVirtualDeviceSet();

    /*
     * Creates a set and makes it findable by its name; this process is its primary. Start the
     * statement after this call.
     *
     *   name  1 to 255 bytes without backslash, unique on this machine while the set lives; a UUID is
     *         the usual way. It is also the name of the first device. [NAME-01, AMB-24]
     *   cfg   The client's fields; read during the call. [CSET-CREATE-07]
     *
     * NOERROR            the server can find the set.
     * VD_E_PROTOCOL      the object has a set open, or a set of that name exists. [CSET-CREATE-04]
     * VD_E_NOTSUPPORTED  a field of `cfg` is invalid; see VDConfig. [CSET-CREATE-03]
     * VD_E_INVALID       the name is null or malformed, `cfg` is null, `this` is null or misaligned, or
     *                    a variable of the environment is not understood. [CSET-CREATE-08]
     * VD_E_SECURITY      the runtime directory may not be used, or another user has a set of that name.
     * VD_E_MEMORY        there is no memory, or no room in the runtime directory.
     * VD_E_UNEXPECTED    another error of the operating system; SQLVDI_LOG tells which.
     *
     * After a failure nothing remains. [CSET-CREATE-10] Does not wait for a server; waits, at most five
     * seconds, while other processes create or find a set at the same moment.
     */
    int Create(char *name, VDConfig *cfg);

    /*
     * Waits until the server has configured the set. Afterwards the call returns at once, any number
     * of times, in any thread, in the primary and in secondaries. [CSET-GETCFG-05]
     *
     *   timeout  Milliseconds to wait; 0 polls, negative waits for ever; see above.
     *   cfg      Receives the configuration; left unchanged on failure. [CSET-GETCFG-08]
     *
     * NOERROR        devices can be opened.
     * VD_E_TIMEOUT   the set was not configured in time; call again. [CSET-GETCFG-03]
     * VD_E_ABORT     the set is aborted, also during the wait. [CSET-GETCFG-04]
     * VD_E_PROTOCOL  no set is open, or it is closed during the wait. [CSET-GETCFG-06]
     * VD_E_INVALID   `cfg` is null.
     * VD_E_UNEXPECTED  something impossible is in the shared memory; the set is aborted.
     *
     * Blocks. A statement that fails before the server opens the set is never seen here: watch it, too.
     */
    int GetConfiguration(time_t timeout, VDConfig *cfg);

    /*
     * Opens one device of the set for this process. With n devices configured, n calls succeed in
     * total, over all processes. [CSET-OPENDEV-09]
     *
     *   name             That of the set for the first device, for the others those of the statement.
     *                    [CSET-OPENDEV-02]
     *   ppVirtualDevice  Receives a new object; null on failure. [CSET-OPENDEV-08]
     *
     * NOERROR        use the device.
     * VD_E_OPEN      all devices have been opened already. [CSET-OPENDEV-04]
     * VD_E_PROTOCOL  that device is open already, or the set is not open, not configured yet, or has
     *                ended. [CSET-OPENDEV-05]
     * VD_E_INVALID   the name is null, malformed or not one of the set, or `ppVirtualDevice` is null.
     *                [CSET-OPENDEV-06]
     * VD_E_ABORT     the set is aborted. [CSET-OPENDEV-07]
     * VD_E_MEMORY    there is no memory.
     *
     * Blocks only while the name may still be announced by the server, at most 30 seconds; the first
     * device never waits. [AMB-16]
     */
    int OpenDevice(char *name, ClientVirtualDevice **ppVirtualDevice);

    /*
     * Closes the set in this process and releases everything of it. Wait for VD_E_CLOSE on every device
     * first, or for VD_E_ABORT. [CSET-CLOSE-05]
     *
     * NOERROR        the object can be used again. When the primary closes, the name is free.
     * VD_E_OPEN      a device was still open: everything is released all the same, and the set is
     *                aborted. [CSET-CLOSE-03, AMB-04]
     * VD_E_PROTOCOL  no set is open; nothing was done. [CSET-CLOSE-02]
     *
     * Devices, commands and buffers of the set become invalid; device objects then return VD_E_PROTOCOL.
     * [CSET-CLOSE-04] Threads that wait in a call for this set get VD_E_PROTOCOL.
     */
    int Close();

    /*
     * Aborts the set, for every process. All uncompleted commands end with ERROR_OPERATION_ABORTED for
     * the server. [CSET-ABORT-03]
     *
     * NOERROR        also if the set is aborted already. [CSET-ABORT-04]
     * VD_E_PROTOCOL  no set is open.
     *
     * Waits for nobody. [CSET-ABORT-02] Call Close() when the buffers are no longer used.
     */
    int SignalAbort();

    /*
     * Opens, as a secondary, a set that was created elsewhere, usually in another process. Possible as
     * soon as GetConfiguration() has returned there. [CSET-SECOND-01]
     *
     *   setName  Exactly as in Create(). [CSET-SECOND-05]
     *
     * NOERROR        open devices and work on them as the primary would.
     * VD_E_PROTOCOL  the object has a set open, there is no such set, or it is not configured yet, or has
     *                ended. [CSET-SECOND-03]
     * VD_E_ABORT     it was aborted. [CSET-SECOND-04]
     * VD_E_SECURITY  it exists but this user may not open it.
     * VD_E_BUSY      it has been opened more than 255 times. [AMB-31]
     * VD_E_INVALID   the name is null or malformed, `this` is null or misaligned, or a variable of the
     *                environment is not understood.
     * VD_E_MEMORY, VD_E_UNEXPECTED  errors of the operating system.
     *
     * Waits for nothing but the answer of the primary's process, at most ten seconds.
     */
    int OpenInSecondary(char *setName);

    /*
     * Turns the address of a buffer into a handle that means the same buffer in every process that has
     * this set open. [CSET-BUFH-01]
     *
     *   pBuffer        VDC_Command::buffer of a command that this process has fetched and not completed.
     *   pBufferHandle  Receives the handle, valid until the command is completed. [CSET-BUFH-07]
     *
     * NOERROR        pass the 32 bits to the other process by any means.
     * VD_E_INVALID   `pBuffer` is not such an address, or `pBufferHandle` is null. [CSET-BUFH-03]
     * VD_E_PROTOCOL  no set is open.
     * VD_E_MEMORY    there is no memory for the call.
     */
    int GetBufferHandle(uint8_t *pBuffer, unsigned int *pBufferHandle);

    /*
     * Turns a buffer handle into an address in this process. [CSET-BUFH-02]
     *
     *   dwBuffer  The 32 bits from GetBufferHandle(). [CSET-BUFH-08]
     *   ppBuffer  Receives the start of the data; null on failure.
     *
     * NOERROR        use the address until the command is completed, which remains the duty of the
     *                process that fetched it. [CSET-BUFH-05]
     * VD_E_INVALID   the handle means no buffer of this set, or `ppBuffer` is null. [CSET-BUFH-03]
     * VD_E_PROTOCOL  no set is open.
     * VD_E_MEMORY, VD_E_UNEXPECTED  this process could not get the memory; the set is aborted.
     *
     * Waits, at most ten seconds, for the memory of a buffer that the server has just added.
     */
    int MapBufferHandle(int dwBuffer, uint8_t **ppBuffer);

    /* Without effect; there since the published class has it. [CSET-REGCLOSED-01, AMB-32] */
    void RegisterDeviceClosed();

private:
    void *cvds;
};

} /* extern "C" */

/* What programs and library agree about. [LNX-04, LNX-13] */
static_assert(sizeof(void *) == 8 && sizeof(time_t) == 8, "VDI needs 64-bit Linux");
static_assert(sizeof(VDConfig) == 44 && sizeof(VDC_Command) == 24 && sizeof(VDS_Command) == 56,
              "the structures of VDI have the published sizes");
static_assert(sizeof(ClientVirtualDeviceSet) == 8 && sizeof(ClientVirtualDevice) == 8,
              "the classes of VDI have the published size");

#endif
