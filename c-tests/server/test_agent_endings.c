/*
 * Every way in which the completion agent leaves: it blocks until then, and every command that is
 * outstanding gets its one completion, on the agent's thread, before the agent returns.
 */
#include "engine.h"
#include "roles.h"

#define SIZE 4096
#define DEVICES 2
#define EACH 3
#define ALL (DEVICES * EACH)

static char name[NAME_SIZE];
static struct engine engine;
static struct journal journal = JOURNAL_INITIALIZER;
static VDS_Command commands[ALL];
static uint8_t *buffer;
static struct peer client, secondary;

static vdi_result close_server(void *server)
{
    return vdi_server_close(server);
}

static void start(void)
{
    client = spawn_client();
    secondary = spawn_client();
    client_creates(client, name, (VDConfig){.deviceCount = DEVICES});
    engine_open(&engine, name, DEVICES, SIZE, 1);
    buffer = engine_buffer(&engine, SIZE);
    client_open_device(client, name, 0);
    client_named(secondary, OPEN_IN_SECONDARY, name, NOERROR);
    client_open_device(secondary, name, 1);
    journal.count = 0;
}

/* Three writes on each device, two of which the client holds; it has completed nothing. */
static void outstanding(void)
{
    start();
    for (unsigned i = 0; i < ALL; i++) {
        command_prepare(&commands[i], &journal, VDC_Write, buffer, SIZE);
        CHECK_RESULT(vdi_server_send_command(engine.devices[i / EACH], &commands[i]), NOERROR);
    }
    for (unsigned i = 0; i < 2; i++) {
        client_fetch(client, 0, VDC_Write);
        client_fetch(secondary, 1, VDC_Write);
    }
    CHECK(caller_waits(&engine.agent));
    CHECK_EQUAL(journal_count(&journal), 0);
}

/* All commands ended as aborted, those of each device in the order of sending. */
static void all_aborted(void)
{
    CHECK_EQUAL(journal_count(&journal), ALL);
    for (unsigned i = 0; i < ALL; i++) {
        CHECK_JOURNAL(&journal, i, &commands[i], ERROR_OPERATION_ABORTED);
        CHECK_EQUAL(journal.entries[i].bytes, 0); /* [SDEV-SEND-08] */
        CHECK(pthread_equal(journal.entries[i].thread, engine.agent.thread));
    }
}

/* What an abort by anybody means to the agent. [SSET-AGENT-04, SSET-AGENT-05, SSET-AGENT-09] */
static void leaves_aborted(void)
{
    CHECK_RESULT(caller_join(&engine.agent), VD_E_ABORT);
    all_aborted();
    CHECK_RESULT(vdi_server_execute_completion_agent(engine.server), VD_E_ABORT);
    CHECK_EQUAL(journal_count(&journal), ALL);
    CHECK_RESULT(vdi_server_close(engine.server), NOERROR); /* [SSET-CLOSE-05] */
    CHECK_EQUAL(journal_count(&journal), ALL);
}

static void clients_leave(void)
{
    ASK(secondary, VD_E_ABORT, GET_COMMAND, .device = 1, .timeout = VDI_INFINITE);
    ASK(secondary, NOERROR, CLOSE);
    client_leave(secondary);
    ASK(client, VD_E_ABORT, GET_COMMAND, .timeout = VDI_INFINITE);
    ASK(client, NOERROR, CLOSE);
    client_leave(client);
}

/* [SSET-ABORT-01, SSET-ABORT-02, SSET-ABORT-04] */
static void server_aborts(void)
{
    VDS_Command late;
    outstanding();
    CHECK_RESULT(vdi_server_signal_abort(engine.server, "enough"), NOERROR);
    for (unsigned i = 0; i < DEVICES; i++) {
        static struct journal refused = JOURNAL_INITIALIZER;
        command_prepare(&late, &refused, VDC_Flush, NULL, 0);
        CHECK_RESULT(vdi_server_send_command(engine.devices[i], &late), VD_E_ABORT);
        CHECK_JOURNAL(&refused, i, &late, ERROR_OPERATION_ABORTED);
    }
    CHECK_RESULT(vdi_server_signal_abort(engine.server, NULL), NOERROR);
    leaves_aborted();
    clients_leave();
}

/* [SSET-AGENT-05] */
static void client_aborts(struct peer *who)
{
    outstanding();
    ASK(*who, NOERROR, SIGNAL_ABORT);
    leaves_aborted();
    clients_leave();
}

/* [SSET-AGENT-05] */
static void primary_dies(void)
{
    outstanding();
    kill_and_wait(client);
    leaves_aborted();
    ASK(secondary, VD_E_ABORT, GET_COMMAND, .device = 1, .timeout = VDI_INFINITE);
    ASK(secondary, NOERROR, CLOSE);
    client_leave(secondary);
}

/* [SSET-AGENT-05] */
static void primary_closes(void)
{
    outstanding();
    ASK(client, VD_E_OPEN, CLOSE);
    leaves_aborted();
    client_leave(client);
    ASK(secondary, VD_E_ABORT, GET_COMMAND, .device = 1, .timeout = VDI_INFINITE);
    ASK(secondary, NOERROR, CLOSE);
    client_leave(secondary);
}

/* An agent that comes to an aborted set still ends every command. [SSET-AGENT-05, SSET-AGENT-09] */
static void agent_comes_too_late(void)
{
    client = spawn_client();
    client_named(client, CREATE, name, NOERROR);
    vdi_server *server = server_configure(name, SIZE, 1);
    CHECK_RESULT(vdi_server_open_device(server, name, &engine.devices[0]), NOERROR);
    journal.count = 0;
    for (unsigned i = 0; i < EACH; i++) {
        command_prepare(&commands[i], &journal, VDC_Flush, NULL, 0);
        CHECK_RESULT(vdi_server_send_command(engine.devices[0], &commands[i]), NOERROR);
    }
    ASK(client, NOERROR, SIGNAL_ABORT);
    CHECK_EQUAL(journal_count(&journal), 0);
    CHECK_RESULT(vdi_server_execute_completion_agent(server), VD_E_ABORT);
    CHECK_EQUAL(journal_count(&journal), EACH);
    journal_check_all(&journal, commands, EACH, ERROR_OPERATION_ABORTED);
    CHECK_RESULT(vdi_server_close(server), NOERROR);
    CHECK_EQUAL(journal_count(&journal), EACH);
    ASK(client, NOERROR, CLOSE);
    client_leave(client);
}

/*
 * Nobody answers for longer than the client's serverTimeOut allows. [SSET-AGENT-08, SSET-AGENT-05]
 */
static void time_out(void)
{
    uint32_t code;
    client = spawn_client();
    client_creates(client, name, (VDConfig){.deviceCount = 1, .serverTimeOut = 20});
    engine_open(&engine, name, 1, SIZE, 1);
    journal.count = 0;
    CHECK(caller_waits(&engine.agent));
    command_prepare(&commands[0], &journal, VDC_Flush, NULL, 0);
    CHECK_RESULT(vdi_server_send_command(engine.devices[0], &commands[0]), NOERROR);
    CHECK_RESULT(caller_join(&engine.agent), VD_E_ABORT);
    CHECK_EQUAL(journal_count(&journal), 1);
    CHECK_JOURNAL(&journal, 0, &commands[0], ERROR_OPERATION_ABORTED);
    CHECK(pthread_equal(journal.entries[0].thread, engine.agent.thread));
    CHECK_RESULT(vdi_server_abort_reason(engine.server, &code, NULL, 0), NOERROR);
    CHECK_EQUAL(code, VDI_ABORT_TIMEOUT);
    CHECK_RESULT(vdi_server_close(engine.server), NOERROR);
    ASK(client, NOERROR, CLOSE);
    client_leave(client);
}

/*
 * Another thread closes the set: every command has ended when Close returns, and the agent's result
 * is that of a close. [SSET-AGENT-04, SSET-AGENT-06, SSET-CLOSE-02, SSET-CLOSE-03, AMB-08]
 */
static void another_thread_closes(void)
{
    outstanding();
    CHECK_RESULT(vdi_server_close(engine.server), VD_E_PROTOCOL); /* devices are open */
    all_aborted();
    CHECK_RESULT(caller_join(&engine.agent), NOERROR);
    CHECK_EQUAL(journal_count(&journal), ALL);
    clients_leave();
}

static sem_t inside, go_on;

/* The memory of the set is there as long as the routine runs. [SSET-AGENT-07] */
static void slow_routine(VDS_Command *command)
{
    sem_post(&inside);
    while (sem_wait(&go_on) != 0)
        continue;
    pattern_fill(command->buffer, SIZE, 5);
    CHECK(pattern_matches(command->buffer, SIZE, 5));
    journal_write(command);
}

/*
 * The agent is in a routine while the set is closed, or aborted and closed; afterwards it finds
 * both. What came first decides. [AMB-08, SSET-AGENT-07]
 */
static void closed_during_a_routine(int abort)
{
    struct caller closer;
    start();
    CHECK(sem_init(&inside, 0, 0) == 0 && sem_init(&go_on, 0, 0) == 0);
    for (unsigned i = 0; i < 2; i++) {
        command_prepare(&commands[i], &journal, VDC_Write, buffer, SIZE);
        if (i == 0)
            commands[i].completionRoutine = slow_routine;
        CHECK_RESULT(vdi_server_send_command(engine.devices[0], &commands[i]), NOERROR);
    }
    struct answer got = client_fetch(client, 0, VDC_Write);
    ASK(client, NOERROR, COMPLETE, .slot = got.slot, .bytes = SIZE);
    while (sem_wait(&inside) != 0)
        continue;
    if (abort)
        CHECK_RESULT(vdi_server_signal_abort(engine.server, NULL), NOERROR);
    caller_start(&closer, close_server, engine.server);
    CHECK(caller_waits(&closer));
    sem_post(&go_on);
    CHECK_RESULT(caller_join(&closer), abort ? NOERROR : VD_E_PROTOCOL);
    CHECK_JOURNAL(&journal, 0, &commands[0], ERROR_SUCCESS);
    CHECK_JOURNAL(&journal, 1, &commands[1], ERROR_OPERATION_ABORTED);
    CHECK_RESULT(caller_join(&engine.agent), abort ? VD_E_ABORT : NOERROR);
    clients_leave();
}

/*
 * The normal end: the agent stays while a device is open, or closed with a command on it.
 * [SSET-AGENT-01, SSET-AGENT-04, SDEV-CLOSE-06, AMB-08]
 */
static void devices_closed(void)
{
    struct answer got[DEVICES];
    start();
    for (unsigned i = 0; i < DEVICES; i++) {
        struct peer who = i == 0 ? client : secondary;
        command_prepare(&commands[i], &journal, VDC_Flush, NULL, 0);
        CHECK_RESULT(vdi_server_send_command(engine.devices[i], &commands[i]), NOERROR);
        got[i] = client_fetch(who, i, VDC_Flush);
    }
    CHECK_RESULT(vdi_server_close_device(engine.devices[0]), NOERROR);
    ASK(client, NOERROR, COMPLETE, .slot = got[0].slot);
    CHECK_JOURNAL(&journal, 0, &commands[0], ERROR_SUCCESS);
    CHECK_RESULT(vdi_server_execute_completion_agent(engine.server), VD_E_BUSY);
    CHECK_RESULT(vdi_server_close_device(engine.devices[1]), NOERROR);
    CHECK_RESULT(vdi_server_execute_completion_agent(engine.server), VD_E_BUSY);
    CHECK(caller_waits(&engine.agent));
    /* The close does not overtake the command. [AMB-17, SDEV-CLOSE-01] */
    ASK(secondary, VD_E_TIMEOUT, GET_COMMAND, .device = 1, .timeout = 0);
    ASK(secondary, NOERROR, COMPLETE, .device = 1, .slot = got[1].slot);
    CHECK_RESULT(caller_join(&engine.agent), NOERROR);
    CHECK_JOURNAL(&journal, 1, &commands[1], ERROR_SUCCESS);
    CHECK(pthread_equal(journal.entries[1].thread, engine.agent.thread));
    CHECK_RESULT(vdi_server_execute_completion_agent(engine.server), VD_E_PROTOCOL);
    CHECK_RESULT(vdi_server_close(engine.server), NOERROR);
    ASK(secondary, VD_E_CLOSE, GET_COMMAND, .device = 1, .timeout = VDI_INFINITE);
    ASK(secondary, NOERROR, CLOSE);
    client_leave(secondary);
    ASK(client, VD_E_CLOSE, GET_COMMAND, .timeout = VDI_INFINITE);
    ASK(client, NOERROR, CLOSE);
    client_leave(client);
}

/* An operation may be over before its agent comes, which is no fault, once. [AMB-08] */
static void agent_after_the_end(void)
{
    client = spawn_client();
    client_named(client, CREATE, name, NOERROR);
    vdi_server *server = server_configure(name, SIZE, 1);
    CHECK_RESULT(vdi_server_open_device(server, name, &engine.devices[0]), NOERROR);
    CHECK_RESULT(vdi_server_close_device(engine.devices[0]), NOERROR);
    CHECK_RESULT(vdi_server_execute_completion_agent(server), NOERROR);
    CHECK_RESULT(vdi_server_execute_completion_agent(server), VD_E_PROTOCOL);
    CHECK_RESULT(vdi_server_close(server), NOERROR);
    ASK(client, NOERROR, CLOSE);
    client_leave(client);
}

static void run(void)
{
    unique_name(name);
    server_aborts();
    client_aborts(&client);
    client_aborts(&secondary);
    primary_dies();
    primary_closes();
    agent_comes_too_late();
    time_out();
    another_thread_closes();
    closed_during_a_routine(0);
    closed_during_a_routine(1);
    devices_closed();
    agent_after_the_end();
}

int main(int argc, char **argv)
{
    static const struct role roles[] = {CLIENT_ROLE, {NULL, NULL}};
    return test_main(argc, argv, roles, run);
}
