/*
 * The set has ended for one side while the other one still has work to do: the client leaves before
 * the agent has called its last routines, the server is gone before the client has fetched its
 * VD_E_CLOSE, an operation ends well for VDI though a command has failed.
 */
#include "engine.h"
#include "roles.h"

#include <signal.h>

#define COMMANDS 6

static char name[NAME_SIZE];
static struct engine engine;
static struct journal journal = JOURNAL_INITIALIZER;
static VDS_Command commands[COMMANDS];
static sem_t entered, released;

/* The agent is held up in here. */
static void slow_routine(VDS_Command *command)
{
    sem_post(&entered);
    while (sem_wait(&released) != 0)
        continue;
    journal_write(command);
}

enum way { CLOSES, DIES };

/*
 * The primary leaves, in order or not, when its device has returned VD_E_CLOSE. The agent is still
 * in its first routine; the completions that follow count. [NT-03, NT-04, CRASH-02]
 */
static void client_leaves_first(struct peer client, enum way way)
{
    journal.count = 0;
    CHECK(sem_init(&entered, 0, 0) == 0 && sem_init(&released, 0, 0) == 0);
    client_named(client, CREATE, name, NOERROR);
    engine_open(&engine, name, 1, 4096, 0);
    client_open_device(client, name, 0);
    for (unsigned i = 0; i < COMMANDS; i++) {
        command_prepare(&commands[i], &journal, VDC_Flush, NULL, 0);
        if (i == 0)
            commands[i].completionRoutine = slow_routine;
        CHECK_RESULT(vdi_server_send_command(engine.devices[0], &commands[i]), NOERROR);
        struct answer got = client_fetch(client, 0, VDC_Flush);
        ASK(client, NOERROR, COMPLETE, .slot = got.slot);
    }
    while (sem_wait(&entered) != 0)
        continue;
    CHECK_RESULT(vdi_server_close_device(engine.devices[0]), NOERROR);
    ASK(client, VD_E_CLOSE, GET_COMMAND, .timeout = VDI_INFINITE);
    if (way == CLOSES)
        ASK(client, NOERROR, CLOSE);
    else
        kill_and_wait(client);
    CHECK_EQUAL(journal_count(&journal), 0);
    sem_post(&released);
    CHECK_RESULT(caller_join(&engine.agent), NOERROR);
    journal_check_all(&journal, commands, COMMANDS, ERROR_SUCCESS);
    CHECK_RESULT(vdi_server_close(engine.server), NOERROR);
}

/* Opens two devices, closes them when told to, and waits to be killed. */
static int server_role(int argc, char **argv)
{
    CHECK_EQUAL(argc, 2);
    engine_open(&engine, argv[1], 2, 4096, 1);
    tell(parent(), 0);
    hear(parent());
    engine_finish(&engine);
    tell(parent(), 0);
    hear(parent());
    return 1;
}

/*
 * The server dies after it has closed all devices: the end was normal, also for a client that has
 * not fetched it yet. [CRASH-01, NT-02]
 */
static void server_dies_after_the_end(struct peer primary, struct peer secondary)
{
    client_creates(primary, name, (VDConfig){.deviceCount = 2});
    struct peer server = spawn_role("server", name, (char *)NULL);
    hear(server);
    client_named(secondary, OPEN_IN_SECONDARY, name, NOERROR);
    client_open_device(primary, name, 0);
    client_open_device(secondary, name, 1);
    tell(server, 0);
    hear(server);
    ASK(primary, VD_E_CLOSE, GET_COMMAND, .timeout = VDI_INFINITE);
    kill_and_wait(server);
    ASK(secondary, VD_E_CLOSE, GET_COMMAND, .device = 1, .timeout = VDI_INFINITE);
    ASK(primary, NOERROR, GET_CONFIGURATION, .timeout = VDI_INFINITE);
    CHECK_EQUAL(ASK(primary, NOERROR, ABORT_REASON).reason, VDI_ABORT_NONE);
    ASK(secondary, NOERROR, CLOSE);
    ASK(primary, NOERROR, CLOSE);
}

/*
 * A command fails; the server waits for the others and closes the devices, without an abort. The
 * client gets its VD_E_CLOSE, which says nothing about success. [ABT-11, NT-06, NT-02]
 */
static void failed_but_no_abort(struct peer client)
{
    journal.count = 0;
    client_creates(client, name, (VDConfig){.deviceCount = 2});
    engine_open(&engine, name, 2, 4096, 0);
    for (unsigned i = 0; i < 2; i++)
        client_open_device(client, name, i);
    struct answer got[2];
    for (unsigned i = 0; i < 2; i++) {
        command_prepare(&commands[i], &journal, VDC_Flush, NULL, 0);
        CHECK_RESULT(vdi_server_send_command(engine.devices[0], &commands[i]), NOERROR);
        got[i] = client_fetch(client, 0, VDC_Flush);
    }
    ASK(client, NOERROR, COMPLETE, .slot = got[0].slot, .code = ERROR_DISK_FULL);
    CHECK_JOURNAL(&journal, 0, &commands[0], ERROR_DISK_FULL);
    ASK(client, NOERROR, COMPLETE, .slot = got[1].slot);
    CHECK_JOURNAL(&journal, 1, &commands[1], ERROR_SUCCESS);
    for (unsigned i = 0; i < 2; i++) {
        BEGIN(client, GET_COMMAND, .device = i, .timeout = VDI_INFINITE);
        CHECK_RESULT(vdi_server_close_device(engine.devices[i]), NOERROR);
        FINISH(client, VD_E_CLOSE);
    }
    CHECK_RESULT(caller_join(&engine.agent), NOERROR);
    CHECK_EQUAL(ASK(client, NOERROR, ABORT_REASON).reason, VDI_ABORT_NONE);
    CHECK_RESULT(vdi_server_close(engine.server), NOERROR);
    ASK(client, NOERROR, CLOSE);
}

static void run(void)
{
    unique_name(name);
    struct peer primary = spawn_client(), secondary = spawn_client();
    for (int round = 0; round < 20; round++)
        client_leaves_first(primary, CLOSES);
    server_dies_after_the_end(primary, secondary);
    failed_but_no_abort(primary);
    client_leaves_first(primary, DIES);
    client_leave(secondary);
    CHECK_RESULT(vdi_close(client_create(name, 1)), NOERROR);
}

int main(int argc, char **argv)
{
    static const struct role roles[] = {CLIENT_ROLE, {"server", server_role}, {NULL, NULL}};
    return test_main(argc, argv, roles, run);
}
