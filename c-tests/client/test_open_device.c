/*
 * Opening devices: the order of the answers, names that come late, and the server's side.
 */
#include "engine.h"
#include "roles.h"

#define SIZE 4096

static struct engine engine;

/* OpenDevice in the client process; `device` is where it keeps the handle. */
static void opens(struct peer client, unsigned device, const char *name, vdi_result wanted)
{
    struct order order = {.action = OPEN_DEVICE, .device = device};
    strcpy(order.name, name);
    client_ask(__FILE__, __LINE__, name, client, wanted, order);
}

static void begins_to_open(struct peer client, unsigned device, const char *name)
{
    struct order order = {.action = OPEN_DEVICE, .device = device};
    strcpy(order.name, name);
    client_begin(client, order);
}

/* A set whose late names are waited for `wait` milliseconds. */
static void creates(struct peer client, const char *name, uint32_t devices, uint32_t wait)
{
    struct order order = {.action = CREATE,
                          .config.deviceCount = devices,
                          .options = {.size = sizeof order.options, .nameWait = wait}};
    strcpy(order.name, name);
    client_ask(__FILE__, __LINE__, "CREATE", client, NOERROR, order);
}

static void serves(const char *name)
{
    engine.server = server_configure(name, SIZE, 1);
    engine.count = 0;
    caller_start(&engine.agent, completion_agent, engine.server);
}

static void announces(const char *name)
{
    CHECK_RESULT(vdi_server_open_device(engine.server, name, &engine.devices[engine.count]),
                 NOERROR);
    engine.count++;
}

static void does_not_announce(const char *name, vdi_result wanted)
{
    vdi_server_device *device = (vdi_server_device *)0x10;
    CHECK_RESULT(vdi_server_open_device(engine.server, name, &device), wanted);
    CHECK(device == NULL);
}

/*
 * (1) abort, (2) all open, (3) unknown name, (4) open already, (5) open; the state before (2). A
 * malformed name is an unknown one.
 * [AMB-03, AMB-48, CSET-OPENDEV-03, CSET-OPENDEV-04, CSET-OPENDEV-05, CSET-OPENDEV-06]
 * [CSET-OPENDEV-07, CSET-OPENDEV-09, CSET-OPENDEV-10, CSET-OPENDEV-11]
 */
static void order_of_answers(struct peer primary, struct peer secondary)
{
    creates(primary, "set", 3, 3600000);
    opens(primary, 9, "set", VD_E_PROTOCOL); /* not configured */
    opens(primary, 9, "a\\b", VD_E_PROTOCOL);
    serves("set");
    opens(primary, 0, "set", NOERROR); /* its name is known from the start */
    opens(primary, 9, "set", VD_E_PROTOCOL);
    opens(primary, 9, "", VD_E_INVALID);
    opens(primary, 9, "a\\b", VD_E_INVALID);
    announces("set");
    announces("set1");
    announces("dev1");
    client_named(secondary, OPEN_IN_SECONDARY, "set", NOERROR);
    opens(secondary, 9, "set", VD_E_PROTOCOL); /* another process has it */
    opens(secondary, 9, "Dev1", VD_E_INVALID); /* all names are known: nothing to wait for */
    opens(primary, 9, "set2", VD_E_INVALID);
    opens(secondary, 1, "dev1", NOERROR);
    opens(primary, 9, "dev1", VD_E_PROTOCOL);
    /* A closed device counts as opened. */
    CHECK_RESULT(vdi_server_close_device(engine.devices[0]), NOERROR);
    ASK(primary, VD_E_CLOSE, GET_COMMAND, .timeout = VDI_INFINITE);
    opens(primary, 9, "set", VD_E_PROTOCOL);
    opens(secondary, 9, "set", VD_E_PROTOCOL);
    opens(primary, 2, "set1", NOERROR);
    static const char *const any[] = {"set", "set1", "dev1", "unknown", "a\\b"};
    for (unsigned i = 0; i < 5; i++) {
        opens(primary, 9, any[i], VD_E_OPEN);
        opens(secondary, 9, any[i], VD_E_OPEN);
    }
    for (unsigned i = 1; i < 3; i++)
        CHECK_RESULT(vdi_server_close_device(engine.devices[i]), NOERROR);
    CHECK_RESULT(caller_join(&engine.agent), NOERROR);
    for (unsigned i = 0; i < 5; i++) { /* the operation has ended normally */
        opens(primary, 9, any[i], VD_E_PROTOCOL);
        opens(secondary, 9, any[i], VD_E_PROTOCOL);
    }
    CHECK_RESULT(vdi_server_close(engine.server), NOERROR);
    ASK(secondary, NOERROR, CLOSE);
    opens(secondary, 9, "set", VD_E_PROTOCOL);
    ASK(primary, NOERROR, CLOSE);

    creates(primary, "set", 1, 0);
    serves("set");
    opens(primary, 0, "set", NOERROR);
    ASK(primary, NOERROR, SIGNAL_ABORT);
    for (unsigned i = 0; i < 5; i++)
        opens(primary, 9, any[i], VD_E_ABORT);
    engine_close_aborted(&engine);
    ASK(primary, NOERROR, CLOSE);
}

/*
 * A name that the server announces later is waited for, in any client process; the handle is that
 * of the device with this name. [AMB-16, CSET-OPENDEV-01, CSET-OPENDEV-02]
 */
static void late_names(struct peer primary, struct peer secondary)
{
    creates(primary, "late", 3, 3600000);
    serves("late");
    client_named(secondary, OPEN_IN_SECONDARY, "late", NOERROR);
    begins_to_open(primary, 1, "late1");
    begins_to_open(secondary, 2, "late2");
    announces("late"); /* not the one they wait for */
    wait_asleep(primary.pid, primary.pid);
    announces("late2");
    FINISH(secondary, NOERROR);
    wait_asleep(primary.pid, primary.pid);
    announces("late1");
    FINISH(primary, NOERROR);
    VDS_Command command = {.commandCode = VDC_Flush, .inPosition = 4711};
    static struct pending pending;
    pending_prepare(&pending, &command);
    CHECK_RESULT(vdi_server_send_command(engine.devices[2], &command), NOERROR);
    struct answer got = client_fetch(primary, 1, VDC_Flush);
    CHECK_EQUAL(got.command.position, 4711);
    ASK(primary, NOERROR, COMPLETE, .device = 1, .slot = got.slot);
    pending_wait(&pending);
    engine_close(&engine);
    ASK(secondary, NOERROR, CLOSE);
    ASK(primary, NOERROR, CLOSE);
}

/* What ends the wait for a name: the limit, the last name, an abort, the server's end. [AMB-16] */
static void ends_of_the_wait(struct peer primary, struct peer secondary)
{
    creates(primary, "set", 2, 150);
    serves("set");
    int64_t before = milliseconds_now();
    opens(primary, 9, "never", VD_E_INVALID);
    CHECK(milliseconds_now() - before + 1 >= 150);
    opens(primary, 0, "set", NOERROR); /* everything stays usable */
    announces("set");
    announces("set1");
    opens(primary, 1, "set1", NOERROR);
    engine_close(&engine);
    ASK(primary, NOERROR, CLOSE);

    creates(primary, "set", 2, 3600000);
    serves("set");
    begins_to_open(primary, 9, "never");
    announces("set");
    wait_asleep(primary.pid, primary.pid);
    announces("set1"); /* now all names are known */
    FINISH(primary, VD_E_INVALID);
    engine_close(&engine);
    ASK(primary, NOERROR, CLOSE);

    creates(primary, "set", 2, 3600000);
    serves("set");
    client_named(secondary, OPEN_IN_SECONDARY, "set", NOERROR);
    begins_to_open(primary, 9, "never");
    ASK(secondary, NOERROR, SIGNAL_ABORT);
    FINISH(primary, VD_E_ABORT);
    engine_close_aborted(&engine);
    ASK(secondary, NOERROR, CLOSE);
    ASK(primary, NOERROR, CLOSE);

    /* The server gives up before it has opened anything. */
    creates(primary, "set", 2, 3600000);
    engine.server = server_configure("set", SIZE, 1);
    begins_to_open(primary, 9, "never");
    CHECK_RESULT(vdi_server_close(engine.server), NOERROR);
    FINISH(primary, VD_E_ABORT);
    ASK(primary, NOERROR, CLOSE);
}

/*
 * The server's calls.
 * [SSET-OPENDEV-01, SSET-OPENDEV-02, SSET-OPENDEV-03, SSET-OPENDEV-04, AMB-25, NAME-04]
 */
static void server_side(struct peer client)
{
    static char longest[VDI_MAX_NAME + 2];
    memset(longest, 'd', VDI_MAX_NAME + 1);
    creates(client, "Set", 4, 0);
    serves("Set");
    does_not_announce(NULL, VD_E_INVALID);
    does_not_announce("", VD_E_INVALID);
    does_not_announce("set", VD_E_INVALID); /* the first has the name of the set */
    does_not_announce("Set1", VD_E_INVALID);
    announces("Set");
    does_not_announce("Set", VD_E_INVALID);
    does_not_announce("a\\b", VD_E_INVALID);
    does_not_announce(longest, VD_E_INVALID);
    announces("set"); /* another name */
    longest[VDI_MAX_NAME] = '\0';
    announces(longest);
    does_not_announce("set", VD_E_INVALID);
    does_not_announce(longest, VD_E_INVALID);
    CHECK_RESULT(vdi_server_open_device(engine.server, "last", NULL), VD_E_INVALID);
    announces("{x} / \xc3\x9c");
    does_not_announce("one more", VD_E_OPEN);
    opens(client, 0, "Set", NOERROR);
    opens(client, 1, "{x} / \xc3\x9c", NOERROR);
    opens(client, 2, longest, NOERROR);
    opens(client, 3, "set", NOERROR);
    for (unsigned i = 0; i < 4; i++)
        for (unsigned j = i + 1; j < 4; j++)
            CHECK(engine.devices[i] != engine.devices[j]);
    engine_finish(&engine);
    does_not_announce("one more", VD_E_PROTOCOL);
    CHECK_RESULT(vdi_server_close(engine.server), NOERROR);
    does_not_announce("one more", VD_E_PROTOCOL);
    ASK(client, NOERROR, CLOSE);
}

/* Commands wait for a device that the client has not opened yet. [DEV-01] */
static void commands_before_the_client(struct peer client)
{
    static struct journal journal = JOURNAL_INITIALIZER;
    VDS_Command commands[3];
    creates(client, "set", 1, 0);
    serves("set");
    announces("set");
    for (unsigned i = 0; i < 3; i++) {
        command_prepare(&commands[i], &journal, VDC_Flush, NULL, 0);
        commands[i].inPosition = i;
        CHECK_RESULT(vdi_server_send_command(engine.devices[0], &commands[i]), NOERROR);
    }
    opens(client, 0, "set", NOERROR);
    for (unsigned i = 0; i < 3; i++) {
        struct answer got = client_fetch(client, 0, VDC_Flush);
        CHECK_EQUAL(got.command.position, i);
        ASK(client, NOERROR, COMPLETE, .slot = got.slot);
    }
    journal_check_all(&journal, commands, 3, ERROR_SUCCESS);
    engine_close(&engine);
    ASK(client, NOERROR, CLOSE);
}

static vdi_result open_never(void *set)
{
    vdi_device *device = (vdi_device *)set;
    vdi_result result = vdi_open_device(set, "never", &device);
    CHECK(device == NULL);
    return result;
}

/* Close ends the wait of another thread for a name. [CSET-OPENDEV-05, CSET-OPENDEV-08] */
static void close_during_the_wait(void)
{
    for (int round = 0; round < 20; round++) {
        struct caller caller;
        vdi_set *set = client_create("own", 2);
        vdi_server *server = server_configure("own", SIZE, 0);
        caller_start(&caller, open_never, set);
        CHECK(caller_waits(&caller));
        CHECK_RESULT(vdi_close(set), NOERROR);
        CHECK_RESULT(caller_join(&caller), VD_E_PROTOCOL);
        CHECK_RESULT(vdi_server_close(server), NOERROR);
    }
}

/* A thread that opens the only device as soon as it may. */
struct racer {
    pthread_t thread;
    vdi_set *set;
    const int *start;
    vdi_result result;
};

static void *race(void *argument)
{
    struct racer *racer = argument;
    vdi_device *device;
    while (!__atomic_load_n(racer->start, __ATOMIC_ACQUIRE))
        sched_yield();
    racer->result = vdi_open_device(racer->set, "own", &device);
    return NULL;
}

/*
 * Several participants want the last device: one gets it, and for the others all devices are open,
 * which is how a client that loops over OpenDevice knows its end.
 * [AMB-03, CSET-OPENDEV-04, CSET-OPENDEV-09, CSET-OPENDEV-10]
 */
static void last_device(void)
{
    enum { RACERS = 4 };
    for (int round = 0; round < 300; round++) {
        struct racer racers[RACERS];
        vdi_set *sets[RACERS];
        int start = 0;
        unsigned winners = 0;
        sets[0] = client_create("own", 1);
        vdi_server *server = server_configure("own", SIZE, 0);
        for (unsigned i = 0; i < RACERS; i++) {
            if (i == 1)
                sets[i] = sets[0]; /* two threads of one participant */
            else if (i > 1)
                CHECK_RESULT(vdi_open_in_secondary(NULL, "own", &sets[i]), NOERROR);
            racers[i] = (struct racer){.set = sets[i], .start = &start};
            CHECK(pthread_create(&racers[i].thread, NULL, race, &racers[i]) == 0);
        }
        __atomic_store_n(&start, 1, __ATOMIC_RELEASE);
        for (unsigned i = 0; i < RACERS; i++) {
            CHECK(pthread_join(racers[i].thread, NULL) == 0);
            winners += racers[i].result == NOERROR;
            if (racers[i].result != NOERROR)
                CHECK_RESULT(racers[i].result, VD_E_OPEN);
        }
        CHECK_EQUAL(winners, 1);
        for (unsigned i = 2; i < RACERS; i++)
            CHECK_RESULT(vdi_close(sets[i]), racers[i].result == NOERROR ? VD_E_OPEN : NOERROR);
        int own = racers[0].result == NOERROR || racers[1].result == NOERROR;
        CHECK_RESULT(vdi_close(sets[0]), own ? VD_E_OPEN : NOERROR);
        CHECK_RESULT(vdi_server_close(server), NOERROR);
    }
}

/*
 * Parameters, in this process; the device ends with its set.
 * [AMB-15, CSET-OPENDEV-08, CSET-OPENDEV-12]
 */
static void parameters(void)
{
    vdi_set *set = client_create("own", 1);
    vdi_server *server = server_configure("own", SIZE, 0);
    vdi_device *device = (vdi_device *)0x10;
    CHECK_RESULT(vdi_open_device(set, NULL, &device), VD_E_INVALID);
    CHECK(device == NULL);
    CHECK_RESULT(vdi_open_device(set, "own", NULL), VD_E_INVALID);
    _Alignas(16) char room[16] = {0};
    CHECK_RESULT(vdi_open_device(set, "own", (vdi_device **)(void *)(room + 4)), VD_E_INVALID);
    CHECK_RESULT(vdi_open_device(set, "own", &device), NOERROR); /* no failure opened it */
    CHECK(device != NULL);
    vdi_device *opened = device;
    VDC_Command *command;
    CHECK_RESULT(vdi_get_command(opened, 0, &command), VD_E_TIMEOUT);
    CHECK_RESULT(vdi_signal_abort(set, NULL), NOERROR);
    CHECK_RESULT(vdi_open_device(set, NULL, &device), VD_E_INVALID);
    CHECK_RESULT(vdi_server_close(server), NOERROR);
    CHECK_RESULT(vdi_close(set), NOERROR);
    CHECK_RESULT(vdi_open_device(set, "own", &device), VD_E_PROTOCOL);
    CHECK(device == NULL);
    CHECK_RESULT(vdi_get_command(opened, 0, &command), VD_E_PROTOCOL);
}

static void run(void)
{
    struct peer primary = spawn_client(), secondary = spawn_client();
    order_of_answers(primary, secondary);
    late_names(primary, secondary);
    ends_of_the_wait(primary, secondary);
    server_side(primary);
    commands_before_the_client(primary);
    close_during_the_wait();
    last_device();
    parameters();
    client_leave(primary);
    client_leave(secondary);
}

int main(int argc, char **argv)
{
    static const struct role roles[] = {CLIENT_ROLE, {NULL, NULL}};
    return test_main(argc, argv, roles, run);
}
