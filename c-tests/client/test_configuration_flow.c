/*
 * How a set gets its configuration, from the client's inputs to the values that both sides see.
 */
#include "roles.h"

static char name[NAME_SIZE];

static const VDConfig inputs = {.deviceCount = 2,
                                .features = VDF_LikeTape | VDF_Discard | VDF_RequestComplete,
                                .prefixZoneSize = 300,
                                .alignment = 8192,
                                .softFileMarkBlockSize = 512,
                                .EOMWarningSize = 65536,
                                .serverTimeOut = 60000};

static const vdi_server_parameters decisions = {.size = sizeof decisions,
                                                .features = VDF_WriteMedia | VDF_CompleteEnabled,
                                                .blockSize = 2048,
                                                .maxTransferSize = 3 * VDI_TRANSFER_UNIT};

static void server_has(vdi_server *server, const VDConfig *wanted)
{
    VDConfig config;
    CHECK_RESULT(vdi_server_get_configuration(server, &config), NOERROR);
    CHECK(memcmp(&config, wanted, sizeof config) == 0);
}

static void client_has_none(vdi_set *set)
{
    VDConfig config;
    CHECK_RESULT(vdi_get_configuration(set, 0, &config), VD_E_TIMEOUT);
}

/* What the client asked for comes back, and the server's decisions are there. [CFG-05] */
static void is_merged(const VDConfig *config)
{
    CHECK_EQUAL(config->deviceCount, 2);
    CHECK_EQUAL(config->features, inputs.features | decisions.features);
    CHECK_EQUAL(config->prefixZoneSize, 300);
    CHECK_EQUAL(config->alignment, 8192);
    CHECK_EQUAL(config->softFileMarkBlockSize, 512);
    CHECK_EQUAL(config->EOMWarningSize, 65536);
    CHECK_EQUAL(config->serverTimeOut, 60000);
    CHECK_EQUAL(config->blockSize, 2048);
    CHECK_EQUAL(config->maxTransferSize, 3 * VDI_TRANSFER_UNIT);
    CHECK(config->bufferAreaSize >= 3 * (300 + 65536) + 2 * (300 + 131072));
}

/*
 * The whole way, while a thread of the client waits and sees nothing before its end.
 * [CFG-01, CFG-02, CFG-03, CFG-04, CFG-06]
 */
static vdi_set *configured(vdi_server **server)
{
    struct caller caller;
    struct waiter waiter;
    CHECK_RESULT(vdi_server_open(NULL, name, server), VD_E_INVALID); /* before Create */
    CHECK_RESULT(vdi_create(NULL, name, &inputs, NULL, &waiter.set), NOERROR);
    caller_start(&caller, get_configuration, &waiter);
    CHECK_RESULT(vdi_server_open(NULL, name, server), NOERROR);
    server_has(*server, &inputs);
    client_has_none(waiter.set);
    CHECK_RESULT(vdi_server_begin_configuration(*server, &decisions), NOERROR);
    client_has_none(waiter.set);
    CHECK_RESULT(vdi_server_request_buffers(*server, 65536, 0, 3), NOERROR);
    CHECK_RESULT(vdi_server_request_buffers(*server, 131072, 0, 2), NOERROR);
    client_has_none(waiter.set);
    CHECK(caller_waits(&caller));
    CHECK_RESULT(vdi_server_end_configuration(*server), NOERROR);
    CHECK_RESULT(caller_join(&caller), NOERROR);
    is_merged(&waiter.config);
    server_has(*server, &waiter.config);
    return waiter.set;
}

/* The values are the same until the end, whatever happens to the set. [CFG-08] */
static void never_change(void)
{
    vdi_server *server;
    vdi_server_device *devices[2];
    vdi_device *device;
    VDConfig first, later;
    vdi_server_parameters others = decisions;
    others.blockSize = 512;
    vdi_set *set = configured(&server);
    CHECK_RESULT(vdi_get_configuration(set, 0, &first), NOERROR);
    CHECK_RESULT(vdi_server_begin_configuration(server, &others), VD_E_PROTOCOL);
    CHECK_RESULT(vdi_server_request_buffers(server, 65536, 0, 1), NOERROR);
    server_has(server, &first);
    CHECK_RESULT(vdi_server_open_device(server, name, &devices[0]), NOERROR);
    CHECK_RESULT(vdi_server_open_device(server, "second", &devices[1]), NOERROR);
    CHECK_RESULT(vdi_open_device(set, name, &device), NOERROR);
    CHECK_RESULT(vdi_server_request_buffers(server, 65536, 0, 1), NOERROR);
    CHECK_RESULT(vdi_get_configuration(set, 0, &later), NOERROR);
    CHECK(memcmp(&first, &later, sizeof first) == 0);
    CHECK_RESULT(vdi_server_close_device(devices[0]), NOERROR);
    CHECK_RESULT(vdi_server_close_device(devices[1]), NOERROR);
    CHECK_RESULT(vdi_get_configuration(set, 0, &later), NOERROR); /* Normally Terminated */
    CHECK(memcmp(&first, &later, sizeof first) == 0);
    server_has(server, &first);
    CHECK_RESULT(vdi_close(set), NOERROR);
    CHECK_RESULT(vdi_server_close(server), NOERROR);
}

/* Either side refuses by an abort, which the other one sees. [CFG-07] */
static void refused(void)
{
    for (int by_client = 0; by_client < 2; by_client++) {
        vdi_server *server;
        VDConfig config;
        vdi_set *set = configured(&server);
        CHECK_RESULT(by_client ? vdi_signal_abort(set, "blocks too small")
                               : vdi_server_signal_abort(server, "two devices, one clause"),
                     NOERROR);
        CHECK_RESULT(vdi_get_configuration(set, 0, &config), VD_E_ABORT);
        CHECK_RESULT(vdi_server_get_configuration(server, &config), VD_E_ABORT);
        CHECK_RESULT(vdi_close(set), NOERROR);
        CHECK_RESULT(vdi_server_close(server), NOERROR);
    }
}

/* A server that never comes is not told: GetConfiguration times out, again and again. [CFG-09] */
static void no_server(void)
{
    vdi_set *set = client_create(name, 1);
    for (int again = 0; again < 5; again++) {
        VDConfig config;
        uint32_t code;
        CHECK_RESULT(vdi_get_configuration(set, 20, &config), VD_E_TIMEOUT);
        CHECK_RESULT(vdi_abort_reason(set, &code, NULL, 0), NOERROR);
        CHECK_EQUAL(code, VDI_ABORT_NONE);
    }
    CHECK_RESULT(vdi_close(set), NOERROR);
}

static void run(void)
{
    unique_name(name);
    never_change();
    refused();
    no_server();
}

int main(int argc, char **argv)
{
    return test_main(argc, argv, NULL, run);
}
