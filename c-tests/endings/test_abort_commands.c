/*
 * An abort while commands are queued and in the hands of the clients, on one device and on four, by
 * each participant: what becomes of the commands, and of the memory that they refer to.
 */
#include "engine.h"
#include "roles.h"

#define SIZE 8192
#define MOST_DEVICES 4
/* Of each device: the first two are fetched, the others stay in the queue. */
#define PER_DEVICE 4
#define FETCHED 2

enum side { BY_PRIMARY, BY_SECONDARY, BY_SERVER, BY_ROUTINE, SIDES };

static char name[NAME_SIZE];
static struct engine engine;
static unsigned devices;
static struct peer primary, secondary;
static struct journal journal = JOURNAL_INITIALIZER;
static VDS_Command commands[MOST_DEVICES * PER_DEVICE];
static struct answer held[MOST_DEVICES][FETCHED];

/* The primary has the even devices, the secondary the odd ones. */
static struct peer worker_of(unsigned device)
{
    return device % 2 ? secondary : primary;
}

static void start(void)
{
    journal.count = 0;
    client_creates(primary, name, (VDConfig){.deviceCount = devices, .prefixZoneSize = 512});
    engine_open(&engine, name, devices, SIZE, devices * PER_DEVICE);
    client_named(secondary, OPEN_IN_SECONDARY, name, NOERROR);
    for (unsigned device = 0; device < devices; device++) {
        client_open_device(worker_of(device), name, device);
        for (unsigned i = 0; i < PER_DEVICE; i++) {
            VDS_Command *command = &commands[device * PER_DEVICE + i];
            command_prepare(command, &journal, VDC_Read, engine_buffer(&engine, SIZE), SIZE);
            pattern_fill(command->buffer, SIZE, (uint8_t)i);
            CHECK_RESULT(vdi_server_send_command(engine.devices[device], command), NOERROR);
            if (i < FETCHED)
                held[device][i] = client_fetch(worker_of(device), device, VDC_Read);
        }
    }
}

static vdi_server *server_to_abort;

static void abort_and_write(VDS_Command *command)
{
    CHECK_RESULT(vdi_server_signal_abort(server_to_abort, "in a routine"), NOERROR);
    command->completionRoutine = journal_write;
    journal_write(command);
}

/* The first command is completed, and its routine aborts the set. */
static void abort_in_a_routine(void)
{
    server_to_abort = engine.server;
    commands[0].completionRoutine = abort_and_write;
    ASK(primary, NOERROR, COMPLETE, .slot = held[0][0].slot, .bytes = SIZE);
    journal_wait(&journal, 1);
    CHECK_EQUAL(journal.entries[0].code, ERROR_SUCCESS);
}

static void abort_by(enum side by)
{
    if (by == BY_ROUTINE)
        abort_in_a_routine();
    else if (by == BY_SERVER)
        CHECK_RESULT(vdi_server_signal_abort(engine.server, NULL), NOERROR);
    else
        client_named(by == BY_PRIMARY ? primary : secondary, SIGNAL_ABORT, "", NOERROR);
}

/*
 * Every command has one callback, 995 without bytes, on the agent's thread; the queue is not
 * drained first. [ABT-01, ABT-02, ABT-08]
 */
static void commands_have_ended(enum side by)
{
    unsigned first = by == BY_ROUTINE, count = devices * PER_DEVICE - first;
    CHECK_RESULT(caller_join(&engine.agent), VD_E_ABORT);
    CHECK_EQUAL(journal_count(&journal), devices * PER_DEVICE);
    for (unsigned i = 0; i < count; i++) {
        unsigned calls = 0;
        for (unsigned place = first; place < journal.count; place++)
            calls += journal.entries[place].command == &commands[first + i];
        CHECK_EQUAL(calls, 1);
        CHECK_EQUAL(journal.entries[first + i].code, ERROR_OPERATION_ABORTED);
        CHECK_EQUAL(journal.entries[first + i].bytes, 0);
        CHECK(pthread_equal(journal.entries[first + i].thread, engine.agent.thread));
    }
}

/* Nothing more is delivered, and a completion changes nothing. [ABT-05, ABT-09, ABT-13] */
static void clients_get_nothing(enum side by)
{
    for (unsigned device = 0; device < devices; device++) {
        struct peer worker = worker_of(device);
        CHECK_RESULT(vdi_server_close_device(engine.devices[device]), VD_E_ABORT);
        ASK(worker, VD_E_ABORT, GET_COMMAND, .device = device, .timeout = VDI_INFINITE);
        for (unsigned i = device == 0 && by == BY_ROUTINE; i < FETCHED; i++)
            ASK(worker, VD_E_ABORT, COMPLETE, .device = device, .slot = held[device][i].slot,
                .bytes = SIZE);
        ASK(worker, VD_E_ABORT, GET_COMMAND, .device = device, .timeout = 0);
    }
    CHECK_EQUAL(journal_count(&journal), devices * PER_DEVICE);
}

/* The server sends nothing more and gets no memory. [ABT-04, ABT-06] */
static void server_gets_nothing(void)
{
    unsigned before = journal_count(&journal);
    VDS_Command late;
    void *buffer = &late;
    command_prepare(&late, &journal, VDC_ClearError, NULL, 0);
    CHECK_RESULT(vdi_server_send_command(engine.devices[0], &late), VD_E_ABORT);
    CHECK_JOURNAL(&journal, before, &late, ERROR_OPERATION_ABORTED);
    CHECK(pthread_equal(journal.entries[before].thread, pthread_self()));
    CHECK_RESULT(vdi_server_free_buffer(engine.server, commands[1].buffer, SIZE), NOERROR);
    CHECK_RESULT(vdi_server_allocate_buffer(engine.server, SIZE, 0, &buffer), VD_E_ABORT);
    CHECK(buffer == NULL);
    CHECK_RESULT(vdi_server_request_buffers(engine.server, SIZE, 0, 1), VD_E_ABORT);
}

/*
 * The buffers are where they were, with their bytes, on both sides; and with the clients also when
 * the server has gone. [ABT-07, ABT-10, BUF-16]
 */
static void memory_lives(void)
{
    for (unsigned device = 0; device < devices; device++) {
        struct peer worker = worker_of(device);
        ASK(worker, 1, LOOK, .address = held[device][1].address, .bytes = SIZE, .seed = 1);
        ASK(worker, NOERROR, FILL, .address = held[device][1].address - 512, .bytes = 512 + SIZE,
            .seed = 77);
        CHECK(pattern_matches(commands[device * PER_DEVICE + 1].buffer - 512, 512 + SIZE, 77));
    }
    CHECK_RESULT(vdi_server_close(engine.server), NOERROR);
    for (unsigned device = 0; device < devices; device++) {
        struct peer worker = worker_of(device);
        ASK(worker, 1, LOOK, .address = held[device][1].address - 512, .bytes = 512 + SIZE,
            .seed = 77);
        ASK(worker, NOERROR, FILL, .address = held[device][1].address, .bytes = SIZE, .seed = 99);
        ASK(worker, VD_E_ABORT, COMPLETE, .device = device, .slot = held[device][1].slot,
            .bytes = SIZE);
    }
    /* The one that stays longer keeps its own, also without the primary. */
    ASK(primary, NOERROR, CLOSE);
    if (devices > 1) {
        ASK(secondary, 1, LOOK, .address = held[1][1].address, .bytes = SIZE, .seed = 99);
        ASK(secondary, NOERROR, FILL, .address = held[1][1].address, .bytes = SIZE, .seed = 5);
    }
    ASK(secondary, NOERROR, CLOSE);
}

/*
 * What the client has recorded, and the agent has not come to, is not reported any more when a
 * routine aborts. The agent starts late, so that all completions wait for it. [SSET-AGENT-05,
 * SSET-ABORT-02, AMB-50]
 */
static void recorded_completions(void)
{
    journal.count = 0;
    client_creates(primary, name, (VDConfig){.deviceCount = 1});
    vdi_server *server = server_configure(name, SIZE, PER_DEVICE);
    vdi_server_device *device;
    server_to_abort = server;
    CHECK_RESULT(vdi_server_open_device(server, name, &device), NOERROR);
    client_open_device(primary, name, 0);
    for (unsigned i = 0; i < PER_DEVICE; i++) {
        command_prepare(&commands[i], &journal, VDC_Flush, NULL, 0);
        if (i == 1)
            commands[i].completionRoutine = abort_and_write;
        CHECK_RESULT(vdi_server_send_command(device, &commands[i]), NOERROR);
        struct answer got = client_fetch(primary, 0, VDC_Flush);
        ASK(primary, NOERROR, COMPLETE, .slot = got.slot);
    }
    CHECK_RESULT(vdi_server_execute_completion_agent(server), VD_E_ABORT);
    CHECK_EQUAL(journal_count(&journal), PER_DEVICE);
    for (unsigned i = 0; i < PER_DEVICE; i++)
        CHECK_JOURNAL(&journal, i, &commands[i],
                      i <= 1 ? ERROR_SUCCESS : ERROR_OPERATION_ABORTED);
    CHECK_RESULT(vdi_server_close(server), NOERROR);
    ASK(primary, NOERROR, CLOSE);
}

static void run(void)
{
    unique_name(name);
    primary = spawn_client();
    secondary = spawn_client();
    for (devices = 1; devices <= MOST_DEVICES; devices += 3)
        for (enum side by = BY_PRIMARY; by < SIDES; by++) {
            start();
            abort_by(by);
            commands_have_ended(by);
            clients_get_nothing(by);
            server_gets_nothing();
            memory_lives();
        }
    recorded_completions();
    client_leave(primary);
    client_leave(secondary);
}

int main(int argc, char **argv)
{
    static const struct role roles[] = {CLIENT_ROLE, {NULL, NULL}};
    return test_main(argc, argv, roles, run);
}
