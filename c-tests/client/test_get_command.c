/*
 * GetCommand: what it delivers and in which order, and who wins when a command, a close and an
 * abort compete. How it waits is in test_waits.
 */
#include "engine.h"
#include "roles.h"

#include <signal.h>

#define SIZE 4096
#define COMMANDS 16

static char name[NAME_SIZE];
static struct engine engine;
static struct journal journal = JOURNAL_INITIALIZER;
static VDS_Command sent[COMMANDS];
static vdi_set *set;
static vdi_device *device;

static void open_both(void)
{
    set = client_create(name, 1);
    engine_open(&engine, name, 1, SIZE, 1);
    CHECK_RESULT(vdi_open_device(set, name, &device), NOERROR);
    journal.count = 0;
}

static void send_one(unsigned index, int32_t code)
{
    command_prepare(&sent[index], &journal, code, NULL, 0);
    sent[index].inPosition = index;
    CHECK_RESULT(vdi_server_send_command(engine.devices[0], &sent[index]), NOERROR);
}

static VDC_Command *fetch(void)
{
    VDC_Command *command;
    CHECK_RESULT(vdi_get_command(device, VDI_INFINITE, &command), NOERROR);
    return command;
}

static void nothing(uint32_t timeout, vdi_result wanted)
{
    VDC_Command *command = (VDC_Command *)&command;
    CHECK_RESULT(vdi_get_command(device, timeout, &command), wanted);
    CHECK(command == NULL);
}

static void complete(VDC_Command *command, int32_t code)
{
    CHECK_RESULT(vdi_complete_command(device, command, code, 0, 0), NOERROR);
}

/*
 * Every field arrives, in the order of sending, also if nothing is completed in between.
 * [CDEV-GETCMD-02, CDEV-GETCMD-08, CDEV-GETCMD-09]
 */
static void order(void)
{
    VDC_Command *got[COMMANDS];
    for (unsigned i = 0; i < COMMANDS; i++)
        send_one(i, (int32_t)(VDC_Read + 3 + i % 9));
    for (unsigned i = 0; i < COMMANDS; i++) {
        got[i] = fetch();
        CHECK_EQUAL(got[i]->commandCode, VDC_Read + 3 + i % 9);
        CHECK_EQUAL(got[i]->position, i);
        CHECK(got[i]->buffer == NULL);
        for (unsigned k = 0; k < i; k++) {
            CHECK(got[k] != got[i]);
            CHECK_EQUAL(got[k]->position, k); /* the older ones stay as they were */
        }
    }
    nothing(0, VD_E_TIMEOUT);
    for (unsigned i = 0; i < COMMANDS; i++)
        complete(got[i], ERROR_SUCCESS);
    journal_check_all(&journal, sent, COMMANDS, ERROR_SUCCESS);
    journal.count = 0;
}

/* A time-out takes nothing away: what comes later is delivered whole. [CDEV-GETCMD-03, TMO-02] */
static void time_outs(void)
{
    for (unsigned i = 0; i < COMMANDS; i++) {
        nothing(i % 2, VD_E_TIMEOUT);
        send_one(i, VDC_Flush);
        VDC_Command *got = fetch();
        CHECK_EQUAL(got->position, i);
        nothing(i % 2, VD_E_TIMEOUT);
        complete(got, ERROR_SUCCESS);
        CHECK_JOURNAL(&journal, i, &sent[i], ERROR_SUCCESS);
    }
    journal.count = 0;
}

/* In the IO-ERROR state only a ClearError comes, after the last old command. [CDEV-GETCMD-10] */
static void after_an_error(void)
{
    for (unsigned i = 0; i < 5; i++)
        send_one(i, VDC_Flush);
    VDC_Command *one = fetch(), *two = fetch();
    complete(one, ERROR_DISK_FULL);
    nothing(0, VD_E_TIMEOUT); /* the three others are gone */
    journal_wait(&journal, 4);
    send_one(5, VDC_ClearError);
    nothing(0, VD_E_TIMEOUT);
    complete(two, ERROR_SUCCESS);
    VDC_Command *clear = fetch();
    CHECK_EQUAL(clear->commandCode, VDC_ClearError);
    complete(clear, ERROR_SUCCESS);
    journal_wait(&journal, 6);
    send_one(6, VDC_Rewind);
    VDC_Command *next = fetch();
    CHECK_EQUAL(next->commandCode, VDC_Rewind);
    complete(next, ERROR_SUCCESS);
    journal_wait(&journal, 7);
    journal.count = 0;
}

static VDC_Command *in_hand[COMMANDS];

static vdi_result complete_half(void *odd)
{
    for (unsigned i = odd != NULL; i < COMMANDS; i += 2)
        complete(in_hand[i], ERROR_SUCCESS);
    return NOERROR;
}

/*
 * While one thread waits in GetCommand, others complete what was fetched before; the waiting one
 * notices nothing and gets the next command. [PROC-10, PROC-11]
 */
static void completions_beside_a_wait(void)
{
    struct getter getter = {.device = device};
    struct caller waiting, even, odd;
    for (unsigned i = 0; i < COMMANDS; i++)
        send_one(i, VDC_Flush);
    for (unsigned i = 0; i < COMMANDS; i++)
        in_hand[i] = fetch();
    caller_start(&waiting, get_command, &getter);
    caller_start(&odd, complete_half, &odd);
    caller_start(&even, complete_half, NULL);
    CHECK_RESULT(caller_join(&odd), NOERROR);
    CHECK_RESULT(caller_join(&even), NOERROR);
    journal_check_all(&journal, sent, COMMANDS, ERROR_SUCCESS);
    CHECK(caller_waits(&waiting));
    send_one(0, VDC_Rewind);
    CHECK_RESULT(caller_join(&waiting), NOERROR);
    CHECK_EQUAL(getter.command->commandCode, VDC_Rewind);
    complete(getter.command, ERROR_SUCCESS);
    journal_wait(&journal, COMMANDS + 1);
    journal.count = 0;
}

/*
 * What was sent before the close comes first; VD_E_CLOSE once, when all is completed; then the
 * device is not open. [CDEV-GETCMD-04, CDEV-GETCMD-06, CDEV-GETCMD-13]
 */
static void queued_before_closed(void)
{
    VDC_Command *got[3];
    for (unsigned i = 0; i < 3; i++)
        send_one(i, VDC_Flush);
    CHECK_RESULT(vdi_server_close_device(engine.devices[0]), NOERROR);
    for (unsigned i = 0; i < 3; i++) {
        got[i] = fetch();
        CHECK_EQUAL(got[i]->position, i);
    }
    nothing(0, VD_E_TIMEOUT);
    complete(got[2], ERROR_SUCCESS);
    complete(got[0], ERROR_SUCCESS);
    nothing(0, VD_E_TIMEOUT);
    complete(got[1], ERROR_SUCCESS);
    nothing(VDI_INFINITE, VD_E_CLOSE);
    nothing(VDI_INFINITE, VD_E_PROTOCOL);
    nothing(0, VD_E_PROTOCOL);
    CHECK_RESULT(caller_join(&engine.agent), NOERROR);
    CHECK_RESULT(vdi_close(set), NOERROR);
    nothing(0, VD_E_PROTOCOL);
    CHECK_RESULT(vdi_server_close(engine.server), NOERROR);
}

/* Commands are queued, and a close is, too; after an abort nothing comes. [CDEV-GETCMD-11] */
static void aborted_before_queued(void)
{
    for (int by = 0; by < 4; by++) {
        open_both();
        for (unsigned i = 0; i < COMMANDS; i++)
            send_one(i, VDC_Flush);
        if (by % 2)
            fetch();
        CHECK_RESULT(by < 2 ? vdi_signal_abort(set, NULL)
                            : vdi_server_signal_abort(engine.server, NULL),
                     NOERROR);
        nothing(VDI_INFINITE, VD_E_ABORT);
        nothing(0, VD_E_ABORT);
        engine_close_aborted(&engine);
        journal_check_all(&journal, sent, COMMANDS, ERROR_OPERATION_ABORTED);
        nothing(0, VD_E_ABORT);
        CHECK_RESULT(vdi_close(set), NOERROR);
    }
}

/*
 * A command and then an abort come while the client waits, or rather, cannot run: it gets the
 * abort. [CDEV-GETCMD-11]
 */
static void abort_wins_during_a_wait(void)
{
    int status;
    struct peer client = spawn_client();
    client_named(client, CREATE, name, NOERROR);
    engine_open(&engine, name, 1, SIZE, 1);
    client_open_device(client, name, 0);
    journal.count = 0;
    BEGIN(client, GET_COMMAND, .timeout = VDI_INFINITE);
    CHECK(kill(client.pid, SIGSTOP) == 0);
    CHECK(waitpid(client.pid, &status, WUNTRACED) == client.pid && WIFSTOPPED(status));
    send_one(0, VDC_Flush);
    CHECK_RESULT(vdi_server_signal_abort(engine.server, NULL), NOERROR);
    CHECK(kill(client.pid, SIGCONT) == 0);
    FINISH(client, VD_E_ABORT);
    engine_close_aborted(&engine);
    journal_check_all(&journal, sent, 1, ERROR_OPERATION_ABORTED);
    ASK(client, NOERROR, CLOSE);
    client_leave(client);
}

/* A client's thread that works as fast as it can, and writes down its results. */
struct worker {
    struct caller caller;
    int done;
    vdi_result results[COMMANDS];
};

static vdi_result work(void *argument)
{
    struct worker *worker = argument;
    VDC_Command *command;
    vdi_result result;
    while ((result = vdi_get_command(device, VDI_INFINITE, &command)) == NOERROR) {
        worker->results[command->position] =
            vdi_complete_command(device, command, ERROR_SUCCESS, 0, 0);
        __atomic_add_fetch(&worker->done, 1, __ATOMIC_SEQ_CST);
    }
    return result;
}

/*
 * An abort at any moment of the work: one callback for every command. A completion that was refused
 * does not reach the server; one that was accepted may still be turned into an abort.
 * [AMB-50, CDEV-COMPLETE-08, CDEV-GETCMD-05]
 */
static void abort_in_the_middle(void)
{
    for (unsigned round = 0; round < 150; round++) {
        static struct worker worker;
        open_both();
        memset(&worker, 0, sizeof worker);
        for (unsigned i = 0; i < COMMANDS; i++)
            worker.results[i] = CALL_RUNS;
        caller_start(&worker.caller, work, &worker);
        for (unsigned i = 0; i < COMMANDS; i++)
            send_one(i, VDC_Flush);
        while (__atomic_load_n(&worker.done, __ATOMIC_SEQ_CST) < (int)(round % COMMANDS))
            sched_yield();
        unsigned before = journal_count(&journal);
        CHECK_RESULT(round % 2 ? vdi_signal_abort(set, NULL)
                               : vdi_server_signal_abort(engine.server, NULL),
                     NOERROR);
        CHECK_RESULT(caller_join(&worker.caller), VD_E_ABORT);
        engine_close_aborted(&engine);
        CHECK_EQUAL(journal_count(&journal), COMMANDS);
        unsigned seen = 0;
        for (unsigned place = 0; place < COMMANDS; place++) {
            int64_t index = journal.entries[place].command->inPosition;
            CHECK(!(seen & 1u << index));
            seen |= 1u << index;
            int32_t code = journal.entries[place].code;
            CHECK(code == ERROR_SUCCESS || code == ERROR_OPERATION_ABORTED);
            if (place < before || code == ERROR_SUCCESS)
                CHECK(code == ERROR_SUCCESS && worker.results[index] == NOERROR);
        }
        CHECK_RESULT(vdi_close(set), NOERROR);
    }
}

static void run(void)
{
    unique_name(name);
    open_both();
    order();
    time_outs();
    after_an_error();
    completions_beside_a_wait();
    queued_before_closed();
    aborted_before_queued();
    abort_wins_during_a_wait();
    abort_in_the_middle();
}

int main(int argc, char **argv)
{
    static const struct role roles[] = {CLIENT_ROLE, {NULL, NULL}};
    return test_main(argc, argv, roles, run);
}
