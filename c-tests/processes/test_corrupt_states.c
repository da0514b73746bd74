/*
 * Words of the control segment that change at the worst moment, while this process is both client
 * and server.
 */
#include "engine.h"
#include "hostile/segment.h"

#define BUFFER 4096

static char name[NAME_SIZE];
static vdi_set *set;
static vdi_device *device;
static struct engine engine;
static struct journal journal = JOURNAL_INITIALIZER;
static VDS_Command command;
static VDC_Command *got;

/* Writes into every mapping of a control segment: there is one set, with both sides here. */
static void spoil(enum word word, uint32_t value)
{
    struct segment segment;
    unsigned count = 0;
    for (; (segment = segment_of_library(count)).base != NULL; count++)
        segment_store(&segment, (struct spot){.word = word}, value);
    CHECK(count > 0);
}

static void is_corrupted(void)
{
    uint32_t code;
    CHECK_RESULT(vdi_server_abort_reason(engine.server, &code, NULL, 0), NOERROR);
    CHECK_EQUAL(code, VDI_ABORT_CORRUPTION);
    CHECK_RESULT(vdi_abort_reason(set, &code, NULL, 0), NOERROR);
    CHECK_EQUAL(code, VDI_ABORT_CORRUPTION);
}

static void close_both(void)
{
    CHECK_RESULT(vdi_server_close(engine.server), NOERROR);
    CHECK_RESULT(vdi_close(set), NOERROR);
}

/* The phase is not the one that the server left: its next step ends the set. [SEC-07, AMB-31] */
static void steps_from_a_wrong_phase(void)
{
    vdi_server_parameters parameters = {
        .size = sizeof parameters,
        .features = VDF_WriteMedia,
        .blockSize = BLOCK_SIZE,
        .maxTransferSize = TRANSFER_SIZE,
    };
    for (int configurable = 0; configurable <= 1; configurable++) {
        set = client_create(name, 1);
        CHECK_RESULT(vdi_server_open(NULL, name, &engine.server), NOERROR);
        if (configurable) {
            CHECK_RESULT(vdi_server_begin_configuration(engine.server, &parameters), NOERROR);
            spoil(PHASE, CONNECTED);
            CHECK_RESULT(vdi_server_end_configuration(engine.server), VD_E_ABORT);
        } else {
            spoil(PHASE, CONFIGURABLE);
            CHECK_RESULT(vdi_server_begin_configuration(engine.server, &parameters), VD_E_ABORT);
        }
        is_corrupted();
        close_both();
    }
}

static void open_both(void)
{
    set = client_create(name, 1);
    engine_open(&engine, name, 1, BUFFER, 1);
    CHECK_RESULT(vdi_open_device(set, name, &device), NOERROR);
}

/* A set that says at its end that it has not begun has not ended well. [SEC-07, AMB-31] */
static void end_from_a_wrong_phase(void)
{
    open_both();
    spoil(PHASE, CREATED);
    CHECK_RESULT(vdi_server_close_device(engine.devices[0]), NOERROR);
    CHECK_RESULT(caller_join(&engine.agent), VD_E_ABORT);
    is_corrupted();
    close_both();
}

static void send_write(void)
{
    journal.count = 0;
    command_prepare(&command, &journal, VDC_Write, engine_buffer(&engine, BUFFER), BUFFER);
    CHECK_RESULT(vdi_server_send_command(engine.devices[0], &command), NOERROR);
    CHECK_RESULT(vdi_get_command(device, VDI_INFINITE, &got), NOERROR);
}

/* A completion that the server finds when it closes, without an agent. [SEC-07] */
static void spoiled_last_completion(void)
{
    set = client_create(name, 1);
    engine.server = server_configure(name, BUFFER, 1);
    CHECK_RESULT(vdi_server_open_device(engine.server, name, &engine.devices[0]), NOERROR);
    CHECK_RESULT(vdi_open_device(set, name, &device), NOERROR);
    send_write();
    CHECK_RESULT(vdi_complete_command(device, got, ERROR_SUCCESS, BUFFER, 0), NOERROR);
    spoil(COMPLETION_TICKET, 5);
    CHECK_RESULT(vdi_server_close(engine.server), NOERROR);
    CHECK_JOURNAL(&journal, 0, &command, ERROR_OPERATION_ABORTED);
    uint32_t code;
    CHECK_RESULT(vdi_abort_reason(set, &code, NULL, 0), NOERROR);
    CHECK_EQUAL(code, VDI_ABORT_CORRUPTION);
    CHECK_RESULT(vdi_close(set), NOERROR);
}

static uint32_t handle;

static vdi_result map(void *nothing)
{
    void *buffer;
    (void)nothing;
    return vdi_map_buffer_handle(set, handle, &buffer);
}

/* A handle into an area that never comes is waited for; Close ends the wait. [CSET-CLOSE-03] */
static void close_ends_the_wait_for_an_area(void)
{
    struct caller mapper;
    open_both();
    send_write();
    CHECK_RESULT(vdi_get_buffer_handle(set, got->buffer, &handle), NOERROR);
    CHECK_RESULT(map(NULL), NOERROR);
    spoil(HANDLE_AREA, 1);
    caller_start(&mapper, map, NULL);
    CHECK(caller_waits(&mapper));
    CHECK_RESULT(vdi_close(set), VD_E_OPEN);
    CHECK_RESULT(caller_join(&mapper), VD_E_PROTOCOL);
    CHECK_JOURNAL(&journal, 0, &command, ERROR_OPERATION_ABORTED);
    engine_close_aborted(&engine);
}

/* The engine takes its routine out of a command that runs: nothing is called. */
static void routine_is_gone(void)
{
    open_both();
    send_write();
    command.completionRoutine = NULL;
    CHECK_RESULT(vdi_complete_command(device, got, ERROR_SUCCESS, BUFFER, 0), NOERROR);
    engine_finish(&engine);
    CHECK_EQUAL(command.completionCode, ERROR_SUCCESS);
    CHECK_EQUAL(journal_count(&journal), 0);
    CHECK_RESULT(vdi_get_command(device, VDI_INFINITE, &got), VD_E_CLOSE);
    close_both();
}

static void run(void)
{
    unique_name(name);
    steps_from_a_wrong_phase();
    end_from_a_wrong_phase();
    spoiled_last_completion();
    close_ends_the_wait_for_an_area();
    routine_is_gone();
}

int main(int argc, char **argv)
{
    return test_main(argc, argv, NULL, run);
}
