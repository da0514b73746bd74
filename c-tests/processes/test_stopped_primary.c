/*
 * A primary that is stopped is alive: what needs its answer fails after ten seconds, and everything
 * else goes on without it.
 */
#include "engine.h"
#include "roles.h"

#include <signal.h>

#define SIZE 4096

static char fresh[NAME_SIZE], active[NAME_SIZE];

static void *open_server(void *nothing)
{
    vdi_server *server = (vdi_server *)0x10;
    CHECK_RESULT(vdi_server_open(NULL, fresh, &server), VD_E_UNEXPECTED);
    CHECK(server == NULL);
    CHECK_CONTAINS(vdi_last_error_message(), fresh);
    return nothing;
}

static void *open_secondary(void *nothing)
{
    vdi_set *set = (vdi_set *)0x10;
    CHECK_RESULT(vdi_open_in_secondary(NULL, active, &set), VD_E_UNEXPECTED);
    CHECK(set == NULL);
    return nothing;
}

/* [CRASH-05] */
static void run(void)
{
    struct engine engine;
    static struct journal journal = JOURNAL_INITIALIZER;
    VDS_Command command;
    pthread_t threads[2];
    unique_name(fresh);
    unique_name(active);
    struct peer primary = spawn_client(), secondary = spawn_client();
    client_named(primary, CREATE, fresh, NOERROR);
    ASK(primary, NOERROR, CLOSE);
    client_creates(primary, active, (VDConfig){.deviceCount = 2});
    struct peer idle = spawn_client();
    client_named(idle, CREATE, fresh, NOERROR);
    engine_open(&engine, active, 2, SIZE, 2);
    client_named(secondary, OPEN_IN_SECONDARY, active, NOERROR);
    client_open_device(secondary, active, 1);

    int status;
    CHECK(kill(primary.pid, SIGSTOP) == 0 && kill(idle.pid, SIGSTOP) == 0);
    CHECK(waitpid(primary.pid, &status, WUNTRACED) == primary.pid && WIFSTOPPED(status));
    CHECK(waitpid(idle.pid, &status, WUNTRACED) == idle.pid && WIFSTOPPED(status));
    CHECK(pthread_create(&threads[0], NULL, open_server, NULL) == 0);
    CHECK(pthread_create(&threads[1], NULL, open_secondary, NULL) == 0);
    /* The secondary and the server need nothing of it to work. */
    for (unsigned i = 0; i < 20; i++) {
        command_prepare(&command, &journal, VDC_Flush, NULL, 0);
        CHECK_RESULT(vdi_server_send_command(engine.devices[1], &command), NOERROR);
        struct answer got =
            ASK(secondary, NOERROR, GET_COMMAND, .device = 1, .timeout = VDI_INFINITE);
        ASK(secondary, NOERROR, COMPLETE, .device = 1, .slot = got.slot);
        CHECK_JOURNAL(&journal, i, &command, ERROR_SUCCESS);
    }
    for (int i = 0; i < 2; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    CHECK_EQUAL(ASK(secondary, NOERROR, ABORT_REASON).reason, VDI_ABORT_NONE);
    CHECK(kill(primary.pid, SIGCONT) == 0 && kill(idle.pid, SIGCONT) == 0);

    /* Everything works again, the calls that were given up included. */
    vdi_server *server;
    CHECK_RESULT(vdi_server_open(NULL, fresh, &server), NOERROR);
    CHECK_RESULT(vdi_server_close(server), NOERROR);
    ASK(idle, NOERROR, CLOSE);
    client_leave(idle);
    client_open_device(primary, active, 0);
    engine_close(&engine);
    ASK(secondary, NOERROR, CLOSE);
    ASK(primary, NOERROR, CLOSE);
    client_leave(secondary);
    client_leave(primary);
}

int main(int argc, char **argv)
{
    static const struct role roles[] = {CLIENT_ROLE, {NULL, NULL}};
    return test_main(argc, argv, roles, run);
}
