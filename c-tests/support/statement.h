/*
 * statement.h - the server's half of one BACKUP or RESTORE, step by step
 *
 * What a database engine does: it opens the set, decides, and drives the devices with commands. A
 * request is one command; request_begin() sends it and request_end() waits for its completion, so
 * that a test can look at what happens in between. The byte stream of a device is a pattern with a
 * seed.
 */
#ifndef STATEMENT_H
#define STATEMENT_H

#include "engine.h"
#include "pattern.h"

#define TRANSFER 65536u

struct statement {
    struct engine engine;
    /* As the server sees it after its decision. */
    VDConfig config;
    uint8_t *buffers[VDI_MAX_DEVICES];
    /* Bytes of each stream that have been moved. */
    size_t moved[VDI_MAX_DEVICES];
};

/* Decides with these feature bits about a set that is open, and opens devices. */
static inline void statement_begin(struct statement *statement, vdi_server *server,
                                   const char *name, unsigned devices, uint32_t features)
{
    vdi_server_parameters parameters = {.size = sizeof parameters,
                                        .features = features,
                                        .blockSize = BLOCK_SIZE,
                                        .maxTransferSize = TRANSFER};
    memset(statement, 0, sizeof *statement);
    CHECK_RESULT(vdi_server_begin_configuration(server, &parameters), NOERROR);
    CHECK_RESULT(vdi_server_request_buffers(server, TRANSFER, 0, devices), NOERROR);
    CHECK_RESULT(vdi_server_end_configuration(server), NOERROR);
    CHECK_RESULT(vdi_server_get_configuration(server, &statement->config), NOERROR);
    engine_run(&statement->engine, server, name, devices);
    for (unsigned i = 0; i < devices; i++)
        statement->buffers[i] = engine_buffer(&statement->engine, TRANSFER);
}

/* Opens the set that a client has created, decides with these feature bits, and opens devices. */
static inline void statement_open(struct statement *statement, const char *name, unsigned devices,
                                  uint32_t features)
{
    vdi_server *server;
    CHECK_RESULT(vdi_server_open(NULL, name, &server), NOERROR);
    statement_begin(statement, server, name, devices, features);
}

struct request {
    VDS_Command command;
    struct pending pending;
};

/* Sends a command to a device; its result, if it cannot be sent, is that of the routine. */
static inline vdi_result request_begin(struct request *request, struct statement *statement,
                                    unsigned device, int32_t code, uint32_t size)
{
    memset(request, 0, sizeof *request);
    request->command.commandCode = code;
    request->command.size = (int32_t)size;
    request->command.buffer = size ? statement->buffers[device] : NULL;
    pending_prepare(&request->pending, &request->command);
    return vdi_server_send_command(statement->engine.devices[device], &request->command);
}

/* Whether the client has not answered yet. */
static inline int request_waits(struct request *request)
{
    return pending_calls(&request->pending) == 0;
}

/* The completion code. */
static inline int32_t request_end(struct request *request)
{
    pending_wait(&request->pending);
    CHECK_EQUAL(pending_calls(&request->pending), 1);
    return request->command.completionCode;
}

/* A command without data: sends it and waits. */
static inline int32_t statement_step(struct statement *statement, unsigned device, int32_t code)
{
    struct request request;
    (void)request_begin(&request, statement, device, code, 0);
    return request_end(&request);
}

/* Writes the next bytes of a stream; the client stores all of them. */
static inline void statement_write(struct statement *statement, unsigned device, uint8_t seed,
                                   uint32_t size)
{
    struct request request;
    pattern_fill_from(statement->buffers[device], size, seed, statement->moved[device]);
    CHECK_RESULT(request_begin(&request, statement, device, VDC_Write, size), NOERROR);
    CHECK_EQUAL(request_end(&request), ERROR_SUCCESS);
    CHECK_EQUAL(request.command.bytesTransferred, size);
    statement->moved[device] += size;
}

/* Reads the next bytes of a stream and compares those that came; the completion code. */
static inline int32_t statement_read(struct statement *statement, unsigned device, uint8_t seed,
                                     uint32_t size)
{
    struct request request;
    memset(statement->buffers[device], 0, size);
    CHECK_RESULT(request_begin(&request, statement, device, VDC_Read, size), NOERROR);
    int32_t code = request_end(&request);
    uint32_t bytes = (uint32_t)request.command.bytesTransferred;
    CHECK(code != ERROR_SUCCESS || bytes == size);
    CHECK(pattern_matches_from(statement->buffers[device], bytes, seed, statement->moved[device]));
    statement->moved[device] += bytes;
    return code;
}

#endif
