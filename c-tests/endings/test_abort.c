/*
 * SignalAbort by each side in each phase: every waiting call of every process ends with VD_E_ABORT,
 * every outstanding command completes once with ERROR_OPERATION_ABORTED, and everybody reads why.
 */
#include "engine.h"
#include "roles.h"

#define SIZE 4096
#define WHY "the disk of \xc3\x9c is full"

enum phase {
    CREATED,     /* no server */
    CONNECTED,   /* the server has opened the set */
    BEGUN,       /* and is configuring it */
    CONFIGURED,  /* no device is open */
    IDLE,        /* devices are open, nothing is outstanding */
    BUSY,        /* commands are queued and in the client's hands */
    TERMINATED,  /* all devices are closed */
};
static const char *const phases[] = {"created",  "connected", "begun",     "configured",
                                     "idle",     "busy",      "terminated"};

enum side { BY_PRIMARY, BY_SECONDARY, BY_SERVER };

static char name[NAME_SIZE];
static struct engine engine;
static struct journal journal = JOURNAL_INITIALIZER;
static VDS_Command commands[6];
static struct answer held[2];

/* Brings a new set with two devices into a phase; the secondary attaches as soon as it can. */
static void reach(enum phase phase, struct peer primary, struct peer secondary)
{
    client_creates(primary, name, (VDConfig){.deviceCount = 2});
    journal.count = 0;
    engine.server = NULL;
    if (phase >= CONFIGURED) {
        engine.server = server_configure(name, SIZE, 6);
    } else if (phase >= CONNECTED) {
        CHECK_RESULT(vdi_server_open(NULL, name, &engine.server), NOERROR);
        vdi_server_parameters parameters = {.size = sizeof parameters,
                                            .features = VDF_WriteMedia,
                                            .blockSize = 4096,
                                            .maxTransferSize = VDI_TRANSFER_UNIT};
        if (phase == BEGUN)
            CHECK_RESULT(vdi_server_begin_configuration(engine.server, &parameters), NOERROR);
    }
    if (phase >= CONFIGURED)
        client_named(secondary, OPEN_IN_SECONDARY, name, NOERROR);
    if (phase < IDLE)
        return;
    engine_run(&engine, engine.server, name, 2);
    client_open_device(primary, name, 0);
    client_open_device(secondary, name, 1);
    for (unsigned i = 0; phase == BUSY && i < 6; i++) {
        command_prepare(&commands[i], &journal, VDC_Write, engine_buffer(&engine, SIZE), SIZE);
        CHECK_RESULT(vdi_server_send_command(engine.devices[i % 2], &commands[i]), NOERROR);
    }
    if (phase == BUSY) {
        held[0] = client_fetch(primary, 0, VDC_Write);
        held[1] = client_fetch(secondary, 1, VDC_Write);
    }
    if (phase == TERMINATED)
        engine_finish(&engine);
}

/* The client process of `index` sees the abort in each of its calls. */
static void client_sees(struct peer client, unsigned index, enum phase phase, enum side by)
{
    struct answer why = ASK(client, NOERROR, ABORT_REASON);
    CHECK_EQUAL(why.reason, by == BY_SERVER ? VDI_ABORT_SERVER : VDI_ABORT_CLIENT);
    CHECK_TEXT(why.text, WHY);
    ASK(client, VD_E_ABORT, GET_CONFIGURATION, .timeout = VDI_INFINITE);
    client_named(client, OPEN_DEVICE, name, VD_E_ABORT);
    if (phase >= IDLE) {
        ASK(client, VD_E_ABORT, GET_COMMAND, .device = index, .timeout = 0);
        ASK(client, VD_E_ABORT, GET_COMMAND, .device = index, .timeout = VDI_INFINITE);
    }
    if (phase == BUSY) {
        /* The buffer is the client's until it closes. [ABT-07, ABT-10] */
        ASK(client, NOERROR, FILL, .address = held[index].address, .bytes = SIZE, .seed = 3);
        ASK(client, VD_E_ABORT, COMPLETE, .device = index, .slot = held[index].slot,
            .bytes = SIZE); /* [ABT-09] */
        ASK(client, 1, LOOK, .address = held[index].address, .bytes = SIZE, .seed = 3);
    }
    client_named(client, SIGNAL_ABORT, "another reason", NOERROR); /* [CSET-ABORT-04] */
    CHECK_TEXT(ASK(client, NOERROR, ABORT_REASON).text, WHY);      /* the first one stays */
}

/* The server sees it, too. [AMB-07] */
static void server_sees(enum phase phase, enum side by)
{
    vdi_server *server = engine.server;
    uint32_t code = 77, count = 77;
    char text[256];
    VDConfig config;
    void *buffer = server;
    vdi_server_device *device = (vdi_server_device *)0x10;
    vdi_server_parameters parameters = {.size = sizeof parameters,
                                        .features = VDF_WriteMedia,
                                        .blockSize = 4096,
                                        .maxTransferSize = VDI_TRANSFER_UNIT};
    CHECK_RESULT(vdi_server_abort_reason(server, &code, text, sizeof text), NOERROR);
    CHECK_EQUAL(code, by == BY_SERVER ? VDI_ABORT_SERVER : VDI_ABORT_CLIENT);
    CHECK_TEXT(text, WHY);
    CHECK_RESULT(vdi_server_get_configuration(server, &config), VD_E_ABORT);
    CHECK_RESULT(vdi_server_begin_configuration(server, &parameters), VD_E_ABORT);
    CHECK_RESULT(vdi_server_request_buffers(server, SIZE, 0, 1), VD_E_ABORT);
    CHECK_RESULT(vdi_server_query_available_buffers(server, SIZE, 0, &count), VD_E_ABORT);
    CHECK_RESULT(vdi_server_end_configuration(server), VD_E_ABORT);
    CHECK_RESULT(vdi_server_open_device(server, name, &device), VD_E_ABORT);
    CHECK_RESULT(vdi_server_allocate_buffer(server, SIZE, 0, &buffer), VD_E_ABORT);
    CHECK_RESULT(vdi_server_execute_completion_agent(server), VD_E_ABORT);
    CHECK(device == NULL && buffer == NULL && count == 0);
    if (phase >= IDLE)
        CHECK_RESULT(vdi_server_close_device(engine.devices[0]), VD_E_ABORT); /* [SDEV-CLOSE-02] */
    vdi_server *second = (vdi_server *)0x10;
    /* Both are true, and no rule says which one is told. [AMB-27] */
    vdi_result opened = vdi_server_open(NULL, name, &second);
    CHECK(opened == VD_E_ABORT || opened == VD_E_BUSY);
    CHECK(second == NULL);
    CHECK_RESULT(vdi_server_signal_abort(server, "another reason"), NOERROR);
    CHECK_RESULT(vdi_server_close(server), NOERROR); /* [SSET-CLOSE-05] */
    CHECK_RESULT(vdi_server_signal_abort(server, NULL), VD_E_PROTOCOL);
}

/* Lets the processes that do not abort wait in the call that fits the phase. */
static void wait_in_a_call(struct peer client, unsigned index, enum phase phase)
{
    if (phase < CONFIGURED)
        BEGIN(client, GET_CONFIGURATION, .timeout = VDI_INFINITE);
    else if (phase == IDLE)
        BEGIN(client, GET_COMMAND, .device = index, .timeout = VDI_INFINITE);
}

static void waited(struct peer client, enum phase phase)
{
    if (phase < CONFIGURED || phase == IDLE)
        FINISH(client, VD_E_ABORT); /* [ABT-03] */
}

/*
 * One abort, and what everybody sees. [ABT-01, ST-02, AMB-41, CSET-ABORT-01, CSET-ABORT-03,
 * CSET-ABORT-05, CSET-ABORT-07, SSET-ABORT-01, SSET-ABORT-02, SSET-ABORT-04]
 */
static void abort_in(enum phase phase, enum side by, struct peer primary, struct peer secondary)
{
    reach(phase, primary, secondary);
    if (by != BY_PRIMARY)
        wait_in_a_call(primary, 0, phase);
    if (by != BY_SECONDARY && phase >= CONFIGURED)
        wait_in_a_call(secondary, 1, phase);

    if (by == BY_SERVER)
        CHECK_RESULT(vdi_server_signal_abort(engine.server, WHY), NOERROR);
    else
        client_named(by == BY_PRIMARY ? primary : secondary, SIGNAL_ABORT, WHY, NOERROR);

    if (by != BY_PRIMARY)
        waited(primary, phase);
    if (by != BY_SECONDARY && phase >= CONFIGURED)
        waited(secondary, phase);
    if (phase == IDLE || phase == BUSY)
        CHECK_RESULT(caller_join(&engine.agent), VD_E_ABORT); /* [SSET-AGENT-05] */
    if (phase == BUSY)
        journal_check_all(&journal, commands, 6, ERROR_OPERATION_ABORTED); /* [ABT-08] */
    client_sees(primary, 0, phase, by);
    if (phase >= CONFIGURED)
        client_sees(secondary, 1, phase, by);
    if (engine.server != NULL)
        server_sees(phase, by);
    if (phase == BUSY)
        CHECK_EQUAL(journal_count(&journal), 6);
    /* The client may close last: its buffers live as long as it does. [ABT-10] */
    if (phase == BUSY)
        ASK(primary, NOERROR, FILL, .address = held[0].address, .bytes = SIZE, .seed = 5);
    if (phase >= CONFIGURED)
        ASK(secondary, NOERROR, CLOSE);
    ASK(primary, NOERROR, CLOSE);
    ASK(primary, VD_E_PROTOCOL, SIGNAL_ABORT);
}

/* Lengths of the reason, and the rules of the function that tells it. */
static void reasons(void)
{
    char long_text[400], text[256];
    memset(long_text, 'x', sizeof long_text);
    long_text[sizeof long_text - 1] = '\0';
    uint32_t code = 77;
    vdi_set *set = client_create(name, 1);
    memset(text, '?', sizeof text);
    CHECK_RESULT(vdi_abort_reason(set, &code, text, sizeof text), NOERROR);
    CHECK_EQUAL(code, VDI_ABORT_NONE);
    CHECK_TEXT(text, "");
    CHECK_RESULT(vdi_abort_reason(set, NULL, text, sizeof text), VD_E_INVALID);
    CHECK_RESULT(vdi_abort_reason(NULL, &code, text, sizeof text), VD_E_PROTOCOL);

    CHECK_RESULT(vdi_signal_abort(set, long_text), NOERROR);
    CHECK_RESULT(vdi_abort_reason(set, &code, text, sizeof text), NOERROR);
    CHECK_EQUAL(code, VDI_ABORT_CLIENT);
    CHECK_EQUAL(strlen(text), 255); /* cut after 255 bytes */
    CHECK(memcmp(text, long_text, 255) == 0);
    memset(text, '?', sizeof text);
    CHECK_RESULT(vdi_abort_reason(set, &code, text, 5), NOERROR);
    CHECK_TEXT(text, "xxxx");
    CHECK_EQUAL(text[5], '?');
    CHECK_RESULT(vdi_abort_reason(set, &code, text, 1), NOERROR);
    CHECK_TEXT(text, "");
    text[0] = '?';
    CHECK_RESULT(vdi_abort_reason(set, &code, text, 0), NOERROR);
    CHECK_EQUAL(text[0], '?');
    CHECK_RESULT(vdi_abort_reason(set, &code, NULL, 256), NOERROR);
    CHECK_RESULT(vdi_close(set), NOERROR);
    CHECK_RESULT(vdi_abort_reason(set, &code, text, sizeof text), VD_E_PROTOCOL);

    /* Without a reason, and before the server comes. [ABT-14] */
    set = client_create(name, 1);
    CHECK_RESULT(vdi_signal_abort(set, NULL), NOERROR);
    CHECK_RESULT(vdi_abort_reason(set, &code, NULL, 0), NOERROR);
    CHECK_EQUAL(code, VDI_ABORT_CLIENT);
    vdi_server *server = (vdi_server *)0x10;
    CHECK_RESULT(vdi_server_open(NULL, name, &server), VD_E_ABORT);
    CHECK(server == NULL);
    CHECK_RESULT(vdi_close(set), NOERROR);
    CHECK_RESULT(vdi_server_open(NULL, name, &server), VD_E_INVALID);
}

static void run(void)
{
    unique_name(name);
    struct peer primary = spawn_client(), secondary = spawn_client();
    for (enum phase phase = CREATED; phase <= TERMINATED; phase++)
        for (enum side by = BY_PRIMARY; by <= BY_SERVER; by++) {
            if (by == BY_SERVER && phase == CREATED)
                continue;
            if (by == BY_SECONDARY && phase < CONFIGURED)
                continue;
            printf("%s in phase %s\n", by == BY_SERVER ? "server" : "client", phases[phase]);
            abort_in(phase, by, primary, secondary);
        }
    reasons();
    client_leave(primary);
    client_leave(secondary);
}

int main(int argc, char **argv)
{
    static const struct role roles[] = {CLIENT_ROLE, {NULL, NULL}};
    setvbuf(stdout, NULL, _IOLBF, 0);
    return test_main(argc, argv, roles, run);
}
