/*
 * The primary leaves while commands wait on a device that the server has closed and no client has
 * opened: the set is aborted, and the reason tells a process that closed from one that died.
 */
#include "engine.h"
#include "roles.h"

#include <signal.h>

static char name[NAME_SIZE];

/* [AMB-04, CRASH-02, ABT-15] */
static void leaves(struct peer primary, int dies)
{
    static struct engine engine;
    static struct journal journal = JOURNAL_INITIALIZER;
    VDS_Command commands[3];
    uint32_t code;
    char text[256], pid[16];
    journal.count = 0;
    client_creates(primary, name, (VDConfig){.deviceCount = 2});
    engine_open(&engine, name, 2, 4096, 1);
    client_open_device(primary, name, 0);
    for (unsigned i = 0; i < 3; i++) {
        command_prepare(&commands[i], &journal, VDC_Flush, NULL, 0);
        CHECK_RESULT(vdi_server_send_command(engine.devices[1], &commands[i]), NOERROR);
    }
    for (unsigned i = 0; i < 2; i++)
        CHECK_RESULT(vdi_server_close_device(engine.devices[i]), NOERROR);
    ASK(primary, VD_E_CLOSE, GET_COMMAND, .timeout = VDI_INFINITE);
    if (dies)
        kill_and_wait(primary);
    else
        ASK(primary, NOERROR, CLOSE);
    CHECK_RESULT(caller_join(&engine.agent), VD_E_ABORT);
    journal_check_all(&journal, commands, 3, ERROR_OPERATION_ABORTED);
    CHECK_RESULT(vdi_server_abort_reason(engine.server, &code, text, sizeof text), NOERROR);
    CHECK_EQUAL(code, dies ? VDI_ABORT_PRIMARY_DIED : VDI_ABORT_CLIENT_CLOSED);
    snprintf(pid, sizeof pid, "%d", (int)primary.pid);
    if (dies)
        CHECK_CONTAINS(text, pid);
    else
        CHECK(text[0] != '\0');
    CHECK_RESULT(vdi_server_close(engine.server), NOERROR);
}

static void run(void)
{
    unique_name(name);
    struct peer primary = spawn_client();
    leaves(primary, 0);
    leaves(primary, 1);
    CHECK_RESULT(vdi_close(client_create(name, 1)), NOERROR); /* [CRASH-06] */
}

int main(int argc, char **argv)
{
    static const struct role roles[] = {CLIENT_ROLE, {NULL, NULL}};
    return test_main(argc, argv, roles, run);
}
