/*
 * The error recovery sequence of section 23.4 with several depths: so many commands are with the
 * client and so many are queued when one fails. The client is in another process or in this one.
 */
#include "engine.h"
#include "roles.h"

#define SIZE 4096
#define MOST VDI_QUEUE_CAPACITY

struct depth {
    /* Commands with the client and in the queue; which one fails. */
    unsigned delivered, queued, failing;
    /* Its code, and that of the others that were delivered. */
    int32_t code, others;
    /* How often ClearError fails. */
    unsigned failures;
};

static char name[NAME_SIZE];
static struct engine engine;
static struct journal journal = JOURNAL_INITIALIZER;
static VDS_Command writes[MOST], clear, refusal;
static uint8_t *buffer;
static struct answer fetched[MOST];
/* Entries of the journal so far. */
static unsigned place;

static int elsewhere;
static struct peer client;
static struct client own;

/* The client makes a call, in its process or here. */
static struct answer client_does(int line, vdi_result wanted, struct order order)
{
    if (elsewhere)
        return client_ask(__FILE__, line, "call", client, wanted, order);
    struct answer answer = client_obey(&own, &order);
    check_result(__FILE__, line, "call", answer.result, wanted);
    return answer;
}

#define DOES(wanted, ...) client_does(__LINE__, (wanted), (struct order){.action = __VA_ARGS__})

static void start(void)
{
    struct order create = {.action = CREATE, .config.deviceCount = 1};
    struct order open = {.action = OPEN_DEVICE};
    strcpy(create.name, name);
    strcpy(open.name, name);
    own.used = 0;
    client_does(__LINE__, NOERROR, create);
    engine_open(&engine, name, 1, SIZE, 1);
    client_does(__LINE__, NOERROR, open);
    buffer = engine_buffer(&engine, SIZE);
    journal.count = 0;
    place = 0;
}

/* The next entry of the journal was written by the agent. */
static void ended(VDS_Command *command, int32_t code, int32_t bytes)
{
    CHECK_JOURNAL(&journal, place, command, code);
    CHECK_EQUAL(journal.entries[place].bytes, bytes);
    CHECK(pthread_equal(journal.entries[place].thread, engine.agent.thread));
    place++;
}

/* The server sends a Read, which is refused at once. */
static void refused(void)
{
    command_prepare(&refusal, &journal, VDC_Read, buffer, SIZE);
    CHECK_RESULT(vdi_server_send_command(engine.devices[0], &refusal), VD_E_IO_ERROR);
    CHECK_EQUAL(journal_count(&journal), place + 1);
    CHECK_JOURNAL(&journal, place, &refusal, ERROR_IO_DEVICE);
    CHECK_EQUAL(journal.entries[place].bytes, 0);
    CHECK(pthread_equal(journal.entries[place].thread, pthread_self()));
    place++;
}

/* The client completes a write that it holds. */
static void completes(unsigned index, int32_t code, uint32_t bytes)
{
    DOES(NOERROR, COMPLETE, .slot = fetched[index].slot, .code = code, .bytes = bytes);
}

static void fail(const struct depth *depth)
{
    unsigned all = depth->delivered + depth->queued;
    for (unsigned i = 0; i < all; i++) {
        command_prepare(&writes[i], &journal, VDC_Write, buffer, SIZE);
        CHECK_RESULT(vdi_server_send_command(engine.devices[0], &writes[i]), NOERROR);
    }
    for (unsigned i = 0; i < depth->delivered; i++)
        fetched[i] = DOES(NOERROR, GET_COMMAND, .timeout = VDI_INFINITE);
    completes(depth->failing, depth->code, 512);
    /* The failing command first, then the queued ones in their order. [ERR-01, ERR-03, ERR-11] */
    ended(&writes[depth->failing], depth->code, 512);
    for (unsigned i = depth->delivered; i < all; i++)
        ended(&writes[i], ERROR_IO_DEVICE, 0); /* [AMB-30, SDEV-SEND-08] */
}

/* ClearError is held back until the client has completed every old command. [ERR-04, ERR-05] */
static void drain(const struct depth *depth)
{
    for (unsigned i = depth->delivered; i-- > 0;) {
        if (i == depth->failing)
            continue;
        DOES(VD_E_TIMEOUT, GET_COMMAND, .timeout = 0);
        completes(i, depth->others, 7);
        ended(&writes[i], depth->others, 7);
        refused();
    }
}

/* The ClearError arrives when nothing old is in flight, fails as often as it is to, and ends the
 * state. [ERR-06, ERR-07, ERR-09, ERR-12, ERR-13, ERR-15] */
static void recover(const struct depth *depth)
{
    for (unsigned round = 0; round <= depth->failures; round++) {
        int32_t code = round < depth->failures ? ERROR_BUS_RESET : ERROR_SUCCESS;
        command_prepare(&clear, &journal, VDC_ClearError, NULL, 0);
        CHECK_RESULT(vdi_server_send_command(engine.devices[0], &clear), NOERROR);
        refused();
        if (round == 0)
            drain(depth);
        CHECK_EQUAL(journal_count(&journal), place);
        struct answer got = DOES(NOERROR, GET_COMMAND, .timeout = VDI_INFINITE);
        CHECK_EQUAL(got.command.commandCode, VDC_ClearError);
        refused();
        DOES(NOERROR, COMPLETE, .slot = got.slot, .code = code);
        ended(&clear, code, 0);
    }
    command_prepare(&writes[0], &journal, VDC_Read, buffer, SIZE);
    CHECK_RESULT(vdi_server_send_command(engine.devices[0], &writes[0]), NOERROR);
    fetched[0] = DOES(NOERROR, GET_COMMAND, .timeout = VDI_INFINITE);
    CHECK_EQUAL(fetched[0].command.commandCode, VDC_Read);
    completes(0, ERROR_SUCCESS, SIZE);
    ended(&writes[0], ERROR_SUCCESS, SIZE);
}

static void run(void)
{
    static const struct depth depths[] = {
        /* Any code but success. [ERR-10, AMB-49] */
        {.delivered = 1, .queued = 0, .code = ERROR_HANDLE_EOF},
        {.delivered = 1, .queued = 1, .code = -1},
        {.delivered = 2, .queued = 2, .code = ERROR_END_OF_MEDIA},
        {.delivered = 1, .queued = MOST - 1, .code = INT32_MIN, .failures = 1},
        {.delivered = 3, .queued = 2, .failing = 1, .code = 1, .others = ERROR_DISK_FULL},
        {.delivered = 5, .queued = 9, .failing = 4, .code = 99, .others = -7, .failures = 3},
        {.delivered = MOST, .queued = 0, .failing = MOST - 1, .code = ERROR_NOT_SUPPORTED},
    };
    unique_name(name);
    client = spawn_client();
    for (elsewhere = 0; elsewhere <= 1; elsewhere++)
        for (unsigned i = 0; i < sizeof depths / sizeof *depths; i++) {
            start();
            /* Twice: nothing of the first time is left. */
            for (int again = 0; again < 2; again++) {
                fail(&depths[i]);
                refused(); /* [ERR-02, SDEV-SEND-04] */
                recover(&depths[i]);
            }
            engine_close(&engine);
            DOES(NOERROR, CLOSE);
        }
    client_leave(client);
}

int main(int argc, char **argv)
{
    static const struct role roles[] = {CLIENT_ROLE, {NULL, NULL}};
    return test_main(argc, argv, roles, run);
}
