/*
 * One side runs a whole backup and is killed before its n-th call, for every n: the other side
 * comes to an end, with an abort or normally, and knows which.
 */
#include "engine.h"

#include <signal.h>
#include <stdlib.h>

#define DEVICES 2
#define SIZE 4096

/* How a survivor ended. */
enum { NORMALLY, ABORTED };

static unsigned steps, last_step;

/* Comes before each call of the side that dies; it never does with 0 as the last step. */
static void step(void)
{
    if (++steps == last_step)
        raise(SIGKILL);
}

/* A survivor may go on after a call, or has been told of the abort. */
static int goes_on(vdi_result result)
{
    if (result != NOERROR)
        CHECK_RESULT(result, VD_E_ABORT);
    return result == NOERROR;
}

static struct engine engine;
static struct journal journal = JOURNAL_INITIALIZER;
static VDS_Command commands[DEVICES];
static unsigned sent;

static int configures(const char *name)
{
    vdi_server_parameters parameters = {.size = sizeof parameters,
                                        .features = VDF_WriteMedia,
                                        .blockSize = BLOCK_SIZE,
                                        .maxTransferSize = TRANSFER_SIZE};
    step();
    vdi_result opened = vdi_server_open(NULL, name, &engine.server);
    if (opened == VD_E_INVALID)
        return 0; /* [CRASH-04] */
    if (!goes_on(opened))
        return 0;
    step();
    if (!goes_on(vdi_server_begin_configuration(engine.server, &parameters)))
        return 0;
    step();
    if (!goes_on(vdi_server_request_buffers(engine.server, SIZE, 0, DEVICES)))
        return 0;
    step();
    return goes_on(vdi_server_end_configuration(engine.server));
}

/* One Write to each device, its completion, and the end of the device. */
static int transfers(const char *name)
{
    char device[NAME_SIZE];
    void *buffer;
    for (unsigned i = 0; i < DEVICES; i++) {
        device_name(device, name, i);
        step();
        if (!goes_on(vdi_server_open_device(engine.server, device, &engine.devices[i])))
            return 0;
        step();
        if (!goes_on(vdi_server_allocate_buffer(engine.server, SIZE, 0, &buffer)))
            return 0;
        command_prepare(&commands[i], &journal, VDC_Write, buffer, SIZE);
        step();
        sent++; /* its routine is called, whatever happens */
        if (!goes_on(vdi_server_send_command(engine.devices[i], &commands[i])))
            return 0;
    }
    journal_wait(&journal, DEVICES);
    for (unsigned i = 0; i < DEVICES; i++) {
        step();
        if (!goes_on(vdi_server_close_device(engine.devices[i])))
            return 0;
    }
    step();
    return 1;
}

/* argv: set, last step. Tells how it ended. */
static int server_role(int argc, char **argv)
{
    CHECK_EQUAL(argc, 3);
    last_step = (unsigned)atoi(argv[2]);
    int normally = 0;
    if (configures(argv[1])) {
        caller_start(&engine.agent, completion_agent, engine.server);
        normally = transfers(argv[1]);
        vdi_result agent = caller_join(&engine.agent);
        CHECK_RESULT(agent, normally ? NOERROR : VD_E_ABORT);
    }
    CHECK_EQUAL(journal_count(&journal), sent);
    if (engine.server != NULL)
        CHECK_RESULT(vdi_server_close(engine.server), NOERROR);
    tell(parent(), normally ? NORMALLY : ABORTED);
    return 0;
}

static vdi_set *set;
static vdi_device *devices[DEVICES];

static int works(const char *name)
{
    char device[NAME_SIZE];
    VDConfig config;
    VDC_Command *command;
    step();
    if (!goes_on(vdi_get_configuration(set, VDI_INFINITE, &config)))
        return 0;
    for (unsigned i = 0; i < DEVICES; i++) {
        device_name(device, name, i);
        step();
        if (!goes_on(vdi_open_device(set, device, &devices[i])))
            return 0;
        step();
        if (!goes_on(vdi_get_command(devices[i], VDI_INFINITE, &command)))
            return 0;
        memset(command->buffer, 1, SIZE);
        step();
        if (!goes_on(vdi_complete_command(devices[i], command, ERROR_SUCCESS, SIZE, 0)))
            return 0;
    }
    for (unsigned i = 0; i < DEVICES; i++) {
        step();
        vdi_result ended = vdi_get_command(devices[i], VDI_INFINITE, &command);
        if (ended != VD_E_CLOSE && !goes_on(ended))
            return 0;
        CHECK_RESULT(ended, VD_E_CLOSE);
    }
    step();
    return 1;
}

/* argv: set, last step. Tells when the set exists, and how it ended. */
static int primary_role(int argc, char **argv)
{
    CHECK_EQUAL(argc, 3);
    last_step = (unsigned)atoi(argv[2]);
    set = client_create(argv[1], DEVICES);
    tell(parent(), 0);
    int normally = works(argv[1]);
    uint32_t code;
    CHECK_RESULT(vdi_abort_reason(set, &code, NULL, 0), NOERROR);
    CHECK_EQUAL(code, normally ? VDI_ABORT_NONE : VDI_ABORT_SERVER_DIED);
    CHECK_RESULT(vdi_close(set), NOERROR);
    tell(parent(), normally ? NORMALLY : ABORTED);
    return 0;
}

/* Steps of each side. */
enum {
    SERVER_STEPS = 4 + 3 * DEVICES + DEVICES + 1,
    PRIMARY_STEPS = 1 + 3 * DEVICES + DEVICES + 1,
};

/*
 * The server dies once it is attached. Only after it has closed all devices it is not missed.
 * [CRASH-01, NT-02]
 */
static void server_dies(const char *name)
{
    char number[16];
    for (unsigned at = 2; at <= SERVER_STEPS; at++) {
        snprintf(number, sizeof number, "%u", at);
        struct peer primary = spawn_role("primary", name, "0", (char *)NULL);
        hear(primary);
        struct peer server = spawn_role("server", name, number, (char *)NULL);
        CHECK_EQUAL(hear(primary), at == SERVER_STEPS ? NORMALLY : ABORTED);
        CHECK_EQUAL(wait_exit(primary), 0);
        CHECK_EQUAL(wait_exit(server), -SIGKILL);
    }
}

/*
 * The primary dies, also before the server comes. From its last completion on, the server may have
 * closed the devices in time or not. [CRASH-02, CRASH-04, CRASH-06, SSET-AGENT-09]
 */
static void primary_dies(const char *name)
{
    char number[16];
    for (unsigned at = 1; at <= PRIMARY_STEPS; at++) {
        snprintf(number, sizeof number, "%u", at);
        struct peer primary = spawn_role("primary", name, number, (char *)NULL);
        hear(primary);
        struct peer server = spawn_role("server", name, "0", (char *)NULL);
        int64_t ended = hear(server);
        if (at <= PRIMARY_STEPS - 1 - DEVICES)
            CHECK_EQUAL(ended, ABORTED);
        if (at == PRIMARY_STEPS)
            CHECK_EQUAL(ended, NORMALLY);
        CHECK_EQUAL(wait_exit(server), 0);
        CHECK_EQUAL(wait_exit(primary), -SIGKILL);
    }
    CHECK_RESULT(vdi_close(client_create(name, 1)), NOERROR);
}

static void run(void)
{
    char name[NAME_SIZE];
    unique_name(name);
    server_dies(name);
    primary_dies(name);
}

int main(int argc, char **argv)
{
    static const struct role roles[] = {
        {"primary", primary_role}, {"server", server_role}, {NULL, NULL}};
    return test_main(argc, argv, roles, run);
}
