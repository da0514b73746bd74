/*
 * SignalAbort of a client: by whom, when, and what becomes of the commands.
 */
#include "engine.h"
#include "roles.h"

#include <signal.h>

#define SIZE 4096
#define COMMANDS 6

static char name[NAME_SIZE];
static struct engine engine;
static struct journal journal = JOURNAL_INITIALIZER;
static VDS_Command sent[COMMANDS];

enum phase { CREATED, CONNECTED, BEGUN, CONFIGURED, ACTIVE, TERMINATED, PHASES };

/* Brings a set of one device, which the returned handle has created, into a phase. */
static vdi_set *reach(enum phase phase)
{
    vdi_server_parameters parameters = {.size = sizeof parameters,
                                        .features = VDF_WriteMedia,
                                        .blockSize = BLOCK_SIZE,
                                        .maxTransferSize = VDI_TRANSFER_UNIT};
    vdi_set *set = client_create(name, 1);
    vdi_device *device;
    engine.server = NULL;
    if (phase >= CONNECTED)
        CHECK_RESULT(vdi_server_open(NULL, name, &engine.server), NOERROR);
    if (phase >= BEGUN)
        CHECK_RESULT(vdi_server_begin_configuration(engine.server, &parameters), NOERROR);
    if (phase >= CONFIGURED)
        CHECK_RESULT(vdi_server_end_configuration(engine.server), NOERROR);
    if (phase >= ACTIVE) {
        CHECK_RESULT(vdi_open_device(set, name, &device), NOERROR);
        engine_run(&engine, engine.server, name, 1);
    }
    if (phase == TERMINATED)
        engine_finish(&engine);
    return set;
}

static vdi_result signal_abort(void *set)
{
    return vdi_signal_abort(set, NULL);
}

/*
 * At any time, by any thread, again and again, until the set is closed, which it can be at once.
 * [CSET-ABORT-01, CSET-ABORT-04, CSET-ABORT-05, CSET-ABORT-06]
 */
static void at_any_time(void)
{
    for (enum phase phase = CREATED; phase < PHASES; phase++) {
        struct caller caller;
        VDConfig config;
        vdi_set *set = reach(phase);
        if (phase % 2) {
            caller_start(&caller, signal_abort, set);
            CHECK_RESULT(caller_join(&caller), NOERROR);
        } else {
            CHECK_RESULT(vdi_signal_abort(set, NULL), NOERROR);
        }
        CHECK_RESULT(vdi_get_configuration(set, VDI_INFINITE, &config), VD_E_ABORT);
        if (engine.server != NULL)
            CHECK_RESULT(vdi_server_get_configuration(engine.server, &config), VD_E_ABORT);
        CHECK_RESULT(vdi_signal_abort(set, NULL), NOERROR);
        CHECK_RESULT(vdi_close(set), NOERROR);
        CHECK_RESULT(vdi_signal_abort(set, NULL), VD_E_PROTOCOL);
        if (phase == ACTIVE)
            CHECK_RESULT(caller_join(&engine.agent), VD_E_ABORT);
        if (engine.server != NULL)
            CHECK_RESULT(vdi_server_close(engine.server), NOERROR);
    }
    CHECK_RESULT(vdi_signal_abort(NULL, NULL), VD_E_PROTOCOL);
}

/*
 * Commands that are queued, and some that clients hold on two devices and do not complete: all end
 * with ERROR_OPERATION_ABORTED, and nothing more is delivered, whether the primary or a secondary
 * aborts. [CSET-ABORT-03, CSET-ABORT-05, CSET-ABORT-07]
 */
static void commands_end(struct peer primary, struct peer secondary)
{
    for (int by_secondary = 0; by_secondary < 2; by_secondary++) {
        journal.count = 0;
        client_creates(primary, name, (VDConfig){.deviceCount = 2});
        engine_open(&engine, name, 2, SIZE, COMMANDS);
        client_named(secondary, OPEN_IN_SECONDARY, name, NOERROR);
        client_open_device(primary, name, 0);
        client_open_device(secondary, name, 1);
        for (unsigned i = 0; i < COMMANDS; i++) {
            command_prepare(&sent[i], &journal, VDC_Write, engine_buffer(&engine, SIZE), SIZE);
            CHECK_RESULT(vdi_server_send_command(engine.devices[i % 2], &sent[i]), NOERROR);
        }
        client_fetch(primary, 0, VDC_Write);
        client_fetch(secondary, 1, VDC_Write);
        ASK(by_secondary ? secondary : primary, NOERROR, SIGNAL_ABORT);
        ASK(primary, VD_E_ABORT, GET_COMMAND, .device = 0, .timeout = VDI_INFINITE);
        ASK(secondary, VD_E_ABORT, GET_COMMAND, .device = 1, .timeout = VDI_INFINITE);
        engine_close_aborted(&engine);
        journal_check_all(&journal, sent, COMMANDS, ERROR_OPERATION_ABORTED);
        ASK(secondary, NOERROR, CLOSE);
        ASK(primary, NOERROR, CLOSE);
    }
}

/* A server that is stopped while a client aborts, and then sees it. */
static int server_role(int argc, char **argv)
{
    CHECK_EQUAL(argc, 2);
    vdi_server *server = server_configure(argv[1], SIZE, 1);
    vdi_server_device *device;
    CHECK_RESULT(vdi_server_open_device(server, argv[1], &device), NOERROR);
    command_prepare(&sent[0], &journal, VDC_Flush, NULL, 0);
    CHECK_RESULT(vdi_server_send_command(device, &sent[0]), NOERROR);
    tell(parent(), 0);
    hear(parent());
    CHECK_RESULT(vdi_server_execute_completion_agent(server), VD_E_ABORT);
    CHECK_JOURNAL(&journal, 0, &sent[0], ERROR_OPERATION_ABORTED);
    CHECK_RESULT(vdi_server_close(server), NOERROR);
    return 0;
}

/* It does not wait for the other side, which may be unable to listen. [CSET-ABORT-02] */
static void waits_for_nobody(void)
{
    vdi_set *set = client_create(name, 1);
    struct peer server = spawn_role("server", name, (char *)NULL);
    vdi_device *device;
    VDC_Command *held;
    hear(server);
    CHECK_RESULT(vdi_open_device(set, name, &device), NOERROR);
    CHECK_RESULT(vdi_get_command(device, VDI_INFINITE, &held), NOERROR);
    int status;
    CHECK(kill(server.pid, SIGSTOP) == 0);
    CHECK(waitpid(server.pid, &status, WUNTRACED) == server.pid && WIFSTOPPED(status));
    CHECK_RESULT(vdi_signal_abort(set, NULL), NOERROR);
    CHECK_RESULT(vdi_close(set), NOERROR);
    CHECK(kill(server.pid, SIGCONT) == 0);
    tell(server, 0);
    CHECK_EQUAL(wait_exit(server), 0);
}

static void run(void)
{
    unique_name(name);
    struct peer primary = spawn_client(), secondary = spawn_client();
    at_any_time();
    commands_end(primary, secondary);
    waits_for_nobody();
    client_leave(primary);
    client_leave(secondary);
}

int main(int argc, char **argv)
{
    static const struct role roles[] = {CLIENT_ROLE, {"server", server_role}, {NULL, NULL}};
    return test_main(argc, argv, roles, run);
}
