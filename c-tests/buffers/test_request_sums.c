/*
 * Requests add up: what several calls have requested, of any sizes and alignments and in any order,
 * can be allocated exactly, in any order, and nothing more; also what is requested later.
 */
#include "engine.h"

static char name[NAME_SIZE];

/* The alignment of the set. */
#define ALIGNMENT 2048
#define PREFIX 333

static const struct kind {
    uint32_t size, alignment, count;
} kinds[] = {
    {65536, 0, 3},     {1, 0, 2},        {4096, 65536, 2},     {65536, 65536, 2}, {65536, 0, 4},
    {4095, 512, 3},    {4096, 4096, 1},  {1, 16384, 3},        {1 << 20, 0, 2},   {4096, 0, 5},
    {300000, 8192, 1}, {65537, 2048, 2}, {4 << 20, 65536, 1},  {1, 0, 4},
};
#define KINDS (sizeof kinds / sizeof *kinds)
#define BUFFERS 35

struct buffer {
    struct kind kind;
    void *address;
};

static uint32_t available(vdi_server *server, uint32_t size, uint32_t alignment)
{
    uint32_t count = UINT32_MAX;
    CHECK_RESULT(vdi_server_query_available_buffers(server, size, alignment, &count), NOERROR);
    return count;
}

static void request_all(vdi_server *server)
{
    for (unsigned k = 0; k < KINDS; k++)
        CHECK_RESULT(vdi_server_request_buffers(server, kinds[k].size, kinds[k].alignment,
                                                kinds[k].count), NOERROR);
}

/* One entry for every buffer, `sets` times, mixed in a way that depends on `seed`. */
static void shuffle(struct buffer *buffers, unsigned sets, uint32_t seed)
{
    unsigned count = 0;
    for (unsigned set = 0; set < sets; set++)
        for (unsigned k = 0; k < KINDS; k++)
            for (unsigned i = 0; i < kinds[k].count; i++)
                buffers[count++].kind = kinds[k];
    CHECK_EQUAL(count, sets * BUFFERS);
    for (unsigned i = count - 1; i > 0; i--) {
        seed = seed * 1103515245 + 12345;
        unsigned other = (seed >> 16) % (i + 1);
        struct kind kind = buffers[i].kind;
        buffers[i].kind = buffers[other].kind;
        buffers[other].kind = kind;
    }
}

/* [SSET-ALLOC-01, SSET-ALLOC-02] */
static void allocate(vdi_server *server, struct buffer *buffer)
{
    uint32_t alignment = buffer->kind.alignment > ALIGNMENT ? buffer->kind.alignment : ALIGNMENT;
    CHECK_RESULT(vdi_server_allocate_buffer(server, buffer->kind.size, buffer->kind.alignment,
                                            &buffer->address), NOERROR);
    CHECK_EQUAL((uintptr_t)buffer->address % alignment, 0);
    /* All of it is there: the size does not count the prefix zone. [BUF-07, BUF-19] */
    memset(buffer->address, (int)buffer->kind.size, buffer->kind.size);
    CHECK_EQUAL(vdi_server_is_shared_buffer(
                    server, (uint8_t *)buffer->address + buffer->kind.size - 1), 1);
}

/* Exactly those that were requested, in several orders; freed, they can be had again. */
static void allocate_all(vdi_server *server, unsigned sets)
{
    static struct buffer buffers[2 * BUFFERS];
    for (uint32_t seed = 0; seed < 20; seed++) {
        CHECK_EQUAL(available(server, 1, 0), sets * BUFFERS);
        shuffle(buffers, sets, seed);
        for (unsigned i = 0; i < sets * BUFFERS; i++) {
            allocate(server, &buffers[i]);
            CHECK_EQUAL(available(server, 1, 0), sets * BUFFERS - i - 1);
        }
        void *none = server;
        CHECK_RESULT(vdi_server_allocate_buffer(server, 1, 0, &none), VD_E_MEMORY);
        CHECK(none == NULL);
        for (unsigned i = 0; i < sets * BUFFERS; i++)
            CHECK_RESULT(vdi_server_free_buffer(server, buffers[i].address, buffers[i].kind.size),
                         NOERROR);
    }
}

/*
 * A buffer that is used for less than was requested has the size that it was allocated with, for
 * commands, for IsSharedBuffer and for FreeBuffer, and its whole size again when it is free.
 * [BUF-12, BUF-19, AMB-28, SSET-FREE-01, SSET-FREE-02, SSET-SHARED-01]
 */
static void less_than_requested(struct engine *engine)
{
    static struct journal journal = JOURNAL_INITIALIZER;
    VDS_Command command;
    void *buffer;
    vdi_server *server = engine->server;
    /* Larger than all others. */
    static const uint32_t sizes[] = {(4 << 20) + 1, (5 << 20) - 1, 5 << 20};
    CHECK_RESULT(vdi_server_request_buffers(server, 5 << 20, 0, 1), NOERROR);
    for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        uint32_t size = sizes[i];
        CHECK_RESULT(vdi_server_allocate_buffer(server, size, 0, &buffer), NOERROR);
        CHECK_EQUAL(available(server, sizes[0], 0), 0);
        CHECK_EQUAL(vdi_server_is_shared_buffer(server, (uint8_t *)buffer + size - 1), 1);
        CHECK_EQUAL(vdi_server_is_shared_buffer(server, (uint8_t *)buffer + size), 0);
        command_prepare(&command, &journal, VDC_Write, buffer, (int32_t)size + 1);
        CHECK_RESULT(vdi_server_send_command(engine->devices[0], &command), VD_E_INVALID);
        CHECK_EQUAL(command.completionCode, ERROR_INVALID_PARAMETER);
        CHECK_RESULT(vdi_server_free_buffer(server, buffer, size + 1), VD_E_INVALID);
        CHECK_RESULT(vdi_server_free_buffer(server, buffer, size - 1), VD_E_INVALID);
        CHECK_RESULT(vdi_server_free_buffer(server, buffer, size), NOERROR);
    }
}

/*
 * During the configuration only the sum grows [BUF-08]; afterwards every call gives its memory at
 * once, before the first device is open and after it [BUF-09].
 * [BUF-12, BUF-13, TSQL-04, SSET-REQBUF-01, SSET-REQBUF-03, SSET-REQBUF-05]
 */
static void run(void)
{
    unique_name(name);
    const VDConfig config = {
        .deviceCount = 1, .alignment = ALIGNMENT, .prefixZoneSize = PREFIX};
    vdi_server_parameters parameters = {.size = sizeof parameters,
                                        .features = VDF_WriteMedia,
                                        .blockSize = 512,
                                        .maxTransferSize = VDI_MAX_TRANSFER_SIZE};
    vdi_set *set;
    vdi_server *server;
    struct engine engine;
    CHECK_RESULT(vdi_create(NULL, name, &config, NULL, &set), NOERROR);
    for (unsigned active = 0; active <= 1; active++) {
        CHECK_RESULT(vdi_server_open(NULL, name, &server), NOERROR);
        CHECK_RESULT(vdi_server_begin_configuration(server, &parameters), NOERROR);
        request_all(server);
        CHECK_EQUAL(available(server, 1, 0), BUFFERS);
        CHECK_RESULT(vdi_server_end_configuration(server), NOERROR);
        allocate_all(server, 1);
        if (active)
            engine_run(&engine, server, name, 1);
        request_all(server);
        allocate_all(server, 2);
        if (active) {
            less_than_requested(&engine);
            engine_close(&engine);
        }
        if (!active)
            CHECK_RESULT(vdi_server_close(server), NOERROR);
        CHECK_RESULT(vdi_close(set), NOERROR);
        if (!active)
            CHECK_RESULT(vdi_create(NULL, name, &config, NULL, &set), NOERROR);
    }
}

int main(int argc, char **argv)
{
    return test_main(argc, argv, NULL, run);
}
