/*
 * statement.h - the server's half of one BACKUP or RESTORE, step by step
 *
 * What a database engine does: it opens the set, decides, and drives the devices with commands. A
 * step is one command; step_begin() sends it and step_end() waits for its completion, so that a
 * test can look at what happens in between. The byte stream of a device follows from its seed.
 */
#ifndef STATEMENT_H
#define STATEMENT_H

#include "engine.h"

#define TRANSFER 65536u

/* The byte at a place of the stream with this seed. */
static inline uint8_t stream_byte(uint8_t seed, size_t place)
{
    return (uint8_t)(seed * 37 + place * 11 + (place >> 9) * 5);
}

static inline void stream_fill(uint8_t *buffer, uint8_t seed, size_t from, size_t size)
{
    for (size_t place = 0; place < size; place++)
        buffer[place] = stream_byte(seed, from + place);
}

static inline int stream_matches(const uint8_t *buffer, uint8_t seed, size_t from, size_t size)
{
    for (size_t place = 0; place < size; place++)
        if (buffer[place] != stream_byte(seed, from + place))
            return 0;
    return 1;
}

struct statement {
    struct engine engine;
    /* As the server sees it after its decision. */
    VDConfig config;
    uint8_t *buffers[VDI_MAX_DEVICES];
    /* Bytes of each stream that have been moved. */
    size_t moved[VDI_MAX_DEVICES];
};

/* Opens the set that a client has created, decides with these feature bits, and opens devices. */
static inline void statement_open(struct statement *statement, const char *name, unsigned devices,
                                  uint32_t features)
{
    vdi_server *server;
    vdi_server_parameters parameters = {.size = sizeof parameters,
                                        .features = features,
                                        .blockSize = BLOCK_SIZE,
                                        .maxTransferSize = TRANSFER};
    memset(statement, 0, sizeof *statement);
    CHECK_RESULT(vdi_server_open(NULL, name, &server), NOERROR);
    CHECK_RESULT(vdi_server_begin_configuration(server, &parameters), NOERROR);
    CHECK_RESULT(vdi_server_request_buffers(server, TRANSFER, 0, devices), NOERROR);
    CHECK_RESULT(vdi_server_end_configuration(server), NOERROR);
    CHECK_RESULT(vdi_server_get_configuration(server, &statement->config), NOERROR);
    engine_run(&statement->engine, server, name, devices);
    for (unsigned i = 0; i < devices; i++)
        statement->buffers[i] = engine_buffer(&statement->engine, TRANSFER);
}

struct step {
    VDS_Command command;
    struct pending pending;
};

/* Sends a command to a device; its result, if it cannot be sent, is that of the routine. */
static inline vdi_result step_begin(struct step *step, struct statement *statement,
                                    unsigned device, int32_t code, uint32_t size)
{
    memset(step, 0, sizeof *step);
    step->command.commandCode = code;
    step->command.size = (int32_t)size;
    step->command.buffer = size ? statement->buffers[device] : NULL;
    pending_prepare(&step->pending, &step->command);
    return vdi_server_send_command(statement->engine.devices[device], &step->command);
}

/* Whether the client has not answered yet. */
static inline int step_waits(struct step *step)
{
    return pending_calls(&step->pending) == 0;
}

/* The completion code. */
static inline int32_t step_end(struct step *step)
{
    pending_wait(&step->pending);
    CHECK_EQUAL(pending_calls(&step->pending), 1);
    return step->command.completionCode;
}

/* A command without data: sends it and waits. */
static inline int32_t statement_step(struct statement *statement, unsigned device, int32_t code)
{
    struct step step;
    (void)step_begin(&step, statement, device, code, 0);
    return step_end(&step);
}

/* Writes the next bytes of a stream; the client stores all of them. */
static inline void statement_write(struct statement *statement, unsigned device, uint8_t seed,
                                   uint32_t size)
{
    struct step step;
    stream_fill(statement->buffers[device], seed, statement->moved[device], size);
    CHECK_RESULT(step_begin(&step, statement, device, VDC_Write, size), NOERROR);
    CHECK_EQUAL(step_end(&step), ERROR_SUCCESS);
    CHECK_EQUAL(step.command.bytesTransferred, size);
    statement->moved[device] += size;
}

/* Reads the next bytes of a stream and compares those that came; the completion code. */
static inline int32_t statement_read(struct statement *statement, unsigned device, uint8_t seed,
                                     uint32_t size)
{
    struct step step;
    memset(statement->buffers[device], 0, size);
    CHECK_RESULT(step_begin(&step, statement, device, VDC_Read, size), NOERROR);
    int32_t code = step_end(&step);
    uint32_t bytes = (uint32_t)step.command.bytesTransferred;
    CHECK(code != ERROR_SUCCESS || bytes == size);
    CHECK(stream_matches(statement->buffers[device], seed, statement->moved[device], bytes));
    statement->moved[device] += bytes;
    return code;
}

#endif
