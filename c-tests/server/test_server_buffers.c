/*
 * The server's buffers: requesting, counting, allocating, freeing, and which addresses are shared.
 */
#include "engine.h"
#include "roles.h"

#define SIZE 4096u
#define SMALL 512u
#define LARGE 65536u
#define PREFIX 200u

static char name[NAME_SIZE];
static struct engine engine;
static struct peer client;

static const vdi_server_parameters parameters = {.size = sizeof parameters,
                                                 .features = VDF_WriteMedia,
                                                 .blockSize = SMALL,
                                                 .maxTransferSize = TRANSFER_SIZE};

/* A set in its configuration. */
static vdi_server *begin(void)
{
    vdi_server *server;
    client_creates(client, name, (VDConfig){.deviceCount = 1, .prefixZoneSize = PREFIX});
    CHECK_RESULT(vdi_server_open(NULL, name, &server), NOERROR);
    CHECK_RESULT(vdi_server_begin_configuration(server, &parameters), NOERROR);
    return server;
}

static void request(vdi_server *server, uint32_t size, uint32_t alignment, uint32_t count)
{
    CHECK_RESULT(vdi_server_request_buffers(server, size, alignment, count), NOERROR);
}

static void available(vdi_server *server, uint32_t size, uint32_t alignment, uint32_t wanted)
{
    uint32_t count = 77;
    CHECK_RESULT(vdi_server_query_available_buffers(server, size, alignment, &count), NOERROR);
    CHECK_EQUAL(count, wanted);
}

static void *allocate(vdi_server *server, uint32_t size, uint32_t alignment)
{
    void *buffer;
    CHECK_RESULT(vdi_server_allocate_buffer(server, size, alignment, &buffer), NOERROR);
    /* The alignment of the set is the least. */
    CHECK_EQUAL((uintptr_t)buffer % (alignment > SMALL ? alignment : SMALL), 0);
    return buffer;
}

static void nothing_left(vdi_server *server, uint32_t size, uint32_t alignment)
{
    void *buffer = &buffer;
    CHECK_RESULT(vdi_server_allocate_buffer(server, size, alignment, &buffer), VD_E_MEMORY);
    CHECK(buffer == NULL);
}

static void free_buffer(vdi_server *server, void *buffer, uint32_t size)
{
    CHECK_RESULT(vdi_server_free_buffer(server, buffer, size), NOERROR);
}

/* So many buffers of a kind can be allocated as the query says, and no more; all are freed. */
static void count_is_true(vdi_server *server, uint32_t size, uint32_t alignment, uint32_t wanted)
{
    void *buffers[64];
    CHECK(wanted < 64);
    for (uint32_t i = 0; i < wanted; i++) {
        available(server, size, alignment, wanted - i);
        buffers[i] = allocate(server, size, alignment);
    }
    available(server, size, alignment, 0);
    nothing_left(server, size, alignment);
    for (uint32_t i = 0; i < wanted; i++)
        free_buffer(server, buffers[i], size);
    available(server, size, alignment, wanted);
}

static const struct kind {
    uint32_t size, alignment, fitting;
} kinds[] = {{1, 0, 11},        {SMALL, 0, 11},       {SMALL + 1, 0, 6}, {SIZE, 0, 6},
             {SIZE, LARGE, 1},  {SMALL, LARGE, 3},    {LARGE, 0, 3},     {LARGE, LARGE, 1},
             {LARGE + 1, 0, 0}, {SIZE, SMALL / 2, 6}};
#define KINDS (sizeof kinds / sizeof *kinds)

/* Requests are summed; the query promises during the configuration what can be had after it.
 * [SSET-REQBUF-01, SSET-REQBUF-02, SSET-REQBUF-03, SSET-REQBUF-05] */
static vdi_server *sums(void)
{
    vdi_server *server = begin();
    available(server, SMALL, 0, 0);
    request(server, SMALL, 0, 1);
    request(server, LARGE, 0, 2);
    request(server, SMALL, 0, 2);
    request(server, SIZE, 0, 3);
    request(server, SMALL, LARGE, 2);
    request(server, LARGE, LARGE, 1);
    return server;
}

/* [SSET-QUERYBUF-02, SSET-QUERYBUF-03, AMB-22, SSET-END-01, SSET-ALLOC-01, SSET-ALLOC-03] */
static void counts(void)
{
    vdi_server *server = sums();
    for (unsigned i = 0; i < KINDS; i++)
        available(server, kinds[i].size, kinds[i].alignment, kinds[i].fitting);
    CHECK_RESULT(vdi_server_end_configuration(server), NOERROR);
    for (unsigned i = 0; i < KINDS; i++)
        count_is_true(server, kinds[i].size, kinds[i].alignment, kinds[i].fitting);
    /* Initializing and Active alike: memory comes at once, and for what was asked only. */
    for (int active = 0; active <= 1; active++) {
        if (active)
            engine_run(&engine, server, name, 1);
        request(server, 2 * LARGE, 0, 4);
        count_is_true(server, LARGE + 1, 0, 4 + 4 * (uint32_t)active);
        count_is_true(server, LARGE, LARGE, 1);
    }
    /* A kind that is used up is taken from the next larger one. */
    for (uint32_t i = 0; i < 3; i++)
        allocate(server, SIZE, 0);
    available(server, SIZE, 0, 3 + 8);
    available(server, LARGE, 0, 3 + 8);
    allocate(server, SIZE, 0);
    available(server, LARGE, 0, 2 + 8);
    engine_close(&engine);
    ASK(client, NOERROR, CLOSE);
}

/* Odd sizes, alignments below and above that of the set. [SSET-REQBUF-02, SSET-ALLOC-02] */
static void alignments(void)
{
    static const uint32_t wishes[] = {0, 1, SMALL, 2 * SMALL, 4 * SMALL, LARGE / 2, LARGE};
    vdi_server *server = begin();
    for (uint32_t size = 1; size < 3 * SIZE; size += 1237)
        for (unsigned i = 0; i < sizeof wishes / sizeof *wishes; i++)
            request(server, size, wishes[i], 3);
    CHECK_RESULT(vdi_server_end_configuration(server), NOERROR);
    for (uint32_t size = 1; size < 3 * SIZE; size += 1237)
        for (unsigned i = sizeof wishes / sizeof *wishes; i-- > 0;)
            for (unsigned n = 0; n < 3; n++)
                memset(allocate(server, size, wishes[i]), 1, size);
    nothing_left(server, 1, 0);
    CHECK_RESULT(vdi_server_close(server), NOERROR);
    ASK(client, NOERROR, CLOSE);
}

/* Bad parameters, in every state that allows the calls. [SSET-ALLOC-02, SSET-ALLOC-03, AMB-28] */
static void bad_parameters(vdi_server *server, int configured)
{
    static const uint32_t bad[][2] = {{0, 0},     {SIZE, 3},           {SIZE, SMALL + 1},
                                      {SIZE, 3 * SMALL}, {SIZE, 2 * LARGE}, {UINT32_MAX, 0},
                                      {0x80000000u, 0},  {SIZE, UINT32_MAX}};
    for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
        uint32_t count = 77;
        void *buffer = &buffer;
        uint32_t size = bad[i][0], alignment = bad[i][1];
        CHECK_RESULT(vdi_server_request_buffers(server, size, alignment, 1), VD_E_INVALID);
        CHECK_RESULT(vdi_server_query_available_buffers(server, size, alignment, &count),
                     VD_E_INVALID);
        CHECK_EQUAL(count, 0);
        CHECK_RESULT(vdi_server_allocate_buffer(server, size, alignment, &buffer),
                     configured ? VD_E_INVALID : VD_E_PROTOCOL);
        CHECK(buffer == NULL);
    }
    CHECK_RESULT(vdi_server_request_buffers(server, SIZE, 0, 0), VD_E_INVALID);
    CHECK_RESULT(vdi_server_query_available_buffers(server, SIZE, 0, NULL), VD_E_INVALID);
    CHECK_RESULT(vdi_server_allocate_buffer(server, SIZE, 0, NULL), VD_E_INVALID);
}

/* A sum that no number holds changes nothing. [AMB-28] */
static void overflow(void)
{
    vdi_server *server = begin();
    for (unsigned i = 0; i < 7; i++)
        request(server, INT32_MAX, 0, 1u << 30);
    CHECK_RESULT(vdi_server_request_buffers(server, INT32_MAX, LARGE, 1u << 30), VD_E_INVALID);
    available(server, 1, LARGE, 0);
    available(server, 1, 0, UINT32_MAX);
    CHECK_RESULT(vdi_server_close(server), NOERROR);
    ASK(client, NOERROR, CLOSE);
}

/* None of the refused calls has changed anything. */
static void refusals(void)
{
    vdi_server *server = begin();
    bad_parameters(server, 0);
    available(server, 1, 0, 0);
    request(server, SIZE, 0, 1);
    CHECK_RESULT(vdi_server_end_configuration(server), NOERROR);
    bad_parameters(server, 1);
    count_is_true(server, 1, 0, 1);
    CHECK_RESULT(vdi_server_close(server), NOERROR);
    ASK(client, NOERROR, CLOSE);
}

/* [SSET-FREE-01, SSET-FREE-02, SSET-FREE-03] */
static void frees(void)
{
    vdi_server *server = begin();
    request(server, SIZE, 0, 2);
    CHECK_RESULT(vdi_server_end_configuration(server), NOERROR);
    engine_run(&engine, server, name, 1);
    uint8_t *buffer = allocate(server, SIZE - 96, 0);
    uint8_t *other = allocate(server, SIZE, 0);
    uint8_t *const wrong[] = {NULL, buffer + 1, buffer - 1, buffer - PREFIX, buffer + SIZE,
                              (uint8_t *)&server};
    for (unsigned i = 0; i < sizeof wrong / sizeof *wrong; i++)
        CHECK_RESULT(vdi_server_free_buffer(server, wrong[i], SIZE - 96), VD_E_INVALID);
    static const uint32_t sizes[] = {0, 1, SIZE - 97, SIZE - 95, SIZE, SIZE - 96 + PREFIX};
    for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++)
        CHECK_RESULT(vdi_server_free_buffer(server, buffer, sizes[i]), VD_E_INVALID);
    nothing_left(server, 1, 0);

    /* What was asked for counts, not the room that there is. [SDEV-SEND-07] */
    VDS_Command too_large = {.commandCode = VDC_Write, .buffer = buffer, .size = SIZE - 95};
    struct pending refused;
    pending_prepare(&refused, &too_large);
    CHECK_RESULT(vdi_server_send_command(engine.devices[0], &too_large), VD_E_INVALID);
    CHECK_EQUAL(pending_calls(&refused), 1);
    CHECK_EQUAL(too_large.completionCode, ERROR_INVALID_PARAMETER);

    /* In two commands at once: the buffer is free when both have ended. */
    VDS_Command commands[2] = {{.commandCode = VDC_Write, .buffer = buffer, .size = SIZE - 96},
                               {.commandCode = VDC_Read, .buffer = buffer, .size = 8}};
    struct pending pending[2];
    struct answer got[2];
    client_open_device(client, name, 0);
    for (unsigned i = 0; i < 2; i++) {
        pending_prepare(&pending[i], &commands[i]);
        CHECK_RESULT(vdi_server_send_command(engine.devices[0], &commands[i]), NOERROR);
        CHECK_RESULT(vdi_server_free_buffer(server, buffer, SIZE - 96), VD_E_INVALID);
    }
    for (unsigned i = 0; i < 2; i++)
        got[i] = client_fetch(client, 0, commands[i].commandCode);
    for (unsigned i = 2; i-- > 0;) {
        CHECK_RESULT(vdi_server_free_buffer(server, buffer, SIZE - 96), VD_E_INVALID);
        ASK(client, NOERROR, COMPLETE, .slot = got[i].slot);
        pending_wait(&pending[i]);
    }
    free_buffer(server, buffer, SIZE - 96);
    CHECK_RESULT(vdi_server_free_buffer(server, buffer, SIZE - 96), VD_E_INVALID);
    CHECK(allocate(server, SIZE, 0) == buffer);
    free_buffer(server, other, SIZE);
    engine_close(&engine);
    ASK(client, NOERROR, CLOSE);
}

static void shared(vdi_server *server, const void *address, int wanted)
{
    CHECK_EQUAL(vdi_server_is_shared_buffer(server, address), wanted);
}

/* Every address of the data zone, and no other one. [SSET-SHARED-01] */
static void which_are_shared(void)
{
    char second[NAME_SIZE];
    unique_name(second);
    vdi_set *set = client_create(second, 1);
    vdi_server *other_set = server_configure(second, SIZE, 1);
    const uint8_t *foreign = allocate(other_set, SIZE, 0);
    vdi_server *server = begin();
    shared(server, NULL, 0);
    request(server, SIZE, 0, 2);
    CHECK_RESULT(vdi_server_end_configuration(server), NOERROR);
    uint8_t *buffer = allocate(server, SIZE - 96, 0);
    uint8_t *freed = allocate(server, SIZE, 0);
    for (uint32_t i = 0; i < SIZE - 96; i++)
        shared(server, buffer + i, 1);
    for (uint32_t i = 1; i <= PREFIX; i++)
        shared(server, buffer - i, 0);
    shared(server, buffer + SIZE - 96, 0);
    shared(server, freed, 1);
    free_buffer(server, freed, SIZE);
    shared(server, freed, 0);
    shared(server, &server, 0);
    shared(server, (const void *)UINTPTR_MAX, 0);
    shared(server, foreign, 0);
    shared(other_set, buffer, 0);
    shared(other_set, foreign, 1);
    shared(NULL, buffer, 0);
    CHECK_RESULT(vdi_server_signal_abort(server, NULL), NOERROR);
    shared(server, buffer, 1);
    free_buffer(server, buffer, SIZE - 96);
    shared(server, buffer, 0);
    CHECK_RESULT(vdi_server_close(server), NOERROR);
    ASK(client, NOERROR, CLOSE);
    CHECK_RESULT(vdi_server_close(other_set), NOERROR);
    CHECK_RESULT(vdi_close(set), NOERROR);
}

static void run(void)
{
    unique_name(name);
    client = spawn_client();
    counts();
    alignments();
    refusals();
    overflow();
    frees();
    which_are_shared();
    client_leave(client);
}

int main(int argc, char **argv)
{
    static const struct role roles[] = {CLIENT_ROLE, {NULL, NULL}};
    return test_main(argc, argv, roles, run);
}
