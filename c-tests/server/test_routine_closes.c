/*
 * The completion routine of the last command closes the device and the set: the agent leaves, and
 * all memory of the set is released.
 */
#include "engine.h"
#include "resources.h"

#define SIZE 4096
#define ROUNDS 50

static vdi_server *server;
static vdi_server_device *device;
static vdi_result closed[2];

static void close_all(VDS_Command *command)
{
    CHECK_EQUAL(command->completionCode, ERROR_SUCCESS);
    closed[0] = vdi_server_close_device(device);
    closed[1] = vdi_server_close(server);
}

static void one_set(void)
{
    char name[NAME_SIZE];
    vdi_device *client_device;
    VDC_Command *fetched;
    struct caller agent;
    VDS_Command command = {.commandCode = VDC_Flush, .completionRoutine = close_all};
    unique_name(name);
    vdi_set *set = client_create(name, 1);
    server = server_configure(name, SIZE, 2);
    CHECK(area_bytes(getpid()) > 0); /* that of the server; the client has its own soon */
    caller_start(&agent, completion_agent, server);
    CHECK_RESULT(vdi_server_open_device(server, name, &device), NOERROR);
    CHECK_RESULT(vdi_open_device(set, name, &client_device), NOERROR);
    CHECK_RESULT(vdi_server_send_command(device, &command), NOERROR);
    CHECK_RESULT(vdi_get_command(client_device, VDI_INFINITE, &fetched), NOERROR);
    CHECK_RESULT(vdi_complete_command(client_device, fetched, ERROR_SUCCESS, 0, 0), NOERROR);
    CHECK_RESULT(vdi_get_command(client_device, VDI_INFINITE, &fetched), VD_E_CLOSE);
    CHECK_RESULT(caller_join(&agent), NOERROR);
    CHECK_RESULT(closed[0], NOERROR);
    CHECK_RESULT(closed[1], NOERROR);
    CHECK_RESULT(vdi_close(set), NOERROR);
}

/* [SSET-CLOSE-01, SSET-CLOSE-04] */
static void run(void)
{
    for (unsigned round = 0; round < ROUNDS; round++)
        one_set();
    CHECK_EQUAL(area_bytes(getpid()), 0);
}

int main(int argc, char **argv)
{
    return test_main(argc, argv, NULL, run);
}
