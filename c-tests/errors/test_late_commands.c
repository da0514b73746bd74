/*
 * Commands on the way when the server has not heard of an error yet, and ClearErrors that are older
 * than the error that they meet.
 */
#include "holding.h"

#define SIZE 4096

static char name[NAME_SIZE];
static struct engine engine;
static struct journal journal = JOURNAL_INITIALIZER;
static VDS_Command commands[8];
static VDC_Command *fetched[8];
static vdi_set *set;
static vdi_device *device;

static void start(void)
{
    set = client_create(name, 1);
    engine_open(&engine, name, 1, SIZE, 1);
    CHECK_RESULT(vdi_open_device(set, name, &device), NOERROR);
    journal.count = 0;
}

static void finish(void)
{
    engine_close(&engine);
    CHECK_RESULT(vdi_close(set), NOERROR);
}

static void submit(unsigned index, int32_t code)
{
    command_prepare(&commands[index], &journal, code, NULL, 0);
    CHECK_RESULT(vdi_server_send_command(engine.devices[0], &commands[index]), NOERROR);
}

/* The client has this command next. */
static void fetch(unsigned index)
{
    /* It is there: nothing has to be waited for. */
    CHECK_RESULT(vdi_get_command(device, 0, &fetched[index]), NOERROR);
    CHECK_EQUAL(fetched[index]->commandCode, commands[index].commandCode);
}

static void nothing_to_fetch(void)
{
    VDC_Command *command;
    CHECK_RESULT(vdi_get_command(device, 0, &command), VD_E_TIMEOUT);
}

static void complete(unsigned index, int32_t code)
{
    CHECK_RESULT(vdi_complete_command(device, fetched[index], code, 0, 0), NOERROR);
}

/*
 * The agent is inside a routine; the client has failed commands[1], which the server cannot know.
 */
static void fail_in_secret(void)
{
    start();
    command_prepare_holding(&commands[0], &journal);
    CHECK_RESULT(vdi_server_send_command(engine.devices[0], &commands[0]), NOERROR);
    submit(1, VDC_Flush);
    fetch(0);
    fetch(1);
    complete(0, ERROR_SUCCESS);
    wait_agent_held();
    complete(1, ERROR_DISK_FULL);
}

/* The agent hears everything: these commands ended so, in this order. */
static void tell_the_agent(unsigned count, const unsigned *order, const int32_t *codes)
{
    let_the_agent_go();
    journal_wait(&journal, count);
    for (unsigned i = 0; i < count; i++) {
        CHECK_JOURNAL(&journal, i, &commands[order[i]], codes[i]);
        CHECK(pthread_equal(journal.entries[i].thread, engine.agent.thread));
    }
    submit(7, VDC_Flush);
    fetch(7);
    complete(7, ERROR_SUCCESS);
    CHECK_JOURNAL(&journal, count, &commands[7], ERROR_SUCCESS);
    finish();
}

/* Commands around a ClearError, all sent too late, are never delivered. [ERR-03, ERR-15] */
static void late_around_a_clear_error(void)
{
    fail_in_secret();
    submit(2, VDC_Flush);
    submit(3, VDC_ClearError);
    submit(4, VDC_Flush);
    fetch(3);
    nothing_to_fetch();
    complete(3, ERROR_SUCCESS);
    nothing_to_fetch();
    tell_the_agent(5, (const unsigned[]){0, 1, 2, 4, 3},
                   (const int32_t[]){ERROR_SUCCESS, ERROR_DISK_FULL, ERROR_IO_DEVICE,
                                     ERROR_IO_DEVICE, ERROR_SUCCESS});
}

/* One that is sent while the client executes the ClearError. [ERR-15] */
static void late_during_a_clear_error(void)
{
    fail_in_secret();
    submit(2, VDC_ClearError);
    fetch(2);
    submit(3, VDC_Flush);
    complete(2, ERROR_SUCCESS);
    nothing_to_fetch();
    tell_the_agent(4, (const unsigned[]){0, 1, 3, 2},
                   (const int32_t[]){ERROR_SUCCESS, ERROR_DISK_FULL, ERROR_IO_DEVICE,
                                     ERROR_SUCCESS});
}

/* A second ClearError waits for the first; then it is an ordinary command. [ERR-14] */
static void two_clear_errors(int32_t first)
{
    start();
    submit(0, VDC_Flush);
    fetch(0);
    complete(0, ERROR_DISK_FULL);
    CHECK_JOURNAL(&journal, 0, &commands[0], ERROR_DISK_FULL);
    submit(1, VDC_ClearError);
    submit(2, VDC_ClearError);
    fetch(1);
    nothing_to_fetch();
    complete(1, first);
    CHECK_JOURNAL(&journal, 1, &commands[1], first);
    fetch(2);
    complete(2, ERROR_SUCCESS);
    CHECK_JOURNAL(&journal, 2, &commands[2], ERROR_SUCCESS);
    submit(3, VDC_Flush);
    fetch(3);
    complete(3, ERROR_SUCCESS);
    finish();
}

/*
 * A queued ClearError is no answer to an error that comes later: the client never sees it. [ERR-03]
 */
static void queued_clear_error(void)
{
    start();
    submit(0, VDC_Flush);
    submit(1, VDC_ClearError);
    submit(2, VDC_Flush);
    fetch(0);
    complete(0, ERROR_DISK_FULL);
    CHECK_JOURNAL(&journal, 1, &commands[1], ERROR_IO_DEVICE);
    CHECK_JOURNAL(&journal, 2, &commands[2], ERROR_IO_DEVICE);
    nothing_to_fetch();
    submit(3, VDC_ClearError);
    fetch(3);
    complete(3, ERROR_SUCCESS);
    CHECK_JOURNAL(&journal, 3, &commands[3], ERROR_SUCCESS);
    finish();
}

/*
 * The client holds a Flush, a ClearError and another Flush when the first fails. The success of
 * the old ClearError ends the state (decision 18); the one that was sent in answer to the error
 * still waits for every old command, and is not lost. [ERR-05, ERR-14]
 */
static void old_clear_error(int close)
{
    start();
    for (unsigned i = 0; i < 3; i++) {
        submit(i, i == 1 ? VDC_ClearError : VDC_Flush);
        fetch(i);
    }
    complete(0, ERROR_DISK_FULL);
    CHECK_JOURNAL(&journal, 0, &commands[0], ERROR_DISK_FULL);
    submit(3, VDC_ClearError);
    nothing_to_fetch();
    complete(1, ERROR_SUCCESS);
    CHECK_JOURNAL(&journal, 1, &commands[1], ERROR_SUCCESS);
    submit(4, VDC_Flush);
    nothing_to_fetch();
    if (close)
        CHECK_RESULT(vdi_server_close_device(engine.devices[0]), NOERROR);
    complete(2, ERROR_SUCCESS);
    CHECK_JOURNAL(&journal, 2, &commands[2], ERROR_SUCCESS);
    if (!close) {
        fetch(3);
        complete(3, ERROR_SUCCESS);
    }
    fetch(4);
    complete(4, ERROR_SUCCESS);
    CHECK_JOURNAL(&journal, 3, &commands[3], close ? ERROR_OPERATION_ABORTED : ERROR_SUCCESS);
    CHECK_JOURNAL(&journal, 4, &commands[4], ERROR_SUCCESS);
    if (!close) {
        finish();
        return;
    }
    CHECK_RESULT(vdi_get_command(device, VDI_INFINITE, &fetched[0]), VD_E_CLOSE);
    CHECK_RESULT(caller_join(&engine.agent), NOERROR);
    CHECK_RESULT(vdi_server_close(engine.server), NOERROR);
    CHECK_RESULT(vdi_close(set), NOERROR);
}

/* An error after CloseDevice ends what is still queued; the close comes behind it. [AMB-17] */
static void error_after_the_close(void)
{
    start();
    for (unsigned i = 0; i < 3; i++)
        submit(i, VDC_Flush);
    fetch(0);
    CHECK_RESULT(vdi_server_close_device(engine.devices[0]), NOERROR);
    complete(0, ERROR_DISK_FULL);
    CHECK_RESULT(vdi_get_command(device, VDI_INFINITE, &fetched[1]), VD_E_CLOSE);
    CHECK_RESULT(caller_join(&engine.agent), NOERROR);
    CHECK_JOURNAL(&journal, 0, &commands[0], ERROR_DISK_FULL);
    CHECK_JOURNAL(&journal, 1, &commands[1], ERROR_IO_DEVICE);
    CHECK_JOURNAL(&journal, 2, &commands[2], ERROR_IO_DEVICE);
    CHECK_RESULT(vdi_server_close(engine.server), NOERROR);
    CHECK_RESULT(vdi_close(set), NOERROR);
}

/*
 * The success of an old ClearError ends the state at the client before the server knows. The
 * ClearError that the server sends in answer still waits for every old command. [ERR-05]
 */
static void answer_after_an_old_clear_error(void)
{
    start();
    submit(0, VDC_Flush);
    submit(1, VDC_ClearError);
    command_prepare_holding(&commands[2], &journal);
    CHECK_RESULT(vdi_server_send_command(engine.devices[0], &commands[2]), NOERROR);
    for (unsigned i = 0; i < 3; i++)
        fetch(i);
    complete(2, ERROR_DISK_FULL);
    wait_agent_held();
    complete(1, ERROR_SUCCESS);
    submit(3, VDC_ClearError);
    nothing_to_fetch();
    complete(0, ERROR_SUCCESS);
    fetch(3);
    complete(3, ERROR_SUCCESS);
    let_the_agent_go();
    CHECK_JOURNAL(&journal, 0, &commands[2], ERROR_DISK_FULL);
    CHECK_JOURNAL(&journal, 1, &commands[1], ERROR_SUCCESS);
    CHECK_JOURNAL(&journal, 2, &commands[0], ERROR_SUCCESS);
    CHECK_JOURNAL(&journal, 3, &commands[3], ERROR_SUCCESS);
    finish();
}

static void run(void)
{
    unique_name(name);
    late_around_a_clear_error();
    late_during_a_clear_error();
    two_clear_errors(ERROR_SUCCESS);
    two_clear_errors(ERROR_BUS_RESET);
    queued_clear_error();
    old_clear_error(0);
    old_clear_error(1);
    answer_after_an_old_clear_error();
    error_after_the_close();
}

int main(int argc, char **argv)
{
    return test_main(argc, argv, NULL, run);
}
