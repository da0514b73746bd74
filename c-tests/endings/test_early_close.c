/*
 * One side closes before anything has begun: that is no error for the one who closes, and the other
 * side learns it by an abort.
 */
#include "engine.h"
#include "roles.h"

enum phase { CONNECTED, BEGUN, CONFIGURED, SERVED, PHASES };

static char name[NAME_SIZE];
static struct engine engine;
static struct peer primary, secondary;

static void begin(void)
{
    vdi_server_parameters parameters = {.size = sizeof parameters,
                                        .features = VDF_WriteMedia,
                                        .blockSize = BLOCK_SIZE,
                                        .maxTransferSize = TRANSFER_SIZE};
    CHECK_RESULT(vdi_server_open(NULL, name, &engine.server), NOERROR);
    CHECK_RESULT(vdi_server_begin_configuration(engine.server, &parameters), NOERROR);
}

/* A set with two devices that nobody has opened; the agent runs in the last phase. */
static void reach(enum phase phase)
{
    client_creates(primary, name, (VDConfig){.deviceCount = 2});
    if (phase == CONNECTED)
        CHECK_RESULT(vdi_server_open(NULL, name, &engine.server), NOERROR);
    else if (phase == BEGUN)
        begin();
    else
        engine.server = server_configure(name, 4096, 1);
    if (phase >= CONFIGURED)
        client_named(secondary, OPEN_IN_SECONDARY, name, NOERROR);
    if (phase == SERVED)
        caller_start(&engine.agent, completion_agent, engine.server);
}

static void server_reads(uint32_t wanted)
{
    uint32_t code;
    VDConfig config;
    CHECK_RESULT(vdi_server_get_configuration(engine.server, &config),
                 wanted == VDI_ABORT_NONE ? NOERROR : VD_E_ABORT);
    CHECK_RESULT(vdi_server_abort_reason(engine.server, &code, NULL, 0), NOERROR);
    CHECK_EQUAL(code, wanted);
}

/*
 * A secondary that has opened nothing disturbs nobody, the primary does. [AMB-04, CSET-CLOSE-08,
 * CSET-CLOSE-09]
 */
static void client_closes(enum phase phase)
{
    reach(phase);
    if (phase >= CONFIGURED) {
        ASK(secondary, NOERROR, CLOSE);
        server_reads(VDI_ABORT_NONE);
        client_named(secondary, OPEN_IN_SECONDARY, name, NOERROR);
    }
    ASK(primary, NOERROR, CLOSE);
    server_reads(VDI_ABORT_CLIENT_CLOSED);
    if (phase >= CONFIGURED) {
        ASK(secondary, VD_E_ABORT, GET_CONFIGURATION, .timeout = VDI_INFINITE);
        ASK(secondary, NOERROR, CLOSE);
    }
    if (phase == SERVED)
        CHECK_RESULT(caller_join(&engine.agent), VD_E_ABORT);
    CHECK_RESULT(vdi_server_close(engine.server), NOERROR);
}

/* Nobody holds the server, and every client hears of it. [AMB-40, ABT-03] */
static void server_closes(enum phase phase)
{
    reach(phase);
    struct order late = {.action = OPEN_DEVICE, .announce = 1};
    snprintf(late.name, sizeof late.name, "late");
    if (phase < CONFIGURED) {
        BEGIN(primary, GET_CONFIGURATION, .timeout = VDI_INFINITE);
    } else {
        client_begin(primary, late);
        client_begin(secondary, late);
    }
    CHECK_RESULT(vdi_server_close(engine.server), NOERROR);
    FINISH(primary, VD_E_ABORT);
    CHECK_EQUAL(ASK(primary, NOERROR, ABORT_REASON).reason, VDI_ABORT_SERVER_CLOSED);
    if (phase >= CONFIGURED) {
        FINISH(secondary, VD_E_ABORT);
        ASK(secondary, NOERROR, CLOSE);
    }
    if (phase == SERVED)
        agent_left(&engine.agent);
    ASK(primary, NOERROR, CLOSE);
}

/*
 * A device is open from the client's call on, whether the server has opened it or not; a device
 * that no client has opened does not count, but its server is told. [AMB-04, ABT-15]
 */
static void opened_by_one_side(void)
{
    reach(SERVED);
    client_open_device(secondary, name, 0);
    ASK(secondary, VD_E_OPEN, CLOSE);
    server_reads(VDI_ABORT_CLIENT_CLOSED);
    ASK(primary, NOERROR, CLOSE);
    engine_close_aborted(&engine);

    client_creates(primary, name, (VDConfig){.deviceCount = 2});
    engine_open(&engine, name, 2, 4096, 0);
    client_open_device(primary, name, 0);
    CHECK_RESULT(vdi_server_close_device(engine.devices[0]), NOERROR);
    ASK(primary, NOERROR, CLOSE);
    server_reads(VDI_ABORT_CLIENT_CLOSED);
    engine_close_aborted(&engine);
}

/* Without a server, only the name disappears. [AMB-04] */
static void no_server(void)
{
    vdi_server *server = (vdi_server *)0x10;
    client_named(primary, CREATE, name, NOERROR);
    ASK(primary, NOERROR, CLOSE);
    CHECK_RESULT(vdi_server_open(NULL, name, &server), VD_E_INVALID);
    CHECK(server == NULL);
}

static void run(void)
{
    unique_name(name);
    primary = spawn_client();
    secondary = spawn_client();
    no_server();
    for (enum phase phase = CONNECTED; phase < PHASES; phase++) {
        client_closes(phase);
        server_closes(phase);
    }
    opened_by_one_side();
    client_leave(primary);
    client_leave(secondary);
}

int main(int argc, char **argv)
{
    static const struct role roles[] = {CLIENT_ROLE, {NULL, NULL}};
    return test_main(argc, argv, roles, run);
}
