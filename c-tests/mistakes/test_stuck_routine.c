/*
 * A completion routine that never returns keeps the agent of its set, and nothing else: the client
 * goes on until the queue is empty and sees aborts and closes at once, other sets of the same server
 * process do not notice, and only vdi_server_close() of that set waits. What a routine must not do,
 * throw, leave its thread or jump, ends the process; see test_cxx_ends.cc.
 */
#include "holding.h"
#include "roles.h"

#define SIZE 4096

static char name[NAME_SIZE];
static struct engine engine;
static struct journal journal = JOURNAL_INITIALIZER;
static VDS_Command holding, queued[2];

/* The agent is in a routine that does not return, and two more commands are queued. */
static void get_stuck(struct peer client)
{
    unique_name(name);
    journal.count = 0;
    client_named(client, CREATE, name, NOERROR);
    engine_open(&engine, name, 1, SIZE, 1);
    client_open_device(client, name, 0);
    command_prepare_holding(&holding, &journal);
    CHECK_RESULT(vdi_server_send_command(engine.devices[0], &holding), NOERROR);
    struct answer got = client_fetch(client, 0, VDC_Flush);
    ASK(client, NOERROR, COMPLETE, .slot = got.slot);
    wait_agent_held();
    for (unsigned i = 0; i < 2; i++) {
        command_prepare(&queued[i], &journal, VDC_Flush, NULL, 0);
        CHECK_RESULT(vdi_server_send_command(engine.devices[0], &queued[i]), NOERROR);
    }
    got = client_fetch(client, 0, VDC_Flush);
    ASK(client, NOERROR, COMPLETE, .slot = got.slot);
}

/* Another set of the same process, from its beginning to its end. */
static void another_set(struct peer client)
{
    static struct engine other;
    static struct journal others = JOURNAL_INITIALIZER;
    char its_name[NAME_SIZE];
    VDS_Command flush;
    unique_name(its_name);
    client_named(client, CREATE, its_name, NOERROR);
    engine_open(&other, its_name, 1, SIZE, 1);
    client_open_device(client, its_name, 0);
    others.count = 0;
    command_prepare(&flush, &others, VDC_Flush, NULL, 0);
    CHECK_RESULT(vdi_server_send_command(other.devices[0], &flush), NOERROR);
    struct answer got = client_fetch(client, 0, VDC_Flush);
    ASK(client, NOERROR, COMPLETE, .slot = got.slot);
    CHECK_JOURNAL(&others, 0, &flush, ERROR_SUCCESS);
    engine_close(&other);
    ASK(client, NOERROR, CLOSE);
}

static vdi_result close_server(void *server)
{
    return vdi_server_close(server);
}

/* The server aborts: the client is told at once, though the agent does not move. [ABT-08] */
static void server_aborts(struct peer client, struct peer second)
{
    struct caller closing;
    void *buffer;
    get_stuck(client);
    another_set(second);
    CHECK_RESULT(vdi_server_allocate_buffer(engine.server, SIZE, 0, &buffer), NOERROR);
    CHECK_RESULT(vdi_server_free_buffer(engine.server, buffer, SIZE), NOERROR);
    client_fetch(client, 0, VDC_Flush);
    BEGIN(client, GET_COMMAND, .timeout = VDI_INFINITE);
    CHECK_RESULT(vdi_server_signal_abort(engine.server, "enough"), NOERROR);
    FINISH(client, VD_E_ABORT);
    ASK(client, NOERROR, CLOSE);
    /* The routine may still use what is the set's. [SSET-CLOSE-03] */
    caller_start(&closing, close_server, engine.server);
    CHECK(caller_waits(&closing) && caller_waits(&engine.agent));
    CHECK_EQUAL(journal_count(&journal), 0);
    /* A second Close has nothing to wait for. */
    CHECK_RESULT(vdi_server_close(engine.server), VD_E_PROTOCOL);
    let_the_agent_go();
    CHECK_RESULT(caller_join(&closing), NOERROR);
    CHECK_RESULT(caller_join(&engine.agent), VD_E_ABORT);
    CHECK_JOURNAL(&journal, 0, &holding, ERROR_SUCCESS);
    CHECK_JOURNAL(&journal, 1, &queued[0], ERROR_OPERATION_ABORTED);
    CHECK_JOURNAL(&journal, 2, &queued[1], ERROR_OPERATION_ABORTED);
}

/* The client leaves, or dies: it waits for nothing. [CSET-CLOSE-03, CRASH-02] */
static void client_goes(struct peer client, int dies)
{
    uint32_t code = VDI_ABORT_NONE;
    get_stuck(client);
    if (dies)
        kill_and_wait(client);
    else
        ASK(client, VD_E_OPEN, CLOSE);
    while (code == VDI_ABORT_NONE)
        CHECK_RESULT(vdi_server_abort_reason(engine.server, &code, NULL, 0), NOERROR);
    CHECK_EQUAL(code, dies ? VDI_ABORT_PRIMARY_DIED : VDI_ABORT_CLIENT_CLOSED);
    VDS_Command late;
    command_prepare(&late, &journal, VDC_Flush, NULL, 0);
    CHECK_RESULT(vdi_server_send_command(engine.devices[0], &late), VD_E_ABORT);
    let_the_agent_go();
    engine_close_aborted(&engine);
}

static void run(void)
{
    struct peer client = spawn_client(), second = spawn_client();
    server_aborts(client, second);
    client_goes(client, 0);
    client_goes(client, 1);
    client_named(second, CREATE, name, NOERROR);
    ASK(second, NOERROR, CLOSE);
    client_leave(second);
}

int main(int argc, char **argv)
{
    static const struct role roles[] = {CLIENT_ROLE, {NULL, NULL}};
    return test_main(argc, argv, roles, run);
}
