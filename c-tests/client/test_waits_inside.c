/*
 * Threads of one process that wait in a client function, and what another thread of the same
 * process does to end the wait: abort and Close, through the same handle and through another one
 * of the same set; polls, time-outs and signals.
 */
#include "engine.h"

#include <signal.h>

static char name[NAME_SIZE], late[NAME_SIZE];
static struct engine engine;

/* The primary's handle and a secondary's one in the same process, each with a device. */
static vdi_set *primary, *secondary;

/* One call that waits; see the comments at the functions for the outputs. */
struct wait {
    struct caller caller;
    vdi_set *set;
    vdi_device *device;
    uint32_t timeout;
    VDC_Command *command;
};

/* [CSET-GETCFG-08] */
static vdi_result configuration(void *argument)
{
    struct wait *wait = argument;
    VDConfig config, before;
    memset(&before, 0xa5, sizeof before);
    config = before;
    vdi_result result = vdi_get_configuration(wait->set, wait->timeout, &config);
    if (result != NOERROR)
        CHECK(memcmp(&config, &before, sizeof config) == 0);
    return result;
}

/* [CDEV-GETCMD-12] */
static vdi_result command(void *argument)
{
    struct wait *wait = argument;
    wait->command = (VDC_Command *)wait;
    vdi_result result = vdi_get_command(wait->device, wait->timeout, &wait->command);
    CHECK((wait->command == NULL) == (result != NOERROR));
    return result;
}

/* [CSET-OPENDEV-08] */
static vdi_result late_name(void *argument)
{
    struct wait *wait = argument;
    vdi_device *device = (vdi_device *)wait;
    vdi_result result = vdi_open_device(wait->set, late, &device);
    CHECK((device == NULL) == (result != NOERROR));
    return result;
}

static void start(struct wait *wait, vdi_result (*call)(void *), vdi_set *set, vdi_device *device)
{
    wait->set = set;
    wait->device = device;
    wait->timeout = VDI_INFINITE;
    caller_start(&wait->caller, call, wait);
    CHECK(caller_waits(&wait->caller));
}

/* A set of three devices; `name_wait` milliseconds for the name of the last. */
static void create(uint32_t name_wait)
{
    VDConfig config = {.deviceCount = 3};
    vdi_create_options options = {.size = sizeof options, .nameWait = name_wait};
    CHECK_RESULT(vdi_create(NULL, name, &config, &options, &primary), NOERROR);
}

/* Configures the set, announces all but the last device, and opens those. */
static void open_both(struct wait waits[4])
{
    create(3600000);
    engine_open(&engine, name, 2, BLOCK_SIZE, 1);
    CHECK_RESULT(vdi_open_in_secondary(NULL, name, &secondary), NOERROR);
    vdi_device *devices[2];
    char second[NAME_SIZE];
    device_name(second, name, 1);
    CHECK_RESULT(vdi_open_device(primary, name, &devices[0]), NOERROR);
    CHECK_RESULT(vdi_open_device(secondary, second, &devices[1]), NOERROR);
    start(&waits[0], command, primary, devices[0]);
    start(&waits[1], command, secondary, devices[1]);
    start(&waits[2], late_name, primary, NULL);
    start(&waits[3], late_name, secondary, NULL);
}

/* An abort through any handle ends every wait. [CDEV-GETCMD-05, CSET-OPENDEV-07, CSET-ABORT-05] */
static void aborts(void)
{
    for (int by = 0; by < 3; by++) {
        struct wait waits[4];
        open_both(waits);
        CHECK_RESULT(by == 0   ? vdi_signal_abort(primary, NULL)
                     : by == 1 ? vdi_signal_abort(secondary, NULL)
                               : vdi_server_signal_abort(engine.server, NULL),
                     NOERROR);
        for (int i = 0; i < 4; i++)
            CHECK_RESULT(caller_join(&waits[i].caller), VD_E_ABORT);
        engine_close_aborted(&engine);
        CHECK_RESULT(vdi_close(secondary), NOERROR);
        CHECK_RESULT(vdi_close(primary), NOERROR);
    }
}

/*
 * Close ends the waits with its own handle as not open, and the others as aborted.
 * [CDEV-GETCMD-06, CSET-OPENDEV-05, CSET-CLOSE-03, CSET-CLOSE-04]
 */
static void closes(void)
{
    for (int by = 0; by < 2; by++) {
        struct wait waits[4];
        open_both(waits);
        CHECK_RESULT(vdi_close(by == 0 ? primary : secondary), VD_E_OPEN);
        for (int i = 0; i < 4; i++)
            CHECK_RESULT(caller_join(&waits[i].caller),
                         i % 2 == by ? VD_E_PROTOCOL : VD_E_ABORT);
        CHECK_RESULT(vdi_close(by == 0 ? secondary : primary), NOERROR);
        engine_close_aborted(&engine);
    }
}

/* GetConfiguration: abort and Close by another thread. [CSET-GETCFG-04, CSET-GETCFG-06] */
static void before_the_configuration(void)
{
    for (int by_close = 0; by_close < 2; by_close++) {
        struct wait waits[2];
        create(0);
        start(&waits[0], configuration, primary, NULL);
        start(&waits[1], configuration, primary, NULL);
        CHECK_RESULT(by_close ? vdi_close(primary) : vdi_signal_abort(primary, NULL), NOERROR);
        for (int i = 0; i < 2; i++)
            CHECK_RESULT(caller_join(&waits[i].caller), by_close ? VD_E_PROTOCOL : VD_E_ABORT);
        if (!by_close)
            CHECK_RESULT(vdi_close(primary), NOERROR);
    }
}

/*
 * A second thread in GetCommand is refused and disturbs nothing; after an abort it is told so, also
 * while the first one has not woken up yet. [AMB-31]
 */
static void second_thread(void)
{
    for (int round = 0; round < 100; round++) {
        vdi_device *device;
        VDC_Command *got = (VDC_Command *)&device;
        struct wait wait;
        create(0);
        engine_open(&engine, name, 1, BLOCK_SIZE, 1);
        CHECK_RESULT(vdi_open_device(primary, name, &device), NOERROR);
        start(&wait, command, primary, device);
        CHECK_RESULT(vdi_get_command(device, round % 2 ? 0 : VDI_INFINITE, &got), VD_E_BUSY);
        CHECK(got == NULL);
        CHECK_RESULT(vdi_signal_abort(primary, NULL), NOERROR);
        CHECK_RESULT(vdi_get_command(device, 0, &got), VD_E_ABORT);
        CHECK_RESULT(caller_join(&wait.caller), VD_E_ABORT);
        engine_close_aborted(&engine);
        CHECK_RESULT(vdi_close(primary), NOERROR);
    }
}

static unsigned signals_taken;

static void take_signal(int number)
{
    (void)number;
    __atomic_add_fetch(&signals_taken, 1, __ATOMIC_SEQ_CST);
}

/* Signals while the thread is in its call, until it has returned or `most` were taken. */
static void bombard(struct wait *wait, unsigned most)
{
    for (unsigned sent = 0; sent < most && caller_waits(&wait->caller); sent++) {
        unsigned before = __atomic_load_n(&signals_taken, __ATOMIC_SEQ_CST);
        CHECK(pthread_kill(wait->caller.thread, SIGUSR1) == 0);
        while (__atomic_load_n(&signals_taken, __ATOMIC_SEQ_CST) == before &&
               caller_waits(&wait->caller))
            sched_yield();
        wait_asleep(getpid(), wait->caller.id);
    }
}

/*
 * Signals neither end a wait nor lengthen it: it lasts until its event, or its time-out, which is
 * in milliseconds; 0 polls. Nothing has changed after a time-out.
 * [LNX-10, TMO-01, TMO-02, AMB-01, CSET-GETCFG-03, CSET-GETCFG-07, CDEV-GETCMD-03, CDEV-GETCMD-07]
 */
static void signals_and_time_outs(void)
{
    static const uint32_t timeouts[] = {0, 1, 200};
    struct wait waits[3];
    create(200);
    for (unsigned i = 0; i < 3; i++) {
        int64_t start_time = milliseconds_now();
        waits[0] = (struct wait){.set = primary, .timeout = timeouts[i]};
        caller_start(&waits[0].caller, configuration, &waits[0]);
        bombard(&waits[0], UINT32_MAX);
        CHECK_RESULT(caller_join(&waits[0].caller), VD_E_TIMEOUT);
        CHECK(milliseconds_now() - start_time + 1 >= timeouts[i]);
    }
    start(&waits[0], configuration, primary, NULL);
    bombard(&waits[0], 20);
    CHECK(caller_waits(&waits[0].caller));
    engine.server = server_configure(name, BLOCK_SIZE, 1);
    CHECK_RESULT(caller_join(&waits[0].caller), NOERROR);

    vdi_device *device;
    engine_run(&engine, engine.server, name, 2);
    CHECK_RESULT(vdi_open_device(primary, name, &device), NOERROR);
    for (unsigned i = 0; i < 3; i++) {
        int64_t start_time = milliseconds_now();
        waits[1] = (struct wait){.device = device, .timeout = timeouts[i]};
        caller_start(&waits[1].caller, command, &waits[1]);
        bombard(&waits[1], UINT32_MAX);
        CHECK_RESULT(caller_join(&waits[1].caller), VD_E_TIMEOUT);
        CHECK(milliseconds_now() - start_time + 1 >= timeouts[i]);
    }
    int64_t start_time = milliseconds_now();
    waits[2] = (struct wait){.set = primary};
    caller_start(&waits[2].caller, late_name, &waits[2]);
    bombard(&waits[2], UINT32_MAX);
    CHECK_RESULT(caller_join(&waits[2].caller), VD_E_INVALID);
    CHECK(milliseconds_now() - start_time + 1 >= 200);

    start(&waits[1], command, primary, device);
    bombard(&waits[1], 20);
    CHECK(caller_waits(&waits[1].caller));
    VDS_Command flush = {.commandCode = VDC_Flush};
    struct pending pending;
    pending_prepare(&pending, &flush);
    CHECK_RESULT(vdi_server_send_command(engine.devices[0], &flush), NOERROR);
    CHECK_RESULT(caller_join(&waits[1].caller), NOERROR);
    CHECK_RESULT(vdi_complete_command(device, waits[1].command, ERROR_SUCCESS, 0, 0), NOERROR);
    pending_wait(&pending);
    CHECK_RESULT(vdi_signal_abort(primary, NULL), NOERROR);
    engine_close_aborted(&engine);
    CHECK_RESULT(vdi_close(primary), NOERROR);
}

static void run(void)
{
    unique_name(name);
    device_name(late, name, 2);
    /* Without SA_RESTART, so that a system call in the wait is interrupted. */
    struct sigaction action = {.sa_handler = take_signal};
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
    signals_and_time_outs();
    aborts();
    closes();
    before_the_configuration();
    second_thread();
}

int main(int argc, char **argv)
{
    return test_main(argc, argv, NULL, run);
}
