/*
 * Every command code travels unchanged, with its size, position and buffer, and every completion
 * comes back unchanged. The server runs here, the client in another process.
 * [CMD-01..04, CDEV-COMPLETE-01..14, SDEV-SEND-06..08, AMB-20, AMB-21, AMB-29, AMB-34, AMB-35]
 */
#include "engine.h"
#include "roles.h"

#include <limits.h>

#define BUFFER_SIZE 65536

static const int32_t codes[] = {
    VDC_Read,        VDC_Write,         VDC_ClearError,      VDC_Rewind,
    VDC_WriteMark,   VDC_SkipMarks,     VDC_SkipBlocks,      VDC_Load,
    VDC_GetPosition, VDC_SetPosition,   VDC_Discard,         VDC_Flush,
    VDC_Snapshot,    VDC_MountSnapshot, VDC_PrepareToFreeze, VDC_FileInfoBegin,
    VDC_FileInfoEnd, VDC_GetError,      VDC_Complete,
    /* Unknown ones. [CMD-02] */
    0, 20, 1000, -1, INT32_MIN, INT32_MAX,
};
#define CODES (sizeof codes / sizeof *codes)

static const int64_t positions[] = {0, 1, -1, INT64_MIN, INT64_MAX, 0x0123456789abcdef};
#define POSITIONS (sizeof positions / sizeof *positions)

static struct engine engine;
static struct peer client;

static int is_transfer(int32_t code)
{
    return code == VDC_Read || code == VDC_Write;
}

/* Sends one command and completes it in the other process; compares everything on both sides. */
static void exchange(VDS_Command *command, int32_t code, uint32_t bytes, int64_t position)
{
    static struct pending pending;
    pending_prepare(&pending, command);
    command->outPosition = -77;
    CHECK_RESULT(vdi_server_send_command(engine.devices[0], command), NOERROR);
    struct answer got = client_fetch(client, 0, command->commandCode);
    CHECK_EQUAL(got.command.size, command->size);
    CHECK_EQUAL(got.command.position, command->inPosition);
    CHECK_EQUAL(got.command.buffer != NULL, command->buffer != NULL); /* CMD-04 */
    ASK(client, NOERROR, COMPLETE, .slot = got.slot, .code = code, .bytes = bytes,
        .position = position);
    pending_wait(&pending);
    CHECK_EQUAL(pending_calls(&pending), 1);
    CHECK_EQUAL(command->completionCode, code);
    CHECK_EQUAL(command->outPosition, position);
    if (is_transfer(command->commandCode))
        CHECK_EQUAL(command->bytesTransferred, bytes);
}

static void clear_error(void)
{
    VDS_Command command = {.commandCode = VDC_ClearError};
    exchange(&command, ERROR_SUCCESS, 0, 0);
}

static void every_code(uint8_t *buffer)
{
    for (unsigned i = 0; i < CODES; i++)
        for (unsigned p = 0; p < POSITIONS; p++) {
            static const int32_t counts[] = {0, 1, -1, INT32_MIN, INT32_MAX};
            VDS_Command command = {.commandCode = codes[i], .inPosition = positions[p]};
            if (is_transfer(codes[i])) {
                command.buffer = buffer;
                command.size = p == 0 ? BUFFER_SIZE : 512 * (int32_t)p;
            } else {
                command.size = counts[p % 5]; /* AMB-20 */
            }
            exchange(&command, ERROR_SUCCESS, is_transfer(codes[i]) ? (uint32_t)command.size : 0,
                     positions[POSITIONS - 1 - p]);
        }
    /* Other commands may carry a buffer, too. [SDEV-SEND-07] */
    VDS_Command command = {.commandCode = VDC_FileInfoBegin, .buffer = buffer, .size = 100};
    exchange(&command, ERROR_SUCCESS, 0, 5);
    /* Byte counts of other commands are ignored. [CDEV-COMPLETE-04] */
    command = (VDS_Command){.commandCode = VDC_Flush};
    exchange(&command, ERROR_SUCCESS, UINT32_MAX, 6);
}

/* A start of SetPosition is in `size`. [CMD-SPOS-02] */
static void set_position(void)
{
    static const int32_t starts[] = {VDC_Beginning, VDC_Current, VDC_End};
    for (int i = 0; i < 3; i++) {
        VDS_Command command = {
            .commandCode = VDC_SetPosition, .size = starts[i], .inPosition = -4096};
        exchange(&command, ERROR_SUCCESS, 0, 1000 + i);
    }
}

/* Every code is carried unchanged, with the bytes of a transfer. [CDEV-COMPLETE-14, CC-30] */
static void every_completion(uint8_t *buffer)
{
    static const int32_t completions[] = {
        ERROR_INVALID_HANDLE,       ERROR_ARENA_TRASHED,       ERROR_HANDLE_EOF,
        ERROR_HANDLE_DISK_FULL,     ERROR_NOT_SUPPORTED,       ERROR_INVALID_PARAMETER,
        ERROR_DISK_FULL,            ERROR_OPERATION_ABORTED,   ERROR_END_OF_MEDIA,
        ERROR_FILEMARK_DETECTED,    ERROR_BEGINNING_OF_MEDIA,  ERROR_SETMARK_DETECTED,
        ERROR_NO_DATA_DETECTED,     ERROR_INVALID_BLOCK_LENGTH, ERROR_UNABLE_TO_LOCK_MEDIA,
        ERROR_UNABLE_TO_UNLOAD_MEDIA, ERROR_MEDIA_CHANGED,     ERROR_BUS_RESET,
        ERROR_NO_MEDIA_IN_DRIVE,    ERROR_IO_DEVICE,           ERROR_EOM_OVERFLOW,
        ERROR_NO_SYSTEM_RESOURCES,  1,                         -1,
        INT32_MIN,                  INT32_MAX,                 31337,
    };
    for (unsigned i = 0; i < sizeof completions / sizeof *completions; i++) {
        VDS_Command command = {.commandCode = i % 2 ? VDC_Read : VDC_Write,
                               .buffer = buffer,
                               .size = BUFFER_SIZE};
        exchange(&command, completions[i], i * 512, -9);
        clear_error();
        command = (VDS_Command){.commandCode = 1000 + (int32_t)i};
        exchange(&command, completions[i], 0, 9);
        clear_error();
    }
    /* The end of the data with nothing, and a short success. [CMD-READ-06, AMB-34] */
    VDS_Command command = {.commandCode = VDC_Read, .buffer = buffer, .size = BUFFER_SIZE};
    exchange(&command, ERROR_HANDLE_EOF, 0, 0);
    clear_error();
    exchange(&command, ERROR_SUCCESS, 1, 0);
    exchange(&command, ERROR_SUCCESS, 0, 0);
}

/* A completion that is refused leaves the command active. [CDEV-COMPLETE-07, AMB-34] */
static void refused_completions(uint8_t *buffer)
{
    VDS_Command command = {.commandCode = VDC_Read, .buffer = buffer, .size = 4096};
    static struct pending pending;
    pending_prepare(&pending, &command);
    CHECK_RESULT(vdi_server_send_command(engine.devices[0], &command), NOERROR);
    struct answer got = client_fetch(client, 0, VDC_Read);
    static const uint32_t too_many[] = {4097, 65536, 1u << 31, UINT32_MAX};
    for (int i = 0; i < 4; i++) {
        ASK(client, VD_E_INVALID, COMPLETE, .slot = got.slot, .bytes = too_many[i]);
        ASK(client, VD_E_INVALID, COMPLETE, .slot = got.slot, .code = ERROR_HANDLE_EOF,
            .bytes = too_many[i]);
    }
    CHECK_EQUAL(pending_calls(&pending), 0);
    ASK(client, NOERROR, COMPLETE, .slot = got.slot, .bytes = 4096);
    ASK(client, VD_E_INVALID, COMPLETE, .slot = got.slot, .bytes = 4096); /* completed already */
    ASK(client, VD_E_INVALID, COMPLETE, .slot = got.slot - 1);
    ASK(client, VD_E_INVALID, COMPLETE, .slot = CLIENT_SLOTS - 1); /* null */
    pending_wait(&pending);
    CHECK_EQUAL(pending_calls(&pending), 1);
    CHECK_EQUAL(command.bytesTransferred, 4096);
}

/* What one side wrote before the call is what the other side reads after it. [CDEV-COMPLETE-12] */
static void bytes_arrive(uint8_t *buffer)
{
    for (int round = 0; round < 50; round++) {
        VDS_Command command = {.commandCode = VDC_Write, .buffer = buffer, .size = BUFFER_SIZE};
        static struct pending pending;
        pending_prepare(&pending, &command);
        pattern_fill(buffer, BUFFER_SIZE, (uint8_t)round);
        CHECK_RESULT(vdi_server_send_command(engine.devices[0], &command), NOERROR);
        struct answer got = client_fetch(client, 0, VDC_Write);
        ASK(client, 1, LOOK, .address = got.address, .bytes = BUFFER_SIZE, .seed = (uint8_t)round);
        ASK(client, NOERROR, FILL, .address = got.address, .bytes = BUFFER_SIZE,
            .seed = (uint8_t)(round + 100));
        ASK(client, NOERROR, COMPLETE, .slot = got.slot, .bytes = BUFFER_SIZE);
        pending_wait(&pending);
        CHECK(pattern_matches(buffer, BUFFER_SIZE, (uint8_t)(round + 100)));
    }
}

static void run(void)
{
    char name[NAME_SIZE];
    unique_name(name);
    client = spawn_client();
    client_named(client, CREATE, name, NOERROR);
    engine_open(&engine, name, 1, BUFFER_SIZE, 2);
    client_open_device(client, name, 0);
    uint8_t *buffer = engine_buffer(&engine, BUFFER_SIZE);
    every_code(buffer);
    set_position();
    every_completion(buffer);
    refused_completions(buffer);
    bytes_arrive(buffer);
    engine_close(&engine);
    ASK(client, VD_E_CLOSE, GET_COMMAND, .timeout = VDI_INFINITE);
    ASK(client, NOERROR, CLOSE);
    client_leave(client);
}

int main(int argc, char **argv)
{
    static const struct role roles[] = {CLIENT_ROLE, {NULL, NULL}};
    return test_main(argc, argv, roles, run);
}
