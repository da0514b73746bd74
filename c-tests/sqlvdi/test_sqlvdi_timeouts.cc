/*
 * Time-outs of the type time_t: milliseconds, or the seconds of a program that says so; values that
 * never elapse, and values that are out of range.
 */
#include "client.h"

#include <cstdlib>
#include <ctime>
#include <semaphore.h>
#include <thread>
#include <unistd.h>

static char name[NAME_SIZE];

/* Milliseconds that would outlast the watchdog if they were seconds. */
static time_t moment;

static int64_t milliseconds_now()
{
    timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Negative in 64 bits, INFINITE of Windows, and what would be small or negative in 32 bits. */
static const time_t never_soon[] = {-1,         -1000,       INT64_MIN,   0xFFFFFFFF, 0x80000000,
                                    0xFFFFFFFE, 0x100000000, 0x100000001, INT64_MAX};

/* Makes a call in a thread that is then asleep in it, and has it ended by `event`; the result. */
template <typename Call, typename Event> static int waits_for(Call call, Event event)
{
    sem_t entered;
    pid_t id = 0;
    int result = 1;
    CHECK(sem_init(&entered, 0, 0) == 0);
    std::thread thread([&] {
        id = gettid();
        sem_post(&entered);
        int ended = call();
        __atomic_store_n(&result, ended, __ATOMIC_SEQ_CST);
    });
    while (sem_wait(&entered) != 0)
        continue;
    stage_wait_asleep(id);
    CHECK_EQUAL(__atomic_load_n(&result, __ATOMIC_SEQ_CST), 1);
    event();
    thread.join();
    sem_destroy(&entered);
    return result;
}

/* Waits until a set is configured, however the wait is told to last.
 * [AMB-01, AMB-42, LIM-05, CSET-GETCFG-01, CSET-GETCFG-07] */
static void configuration_never_times_out()
{
    for (time_t timeout : never_soon) {
        ClientVirtualDeviceSet set;
        VDConfig config;
        statement *engine = nullptr;
        create(&set, name, 1);
        int result = waits_for([&] { return set.GetConfiguration(timeout, &config); },
                               [&] { engine = stage_open(name, 1); });
        CHECK_RESULT(result, NOERROR);
        backup_and_end(&set, engine, name);
        CHECK_RESULT(set.Close(), NOERROR);
    }
}

/* Waits for a command likewise, until it comes. [AMB-01, AMB-42, LIM-05, CDEV-GETCMD-07] */
static void command_never_times_out(ClientVirtualDevice *device, statement *engine)
{
    for (time_t timeout : never_soon) {
        VDC_Command *command;
        request *flush = nullptr;
        int result = waits_for([&] { return device->GetCommand(timeout, &command); },
                               [&] { flush = stage_send(engine, 0, VDC_Flush, 0); });
        CHECK_RESULT(result, NOERROR);
        CHECK_RESULT(device->CompleteCommand(command, ERROR_SUCCESS, 0, 0), NOERROR);
        CHECK_EQUAL(stage_end(flush).code, ERROR_SUCCESS);
    }
}

/* Close ends the waits of other threads. */
static void close_ends_waits()
{
    ClientVirtualDeviceSet set;
    VDConfig config;
    create(&set, name, 1);
    int result = waits_for([&] { return set.GetConfiguration(-1, &config); },
                           [&] { CHECK_RESULT(set.Close(), NOERROR); });
    CHECK_RESULT(result, VD_E_PROTOCOL);
}

/* Also with a device open, for whose command a thread waits; the set is aborted then.
 * [CSET-CLOSE-03, CSET-CLOSE-04, AMB-04] */
static void close_ends_the_wait_for_a_command()
{
    ClientVirtualDeviceSet set;
    ClientVirtualDevice *device;
    VDC_Command none, *command = &none, *other;
    create(&set, name, 1);
    statement *engine = stage_open(name, 1);
    CHECK_RESULT(set.OpenDevice(name, &device), NOERROR);
    int result = waits_for([&] { return device->GetCommand(-1, &command); }, [&] {
        CHECK_RESULT(device->GetCommand(0, &other), VD_E_BUSY); /* it is in there */
        CHECK_RESULT(set.Close(), VD_E_OPEN);
    });
    CHECK_RESULT(result, VD_E_PROTOCOL);
    CHECK(command == nullptr);
    device_is_not_open(device);
    stage_leave_aborted(engine);
    delete device;
}

/* An abort ends them, too. [CSET-GETCFG-04, CDEV-GETCMD-05, CSET-ABORT-05] */
static void abort_ends_waits()
{
    ClientVirtualDeviceSet set;
    ClientVirtualDevice *device;
    VDC_Command *command;
    VDConfig config;
    create(&set, name, 1);
    auto abort = [&] { CHECK_RESULT(set.SignalAbort(), NOERROR); };
    CHECK_RESULT(waits_for([&] { return set.GetConfiguration(-1, &config); }, abort), VD_E_ABORT);
    CHECK_RESULT(set.Close(), NOERROR);
    create(&set, name, 1);
    statement *engine = stage_open(name, 1);
    CHECK_RESULT(set.OpenDevice(name, &device), NOERROR);
    CHECK_RESULT(waits_for([&] { return device->GetCommand(-1, &command); }, abort), VD_E_ABORT);
    CHECK_RESULT(set.Close(), NOERROR);
    stage_leave_aborted(engine);
    delete device;
}

/* One thread at a time is in GetCommand. [AMB-31] */
static void two_threads(ClientVirtualDevice *device, statement *engine)
{
    VDC_Command *command, *other;
    request *flush = nullptr;
    int result = waits_for([&] { return device->GetCommand(-1, &command); }, [&] {
        CHECK_RESULT(device->GetCommand(-1, &other), VD_E_BUSY);
        CHECK(other == nullptr);
        flush = stage_send(engine, 0, VDC_Flush, 0);
    });
    CHECK_RESULT(result, NOERROR);
    CHECK_RESULT(device->CompleteCommand(command, ERROR_SUCCESS, 0, 0), NOERROR);
    stage_end(flush);
}

/* A call that elapses, and not before its time. */
template <typename Call> static void elapses(int64_t at_least, Call call)
{
    int64_t before = milliseconds_now();
    CHECK_RESULT(call(), VD_E_TIMEOUT);
    CHECK(milliseconds_now() - before >= at_least);
}

/* Both functions poll with 0, and count in milliseconds. [AMB-01, CSET-GETCFG-03, CSET-GETCFG-07] */
static void milliseconds()
{
    ClientVirtualDeviceSet set;
    ClientVirtualDevice *device;
    VDC_Command *command;
    VDConfig config;
    create(&set, name, 1);
    elapses(0, [&] { return set.GetConfiguration(0, &config); });
    elapses(moment, [&] { return set.GetConfiguration(moment, &config); });
    statement *engine = stage_open(name, 1);
    CHECK_RESULT(set.OpenDevice(name, &device), NOERROR);
    elapses(0, [&] { return device->GetCommand(0, &command); });
    elapses(moment, [&] { return device->GetCommand(moment, &command); });
    command_never_times_out(device, engine);
    two_threads(device, engine);
    serve_end(device, engine);
    delete device;
    CHECK_RESULT(set.Close(), NOERROR);
}

/* GetCommand alone counts in seconds if the environment says so when a set is opened. [AMB-01] */
static void seconds()
{
    ClientVirtualDeviceSet set, secondary;
    ClientVirtualDevice *device;
    VDC_Command *command;
    VDConfig config;
    CHECK(setenv("SQLVDI_GETCOMMAND_TIMEOUT_UNIT", "s", 1) == 0);
    create(&set, name, 1);
    elapses(moment, [&] { return set.GetConfiguration(moment, &config); });
    statement *engine = stage_open(name, 1);
    CHECK_RESULT(set.OpenDevice(name, &device), NOERROR);
    elapses(0, [&] { return device->GetCommand(0, &command); });
    elapses(1000, [&] { return device->GetCommand(1, &command); });
    command_never_times_out(device, engine);
    CHECK(setenv("SQLVDI_GETCOMMAND_TIMEOUT_UNIT", "ms", 1) == 0);
    CHECK_RESULT(secondary.OpenInSecondary(name), NOERROR);
    elapses(moment, [&] { return device->GetCommand(moment, &command); });
    CHECK_RESULT(secondary.Close(), NOERROR);
    serve_end(device, engine);
    delete device;
    CHECK_RESULT(set.Close(), NOERROR);
    CHECK(unsetenv("SQLVDI_GETCOMMAND_TIMEOUT_UNIT") == 0);
}

static void run()
{
    unique_name(name);
    moment = static_cast<time_t>(test_number("VDI_TEST_SECONDS", TEST_SECONDS)) + 40;
    milliseconds();
    configuration_never_times_out();
    close_ends_waits();
    close_ends_the_wait_for_a_command();
    abort_ends_waits();
    seconds();
}

int main(int argc, char **argv)
{
    return test_main(argc, argv, nullptr, run);
}
