/*
 * Open, GetConfiguration and the configuration as the server goes through it.
 */
#include "engine.h"
#include "roles.h"

#define SIZE 4096

static char name[NAME_SIZE];
static struct peer client;

static const VDConfig wanted = {.deviceCount = 2,
                                .features = VDF_LikeTape | VDF_RequestComplete,
                                .prefixZoneSize = 48,
                                .alignment = 1024,
                                .softFileMarkBlockSize = 2048,
                                .EOMWarningSize = 65536,
                                .serverTimeOut = 600000};

static const vdi_server_parameters parameters = {
    .size = sizeof parameters,
    .features = VDF_WriteMedia | VDF_ReadMedia | VDF_CompleteEnabled,
    .blockSize = 512,
    .maxTransferSize = 2 * VDI_TRANSFER_UNIT};

static void same(const VDConfig *found, const VDConfig *expected)
{
    CHECK(memcmp(found, expected, sizeof *found) == 0);
}

static VDConfig current(vdi_server *server)
{
    VDConfig config;
    CHECK_RESULT(vdi_server_get_configuration(server, &config), NOERROR);
    return config;
}

/* The client, which may ask at any time, does not see a decision yet. [SSET-BEGIN-06] */
static void client_sees_nothing(void)
{
    ASK(client, VD_E_TIMEOUT, GET_CONFIGURATION, .timeout = 0);
}

static void out_of_place(vdi_server *server, int begin, int end)
{
    if (begin)
        CHECK_RESULT(vdi_server_begin_configuration(server, &parameters), VD_E_PROTOCOL);
    if (end)
        CHECK_RESULT(vdi_server_end_configuration(server), VD_E_PROTOCOL);
}

static void no_buffers_yet(vdi_server *server)
{
    uint32_t count = 77;
    CHECK_RESULT(vdi_server_request_buffers(server, SIZE, 0, 1), VD_E_PROTOCOL);
    CHECK_RESULT(vdi_server_query_available_buffers(server, SIZE, 0, &count), VD_E_PROTOCOL);
    CHECK_EQUAL(count, 0);
}

/* What the client passed to Create; then what has been decided. [SSET-GETCFG-01, SSET-GETCFG-03] */
static vdi_server *through_the_configuration(void)
{
    vdi_server *server = NULL;
    client_creates(client, name, wanted);
    CHECK_RESULT(vdi_server_open(NULL, name, &server), NOERROR);
    CHECK(server != NULL);
    VDConfig config = current(server), expected = wanted;
    same(&config, &expected);
    /* Connected. [SSET-OPEN-03, SSET-END-04, SSET-REQBUF-04, SSET-QUERYBUF-02] */
    out_of_place(server, 0, 1);
    no_buffers_yet(server);
    client_sees_nothing();
    CHECK_RESULT(vdi_server_begin_configuration(server, &parameters), NOERROR);
    expected.features |= VDF_WriteMedia | VDF_ReadMedia | VDF_CompleteEnabled;
    expected.blockSize = 512;
    expected.maxIODepth = 4;
    expected.maxTransferSize = 2 * VDI_TRANSFER_UNIT;
    config = current(server);
    same(&config, &expected);
    out_of_place(server, 1, 0);
    client_sees_nothing();
    return server;
}

/* [SSET-BEGIN-01, SSET-BEGIN-02, SSET-BEGIN-03, SSET-END-01, SSET-END-02, SSET-END-04] */
static void states(void)
{
    struct engine engine;
    vdi_server *server = through_the_configuration();
    CHECK_RESULT(vdi_server_request_buffers(server, SIZE, 0, 1), NOERROR);
    client_sees_nothing();
    BEGIN(client, GET_CONFIGURATION, .timeout = VDI_INFINITE);
    CHECK_RESULT(vdi_server_end_configuration(server), NOERROR);
    VDConfig seen = FINISH(client, NOERROR).config, config = current(server);
    same(&seen, &config);
    CHECK(config.bufferAreaSize >= SIZE + wanted.prefixZoneSize);
    out_of_place(server, 1, 1); /* Initializing */
    engine_run(&engine, server, name, 2);
    out_of_place(server, 1, 1); /* Active */
    seen = current(server);
    same(&seen, &config);
    engine_finish(&engine);
    out_of_place(server, 1, 1); /* Normally Terminated. [SSET-GETCFG-02, SSET-QUERYBUF-02] */
    no_buffers_yet(server);
    seen = current(server);
    same(&seen, &config);
    CHECK_RESULT(vdi_server_close(server), NOERROR);
    ASK(client, NOERROR, CLOSE);
}

/*
 * An abort in each phase. [SSET-BEGIN-04, SSET-END-04, SSET-REQBUF-04, SSET-GETCFG-02,
 * SSET-ABORT-01]
 */
static void aborted(unsigned phase)
{
    vdi_server *server;
    VDConfig config;
    uint32_t count;
    client_creates(client, name, wanted);
    CHECK_RESULT(vdi_server_open(NULL, name, &server), NOERROR);
    if (phase >= 1)
        CHECK_RESULT(vdi_server_begin_configuration(server, &parameters), NOERROR);
    if (phase >= 2)
        CHECK_RESULT(vdi_server_end_configuration(server), NOERROR);
    if (phase % 2 == 0)
        CHECK_RESULT(vdi_server_signal_abort(server, NULL), NOERROR);
    else
        ASK(client, NOERROR, SIGNAL_ABORT);
    CHECK_RESULT(vdi_server_begin_configuration(server, &parameters), VD_E_ABORT);
    CHECK_RESULT(vdi_server_request_buffers(server, SIZE, 0, 1), VD_E_ABORT);
    CHECK_RESULT(vdi_server_query_available_buffers(server, SIZE, 0, &count), VD_E_ABORT);
    CHECK_RESULT(vdi_server_end_configuration(server), VD_E_ABORT);
    CHECK_RESULT(vdi_server_get_configuration(server, &config), VD_E_ABORT);
    ASK(client, VD_E_ABORT, GET_CONFIGURATION, .timeout = VDI_INFINITE);
    CHECK_RESULT(vdi_server_close(server), NOERROR);
    ASK(client, NOERROR, CLOSE);
}

/* Values out of rule change nothing; the call can be repeated. [SSET-BEGIN-05, AMB-28] */
static void bad_values(void)
{
    vdi_server *server;
    client_creates(client, name, wanted);
    CHECK_RESULT(vdi_server_open(NULL, name, &server), NOERROR);
    vdi_server_parameters bad[5];
    for (unsigned i = 0; i < 5; i++)
        bad[i] = parameters;
    bad[0].blockSize = 513;
    bad[1].alignment = 256;
    bad[2].maxTransferSize = VDI_TRANSFER_UNIT + 1;
    bad[3].features = VDF_CompleteEnabled;
    bad[4].maxTransferSize = 0;
    for (unsigned i = 0; i < 5; i++) {
        CHECK_RESULT(vdi_server_begin_configuration(server, &bad[i]), VD_E_NOTSUPPORTED);
        out_of_place(server, 0, 1); /* still Connected */
        VDConfig config = current(server);
        same(&config, &wanted);
    }
    CHECK_RESULT(vdi_server_begin_configuration(server, &parameters), NOERROR);
    CHECK_RESULT(vdi_server_close(server), NOERROR);
    ASK(client, NOERROR, CLOSE);
}

/* No buffers are asked for: none exist, and they can be had later. [SSET-END-05, SSET-REQBUF-03] */
static void without_buffers(void)
{
    void *buffer = &buffer;
    uint32_t count;
    vdi_server *server = through_the_configuration();
    CHECK_RESULT(vdi_server_end_configuration(server), NOERROR);
    CHECK_EQUAL(current(server).bufferAreaSize, 0);
    ASK(client, NOERROR, GET_CONFIGURATION, .timeout = 0);
    CHECK_RESULT(vdi_server_query_available_buffers(server, 1, 0, &count), NOERROR);
    CHECK_EQUAL(count, 0);
    CHECK_RESULT(vdi_server_allocate_buffer(server, 1, 0, &buffer), VD_E_MEMORY);
    CHECK(buffer == NULL);
    CHECK_RESULT(vdi_server_request_buffers(server, SIZE, 0, 1), NOERROR);
    CHECK_RESULT(vdi_server_allocate_buffer(server, SIZE, 0, &buffer), NOERROR);
    CHECK_RESULT(vdi_server_close(server), NOERROR);
    ASK(client, NOERROR, CLOSE);
}

/* More than there is: still Configurable, and less is possible. [SSET-END-03, SSET-REQBUF-04] */
static void too_much(void)
{
    uint32_t count;
    vdi_server *server = through_the_configuration();
    CHECK_RESULT(vdi_server_request_buffers(server, INT32_MAX, 0, 1u << 20), NOERROR);
    CHECK_RESULT(vdi_server_end_configuration(server), VD_E_MEMORY);
    client_sees_nothing();
    out_of_place(server, 1, 0);
    CHECK_RESULT(vdi_server_query_available_buffers(server, 1, 0, &count), NOERROR);
    CHECK_EQUAL(count, 0);
    CHECK_RESULT(vdi_server_request_buffers(server, SIZE, 0, 2), NOERROR);
    CHECK_RESULT(vdi_server_end_configuration(server), NOERROR);
    CHECK_RESULT(vdi_server_request_buffers(server, INT32_MAX, 0, 1u << 20), VD_E_MEMORY);
    CHECK_RESULT(vdi_server_query_available_buffers(server, 1, 0, &count), NOERROR);
    CHECK_EQUAL(count, 2);
    CHECK_RESULT(vdi_server_close(server), NOERROR);
    ASK(client, NOERROR, CLOSE);
}

static void run(void)
{
    unique_name(name);
    client = spawn_client();
    states();
    for (unsigned phase = 0; phase < 3; phase++)
        aborted(phase);
    bad_values();
    without_buffers();
    too_much();
    client_leave(client);
}

int main(int argc, char **argv)
{
    static const struct role roles[] = {CLIENT_ROLE, {NULL, NULL}};
    return test_main(argc, argv, roles, run);
}
