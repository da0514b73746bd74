/*
 * The end of the primary is noticed by a server that has no completion agent.
 */
#include "engine.h"
#include "roles.h"

/* Whatever the server does next finds the abort. [CRASH-02, AMB-37] */
static void death(const char *name, struct peer client, unsigned opened)
{
    client_creates(client, name, (VDConfig){.deviceCount = 2});
    vdi_server *server = server_configure(name, BLOCK_SIZE, 1);
    for (unsigned index = 0; index < opened; index++) {
        char device[NAME_SIZE];
        vdi_server_device *opened_device;
        device_name(device, name, index);
        CHECK_RESULT(vdi_server_open_device(server, device, &opened_device), NOERROR);
    }
    kill_and_wait(client);
    VDConfig config;
    vdi_result result;
    while ((result = vdi_server_get_configuration(server, &config)) == NOERROR)
        sched_yield();
    CHECK_RESULT(result, VD_E_ABORT);
    uint32_t reason;
    CHECK_RESULT(vdi_server_abort_reason(server, &reason, NULL, 0), NOERROR);
    CHECK_EQUAL(reason, VDI_ABORT_PRIMARY_DIED);
    CHECK_RESULT(vdi_server_close(server), NOERROR);
}

static void run(void)
{
    char name[NAME_SIZE];
    unique_name(name);
    for (unsigned opened = 0; opened <= 2; opened++)
        death(name, spawn_client(), opened);
    /* The name is free. [CRASH-06] */
    CHECK_RESULT(vdi_close(client_create(name, 1)), NOERROR);
}

int main(int argc, char **argv)
{
    static const struct role roles[] = {CLIENT_ROLE, {NULL, NULL}};
    return test_main(argc, argv, roles, run);
}
