/*
 * Every event wakes its sleepers at once, not only when they look again by themselves. No duration
 * is measured: each event is awaited so often that a library that polls, however seldom, keeps the
 * watchdog waiting.
 */
#include "engine.h"
#include "roles.h"

/* The watchdog comes after 60 seconds. */
#define ROUNDS 150

static char name[NAME_SIZE];
static struct engine engine;
static struct journal journal = JOURNAL_INITIALIZER;
static vdi_set *set;
static struct getter getter;

/* A set with one device that is open on both sides. */
static void open_both(void)
{
    set = client_create(name, 1);
    engine_open(&engine, name, 1, 4096, 1);
    CHECK_RESULT(vdi_open_device(set, name, &getter.device), NOERROR);
    journal.count = 0;
}

static void close_both(void)
{
    CHECK_RESULT(vdi_close(set), NOERROR);
    CHECK_RESULT(caller_join(&engine.agent), NOERROR);
    CHECK_RESULT(vdi_server_close(engine.server), NOERROR);
}

static void send_one(VDS_Command *command, int32_t code)
{
    command_prepare(command, &journal, code, NULL, 0);
    CHECK_RESULT(vdi_server_send_command(engine.devices[0], command), NOERROR);
}

static void complete(VDC_Command *command, int32_t code)
{
    CHECK_RESULT(vdi_complete_command(getter.device, command, code, 0, 0), NOERROR);
}

/*
 * A command wakes GetCommand, a completion wakes the agent, a close wakes GetCommand.
 * [CDEV-GETCMD-01, SSET-AGENT-01]
 */
static void commands(void)
{
    struct caller caller;
    VDS_Command command;
    open_both();
    for (unsigned i = 0; i < ROUNDS; i++) {
        caller_start(&caller, get_command, &getter);
        send_one(&command, VDC_Flush);
        CHECK_RESULT(caller_join(&caller), NOERROR);
        wait_asleep(getpid(), engine.agent.id);
        complete(getter.command, ERROR_SUCCESS);
        CHECK_JOURNAL(&journal, i, &command, ERROR_SUCCESS);
    }
    CHECK_RESULT(vdi_server_close_device(engine.devices[0]), NOERROR);
    CHECK_RESULT(vdi_get_command(getter.device, VDI_INFINITE, &getter.command), VD_E_CLOSE);
    close_both();
}

/* The last old completion releases what GetCommand waits for: a ClearError, or the end. */
static void completions(void)
{
    struct caller caller;
    VDS_Command sent[3];
    VDC_Command *got[2];
    open_both();
    for (unsigned i = 0; i < ROUNDS; i++) {
        unsigned before = journal_count(&journal);
        for (unsigned k = 0; k < 2; k++) {
            send_one(&sent[k], VDC_Flush);
            CHECK_RESULT(vdi_get_command(getter.device, VDI_INFINITE, &got[k]), NOERROR);
        }
        complete(got[0], ERROR_DISK_FULL);
        journal_wait(&journal, before + 1);
        send_one(&sent[2], VDC_ClearError);
        caller_start(&caller, get_command, &getter);
        complete(got[1], ERROR_SUCCESS);
        CHECK_RESULT(caller_join(&caller), NOERROR);
        complete(getter.command, ERROR_SUCCESS);
        journal_wait(&journal, before + 3);
    }
    CHECK_RESULT(vdi_server_close_device(engine.devices[0]), NOERROR);
    close_both();

    for (unsigned i = 0; i < ROUNDS; i++) { /* [AMB-17] */
        open_both();
        send_one(&sent[0], VDC_Flush);
        CHECK_RESULT(vdi_get_command(getter.device, VDI_INFINITE, &got[0]), NOERROR);
        CHECK_RESULT(vdi_server_close_device(engine.devices[0]), NOERROR);
        caller_start(&caller, get_command, &getter);
        complete(got[0], ERROR_SUCCESS);
        CHECK_RESULT(caller_join(&caller), VD_E_CLOSE);
        close_both();
    }
}

/*
 * What ends a set wakes the client's thread and the agent. [CDEV-GETCMD-04, CDEV-GETCMD-05,
 * ABT-03]
 */
static void ends(void)
{
    struct caller caller;
    for (unsigned i = 0; i < ROUNDS; i++) {
        open_both();
        caller_start(&caller, get_command, &getter);
        CHECK_RESULT(vdi_server_close_device(engine.devices[0]), NOERROR); /* [SDEV-CLOSE-06] */
        CHECK_RESULT(caller_join(&caller), VD_E_CLOSE);
        close_both();

        open_both();
        caller_start(&caller, get_command, &getter);
        CHECK_RESULT(i % 2 ? vdi_signal_abort(set, NULL)
                           : vdi_server_signal_abort(engine.server, NULL), NOERROR);
        CHECK_RESULT(caller_join(&caller), VD_E_ABORT);
        engine_close_aborted(&engine);
        CHECK_RESULT(vdi_close(set), NOERROR);

        open_both();
        caller_start(&caller, get_command, &getter);
        if (i % 2) {
            CHECK_RESULT(vdi_close(set), VD_E_OPEN);
            vdi_result woken = caller_join(&caller); /* test_close wants VD_E_PROTOCOL */
            CHECK(woken == VD_E_PROTOCOL || woken == VD_E_ABORT);
            engine_close_aborted(&engine);
        } else {
            CHECK_RESULT(vdi_server_close(engine.server), VD_E_PROTOCOL);
            CHECK_RESULT(caller_join(&caller), VD_E_ABORT);
            agent_left(&engine.agent);
            CHECK_RESULT(vdi_close(set), NOERROR);
        }
    }
}

static vdi_result open_late(void *of_set)
{
    vdi_device *device;
    return vdi_open_device(of_set, "late", &device);
}

/* The end of the configuration, and the announcement of a name. [CSET-GETCFG-01, AMB-16] */
static void configurations(void)
{
    struct caller caller;
    for (unsigned i = 0; i < ROUNDS; i++) {
        vdi_server_device *device;
        set = client_create(name, 2);
        struct waiter waiter = {.set = set};
        caller_start(&caller, get_configuration, &waiter);
        vdi_server *server = server_configure(name, 4096, 1);
        CHECK_RESULT(caller_join(&caller), NOERROR);
        caller_start(&caller, open_late, set);
        CHECK_RESULT(vdi_server_open_device(server, name, &device), NOERROR);
        CHECK_RESULT(vdi_server_open_device(server, "late", &device), NOERROR);
        CHECK_RESULT(caller_join(&caller), NOERROR);
        CHECK_RESULT(vdi_server_signal_abort(server, NULL), NOERROR);
        CHECK_RESULT(vdi_server_close(server), NOERROR);
        CHECK_RESULT(vdi_close(set), NOERROR);
    }
}

/* A server process that waits to be killed. */
static int server_role(int argc, char **argv)
{
    CHECK_EQUAL(argc, 2);
    engine_open(&engine, argv[1], 1, 4096, 1);
    tell(parent(), 0);
    hear(parent());
    return 1;
}

/*
 * The death of the server, and that of the primary, which ends the agent. [CRASH-01, CRASH-02,
 * AMB-37]
 */
static void deaths(void)
{
    struct caller caller;
    for (unsigned i = 0; i < ROUNDS; i++) {
        set = client_create(name, 1);
        struct peer server = spawn_role("server", name, (char *)NULL);
        hear(server);
        CHECK_RESULT(vdi_open_device(set, name, &getter.device), NOERROR);
        caller_start(&caller, get_command, &getter);
        kill_and_wait(server);
        CHECK_RESULT(caller_join(&caller), VD_E_ABORT);
        CHECK_RESULT(vdi_close(set), NOERROR);

        struct peer client = spawn_client();
        client_named(client, CREATE, name, NOERROR);
        engine_open(&engine, name, 1, 4096, 1);
        kill_and_wait(client);
        engine_close_aborted(&engine);
    }
    CHECK_RESULT(vdi_close(client_create(name, 1)), NOERROR); /* [CRASH-06] */
}

static void run(void)
{
    unique_name(name);
    commands();
    completions();
    ends();
    configurations();
    deaths();
}

int main(int argc, char **argv)
{
    static const struct role roles[] = {CLIENT_ROLE, {"server", server_role}, {NULL, NULL}};
    return test_main(argc, argv, roles, run);
}
