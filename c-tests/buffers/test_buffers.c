/*
 * Shared buffers: alignment in both processes, prefix zones, mixed sizes, counts, and who may free
 * what.
 */
#include "engine.h"
#include "roles.h"

#include <limits.h>

static char name[NAME_SIZE];

/* A configured set whose client wants this alignment and prefix zone; no buffers requested yet. */
static vdi_server *begin(struct peer client, uint32_t alignment, uint32_t prefix)
{
    client_creates(client, name, (VDConfig){.deviceCount = 1, .alignment = alignment,
                                            .prefixZoneSize = prefix});
    vdi_server *server;
    CHECK_RESULT(vdi_server_open(NULL, name, &server), NOERROR);
    vdi_server_parameters parameters = {.size = sizeof parameters,
                                        .features = VDF_WriteMedia,
                                        .blockSize = 512,
                                        .maxTransferSize = VDI_MAX_TRANSFER_SIZE};
    CHECK_RESULT(vdi_server_begin_configuration(server, &parameters), NOERROR);
    return server;
}

static const struct shape {
    uint32_t size, alignment, count;
} shapes[] = {
    {1, 0, 3},          {512, 0, 2},     {513, 4096, 2},          {4096, 4096, 3},
    {65536, 65536, 2},  {65537, 0, 1},   {100, 65536, 4},         {1 << 20, 8192, 2},
    {3000, 1024, 3},    {4 << 20, 0, 1}, {4 << 20, 65536, 1},
};
#define SHAPES (sizeof shapes / sizeof *shapes)
#define BUFFERS 24

/*
 * All buffers are filled at once in the client, prefix zones included, and looked at afterwards: so
 * none overlaps another one, and every one is as large and as aligned as asked for.
 * Among them are a transfer of one block and one of the largest size.
 * [BUF-01, BUF-03, BUF-04, BUF-13, BUF-19, SSET-REQBUF-05, SSET-ALLOC-01]
 */
static void shapes_in_both_processes(struct peer client, uint32_t alignment, uint32_t prefix)
{
    static VDS_Command commands[BUFFERS];
    static struct journal journal = JOURNAL_INITIALIZER;
    struct answer got[BUFFERS];
    struct engine engine;
    journal.count = 0;
    vdi_server *server = begin(client, alignment, prefix);
    for (unsigned s = 0; s < SHAPES; s++)
        CHECK_RESULT(vdi_server_request_buffers(server, shapes[s].size, shapes[s].alignment,
                                                shapes[s].count), NOERROR);
    CHECK_RESULT(vdi_server_end_configuration(server), NOERROR);
    engine_run(&engine, server, name, 1);
    client_open_device(client, name, 0);

    unsigned count = 0;
    for (unsigned s = 0; s < SHAPES; s++)
        for (unsigned i = 0; i < shapes[s].count; i++, count++) {
            void *buffer;
            CHECK_RESULT(vdi_server_allocate_buffer(server, shapes[s].size, shapes[s].alignment,
                                                    &buffer), NOERROR);
            uint32_t wanted = shapes[s].alignment ? shapes[s].alignment : 512;
            wanted = wanted < alignment ? alignment : wanted;
            CHECK_EQUAL((uintptr_t)buffer % wanted, 0); /* [SSET-ALLOC-02, CFG-64] */
            CHECK_EQUAL(vdi_server_is_shared_buffer(server, buffer), 1);
            command_prepare(&commands[count], &journal, VDC_Write, buffer,
                            (int32_t)shapes[s].size);
            commands[count].completionCode = (int32_t)wanted; /* remembered for the client */
        }
    CHECK_EQUAL(count, BUFFERS);
    for (unsigned i = 0; i < count; i++)
        pattern_fill(commands[i].buffer, (size_t)commands[i].size, (uint8_t)(i * 5));
    for (unsigned i = 0; i < count; i++) {
        int32_t wanted = commands[i].completionCode;
        CHECK_RESULT(vdi_server_send_command(engine.devices[0], &commands[i]), NOERROR);
        got[i] = client_fetch(client, 0, VDC_Write);
        CHECK_EQUAL(got[i].address % (uint64_t)wanted, 0); /* [AMB-23, CFG-23] */
        ASK(client, 1, LOOK, .address = got[i].address, .bytes = (uint32_t)commands[i].size,
            .seed = (uint8_t)(i * 5));
    }
    for (unsigned i = 0; i < count; i++)
        ASK(client, NOERROR, FILL, .address = got[i].address - prefix,
            .bytes = prefix + (uint32_t)commands[i].size, .seed = (uint8_t)(i * 3 + 1));
    for (unsigned i = 0; i < count; i++) {
        ASK(client, 1, LOOK, .address = got[i].address - prefix,
            .bytes = prefix + (uint32_t)commands[i].size, .seed = (uint8_t)(i * 3 + 1));
        ASK(client, NOERROR, COMPLETE, .slot = got[i].slot);
        CHECK_JOURNAL(&journal, i, &commands[i], ERROR_SUCCESS);
        /* The server finds the client's bytes in the data zone. */
        CHECK_EQUAL(commands[i].buffer[0], pattern_byte(prefix, (uint8_t)(i * 3 + 1)));
    }
    engine_finish(&engine);
    for (unsigned i = 0; i < count; i++) /* also after the normal end. [AMB-07] */
        CHECK_RESULT(vdi_server_free_buffer(server, commands[i].buffer,
                                            (uint32_t)commands[i].size), NOERROR);
    CHECK_RESULT(vdi_server_close(server), NOERROR);
    ASK(client, NOERROR, CLOSE);
}

static uint32_t available(vdi_server *server, uint32_t size, uint32_t alignment)
{
    uint32_t count = UINT32_MAX;
    CHECK_RESULT(vdi_server_query_available_buffers(server, size, alignment, &count), NOERROR);
    return count;
}

/*
 * The count is what AllocateBuffer keeps, before and after the configuration.
 * [AMB-22, SSET-QUERYBUF-03, SSET-REQBUF-01]
 */
static void counts(struct peer client)
{
    vdi_server *server = begin(client, 0, 64);
    CHECK_EQUAL(available(server, 65536, 0), 0);
    CHECK_RESULT(vdi_server_request_buffers(server, 65536, 0, 3), NOERROR);
    CHECK_EQUAL(available(server, 65536, 0), 3);
    CHECK_RESULT(vdi_server_request_buffers(server, 65536, 0, 2), NOERROR); /* [BUF-08] */
    CHECK_RESULT(vdi_server_request_buffers(server, 4096, 0, 4), NOERROR);
    CHECK_EQUAL(available(server, 65536, 0), 5);
    CHECK(available(server, 4096, 0) >= 4);
    CHECK_EQUAL(available(server, 65537, 0), 0);
    CHECK_EQUAL(available(server, 4096, 65536), 0); /* none was requested with that alignment */
    CHECK_RESULT(vdi_server_end_configuration(server), NOERROR);
    CHECK_EQUAL(available(server, 4096, 65536), 0);
    void *none = server; /* [BUF-12] */
    CHECK_RESULT(vdi_server_allocate_buffer(server, 4096, 65536, &none), VD_E_MEMORY);
    CHECK(none == NULL);
    CHECK_EQUAL(available(server, 65536, 0), 5);

    void *large[5], *small[64];
    for (unsigned i = 0; i < 5; i++) {
        CHECK_EQUAL(available(server, 65536, 0), 5 - i);
        CHECK_RESULT(vdi_server_allocate_buffer(server, 65536, 0, &large[i]), NOERROR);
    }
    CHECK_EQUAL(available(server, 65536, 0), 0);
    none = server;
    CHECK_RESULT(vdi_server_allocate_buffer(server, 65536, 0, &none), VD_E_MEMORY);
    CHECK(none == NULL); /* [SSET-ALLOC-03] */
    uint32_t left = available(server, 4096, 0);
    CHECK(left >= 4 && left <= 64);
    for (unsigned i = 0; i < left; i++)
        CHECK_RESULT(vdi_server_allocate_buffer(server, 4096, 0, &small[i]), NOERROR);
    CHECK_EQUAL(available(server, 4096, 0), 0);
    CHECK_RESULT(vdi_server_allocate_buffer(server, 4096, 0, &none), VD_E_MEMORY);

    CHECK_RESULT(vdi_server_free_buffer(server, large[2], 65536), NOERROR);
    CHECK_EQUAL(available(server, 65536, 0), 1);
    CHECK_RESULT(vdi_server_allocate_buffer(server, 65536, 0, &large[2]), NOERROR);
    /* At once. [BUF-09, SSET-REQBUF-03] */
    CHECK_RESULT(vdi_server_request_buffers(server, 65536, 0, 2), NOERROR);
    CHECK_EQUAL(available(server, 65536, 0), 2);
    CHECK_RESULT(vdi_server_close(server), NOERROR); /* [SSET-CLOSE-04] */
    ASK(client, NOERROR, CLOSE);
}

/* Sizes, alignments and counts out of range, before and after the configuration. [AMB-28] */
static void bad_parameters(struct peer client)
{
    static const struct shape bad[] = {
        {0, 0, 1},
        {1u << 31, 0, 1},
        {UINT32_MAX, 0, 1},
        {4096, 3, 1},
        {4096, 513, 1},
        {4096, 2 * VDI_MAX_ALIGNMENT, 1},
        {4096, UINT32_MAX, 1},
    };
    vdi_server *server = begin(client, 0, 0);
    for (int ended = 0; ended <= 1; ended++) {
        for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
            uint32_t count = 17;
            void *buffer = server;
            CHECK_RESULT(vdi_server_request_buffers(server, bad[i].size, bad[i].alignment, 1),
                         VD_E_INVALID);
            CHECK_CONTAINS(vdi_last_error_message(), bad[i].alignment ? "alignment" : "size");
            CHECK_RESULT(vdi_server_query_available_buffers(server, bad[i].size, bad[i].alignment,
                                                            &count), VD_E_INVALID);
            CHECK_EQUAL(count, 0);
            if (!ended)
                continue;
            CHECK_RESULT(vdi_server_allocate_buffer(server, bad[i].size, bad[i].alignment,
                                                    &buffer), VD_E_INVALID);
            CHECK(buffer == NULL);
        }
        CHECK_RESULT(vdi_server_request_buffers(server, 4096, 0, 0), VD_E_INVALID);
        CHECK_RESULT(vdi_server_query_available_buffers(server, 4096, 0, NULL), VD_E_INVALID);
        CHECK_EQUAL(available(server, 4096, 0), 0); /* nothing was added by mistake */
        if (!ended)
            CHECK_RESULT(vdi_server_end_configuration(server), NOERROR);
    }
    CHECK_RESULT(vdi_server_allocate_buffer(server, 4096, 0, NULL), VD_E_INVALID);
    /* A small alignment is raised to that of the set. [SSET-REQBUF-02] */
    CHECK_RESULT(vdi_server_request_buffers(server, 4096, 1, 1), NOERROR);
    void *buffer;
    CHECK_RESULT(vdi_server_allocate_buffer(server, 4096, 64, &buffer), NOERROR);
    CHECK_EQUAL((uintptr_t)buffer % 512, 0);
    CHECK_RESULT(vdi_server_close(server), NOERROR);
    ASK(client, NOERROR, CLOSE);
}

/* What is not a buffer that can be freed. [SSET-FREE-01, SSET-FREE-02, SSET-SHARED-01] */
static void frees(struct peer client)
{
    static struct journal journal = JOURNAL_INITIALIZER;
    static uint8_t own[4096];
    struct engine engine;
    client_named(client, CREATE, name, NOERROR);
    engine_open(&engine, name, 1, 4096, 2);
    vdi_server *server = engine.server;
    client_open_device(client, name, 0);
    uint8_t *buffer = engine_buffer(&engine, 4096);

    CHECK_RESULT(vdi_server_free_buffer(server, buffer, 4095), VD_E_INVALID);
    CHECK_RESULT(vdi_server_free_buffer(server, buffer, 4097), VD_E_INVALID);
    CHECK_RESULT(vdi_server_free_buffer(server, buffer, 0), VD_E_INVALID);
    CHECK_RESULT(vdi_server_free_buffer(server, buffer + 1, 4096), VD_E_INVALID);
    CHECK_RESULT(vdi_server_free_buffer(server, own, 4096), VD_E_INVALID);
    CHECK_RESULT(vdi_server_free_buffer(server, NULL, 4096), VD_E_INVALID);
    CHECK_EQUAL(vdi_server_is_shared_buffer(server, own), 0);
    CHECK_EQUAL(vdi_server_is_shared_buffer(server, NULL), 0);
    CHECK_EQUAL(vdi_server_is_shared_buffer(server, (void *)3), 0);
    CHECK_EQUAL(vdi_server_is_shared_buffer(NULL, buffer), 0);
    CHECK_EQUAL(vdi_server_is_shared_buffer(server, buffer), 1);

    VDS_Command command;
    command_prepare(&command, &journal, VDC_Read, buffer, 4096);
    CHECK_RESULT(vdi_server_send_command(engine.devices[0], &command), NOERROR);
    CHECK_RESULT(vdi_server_free_buffer(server, buffer, 4096), VD_E_INVALID); /* [SSET-FREE-03] */
    struct answer got = client_fetch(client, 0, VDC_Read);
    CHECK_RESULT(vdi_server_free_buffer(server, buffer, 4096), VD_E_INVALID);
    ASK(client, NOERROR, COMPLETE, .slot = got.slot);
    journal_wait(&journal, 1);
    CHECK_RESULT(vdi_server_free_buffer(server, buffer, 4096), NOERROR);
    CHECK_RESULT(vdi_server_free_buffer(server, buffer, 4096), VD_E_INVALID);
    CHECK_EQUAL(vdi_server_is_shared_buffer(server, buffer), 0);

    buffer = engine_buffer(&engine, 4096);
    uint8_t *other = engine_buffer(&engine, 4096);
    CHECK(buffer != other);
    CHECK_RESULT(vdi_server_signal_abort(server, NULL), NOERROR);
    CHECK_RESULT(vdi_server_free_buffer(server, buffer, 4096), NOERROR); /* [AMB-07] */
    CHECK_EQUAL(vdi_server_is_shared_buffer(server, buffer), 0);
    CHECK_EQUAL(vdi_server_is_shared_buffer(server, other), 1);
    void *none = &none;
    uint32_t count = 17;
    CHECK_RESULT(vdi_server_allocate_buffer(server, 4096, 0, &none), VD_E_ABORT); /* [ABT-06] */
    CHECK(none == NULL);
    CHECK_RESULT(vdi_server_request_buffers(server, 4096, 0, 1), VD_E_ABORT);
    CHECK_RESULT(vdi_server_query_available_buffers(server, 4096, 0, &count), VD_E_ABORT);
    CHECK_EQUAL(count, 0);
    engine_close_aborted(&engine);
    CHECK_RESULT(vdi_server_free_buffer(server, other, 4096), VD_E_PROTOCOL);
    CHECK_EQUAL(vdi_server_is_shared_buffer(server, other), 0);
    ASK(client, NOERROR, CLOSE);
}

static void run(void)
{
    unique_name(name);
    struct peer client = spawn_client();
    shapes_in_both_processes(client, 0, 0);
    shapes_in_both_processes(client, 4096, 100);
    shapes_in_both_processes(client, 65536, 0);
    shapes_in_both_processes(client, 65536, 70001);
    counts(client);
    bad_parameters(client);
    frees(client);
    client_leave(client);
}

int main(int argc, char **argv)
{
    static const struct role roles[] = {CLIENT_ROLE, {NULL, NULL}};
    return test_main(argc, argv, roles, run);
}
