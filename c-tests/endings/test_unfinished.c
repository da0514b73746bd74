/*
 * Devices that the server has closed while commands were not completed, and operations that are
 * over before their agent comes.
 */
#include "engine.h"

#include <sched.h>
#include <signal.h>

#define SIZE 4096

static char name[NAME_SIZE];
static struct engine engine;
static struct journal journal = JOURNAL_INITIALIZER;
static VDS_Command command;

static vdi_set *start(unsigned devices)
{
    journal.count = 0;
    unique_name(name);
    vdi_set *set = client_create(name, devices);
    engine_open(&engine, name, devices, SIZE, 1);
    return set;
}

static void send_flush(unsigned device)
{
    command_prepare(&command, &journal, VDC_Flush, NULL, 0);
    CHECK_RESULT(vdi_server_send_command(engine.devices[device], &command), NOERROR);
}

static uint32_t reason(void)
{
    uint32_t code;
    CHECK_RESULT(vdi_server_abort_reason(engine.server, &code, NULL, 0), NOERROR);
    return code;
}

/*
 * A command that was fetched or is still queued keeps its device open for vdi_close(). [AMB-04,
 * CSET-CLOSE-03]
 */
static void close_with_a_command(int fetch)
{
    vdi_set *set = start(1);
    vdi_device *device;
    VDC_Command *fetched;
    CHECK_RESULT(vdi_open_device(set, name, &device), NOERROR);
    send_flush(0);
    if (fetch)
        CHECK_RESULT(vdi_get_command(device, VDI_INFINITE, &fetched), NOERROR);
    CHECK_RESULT(vdi_server_close_device(engine.devices[0]), NOERROR);
    CHECK_RESULT(vdi_close(set), VD_E_OPEN);
    CHECK_JOURNAL(&journal, 0, &command, ERROR_OPERATION_ABORTED);
    CHECK_EQUAL(reason(), VDI_ABORT_CLIENT_CLOSED);
    engine_close_aborted(&engine);
}

/* Fetches the command of the second device, then closes the set or waits to be killed. */
static int secondary_role(int argc, char **argv)
{
    CHECK_EQUAL(argc, 2);
    char second[NAME_SIZE];
    vdi_set *set;
    vdi_device *device;
    VDC_Command *fetched;
    device_name(second, argv[1], 1);
    CHECK_RESULT(vdi_open_in_secondary(NULL, argv[1], &set), NOERROR);
    CHECK_RESULT(vdi_open_device(set, second, &device), NOERROR);
    CHECK_RESULT(vdi_get_command(device, VDI_INFINITE, &fetched), NOERROR);
    tell(parent(), 0);
    hear(parent());
    CHECK_RESULT(vdi_close(set), VD_E_OPEN);
    return 0;
}

static struct peer start_secondary(void)
{
    send_flush(1);
    struct peer secondary = spawn_role("secondary", name, (char *)NULL);
    hear(secondary);
    CHECK_RESULT(vdi_server_close_device(engine.devices[1]), NOERROR);
    return secondary;
}

/* [AMB-04] */
static void secondary_closes(void)
{
    vdi_set *set = start(2);
    struct peer secondary = start_secondary();
    tell(secondary, 0);
    CHECK_EQUAL(wait_exit(secondary), 0);
    CHECK_JOURNAL(&journal, 0, &command, ERROR_OPERATION_ABORTED);
    CHECK_EQUAL(reason(), VDI_ABORT_CLIENT_CLOSED);
    engine_close_aborted(&engine);
    CHECK_RESULT(vdi_close(set), NOERROR);
}

/* [CRASH-03, AMB-46] */
static void secondary_dies(void)
{
    uint32_t lost = 0;
    vdi_set *set = start(2);
    struct peer secondary = start_secondary();
    kill_and_wait(secondary);
    while (lost == 0) {
        CHECK_RESULT(vdi_lost_secondaries(set, &lost), NOERROR);
        sched_yield();
    }
    CHECK_EQUAL(journal_count(&journal), 0);
    CHECK_RESULT(vdi_signal_abort(set, "lost"), NOERROR);
    CHECK_JOURNAL(&journal, 0, &command, ERROR_OPERATION_ABORTED);
    engine_close_aborted(&engine);
    CHECK_RESULT(vdi_close(set), NOERROR);
}

/* Without an agent, vdi_server_close() hands out what the client has completed. */
static void close_without_agent(void)
{
    vdi_device *device;
    vdi_server_device *server_device;
    VDC_Command *fetched;
    uint32_t code;
    journal.count = 0;
    unique_name(name);
    vdi_set *set = client_create(name, 1);
    vdi_server *server = server_configure(name, SIZE, 1);
    CHECK_RESULT(vdi_server_open_device(server, name, &server_device), NOERROR);
    command_prepare(&command, &journal, VDC_Flush, NULL, 0);
    CHECK_RESULT(vdi_server_send_command(server_device, &command), NOERROR);
    CHECK_RESULT(vdi_open_device(set, name, &device), NOERROR);
    CHECK_RESULT(vdi_get_command(device, VDI_INFINITE, &fetched), NOERROR);
    CHECK_RESULT(vdi_complete_command(device, fetched, ERROR_SUCCESS, 0, 0), NOERROR);
    CHECK_RESULT(vdi_server_close_device(server_device), NOERROR);
    CHECK_EQUAL(journal_count(&journal), 0);
    CHECK_RESULT(vdi_server_close(server), NOERROR);
    CHECK_JOURNAL(&journal, 0, &command, ERROR_SUCCESS);
    CHECK_RESULT(vdi_get_command(device, VDI_INFINITE, &fetched), VD_E_CLOSE);
    CHECK_RESULT(vdi_abort_reason(set, &code, NULL, 0), NOERROR);
    CHECK_EQUAL(code, VDI_ABORT_NONE);
    CHECK_RESULT(vdi_close(set), NOERROR);
}

/*
 * An agent that comes after the end of an operation without commands is not at fault, once.
 * [AMB-08]
 */
static void late_agent(void)
{
    vdi_server_device *server_device;
    unique_name(name);
    vdi_set *set = client_create(name, 1);
    vdi_server *server = server_configure(name, SIZE, 1);
    CHECK_RESULT(vdi_server_open_device(server, name, &server_device), NOERROR);
    CHECK_RESULT(vdi_server_close_device(server_device), NOERROR);
    CHECK_RESULT(vdi_server_execute_completion_agent(server), NOERROR);
    CHECK_RESULT(vdi_server_execute_completion_agent(server), VD_E_PROTOCOL);
    CHECK_RESULT(vdi_server_close(server), NOERROR);
    CHECK_RESULT(vdi_close(set), NOERROR);
}

static void run(void)
{
    close_with_a_command(1);
    close_with_a_command(0);
    secondary_closes();
    secondary_dies();
    close_without_agent();
    late_agent();
}

int main(int argc, char **argv)
{
    static const struct role roles[] = {{"secondary", secondary_role}, {NULL, NULL}};
    return test_main(argc, argv, roles, run);
}
