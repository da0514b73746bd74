/*
 * From when the agent measures the client's silence. The intervals are so long, and the test moves
 * the clock so far, that nothing depends on how fast the machine is.
 */
#include "clock.h"
#include "engine.h"

#include <signal.h>

/* serverTimeOut in seconds of the test's clock, and something that is small against it. */
#define INTERVAL 1000
#define LITTLE 100

static char name[NAME_SIZE];
static vdi_set *set;
static vdi_device *device;
static struct engine engine;
static struct journal journal = JOURNAL_INITIALIZER;
static VDS_Command commands[4];
static VDC_Command *fetched[4];

/* How often the agent has looked at the clock. */
static unsigned looks;
static pid_t agent_thread;

static void count_looks(void)
{
    if (gettid() == __atomic_load_n(&agent_thread, __ATOMIC_SEQ_CST))
        __atomic_fetch_add(&looks, 1, __ATOMIC_SEQ_CST);
}

static void on_signal(int signal)
{
    (void)signal;
}

/* Lets time pass and the agent look at it; it has decided when this returns. */
static void pass(int64_t seconds)
{
    clock_add(seconds);
    unsigned before = __atomic_load_n(&looks, __ATOMIC_SEQ_CST);
    while (caller_waits(&engine.agent) &&
           __atomic_load_n(&looks, __ATOMIC_SEQ_CST) - before < 10) {
        struct timespec moment = {.tv_nsec = 1000000};
        CHECK(pthread_kill(engine.agent.thread, SIGUSR1) == 0);
        nanosleep(&moment, NULL);
    }
}

static uint32_t abort_code(void)
{
    uint32_t code;
    CHECK_RESULT(vdi_abort_reason(set, &code, NULL, 0), NOERROR);
    return code;
}

static void start(int open)
{
    VDConfig config = {.deviceCount = 1, .serverTimeOut = INTERVAL * 1000};
    journal.count = 0;
    CHECK_RESULT(vdi_create(NULL, name, &config, NULL, &set), NOERROR);
    engine_open(&engine, name, 1, 4096, 1);
    __atomic_store_n(&agent_thread, engine.agent.id, __ATOMIC_SEQ_CST);
    if (open)
        CHECK_RESULT(vdi_open_device(set, name, &device), NOERROR);
}

static void submit(unsigned index)
{
    command_prepare(&commands[index], &journal, VDC_Flush, NULL, 0);
    CHECK_RESULT(vdi_server_send_command(engine.devices[0], &commands[index]), NOERROR);
}

static void fetch(unsigned index)
{
    CHECK_RESULT(vdi_get_command(device, VDI_INFINITE, &fetched[index]), NOERROR);
}

static void complete(unsigned index)
{
    unsigned before = journal_count(&journal);
    CHECK_RESULT(vdi_complete_command(device, fetched[index], ERROR_SUCCESS, 0, 0), NOERROR);
    CHECK_JOURNAL(&journal, before, &commands[index], ERROR_SUCCESS);
}

/* Not yet; but yes when a little more than the rest of two intervals has passed. [SSET-AGENT-08] */
static void aborts_after(int64_t seconds)
{
    pass(seconds - LITTLE);
    CHECK(caller_waits(&engine.agent));
    CHECK_EQUAL(abort_code(), VDI_ABORT_NONE);
    pass(2 * LITTLE);
    CHECK_EQUAL(abort_code(), VDI_ABORT_TIMEOUT);
    CHECK_RESULT(caller_join(&engine.agent), VD_E_ABORT);
    CHECK_RESULT(vdi_server_close(engine.server), NOERROR);
    CHECK_RESULT(vdi_close(set), NOERROR);
}

/* From the command that ends idleness; one that no client has a device for counts. [AMB-38] */
static void from_the_first_command(int open)
{
    start(open);
    pass(10 * INTERVAL);
    CHECK_EQUAL(abort_code(), VDI_ABORT_NONE);
    submit(0);
    if (open)
        fetch(0);
    aborts_after(2 * INTERVAL);
}

/* From the last completion, not from the command that waits longest, nor the newest. [AMB-38] */
static void from_the_last_completion(void)
{
    start(1);
    for (unsigned i = 0; i < 3; i++) {
        submit(i);
        fetch(i);
    }
    pass(INTERVAL + LITTLE);
    complete(1);
    pass(INTERVAL + LITTLE);
    complete(2);
    pass(INTERVAL);
    submit(3);
    aborts_after(INTERVAL);
}

/* Again from the first command after everything has been completed. [AMB-38] */
static void idle_between(void)
{
    start(1);
    for (unsigned i = 0; i < 2; i++) {
        submit(i);
        fetch(i);
        pass(2 * INTERVAL - LITTLE);
        complete(i);
        pass(5 * INTERVAL);
        CHECK_EQUAL(abort_code(), VDI_ABORT_NONE);
    }
    submit(2);
    aborts_after(2 * INTERVAL);
}

static void run(void)
{
    clock_on_look(count_looks);
    struct sigaction action = {.sa_handler = on_signal};
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
    unique_name(name);
    from_the_first_command(0);
    from_the_first_command(1);
    from_the_last_completion();
    idle_between();
}

int main(int argc, char **argv)
{
    return test_main(argc, argv, NULL, run);
}
