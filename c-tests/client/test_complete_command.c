/*
 * CompleteCommand: which pointers it takes, what it carries to the server, and each of its results.
 */
#include "engine.h"

#include <stdlib.h>

#define SIZE 4096

static char name[NAME_SIZE];
static struct engine engine;
static struct journal journal = JOURNAL_INITIALIZER;
static vdi_set *set;
static vdi_device *devices[2];
static uint8_t *buffer;

static void open_both(void)
{
    set = client_create(name, 2);
    engine_open(&engine, name, 2, SIZE, 2);
    for (unsigned i = 0; i < 2; i++) {
        char device[NAME_SIZE];
        device_name(device, name, i);
        CHECK_RESULT(vdi_open_device(set, device, &devices[i]), NOERROR);
    }
    buffer = engine_buffer(&engine, SIZE);
    journal.count = 0;
}

static void send_to(unsigned device, VDS_Command *command, int32_t code)
{
    int moves = code == VDC_Read || code == VDC_Write;
    command_prepare(command, &journal, code, moves ? buffer : NULL, moves ? SIZE : 0);
    CHECK_RESULT(vdi_server_send_command(engine.devices[device], command), NOERROR);
}

static VDC_Command *fetch(unsigned device, int32_t code)
{
    VDC_Command *command;
    CHECK_RESULT(vdi_get_command(devices[device], VDI_INFINITE, &command), NOERROR);
    CHECK_EQUAL(command->commandCode, code);
    return command;
}

static void not_active(unsigned device, const void *pointer)
{
    vdi_result result = vdi_complete_command(devices[device], pointer, ERROR_SUCCESS, 0, 0);
    CHECK_RESULT(result, VD_E_INVALID);
}

/*
 * A pointer is an active command or it is not, and what it points to is not looked at.
 * [CDEV-COMPLETE-02, CDEV-COMPLETE-07, AMB-43]
 */
static void identity(void)
{
    VDS_Command sent[3];
    send_to(0, &sent[0], VDC_Flush);
    send_to(1, &sent[1], VDC_Rewind);
    VDC_Command *one = fetch(0, VDC_Flush), *two = fetch(1, VDC_Rewind);
    VDC_Command copy = *one, *heap = malloc(sizeof *heap);
    *heap = *one;
    const void *const none[] = {NULL,    &copy,           heap,           (char *)one + 1,
                                one + 1, one - 1,         (char *)one - 8, (char *)one + 8,
                                two,     (void *)1,       (void *)UINTPTR_MAX,
                                set,     devices[0],      &sent[0],       buffer,
                                one + VDI_QUEUE_CAPACITY, one - VDI_QUEUE_CAPACITY};
    for (unsigned i = 0; i < sizeof none / sizeof *none; i++)
        not_active(0, none[i]);
    not_active(1, one); /* a command of the other device */
    CHECK(memcmp(one, &copy, sizeof copy) == 0);
    CHECK_EQUAL(journal_count(&journal), 0);
    free(heap);

    CHECK_RESULT(vdi_complete_command(devices[0], one, ERROR_SUCCESS, 0, 0), NOERROR);
    not_active(0, one); /* completed already */
    CHECK_JOURNAL(&journal, 0, &sent[0], ERROR_SUCCESS);
    send_to(0, &sent[2], VDC_Flush);
    not_active(0, one); /* queued and not fetched is not active either */
    one = fetch(0, VDC_Flush);
    CHECK_RESULT(vdi_complete_command(devices[1], two, ERROR_SUCCESS, 0, 0), NOERROR);
    not_active(1, two);
    CHECK_RESULT(vdi_complete_command(devices[0], one, ERROR_SUCCESS, 0, 0), NOERROR);
    not_active(0, one);
    journal_wait(&journal, 3);
    CHECK_EQUAL(journal_count(&journal), 3);
    journal.count = 0;
}

/* Sends a command, completes it so, and checks what the server gets. */
static void carries(int32_t command_code, int32_t code, uint32_t bytes, int64_t position,
                    uint32_t wanted_bytes)
{
    VDS_Command sent;
    journal.count = 0;
    send_to(0, &sent, command_code);
    VDC_Command *got = fetch(0, command_code);
    CHECK_RESULT(vdi_complete_command(devices[0], got, code, bytes, position), NOERROR);
    CHECK_JOURNAL(&journal, 0, &sent, code);
    CHECK_EQUAL(sent.completionCode, code);
    CHECK_EQUAL(sent.bytesTransferred, wanted_bytes);
    CHECK_EQUAL(sent.outPosition, position);
}

static void fails_with_another_queued(int32_t code)
{
    VDS_Command failing, queued;
    VDC_Command *next;
    journal.count = 0;
    send_to(0, &failing, VDC_Write);
    send_to(0, &queued, VDC_Flush);
    VDC_Command *got = fetch(0, VDC_Write);
    CHECK_RESULT(vdi_complete_command(devices[0], got, code, 0, 0), NOERROR);
    CHECK_RESULT(vdi_get_command(devices[0], 0, &next), VD_E_TIMEOUT);
    CHECK_JOURNAL(&journal, 0, &failing, code);
    CHECK_JOURNAL(&journal, 1, &queued, ERROR_IO_DEVICE);
}

/*
 * Every completion code travels. Each but success puts the device into the IO-ERROR state on both
 * sides: what is queued ends, what is new is refused. Bytes travel together with a failure.
 * [CDEV-COMPLETE-03, CDEV-COMPLETE-13, CDEV-COMPLETE-14]
 */
static void codes(void)
{
    static const int32_t failures[] = {ERROR_HANDLE_EOF, ERROR_DISK_FULL, ERROR_END_OF_MEDIA,
                                       1, 1117, 995, -1, INT32_MAX, INT32_MIN};
    for (unsigned i = 0; i < sizeof failures / sizeof *failures; i++) {
        VDS_Command refused;
        carries(i % 2 ? VDC_Read : VDC_Write, failures[i], 512 * i, 0, 512 * i);
        command_prepare(&refused, &journal, VDC_Flush, NULL, 0);
        CHECK_RESULT(vdi_server_send_command(engine.devices[0], &refused), VD_E_IO_ERROR);
        carries(VDC_ClearError, ERROR_SUCCESS, 0, 0, 0);
        fails_with_another_queued(failures[i]);
        carries(VDC_ClearError, ERROR_SUCCESS, 0, 0, 0);
        carries(VDC_Flush, ERROR_SUCCESS, 0, 0, 0);
    }
}

/*
 * Reads and Writes report at most what was asked for; too much is refused and changes nothing. The
 * number is ignored with other commands. [CDEV-COMPLETE-04, AMB-34]
 */
static void byte_counts(void)
{
    static const uint32_t good[] = {0, 1, SIZE - 1, SIZE};
    static const uint32_t bad[] = {SIZE + 1, 2 * SIZE, INT32_MAX, 1u << 31, UINT32_MAX};
    static const int32_t without[] = {VDC_Flush, VDC_Rewind, VDC_GetPosition, VDC_Complete, 4711};
    for (int32_t code = VDC_Read; code <= VDC_Write; code++) {
        for (unsigned i = 0; i < sizeof good / sizeof *good; i++)
            carries(code, ERROR_SUCCESS, good[i], 0, good[i]);
        for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
            VDS_Command sent;
            journal.count = 0;
            send_to(0, &sent, code);
            VDC_Command *got = fetch(0, code);
            int32_t other = i % 2 ? ERROR_DISK_FULL : ERROR_SUCCESS;
            CHECK_RESULT(vdi_complete_command(devices[0], got, other, bad[i], 0), VD_E_INVALID);
            CHECK_EQUAL(journal_count(&journal), 0);
            CHECK_RESULT(vdi_complete_command(devices[0], got, ERROR_SUCCESS, 7, 0), NOERROR);
            CHECK_JOURNAL(&journal, 0, &sent, ERROR_SUCCESS);
            CHECK_EQUAL(sent.bytesTransferred, 7);
        }
    }
    for (unsigned i = 0; i < sizeof without / sizeof *without; i++) {
        carries(without[i], ERROR_SUCCESS, 0, 0, 0);
        carries(without[i], ERROR_SUCCESS, UINT32_MAX, 0, 0);
    }
}

/* [CDEV-COMPLETE-05] */
static void positions(void)
{
    static const int64_t values[] = {0, 1, -1, INT64_MAX, INT64_MIN};
    for (unsigned i = 0; i < sizeof values / sizeof *values; i++) {
        carries(VDC_GetPosition, ERROR_SUCCESS, 0, values[i], 0);
        carries(VDC_SetPosition, ERROR_SUCCESS, 0, values[i], 0);
    }
}

/*
 * The buffer is the client's until the call and the server's from then on: the client gets no
 * handle for it any more, and the server may free it when it knows. [CDEV-COMPLETE-11]
 */
static void owner_of_the_buffer(void)
{
    VDS_Command sent;
    uint32_t handle;
    void *mapped;
    journal.count = 0;
    send_to(0, &sent, VDC_Write);
    VDC_Command *got = fetch(0, VDC_Write);
    uint8_t *address = got->buffer;
    CHECK_RESULT(vdi_get_buffer_handle(set, address, &handle), NOERROR);
    CHECK_RESULT(vdi_server_free_buffer(engine.server, buffer, SIZE), VD_E_INVALID);
    CHECK_RESULT(vdi_complete_command(devices[0], got, ERROR_SUCCESS, SIZE, 0), NOERROR);
    CHECK_RESULT(vdi_map_buffer_handle(set, handle, &mapped), VD_E_INVALID);
    CHECK_RESULT(vdi_get_buffer_handle(set, address, &handle), VD_E_INVALID);
    journal_wait(&journal, 1);
    CHECK_RESULT(vdi_server_free_buffer(engine.server, buffer, SIZE), NOERROR);
    buffer = engine_buffer(&engine, SIZE);
}

/* A device that is not open: VD_E_CLOSE came, no handle, a closed set. [CDEV-COMPLETE-09] */
static void not_open(void)
{
    VDS_Command sent;
    VDC_Command *got, *end;
    journal.count = 0;
    send_to(0, &sent, VDC_Flush);
    got = fetch(0, VDC_Flush);
    CHECK_RESULT(vdi_complete_command(NULL, got, ERROR_SUCCESS, 0, 0), VD_E_PROTOCOL);
    CHECK_RESULT(vdi_complete_command((vdi_device *)got, got, ERROR_SUCCESS, 0, 0), VD_E_PROTOCOL);
    CHECK_RESULT(vdi_complete_command(devices[0], got, ERROR_SUCCESS, 0, 0), NOERROR);
    CHECK_JOURNAL(&journal, 0, &sent, ERROR_SUCCESS);
    CHECK_RESULT(vdi_server_close_device(engine.devices[0]), NOERROR);
    CHECK_RESULT(vdi_get_command(devices[0], VDI_INFINITE, &end), VD_E_CLOSE);
    CHECK_RESULT(vdi_complete_command(devices[0], got, ERROR_SUCCESS, 0, 0), VD_E_PROTOCOL);
    CHECK_RESULT(vdi_server_close_device(engine.devices[1]), NOERROR);
    CHECK_RESULT(caller_join(&engine.agent), NOERROR);
    CHECK_RESULT(vdi_close(set), NOERROR);
    CHECK_RESULT(vdi_complete_command(devices[0], got, ERROR_SUCCESS, 0, 0), VD_E_PROTOCOL);
    CHECK_RESULT(vdi_complete_command(devices[1], got, ERROR_SUCCESS, 0, 0), VD_E_PROTOCOL);
    CHECK_RESULT(vdi_server_close(engine.server), NOERROR);
}

/* The server does not see a completion that comes after the abort. [CDEV-COMPLETE-08] */
static void aborted(void)
{
    for (int by_client = 0; by_client < 2; by_client++) {
        VDS_Command sent;
        open_both();
        send_to(0, &sent, VDC_Read);
        VDC_Command *got = fetch(0, VDC_Read);
        CHECK_RESULT(by_client ? vdi_signal_abort(set, NULL)
                               : vdi_server_signal_abort(engine.server, NULL),
                     NOERROR);
        CHECK_RESULT(vdi_complete_command(devices[0], got, ERROR_SUCCESS, SIZE, 9), VD_E_ABORT);
        CHECK_RESULT(vdi_complete_command(devices[0], got + 1, ERROR_SUCCESS, 0, 0), VD_E_ABORT);
        engine_close_aborted(&engine);
        CHECK_EQUAL(journal_count(&journal), 1);
        CHECK_JOURNAL(&journal, 0, &sent, ERROR_OPERATION_ABORTED);
        CHECK_EQUAL(sent.bytesTransferred, 0);
        CHECK_RESULT(vdi_complete_command(devices[0], got, ERROR_SUCCESS, SIZE, 9), VD_E_ABORT);
        CHECK_RESULT(vdi_close(set), NOERROR);
    }
}

/*
 * Nobody on the server's side listens: a full queue is completed all the same, and a server that
 * listens later hears of everything. [CDEV-COMPLETE-01, CDEV-COMPLETE-06, CDEV-COMPLETE-10]
 */
static void waits_for_nobody(void)
{
    static VDS_Command sent[VDI_QUEUE_CAPACITY];
    set = client_create(name, 1);
    engine.server = server_configure(name, SIZE, 1);
    engine.count = 1;
    CHECK_RESULT(vdi_server_open_device(engine.server, name, &engine.devices[0]), NOERROR);
    CHECK_RESULT(vdi_open_device(set, name, &devices[0]), NOERROR);
    journal.count = 0;
    for (unsigned i = 0; i < VDI_QUEUE_CAPACITY; i++)
        send_to(0, &sent[i], VDC_Flush);
    for (unsigned i = 0; i < VDI_QUEUE_CAPACITY; i++) {
        VDC_Command *got = fetch(0, VDC_Flush);
        CHECK_RESULT(vdi_complete_command(devices[0], got, ERROR_SUCCESS, 0, i), NOERROR);
    }
    CHECK_EQUAL(journal_count(&journal), 0);
    caller_start(&engine.agent, completion_agent, engine.server);
    journal_check_all(&journal, sent, VDI_QUEUE_CAPACITY, ERROR_SUCCESS);
    for (unsigned i = 0; i < VDI_QUEUE_CAPACITY; i++)
        CHECK_EQUAL(sent[i].outPosition, i);
    engine_close(&engine);
    CHECK_RESULT(vdi_close(set), NOERROR);
}

static void run(void)
{
    unique_name(name);
    open_both();
    identity();
    codes();
    byte_counts();
    positions();
    owner_of_the_buffer();
    not_open();
    aborted();
    waits_for_nobody();
}

int main(int argc, char **argv)
{
    return test_main(argc, argv, NULL, run);
}
