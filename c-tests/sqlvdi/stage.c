#include "stage.h"

#include "statement.h"

#include <stdlib.h>

#define SEED 7

/* Opens a set with these feature bits; may wait until there is one. */
static struct statement *open_set(const char *name, unsigned devices, uint32_t features, int wait)
{
    const struct timespec moment = {.tv_nsec = 2000000};
    struct statement *statement = malloc(sizeof *statement);
    vdi_server *server;
    vdi_result result;
    CHECK(statement != NULL && STAGE_SIZE == TRANSFER);
    while ((result = vdi_server_open(NULL, name, &server)) == VD_E_INVALID && wait)
        nanosleep(&moment, NULL);
    CHECK_RESULT(result, NOERROR);
    statement_begin(statement, server, name, devices, features);
    return statement;
}

struct statement *stage_open(const char *name, unsigned devices)
{
    return open_set(name, devices, VDF_WriteMedia | VDF_ReadMedia | VDF_CompleteEnabled, 0);
}

uint8_t *stage_buffer(struct statement *statement, unsigned device)
{
    return statement->buffers[device];
}

struct request *stage_send(struct statement *statement, unsigned device, int32_t code, int32_t size)
{
    struct request *request = malloc(sizeof *request);
    CHECK(request != NULL);
    CHECK_RESULT(request_begin(request, statement, device, code, (uint32_t)size), NOERROR);
    return request;
}

struct request *stage_send_values(struct statement *statement, unsigned device, int32_t code,
                                  int32_t size, int64_t position)
{
    struct request *request = calloc(1, sizeof *request);
    CHECK(request != NULL);
    request->command.commandCode = code;
    request->command.size = size;
    request->command.inPosition = position;
    pending_prepare(&request->pending, &request->command);
    CHECK_RESULT(vdi_server_send_command(statement->engine.devices[device], &request->command),
                 NOERROR);
    return request;
}

int stage_waits(struct request *request)
{
    return request_waits(request);
}

struct stage_result stage_end(struct request *request)
{
    int32_t code = request_end(request);
    struct stage_result end = {code, request->command.bytesTransferred, request->command.outPosition};
    free(request);
    return end;
}

void stage_finish(struct statement *statement)
{
    engine_finish(&statement->engine);
}

void stage_leave(struct statement *statement)
{
    CHECK_RESULT(vdi_server_close(statement->engine.server), NOERROR);
    free(statement);
}

void stage_close(struct statement *statement)
{
    stage_finish(statement);
    stage_leave(statement);
}

void stage_abort(struct statement *statement)
{
    CHECK_RESULT(vdi_server_signal_abort(statement->engine.server, "the disk\nis on fire"), NOERROR);
}

void stage_leave_aborted(struct statement *statement)
{
    engine_close_aborted(&statement->engine);
    free(statement);
}

void stage_wait_asleep(pid_t thread)
{
    wait_asleep(getpid(), thread);
}

void stage_fill(uint8_t *bytes, uint32_t size, uint64_t offset)
{
    pattern_fill_from(bytes, size, SEED, offset);
}

int stage_matches(const uint8_t *bytes, uint32_t size, uint64_t offset)
{
    return pattern_matches_from(bytes, size, SEED, offset);
}

static void run_device(struct statement *statement, unsigned device, uint64_t bytes, int restore)
{
    for (uint64_t done = 0; done < bytes; done += TRANSFER) {
        if (restore)
            CHECK_EQUAL(statement_read(statement, device, SEED, TRANSFER), ERROR_SUCCESS);
        else
            statement_write(statement, device, SEED, TRANSFER);
    }
    if (!restore)
        CHECK_EQUAL(statement_step(statement, device, VDC_Flush), ERROR_SUCCESS);
}

int stage_engine_role(int argc, char **argv)
{
    CHECK_EQUAL(argc, 5);
    unsigned devices = (unsigned)atoi(argv[2]);
    int restore = strcmp(argv[4], "restore") == 0;
    uint32_t features = restore ? VDF_ReadMedia : VDF_WriteMedia;
    struct statement *statement = open_set(argv[1], devices, features, 1);
    for (unsigned device = 0; device < devices; device++)
        run_device(statement, device, (uint64_t)atoll(argv[3]), restore);
    stage_close(statement);
    return 0;
}
