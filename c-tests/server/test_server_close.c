/*
 * Close of the server: its result in every state, what becomes of handles, buffers, commands and of
 * the client.
 */
#include "engine.h"
#include "resources.h"
#include "roles.h"

#define SIZE 4096
#define COMMANDS 3

enum stage { CONNECTED, CONFIGURABLE, INITIALIZING, AGENT_RUNS, ONE_CLOSED, ALL_OPEN, ABORTED };

static char name[NAME_SIZE];
static struct engine engine;
static struct journal journal = JOURNAL_INITIALIZER;
static struct peer client;

static const vdi_server_parameters parameters = {.size = sizeof parameters,
                                                 .features = VDF_WriteMedia,
                                                 .blockSize = BLOCK_SIZE,
                                                 .maxTransferSize = TRANSFER_SIZE};

/* Brings a set of two devices to a stage. */
static void reach(enum stage stage)
{
    journal.count = 0;
    client_creates(client, name, (VDConfig){.deviceCount = 2});
    CHECK_RESULT(vdi_server_open(NULL, name, &engine.server), NOERROR);
    engine.count = 0;
    if (stage == CONNECTED)
        return;
    CHECK_RESULT(vdi_server_begin_configuration(engine.server, &parameters), NOERROR);
    if (stage == CONFIGURABLE)
        return;
    CHECK_RESULT(vdi_server_request_buffers(engine.server, SIZE, 0, 2), NOERROR);
    CHECK_RESULT(vdi_server_end_configuration(engine.server), NOERROR);
    if (stage == INITIALIZING)
        return;
    engine_run(&engine, engine.server, name, stage == AGENT_RUNS ? 0 : 2);
    if (stage == ONE_CLOSED)
        CHECK_RESULT(vdi_server_close_device(engine.devices[0]), NOERROR);
    if (stage == ABORTED)
        CHECK_RESULT(vdi_server_signal_abort(engine.server, NULL), NOERROR);
}

/* The handles mean nothing any more. [SSET-CLOSE-01] */
static void handles_are_dead(void *buffer)
{
    vdi_server *server = engine.server;
    VDConfig config;
    uint32_t number;
    void *more;
    vdi_server_device *device;
    CHECK_RESULT(vdi_server_get_configuration(server, &config), VD_E_PROTOCOL);
    CHECK_RESULT(vdi_server_begin_configuration(server, &parameters), VD_E_PROTOCOL);
    CHECK_RESULT(vdi_server_request_buffers(server, SIZE, 0, 1), VD_E_PROTOCOL);
    CHECK_RESULT(vdi_server_query_available_buffers(server, SIZE, 0, &number), VD_E_PROTOCOL);
    CHECK_RESULT(vdi_server_end_configuration(server), VD_E_PROTOCOL);
    CHECK_RESULT(vdi_server_open_device(server, name, &device), VD_E_PROTOCOL);
    CHECK_RESULT(vdi_server_allocate_buffer(server, SIZE, 0, &more), VD_E_PROTOCOL);
    CHECK_RESULT(vdi_server_free_buffer(server, buffer, SIZE), VD_E_PROTOCOL);
    CHECK_EQUAL(vdi_server_is_shared_buffer(server, buffer), 0);
    CHECK_RESULT(vdi_server_execute_completion_agent(server), VD_E_PROTOCOL);
    CHECK_RESULT(vdi_server_signal_abort(server, NULL), VD_E_PROTOCOL);
    CHECK_RESULT(vdi_server_abort_reason(server, &number, NULL, 0), VD_E_PROTOCOL);
    CHECK_RESULT(vdi_server_close(server), VD_E_PROTOCOL);
    for (unsigned i = 0; i < engine.count; i++)
        CHECK_RESULT(vdi_server_close_device(engine.devices[i]), VD_E_PROTOCOL);
}

/*
 * The result, and the client finds the set aborted.
 * [SSET-CLOSE-01, SSET-CLOSE-02, SSET-CLOSE-05, AMB-40]
 */
static void close_in(enum stage stage)
{
    void *buffer = NULL;
    reach(stage);
    if (stage >= INITIALIZING && stage != ABORTED)
        buffer = engine_buffer(&engine, SIZE);
    int open = stage == ONE_CLOSED || stage == ALL_OPEN;
    CHECK_RESULT(vdi_server_close(engine.server), open ? VD_E_PROTOCOL : NOERROR);
    CHECK_EQUAL(area_bytes(getpid()), 0);
    handles_are_dead(buffer);
    if (stage >= AGENT_RUNS)
        CHECK_RESULT(caller_join(&engine.agent), stage == ABORTED ? VD_E_ABORT : NOERROR);
    ASK(client, VD_E_ABORT, GET_CONFIGURATION, .timeout = VDI_INFINITE);
    uint32_t reason = ASK(client, NOERROR, ABORT_REASON).reason;
    CHECK_EQUAL(reason, stage == ABORTED ? VDI_ABORT_SERVER : VDI_ABORT_SERVER_CLOSED);
    ASK(client, NOERROR, CLOSE);
}

/* After the normal end the client is not disturbed; buffers need not be freed. [SSET-CLOSE-04] */
static void close_at_the_end(void)
{
    reach(ALL_OPEN);
    client_open_device(client, name, 0);
    engine_buffer(&engine, SIZE);
    engine_close(&engine);
    CHECK_EQUAL(area_bytes(getpid()), 0);
    handles_are_dead(NULL);
    ASK(client, VD_E_CLOSE, GET_COMMAND, .timeout = VDI_INFINITE);
    ASK(client, NOERROR, GET_CONFIGURATION, .timeout = 0);
    CHECK_EQUAL(ASK(client, NOERROR, ABORT_REASON).reason, VDI_ABORT_NONE);
    ASK(client, NOERROR, CLOSE);
}

/*
 * With commands outstanding: all have ended when Close returns, with an agent on its thread, else
 * on this one. [SSET-CLOSE-02, SSET-CLOSE-03, SSET-AGENT-06, SSET-AGENT-09]
 */
static void close_with_commands(int agent)
{
    VDS_Command commands[COMMANDS];
    if (agent) {
        reach(ALL_OPEN);
    } else {
        reach(INITIALIZING);
        CHECK_RESULT(vdi_server_open_device(engine.server, name, &engine.devices[0]), NOERROR);
    }
    client_open_device(client, name, 0);
    for (unsigned i = 0; i < COMMANDS; i++) {
        uint8_t *buffer = i < 2 ? engine_buffer(&engine, SIZE) : NULL;
        command_prepare(&commands[i], &journal, i < 2 ? VDC_Write : VDC_Flush, buffer,
                        buffer ? SIZE : 0);
        CHECK_RESULT(vdi_server_send_command(engine.devices[0], &commands[i]), NOERROR);
        if (i == 0)
            client_fetch(client, 0, VDC_Write);
    }
    CHECK_RESULT(vdi_server_close(engine.server), VD_E_PROTOCOL);
    CHECK_EQUAL(journal_count(&journal), COMMANDS);
    CHECK_EQUAL(area_bytes(getpid()), 0);
    for (unsigned i = 0; i < COMMANDS; i++) {
        CHECK_JOURNAL(&journal, i, &commands[i], ERROR_OPERATION_ABORTED);
        CHECK_EQUAL(journal.entries[i].bytes, 0);
        CHECK(pthread_equal(journal.entries[i].thread,
                            agent ? engine.agent.thread : pthread_self()));
    }
    if (agent)
        CHECK_RESULT(caller_join(&engine.agent), NOERROR);
    CHECK_EQUAL(journal_count(&journal), COMMANDS);
    ASK(client, VD_E_ABORT, GET_COMMAND, .timeout = VDI_INFINITE);
    ASK(client, NOERROR, CLOSE);
}

static void run(void)
{
    unique_name(name);
    client = spawn_client();
    for (enum stage stage = CONNECTED; stage <= ABORTED; stage++)
        close_in(stage);
    close_at_the_end();
    close_with_commands(1);
    close_with_commands(0);
    client_leave(client);
}

int main(int argc, char **argv)
{
    static const struct role roles[] = {CLIENT_ROLE, {NULL, NULL}};
    return test_main(argc, argv, roles, run);
}
