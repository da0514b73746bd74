#include "script.h"

#include "media/features.h"
#include "pattern.h"

#include <stdarg.h>
#include <string.h>

static const uint32_t default_sizes[] = {16, 1, 64, 7, 0};

struct media_client script_client(uint32_t devices, uint32_t features)
{
    struct media_client client = {.config = {.deviceCount = devices, .features = features}};
    unique_name(client.name);
    return client;
}

void script_shelve(struct media_client *client, unsigned device, int64_t capacity,
                   const char *label, ...)
{
    struct shelf *shelf = &client->shelves[device];
    va_list arguments;
    CHECK(shelf->media < SHELF_MEDIA);
    va_start(arguments, label);
    int length = vsnprintf(shelf->labels[shelf->media++], LABEL_SIZE, label, arguments);
    va_end(arguments);
    CHECK(length < LABEL_SIZE);
    shelf->capacity = capacity;
}

void script_start(struct script *script, const struct media_client *client, uint32_t direction)
{
    uint32_t devices = client->config.deviceCount;
    VDConfig config;
    vdi_server *server;
    memset(script, 0, sizeof *script);
    script->client = media_client_start(client);
    CHECK_RESULT(vdi_server_open(NULL, client->name, &server), NOERROR);
    vdi_server_parameters parameters = {
        .size = sizeof parameters,
        .features = direction | VDF_CompleteEnabled,
        .blockSize = SCRIPT_BLOCK,
        .maxTransferSize = SCRIPT_TRANSFER,
    };
    CHECK_RESULT(vdi_server_begin_configuration(server, &parameters), NOERROR);
    CHECK_RESULT(
        vdi_server_request_buffers(server, SCRIPT_TRANSFER, 0, devices * SCRIPT_WINDOW), NOERROR);
    CHECK_RESULT(vdi_server_end_configuration(server), NOERROR);
    CHECK_RESULT(vdi_server_get_configuration(server, &config), NOERROR);
    engine_run(&script->engine, server, client->name, devices);
    for (unsigned i = 0; i < devices; i++) {
        struct drive *drive = &script->drives[i];
        drive->device = script->engine.devices[i];
        drive->config = config;
        drive->sizes = default_sizes;
        for (unsigned n = 0; n < SCRIPT_WINDOW; n++)
            drive->buffers[n] = engine_buffer(&script->engine, SCRIPT_TRANSFER);
    }
}

void script_end(struct script *script)
{
    engine_close(&script->engine);
    CHECK_EQUAL(wait_exit(script->client), MEDIA_CLOSED);
}

void script_give_up(struct script *script)
{
    CHECK_RESULT(vdi_server_signal_abort(script->engine.server, "the engine gives up"), NOERROR);
    engine_close_aborted(&script->engine);
    CHECK_EQUAL(wait_exit(script->client), MEDIA_ABORTED);
}

VDS_Command drive_send(struct drive *drive, int32_t code, int32_t size, int64_t position)
{
    VDS_Command command = {.commandCode = code, .size = size, .inPosition = position};
    CHECK_RESULT(send_and_wait(drive->device, &command), NOERROR);
    CHECK_EQUAL(command.bytesTransferred, 0);
    return command;
}

void drive_clear_error(struct drive *drive)
{
    VDS_Command refused = {.commandCode = VDC_Flush};
    CHECK_RESULT(send_and_wait(drive->device, &refused), VD_E_IO_ERROR);
    CHECK_EQUAL(refused.completionCode, ERROR_IO_DEVICE);
    CHECK_EQUAL(drive_send(drive, VDC_ClearError, 0, 0).completionCode, ERROR_SUCCESS);
}

int64_t drive_command(struct drive *drive, int32_t code, int32_t size, int64_t position,
                      int32_t wanted)
{
    CHECK(features_allow(drive->config.features, code));
    VDS_Command command = drive_send(drive, code, size, position);
    CHECK_EQUAL(command.completionCode, wanted);
    if (wanted != ERROR_SUCCESS)
        drive_clear_error(drive);
    return command.outPosition;
}

void drive_do(struct drive *drive, int32_t code)
{
    drive_command(drive, code, 0, 0, ERROR_SUCCESS);
}

/* One transfer of a stream. */
struct transfer {
    VDS_Command command;
    struct pending pending;
    int64_t from;
};

/* How far a stream has come. */
struct progress {
    struct drive *drive;
    int32_t code;
    uint8_t stream;
    int64_t from, length;
    /* Asked for; arrived before the first error; asked for and not ended. */
    int64_t asked, moved, in_flight;
    unsigned sent, ended, next_size;
    int32_t end;
    struct transfer transfers[SCRIPT_WINDOW];
};

static int64_t next_size(struct progress *progress)
{
    const uint32_t *sizes = progress->drive->sizes;
    if (sizes[progress->next_size] == 0)
        progress->next_size = 0;
    int64_t size = (int64_t)sizes[progress->next_size] * SCRIPT_BLOCK;
    int64_t left = progress->length - progress->asked;
    return size < left ? size : left;
}

/* Whether one more transfer may be sent; a warning zone at the end of a medium must hold it. */
static int may_send(struct progress *progress)
{
    int64_t zone = progress->drive->config.EOMWarningSize;
    if (progress->end != ERROR_SUCCESS || progress->asked == progress->length ||
        progress->sent - progress->ended == SCRIPT_WINDOW)
        return 0;
    return zone == 0 || progress->in_flight == 0 ||
           progress->in_flight + next_size(progress) <= zone;
}

static void send_transfer(struct progress *progress)
{
    struct drive *drive = progress->drive;
    unsigned place = progress->sent++ % SCRIPT_WINDOW;
    struct transfer *transfer = &progress->transfers[place];
    int64_t size = next_size(progress);
    int disk = (drive->config.features & VDF_RandomAccess) != 0;
    transfer->from = progress->from + progress->asked;
    transfer->command = (VDS_Command){
        .commandCode = progress->code,
        .buffer = drive->buffers[place],
        .size = (int32_t)size,
        /* Of no meaning but on a disk. */
        .inPosition = disk ? drive->offset + progress->asked : INT64_MIN + place,
    };
    progress->next_size++;
    progress->asked += size;
    progress->in_flight += size;
    if (progress->code == VDC_Write)
        pattern_fill_from(drive->buffers[place], (size_t)size, progress->stream,
                          (size_t)transfer->from);
    else
        memset(drive->buffers[place], NO_PATTERN, (size_t)size);
    pending_prepare(&transfer->pending, &transfer->command);
    vdi_result result = vdi_server_send_command(drive->device, &transfer->command);
    /* The news of an error may be here already; the completion routine has been called then. */
    CHECK(result == NOERROR || result == VD_E_IO_ERROR);
}

/* What was read is what belongs there, and nothing else was touched. */
static void check_bytes(const struct progress *progress, const struct transfer *transfer)
{
    int32_t bytes = transfer->command.bytesTransferred;
    CHECK(pattern_matches_from(transfer->command.buffer, (size_t)bytes, progress->stream,
                               (size_t)transfer->from));
    for (int32_t n = bytes; n < transfer->command.size; n++)
        CHECK_EQUAL(transfer->command.buffer[n], NO_PATTERN);
}

/* Takes the oldest transfer. Behind one that is not complete, none moves anything. */
static void take_transfer(struct progress *progress)
{
    struct transfer *transfer = &progress->transfers[progress->ended % SCRIPT_WINDOW];
    const VDS_Command *command = &transfer->command;
    pending_wait(&transfer->pending);
    if (progress->ended < SCRIPT_WINDOW)
        progress->drive->codes[progress->ended] = command->completionCode;
    progress->ended++;
    CHECK_EQUAL(pending_calls(&transfer->pending), 1);
    progress->in_flight -= command->size;
    if (progress->moved < transfer->from - progress->from)
        CHECK_EQUAL(command->bytesTransferred, 0);
    if (command->completionCode == ERROR_SUCCESS)
        CHECK_EQUAL(command->bytesTransferred, command->size);
    else if (progress->end == ERROR_SUCCESS)
        progress->end = command->completionCode;
    if (progress->code == VDC_Read)
        check_bytes(progress, transfer);
    progress->moved += command->bytesTransferred;
}

static int64_t move(struct drive *drive, int32_t code, uint8_t stream, int64_t from,
                    int64_t length, int32_t *end)
{
    struct progress progress = {
        .drive = drive, .code = code, .stream = stream, .from = from, .length = length};
    for (;;) {
        if (may_send(&progress))
            send_transfer(&progress);
        else if (progress.ended < progress.sent)
            take_transfer(&progress);
        else
            break;
    }
    /* The first error is that of the client, not one that the library made of it. */
    CHECK(progress.end != ERROR_IO_DEVICE);
    drive->offset += progress.moved;
    *end = progress.end;
    return progress.moved;
}

int64_t drive_write(struct drive *drive, uint8_t stream, int64_t from, int64_t length,
                    int32_t *end)
{
    return move(drive, VDC_Write, stream, from, length, end);
}

int64_t drive_read(struct drive *drive, uint8_t stream, int64_t from, int64_t length,
                   int32_t *end)
{
    return move(drive, VDC_Read, stream, from, length, end);
}

void drive_write_all(struct drive *drive, uint8_t stream, int64_t from, int64_t length)
{
    int32_t end;
    CHECK_EQUAL(drive_write(drive, stream, from, length, &end), length);
    CHECK_EQUAL(end, ERROR_SUCCESS);
}

void drive_read_all(struct drive *drive, uint8_t stream, int64_t from, int64_t length)
{
    int32_t end;
    CHECK_EQUAL(drive_read(drive, stream, from, length, &end), length);
    CHECK_EQUAL(end, ERROR_SUCCESS);
}

void drive_read_nothing(struct drive *drive, int32_t wanted)
{
    int32_t end;
    CHECK_EQUAL(drive_read(drive, 0, 0, SCRIPT_BLOCK, &end), 0);
    CHECK_EQUAL(end, wanted);
    drive_clear_error(drive);
}

/* The error of a full or exhausted medium is cleared, and the next medium comes. */
static void change_medium(struct drive *drive, int32_t direction)
{
    drive_clear_error(drive);
    if (direction == VDC_Write)
        drive_do(drive, VDC_Flush);
    drive_do(drive, VDC_Load);
    drive->offset = 0;
}

unsigned drive_back_up(struct drive *drive, uint8_t stream, int64_t length)
{
    unsigned loads = 0;
    int32_t end;
    int64_t stored = drive_write(drive, stream, 0, length, &end);
    while (stored < length) {
        CHECK_EQUAL(end, ERROR_END_OF_MEDIA);
        change_medium(drive, VDC_Write);
        loads++;
        stored += drive_write(drive, stream, stored, length - stored, &end);
    }
    /* The warning may have come with the last Write. */
    if (end != ERROR_SUCCESS)
        drive_clear_error(drive);
    CHECK_EQUAL(stored, length);
    drive_do(drive, VDC_Flush);
    return loads;
}

unsigned drive_restore(struct drive *drive, uint8_t stream, int64_t length)
{
    unsigned loads = 0;
    int32_t end;
    int64_t read = drive_read(drive, stream, 0, length, &end);
    while (read < length) {
        CHECK(end == ERROR_HANDLE_EOF || end == ERROR_NO_DATA_DETECTED);
        change_medium(drive, VDC_Read);
        loads++;
        read += drive_read(drive, stream, read, length - read, &end);
    }
    CHECK_EQUAL(read, length);
    return loads;
}
