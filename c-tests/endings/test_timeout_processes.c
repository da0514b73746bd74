/*
 * serverTimeOut between processes and by the real clock: clients that are stopped, hang, or never
 * open their devices, and the end of the set for every process of it.
 */
#include "engine.h"
#include "roles.h"

#include <signal.h>

#define DEVICES 2u
#define INTERVAL 100u

static char name[NAME_SIZE];
static struct engine engine;
static struct journal journal = JOURNAL_INITIALIZER;

/* Sends a command that nobody will answer; the moment before that. */
static int64_t send_one(VDS_Command *command, unsigned device)
{
    journal.count = 0;
    command_prepare(command, &journal, VDC_Flush, NULL, 0);
    int64_t before = milliseconds_now();
    CHECK_RESULT(vdi_server_send_command(engine.devices[device], command), NOERROR);
    return before;
}

/* The agent ends, not before two intervals have passed, and the command with it. */
static void aborted_by_time_out(VDS_Command *command, int64_t before)
{
    uint32_t code;
    CHECK_JOURNAL(&journal, 0, command, ERROR_OPERATION_ABORTED);
    CHECK(milliseconds_now() - before >= 2 * INTERVAL);
    CHECK_RESULT(caller_join(&engine.agent), VD_E_ABORT);
    CHECK_RESULT(vdi_server_abort_reason(engine.server, &code, NULL, 0), NOERROR);
    CHECK_EQUAL(code, VDI_ABORT_TIMEOUT);
    CHECK_RESULT(vdi_server_close(engine.server), NOERROR);
}

static void create(struct peer primary)
{
    client_creates(primary, name, (VDConfig){.deviceCount = DEVICES, .serverTimeOut = INTERVAL});
}

static void client_is_told(struct peer client)
{
    CHECK_EQUAL(ASK(client, NOERROR, ABORT_REASON).reason, VDI_ABORT_TIMEOUT);
    ASK(client, NOERROR, CLOSE);
}

/* Everything but the agent, so that nobody counts how long the next steps take. */
static void open_without_agent(void)
{
    engine.server = server_configure(name, 4096, 1);
    for (unsigned index = 0; index < DEVICES; index++) {
        char device[NAME_SIZE];
        device_name(device, name, index);
        CHECK_RESULT(vdi_server_open_device(engine.server, device, &engine.devices[index]),
                     NOERROR);
    }
}

/* The primary waits, a secondary holds the command and hangs: both get their abort. [TMO-13] */
static void hanging_secondary(struct peer primary, struct peer secondary)
{
    VDS_Command command;
    create(primary);
    open_without_agent();
    client_named(secondary, OPEN_IN_SECONDARY, name, NOERROR);
    client_open_device(primary, name, 0);
    client_open_device(secondary, name, 1);
    BEGIN(primary, GET_COMMAND, .device = 0, .timeout = VDI_INFINITE);
    int64_t before = send_one(&command, 1);
    struct answer held = client_fetch(secondary, 1, VDC_Flush);
    caller_start(&engine.agent, completion_agent, engine.server);
    FINISH(primary, VD_E_ABORT);
    aborted_by_time_out(&command, before);
    ASK(secondary, VD_E_ABORT, COMPLETE, .device = 1, .slot = held.slot);
    client_is_told(primary);
    client_is_told(secondary);
}

/* Nobody opens the device; a client waits for the name of another one. [AMB-38, TMO-13] */
static void nobody_opens_the_device(struct peer primary)
{
    VDS_Command command;
    char second[NAME_SIZE];
    create(primary);
    engine_open(&engine, name, 1, 4096, 1);
    device_name(second, name, 1);
    struct order order = {.action = OPEN_DEVICE, .device = 1};
    snprintf(order.name, sizeof order.name, "%s", second);
    client_begin(primary, order);
    int64_t before = send_one(&command, 0);
    FINISH(primary, VD_E_ABORT);
    aborted_by_time_out(&command, before);
    client_is_told(primary);
}

static void wait_until_stopped(struct peer client)
{
    int status;
    CHECK(waitpid(client.pid, &status, WUNTRACED) == client.pid);
    CHECK(WIFSTOPPED(status));
}

/*
 * A stopped process is alive, so only the time-out ends the set. The process learns it when it
 * goes on. [TMO-10, CRASH-05]
 */
static void stopped_primary(struct peer primary)
{
    VDS_Command command;
    create(primary);
    engine_open(&engine, name, DEVICES, 4096, 1);
    client_open_device(primary, name, 0);
    client_open_device(primary, name, 1);
    CHECK(kill(primary.pid, SIGSTOP) == 0);
    wait_until_stopped(primary);
    int64_t before = send_one(&command, 0);
    aborted_by_time_out(&command, before);
    CHECK(kill(primary.pid, SIGCONT) == 0);
    ASK(primary, VD_E_ABORT, GET_COMMAND, .device = 0, .timeout = VDI_INFINITE);
    ASK(primary, VD_E_ABORT, GET_CONFIGURATION, .timeout = VDI_INFINITE);
    client_is_told(primary);
}

static void run(void)
{
    unique_name(name);
    struct peer primary = spawn_client(), secondary = spawn_client();
    hanging_secondary(primary, secondary);
    nobody_opens_the_device(primary);
    stopped_primary(primary);
    client_leave(primary);
    client_leave(secondary);
}

int main(int argc, char **argv)
{
    static const struct role roles[] = {CLIENT_ROLE, {NULL, NULL}};
    return test_main(argc, argv, roles, run);
}
