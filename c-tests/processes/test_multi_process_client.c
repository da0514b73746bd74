/*
 * The whole of a client with several processes: the primary starts a secondary for each stream,
 * waits for them one by one as they end, aborts when the first one fails, and closes at the end.
 */
#include "engine.h"

#include <stdlib.h>
#include <sys/wait.h>

#define STREAMS 3
#define SIZE 4096
#define NO_STREAM STREAMS

/* Exit statuses of a secondary. */
enum { DONE = 0, FAILED = 3, ABORTED = 4 };

/* argv: set, number of the stream, stream that fails. The order of the calls is the sample's. */
static int secondary_role(int argc, char **argv)
{
    CHECK_EQUAL(argc, 4);
    unsigned stream = (unsigned)atoi(argv[2]), failing = (unsigned)atoi(argv[3]);
    char device_named[NAME_SIZE];
    vdi_set *set;
    vdi_device *device;
    VDConfig config;
    VDC_Command *command;
    vdi_result result;
    device_name(device_named, argv[1], stream);
    CHECK_RESULT(vdi_open_in_secondary(NULL, argv[1], &set), NOERROR);
    CHECK_RESULT(vdi_open_device(set, device_named, &device), NOERROR);
    CHECK_RESULT(vdi_get_configuration(set, VDI_INFINITE, &config), NOERROR);
    tell(parent(), 0);
    while ((result = vdi_get_command(device, VDI_INFINITE, &command)) == NOERROR) {
        if (stream == failing)
            return FAILED; /* with a command in its hands, and without a word */
        CHECK_RESULT(vdi_complete_command(device, command, ERROR_SUCCESS, SIZE, 0), NOERROR);
    }
    if (result == VD_E_CLOSE) {
        CHECK_RESULT(vdi_close(set), NOERROR);
        return DONE;
    }
    CHECK_RESULT(result, VD_E_ABORT);
    CHECK_RESULT(vdi_signal_abort(set, "too late"), NOERROR);
    CHECK_RESULT(vdi_close(set), NOERROR);
    return ABORTED;
}

/* Waits for the end of any child: its exit status. */
static int any_child(void)
{
    int status;
    CHECK(waitpid(-1, &status, 0) > 0 && WIFEXITED(status));
    return WEXITSTATUS(status);
}

/* argv: set, stream that fails. [PROC-04, PROC-06, PROC-07, PROC-08] */
static int primary_role(int argc, char **argv)
{
    CHECK_EQUAL(argc, 3);
    struct peer streams[STREAMS];
    unsigned ended[ABORTED + 1] = {0};
    int fails = atoi(argv[2]) != NO_STREAM;
    uint32_t code;
    VDConfig config;
    vdi_set *set = client_create(argv[1], STREAMS);
    tell(parent(), 0);
    CHECK_RESULT(vdi_get_configuration(set, VDI_INFINITE, &config), NOERROR);
    for (unsigned i = 0; i < STREAMS; i++) {
        char number[16];
        snprintf(number, sizeof number, "%u", i);
        streams[i] = spawn_role("secondary", argv[1], number, argv[2], (char *)NULL);
    }
    for (unsigned i = 0; i < STREAMS; i++)
        hear(streams[i]);
    for (unsigned i = 0; i < STREAMS; i++) {
        int status = any_child();
        CHECK(status <= ABORTED);
        ended[status]++;
        if (status == FAILED) {
            /* Nothing has happened by itself. [CRASH-03] */
            CHECK_EQUAL(ended[ABORTED], 0);
            CHECK_RESULT(vdi_abort_reason(set, &code, NULL, 0), NOERROR);
            CHECK_EQUAL(code, VDI_ABORT_NONE);
            CHECK_RESULT(vdi_signal_abort(set, "a stream has failed"), NOERROR);
        }
    }
    CHECK_EQUAL(ended[DONE], fails ? 0 : STREAMS);
    CHECK_EQUAL(ended[FAILED], fails);
    CHECK_RESULT(vdi_close(set), NOERROR);
    return 0;
}

static struct engine engine;
static struct journal journal = JOURNAL_INITIALIZER;
static VDS_Command commands[STREAMS];

static void statement(unsigned failing)
{
    char name[NAME_SIZE], number[16], text[256];
    uint32_t code;
    unique_name(name);
    snprintf(number, sizeof number, "%u", failing);
    journal.count = 0;
    struct peer primary = spawn_role("primary", name, number, (char *)NULL);
    hear(primary);
    engine_open(&engine, name, STREAMS, SIZE, STREAMS);
    for (unsigned i = 0; i < STREAMS; i++) {
        command_prepare(&commands[i], &journal, VDC_Write, engine_buffer(&engine, SIZE), SIZE);
        CHECK_RESULT(vdi_server_send_command(engine.devices[i], &commands[i]), NOERROR);
    }
    journal_wait(&journal, STREAMS);
    if (failing == NO_STREAM) {
        journal_check_all(&journal, commands, STREAMS, ERROR_SUCCESS);
        engine_close(&engine);
    } else {
        CHECK_RESULT(vdi_server_abort_reason(engine.server, &code, text, sizeof text), NOERROR);
        CHECK_EQUAL(code, VDI_ABORT_CLIENT);
        CHECK_TEXT(text, "a stream has failed");
        CHECK_EQUAL(journal.entries[STREAMS - 1].code, ERROR_OPERATION_ABORTED);
        engine_close_aborted(&engine);
    }
    CHECK_EQUAL(wait_exit(primary), 0);
}

static void run(void)
{
    for (unsigned failing = 0; failing <= NO_STREAM; failing++)
        statement(failing);
}

int main(int argc, char **argv)
{
    static const struct role roles[] = {
        {"primary", primary_role}, {"secondary", secondary_role}, {NULL, NULL}};
    return test_main(argc, argv, roles, run);
}
