/*
 * OpenDevice and CloseDevice of the server: names, counts, and the result in every state.
 */
#include "engine.h"
#include "roles.h"

#define SIZE 4096
#define DEVICES 3

static char name[NAME_SIZE], names[DEVICES][NAME_SIZE];
static struct engine engine;
static struct peer client;

static void start(void)
{
    client_creates(client, name, (VDConfig){.deviceCount = DEVICES});
    engine_open(&engine, name, 0, SIZE, 1);
}

static void refused(vdi_server *server, const char *device, vdi_result wanted)
{
    vdi_server_device *opened = (vdi_server_device *)&opened;
    CHECK_RESULT(vdi_server_open_device(server, device, &opened), wanted);
    CHECK(opened == NULL);
    CHECK_CONTAINS(vdi_last_error_message(), "vdi_server_open_device");
}

static void opened(unsigned index)
{
    CHECK_RESULT(vdi_server_open_device(engine.server, names[index], &engine.devices[index]),
                 NOERROR);
    engine.count = index + 1;
}

/* Not before the end of the configuration, and not in a set that has ended. [SSET-OPENDEV-03] */
static void states(void)
{
    static const vdi_server_parameters parameters = {.size = sizeof parameters,
                                                     .features = VDF_ReadMedia,
                                                     .blockSize = BLOCK_SIZE,
                                                     .maxTransferSize = TRANSFER_SIZE};
    vdi_server *server;
    client_creates(client, name, (VDConfig){.deviceCount = 1});
    CHECK_RESULT(vdi_server_open(NULL, name, &server), NOERROR);
    refused(server, name, VD_E_PROTOCOL);
    CHECK_RESULT(vdi_server_begin_configuration(server, &parameters), NOERROR);
    refused(server, name, VD_E_PROTOCOL);
    CHECK_RESULT(vdi_server_end_configuration(server), NOERROR);
    engine_run(&engine, server, name, 1);
    refused(server, "another", VD_E_OPEN);
    refused(server, name, VD_E_OPEN);
    engine_finish(&engine);
    refused(server, name, VD_E_PROTOCOL);
    CHECK_RESULT(vdi_server_signal_abort(server, NULL), NOERROR);
    refused(server, name, VD_E_ABORT);
    CHECK_RESULT(vdi_server_close(server), NOERROR);
    ASK(client, NOERROR, CLOSE);
}

/*
 * Each call opens the next device, under its name. Wrong names change nothing.
 * [SSET-OPENDEV-01, SSET-OPENDEV-02, SSET-OPENDEV-03, SSET-OPENDEV-04, AMB-25]
 */
static void names_and_count(void)
{
    char longest[VDI_MAX_NAME + 2];
    memset(longest, 'n', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    start();
    for (unsigned i = 0; i < DEVICES; i++) {
        const char *const wrong[] = {NULL, "", "back\\slash", longest, names[0]};
        /* The name of the set is right for the first device only. */
        for (unsigned n = 0; n < (i == 0 ? 4 : 5); n++)
            refused(engine.server, wrong[n], VD_E_INVALID);
        for (unsigned n = 0; n < i; n++)
            refused(engine.server, names[n], VD_E_INVALID);
        if (i == 0)
            refused(engine.server, names[1], VD_E_INVALID);
        opened(i);
        for (unsigned n = 0; n < i; n++)
            CHECK(engine.devices[i] != engine.devices[n]);
    }
    refused(engine.server, "one-more", VD_E_OPEN);
    /* Each name leads to its own device. */
    for (unsigned i = DEVICES; i-- > 0;) {
        VDS_Command command = {.commandCode = VDC_Flush, .inPosition = 100 + i};
        struct pending pending;
        pending_prepare(&pending, &command);
        CHECK_RESULT(vdi_server_send_command(engine.devices[i], &command), NOERROR);
        client_open_device(client, name, i);
        struct answer got = client_fetch(client, i, VDC_Flush);
        CHECK_EQUAL(got.command.position, 100 + i);
        ASK(client, NOERROR, COMPLETE, .device = i, .slot = got.slot);
        pending_wait(&pending);
    }
    engine_close(&engine);
    ASK(client, NOERROR, CLOSE);
}

/*
 * A client that waits for a name is woken by the OpenDevice that brings it. [SSET-OPENDEV-02,
 * AMB-16]
 */
static void name_arrives(void)
{
    struct order order = {.action = OPEN_DEVICE, .device = 2};
    start();
    strcpy(order.name, names[2]);
    client_begin(client, order);
    opened(0);
    opened(1);
    opened(2);
    FINISH(client, NOERROR);
    /* When all names are known, another one is wrong at once. */
    client_named(client, OPEN_DEVICE, "unknown", VD_E_INVALID);
    engine_close(&engine);
    ASK(client, NOERROR, CLOSE);
}

/* The first OpenDevice makes the set Active: commands go through. [SSET-OPENDEV-05, DEV-01] */
static void active(void)
{
    VDS_Command command = {.commandCode = VDC_Flush};
    struct pending pending;
    start();
    opened(0);
    pending_prepare(&pending, &command);
    CHECK_RESULT(vdi_server_send_command(engine.devices[0], &command), NOERROR);
    client_open_device(client, name, 0);
    struct answer got = client_fetch(client, 0, VDC_Flush);
    ASK(client, NOERROR, COMPLETE, .slot = got.slot);
    pending_wait(&pending);
    CHECK_RESULT(vdi_server_end_configuration(engine.server), VD_E_PROTOCOL);
    CHECK_RESULT(vdi_server_signal_abort(engine.server, NULL), NOERROR);
    engine_close_aborted(&engine);
    ASK(client, NOERROR, CLOSE);
}

/*
 * CloseDevice ends GetCommand of its device, and of no other; with the last device the set ends.
 * [SDEV-CLOSE-01, SDEV-CLOSE-02, SDEV-CLOSE-06]
 */
static void close_device(void)
{
    start();
    for (unsigned i = 0; i < DEVICES; i++) {
        opened(i);
        client_open_device(client, name, i);
    }
    CHECK_RESULT(vdi_server_close_device(NULL), VD_E_PROTOCOL);
    CHECK_RESULT(vdi_server_close_device((vdi_server_device *)engine.server), VD_E_PROTOCOL);
    for (unsigned i = 0; i < DEVICES; i++) {
        BEGIN(client, GET_COMMAND, .device = i, .timeout = VDI_INFINITE);
        CHECK(caller_waits(&engine.agent));
        CHECK_RESULT(vdi_server_close_device(engine.devices[i]), NOERROR);
        CHECK_RESULT(vdi_server_close_device(engine.devices[i]), VD_E_CLOSE);
        FINISH(client, VD_E_CLOSE);
        if (i + 1 < DEVICES)
            ASK(client, VD_E_TIMEOUT, GET_COMMAND, .device = i + 1, .timeout = 0);
    }
    CHECK_RESULT(caller_join(&engine.agent), NOERROR);
    for (unsigned i = 0; i < DEVICES; i++)
        CHECK_RESULT(vdi_server_close_device(engine.devices[i]), VD_E_CLOSE);
    CHECK_RESULT(vdi_server_close(engine.server), NOERROR);
    ASK(client, NOERROR, CLOSE);
}

/* In Abort nothing is done, whether the device was closed or not. [SDEV-CLOSE-02, SDEV-CLOSE-03] */
static void close_device_aborted(void)
{
    VDS_Command command;
    static struct journal journal = JOURNAL_INITIALIZER;
    start();
    opened(0);
    opened(1);
    client_open_device(client, name, 1);
    CHECK_RESULT(vdi_server_close_device(engine.devices[0]), NOERROR);
    ASK(client, NOERROR, SIGNAL_ABORT);
    for (unsigned i = 0; i < 2; i++) {
        CHECK_RESULT(vdi_server_close_device(engine.devices[i]), VD_E_ABORT);
        command_prepare(&command, &journal, VDC_Flush, NULL, 0);
        CHECK_RESULT(vdi_server_send_command(engine.devices[i], &command), VD_E_ABORT);
        CHECK_JOURNAL(&journal, i, &command, ERROR_OPERATION_ABORTED);
    }
    ASK(client, VD_E_ABORT, GET_COMMAND, .device = 1, .timeout = VDI_INFINITE);
    engine_close_aborted(&engine);
    ASK(client, NOERROR, CLOSE);
}

static void run(void)
{
    unique_name(name);
    for (unsigned i = 0; i < DEVICES; i++)
        device_name(names[i], name, i);
    client = spawn_client();
    states();
    names_and_count();
    name_arrives();
    active();
    close_device();
    close_device_aborted();
    client_leave(client);
}

int main(int argc, char **argv)
{
    static const struct role roles[] = {CLIENT_ROLE, {NULL, NULL}};
    return test_main(argc, argv, roles, run);
}
