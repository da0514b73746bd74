/*
 * kill -9 in the middle of a transfer at full speed, of each process in turn: the others get their
 * abort and every command its one completion.
 */
#include "engine.h"
#include "roles.h"

#include <stdatomic.h>

#define SIZE 65536
#define IN_FLIGHT 16
#define ROUNDS 4

enum { SIGNAL = 0, REPORT = 1 };

static vdi_set *set;
static atomic_uint completed;
static atomic_uint report_at;

/* Obeys the test beside the transfer. */
static void *obey(void *nothing)
{
    for (;;) {
        if (hear(parent()) == SIGNAL)
            CHECK_RESULT(vdi_signal_abort(set, "told to"), NOERROR);
        else
            report_at = completed + 100;
    }
    return nothing;
}

/* A client that completes commands of its device as fast as they come, until the set is aborted. */
static int worker_role(int argc, char **argv)
{
    CHECK_EQUAL(argc, 3);
    unsigned index = argv[2][0] == 'p' ? 0 : 1;
    char device_named[NAME_SIZE];
    device_name(device_named, argv[1], index);
    if (index == 0) {
        set = client_create(argv[1], 2);
        tell(parent(), 0);
        VDConfig config;
        CHECK_RESULT(vdi_get_configuration(set, VDI_INFINITE, &config), NOERROR);
    } else {
        CHECK_RESULT(vdi_open_in_secondary(NULL, argv[1], &set), NOERROR);
    }
    vdi_device *device;
    CHECK_RESULT(vdi_open_device(set, device_named, &device), NOERROR);
    pthread_t listener;
    CHECK(pthread_create(&listener, NULL, obey, NULL) == 0);

    vdi_result result;
    VDC_Command *command;
    while ((result = vdi_get_command(device, VDI_INFINITE, &command)) == NOERROR) {
        int64_t first, last;
        memcpy(&first, command->buffer, sizeof first);
        memcpy(&last, command->buffer + SIZE - sizeof last, sizeof last);
        CHECK_EQUAL(first, command->position);
        CHECK_EQUAL(last, command->position);
        memset(command->buffer, 0x3c, SIZE);
        int64_t position = command->position;
        vdi_result done = vdi_complete_command(device, command, ERROR_SUCCESS, SIZE, position);
        if (done != NOERROR)
            CHECK_RESULT(done, VD_E_ABORT);
        if (++completed >= report_at && report_at != 0) {
            report_at = 0;
            tell(parent(), completed);
        }
    }
    CHECK_RESULT(result, VD_E_ABORT);
    uint32_t code;
    CHECK_RESULT(vdi_abort_reason(set, &code, NULL, 0), NOERROR);
    tell(parent(), -(int64_t)code);
    CHECK_RESULT(vdi_close(set), NOERROR);
    return 0;
}

static struct {
    VDS_Command command;
    vdi_server_device *device;
    atomic_int outstanding;
} flights[2 * IN_FLIGHT];

static void launch(unsigned index)
{
    VDS_Command *command = &flights[index].command;
    command->inPosition++;
    memcpy(command->buffer, &command->inPosition, sizeof command->inPosition);
    memcpy(command->buffer + SIZE - sizeof command->inPosition, &command->inPosition,
           sizeof command->inPosition);
    CHECK_EQUAL(atomic_exchange(&flights[index].outstanding, 1), 0);
    vdi_result sent = vdi_server_send_command(flights[index].device, command);
    if (sent != NOERROR)
        CHECK_RESULT(sent, VD_E_ABORT);
}

/* [SSET-AGENT-09, AMB-50] */
static void landed(VDS_Command *command)
{
    unsigned index = (unsigned)(uintptr_t)command->completionContext;
    CHECK_EQUAL(atomic_exchange(&flights[index].outstanding, 0), 1); /* exactly one call */
    if (command->completionCode == ERROR_SUCCESS) {
        CHECK_EQUAL(command->outPosition, command->inPosition);
        CHECK_EQUAL(command->bytesTransferred, SIZE);
        launch(index);
    } else {
        CHECK_EQUAL(command->completionCode, ERROR_OPERATION_ABORTED);
        CHECK_EQUAL(command->bytesTransferred, 0);
    }
}

/* A server that keeps both devices busy until the set is aborted. */
static int server_role(int argc, char **argv)
{
    static struct engine engine;
    CHECK_EQUAL(argc, 2);
    engine_open(&engine, argv[1], 2, SIZE, 2 * IN_FLIGHT);
    tell(parent(), 0);
    for (unsigned i = 0; i < 2 * IN_FLIGHT; i++) {
        flights[i].device = engine.devices[i % 2];
        flights[i].command = (VDS_Command){.commandCode = VDC_Write,
                                           .size = SIZE,
                                           .buffer = engine_buffer(&engine, SIZE),
                                           .completionRoutine = landed,
                                           .completionContext = (void *)(uintptr_t)i};
        launch(i);
    }
    CHECK_RESULT(caller_join(&engine.agent), VD_E_ABORT);
    for (unsigned i = 0; i < 2 * IN_FLIGHT; i++)
        CHECK_EQUAL(flights[i].outstanding, 0);
    uint32_t code;
    CHECK_RESULT(vdi_server_abort_reason(engine.server, &code, NULL, 0), NOERROR);
    tell(parent(), -(int64_t)code);
    CHECK_RESULT(vdi_server_close(engine.server), NOERROR);
    return 0;
}

struct parties {
    struct peer server, primary, secondary;
};

static void progress(struct peer worker)
{
    tell(worker, REPORT);
    CHECK(hear(worker) > 0);
}

static struct parties in_full_flight(const char *name)
{
    struct parties all;
    all.primary = spawn_role("worker", name, "primary", (char *)NULL);
    hear(all.primary);
    all.server = spawn_role("server", name, (char *)NULL);
    hear(all.server);
    all.secondary = spawn_role("worker", name, "secondary", (char *)NULL);
    progress(all.primary);
    progress(all.secondary);
    return all;
}

/* A survivor has been told the reason, has closed, and ends well. */
static void survives(struct peer peer, uint32_t reason)
{
    CHECK_EQUAL(hear(peer), -(int64_t)reason);
    CHECK_EQUAL(wait_exit(peer), 0);
}

/* [CRASH-01, CRASH-02, CRASH-06] */
static void run(void)
{
    char name[NAME_SIZE];
    unique_name(name);
    for (int round = 0; round < ROUNDS; round++) {
        struct parties all = in_full_flight(name);
        kill_and_wait(all.server);
        survives(all.primary, VDI_ABORT_SERVER_DIED);
        survives(all.secondary, VDI_ABORT_SERVER_DIED);

        all = in_full_flight(name); /* the same name, at once */
        kill_and_wait(all.primary);
        survives(all.server, VDI_ABORT_PRIMARY_DIED);
        survives(all.secondary, VDI_ABORT_PRIMARY_DIED);

        all = in_full_flight(name);
        kill_and_wait(all.secondary);
        progress(all.primary); /* [CRASH-03] */
        progress(all.primary);
        tell(all.primary, SIGNAL);
        survives(all.primary, VDI_ABORT_CLIENT);
        survives(all.server, VDI_ABORT_CLIENT);
    }
    vdi_set *last = client_create(name, 1);
    CHECK_RESULT(vdi_close(last), NOERROR);
}

int main(int argc, char **argv)
{
    static const struct role roles[] = {
        {"worker", worker_role}, {"server", server_role}, {NULL, NULL}};
    return test_main(argc, argv, roles, run);
}
