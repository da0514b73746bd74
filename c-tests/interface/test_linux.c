/*
 * What is particular to Linux: strings that must not be written to, byte counts that are wider than
 * those of a command, results that are never positive, and signals that interrupt a wait.
 */
#include "engine.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>

static char name[NAME_SIZE], second[NAME_SIZE];
static vdi_set *set;
static vdi_device *device;
static struct engine engine;

/* A copy of a text in memory that cannot be written to. */
static const char *read_only(const char *text)
{
    char *copy = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(copy != MAP_FAILED);
    strcpy(copy, text);
    CHECK(mprotect(copy, 4096, PROT_READ) == 0);
    return copy;
}

/* Every function with a string. [LNX-06] */
static void strings_are_not_written(void)
{
    const char *first = read_only(name), *other = read_only(second);
    const char *instance = read_only("instance"), *reason = read_only("a reason");
    const VDConfig config = {.deviceCount = 2};
    const vdi_server_parameters parameters = {.size = sizeof parameters,
                                              .features = VDF_WriteMedia,
                                              .blockSize = BLOCK_SIZE,
                                              .maxTransferSize = TRANSFER_SIZE};
    vdi_set *secondary;
    vdi_server *server;
    vdi_server_device *devices[2];
    CHECK_RESULT(vdi_create(instance, first, &config, NULL, &set), NOERROR);
    CHECK_RESULT(vdi_server_open(instance, first, &server), NOERROR);
    CHECK_RESULT(vdi_server_begin_configuration(server, &parameters), NOERROR);
    CHECK_RESULT(vdi_server_end_configuration(server), NOERROR);
    CHECK_RESULT(vdi_open_in_secondary(instance, first, &secondary), NOERROR);
    CHECK_RESULT(vdi_server_open_device(server, first, &devices[0]), NOERROR);
    CHECK_RESULT(vdi_server_open_device(server, other, &devices[1]), NOERROR);
    CHECK_RESULT(vdi_open_device(set, first, &device), NOERROR);
    CHECK_RESULT(vdi_open_device(secondary, other, &device), NOERROR);
    CHECK_RESULT(vdi_signal_abort(secondary, reason), NOERROR);
    CHECK_RESULT(vdi_server_signal_abort(server, reason), NOERROR);
    CHECK_RESULT(vdi_close(secondary), NOERROR);
    CHECK_RESULT(vdi_close(set), NOERROR);
    CHECK_RESULT(vdi_server_close(server), NOERROR);
    CHECK_TEXT(first, name);
    CHECK_TEXT(other, second);
}

static void start(void)
{
    set = client_create(name, 2);
    engine_open(&engine, name, 1, TRANSFER_SIZE, 1);
    CHECK_RESULT(vdi_open_device(set, name, &device), NOERROR);
}

static void end_by_abort(void)
{
    CHECK_RESULT(vdi_server_signal_abort(engine.server, NULL), NOERROR);
    engine_close_aborted(&engine);
    CHECK_RESULT(vdi_close(set), NOERROR);
}

/* More bytes than were asked for are an error, however many more. [LNX-07] */
static void too_many_bytes(void)
{
    static const uint32_t too_many[] = {BLOCK_SIZE + 1, INT32_MAX, 1u << 31, UINT32_MAX};
    static const int32_t codes[] = {VDC_Read, VDC_Write};
    uint8_t *buffer = engine_buffer(&engine, TRANSFER_SIZE);
    for (unsigned i = 0; i < 2; i++) {
        struct pending pending;
        VDC_Command *got;
        VDS_Command command = {.commandCode = codes[i], .buffer = buffer, .size = BLOCK_SIZE};
        pending_prepare(&pending, &command);
        CHECK_RESULT(vdi_server_send_command(engine.devices[0], &command), NOERROR);
        CHECK_RESULT(vdi_get_command(device, VDI_INFINITE, &got), NOERROR);
        for (unsigned k = 0; k < sizeof too_many / sizeof *too_many; k++)
            CHECK_RESULT(vdi_complete_command(device, got, ERROR_SUCCESS, too_many[k], 0),
                         VD_E_INVALID);
        CHECK_EQUAL(pending_calls(&pending), 0);
        CHECK_RESULT(vdi_complete_command(device, got, ERROR_SUCCESS, BLOCK_SIZE, 0), NOERROR);
        pending_wait(&pending);
        CHECK_EQUAL(command.bytesTransferred, BLOCK_SIZE);
    }
}

/* Success is 0 and every error is negative. [LNX-08] */
static void no_result_is_positive(void)
{
    static const vdi_result errors[] = {
        VD_E_NOTOPEN,   VD_E_TIMEOUT,       VD_E_ABORT,        VD_E_SECURITY, VD_E_INVALID,
        VD_E_INSTANCE_NAME, VD_E_NOTSUPPORTED, VD_E_MEMORY,    VD_E_UNEXPECTED, VD_E_PROTOCOL,
        VD_E_OPEN,      VD_E_CLOSE,         VD_E_BUSY,         VD_E_QUEUE_FULL, VD_E_IO_ERROR};
    vdi_device *none;
    VDC_Command *command;
    VDConfig config;
    CHECK_EQUAL(NOERROR, 0);
    for (unsigned i = 0; i < sizeof errors / sizeof *errors; i++)
        CHECK(errors[i] < 0);
    CHECK(vdi_get_command(device, 0, &command) == VD_E_TIMEOUT);
    CHECK(vdi_open_device(set, name, &none) < 0);
    CHECK(vdi_get_configuration(set, 0, &config) == 0);
}

static sem_t handled;

static void handler(int signal)
{
    (void)signal;
    sem_post(&handled);
}

/* Interrupts a waiting call a few times; it goes on waiting. */
static void interrupt(struct caller *caller)
{
    for (int again = 0; again < 5; again++) {
        CHECK(caller_waits(caller));
        CHECK(pthread_kill(caller->thread, SIGUSR1) == 0);
        while (sem_wait(&handled) != 0)
            continue;
        wait_asleep(getpid(), caller->id);
    }
    CHECK(caller_waits(caller));
}

static vdi_result get_command_with_limit(void *argument)
{
    return vdi_get_command(device, 3600000, argument);
}

static vdi_result open_late_device(void *argument)
{
    return vdi_open_device(set, second, argument);
}

/* Every call that waits, with a handler that does not restart anything. [LNX-10] */
static void signals_do_not_end_waits(void)
{
    struct sigaction action = {.sa_handler = handler};
    struct caller configured, opened, fetched;
    vdi_device *late;
    VDC_Command *command;
    CHECK(sem_init(&handled, 0, 0) == 0);
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
    set = client_create(name, 2);
    struct waiter waiter = {.set = set};
    caller_start(&configured, get_configuration, &waiter);
    interrupt(&configured);
    engine_open(&engine, name, 1, TRANSFER_SIZE, 1);
    CHECK_RESULT(caller_join(&configured), NOERROR);
    interrupt(&engine.agent);
    caller_start(&opened, open_late_device, &late);
    interrupt(&opened);
    CHECK_RESULT(vdi_server_open_device(engine.server, second, &engine.devices[1]), NOERROR);
    engine.count = 2;
    CHECK_RESULT(caller_join(&opened), NOERROR);
    CHECK_RESULT(vdi_open_device(set, name, &device), NOERROR);
    caller_start(&fetched, get_command_with_limit, &command);
    interrupt(&fetched);
    engine_close(&engine);
    CHECK_RESULT(caller_join(&fetched), VD_E_CLOSE);
    CHECK_RESULT(vdi_close(set), NOERROR);
}

/* One life of a set, with a secondary. */
static void *lives(void *done)
{
    for (int round = 0; round < 20; round++) {
        vdi_set *secondary;
        VDC_Command *got;
        VDConfig config;
        VDS_Command command = {.commandCode = VDC_Flush};
        struct pending pending;
        set = client_create(name, 2);
        engine_open(&engine, name, 2, BLOCK_SIZE, 1);
        CHECK_RESULT(vdi_get_configuration(set, VDI_INFINITE, &config), NOERROR);
        CHECK_RESULT(vdi_open_in_secondary(NULL, name, &secondary), NOERROR);
        CHECK_RESULT(vdi_open_device(secondary, second, &device), NOERROR);
        CHECK_RESULT(vdi_server_request_buffers(engine.server, BLOCK_SIZE, 0, 1), NOERROR);
        pending_prepare(&pending, &command);
        CHECK_RESULT(vdi_server_send_command(engine.devices[1], &command), NOERROR);
        CHECK_RESULT(vdi_get_command(device, VDI_INFINITE, &got), NOERROR);
        CHECK_RESULT(vdi_complete_command(device, got, ERROR_SUCCESS, 0, 0), NOERROR);
        pending_wait(&pending);
        engine_close(&engine);
        CHECK_RESULT(vdi_get_command(device, VDI_INFINITE, &got), VD_E_CLOSE);
        CHECK_RESULT(vdi_close(secondary), NOERROR);
        CHECK_RESULT(vdi_close(set), NOERROR);
    }
    __atomic_store_n((int *)done, 1, __ATOMIC_SEQ_CST);
    return NULL;
}

/* The calls that talk to other processes are interrupted all the time, and succeed. [LNX-10] */
static void calls_under_a_storm_of_signals(void)
{
    struct timespec moment = {.tv_nsec = 20000};
    pthread_t thread;
    int done = 0;
    CHECK(pthread_create(&thread, NULL, lives, &done) == 0);
    while (!__atomic_load_n(&done, __ATOMIC_SEQ_CST)) {
        (void)pthread_kill(thread, SIGUSR1); /* which may have ended */
        nanosleep(&moment, NULL);
    }
    CHECK(pthread_join(thread, NULL) == 0);
}

static void run(void)
{
    unique_name(name);
    device_name(second, name, 1);
    strings_are_not_written();
    start();
    too_many_bytes();
    no_result_is_positive();
    end_by_abort();
    signals_do_not_end_waits();
    calls_under_a_storm_of_signals();
}

int main(int argc, char **argv)
{
    return test_main(argc, argv, NULL, run);
}
