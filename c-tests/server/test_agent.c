/*
 * The completion agent: when it can be entered, when it leaves, and what a completion routine may
 * do.
 */
#include "engine.h"
#include "roles.h"

#include <semaphore.h>

#define SIZE 4096

static char name[NAME_SIZE];
static struct engine engine;

/* A client process that completes whatever comes, until its device ends as it should. */
static int worker_role(int argc, char **argv)
{
    CHECK_EQUAL(argc, 3);
    vdi_result end = argv[2][0] == 'c' ? VD_E_CLOSE : VD_E_ABORT;
    vdi_set *set = client_create(argv[1], 1);
    tell(parent(), 0);
    VDConfig config;
    CHECK_RESULT(vdi_get_configuration(set, VDI_INFINITE, &config), NOERROR);
    vdi_device *device;
    CHECK_RESULT(vdi_open_device(set, argv[1], &device), NOERROR);
    int64_t completed = 0;
    vdi_result result;
    VDC_Command *command;
    while ((result = vdi_get_command(device, VDI_INFINITE, &command)) == NOERROR) {
        vdi_result done = vdi_complete_command(device, command, ERROR_SUCCESS, 0, completed++);
        CHECK(done == NOERROR || done == end);
    }
    CHECK_RESULT(result, end);
    tell(parent(), completed);
    CHECK_RESULT(vdi_close(set), NOERROR);
    return 0;
}

static struct peer spawn_worker(const char *end)
{
    struct peer worker = spawn_role("worker", name, end, (char *)NULL);
    hear(worker);
    return worker;
}

#define CHAIN 2000

static unsigned chain_left;
static sem_t chain_done;

/* Sends the next command from the completion of the last, and at the end closes the device. */
static void chain(VDS_Command *command)
{
    CHECK_EQUAL(command->completionCode, ERROR_SUCCESS);
    CHECK_EQUAL(command->outPosition, CHAIN - chain_left);
    CHECK(pthread_equal(pthread_self(), engine.agent.thread));
    /* Buffers come and go here, too. */
    void *buffer;
    CHECK_RESULT(vdi_server_allocate_buffer(engine.server, SIZE, 0, &buffer), NOERROR);
    CHECK_RESULT(vdi_server_free_buffer(engine.server, buffer, SIZE), NOERROR);
    if (--chain_left > 0) {
        CHECK_RESULT(vdi_server_send_command(engine.devices[0], command), NOERROR);
    } else {
        CHECK_RESULT(vdi_server_close_device(engine.devices[0]), NOERROR);
        sem_post(&chain_done);
    }
}

/*
 * A routine drives the whole transfer; the agent leaves after the one that closes the device.
 * [SSET-AGENT-01, SSET-AGENT-02, SSET-AGENT-10, SDEV-SEND-03, SDEV-SEND-06, SDEV-CLOSE-06]
 */
static void routine_that_sends(void)
{
    struct peer worker = spawn_worker("close");
    engine_open(&engine, name, 1, SIZE, 2);
    chain_left = CHAIN;
    CHECK(sem_init(&chain_done, 0, 0) == 0);
    VDS_Command command = {.commandCode = VDC_Flush, .completionRoutine = chain};
    CHECK_RESULT(vdi_server_send_command(engine.devices[0], &command), NOERROR);
    CHECK_RESULT(caller_join(&engine.agent), NOERROR);
    CHECK_EQUAL(sem_trywait(&chain_done), 0);
    CHECK_EQUAL(hear(worker), CHAIN);
    CHECK_EQUAL(wait_exit(worker), 0);
    CHECK_RESULT(vdi_server_close(engine.server), NOERROR);
}

static unsigned aborted_calls;

static void abort_routine(VDS_Command *command)
{
    if (command->completionCode == ERROR_SUCCESS)
        CHECK_RESULT(vdi_server_signal_abort(engine.server, "from a routine"), NOERROR);
    else
        CHECK_EQUAL(command->completionCode, ERROR_OPERATION_ABORTED);
    aborted_calls++;
}

/*
 * A routine aborts the set; every other command still gets its one call. [SSET-AGENT-05,
 * SSET-AGENT-09]
 */
static void routine_that_aborts(void)
{
    struct peer worker = spawn_worker("abort");
    engine_open(&engine, name, 1, SIZE, 1);
    static VDS_Command commands[20];
    unsigned refused = 0;
    aborted_calls = 0;
    for (unsigned i = 0; i < 20; i++) {
        commands[i] =
            (VDS_Command){.commandCode = VDC_Flush, .completionRoutine = abort_routine};
        vdi_result sent = vdi_server_send_command(engine.devices[0], &commands[i]);
        CHECK(sent == NOERROR || sent == VD_E_ABORT);
        refused += sent != NOERROR;
    }
    CHECK_RESULT(caller_join(&engine.agent), VD_E_ABORT);
    CHECK(refused < 20);
    for (unsigned i = 0; i < 20; i++)
        CHECK(commands[i].completionCode == ERROR_SUCCESS ||
              commands[i].completionCode == ERROR_OPERATION_ABORTED);
    hear(worker);
    CHECK_EQUAL(wait_exit(worker), 0);
    CHECK_RESULT(vdi_server_close(engine.server), NOERROR);
}

static vdi_result closed_inside;

static void close_routine(VDS_Command *command)
{
    CHECK_EQUAL(command->completionCode, ERROR_SUCCESS);
    CHECK_RESULT(vdi_server_close_device(engine.devices[0]), NOERROR);
    closed_inside = vdi_server_close(engine.server);
    CHECK_RESULT(vdi_server_close(engine.server), VD_E_PROTOCOL);
}

/* A routine closes the set: it cannot wait for the agent, which leaves after it. [SSET-AGENT-04] */
static void routine_that_closes(void)
{
    struct peer worker = spawn_worker("close");
    engine_open(&engine, name, 1, SIZE, 1);
    closed_inside = 1;
    VDS_Command command = {.commandCode = VDC_Flush, .completionRoutine = close_routine};
    CHECK_RESULT(vdi_server_send_command(engine.devices[0], &command), NOERROR);
    CHECK_RESULT(caller_join(&engine.agent), NOERROR);
    CHECK_RESULT(closed_inside, NOERROR);
    CHECK_EQUAL(hear(worker), 1);
    CHECK_EQUAL(wait_exit(worker), 0);
    CHECK_RESULT(vdi_server_execute_completion_agent(engine.server), VD_E_PROTOCOL);
}

static struct journal journal = JOURNAL_INITIALIZER;
static unsigned calls_at_close;

static void close_early_routine(VDS_Command *command)
{
    CHECK_EQUAL(command->completionCode, ERROR_SUCCESS);
    closed_inside = vdi_server_close(engine.server);
    calls_at_close = journal_count(&journal);
}

/*
 * The same with the device open: the routines of the other commands follow after Close.
 * [SSET-CLOSE-02, SSET-AGENT-06]
 */
static void routine_that_closes_early(void)
{
    VDS_Command first = {.commandCode = VDC_Flush, .completionRoutine = close_early_routine};
    VDS_Command others[4];
    struct peer client = spawn_client();
    client_named(client, CREATE, name, NOERROR);
    engine_open(&engine, name, 1, SIZE, 1);
    client_open_device(client, name, 0);
    closed_inside = 1;
    journal.count = 0;
    CHECK_RESULT(vdi_server_send_command(engine.devices[0], &first), NOERROR);
    for (unsigned i = 0; i < 4; i++) {
        command_prepare(&others[i], &journal, VDC_Flush, NULL, 0);
        CHECK_RESULT(vdi_server_send_command(engine.devices[0], &others[i]), NOERROR);
    }
    struct answer got = client_fetch(client, 0, VDC_Flush);
    ASK(client, NOERROR, COMPLETE, .slot = got.slot);
    CHECK_RESULT(caller_join(&engine.agent), NOERROR);
    CHECK_RESULT(closed_inside, VD_E_PROTOCOL);
    CHECK_EQUAL(calls_at_close, 0);
    journal_check_all(&journal, others, 4, ERROR_OPERATION_ABORTED);
    ASK(client, VD_E_ABORT, GET_COMMAND, .timeout = VDI_INFINITE);
    ASK(client, NOERROR, CLOSE);
    client_leave(client);
}

static sem_t inside, go_on;

static void slow_routine(VDS_Command *command)
{
    (void)command;
    sem_post(&inside);
    while (sem_wait(&go_on) != 0)
        continue;
}

static vdi_result close_server(void *server)
{
    return vdi_server_close(server);
}

/* Close waits until the agent has left its routine. [SSET-AGENT-07, SSET-CLOSE-03] */
static void close_waits_for_the_routine(void)
{
    struct peer worker = spawn_worker("close");
    engine_open(&engine, name, 1, SIZE, 1);
    CHECK(sem_init(&inside, 0, 0) == 0 && sem_init(&go_on, 0, 0) == 0);
    VDS_Command command = {.commandCode = VDC_Flush, .completionRoutine = slow_routine};
    CHECK_RESULT(vdi_server_send_command(engine.devices[0], &command), NOERROR);
    while (sem_wait(&inside) != 0)
        continue;
    CHECK_RESULT(vdi_server_close_device(engine.devices[0]), NOERROR);
    struct caller closer;
    caller_start(&closer, close_server, engine.server);
    CHECK(caller_waits(&closer));
    sem_post(&go_on);
    CHECK_RESULT(caller_join(&closer), NOERROR);
    CHECK_RESULT(caller_join(&engine.agent), NOERROR);
    CHECK_EQUAL(hear(worker), 1);
    CHECK_EQUAL(wait_exit(worker), 0);
}

/* One agent at a time; it stays as long as a device may still be opened. [AMB-08, AMB-25] */
static void one_agent(void)
{
    vdi_set *set = client_create(name, 2);
    vdi_server *server = server_configure(name, SIZE, 1);
    struct caller agent;
    caller_start(&agent, completion_agent, server);
    vdi_server_device *first;
    CHECK_RESULT(vdi_server_open_device(server, name, &first), NOERROR);
    /* The thread has entered the agent when a command of it is completed. */
    vdi_device *device;
    VDC_Command *got;
    CHECK_RESULT(vdi_open_device(set, name, &device), NOERROR);
    VDS_Command command = {.commandCode = VDC_Flush};
    static struct pending pending;
    pending_prepare(&pending, &command);
    CHECK_RESULT(vdi_server_send_command(first, &command), NOERROR);
    CHECK_RESULT(vdi_get_command(device, VDI_INFINITE, &got), NOERROR);
    CHECK_RESULT(vdi_complete_command(device, got, ERROR_SUCCESS, 0, 0), NOERROR);
    pending_wait(&pending);
    CHECK(pthread_equal(pending.caller, agent.thread));
    CHECK_RESULT(vdi_server_execute_completion_agent(server), VD_E_BUSY);

    /* All that were opened are closed, but one was never opened: the agent stays until Close. */
    CHECK_RESULT(vdi_server_close_device(first), NOERROR);
    CHECK_RESULT(vdi_get_command(device, VDI_INFINITE, &got), VD_E_CLOSE);
    CHECK_RESULT(vdi_server_execute_completion_agent(server), VD_E_BUSY);
    vdi_result closed = vdi_server_close(server);
    CHECK_RESULT(closed, NOERROR); /* no device is open */
    CHECK_RESULT(caller_join(&agent), NOERROR);
    CHECK_RESULT(vdi_close(set), NOERROR);
}

/*
 * The thread that is lent may come and go with a set that is closed before any device opens.
 * [SSET-AGENT-04]
 */
static void close_ends_an_idle_agent(void)
{
    vdi_set *set = client_create(name, 1);
    vdi_server *server = server_configure(name, SIZE, 1);
    struct caller agent;
    caller_start(&agent, completion_agent, server);
    CHECK_RESULT(vdi_server_close(server), NOERROR); /* [AMB-40] */
    vdi_result left = caller_join(&agent);
    /* It may have come too late to enter. */
    CHECK(left == NOERROR || left == VD_E_PROTOCOL);
    VDConfig config;
    CHECK_RESULT(vdi_get_configuration(set, VDI_INFINITE, &config), VD_E_ABORT);
    CHECK_RESULT(vdi_close(set), NOERROR);
}

/*
 * Commands that were sent before there is an agent are completed by it when it comes; if it never
 * comes, Close gives each command its one completion. [SSET-AGENT-09]
 */
static void late_agent(void)
{
    for (int comes = 0; comes <= 1; comes++) {
        VDS_Command commands[3];
        struct caller agent;
        vdi_device *device;
        vdi_server_device *server_device;
        VDC_Command *got;
        journal.count = 0;
        vdi_set *set = client_create(name, 1);
        vdi_server *server = server_configure(name, SIZE, 1);
        CHECK_RESULT(vdi_server_open_device(server, name, &server_device), NOERROR);
        CHECK_RESULT(vdi_open_device(set, name, &device), NOERROR);
        for (int i = 0; i < 3; i++) {
            command_prepare(&commands[i], &journal, VDC_Flush, NULL, 0);
            CHECK_RESULT(vdi_server_send_command(server_device, &commands[i]), NOERROR);
            CHECK_RESULT(vdi_get_command(device, VDI_INFINITE, &got), NOERROR);
            if (comes)
                CHECK_RESULT(vdi_complete_command(device, got, ERROR_SUCCESS, 0, 0), NOERROR);
        }
        CHECK_EQUAL(journal_count(&journal), 0);
        if (comes) {
            caller_start(&agent, completion_agent, server);
            journal_check_all(&journal, commands, 3, ERROR_SUCCESS);
            CHECK_RESULT(vdi_server_close_device(server_device), NOERROR);
            CHECK_RESULT(caller_join(&agent), NOERROR);
            CHECK_RESULT(vdi_server_close(server), NOERROR);
        } else {
            CHECK_RESULT(vdi_server_close(server), VD_E_PROTOCOL);
            CHECK_EQUAL(journal_count(&journal), 3);
            journal_check_all(&journal, commands, 3, ERROR_OPERATION_ABORTED);
        }
        CHECK_RESULT(vdi_close(set), NOERROR);
    }
}

static void run(void)
{
    unique_name(name);
    routine_that_sends();
    routine_that_aborts();
    routine_that_closes();
    routine_that_closes_early();
    close_waits_for_the_routine();
    one_agent();
    close_ends_an_idle_agent();
    late_agent();
}

int main(int argc, char **argv)
{
    static const struct role roles[] = {CLIENT_ROLE, {"worker", worker_role}, {NULL, NULL}};
    return test_main(argc, argv, roles, run);
}
