/*
 * A process ends without Close - killed, by exit, by exec, or leaving a child that keeps its
 * descriptors - in each phase: what every other process sees, and that the name is free.
 */
#include "engine.h"
#include "roles.h"

#include <signal.h>
#include <stdlib.h>

#define SIZE 4096

enum way { KILL, EXIT_NOW, EXIT, EXEC, FORK, WAYS };

enum phase { CONNECTED, BEGUN, CONFIGURED, ACTIVE };

static char name[NAME_SIZE];

/* Ends this process in one of the ways. */
static int die(int64_t way)
{
    char number[16];
    snprintf(number, sizeof number, "%d", parent().socket);
    switch (way) {
    case KILL:
        raise(SIGKILL);
        break;
    case EXIT_NOW:
        _exit(0);
    case EXIT:
        exit(0);
    case EXEC:
        execl(this_program(), "test", "afterlife", number, (char *)NULL);
        break;
    case FORK: {
        pid_t child = fork();
        CHECK(child >= 0);
        if (child > 0)
            _exit(0);
        tell(parent(), getpid());
        for (;;)
            pause();
    }
    }
    return 1;
}

/* What a process is after exec: alive, and no part of the set any more. */
static int afterlife_role(int argc, char **argv)
{
    (void)argc, (void)argv;
    tell(parent(), getpid());
    hear(parent());
    return 0;
}

/* Makes a role die, and returns the process that lives on in its place, or 0. */
static pid_t make_die(struct peer victim, enum way way)
{
    tell(victim, way);
    if (way == EXEC || way == FORK)
        return (pid_t)hear(victim);
    CHECK_EQUAL(wait_exit(victim), way == KILL ? -SIGKILL : 0);
    return 0;
}

static void bury(struct peer victim, enum way way, pid_t remains)
{
    if (way == EXEC)
        tell(victim, 0);
    if (way == FORK)
        CHECK(kill(remains, SIGKILL) == 0); /* the guardian of the test reaps it */
    if (remains != 0)
        CHECK_EQUAL(wait_exit(victim), 0);
}

static void name_is_free(void)
{
    vdi_set *set = client_create(name, 1);
    vdi_server *server;
    CHECK_RESULT(vdi_server_open(NULL, name, &server), NOERROR);
    CHECK_RESULT(vdi_server_close(server), NOERROR);
    CHECK_RESULT(vdi_close(set), NOERROR);
}

/* A server that comes into a phase, then dies. In ACTIVE it has sent one Write to each device. */
static int server_role(int argc, char **argv)
{
    static struct engine engine;
    static struct journal journal = JOURNAL_INITIALIZER;
    VDS_Command commands[2];
    CHECK_EQUAL(argc, 3);
    enum phase phase = (enum phase)atoi(argv[2]);
    vdi_server *server;
    vdi_server_parameters parameters = {.size = sizeof parameters,
                                        .features = VDF_WriteMedia,
                                        .blockSize = 4096,
                                        .maxTransferSize = VDI_TRANSFER_UNIT};
    CHECK_RESULT(vdi_server_open(NULL, argv[1], &server), NOERROR);
    if (phase >= BEGUN)
        CHECK_RESULT(vdi_server_begin_configuration(server, &parameters), NOERROR);
    if (phase >= CONFIGURED) {
        CHECK_RESULT(vdi_server_request_buffers(server, SIZE, 0, 2), NOERROR);
        CHECK_RESULT(vdi_server_end_configuration(server), NOERROR);
    }
    if (phase >= ACTIVE) {
        engine_run(&engine, server, argv[1], 2);
        for (unsigned i = 0; i < 2; i++) {
            command_prepare(&commands[i], &journal, VDC_Write, engine_buffer(&engine, SIZE), SIZE);
            CHECK_RESULT(vdi_server_send_command(engine.devices[i], &commands[i]), NOERROR);
        }
    }
    tell(parent(), 0);
    return die(hear(parent()));
}

/* A client that comes into a phase, then dies. In ACTIVE it holds a command of its device. */
static int client_that_dies_role(int argc, char **argv)
{
    CHECK_EQUAL(argc, 3);
    int primary = argv[2][0] == 'p';
    char device_named[NAME_SIZE];
    vdi_set *set;
    vdi_device *device;
    VDC_Command *command;
    device_name(device_named, argv[1], primary ? 0 : 1);
    if (primary) {
        set = client_create(argv[1], 2);
        tell(parent(), 0);
    } else {
        CHECK_RESULT(vdi_open_in_secondary(NULL, argv[1], &set), NOERROR);
    }
    if (hear(parent()) == ACTIVE) {
        CHECK_RESULT(vdi_open_device(set, device_named, &device), NOERROR);
        CHECK_RESULT(vdi_get_command(device, VDI_INFINITE, &command), NOERROR);
        memset(command->buffer, 0x5a, SIZE);
    }
    tell(parent(), 0);
    return die(hear(parent()));
}

/* Everything a client can call after the server has died. [CRASH-01] */
static void client_is_aborted(struct peer client, unsigned device, const struct answer *held)
{
    struct answer why = ASK(client, NOERROR, ABORT_REASON);
    CHECK_EQUAL(why.reason, VDI_ABORT_SERVER_DIED);
    CHECK(why.text[0] != '\0');
    ASK(client, VD_E_ABORT, GET_CONFIGURATION, .timeout = VDI_INFINITE);
    client_named(client, OPEN_DEVICE, name, VD_E_ABORT);
    if (held != NULL) {
        ASK(client, VD_E_ABORT, GET_COMMAND, .device = device, .timeout = VDI_INFINITE);
        ASK(client, NOERROR, FILL, .address = held->address, .bytes = SIZE, .seed = 1);
        ASK(client, VD_E_ABORT, COMPLETE, .device = device, .slot = held->slot, .bytes = SIZE);
    }
    ASK(client, NOERROR, CLOSE);
}

/* [CRASH-01, CRASH-05, PROC-05] */
static void server_dies(enum phase phase, enum way way)
{
    struct peer primary = spawn_client(), secondary = spawn_client();
    struct answer held[2];
    char phase_number[8];
    snprintf(phase_number, sizeof phase_number, "%d", phase);
    client_creates(primary, name, (VDConfig){.deviceCount = 2});
    struct peer server = spawn_role("server", name, phase_number, (char *)NULL);
    hear(server);
    if (phase < CONFIGURED) {
        BEGIN(primary, GET_CONFIGURATION, .timeout = VDI_INFINITE);
    } else {
        client_named(secondary, OPEN_IN_SECONDARY, name, NOERROR);
        if (phase == CONFIGURED) {
            struct order order = {.action = OPEN_DEVICE, .announce = 1};
            strcpy(order.name, "late");
            client_begin(primary, order);
            client_begin(secondary, order);
        } else {
            client_open_device(primary, name, 0);
            client_open_device(secondary, name, 1);
            held[0] = client_fetch(primary, 0, VDC_Write);
            held[1] = ASK(secondary, NOERROR, GET_COMMAND, .device = 1, .timeout = VDI_INFINITE);
            BEGIN(primary, GET_COMMAND, .timeout = VDI_INFINITE);
            BEGIN(secondary, GET_COMMAND, .device = 1, .timeout = VDI_INFINITE);
        }
    }
    pid_t remains = make_die(server, way);
    FINISH(primary, VD_E_ABORT);
    if (phase >= CONFIGURED) {
        FINISH(secondary, VD_E_ABORT);
        client_is_aborted(secondary, 1, phase == ACTIVE ? &held[1] : NULL);
    }
    client_is_aborted(primary, 0, phase == ACTIVE ? &held[0] : NULL);
    name_is_free();
    bury(server, way, remains);
    client_leave(primary);
    client_leave(secondary);
}

/* The server's view of a death: its next calls fail, as soon as it is known. */
static void server_is_aborted(vdi_server *server)
{
    VDConfig config;
    vdi_result result;
    /* No waiting call exists in the early phases: ask until it is known. [AMB-37] */
    while ((result = vdi_server_get_configuration(server, &config)) == NOERROR)
        sched_yield();
    CHECK_RESULT(result, VD_E_ABORT);
    uint32_t code;
    char text[256];
    CHECK_RESULT(vdi_server_abort_reason(server, &code, text, sizeof text), NOERROR);
    CHECK_EQUAL(code, VDI_ABORT_PRIMARY_DIED);
    CHECK(text[0] != '\0');
}

/* The primary dies while the server is attached. [CRASH-02, CRASH-05, PROC-05, AMB-44] */
static void primary_dies(enum phase phase, enum way way)
{
    static struct engine engine;
    static struct journal journal = JOURNAL_INITIALIZER;
    VDS_Command commands[4];
    struct peer secondary = spawn_client();
    struct peer primary = spawn_role("client that dies", name, "primary", (char *)NULL);
    hear(primary);
    journal.count = 0;
    if (phase < CONFIGURED)
        CHECK_RESULT(vdi_server_open(NULL, name, &engine.server), NOERROR);
    else
        engine.server = server_configure(name, SIZE, 4);
    if (phase == ACTIVE) {
        engine_run(&engine, engine.server, name, 2);
        client_named(secondary, OPEN_IN_SECONDARY, name, NOERROR);
        client_open_device(secondary, name, 1);
        for (unsigned i = 0; i < 4; i++) {
            command_prepare(&commands[i], &journal, VDC_Write, engine_buffer(&engine, SIZE), SIZE);
            CHECK_RESULT(vdi_server_send_command(engine.devices[i / 3], &commands[i]), NOERROR);
        }
        ASK(secondary, NOERROR, GET_COMMAND, .device = 1, .timeout = VDI_INFINITE);
        BEGIN(secondary, GET_COMMAND, .device = 1, .timeout = VDI_INFINITE);
    }
    tell(primary, phase);
    hear(primary);
    pid_t remains = make_die(primary, way);
    if (phase == ACTIVE) {
        CHECK_RESULT(caller_join(&engine.agent), VD_E_ABORT);
        journal_check_all(&journal, commands, 4, ERROR_OPERATION_ABORTED);
        FINISH(secondary, VD_E_ABORT);
        CHECK_EQUAL(ASK(secondary, NOERROR, ABORT_REASON).reason, VDI_ABORT_PRIMARY_DIED);
    }
    server_is_aborted(engine.server);
    vdi_server *second = (vdi_server *)0x10;
    CHECK_RESULT(vdi_server_open(NULL, name, &second), VD_E_INVALID); /* [CRASH-04] */
    CHECK(second == NULL);
    vdi_set *late = (vdi_set *)0x10;
    CHECK_RESULT(vdi_open_in_secondary(NULL, name, &late), VD_E_PROTOCOL); /* [AMB-44] */
    CHECK(late == NULL);
    name_is_free(); /* while the others are still attached to the dead set. [CRASH-06] */
    if (phase == ACTIVE) {
        ASK(secondary, VD_E_ABORT, GET_COMMAND, .device = 1, .timeout = VDI_INFINITE);
        ASK(secondary, NOERROR, CLOSE);
    }
    CHECK_RESULT(vdi_server_close(engine.server), NOERROR);
    bury(primary, way, remains);
    client_leave(secondary);
}

/* A secondary dies: nothing happens until the primary aborts. [CRASH-03, PROC-06, CRASH-05] */
static void secondary_dies(enum way way)
{
    static struct engine engine;
    static struct journal journal = JOURNAL_INITIALIZER;
    VDS_Command held, command;
    struct peer primary = spawn_client();
    journal.count = 0;
    client_creates(primary, name, (VDConfig){.deviceCount = 2});
    engine_open(&engine, name, 2, SIZE, 2);
    struct peer secondary = spawn_role("client that dies", name, "secondary", (char *)NULL);
    command_prepare(&held, &journal, VDC_Write, engine_buffer(&engine, SIZE), SIZE);
    CHECK_RESULT(vdi_server_send_command(engine.devices[1], &held), NOERROR);
    tell(secondary, ACTIVE);
    hear(secondary);
    pid_t remains = make_die(secondary, way);

    client_open_device(primary, name, 0);
    for (unsigned i = 0; i < 20; i++) {
        command_prepare(&command, &journal, VDC_Flush, NULL, 0);
        CHECK_RESULT(vdi_server_send_command(engine.devices[0], &command), NOERROR);
        struct answer got = client_fetch(primary, 0, VDC_Flush);
        ASK(primary, NOERROR, COMPLETE, .slot = got.slot);
        CHECK_JOURNAL(&journal, i, &command, ERROR_SUCCESS);
    }
    ASK(primary, VD_E_TIMEOUT, GET_COMMAND, .timeout = 200);
    CHECK_EQUAL(journal_count(&journal), 20);
    CHECK_EQUAL(ASK(primary, NOERROR, ABORT_REASON).reason, VDI_ABORT_NONE);
    client_named(primary, OPEN_DEVICE, name, VD_E_OPEN); /* its device stays opened */
    ASK(primary, NOERROR, SIGNAL_ABORT);
    CHECK_JOURNAL(&journal, 20, &held, ERROR_OPERATION_ABORTED);
    engine_close_aborted(&engine);
    ASK(primary, NOERROR, CLOSE);
    bury(secondary, way, remains);
    client_leave(primary);
}

static void run(void)
{
    unique_name(name);
    setvbuf(stdout, NULL, _IOLBF, 0);
    static const char *const ways[] = {"kill", "_exit", "exit", "exec", "fork"};
    for (enum way way = KILL; way < WAYS; way++) {
        printf("server: %s\n", ways[way]);
        server_dies(ACTIVE, way);
        printf("primary: %s\n", ways[way]);
        primary_dies(ACTIVE, way);
        printf("secondary: %s\n", ways[way]);
        secondary_dies(way);
    }
    for (enum phase phase = CONNECTED; phase < ACTIVE; phase++) {
        printf("phase %d\n", phase);
        server_dies(phase, KILL);
        primary_dies(phase, KILL);
    }
}

int main(int argc, char **argv)
{
    static const struct role roles[] = {CLIENT_ROLE,
                                        {"server", server_role},
                                        {"client that dies", client_that_dies_role},
                                        {"afterlife", afterlife_role},
                                        {NULL, NULL}};
    return test_main(argc, argv, roles, run);
}
