/*
 * Buffers belong to the set: each may go to any device, and to the process of any device, by
 * command or by handle, while other commands are on their way.
 */
#include "streaming.h"

#define SIZE 65536
#define DEVICES 3
#define ROUNDS 6

static char name[NAME_SIZE];
static struct engine engine;
static struct stream stream;

/* The same buffer visits each device in turn; its bytes are where they were. [PROC-12, MOD-07] */
static void one_buffer_for_all_devices(struct peer client)
{
    uint8_t *buffer = engine_buffer(&engine, SIZE);
    for (unsigned round = 0; round < ROUNDS; round++) {
        unsigned device = 1 + round % 2;
        VDS_Command command = {.commandCode = VDC_Read, .buffer = buffer, .size = SIZE};
        struct pending pending;
        pending_prepare(&pending, &command);
        pattern_fill(buffer, SIZE, (uint8_t)round);
        CHECK_RESULT(vdi_server_send_command(engine.devices[device], &command), NOERROR);
        struct answer got = client_fetch(client, device, VDC_Read);
        ASK(client, 1, LOOK, .address = got.address, .bytes = SIZE, .seed = (uint8_t)round);
        ASK(client, NOERROR, FILL, .address = got.address, .bytes = SIZE,
            .seed = (uint8_t)(round + 100));
        CHECK_EQUAL(pending_calls(&pending), 0); /* no callback before the client's word */
        ASK(client, NOERROR, COMPLETE, .device = device, .slot = got.slot, .bytes = SIZE);
        pending_wait(&pending);
        CHECK(pattern_matches(buffer, SIZE, (uint8_t)(round + 100)));
    }
    CHECK_RESULT(vdi_server_free_buffer(engine.server, buffer, SIZE), NOERROR);
}

/* One process gets the commands, another one does their work. [CSET-BUFH-01, CSET-BUFH-02] */
static void work_for_another_process(struct peer client, struct peer helper)
{
    enum { COMMANDS = 4 };
    static struct journal journal = JOURNAL_INITIALIZER;
    VDS_Command commands[COMMANDS];
    struct answer got[COMMANDS];
    uint32_t handles[COMMANDS];
    for (unsigned i = 0; i < COMMANDS; i++) {
        command_prepare(&commands[i], &journal, VDC_Read, engine_buffer(&engine, SIZE), SIZE);
        CHECK_RESULT(vdi_server_send_command(engine.devices[1 + i % 2], &commands[i]), NOERROR);
        got[i] = client_fetch(client, 1 + i % 2, VDC_Read);
        handles[i] = ASK(client, NOERROR, GET_HANDLE, .address = got[i].address).handle;
    }
    for (unsigned i = COMMANDS; i-- > 0;) {
        uint64_t address = ASK(helper, NOERROR, MAP_HANDLE, .handle = handles[i]).address;
        ASK(helper, NOERROR, FILL, .address = address, .bytes = SIZE, .seed = (uint8_t)i);
        ASK(client, NOERROR, COMPLETE, .device = 1 + i % 2, .slot = got[i].slot, .bytes = SIZE);
        CHECK_JOURNAL(&journal, COMMANDS - 1 - i, &commands[i], ERROR_SUCCESS);
        ASK(helper, VD_E_INVALID, MAP_HANDLE, .handle = handles[i]); /* [CSET-BUFH-07] */
    }
    for (unsigned i = 0; i < COMMANDS; i++)
        CHECK(pattern_matches(commands[i].buffer, SIZE, (uint8_t)i));
}

static void run(void)
{
    unique_name(name);
    struct peer client = spawn_client(), helper = spawn_client();
    client_creates(client, name, (VDConfig){.deviceCount = DEVICES});
    engine_open(&engine, name, DEVICES, SIZE, 6);
    for (unsigned device = 1; device < DEVICES; device++)
        client_open_device(client, name, device);
    client_named(helper, OPEN_IN_SECONDARY, name, NOERROR);
    stream_start(&stream, &engine, name, 0, SIZE);
    one_buffer_for_all_devices(client);
    stream_progress(&stream);
    work_for_another_process(client, helper);
    stream_progress(&stream);
    stream_stop(&stream);
    for (unsigned device = 1; device < DEVICES; device++)
        CHECK_RESULT(vdi_server_close_device(engine.devices[device]), NOERROR);
    CHECK_RESULT(caller_join(&engine.agent), NOERROR);
    ASK(helper, NOERROR, CLOSE);
    ASK(client, NOERROR, CLOSE);
    CHECK_RESULT(vdi_server_close(engine.server), NOERROR);
    client_leave(helper);
    client_leave(client);
}

int main(int argc, char **argv)
{
    static const struct role roles[] = {CLIENT_ROLE, STREAMER_ROLE, {NULL, NULL}};
    return test_main(argc, argv, roles, run);
}
