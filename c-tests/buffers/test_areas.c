/*
 * Buffer areas on their way to a process: nothing overtakes a command whose area has not arrived,
 * and hundreds of areas reach a secondary that is stopped meanwhile, and one that joins late.
 *
 * The primary passes the areas on; while it is stopped, none arrives in a secondary.
 */
#include "engine.h"
#include "roles.h"

#include <signal.h>

#define SIZE 4096

static char name[NAME_SIZE];
static struct engine engine;
static struct journal journal = JOURNAL_INITIALIZER;

static void stop(struct peer process)
{
    int status;
    CHECK(kill(process.pid, SIGSTOP) == 0);
    CHECK(waitpid(process.pid, &status, WUNTRACED) == process.pid && WIFSTOPPED(status));
}

static void go_on(struct peer process)
{
    CHECK(kill(process.pid, SIGCONT) == 0);
}

/* A buffer in an area of its own, with a pattern. */
static uint8_t *new_area(uint8_t seed)
{
    CHECK_RESULT(vdi_server_request_buffers(engine.server, SIZE, 0, 1), NOERROR);
    uint8_t *buffer = engine_buffer(&engine, SIZE);
    pattern_fill(buffer, SIZE, seed);
    return buffer;
}

static void submit(unsigned device, VDS_Command *command, int32_t code, uint8_t *buffer)
{
    command_prepare(command, &journal, code, buffer, buffer != NULL ? SIZE : 0);
    CHECK_RESULT(vdi_server_send_command(engine.devices[device], command), NOERROR);
}

/* The secondary waits for a command whose area the stopped primary holds back; then it comes. */
static struct answer arrives_late(struct peer primary, struct peer secondary, unsigned device,
                                  int32_t code)
{
    ASK(secondary, VD_E_TIMEOUT, GET_COMMAND, .device = device, .timeout = 0);
    BEGIN(secondary, GET_COMMAND, .device = device, .timeout = VDI_INFINITE);
    go_on(primary);
    struct answer got = FINISH(secondary, NOERROR);
    CHECK_EQUAL(got.command.commandCode, code);
    ASK(secondary, 1, LOOK, .address = got.address, .bytes = SIZE, .seed = (uint8_t)code);
    return got;
}

/* The server closes the device when the area of its last Write is still on its way. [AMB-17] */
static void close_overtakes_nothing(struct peer primary, struct peer secondary)
{
    VDS_Command write;
    journal.count = 0;
    stop(primary);
    submit(0, &write, VDC_Write, new_area(VDC_Write));
    CHECK_RESULT(vdi_server_close_device(engine.devices[0]), NOERROR);
    struct answer got = arrives_late(primary, secondary, 0, VDC_Write);
    ASK(secondary, NOERROR, COMPLETE, .slot = got.slot, .bytes = SIZE);
    CHECK_JOURNAL(&journal, 0, &write, ERROR_SUCCESS);
    ASK(secondary, VD_E_CLOSE, GET_COMMAND, .timeout = VDI_INFINITE);
}

/* A ClearError that waits for its area is not forgotten. [ERR-05] */
static void clear_error_is_kept(struct peer primary, struct peer secondary)
{
    VDS_Command flush, clear;
    journal.count = 0;
    submit(1, &flush, VDC_Flush, NULL);
    struct answer got =
        ASK(secondary, NOERROR, GET_COMMAND, .device = 1, .timeout = VDI_INFINITE);
    ASK(secondary, NOERROR, COMPLETE, .device = 1, .slot = got.slot, .code = ERROR_BUS_RESET);
    CHECK_JOURNAL(&journal, 0, &flush, ERROR_BUS_RESET);
    stop(primary);
    submit(1, &clear, VDC_ClearError, new_area(VDC_ClearError));
    got = arrives_late(primary, secondary, 1, VDC_ClearError);
    ASK(secondary, NOERROR, COMPLETE, .device = 1, .slot = got.slot);
    CHECK_JOURNAL(&journal, 1, &clear, ERROR_SUCCESS);
    CHECK_RESULT(vdi_server_close_device(engine.devices[1]), NOERROR);
}

static void late_areas(void)
{
    struct peer primary = spawn_client(), secondary = spawn_client();
    client_creates(primary, name, (VDConfig){.deviceCount = 2});
    engine_open(&engine, name, 2, SIZE, 0);
    client_named(secondary, OPEN_IN_SECONDARY, name, NOERROR);
    client_open_device(secondary, name, 0);
    client_open_device(secondary, name, 1);
    close_overtakes_nothing(primary, secondary);
    clear_error_is_kept(primary, secondary);
    CHECK_RESULT(caller_join(&engine.agent), NOERROR);
    CHECK_RESULT(vdi_server_close(engine.server), NOERROR);
    ASK(secondary, NOERROR, CLOSE);
    ASK(primary, NOERROR, CLOSE);
    client_leave(secondary);
    client_leave(primary);
}

/* More than the socket of a process that does not read takes with usual limits. */
#define AREAS 350
/* The primary reads what the server sends: the server lets it catch up. */
#define BURST 50

/* A Write with the buffer of an area arrives, with its bytes. */
static void write_arrives(struct peer client, unsigned device, unsigned area, uint8_t *buffer)
{
    VDS_Command command;
    journal.count = 0;
    submit(device, &command, VDC_Write, buffer);
    struct answer got =
        ASK(client, NOERROR, GET_COMMAND, .device = device, .timeout = VDI_INFINITE);
    ASK(client, 1, LOOK, .address = got.address, .bytes = SIZE, .seed = (uint8_t)area);
    ASK(client, NOERROR, COMPLETE, .device = device, .slot = got.slot, .bytes = SIZE);
    CHECK_JOURNAL(&journal, 0, &command, ERROR_SUCCESS);
}

/* They reach the primary, a secondary that was stopped, and one that comes late. [BUF-10] */
static void many_areas(void)
{
    static uint8_t *buffers[AREAS];
    struct peer primary = spawn_client(), early = spawn_client(), late = spawn_client();
    client_creates(primary, name, (VDConfig){.deviceCount = 3});
    engine_open(&engine, name, 3, SIZE, 0);
    client_open_device(primary, name, 0);
    client_named(early, OPEN_IN_SECONDARY, name, NOERROR);
    client_open_device(early, name, 1);

    stop(early);
    for (unsigned i = 0; i < AREAS; i++) {
        buffers[i] = new_area((uint8_t)i);
        if (i % BURST == BURST - 1)
            write_arrives(primary, 0, i, buffers[i]);
    }
    client_named(late, OPEN_IN_SECONDARY, name, NOERROR);
    client_open_device(late, name, 2);
    /* The last one first: the others have to come without being asked for. */
    for (unsigned i = AREAS; i-- > 0;)
        write_arrives(late, 2, i, buffers[i]);
    go_on(early);
    for (unsigned i = AREAS; i-- > 0;)
        write_arrives(early, 1, i, buffers[i]);

    const struct peer clients[] = {primary, early, late};
    for (unsigned i = 0; i < 3; i++)
        CHECK_EQUAL(ASK(clients[i], NOERROR, ABORT_REASON).reason, VDI_ABORT_NONE);
    engine_close(&engine);
    for (unsigned i = 3; i-- > 0;) {
        ASK(clients[i], NOERROR, CLOSE);
        client_leave(clients[i]);
    }
}

static void run(void)
{
    unique_name(name);
    late_areas();
    many_areas();
}

int main(int argc, char **argv)
{
    static const struct role roles[] = {CLIENT_ROLE, {NULL, NULL}};
    return test_main(argc, argv, roles, run);
}
