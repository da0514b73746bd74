/*
 * The IO-ERROR protocol: section 16 of the specification, beginning with the sequence of 23.4.
 */
#include "holding.h"
#include "roles.h"

#define SIZE 4096

static char name[NAME_SIZE];
static struct engine engine;
static struct journal journal = JOURNAL_INITIALIZER;
static VDS_Command commands[8];
static uint8_t *buffer[8];
static struct peer client;

static void start(unsigned devices)
{
    client_creates(client, name, (VDConfig){.deviceCount = devices});
    engine_open(&engine, name, devices, SIZE, 8);
    for (unsigned i = 0; i < devices; i++)
        client_open_device(client, name, i);
    for (unsigned i = 0; i < 8; i++)
        buffer[i] = engine_buffer(&engine, SIZE);
    journal.count = 0;
}

static void finish(void)
{
    engine_close(&engine);
    ASK(client, NOERROR, CLOSE);
}

static vdi_result submit(unsigned device, unsigned index, int32_t code)
{
    int transfer = code == VDC_Read || code == VDC_Write;
    command_prepare(&commands[index], &journal, code, transfer ? buffer[index] : NULL,
                    transfer ? SIZE : 0);
    return vdi_server_send_command(engine.devices[device], &commands[index]);
}

/* Refused at once, on this thread. [ERR-02] */
static void refused(unsigned device, unsigned index, int32_t code)
{
    unsigned before = journal_count(&journal);
    CHECK_RESULT(submit(device, index, code), VD_E_IO_ERROR);
    CHECK_JOURNAL(&journal, before, &commands[index], ERROR_IO_DEVICE);
    CHECK_EQUAL(journal.entries[before].bytes, 0);
    CHECK(pthread_equal(journal.entries[before].thread, pthread_self()));
}

/* Fails the next command of a device, which must be commands[index]. */
static void fail_next(unsigned device, unsigned index, int32_t code)
{
    unsigned before = journal_count(&journal);
    struct answer got = client_fetch(client, device, commands[index].commandCode);
    ASK(client, NOERROR, COMPLETE, .device = device, .slot = got.slot, .code = code);
    CHECK_JOURNAL(&journal, before, &commands[index], code);
}

static void succeed_next(unsigned device, unsigned index)
{
    fail_next(device, index, ERROR_SUCCESS);
}

/* The sequence of 23.4, step by step. [DEV-02] */
static void reference_sequence(void)
{
    start(1);
    for (unsigned i = 0; i < 4; i++)
        CHECK_RESULT(submit(0, i, VDC_Write), NOERROR);
    struct answer first = client_fetch(client, 0, VDC_Write);
    struct answer second = client_fetch(client, 0, VDC_Write);
    ASK(client, NOERROR, COMPLETE, .slot = first.slot, .code = ERROR_END_OF_MEDIA, .bytes = 512);

    CHECK_JOURNAL(&journal, 0, &commands[0], ERROR_END_OF_MEDIA);
    CHECK_JOURNAL(&journal, 1, &commands[2], ERROR_IO_DEVICE); /* [ERR-03] */
    CHECK_JOURNAL(&journal, 2, &commands[3], ERROR_IO_DEVICE);
    CHECK_EQUAL(journal.entries[0].bytes, 512);
    for (unsigned i = 0; i < 3; i++) /* [ERR-11, AMB-30] */
        CHECK(pthread_equal(journal.entries[i].thread, engine.agent.thread));
    CHECK_EQUAL(journal.entries[1].bytes, 0);
    CHECK_EQUAL(journal.entries[2].bytes, 0);

    refused(0, 4, VDC_Read);
    CHECK_RESULT(submit(0, 5, VDC_ClearError), NOERROR);
    refused(0, 6, VDC_Flush); /* [ERR-15] */
    /* Held back: the second write is not completed. [ERR-05] */
    ASK(client, VD_E_TIMEOUT, GET_COMMAND, .timeout = 0);
    ASK(client, VD_E_TIMEOUT, GET_COMMAND, .timeout = 100);
    CHECK_EQUAL(journal_count(&journal), 5);
    ASK(client, NOERROR, COMPLETE, .slot = second.slot, .bytes = SIZE);
    CHECK_JOURNAL(&journal, 5, &commands[1], ERROR_SUCCESS); /* [ERR-04] */
    CHECK_EQUAL(journal.entries[5].bytes, SIZE);

    struct answer clear = client_fetch(client, 0, VDC_ClearError);
    refused(0, 4, VDC_Read); /* [ERR-15] being executed */
    ASK(client, NOERROR, COMPLETE, .slot = clear.slot);
    CHECK_JOURNAL(&journal, 7, &commands[5], ERROR_SUCCESS);
    CHECK_RESULT(submit(0, 0, VDC_Read), NOERROR); /* [ERR-07] */
    succeed_next(0, 0);
    finish();
}

/* A waiting GetCommand gets ClearError when the last old command is completed. [ERR-05] */
static void clear_error_wakes(void)
{
    start(1);
    for (unsigned i = 0; i < 4; i++)
        CHECK_RESULT(submit(0, i, VDC_Write), NOERROR);
    struct answer got[3];
    for (unsigned i = 0; i < 3; i++)
        got[i] = client_fetch(client, 0, VDC_Write);
    ASK(client, NOERROR, COMPLETE, .slot = got[1].slot, .code = ERROR_DISK_FULL);
    CHECK_JOURNAL(&journal, 0, &commands[1], ERROR_DISK_FULL);
    CHECK_JOURNAL(&journal, 1, &commands[3], ERROR_IO_DEVICE);
    /* A second error is reported as it is, and changes nothing. [ERR-12] */
    ASK(client, NOERROR, COMPLETE, .slot = got[0].slot, .code = ERROR_EOM_OVERFLOW, .bytes = 7);
    CHECK_JOURNAL(&journal, 2, &commands[0], ERROR_EOM_OVERFLOW);
    CHECK_EQUAL(journal.entries[2].bytes, 7);
    ASK(client, VD_E_TIMEOUT, GET_COMMAND, .timeout = 50);
    refused(0, 5, VDC_Flush);
    ASK(client, NOERROR, COMPLETE, .slot = got[2].slot);
    CHECK_JOURNAL(&journal, 4, &commands[2], ERROR_SUCCESS);
    refused(0, 5, VDC_Flush); /* success of an old command does not end the state */
    BEGIN(client, GET_COMMAND, .timeout = VDI_INFINITE);
    CHECK_RESULT(submit(0, 6, VDC_ClearError), NOERROR);
    struct answer clear = FINISH(client, NOERROR);
    CHECK_EQUAL(clear.command.commandCode, VDC_ClearError);
    ASK(client, NOERROR, COMPLETE, .slot = clear.slot);
    CHECK_JOURNAL(&journal, 6, &commands[6], ERROR_SUCCESS);
    finish();
}

/* Any code but success, of any command, is an error. [ERR-10, AMB-49] */
static void what_is_an_error(void)
{
    static const int32_t errors[] = {ERROR_HANDLE_EOF, ERROR_FILEMARK_DETECTED, ERROR_NOT_SUPPORTED,
                                     ERROR_OPERATION_ABORTED, 1, -1};
    static const int32_t codes[] = {VDC_Read, VDC_Flush, VDC_SkipMarks, VDC_Complete, 4711};
    start(1);
    for (unsigned e = 0; e < sizeof errors / sizeof *errors; e++)
        for (unsigned c = 0; c < sizeof codes / sizeof *codes; c++) {
            CHECK_RESULT(submit(0, 0, codes[c]), NOERROR);
            fail_next(0, 0, errors[e]);
            refused(0, 1, VDC_Write);
            CHECK_RESULT(submit(0, 2, VDC_ClearError), NOERROR);
            succeed_next(0, 2);
        }
    /* ClearError is an ordinary command while there is no error. [ERR-14] */
    CHECK_RESULT(submit(0, 0, VDC_Flush), NOERROR);
    CHECK_RESULT(submit(0, 1, VDC_ClearError), NOERROR);
    CHECK_RESULT(submit(0, 2, VDC_Flush), NOERROR);
    for (unsigned i = 0; i < 3; i++)
        succeed_next(0, i);
    /* Even its failure is no error then. [AMB-49] */
    CHECK_RESULT(submit(0, 0, VDC_ClearError), NOERROR);
    CHECK_RESULT(submit(0, 1, VDC_Flush), NOERROR);
    fail_next(0, 0, ERROR_BUS_RESET);
    CHECK_RESULT(submit(0, 2, VDC_Flush), NOERROR);
    succeed_next(0, 1);
    succeed_next(0, 2);
    finish();
}

/* A ClearError that fails leaves the state, and can be sent again. [ERR-13] */
static void failing_clear_error(void)
{
    start(1);
    CHECK_RESULT(submit(0, 0, VDC_Write), NOERROR);
    fail_next(0, 0, ERROR_BUS_RESET);
    for (int again = 0; again < 3; again++) {
        CHECK_RESULT(submit(0, 1, VDC_ClearError), NOERROR);
        fail_next(0, 1, ERROR_NO_MEDIA_IN_DRIVE);
        refused(0, 2, VDC_Write);
    }
    CHECK_RESULT(submit(0, 1, VDC_ClearError), NOERROR);
    succeed_next(0, 1);
    CHECK_RESULT(submit(0, 2, VDC_Write), NOERROR);
    succeed_next(0, 2);
    finish();
}

/* The other devices go on. [DEV-03, ERR-16] */
static void other_devices(void)
{
    start(2);
    CHECK_RESULT(submit(0, 0, VDC_Write), NOERROR);
    CHECK_RESULT(submit(1, 1, VDC_Write), NOERROR);
    CHECK_RESULT(submit(1, 2, VDC_Flush), NOERROR);
    fail_next(0, 0, ERROR_BUS_RESET);
    refused(0, 3, VDC_Write);
    succeed_next(1, 1);
    succeed_next(1, 2);
    CHECK_RESULT(submit(1, 1, VDC_Write), NOERROR);
    succeed_next(1, 1);
    CHECK_RESULT(submit(0, 0, VDC_ClearError), NOERROR);
    succeed_next(0, 0);
    finish();
}

/* Closing takes the place of ClearError. [SDEV-CLOSE-05, ERR-08] */
static void close_instead(void)
{
    start(1);
    CHECK_RESULT(submit(0, 0, VDC_Write), NOERROR);
    fail_next(0, 0, ERROR_DISK_FULL);
    BEGIN(client, GET_COMMAND, .timeout = VDI_INFINITE);
    CHECK_RESULT(vdi_server_close_device(engine.devices[0]), NOERROR);
    FINISH(client, VD_E_CLOSE);
    CHECK_RESULT(caller_join(&engine.agent), NOERROR);
    CHECK_RESULT(vdi_server_close(engine.server), NOERROR);
    ASK(client, NOERROR, CLOSE);

    /* A ClearError that is held back when the close arrives ends by the library. [AMB-17] */
    start(1);
    CHECK_RESULT(submit(0, 0, VDC_Write), NOERROR);
    CHECK_RESULT(submit(0, 1, VDC_Write), NOERROR);
    struct answer old = client_fetch(client, 0, VDC_Write);
    fail_next(0, 1, ERROR_DISK_FULL);
    CHECK_RESULT(submit(0, 2, VDC_ClearError), NOERROR);
    CHECK_RESULT(vdi_server_close_device(engine.devices[0]), NOERROR);
    ASK(client, VD_E_TIMEOUT, GET_COMMAND, .timeout = 50); /* the old write is outstanding */
    ASK(client, NOERROR, COMPLETE, .slot = old.slot);
    ASK(client, VD_E_CLOSE, GET_COMMAND, .timeout = VDI_INFINITE);
    CHECK_RESULT(caller_join(&engine.agent), NOERROR);
    CHECK_RESULT(vdi_server_close(engine.server), NOERROR);
    ASK(client, NOERROR, CLOSE);
    CHECK_EQUAL(journal_count(&journal), 3);
    CHECK_EQUAL(commands[0].completionCode, ERROR_SUCCESS);
    CHECK_EQUAL(commands[2].completionCode, ERROR_OPERATION_ABORTED);
    CHECK_EQUAL(commands[2].bytesTransferred, 0);
}

/* Abort in the IO-ERROR state, with a ClearError held back. [ERR-08] */
static void abort_instead(void)
{
    start(1);
    for (unsigned i = 0; i < 3; i++)
        CHECK_RESULT(submit(0, i, VDC_Write), NOERROR);
    client_fetch(client, 0, VDC_Write);
    fail_next(0, 1, ERROR_DISK_FULL);
    CHECK_JOURNAL(&journal, 1, &commands[2], ERROR_IO_DEVICE);
    CHECK_RESULT(submit(0, 3, VDC_ClearError), NOERROR);
    BEGIN(client, GET_COMMAND, .timeout = VDI_INFINITE);
    CHECK_RESULT(vdi_server_signal_abort(engine.server, NULL), NOERROR);
    FINISH(client, VD_E_ABORT);
    engine_close_aborted(&engine);
    CHECK_EQUAL(journal_count(&journal), 4);
    CHECK_EQUAL(commands[0].completionCode, ERROR_OPERATION_ABORTED);
    CHECK_EQUAL(commands[3].completionCode, ERROR_OPERATION_ABORTED);
    ASK(client, NOERROR, CLOSE);
}

/* A thread waits in GetCommand while another one completes the last old command. [ERR-05] */
static void completion_releases_clear_error(void)
{
    VDC_Command *got[2];
    struct getter getter;
    struct caller caller;
    vdi_set *set = client_create(name, 1);
    engine_open(&engine, name, 1, SIZE, 8);
    journal.count = 0;
    for (unsigned i = 0; i < 2; i++)
        buffer[i] = engine_buffer(&engine, SIZE);
    CHECK_RESULT(vdi_open_device(set, name, &getter.device), NOERROR);
    for (unsigned i = 0; i < 2; i++) {
        CHECK_RESULT(submit(0, i, VDC_Write), NOERROR);
        CHECK_RESULT(vdi_get_command(getter.device, VDI_INFINITE, &got[i]), NOERROR);
    }
    CHECK_RESULT(vdi_complete_command(getter.device, got[0], ERROR_DISK_FULL, 0, 0), NOERROR);
    CHECK_JOURNAL(&journal, 0, &commands[0], ERROR_DISK_FULL);
    CHECK_RESULT(submit(0, 2, VDC_ClearError), NOERROR);
    caller_start(&caller, get_command, &getter);
    CHECK(caller_waits(&caller));
    CHECK_RESULT(vdi_complete_command(getter.device, got[1], ERROR_SUCCESS, SIZE, 0), NOERROR);
    CHECK_RESULT(caller_join(&caller), NOERROR);
    CHECK_EQUAL(getter.command->commandCode, VDC_ClearError);
    CHECK_RESULT(vdi_complete_command(getter.device, getter.command, ERROR_SUCCESS, 0, 0),
                 NOERROR);
    CHECK_JOURNAL(&journal, 2, &commands[2], ERROR_SUCCESS);
    engine_close(&engine);
    CHECK_RESULT(vdi_close(set), NOERROR);
}

/* A command sent before the server has heard of the error is never delivered. [ERR-03] */
static void sent_before_the_news(void)
{
    start(1);
    command_prepare_holding(&commands[0], &journal);
    CHECK_RESULT(vdi_server_send_command(engine.devices[0], &commands[0]), NOERROR);
    CHECK_RESULT(submit(0, 1, VDC_Write), NOERROR);
    struct answer first = client_fetch(client, 0, VDC_Flush);
    struct answer second = client_fetch(client, 0, VDC_Write);
    ASK(client, NOERROR, COMPLETE, .slot = first.slot);
    wait_agent_held();
    ASK(client, NOERROR, COMPLETE, .slot = second.slot, .code = ERROR_DISK_FULL);
    vdi_result sent = submit(0, 2, VDC_Write);
    CHECK(sent == NOERROR || sent == VD_E_IO_ERROR);
    ASK(client, VD_E_TIMEOUT, GET_COMMAND, .timeout = 50);
    let_the_agent_go();
    journal_wait(&journal, 3);
    CHECK_EQUAL(commands[1].completionCode, ERROR_DISK_FULL);
    CHECK_EQUAL(commands[2].completionCode, ERROR_IO_DEVICE);
    CHECK_RESULT(submit(0, 3, VDC_ClearError), NOERROR);
    succeed_next(0, 3);
    finish();
}

static void run(void)
{
    unique_name(name);
    client = spawn_client();
    reference_sequence();
    clear_error_wakes();
    what_is_an_error();
    failing_clear_error();
    other_devices();
    close_instead();
    abort_instead();
    completion_releases_clear_error();
    sent_before_the_news();
    client_leave(client);
}

int main(int argc, char **argv)
{
    static const struct role roles[] = {CLIENT_ROLE, {NULL, NULL}};
    return test_main(argc, argv, roles, run);
}
