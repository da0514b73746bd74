/*
 * Secondary processes: when a set can be opened by one, what it can do, and what its end means.
 */
#include "engine.h"
#include "roles.h"

#define SIZE 4096

static struct engine engine;
static char name[NAME_SIZE];

static void not_open(struct peer client, vdi_result wanted)
{
    client_named(client, OPEN_IN_SECONDARY, name, wanted);
    ASK(client, VD_E_PROTOCOL, GET_CONFIGURATION, .timeout = 0); /* it got no handle */
}

/* Too early and too late. [CSET-SECOND-03, CSET-SECOND-04, CSET-SECOND-06] */
static void readiness(struct peer primary, struct peer secondary)
{
    not_open(secondary, VD_E_PROTOCOL); /* no such set */
    client_named(primary, CREATE, name, NOERROR);
    not_open(secondary, VD_E_PROTOCOL); /* no server yet */
    vdi_server *server;
    CHECK_RESULT(vdi_server_open(NULL, name, &server), NOERROR);
    not_open(secondary, VD_E_PROTOCOL);
    vdi_server_parameters parameters = {.size = sizeof parameters,
                                        .features = VDF_WriteMedia,
                                        .blockSize = 4096,
                                        .maxTransferSize = VDI_TRANSFER_UNIT};
    CHECK_RESULT(vdi_server_begin_configuration(server, &parameters), NOERROR);
    not_open(secondary, VD_E_PROTOCOL);
    CHECK_RESULT(vdi_server_end_configuration(server), NOERROR);
    client_named(secondary, OPEN_IN_SECONDARY, "no such set", VD_E_PROTOCOL);
    client_named(secondary, OPEN_IN_SECONDARY, name, NOERROR);
    ASK(secondary, NOERROR, CLOSE);
    client_named(secondary, OPEN_IN_SECONDARY, name, NOERROR); /* again */
    engine_run(&engine, server, name, 1);
    ASK(secondary, NOERROR, CLOSE);
    client_named(secondary, OPEN_IN_SECONDARY, name, NOERROR); /* while active */
    ASK(secondary, NOERROR, CLOSE);
    engine_finish(&engine);
    not_open(secondary, VD_E_PROTOCOL); /* ended normally */
    CHECK_RESULT(vdi_server_close(server), NOERROR);
    not_open(secondary, VD_E_PROTOCOL);
    ASK(primary, NOERROR, CLOSE);
    not_open(secondary, VD_E_PROTOCOL);

    client_named(primary, CREATE, name, NOERROR);
    server = server_configure(name, SIZE, 1);
    ASK(primary, NOERROR, SIGNAL_ABORT);
    not_open(secondary, VD_E_ABORT);
    CHECK_RESULT(vdi_server_close(server), NOERROR);
    not_open(secondary, VD_E_ABORT);
    ASK(primary, NOERROR, CLOSE);
    not_open(secondary, VD_E_PROTOCOL);
}

/* Sends a few writes to a device and has the client complete them. */
static void work(struct peer client, unsigned device, uint8_t *buffer)
{
    for (unsigned round = 0; round < 5; round++) {
        VDS_Command command = {.commandCode = VDC_Write, .buffer = buffer, .size = SIZE};
        static struct pending pending;
        pending_prepare(&pending, &command);
        pattern_fill(buffer, SIZE, (uint8_t)(device + round));
        CHECK_RESULT(vdi_server_send_command(engine.devices[device], &command), NOERROR);
        struct answer got =
            ASK(client, NOERROR, GET_COMMAND, .device = device, .timeout = VDI_INFINITE);
        ASK(client, 1, LOOK, .address = got.address, .bytes = SIZE,
            .seed = (uint8_t)(device + round));
        ASK(client, NOERROR, COMPLETE, .device = device, .slot = got.slot, .bytes = SIZE);
        pending_wait(&pending);
        CHECK_EQUAL(command.completionCode, ERROR_SUCCESS);
        CHECK_EQUAL(command.bytesTransferred, SIZE);
    }
}

/*
 * The primary opens no device; every device is worked on by a process of its own. [PROC-07,
 * PROC-04, PROC-08]
 */
static void primary_without_device(struct peer primary)
{
    enum { SECONDARIES = 3 };
    struct peer secondaries[SECONDARIES];
    client_creates(primary, name, (VDConfig){.deviceCount = SECONDARIES});
    engine_open(&engine, name, SECONDARIES, SIZE, SECONDARIES);
    ASK(primary, NOERROR, GET_CONFIGURATION, .timeout = VDI_INFINITE);
    for (unsigned i = 0; i < SECONDARIES; i++) {
        secondaries[i] = spawn_client(); /* [PROC-08]: open, device, configuration, loop, close */
        client_named(secondaries[i], OPEN_IN_SECONDARY, name, NOERROR);
        client_open_device(secondaries[i], name, i);
        VDConfig config =
            ASK(secondaries[i], NOERROR, GET_CONFIGURATION, .timeout = VDI_INFINITE).config;
        CHECK_EQUAL(config.deviceCount, SECONDARIES);
        CHECK(config.features & VDF_WriteMedia); /* [CFG-41] */
    }
    uint8_t *buffer = engine_buffer(&engine, SIZE);
    for (unsigned i = 0; i < SECONDARIES; i++)
        work(secondaries[i], i, buffer);

    /* One ends its part early; the others go on. [CSET-CLOSE-09] */
    CHECK_RESULT(vdi_server_close_device(engine.devices[0]), NOERROR);
    ASK(secondaries[0], VD_E_CLOSE, GET_COMMAND, .device = 0, .timeout = VDI_INFINITE);
    ASK(secondaries[0], NOERROR, CLOSE);
    client_leave(secondaries[0]);
    work(secondaries[1], 1, buffer);
    work(secondaries[2], 2, buffer);
    /* A process that opens the set and no device may come and go. */
    struct peer guest = spawn_client();
    client_named(guest, OPEN_IN_SECONDARY, name, NOERROR);
    ASK(guest, NOERROR, CLOSE);
    client_leave(guest);
    work(secondaries[1], 1, buffer);
    ASK(primary, NOERROR, GET_CONFIGURATION, .timeout = 0);
    for (unsigned i = 1; i < SECONDARIES; i++) {
        CHECK_RESULT(vdi_server_close_device(engine.devices[i]), NOERROR);
        ASK(secondaries[i], VD_E_CLOSE, GET_COMMAND, .device = i, .timeout = VDI_INFINITE);
        ASK(secondaries[i], NOERROR, CLOSE);
        client_leave(secondaries[i]);
    }
    CHECK_RESULT(caller_join(&engine.agent), NOERROR);
    ASK(primary, NOERROR, CLOSE);
    CHECK_RESULT(vdi_server_close(engine.server), NOERROR);
}

/* A secondary that closes with its device open aborts the set. [CSET-CLOSE-03] */
static void close_with_open_device(struct peer primary, struct peer secondary)
{
    client_creates(primary, name, (VDConfig){.deviceCount = 2});
    engine_open(&engine, name, 2, SIZE, 2);
    client_named(secondary, OPEN_IN_SECONDARY, name, NOERROR);
    client_open_device(primary, name, 0);
    client_open_device(secondary, name, 1);
    BEGIN(primary, GET_COMMAND, .device = 0, .timeout = VDI_INFINITE);
    ASK(secondary, VD_E_OPEN, CLOSE);
    ASK(secondary, VD_E_PROTOCOL, CLOSE);
    FINISH(primary, VD_E_ABORT);
    CHECK_EQUAL(ASK(primary, NOERROR, ABORT_REASON).reason, VDI_ABORT_CLIENT_CLOSED);
    engine_close_aborted(&engine);
    ASK(primary, NOERROR, CLOSE);
}

/* The process of the primary may open its own set as a secondary. [CSET-SECOND-08] */
static void in_the_primary_process(void)
{
    vdi_set *primary = client_create(name, 1), *secondary = NULL;
    CHECK_RESULT(vdi_open_in_secondary(NULL, name, &secondary), VD_E_PROTOCOL);
    CHECK(secondary == NULL);
    engine_open(&engine, name, 1, SIZE, 1);
    CHECK_RESULT(vdi_open_in_secondary(NULL, name, &secondary), NOERROR);
    CHECK(secondary != primary);
    vdi_device *device;
    CHECK_RESULT(vdi_open_device(secondary, name, &device), NOERROR);
    VDS_Command command = {.commandCode = VDC_Write,
                           .buffer = engine_buffer(&engine, SIZE),
                           .size = SIZE};
    static struct pending pending;
    pending_prepare(&pending, &command);
    pattern_fill(command.buffer, SIZE, 9);
    CHECK_RESULT(vdi_server_send_command(engine.devices[0], &command), NOERROR);
    VDC_Command *got;
    CHECK_RESULT(vdi_get_command(device, VDI_INFINITE, &got), NOERROR);
    CHECK(pattern_matches(got->buffer, SIZE, 9));
    CHECK_RESULT(vdi_complete_command(device, got, ERROR_SUCCESS, SIZE, 0), NOERROR);
    pending_wait(&pending);
    engine_finish(&engine);
    CHECK_RESULT(vdi_get_command(device, VDI_INFINITE, &got), VD_E_CLOSE);
    CHECK_RESULT(vdi_close(secondary), NOERROR);
    CHECK_RESULT(vdi_close(primary), NOERROR);
    CHECK_RESULT(vdi_server_close(engine.server), NOERROR);
}

static void run(void)
{
    unique_name(name);
    struct peer primary = spawn_client(), secondary = spawn_client();
    readiness(primary, secondary);
    primary_without_device(primary);
    close_with_open_device(primary, secondary);
    in_the_primary_process();
    client_leave(primary);
    client_leave(secondary);
}

int main(int argc, char **argv)
{
    static const struct role roles[] = {CLIENT_ROLE, {NULL, NULL}};
    return test_main(argc, argv, roles, run);
}
