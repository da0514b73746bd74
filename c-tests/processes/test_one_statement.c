/*
 * What a set is: the life of one statement from the client's creation to the end, memory that both
 * processes see at once, bytes that mean nothing to the interface, and a disk-like device.
 */
#include "roles.h"
#include "statement.h"

static char name[NAME_SIZE];
static struct statement statement;
static struct peer client;

/* A set that has ended takes nobody in any more. */
static void ended(void)
{
    vdi_server *second;
    CHECK_RESULT(vdi_server_open(NULL, name, &second), VD_E_BUSY);
    CHECK_RESULT(vdi_server_request_buffers(statement.engine.server, 4096, 0, 1), VD_E_PROTOCOL);
    CHECK_RESULT(vdi_server_execute_completion_agent(statement.engine.server), VD_E_PROTOCOL);
    ASK(client, VD_E_PROTOCOL, GET_COMMAND, .timeout = VDI_INFINITE);
    client_named(client, OPEN_DEVICE, name, VD_E_PROTOCOL);
}

/*
 * Creation, configuration, transfer and end follow each other [MOD-08]; then the client's process
 * creates a set, of the same name, for its next statement [MOD-03].
 */
static void one_after_the_other(void)
{
    static const uint32_t directions[] = {VDF_WriteMedia, VDF_ReadMedia, VDF_WriteMedia};
    vdi_server *none;
    for (unsigned i = 0; i < 3; i++) {
        CHECK_RESULT(vdi_server_open(NULL, name, &none), VD_E_INVALID);
        client_creates(client, name, (VDConfig){.deviceCount = 1});
        client_named(client, OPEN_DEVICE, name, VD_E_PROTOCOL);
        ASK(client, VD_E_TIMEOUT, GET_CONFIGURATION, .timeout = 0);
        statement_open(&statement, name, 1, directions[i]);
        VDConfig config = ASK(client, NOERROR, GET_CONFIGURATION, .timeout = 0).config;
        CHECK_EQUAL(config.features, directions[i]);
        client_open_device(client, name, 0);
        struct request request;
        CHECK_RESULT(request_begin(&request, &statement, 0, VDC_Flush, 0), NOERROR);
        struct answer got = client_fetch(client, 0, VDC_Flush);
        ASK(client, NOERROR, COMPLETE, .slot = got.slot);
        CHECK_EQUAL(request_end(&request), ERROR_SUCCESS);
        engine_finish(&statement.engine);
        ASK(client, VD_E_CLOSE, GET_COMMAND, .timeout = VDI_INFINITE);
        ended();
        CHECK_RESULT(vdi_server_close(statement.engine.server), NOERROR);
        ASK(client, NOERROR, CLOSE);
    }
}

static void start(uint32_t features, uint32_t direction)
{
    client_creates(client, name, (VDConfig){.deviceCount = 1, .features = features});
    statement_open(&statement, name, 1, direction);
    client_open_device(client, name, 0);
}

static void end(void)
{
    engine_close(&statement.engine);
    ASK(client, VD_E_CLOSE, GET_COMMAND, .timeout = VDI_INFINITE);
    ASK(client, NOERROR, CLOSE);
}

/*
 * Each process sees what the other one writes while the command is outstanding: the memory is the
 * same, nothing is copied. [MOD-02]
 */
static void memory_is_shared(void)
{
    struct request request;
    start(0, VDF_WriteMedia);
    uint8_t *buffer = statement.buffers[0];
    CHECK_RESULT(request_begin(&request, &statement, 0, VDC_Write, TRANSFER), NOERROR);
    struct answer got = client_fetch(client, 0, VDC_Write);
    for (uint8_t round = 0; round < 3; round++) {
        pattern_fill(buffer, TRANSFER, round);
        ASK(client, 1, LOOK, .address = got.address, .bytes = TRANSFER, .seed = round);
        ASK(client, NOERROR, FILL, .address = got.address, .bytes = TRANSFER,
            .seed = (uint8_t)(round + 50));
        CHECK(pattern_matches(buffer, TRANSFER, (uint8_t)(round + 50)));
    }
    ASK(client, NOERROR, COMPLETE, .slot = got.slot, .bytes = TRANSFER);
    CHECK_EQUAL(request_end(&request), ERROR_SUCCESS);
    end();
}

/* Bytes of every value, in any order, are those that arrive. [MOD-10] */
static void content_is_opaque(void)
{
    struct request request;
    start(0, VDF_WriteMedia);
    for (unsigned seed = 0; seed < 256; seed += 17) {
        pattern_fill(statement.buffers[0], TRANSFER, (uint8_t)seed);
        CHECK_RESULT(request_begin(&request, &statement, 0, VDC_Write, TRANSFER), NOERROR);
        struct answer got = client_fetch(client, 0, VDC_Write);
        ASK(client, 1, LOOK, .address = got.address, .bytes = TRANSFER, .seed = (uint8_t)seed);
        ASK(client, NOERROR, COMPLETE, .slot = got.slot, .bytes = TRANSFER);
        CHECK_EQUAL(request_end(&request), ERROR_SUCCESS);
        CHECK(pattern_matches(statement.buffers[0], TRANSFER, (uint8_t)seed));
    }
    end();
}

/* One command of a disk, at an offset. The client's answer is the offset behind it. */
static void at_offset(int32_t code, int64_t offset, uint8_t seed)
{
    struct request request = {.command = {.commandCode = code,
                                    .inPosition = offset,
                                    .size = BLOCK_SIZE,
                                    .buffer = statement.buffers[0]}};
    pending_prepare(&request.pending, &request.command);
    pattern_fill(statement.buffers[0], BLOCK_SIZE, seed);
    CHECK_RESULT(vdi_server_send_command(statement.engine.devices[0], &request.command), NOERROR);
    struct answer got = client_fetch(client, 0, code);
    CHECK_EQUAL(got.command.position, offset);
    if (code == VDC_Write)
        ASK(client, 1, LOOK, .address = got.address, .bytes = BLOCK_SIZE, .seed = seed);
    else
        ASK(client, NOERROR, FILL, .address = got.address, .bytes = BLOCK_SIZE,
            .seed = (uint8_t)(seed + 1));
    ASK(client, NOERROR, COMPLETE, .slot = got.slot, .bytes = BLOCK_SIZE,
        .position = offset + BLOCK_SIZE);
    CHECK_EQUAL(request_end(&request), ERROR_SUCCESS);
    CHECK_EQUAL(request.command.outPosition, offset + BLOCK_SIZE);
    CHECK(code == VDC_Write || pattern_matches(statement.buffers[0], BLOCK_SIZE, seed + 1));
}

/* Reads and Writes at any offsets; the operation ends well. [AMB-45] */
static void disk_like(void)
{
    static const int64_t offsets[] = {0, BLOCK_SIZE, 7 * BLOCK_SIZE, 5000000000, INT64_MAX - 8191};
    start(VDF_LikeDisk, VDF_WriteMedia | VDF_ReadMedia);
    CHECK(statement.config.features & VDF_RandomAccess);
    for (unsigned i = 0; i < 5; i++) {
        at_offset(VDC_Write, offsets[4 - i], (uint8_t)i);
        at_offset(VDC_Read, offsets[i], (uint8_t)(i + 100));
    }
    end();
}

static void run(void)
{
    unique_name(name);
    client = spawn_client();
    one_after_the_other();
    memory_is_shared();
    content_is_opaque();
    disk_like();
    client_leave(client);
}

int main(int argc, char **argv)
{
    static const struct role roles[] = {CLIENT_ROLE, {NULL, NULL}};
    return test_main(argc, argv, roles, run);
}
