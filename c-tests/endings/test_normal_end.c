/*
 * The normal end: the server closes its devices, the client's calls return VD_E_CLOSE, both sides
 * close in any order, and what every call says in between.
 */
#include "engine.h"
#include "roles.h"

#define SIZE 4096

static char name[NAME_SIZE];
static struct engine engine;
static struct journal journal = JOURNAL_INITIALIZER;

static void start(struct peer client, unsigned devices)
{
    client_creates(client, name, (VDConfig){.deviceCount = devices});
    engine_open(&engine, name, devices, SIZE, 4);
    for (unsigned i = 0; i < devices; i++)
        client_open_device(client, name, i);
    journal.count = 0;
}

static void send_flush(VDS_Command *command, unsigned device)
{
    command_prepare(command, &journal, VDC_Flush, NULL, 0);
    CHECK_RESULT(vdi_server_send_command(engine.devices[device], command), NOERROR);
}

/* What the calls of both sides say after the end, and after an abort that follows it. */
static void after_the_end(struct peer client)
{
    start(client, 1);
    void *buffer = engine_buffer(&engine, SIZE), *more = &more;
    struct answer used;
    VDS_Command command;
    send_flush(&command, 0);
    used = client_fetch(client, 0, VDC_Flush);
    ASK(client, NOERROR, COMPLETE, .slot = used.slot);
    CHECK_JOURNAL(&journal, 0, &command, ERROR_SUCCESS);
    BEGIN(client, GET_COMMAND, .timeout = VDI_INFINITE);
    CHECK_RESULT(vdi_server_close_device(engine.devices[0]), NOERROR); /* [NT-01] */
    FINISH(client, VD_E_CLOSE);                                        /* [NT-02] */
    CHECK_RESULT(caller_join(&engine.agent), NOERROR);                  /* [NT-03] */

    uint32_t count = 77, code = 77;
    VDConfig config;
    vdi_server *server = engine.server;
    CHECK_RESULT(vdi_server_close_device(engine.devices[0]), VD_E_CLOSE); /* [SDEV-CLOSE-02] */
    CHECK_RESULT(vdi_server_get_configuration(server, &config), NOERROR); /* [SSET-GETCFG-02] */
    CHECK_RESULT(vdi_server_request_buffers(server, SIZE, 0, 1), VD_E_PROTOCOL);
    CHECK_RESULT(vdi_server_query_available_buffers(server, SIZE, 0, &count), VD_E_PROTOCOL);
    CHECK_RESULT(vdi_server_allocate_buffer(server, SIZE, 0, &more), VD_E_PROTOCOL);
    CHECK_RESULT(vdi_server_end_configuration(server), VD_E_PROTOCOL);
    CHECK_RESULT(vdi_server_execute_completion_agent(server), VD_E_PROTOCOL); /* [AMB-08] */
    CHECK(count == 0 && more == NULL);
    CHECK_EQUAL(vdi_server_is_shared_buffer(server, buffer), 1);
    CHECK_RESULT(vdi_server_free_buffer(server, buffer, SIZE), NOERROR);
    CHECK_RESULT(vdi_server_abort_reason(server, &code, NULL, 0), NOERROR);
    CHECK_EQUAL(code, VDI_ABORT_NONE);

    ASK(client, VD_E_PROTOCOL, GET_COMMAND, .timeout = VDI_INFINITE); /* [AMB-39] */
    ASK(client, VD_E_PROTOCOL, COMPLETE, .slot = used.slot);          /* 10.2 */
    ASK(client, NOERROR, GET_CONFIGURATION, .timeout = 0);            /* [ST-21] */
    CHECK_EQUAL(ASK(client, NOERROR, ABORT_REASON).reason, VDI_ABORT_NONE);

    ASK(client, NOERROR, SIGNAL_ABORT); /* [AMB-41] */
    ASK(client, VD_E_ABORT, GET_COMMAND, .timeout = VDI_INFINITE);
    ASK(client, VD_E_ABORT, GET_CONFIGURATION, .timeout = 0);
    CHECK_RESULT(vdi_server_get_configuration(server, &config), VD_E_ABORT);
    CHECK_RESULT(vdi_server_close(server), NOERROR);
    ASK(client, NOERROR, CLOSE);
}

/* Either side closes first, and nobody waits for the other. [NT-04, NT-05, CSET-CLOSE-06] */
static void order_of_closes(struct peer client)
{
    for (int client_first = 0; client_first <= 1; client_first++) {
        start(client, 2);
        engine_buffer(&engine, SIZE); /* never freed. [NT-05] */
        for (unsigned i = 0; i < 2; i++)
            CHECK_RESULT(vdi_server_close_device(engine.devices[i]), NOERROR);
        for (unsigned i = 0; i < 2; i++)
            ASK(client, VD_E_CLOSE, GET_COMMAND, .device = i, .timeout = VDI_INFINITE);
        if (client_first)
            ASK(client, NOERROR, CLOSE);
        CHECK_RESULT(caller_join(&engine.agent), NOERROR);
        CHECK_RESULT(vdi_server_close(engine.server), NOERROR);
        if (!client_first) {
            ASK(client, NOERROR, GET_CONFIGURATION, .timeout = 0);
            CHECK_EQUAL(ASK(client, NOERROR, ABORT_REASON).reason, VDI_ABORT_NONE);
            ASK(client, NOERROR, CLOSE);
        }
    }
}

/* The server closes and leaves; the client fetches what is left for it afterwards. */
static void server_is_gone(struct peer client)
{
    start(client, 1);
    CHECK_RESULT(vdi_server_close_device(engine.devices[0]), NOERROR);
    CHECK_RESULT(caller_join(&engine.agent), NOERROR);
    CHECK_RESULT(vdi_server_close(engine.server), NOERROR);
    ASK(client, VD_E_CLOSE, GET_COMMAND, .timeout = VDI_INFINITE);
    ASK(client, VD_E_PROTOCOL, GET_COMMAND, .timeout = VDI_INFINITE);
    ASK(client, NOERROR, CLOSE);
}

/* One device is closed while the other one works on. */
static void one_after_the_other(struct peer client)
{
    VDS_Command command;
    start(client, 2);
    CHECK_RESULT(vdi_server_close_device(engine.devices[1]), NOERROR);
    ASK(client, VD_E_CLOSE, GET_COMMAND, .device = 1, .timeout = VDI_INFINITE);
    ASK(client, VD_E_PROTOCOL, GET_COMMAND, .device = 1, .timeout = 0);
    send_flush(&command, 0);
    struct answer got = client_fetch(client, 0, VDC_Flush);
    ASK(client, NOERROR, COMPLETE, .slot = got.slot);
    CHECK_JOURNAL(&journal, 0, &command, ERROR_SUCCESS);
    CHECK_RESULT(vdi_server_close_device(engine.devices[1]), VD_E_CLOSE);
    CHECK_RESULT(vdi_server_close_device(engine.devices[0]), NOERROR); /* [SDEV-CLOSE-06] */
    ASK(client, VD_E_CLOSE, GET_COMMAND, .device = 0, .timeout = VDI_INFINITE);
    CHECK_RESULT(caller_join(&engine.agent), NOERROR);
    CHECK_RESULT(vdi_server_close(engine.server), NOERROR);
    ASK(client, NOERROR, CLOSE);
}

/* CloseDevice does not overtake commands, fetched or queued. [AMB-17, CDEV-GETCMD-13] */
static void close_behind_commands(struct peer client)
{
    VDS_Command commands[3];
    start(client, 1);
    for (unsigned i = 0; i < 3; i++)
        send_flush(&commands[i], 0);
    struct answer first = client_fetch(client, 0, VDC_Flush);
    CHECK_RESULT(vdi_server_close_device(engine.devices[0]), NOERROR);
    CHECK_EQUAL(journal_count(&journal), 0);
    struct answer second = client_fetch(client, 0, VDC_Flush);
    struct answer third = client_fetch(client, 0, VDC_Flush);
    ASK(client, VD_E_TIMEOUT, GET_COMMAND, .timeout = 0);
    ASK(client, VD_E_TIMEOUT, GET_COMMAND, .timeout = 50);
    ASK(client, NOERROR, COMPLETE, .slot = third.slot);
    ASK(client, NOERROR, COMPLETE, .slot = first.slot);
    ASK(client, VD_E_TIMEOUT, GET_COMMAND, .timeout = 50);
    ASK(client, NOERROR, COMPLETE, .slot = second.slot);
    ASK(client, VD_E_CLOSE, GET_COMMAND, .timeout = VDI_INFINITE);
    CHECK_RESULT(caller_join(&engine.agent), NOERROR);
    journal_check_all(&journal, commands, 3, ERROR_SUCCESS); /* the agent left after them */
    CHECK_RESULT(vdi_server_close(engine.server), NOERROR);
    ASK(client, NOERROR, CLOSE);
}

/* The last completion after CloseDevice wakes the thread that waits for the next command. */
static void completion_wakes_the_end(void)
{
    VDS_Command command;
    vdi_set *set = client_create(name, 1);
    engine_open(&engine, name, 1, SIZE, 1);
    journal.count = 0;
    struct getter getter;
    struct caller caller;
    VDC_Command *got;
    CHECK_RESULT(vdi_open_device(set, name, &getter.device), NOERROR);
    send_flush(&command, 0);
    CHECK_RESULT(vdi_get_command(getter.device, VDI_INFINITE, &got), NOERROR);
    CHECK_RESULT(vdi_server_close_device(engine.devices[0]), NOERROR);
    caller_start(&caller, get_command, &getter);
    CHECK(caller_waits(&caller));
    CHECK_RESULT(vdi_complete_command(getter.device, got, ERROR_SUCCESS, 0, 0), NOERROR);
    CHECK_RESULT(caller_join(&caller), VD_E_CLOSE);
    CHECK_RESULT(vdi_close(set), NOERROR);
    CHECK_RESULT(caller_join(&engine.agent), NOERROR);
    CHECK_RESULT(vdi_server_close(engine.server), NOERROR);
}

static void run(void)
{
    unique_name(name);
    struct peer client = spawn_client();
    after_the_end(client);
    order_of_closes(client);
    server_is_gone(client);
    one_after_the_other(client);
    close_behind_commands(client);
    completion_wakes_the_end();
    client_leave(client);
}

int main(int argc, char **argv)
{
    static const struct role roles[] = {CLIENT_ROLE, {NULL, NULL}};
    return test_main(argc, argv, roles, run);
}
