/*
 * OpenInSecondary: when a set can be opened, by which name, and each of its refusals.
 */
#include "engine.h"
#include "roles.h"

#define SIZE 4096

static char name[NAME_SIZE];
static struct engine engine;

static void refused(const char *set_name, vdi_result wanted)
{
    vdi_set *set = (vdi_set *)0x10;
    CHECK_RESULT(vdi_open_in_secondary(NULL, set_name, &set), wanted);
    CHECK(set == NULL);
    CHECK_CONTAINS(vdi_last_error_message(), "vdi_open_in_secondary");
}

static vdi_set *opened(void)
{
    vdi_set *set = NULL;
    CHECK_RESULT(vdi_open_in_secondary(NULL, name, &set), NOERROR);
    CHECK(set != NULL);
    return set;
}

/*
 * Not before the configuration has ended, and it does not wait for that; not after the end; the
 * abort has its own answer. [CSET-SECOND-01, CSET-SECOND-02, CSET-SECOND-03, CSET-SECOND-04]
 * [CSET-SECOND-06]
 */
static void readiness(void)
{
    vdi_server_parameters parameters = {.size = sizeof parameters,
                                        .features = VDF_ReadMedia,
                                        .blockSize = BLOCK_SIZE,
                                        .maxTransferSize = VDI_TRANSFER_UNIT};
    refused(name, VD_E_PROTOCOL);
    vdi_set *primary = client_create(name, 1);
    refused(name, VD_E_PROTOCOL);
    CHECK_RESULT(vdi_server_open(NULL, name, &engine.server), NOERROR);
    refused(name, VD_E_PROTOCOL);
    CHECK_RESULT(vdi_server_begin_configuration(engine.server, &parameters), NOERROR);
    refused(name, VD_E_PROTOCOL);
    CHECK_RESULT(vdi_server_end_configuration(engine.server), NOERROR);
    CHECK_RESULT(vdi_close(opened()), NOERROR);
    engine_run(&engine, engine.server, name, 1);
    CHECK_RESULT(vdi_close(opened()), NOERROR);
    engine_finish(&engine);
    refused(name, VD_E_PROTOCOL);
    CHECK_RESULT(vdi_server_close(engine.server), NOERROR);
    CHECK_RESULT(vdi_close(primary), NOERROR);
    refused(name, VD_E_PROTOCOL);

    for (int configured = 0; configured < 2; configured++) {
        primary = client_create(name, 1);
        if (configured)
            engine.server = server_configure(name, SIZE, 1);
        CHECK_RESULT(vdi_signal_abort(primary, NULL), NOERROR);
        refused(name, VD_E_ABORT);
        if (configured)
            CHECK_RESULT(vdi_server_close(engine.server), NOERROR);
        CHECK_RESULT(vdi_close(primary), NOERROR);
    }
}

/* The name counts byte by byte, and so does its case. [CSET-SECOND-05] */
static void names(void)
{
    static char longest[VDI_MAX_NAME + 2];
    memset(longest, 'n', VDI_MAX_NAME + 1);
    strcpy(name, "Set");
    vdi_set *primary = client_create(name, 1);
    engine.server = server_configure(name, SIZE, 1);
    refused("set", VD_E_PROTOCOL);
    refused("SET", VD_E_PROTOCOL);
    refused("Se", VD_E_PROTOCOL);
    refused("Set ", VD_E_PROTOCOL);
    refused("", VD_E_INVALID);
    refused(NULL, VD_E_INVALID);
    refused("a\\b", VD_E_INVALID);
    refused(longest, VD_E_INVALID);
    vdi_set *set = (vdi_set *)0x10;
    CHECK_RESULT(vdi_open_in_secondary("other", name, &set), VD_E_PROTOCOL);
    CHECK_RESULT(vdi_open_in_secondary("a\\b", name, &set), VD_E_INSTANCE_NAME);
    CHECK(set == NULL);
    CHECK_RESULT(vdi_open_in_secondary(NULL, name, NULL), VD_E_INVALID);
    CHECK_RESULT(vdi_close(opened()), NOERROR);
    CHECK_RESULT(vdi_server_close(engine.server), NOERROR);
    CHECK_RESULT(vdi_close(primary), NOERROR);
    unique_name(name);
}

/* A secondary knows the configuration without having been told. [CSET-SECOND-07, CSET-GETCFG-05] */
static void configuration(vdi_set *primary, struct peer secondary)
{
    static const uint32_t timeouts[] = {0, 1000, VDI_INFINITE};
    VDConfig mine;
    CHECK_RESULT(vdi_get_configuration(primary, VDI_INFINITE, &mine), NOERROR);
    CHECK_EQUAL(mine.deviceCount, 3);
    CHECK_EQUAL(mine.EOMWarningSize, 77);
    CHECK_EQUAL(mine.maxTransferSize, TRANSFER_SIZE);
    for (unsigned i = 0; i < sizeof timeouts / sizeof *timeouts; i++) {
        struct answer theirs =
            ASK(secondary, NOERROR, GET_CONFIGURATION, .timeout = timeouts[i]);
        CHECK(memcmp(&mine, &theirs.config, sizeof mine) == 0);
    }
}

/*
 * Several at a time, one of them in the process of the primary; each works on a device of its own.
 * [CSET-SECOND-08, CSET-OPENDEV-09, CSET-OPENDEV-10]
 */
static void several(struct peer one, struct peer two)
{
    VDConfig config = {.deviceCount = 3, .EOMWarningSize = 77};
    vdi_set *primary;
    vdi_device *device;
    VDC_Command *got;
    struct pending pending[3];
    VDS_Command commands[3] = {{.commandCode = VDC_Flush, .inPosition = 100},
                               {.commandCode = VDC_Flush, .inPosition = 101},
                               {.commandCode = VDC_Flush, .inPosition = 102}};
    CHECK_RESULT(vdi_create(NULL, name, &config, NULL, &primary), NOERROR);
    engine_open(&engine, name, 3, SIZE, 1);
    vdi_set *own = opened();
    CHECK(own != primary);
    client_named(one, OPEN_IN_SECONDARY, name, NOERROR);
    client_named(two, OPEN_IN_SECONDARY, name, NOERROR);
    CHECK_RESULT(vdi_open_device(own, name, &device), NOERROR);
    client_named(one, OPEN_DEVICE, name, VD_E_PROTOCOL); /* one process has it */
    vdi_device *second = (vdi_device *)0x10;
    CHECK_RESULT(vdi_open_device(primary, name, &second), VD_E_PROTOCOL); /* one handle has it */
    CHECK(second == NULL);
    client_open_device(one, name, 1);
    client_open_device(two, name, 2);
    CHECK_RESULT(vdi_open_device(primary, name, &second), VD_E_OPEN);
    client_named(one, OPEN_DEVICE, name, VD_E_OPEN);
    configuration(primary, one);
    configuration(primary, two);
    for (unsigned i = 0; i < 3; i++) {
        pending_prepare(&pending[i], &commands[i]);
        CHECK_RESULT(vdi_server_send_command(engine.devices[i], &commands[i]), NOERROR);
    }
    struct answer of_one = ASK(one, NOERROR, GET_COMMAND, .device = 1, .timeout = VDI_INFINITE);
    struct answer of_two = ASK(two, NOERROR, GET_COMMAND, .device = 2, .timeout = VDI_INFINITE);
    CHECK_RESULT(vdi_get_command(device, VDI_INFINITE, &got), NOERROR);
    CHECK_EQUAL(got->position, 100);
    CHECK_EQUAL(of_one.command.position, 101);
    CHECK_EQUAL(of_two.command.position, 102);
    CHECK_RESULT(vdi_complete_command(device, got, ERROR_SUCCESS, 0, 0), NOERROR);
    ASK(one, NOERROR, COMPLETE, .device = 1, .slot = of_one.slot);
    ASK(two, NOERROR, COMPLETE, .device = 2, .slot = of_two.slot);
    for (unsigned i = 0; i < 3; i++)
        pending_wait(&pending[i]);
    engine_close(&engine);
    ASK(one, NOERROR, CLOSE);
    ASK(two, NOERROR, CLOSE);
    CHECK_RESULT(vdi_close(own), NOERROR);
    CHECK_RESULT(vdi_close(primary), NOERROR);
}

/*
 * A device that a client process has had is not to be had again, though that process has closed the
 * set, or has died. [CSET-OPENDEV-05, CSET-OPENDEV-09]
 */
static void devices_of_the_departed(struct peer secondary)
{
    vdi_device *device;
    struct peer victim = spawn_client();
    vdi_set *primary = client_create(name, 3);
    engine_open(&engine, name, 3, SIZE, 1);
    client_named(secondary, OPEN_IN_SECONDARY, name, NOERROR);
    client_named(victim, OPEN_IN_SECONDARY, name, NOERROR);
    client_open_device(secondary, name, 0);
    client_open_device(victim, name, 1);
    CHECK_RESULT(vdi_server_close_device(engine.devices[0]), NOERROR);
    ASK(secondary, VD_E_CLOSE, GET_COMMAND, .timeout = VDI_INFINITE);
    ASK(secondary, NOERROR, CLOSE);
    kill_and_wait(victim);
    for (unsigned i = 0; i < 3; i++) {
        char device_of[NAME_SIZE];
        device_name(device_of, name, i);
        CHECK_RESULT(vdi_open_device(primary, device_of, &device), i < 2 ? VD_E_PROTOCOL : NOERROR);
    }
    CHECK_RESULT(vdi_open_device(primary, name, &device), VD_E_OPEN);
    CHECK_RESULT(vdi_signal_abort(primary, NULL), NOERROR);
    engine_close_aborted(&engine);
    CHECK_RESULT(vdi_close(primary), NOERROR);
}

/* The end of a secondary is told on request, and is no abort. [AMB-46] */
static void lost(void)
{
    uint32_t count = 77, code;
    struct peer secondary = spawn_client();
    vdi_set *primary = client_create(name, 1);
    vdi_server *server = server_configure(name, SIZE, 1);
    client_named(secondary, OPEN_IN_SECONDARY, name, NOERROR);
    client_open_device(secondary, name, 0);
    CHECK_RESULT(vdi_lost_secondaries(primary, &count), NOERROR);
    CHECK_EQUAL(count, 0);
    kill_and_wait(secondary);
    while (count == 0) {
        sched_yield();
        CHECK_RESULT(vdi_lost_secondaries(primary, &count), NOERROR);
    }
    CHECK_EQUAL(count, 1);
    CHECK_RESULT(vdi_abort_reason(primary, &code, NULL, 0), NOERROR);
    CHECK_EQUAL(code, VDI_ABORT_NONE);
    CHECK_RESULT(vdi_signal_abort(primary, NULL), NOERROR);
    CHECK_RESULT(vdi_server_close(server), NOERROR);
    CHECK_RESULT(vdi_close(primary), NOERROR);
}

/* A set whose creator has died is none, and its name can be used again. [AMB-44] */
static void stale_name(void)
{
    for (int create = 0; create < 2; create++) {
        struct peer primary = spawn_client();
        client_named(primary, CREATE, name, NOERROR);
        kill_and_wait(primary);
        if (!create) {
            vdi_server *server = (vdi_server *)0x10;
            refused(name, VD_E_PROTOCOL);
            CHECK_RESULT(vdi_server_open(NULL, name, &server), VD_E_INVALID);
            CHECK(server == NULL);
        }
        vdi_set *set = client_create(name, 1);
        CHECK_RESULT(vdi_close(set), NOERROR);
    }
}

static void run(void)
{
    unique_name(name);
    struct peer one = spawn_client(), two = spawn_client();
    readiness();
    names();
    several(one, two);
    devices_of_the_departed(one);
    lost();
    stale_name();
    client_leave(one);
    client_leave(two);
}

int main(int argc, char **argv)
{
    static const struct role roles[] = {CLIENT_ROLE, {NULL, NULL}};
    return test_main(argc, argv, roles, run);
}
