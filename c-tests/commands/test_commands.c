/*
 * Every command code travels unchanged, with its size, position and buffer, and every completion
 * comes back unchanged. The server runs here, the client in another process.
 */
#include "engine.h"
#include "roles.h"

#include <limits.h>

#define BUFFER_SIZE 65536
#define COUNT(array) (sizeof(array) / sizeof *(array))

static const int32_t codes[] = {
    VDC_Read,        VDC_Write,         VDC_ClearError,      VDC_Rewind,
    VDC_WriteMark,   VDC_SkipMarks,     VDC_SkipBlocks,      VDC_Load,
    VDC_GetPosition, VDC_SetPosition,   VDC_Discard,         VDC_Flush,
    VDC_Snapshot,    VDC_MountSnapshot, VDC_PrepareToFreeze, VDC_FileInfoBegin,
    VDC_FileInfoEnd, VDC_GetError,      VDC_Complete,
    /* Unknown ones. */
    0, 20, 255, 1000, 65537, -1, INT32_MIN, INT32_MAX,
};

static const int64_t positions[] = {0,         1,         -1,
                                    INT64_MIN, INT64_MAX, 0x0123456789abcdef,
                                    INT32_MIN, 1LL << 32, ~(1LL << 32)};

/* What a transfer may ask for, and the bits that other commands may have in the field. */
static const int32_t transfer_sizes[] = {BUFFER_SIZE, 0, 1, 512, BUFFER_SIZE - 1};
static const int32_t other_sizes[] = {0, 1, -1, INT32_MIN, INT32_MAX, 0x55aa00ff, BUFFER_SIZE + 1};

static struct engine engine;
static struct peer client;

static int is_transfer(int32_t code)
{
    return code == VDC_Read || code == VDC_Write;
}

/* Sends one command and completes it in the other process; compares everything on both sides. */
static struct answer exchange(VDS_Command *command, int32_t code, uint32_t bytes, int64_t position)
{
    static struct pending pending;
    pending_prepare(&pending, command);
    command->outPosition = -77;
    command->completionCode = -77;
    command->bytesTransferred = -77;
    VDS_Command sent = *command;
    CHECK_RESULT(vdi_server_send_command(engine.devices[0], command), NOERROR);
    struct answer got = client_fetch(client, 0, command->commandCode);
    CHECK_EQUAL(got.command.size, sent.size);
    CHECK_EQUAL(got.command.position, sent.inPosition);
    ASK(client, NOERROR, COMPLETE, .slot = got.slot, .code = code, .bytes = bytes,
        .position = position);
    pending_wait(&pending);
    CHECK_EQUAL(pending_calls(&pending), 1);
    CHECK_EQUAL(command->completionCode, code);
    CHECK_EQUAL(command->outPosition, position);
    CHECK_EQUAL(command->bytesTransferred, is_transfer(sent.commandCode) ? (int32_t)bytes : 0);
    sent.completionCode = command->completionCode;
    sent.outPosition = command->outPosition;
    sent.bytesTransferred = command->bytesTransferred;
    CHECK(memcmp(&sent, command, sizeof sent) == 0); /* the inputs are as they were */
    return got;
}

static void clear_error(void)
{
    VDS_Command command = {.commandCode = VDC_ClearError};
    exchange(&command, ERROR_SUCCESS, 0, 0);
}

/*
 * Every code with every size and position: those that are inputs, and those that mean nothing to
 * the command. [CMD-02, CMD-03, CMD-04, AMB-20, AMB-21, AMB-29, AMB-35]
 */
static void every_code(uint8_t *buffer)
{
    for (unsigned c = 0; c < COUNT(codes); c++) {
        int transfer = is_transfer(codes[c]);
        const int32_t *sizes = transfer ? transfer_sizes : other_sizes;
        unsigned count = transfer ? COUNT(transfer_sizes) : COUNT(other_sizes);
        for (unsigned n = 0; n < COUNT(positions) * count; n++) {
            VDS_Command command = {.commandCode = codes[c],
                                   .size = sizes[n % count],
                                   .inPosition = positions[n / count],
                                   .buffer = transfer ? buffer : NULL};
            struct answer got = exchange(&command, ERROR_SUCCESS,
                                         transfer ? (uint32_t)command.size : 0,
                                         positions[(n + c) % COUNT(positions)]);
            CHECK_EQUAL(got.command.buffer != NULL, transfer);
        }
    }
}

/* Start and offset of SetPosition; its result and that of GetPosition. [CMD-SPOS-02, AMB-21] */
static void set_position(void)
{
    static const int32_t starts[] = {VDC_Beginning, VDC_Current, VDC_End};
    for (int i = 0; i < 3; i++) {
        VDS_Command command = {
            .commandCode = VDC_SetPosition, .size = starts[i], .inPosition = -4096};
        exchange(&command, ERROR_SUCCESS, 0, INT64_MAX - i);
        command = (VDS_Command){.commandCode = VDC_GetPosition};
        exchange(&command, ERROR_SUCCESS, 0, INT64_MIN + i);
    }
}

/*
 * Other commands may carry a buffer, and its bytes are there. An address that is no buffer is
 * nothing to them. [CMD-04, SDEV-SEND-07]
 */
static void buffers_of_other_commands(uint8_t *buffer)
{
    uint8_t *freed = engine_buffer(&engine, BUFFER_SIZE);
    CHECK_RESULT(vdi_server_free_buffer(engine.server, freed, BUFFER_SIZE), NOERROR);
    uint8_t *const nothing[] = {freed, buffer + 1, (uint8_t *)&engine, (uint8_t *)UINTPTR_MAX};
    pattern_fill(buffer, BUFFER_SIZE, 17);
    for (unsigned c = 0; c < COUNT(codes); c++) {
        if (is_transfer(codes[c]))
            continue;
        VDS_Command command = {.commandCode = codes[c], .buffer = buffer, .size = INT32_MAX};
        struct answer got = exchange(&command, ERROR_SUCCESS, 0, 5);
        CHECK(got.address != 0);
        ASK(client, 1, LOOK, .address = got.address, .bytes = BUFFER_SIZE, .seed = 17);
        for (unsigned i = 0; i < COUNT(nothing); i++) {
            command = (VDS_Command){.commandCode = codes[c], .buffer = nothing[i]};
            got = exchange(&command, ERROR_SUCCESS, 0, 6);
            CHECK_EQUAL(got.address, 0);
        }
    }
}

/* An address that becomes a buffer while such a command is under way is not touched by it. */
static void buffer_is_born_meanwhile(void)
{
    uint8_t *first = engine_buffer(&engine, BUFFER_SIZE);
    CHECK_RESULT(vdi_server_free_buffer(engine.server, first, BUFFER_SIZE), NOERROR);
    struct pending flush_ended, write_ended;
    VDS_Command flush = {.commandCode = VDC_Flush, .buffer = first};
    VDS_Command write = {.commandCode = VDC_Write, .size = BUFFER_SIZE};
    pending_prepare(&flush_ended, &flush);
    pending_prepare(&write_ended, &write);
    CHECK_RESULT(vdi_server_send_command(engine.devices[0], &flush), NOERROR);
    write.buffer = engine_buffer(&engine, BUFFER_SIZE);
    CHECK(write.buffer == first);
    CHECK_RESULT(vdi_server_send_command(engine.devices[0], &write), NOERROR);
    struct answer got = client_fetch(client, 0, VDC_Flush);
    CHECK_EQUAL(got.address, 0);
    ASK(client, NOERROR, COMPLETE, .slot = got.slot);
    pending_wait(&flush_ended);
    /* Still with the client. */
    CHECK_RESULT(vdi_server_free_buffer(engine.server, first, BUFFER_SIZE), VD_E_INVALID);
    got = client_fetch(client, 0, VDC_Write);
    ASK(client, NOERROR, COMPLETE, .slot = got.slot, .bytes = BUFFER_SIZE);
    pending_wait(&write_ended);
    CHECK_RESULT(vdi_server_free_buffer(engine.server, first, BUFFER_SIZE), NOERROR);
}

/* Byte counts of other commands are ignored. [CDEV-COMPLETE-04] */
static void bytes_of_other_commands(void)
{
    for (unsigned c = 0; c < COUNT(codes); c++)
        if (!is_transfer(codes[c])) {
            VDS_Command command = {.commandCode = codes[c], .size = 100};
            exchange(&command, ERROR_SUCCESS, UINT32_MAX, 6);
        }
}

/*
 * Every code is carried unchanged, with the bytes of a transfer.
 * [CC-30, CMD-01, CMD-05, CMD-FLUSH-05, CMD-LOAD-05, CDEV-COMPLETE-14]
 */
static void every_completion(uint8_t *buffer)
{
    static const int32_t completions[] = {
        ERROR_INVALID_HANDLE,         ERROR_ARENA_TRASHED,        ERROR_HANDLE_EOF,
        ERROR_HANDLE_DISK_FULL,       ERROR_NOT_SUPPORTED,        ERROR_INVALID_PARAMETER,
        ERROR_DISK_FULL,              ERROR_OPERATION_ABORTED,    ERROR_END_OF_MEDIA,
        ERROR_FILEMARK_DETECTED,      ERROR_BEGINNING_OF_MEDIA,   ERROR_SETMARK_DETECTED,
        ERROR_NO_DATA_DETECTED,       ERROR_INVALID_BLOCK_LENGTH, ERROR_UNABLE_TO_LOCK_MEDIA,
        ERROR_UNABLE_TO_UNLOAD_MEDIA, ERROR_MEDIA_CHANGED,        ERROR_BUS_RESET,
        ERROR_NO_MEDIA_IN_DRIVE,      ERROR_IO_DEVICE,            ERROR_EOM_OVERFLOW,
        ERROR_NO_SYSTEM_RESOURCES,    1,                          -1,
        INT32_MIN,                    INT32_MAX,                  0x55aa00ff,
        VD_E_ABORT,                   31337,
    };
    for (unsigned i = 0; i < COUNT(completions); i++) {
        static const int32_t other[] = {VDC_Flush, VDC_Load, VDC_SkipMarks, 1000};
        for (int32_t code = VDC_Read; code <= VDC_Write; code++) {
            VDS_Command command = {.commandCode = code, .buffer = buffer, .size = BUFFER_SIZE};
            exchange(&command, completions[i], i * 512, -9);
            clear_error();
        }
        for (unsigned c = 0; c < COUNT(other); c++) {
            VDS_Command command = {.commandCode = other[c]};
            exchange(&command, completions[i], 0, 9);
            clear_error();
        }
    }
}

/*
 * Nothing and everything together with an error, and a short success.
 * [CMD-READ-06, CMD-READ-08, AMB-34]
 */
static void unusual_counts(uint8_t *buffer)
{
    for (int32_t code = VDC_Read; code <= VDC_Write; code++) {
        VDS_Command command = {.commandCode = code, .buffer = buffer, .size = BUFFER_SIZE};
        exchange(&command, ERROR_HANDLE_EOF, 0, 0);
        clear_error();
        exchange(&command, ERROR_END_OF_MEDIA, BUFFER_SIZE, 0);
        clear_error();
        exchange(&command, ERROR_SUCCESS, 1, 0);
        exchange(&command, ERROR_SUCCESS, 0, 0);
    }
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
    buffers_of_other_commands(buffer);
    buffer_is_born_meanwhile();
    bytes_of_other_commands();
    every_completion(buffer);
    unusual_counts(buffer);
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
