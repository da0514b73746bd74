/*
 * Memory for buffers: more than there is, in the configuration and later, and memory added while
 * the set is active, which every client process must see.
 */
#include "engine.h"
#include "resources.h"
#include "roles.h"

#include <limits.h>

#define SIZE 65536

static char name[NAME_SIZE];

/* EndConfiguration fails, forgets the requests, and works with less. [BUF-14, SSET-END-03] */
static void too_much_at_the_end(struct peer client)
{
    client_named(client, CREATE, name, NOERROR);
    vdi_server *server;
    CHECK_RESULT(vdi_server_open(NULL, name, &server), NOERROR);
    vdi_server_parameters parameters = {.size = sizeof parameters,
                                        .features = VDF_WriteMedia,
                                        .blockSize = 4096,
                                        .maxTransferSize = VDI_TRANSFER_UNIT};
    CHECK_RESULT(vdi_server_begin_configuration(server, &parameters), NOERROR);
    for (int again = 0; again < 2; again++) {
        uint32_t count = 17;
        CHECK_RESULT(vdi_server_request_buffers(server, SIZE, 0, 2), NOERROR);
        CHECK_RESULT(vdi_server_request_buffers(server, INT32_MAX, 0, 1u << 20), NOERROR);
        CHECK_RESULT(vdi_server_end_configuration(server), VD_E_MEMORY);
        CHECK_CONTAINS(vdi_last_error_message(), "vdi_server_end_configuration");
        /* Still configuring, without any buffer; the client has seen nothing. */
        CHECK_RESULT(vdi_server_query_available_buffers(server, SIZE, 0, &count), NOERROR);
        CHECK_EQUAL(count, 0);
        CHECK_EQUAL(area_bytes(getpid()), 0);
        ASK(client, VD_E_TIMEOUT, GET_CONFIGURATION, .timeout = 0);
        CHECK_RESULT(vdi_server_begin_configuration(server, &parameters), VD_E_PROTOCOL);
    }
    /* A count that no number holds, and a sum. [AMB-22, AMB-28, SSET-REQBUF-04] */
    for (int i = 0; i < 3; i++) {
        uint32_t count = 17;
        CHECK_RESULT(vdi_server_request_buffers(server, 1, 0, UINT32_MAX), NOERROR);
        CHECK_RESULT(vdi_server_query_available_buffers(server, 1, 0, &count), NOERROR);
        CHECK_EQUAL(count, UINT32_MAX);
    }
    CHECK_RESULT(vdi_server_request_buffers(server, INT32_MAX, 0, 1u << 20), NOERROR);
    vdi_result result = NOERROR;
    for (int i = 0; i < 8 && result == NOERROR; i++)
        result = vdi_server_request_buffers(server, INT32_MAX, VDI_MAX_ALIGNMENT, UINT32_MAX);
    CHECK_RESULT(result, VD_E_INVALID);
    CHECK_RESULT(vdi_server_end_configuration(server), VD_E_MEMORY);

    CHECK_RESULT(vdi_server_request_buffers(server, SIZE, 0, 3), NOERROR);
    CHECK_RESULT(vdi_server_end_configuration(server), NOERROR);
    VDConfig config = ASK(client, NOERROR, GET_CONFIGURATION, .timeout = 0).config;
    CHECK(config.bufferAreaSize >= 3 * SIZE && config.bufferAreaSize < 100 * SIZE);

    /* Later: what was there before is unchanged. [SSET-REQBUF-04, BUF-09] */
    CHECK_RESULT(vdi_server_request_buffers(server, INT32_MAX, 0, 1u << 20), VD_E_MEMORY);
    CHECK_CONTAINS(vdi_last_error_message(), "vdi_server_request_buffers");
    void *buffer;
    for (int i = 0; i < 3; i++)
        CHECK_RESULT(vdi_server_allocate_buffer(server, SIZE, 0, &buffer), NOERROR);
    CHECK_RESULT(vdi_server_allocate_buffer(server, SIZE, 0, &buffer), VD_E_MEMORY);
    CHECK_RESULT(vdi_server_request_buffers(server, SIZE, 0, 1), NOERROR);
    CHECK_RESULT(vdi_server_allocate_buffer(server, SIZE, 0, &buffer), NOERROR);
    CHECK_RESULT(vdi_server_close(server), NOERROR);
    ASK(client, NOERROR, CLOSE);
}

/* One command with a buffer goes to a device and comes back; the client looks at the bytes. */
static void exchange(struct engine *engine, unsigned device, struct peer client, uint8_t *buffer,
                     uint32_t size, uint8_t seed)
{
    VDS_Command command = {.commandCode = VDC_Write, .buffer = buffer, .size = (int32_t)size};
    static struct pending pending;
    pending_prepare(&pending, &command);
    pattern_fill(buffer, size, seed);
    CHECK_RESULT(vdi_server_send_command(engine->devices[device], &command), NOERROR);
    struct answer got =
        ASK(client, NOERROR, GET_COMMAND, .device = device, .timeout = VDI_INFINITE);
    CHECK_EQUAL(got.address % VDI_MAX_ALIGNMENT, 0);
    ASK(client, 1, LOOK, .address = got.address, .bytes = size, .seed = seed);
    ASK(client, NOERROR, FILL, .address = got.address - 4096, .bytes = size + 4096,
        .seed = (uint8_t)(seed + 1));
    ASK(client, NOERROR, COMPLETE, .device = device, .slot = got.slot, .bytes = size);
    pending_wait(&pending);
    CHECK_EQUAL(command.completionCode, ERROR_SUCCESS);
    CHECK_EQUAL(buffer[0], pattern_byte(4096, (uint8_t)(seed + 1)));
}

/*
 * Twenty areas are added while the set is active; the primary and a secondary that was attached
 * before get each one with the first command that needs it. [BUF-09, BUF-10, BUF-11]
 */
static void more_while_active(struct peer primary, struct peer secondary)
{
    struct engine engine;
    client_creates(primary, name, (VDConfig){.deviceCount = 2, .alignment = VDI_MAX_ALIGNMENT,
                                             .prefixZoneSize = 4096});
    engine_open(&engine, name, 2, SIZE, 1);
    client_named(secondary, OPEN_IN_SECONDARY, name, NOERROR);
    client_open_device(primary, name, 0);
    client_open_device(secondary, name, 1);
    uint8_t *first = engine_buffer(&engine, SIZE);
    exchange(&engine, 0, primary, first, SIZE, 1);
    exchange(&engine, 1, secondary, first, SIZE, 2);
    uint8_t *buffers[20];
    for (unsigned i = 0; i < 20; i++) {
        uint32_t size = SIZE << i % 4;
        CHECK_RESULT(vdi_server_request_buffers(engine.server, size, 0, 1), NOERROR);
        buffers[i] = engine_buffer(&engine, size);
        exchange(&engine, 1, secondary, buffers[i], size, (uint8_t)(i + 3));
        if (i % 2)
            exchange(&engine, 0, primary, buffers[i], size, (uint8_t)(i + 5));
    }
    /* A process that comes late finds all of them. */
    struct peer late = spawn_client();
    client_named(late, OPEN_IN_SECONDARY, name, NOERROR);
    ASK(late, NOERROR, CLOSE);
    client_leave(late);
    for (unsigned i = 0; i < 20; i++)
        exchange(&engine, i % 2, i % 2 ? secondary : primary, buffers[i], SIZE, (uint8_t)(i + 9));
    exchange(&engine, 1, secondary, first, SIZE, 77);
    engine_close(&engine);
    ASK(secondary, NOERROR, CLOSE);
    ASK(primary, NOERROR, CLOSE);
}

/* A secondary attached after all areas were made maps them all. [BUF-10] */
static void late_secondary_works(struct peer primary, struct peer secondary)
{
    struct engine engine;
    client_creates(primary, name, (VDConfig){.deviceCount = 1, .alignment = VDI_MAX_ALIGNMENT,
                                             .prefixZoneSize = 4096});
    engine_open(&engine, name, 1, SIZE, 1);
    uint8_t *buffers[6];
    buffers[0] = engine_buffer(&engine, SIZE);
    for (unsigned i = 1; i < 6; i++) {
        CHECK_RESULT(vdi_server_request_buffers(engine.server, SIZE, 0, 1), NOERROR);
        buffers[i] = engine_buffer(&engine, SIZE);
    }
    client_named(secondary, OPEN_IN_SECONDARY, name, NOERROR);
    client_open_device(secondary, name, 0);
    for (unsigned i = 0; i < 6; i++)
        exchange(&engine, 0, secondary, buffers[5 - i], SIZE, (uint8_t)i);
    engine_close(&engine);
    ASK(secondary, NOERROR, CLOSE);
    ASK(primary, NOERROR, CLOSE);
}

static void run(void)
{
    unique_name(name);
    struct peer primary = spawn_client(), secondary = spawn_client();
    too_much_at_the_end(primary);
    more_while_active(primary, secondary);
    late_secondary_works(primary, secondary);
    client_leave(primary);
    client_leave(secondary);
}

int main(int argc, char **argv)
{
    static const struct role roles[] = {CLIENT_ROLE, {NULL, NULL}};
    return test_main(argc, argv, roles, run);
}
