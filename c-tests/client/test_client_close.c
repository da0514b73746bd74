/*
 * Close of a client, page by page: the result, what is released, and what the others notice.
 */
#include "engine.h"
#include "resources.h"
#include "roles.h"

#include <sys/mman.h>

#define SIZE 65536

static char name[NAME_SIZE];
static struct engine engine;
static struct journal journal = JOURNAL_INITIALIZER;

static int is_mapped(void *address)
{
    uintptr_t page = (uintptr_t)address & ~(uintptr_t)4095;
    return msync((void *)page, 1, MS_ASYNC) == 0;
}

/* argv: the set. A server that sends one Write and ends the operation when told to. */
static int server_role(int argc, char **argv)
{
    CHECK_EQUAL(argc, 2);
    VDS_Command command;
    engine_open(&engine, argv[1], 1, SIZE, 1);
    command_prepare(&command, &journal, VDC_Write, engine_buffer(&engine, SIZE), SIZE);
    CHECK_RESULT(vdi_server_send_command(engine.devices[0], &command), NOERROR);
    tell(parent(), 0);
    if (hear(parent())) {
        CHECK_JOURNAL(&journal, 0, &command, ERROR_SUCCESS);
        engine_close(&engine);
    } else {
        engine_close_aborted(&engine);
    }
    return 0;
}

/*
 * One life of a set with the server in another process; returns the result of Close. Afterwards
 * nothing of the set is left in this process, and nothing works with what it gave.
 * [CSET-CLOSE-01, CSET-CLOSE-04]
 */
static vdi_result life(int complete)
{
    vdi_set *set = client_create(name, 1);
    struct peer server = spawn_role("server", name, (char *)NULL);
    vdi_device *device;
    VDC_Command *got;
    VDConfig config;
    uint32_t handle;
    hear(server);
    CHECK_RESULT(vdi_open_device(set, name, &device), NOERROR);
    CHECK_RESULT(vdi_get_command(device, VDI_INFINITE, &got), NOERROR);
    uint8_t *buffer = got->buffer;
    CHECK(is_mapped(buffer));
    if (complete) {
        CHECK_RESULT(vdi_complete_command(device, got, ERROR_SUCCESS, SIZE, 0), NOERROR);
        tell(server, 1);
        CHECK_RESULT(vdi_get_command(device, VDI_INFINITE, &got), VD_E_CLOSE);
    }
    vdi_result result = vdi_close(set);
    CHECK(!is_mapped(buffer));
    CHECK_RESULT(vdi_close(set), VD_E_PROTOCOL);
    CHECK_RESULT(vdi_get_command(device, VDI_INFINITE, &got), VD_E_PROTOCOL);
    CHECK_RESULT(vdi_get_configuration(set, VDI_INFINITE, &config), VD_E_PROTOCOL);
    CHECK_RESULT(vdi_get_buffer_handle(set, buffer, &handle), VD_E_PROTOCOL);
    if (!complete)
        tell(server, 0);
    CHECK_EQUAL(wait_exit(server), 0);
    return result;
}

/* [CSET-CLOSE-01, CSET-CLOSE-02, CSET-CLOSE-03, CSET-CLOSE-07] */
static void releases_everything(void)
{
    CHECK_RESULT(life(1), NOERROR); /* leaves what the library keeps: two descriptors */
    unsigned before = descriptors();
    for (int i = 0; i < 6; i++) {
        /* The same name, again and again; also after a Close that was too early. */
        CHECK_RESULT(life(i % 2), i % 2 ? NOERROR : VD_E_OPEN);
        CHECK_EQUAL(descriptors(), before);
    }
    CHECK_RESULT(vdi_close(NULL), VD_E_PROTOCOL);
}

static void server_is(uint32_t reason)
{
    uint32_t code;
    CHECK_RESULT(vdi_server_abort_reason(engine.server, &code, NULL, 0), NOERROR);
    CHECK_EQUAL(code, reason);
}

/* Before VD_E_CLOSE it is too early; in Abort there is nothing to wait for. [CSET-CLOSE-05] */
static void when_to_close(void)
{
    for (int aborted = 0; aborted < 2; aborted++) {
        vdi_set *set = client_create(name, 1);
        vdi_device *device;
        VDC_Command *command;
        engine_open(&engine, name, 1, SIZE, 1);
        CHECK_RESULT(vdi_open_device(set, name, &device), NOERROR);
        if (aborted) {
            CHECK_RESULT(vdi_server_signal_abort(engine.server, NULL), NOERROR);
            CHECK_RESULT(vdi_get_command(device, VDI_INFINITE, &command), VD_E_ABORT);
        }
        CHECK_RESULT(vdi_close(set), aborted ? NOERROR : VD_E_OPEN);
        server_is(aborted ? VDI_ABORT_SERVER : VDI_ABORT_CLIENT_CLOSED);
        engine_close_aborted(&engine);
    }
}

/*
 * The client is done when all is closed, though no agent has run yet; the server still gets its
 * completions. [CSET-CLOSE-06]
 */
static void before_the_agent(void)
{
    vdi_set *set = client_create(name, 1);
    vdi_device *device;
    VDC_Command *got;
    VDS_Command command;
    journal.count = 0;
    engine.server = server_configure(name, SIZE, 1);
    engine.count = 0;
    CHECK_RESULT(vdi_server_open_device(engine.server, name, &engine.devices[0]), NOERROR);
    CHECK_RESULT(vdi_open_device(set, name, &device), NOERROR);
    command_prepare(&command, &journal, VDC_Read, engine_buffer(&engine, SIZE), SIZE);
    CHECK_RESULT(vdi_server_send_command(engine.devices[0], &command), NOERROR);
    CHECK_RESULT(vdi_get_command(device, VDI_INFINITE, &got), NOERROR);
    CHECK_RESULT(vdi_complete_command(device, got, ERROR_SUCCESS, SIZE, 0), NOERROR);
    CHECK_RESULT(vdi_server_close_device(engine.devices[0]), NOERROR);
    CHECK_RESULT(vdi_get_command(device, VDI_INFINITE, &got), VD_E_CLOSE);
    CHECK_RESULT(vdi_close(set), NOERROR);
    CHECK_EQUAL(journal_count(&journal), 0);
    caller_start(&engine.agent, completion_agent, engine.server);
    CHECK_RESULT(caller_join(&engine.agent), NOERROR);
    CHECK_JOURNAL(&journal, 0, &command, ERROR_SUCCESS);
    server_is(VDI_ABORT_NONE);
    CHECK_RESULT(vdi_server_close(engine.server), NOERROR);
}

/* Without an open device Close succeeds; a server that is attached is aborted. [CSET-CLOSE-08] */
static void without_devices(void)
{
    VDConfig config;
    CHECK_RESULT(vdi_close(client_create(name, 1)), NOERROR);

    vdi_set *set = client_create(name, 1);
    CHECK_RESULT(vdi_server_open(NULL, name, &engine.server), NOERROR);
    CHECK_RESULT(vdi_close(set), NOERROR);
    CHECK_RESULT(vdi_server_get_configuration(engine.server, &config), VD_E_ABORT);
    server_is(VDI_ABORT_CLIENT_CLOSED);
    CHECK_RESULT(vdi_server_close(engine.server), NOERROR);

    set = client_create(name, 1);
    engine_open(&engine, name, 1, SIZE, 1); /* the server's device is not the client's */
    CHECK_RESULT(vdi_close(set), NOERROR);
    server_is(VDI_ABORT_CLIENT_CLOSED);
    engine_close_aborted(&engine);
}

/* A secondary that is done leaves without disturbing anybody. [CSET-CLOSE-09] */
static void secondary_leaves(struct peer primary, struct peer secondary)
{
    VDS_Command flush = {.commandCode = VDC_Flush};
    struct pending pending;
    client_creates(primary, name, (VDConfig){.deviceCount = 2});
    engine_open(&engine, name, 2, SIZE, 1);
    client_named(secondary, OPEN_IN_SECONDARY, name, NOERROR);
    client_open_device(primary, name, 0);
    client_open_device(secondary, name, 1);
    BEGIN(primary, GET_COMMAND, .timeout = VDI_INFINITE);
    CHECK_RESULT(vdi_server_close_device(engine.devices[1]), NOERROR);
    ASK(secondary, VD_E_CLOSE, GET_COMMAND, .device = 1, .timeout = VDI_INFINITE);
    ASK(secondary, NOERROR, CLOSE);
    server_is(VDI_ABORT_NONE);
    pending_prepare(&pending, &flush);
    CHECK_RESULT(vdi_server_send_command(engine.devices[0], &flush), NOERROR);
    struct answer got = FINISH(primary, NOERROR);
    ASK(primary, NOERROR, COMPLETE, .slot = got.slot);
    pending_wait(&pending);
    CHECK_EQUAL(flush.completionCode, ERROR_SUCCESS);
    CHECK_RESULT(vdi_server_close_device(engine.devices[0]), NOERROR);
    CHECK_RESULT(caller_join(&engine.agent), NOERROR);
    ASK(primary, NOERROR, CLOSE);
    CHECK_RESULT(vdi_server_close(engine.server), NOERROR);
}

/*
 * The primary answers for all devices of its set: while that of a secondary is open, it is too
 * early. [CSET-CLOSE-03, AMB-04]
 */
static void device_of_a_secondary(void)
{
    vdi_set *primary = client_create(name, 1), *secondary;
    vdi_device *device;
    engine_open(&engine, name, 1, SIZE, 1);
    CHECK_RESULT(vdi_open_in_secondary(NULL, name, &secondary), NOERROR);
    CHECK_RESULT(vdi_open_device(secondary, name, &device), NOERROR);
    CHECK_RESULT(vdi_close(primary), VD_E_OPEN);
    engine_close_aborted(&engine);
    CHECK_RESULT(vdi_close(secondary), NOERROR);
}

/*
 * After the normal end the primary may go first; that is no abort for a secondary that has not even
 * fetched its VD_E_CLOSE. [CSET-CLOSE-06, NT-04]
 */
static void primary_goes_first(void)
{
    for (int round = 0; round < 30; round++) {
        vdi_set *primary = client_create(name, 1), *secondary;
        vdi_device *device;
        VDC_Command *command;
        VDConfig config;
        engine_open(&engine, name, 1, SIZE, 1);
        CHECK_RESULT(vdi_open_in_secondary(NULL, name, &secondary), NOERROR);
        CHECK_RESULT(vdi_open_device(secondary, name, &device), NOERROR);
        engine_close(&engine);
        CHECK_RESULT(vdi_close(primary), NOERROR);
        CHECK_RESULT(vdi_get_configuration(secondary, 0, &config), NOERROR);
        CHECK_RESULT(vdi_get_command(device, 0, &command), VD_E_CLOSE);
        sched_yield(); /* the library hears of the primary meanwhile */
        CHECK_RESULT(vdi_get_configuration(secondary, 0, &config), NOERROR);
        CHECK_RESULT(vdi_get_command(device, 0, &command), VD_E_PROTOCOL);
        CHECK_RESULT(vdi_close(secondary), NOERROR);
    }
}

static void run(void)
{
    unique_name(name);
    struct peer primary = spawn_client(), secondary = spawn_client();
    releases_everything();
    when_to_close();
    before_the_agent();
    without_devices();
    secondary_leaves(primary, secondary);
    device_of_a_secondary();
    primary_goes_first();
    client_leave(primary);
    client_leave(secondary);
}

int main(int argc, char **argv)
{
    static const struct role roles[] = {CLIENT_ROLE, {"server", server_role}, {NULL, NULL}};
    return test_main(argc, argv, roles, run);
}
