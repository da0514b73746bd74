/*
 * A client that works on many commands at once: one thread waits for the next command while others
 * complete the ones before, in an order of their own.
 */
#include "engine.h"

#define COMMANDS 48
#define COMPLETERS 3
#define ROUNDS 10

static char name[NAME_SIZE];
static struct engine engine;
static struct journal journal = JOURNAL_INITIALIZER;
static VDS_Command commands[COMMANDS];
static vdi_device *device;
static VDC_Command *fetched[COMMANDS];

static void send_all(void)
{
    journal.count = 0;
    for (unsigned i = 0; i < COMMANDS; i++) {
        command_prepare(&commands[i], &journal, VDC_GetPosition, NULL, 0);
        commands[i].inPosition = i;
        CHECK_RESULT(vdi_server_send_command(engine.devices[0], &commands[i]), NOERROR);
    }
}

static void fetch_all(void)
{
    for (unsigned i = 0; i < COMMANDS; i++) {
        CHECK_RESULT(vdi_get_command(device, VDI_INFINITE, &fetched[i]), NOERROR);
        CHECK_EQUAL(fetched[i]->position, i);
    }
}

static void complete(unsigned index)
{
    int64_t position = fetched[index]->position + 1000;
    CHECK_RESULT(vdi_complete_command(device, fetched[index], ERROR_SUCCESS, 0, position), NOERROR);
}

/* Every COMPLETERS-th command, the last one first; below 0 the index is a large number. */
static void *complete_some(void *first)
{
    for (unsigned i = COMMANDS - 1 - (unsigned)(uintptr_t)first; i < COMMANDS; i -= COMPLETERS)
        complete(i);
    return NULL;
}

static void check_positions(void)
{
    for (unsigned i = 0; i < COMMANDS; i++)
        CHECK_EQUAL(commands[i].outPosition, i + 1000);
}

/* The agent reports what the client does, in the client's order. [PROC-11, MOD-07] */
static void in_reverse(void)
{
    send_all();
    fetch_all();
    CHECK_EQUAL(journal_count(&journal), 0);
    for (unsigned i = 0; i < COMMANDS; i++) {
        complete(COMMANDS - 1 - i);
        CHECK_JOURNAL(&journal, i, &commands[COMMANDS - 1 - i], ERROR_SUCCESS);
    }
    check_positions();
}

/* One command stays with the client while many times the queue's capacity pass it. [PROC-11] */
static void one_stays_behind(void)
{
    VDS_Command behind, passing;
    VDC_Command *kept, *got;
    journal.count = 0;
    command_prepare(&behind, &journal, VDC_GetPosition, NULL, 0);
    CHECK_RESULT(vdi_server_send_command(engine.devices[0], &behind), NOERROR);
    CHECK_RESULT(vdi_get_command(device, VDI_INFINITE, &kept), NOERROR);
    for (unsigned i = 0; i < 4 * VDI_QUEUE_CAPACITY; i++) {
        command_prepare(&passing, &journal, VDC_GetPosition, NULL, 0);
        CHECK_RESULT(vdi_server_send_command(engine.devices[0], &passing), NOERROR);
        CHECK_RESULT(vdi_get_command(device, VDI_INFINITE, &got), NOERROR);
        CHECK_RESULT(vdi_complete_command(device, got, ERROR_SUCCESS, 0, i), NOERROR);
        CHECK_JOURNAL(&journal, i, &passing, ERROR_SUCCESS);
        CHECK_EQUAL(passing.outPosition, i);
    }
    CHECK_RESULT(vdi_complete_command(device, kept, ERROR_SUCCESS, 0, -1), NOERROR);
    CHECK_JOURNAL(&journal, 4 * VDI_QUEUE_CAPACITY, &behind, ERROR_SUCCESS);
    CHECK_EQUAL(behind.outPosition, -1);
}

/* Any thread completes, also while another one is inside GetCommand. [PROC-03, PROC-10] */
static void while_another_thread_waits(void)
{
    struct getter getter = {.device = device};
    struct caller receiver;
    pthread_t threads[COMPLETERS];
    send_all();
    fetch_all();
    caller_start(&receiver, get_command, &getter);
    for (uintptr_t i = 0; i < COMPLETERS; i++)
        CHECK(pthread_create(&threads[i], NULL, complete_some, (void *)i) == 0);
    for (unsigned i = 0; i < COMPLETERS; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    journal_check_all(&journal, commands, COMMANDS, ERROR_SUCCESS);
    check_positions();
    CHECK(caller_waits(&receiver));
    VDS_Command next;
    command_prepare(&next, &journal, VDC_Flush, NULL, 0);
    CHECK_RESULT(vdi_server_send_command(engine.devices[0], &next), NOERROR);
    CHECK_RESULT(caller_join(&receiver), NOERROR);
    CHECK_EQUAL(getter.command->commandCode, VDC_Flush);
    CHECK_RESULT(vdi_complete_command(device, getter.command, ERROR_SUCCESS, 0, 0), NOERROR);
    CHECK_JOURNAL(&journal, COMMANDS, &next, ERROR_SUCCESS);
}

static vdi_set *set;

static void *close_set(void *nothing)
{
    CHECK_RESULT(vdi_close(set), NOERROR);
    return nothing;
}

/* The set is closed by a thread that has never seen it before. [PROC-03] */
static void run(void)
{
    pthread_t closer;
    unique_name(name);
    set = client_create(name, 1);
    engine_open(&engine, name, 1, 4096, 0);
    CHECK_RESULT(vdi_open_device(set, name, &device), NOERROR);
    for (unsigned round = 0; round < ROUNDS; round++) {
        in_reverse();
        while_another_thread_waits();
    }
    one_stays_behind();
    engine_close(&engine);
    CHECK(pthread_create(&closer, NULL, close_set, NULL) == 0);
    CHECK(pthread_join(closer, NULL) == 0);
}

int main(int argc, char **argv)
{
    return test_main(argc, argv, NULL, run);
}
