/*
 * A process that is stopped is alive: nothing is aborted, and it goes on where it was. The death of
 * another is noticed all the same.
 */
#include "engine.h"
#include "roles.h"

#include <signal.h>

static char name[NAME_SIZE];

static void stop(struct peer peer)
{
    int status;
    CHECK(kill(peer.pid, SIGSTOP) == 0);
    CHECK(waitpid(peer.pid, &status, WUNTRACED) == peer.pid && WIFSTOPPED(status));
}

/* A server that sends one Flush and tells its completion code, whenever it is told to. */
static int server_role(int argc, char **argv)
{
    static struct engine engine;
    CHECK_EQUAL(argc, 2);
    engine_open(&engine, argv[1], 1, 4096, 1);
    tell(parent(), 0);
    while (hear(parent()) == 0) {
        VDS_Command command = {.commandCode = VDC_Flush};
        CHECK_RESULT(send_and_wait(engine.devices[0], &command), NOERROR);
        tell(parent(), command.completionCode);
    }
    engine_close(&engine);
    return 0;
}

static void answer_flush(struct peer client, struct peer server)
{
    tell(server, 0);
    struct answer got = client_fetch(client, 0, VDC_Flush);
    ASK(client, NOERROR, COMPLETE, .slot = got.slot);
    CHECK_EQUAL(hear(server), ERROR_SUCCESS);
}

/* The client's wait ends with its time-out, and not with an abort. [CRASH-05] */
static void stopped_server(struct peer client)
{
    client_named(client, CREATE, name, NOERROR);
    struct peer server = spawn_role("server", name, (char *)NULL);
    hear(server);
    client_open_device(client, name, 0);
    answer_flush(client, server);
    stop(server);
    ASK(client, VD_E_TIMEOUT, GET_COMMAND, .timeout = 300);
    CHECK_EQUAL(ASK(client, NOERROR, ABORT_REASON).reason, VDI_ABORT_NONE);
    CHECK(kill(server.pid, SIGCONT) == 0);
    answer_flush(client, server);
    tell(server, 1);
    ASK(client, VD_E_CLOSE, GET_COMMAND, .timeout = VDI_INFINITE);
    CHECK_EQUAL(wait_exit(server), 0);
    ASK(client, NOERROR, CLOSE);
}

/* Its command stays outstanding; the primary is not told that it is lost. [CRASH-05, PROC-05] */
static void stopped_secondary(void)
{
    static struct engine engine;
    static struct journal journal = JOURNAL_INITIALIZER;
    VDS_Command held, other;
    VDC_Command *got;
    vdi_device *device;
    uint32_t lost = 1, code = 1;
    vdi_set *set = client_create(name, 2);
    engine_open(&engine, name, 2, 4096, 0);
    struct peer secondary = spawn_client();
    client_named(secondary, OPEN_IN_SECONDARY, name, NOERROR);
    client_open_device(secondary, name, 1);
    CHECK_RESULT(vdi_open_device(set, name, &device), NOERROR);
    command_prepare(&held, &journal, VDC_Flush, NULL, 0);
    CHECK_RESULT(vdi_server_send_command(engine.devices[1], &held), NOERROR);
    struct answer fetched = client_fetch(secondary, 1, VDC_Flush);
    stop(secondary);
    command_prepare(&other, &journal, VDC_Flush, NULL, 0);
    CHECK_RESULT(vdi_server_send_command(engine.devices[0], &other), NOERROR);
    CHECK_RESULT(vdi_get_command(device, VDI_INFINITE, &got), NOERROR);
    CHECK_RESULT(vdi_complete_command(device, got, ERROR_SUCCESS, 0, 0), NOERROR);
    CHECK_JOURNAL(&journal, 0, &other, ERROR_SUCCESS);
    CHECK_RESULT(vdi_get_command(device, 300, &got), VD_E_TIMEOUT);
    CHECK_EQUAL(journal_count(&journal), 1);
    CHECK_RESULT(vdi_lost_secondaries(set, &lost), NOERROR);
    CHECK_RESULT(vdi_abort_reason(set, &code, NULL, 0), NOERROR);
    CHECK(lost == 0 && code == VDI_ABORT_NONE);
    CHECK(kill(secondary.pid, SIGCONT) == 0);
    ASK(secondary, NOERROR, COMPLETE, .device = 1, .slot = fetched.slot);
    CHECK_JOURNAL(&journal, 1, &held, ERROR_SUCCESS);
    engine_close(&engine);
    ASK(secondary, NOERROR, CLOSE);
    client_leave(secondary);
    CHECK_RESULT(vdi_close(set), NOERROR);
}

/* The primary would tell of the death of the server, and cannot. [CRASH-01] */
static void stopped_primary(struct peer primary)
{
    client_named(primary, CREATE, name, NOERROR);
    struct peer server = spawn_role("server", name, (char *)NULL);
    hear(server);
    struct peer secondary = spawn_client();
    client_named(secondary, OPEN_IN_SECONDARY, name, NOERROR);
    client_open_device(secondary, name, 0);
    stop(primary);
    BEGIN(secondary, GET_COMMAND, .timeout = VDI_INFINITE);
    kill_and_wait(server);
    FINISH(secondary, VD_E_ABORT);
    CHECK_EQUAL(ASK(secondary, NOERROR, ABORT_REASON).reason, VDI_ABORT_SERVER_DIED);
    ASK(secondary, NOERROR, CLOSE);
    CHECK(kill(primary.pid, SIGCONT) == 0);
    ASK(primary, NOERROR, CLOSE);
    client_leave(secondary);
}

static void run(void)
{
    unique_name(name);
    struct peer client = spawn_client();
    stopped_server(client);
    stopped_secondary();
    stopped_primary(client);
    client_leave(client);
}

int main(int argc, char **argv)
{
    static const struct role roles[] = {CLIENT_ROLE, {"server", server_role}, {NULL, NULL}};
    return test_main(argc, argv, roles, run);
}
