/*
 * A client with one device and one thread, as the samples have it: a backup and a restore, full
 * disks, ends of data, commands that it does not know, and every path that ends it early.
 */
#include "resources.h"
#include "samples.h"
#include "statement.h"

#define SEED 9
#define PIPE_TIMEOUT 90000u
/* Whole transfers, and what is left. */
#define LENGTH (3u * TRANSFER + 5u * BLOCK_SIZE)

/* argv: the set's name, name of the stream, bytes that fit, time-out of GetCommand */
static int single_role(int argc, char **argv)
{
    CHECK_EQUAL(argc, 5);
    return sample_single(argv[1], argv[2], strtoull(argv[3], NULL, 0),
                         (uint32_t)strtoul(argv[4], NULL, 0));
}

static struct statement statement;
static char name[NAME_SIZE];

static struct peer start(size_t room, uint32_t timeout)
{
    char fits[32], waits[16];
    snprintf(fits, sizeof fits, "%zu", room);
    snprintf(waits, sizeof waits, "%u", timeout);
    struct peer client = spawn_role("single", name, "single", fits, waits, (char *)NULL);
    hear(client);
    return client;
}

static struct peer begin(size_t room, uint32_t timeout, uint32_t direction)
{
    struct peer client = start(room, timeout);
    statement_open(&statement, name, 1, direction);
    CHECK_EQUAL(hear(client), NOERROR);
    return client;
}

static void end(struct peer client)
{
    engine_finish(&statement.engine);
    CHECK_EQUAL(wait_exit(client), SAMPLE_GOOD);
    CHECK_RESULT(vdi_server_close(statement.engine.server), NOERROR);
}

/* Nothing but the number of devices was asked for. [SMP-01] */
static void only_devices_were_asked_for(void)
{
    VDConfig *config = &statement.config;
    CHECK_EQUAL(config->deviceCount, 1);
    CHECK_EQUAL(config->features, VDF_WriteMedia);
    CHECK_EQUAL(config->prefixZoneSize, 0);
    CHECK_EQUAL(config->alignment, BLOCK_SIZE);
    CHECK_EQUAL(config->softFileMarkBlockSize, 0);
    CHECK_EQUAL(config->EOMWarningSize, 0);
    CHECK_EQUAL(config->serverTimeOut, 0);
}

/*
 * The loop gets every Write and the Flush with a time-out of 90 seconds or for ever [SMP-05], and
 * ends with the close [SMP-11].
 */
static void backup(uint32_t timeout)
{
    struct peer client = begin(ENDLESS, timeout, VDF_WriteMedia);
    only_devices_were_asked_for();
    while (statement.moved[0] < LENGTH) {
        size_t left = LENGTH - statement.moved[0];
        statement_write(&statement, 0, SEED, left < TRANSFER ? (uint32_t)left : TRANSFER);
    }
    CHECK_EQUAL(statement_step(&statement, 0, VDC_Flush), ERROR_SUCCESS);
    end(client);
}

/*
 * The Read that crosses the end reports it with the bytes that there are [SMP-06], the next one
 * without any; ClearError succeeds [SMP-08].
 */
static void restore(uint32_t timeout, uint32_t size)
{
    struct peer client = begin(ENDLESS, timeout, VDF_ReadMedia);
    while (LENGTH - statement.moved[0] >= size)
        CHECK_EQUAL(statement_read(&statement, 0, SEED, size), ERROR_SUCCESS);
    CHECK_EQUAL(statement_read(&statement, 0, SEED, size), ERROR_HANDLE_EOF);
    CHECK_EQUAL(statement.moved[0], LENGTH);
    CHECK_EQUAL(statement_step(&statement, 0, VDC_ClearError), ERROR_SUCCESS);
    CHECK_EQUAL(statement_read(&statement, 0, SEED, size), ERROR_HANDLE_EOF);
    CHECK_EQUAL(statement.moved[0], LENGTH);
    end(client);
}

/* The Write that does not fit reports what did. [SMP-07] */
static void disk_full(void)
{
    struct request request;
    struct peer client = begin(TRANSFER + BLOCK_SIZE, VDI_INFINITE, VDF_WriteMedia);
    statement_write(&statement, 0, SEED, TRANSFER);
    pattern_fill_from(statement.buffers[0], TRANSFER, SEED, TRANSFER);
    CHECK_RESULT(request_begin(&request, &statement, 0, VDC_Write, TRANSFER), NOERROR);
    CHECK_EQUAL(request_end(&request), ERROR_DISK_FULL);
    CHECK_EQUAL(request.command.bytesTransferred, BLOCK_SIZE);
    end(client); /* VD_E_CLOSE says nothing about success. */
}

/* Commands that it does not know are not supported [SMP-09]; every position is 0 [SMP-10]. */
static void other_commands(void)
{
    static const int32_t codes[] = {VDC_Rewind,        VDC_WriteMark,   VDC_SkipMarks,
                                    VDC_SkipBlocks,    VDC_Load,        VDC_GetPosition,
                                    VDC_SetPosition,   VDC_Discard,     VDC_Snapshot,
                                    VDC_MountSnapshot, VDC_FileInfoEnd, VDC_GetError,
                                    VDC_Complete,      0,               4711};
    struct request request;
    struct peer client = begin(ENDLESS, VDI_INFINITE, VDF_WriteMedia);
    for (unsigned i = 0; i < sizeof codes / sizeof *codes; i++) {
        CHECK_RESULT(request_begin(&request, &statement, 0, codes[i], 0), NOERROR);
        CHECK_EQUAL(request_end(&request), ERROR_NOT_SUPPORTED);
        CHECK_EQUAL(request.command.outPosition, 0);
        CHECK_EQUAL(statement_step(&statement, 0, VDC_ClearError), ERROR_SUCCESS);
    }
    end(client);
}

/* An abort ends the loop, and that is no good ending. [SMP-11] */
static void abort_in_the_loop(void)
{
    struct peer client = begin(ENDLESS, VDI_INFINITE, VDF_WriteMedia);
    statement_write(&statement, 0, SEED, BLOCK_SIZE);
    CHECK_RESULT(vdi_server_signal_abort(statement.engine.server, NULL), NOERROR);
    CHECK_EQUAL(wait_exit(client), SAMPLE_FAILED);
    engine_close_aborted(&statement.engine);
}

/* The device is opened before the server has opened its own. [SMP-04] */
static void device_before_the_server(void)
{
    struct engine engine;
    struct peer client = start(ENDLESS, VDI_INFINITE);
    vdi_server *server = server_configure(name, TRANSFER, 1);
    CHECK_EQUAL(hear(client), NOERROR);
    engine_run(&engine, server, name, 1);
    engine_finish(&engine);
    CHECK_EQUAL(wait_exit(client), SAMPLE_GOOD);
    CHECK_RESULT(vdi_server_close(server), NOERROR);
}

/* GetConfiguration and OpenDevice fail: the client closes all the same, and well. [SMP-12] */
static void early_ends(void)
{
    vdi_server *server;
    struct peer client = start(ENDLESS, VDI_INFINITE);
    CHECK_RESULT(vdi_server_open(NULL, name, &server), NOERROR);
    CHECK_RESULT(vdi_server_close(server), NOERROR);
    CHECK_EQUAL(wait_exit(client), SAMPLE_FAILED);

    client = start(ENDLESS, VDI_INFINITE);
    server = server_configure(name, TRANSFER, 1);
    CHECK_RESULT(vdi_server_signal_abort(server, NULL), NOERROR);
    CHECK_EQUAL(wait_exit(client), SAMPLE_FAILED);
    CHECK_RESULT(vdi_server_close(server), NOERROR);
}

/*
 * The client asks again after every time-out until the set is configured [SMP-03]; the device is
 * never released, and ends with its set [SMP-20].
 */
static void in_this_process(void)
{
    VDConfig config = {.deviceCount = 1}, untouched = config;
    vdi_set *set;
    vdi_device *device;
    VDC_Command *command;
    CHECK_RESULT(vdi_create(NULL, name, &config, NULL, &set), NOERROR);
    for (unsigned again = 0; again < 3; again++) {
        CHECK_RESULT(vdi_get_configuration(set, 20, &config), VD_E_TIMEOUT);
        CHECK(memcmp(&config, &untouched, sizeof config) == 0);
    }
    statement_open(&statement, name, 1, VDF_WriteMedia);
    CHECK_RESULT(vdi_get_configuration(set, 20, &config), NOERROR);
    CHECK_RESULT(vdi_open_device(set, name, &device), NOERROR);
    engine_close(&statement.engine);
    CHECK_RESULT(vdi_get_command(device, VDI_INFINITE, &command), VD_E_CLOSE);
    CHECK_RESULT(vdi_close(set), NOERROR);
    CHECK_RESULT(vdi_get_command(device, 0, &command), VD_E_PROTOCOL);
    settles_at(shared_mappings, 0);
}

/* Names of sets as the samples make them. [SMP-02] */
static void run(void)
{
    static const char *const forms[] = {"{0B6F3C1A-5D2E-4F7B-9A80-1C2D3E%06X}",
                                        "0b6f3c1a-5d2e-4f7b-9a80-1c2d3e%06x"};
    for (unsigned i = 0; i < 2; i++) {
        snprintf(name, sizeof name, forms[i], (unsigned)getpid() & 0xffffff);
        backup(i ? PIPE_TIMEOUT : VDI_INFINITE);
        restore(i ? PIPE_TIMEOUT : VDI_INFINITE, TRANSFER);
        restore(VDI_INFINITE, 3 * BLOCK_SIZE);
        disk_full();
        other_commands();
        abort_in_the_loop();
        device_before_the_server();
        early_ends();
        in_this_process();
    }
}

int main(int argc, char **argv)
{
    static const struct role roles[] = {{"single", single_role}, {NULL, NULL}};
    return test_main(argc, argv, roles, run);
}
