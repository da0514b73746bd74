/*
 * Time-outs of hours and more elapse after as many milliseconds as they say, up to 24 days, and none of
 * them at once: the test moves the clock.
 */
#include "clock.h"

#include "client.h"

#include <climits>
#include <csignal>
#include <cstdlib>
#include <pthread.h>
#include <semaphore.h>
#include <thread>

static char name[NAME_SIZE];

/* How often the waiting thread has looked at the clock. */
static unsigned looks;
static pid_t waiter;

static void count_looks()
{
    if (gettid() == __atomic_load_n(&waiter, __ATOMIC_SEQ_CST))
        __atomic_add_fetch(&looks, 1, __ATOMIC_SEQ_CST);
}

static void on_signal(int)
{
}

/* A call that has not ended yet; no result is that. */
enum { RUNS = 1 };

static int result;

static bool runs()
{
    return __atomic_load_n(&result, __ATOMIC_SEQ_CST) == RUNS;
}

/* Lets time pass, and the thread look at the clock, if it still waits. */
static void pass(pthread_t thread, int64_t seconds)
{
    const timespec moment = {0, 1000000};
    clock_add(seconds);
    unsigned before = __atomic_load_n(&looks, __ATOMIC_SEQ_CST);
    while (runs() && __atomic_load_n(&looks, __ATOMIC_SEQ_CST) - before < 10) {
        pthread_kill(thread, SIGUSR1); /* which may have ended meanwhile */
        nanosleep(&moment, nullptr);
    }
}

/* A call that elapses after that time, and little before it has not. */
template <typename Call> static void lasts(int64_t seconds, Call call)
{
    enum { LITTLE = 1000 };
    sem_t entered;
    __atomic_store_n(&result, RUNS, __ATOMIC_SEQ_CST);
    CHECK(sem_init(&entered, 0, 0) == 0);
    std::thread thread([&] {
        __atomic_store_n(&waiter, gettid(), __ATOMIC_SEQ_CST);
        sem_post(&entered);
        int ended = call();
        __atomic_store_n(&result, ended, __ATOMIC_SEQ_CST);
    });
    while (sem_wait(&entered) != 0)
        continue;
    stage_wait_asleep(__atomic_load_n(&waiter, __ATOMIC_SEQ_CST));
    pass(thread.native_handle(), seconds - LITTLE);
    CHECK(runs());
    pass(thread.native_handle(), 2 * LITTLE);
    CHECK(!runs());
    thread.join();
    sem_destroy(&entered);
    CHECK_RESULT(result, VD_E_TIMEOUT);
}

enum : time_t { HOUR = 3600, DAY = 24 * HOUR, LONGEST = INT_MAX / 1000 };

/* A time-out, and the seconds after which it elapses. */
struct row {
    time_t timeout, seconds;
};

static const row milliseconds[] = {
    {HOUR * 1000, HOUR}, {DAY * 1000, DAY}, {INT_MAX, LONGEST}, {INT_MAX + 1L, LONGEST},
    {LONG_MAX, LONGEST}};
static const row seconds[] = {
    {HOUR, HOUR}, {DAY, DAY}, {LONGEST + 1, LONGEST}, {INT_MAX, LONGEST}, {LONG_MAX, LONGEST}};

/* Waits for the configuration, and for a command in this unit. [AMB-01, AMB-42, LIM-05] */
static void all_elapse(const char *unit, const row (&of_command)[5])
{
    ClientVirtualDeviceSet set;
    ClientVirtualDevice *device;
    VDC_Command *command;
    VDConfig config;
    CHECK(setenv("SQLVDI_GETCOMMAND_TIMEOUT_UNIT", unit, 1) == 0);
    create(&set, name, 1);
    for (const row &row : milliseconds)
        lasts(row.seconds, [&] { return set.GetConfiguration(row.timeout, &config); });
    statement *engine = stage_open(name, 1);
    CHECK_RESULT(set.OpenDevice(name, &device), NOERROR);
    for (const row &row : of_command)
        lasts(row.seconds, [&] { return device->GetCommand(row.timeout, &command); });
    serve_end(device, engine);
    delete device;
    CHECK_RESULT(set.Close(), NOERROR);
}

static void run()
{
    unique_name(name);
    CHECK(std::signal(SIGUSR1, on_signal) != SIG_ERR);
    clock_on_look(count_looks);
    all_elapse("ms", milliseconds);
    all_elapse("s", seconds);
}

int main(int argc, char **argv)
{
    return test_main(argc, argv, nullptr, run);
}
