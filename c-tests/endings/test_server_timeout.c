/*
 * serverTimeOut: the agent aborts the set after two intervals without a completion while something
 * is outstanding, and at no other time.
 *
 * The clock of the server's process is in the test's hands: it shows the real time plus what the
 * test adds. The intervals are days, so that the real time of the test does not count.
 */
#include "clock.h"
#include "engine.h"
#include "roles.h"

#include <signal.h>

#define DEVICES 2u
/* Milliseconds of an interval, and seconds of it. */
#define INTERVAL 1000000000u
#define SECONDS (INTERVAL / 1000)
/* The watchdog ends every test that lasts longer. */
#define MARGIN 120

static char name[NAME_SIZE];
static vdi_set *set;
static vdi_device *devices[DEVICES];
static struct engine engine;
static struct journal journal = JOURNAL_INITIALIZER;
static VDS_Command commands[8];
static unsigned sent;
static sem_t poked;

static void poke_arrives(int signal)
{
    (void)signal;
    sem_post(&poked);
}

static uint32_t abort_code(void)
{
    uint32_t code, server_code;
    CHECK_RESULT(vdi_abort_reason(set, &code, NULL, 0), NOERROR);
    CHECK_RESULT(vdi_server_abort_reason(engine.server, &server_code, NULL, 0), NOERROR);
    CHECK_EQUAL(server_code, code);
    return code;
}

/* A signal makes the agent look at the clock. It shall find no reason to abort. */
static void agent_is_patient(void)
{
    wait_asleep(getpid(), engine.agent.id);
    CHECK(caller_waits(&engine.agent));
    CHECK(pthread_kill(engine.agent.thread, SIGUSR1) == 0);
    while (sem_wait(&poked) != 0)
        continue;
    wait_asleep(getpid(), engine.agent.id);
    CHECK(caller_waits(&engine.agent));
    CHECK_EQUAL(abort_code(), VDI_ABORT_NONE);
}

/* The agent looks at the clock and aborts. */
static void agent_aborts(void)
{
    struct timespec moment = {.tv_nsec = 1000000};
    while (caller_waits(&engine.agent)) {
        (void)pthread_kill(engine.agent.thread, SIGUSR1); /* which may have ended */
        nanosleep(&moment, NULL);
    }
    CHECK_EQUAL(abort_code(), VDI_ABORT_TIMEOUT);
    while (sem_trywait(&poked) == 0)
        continue;
}

static void create(uint32_t interval)
{
    VDConfig config = {.deviceCount = DEVICES, .serverTimeOut = interval};
    journal.count = sent = 0;
    CHECK_RESULT(vdi_create(NULL, name, &config, NULL, &set), NOERROR);
}

static void open_client_device(unsigned index)
{
    char device[NAME_SIZE];
    device_name(device, name, index);
    CHECK_RESULT(vdi_open_device(set, device, &devices[index]), NOERROR);
}

static void start(uint32_t interval)
{
    create(interval);
    engine_open(&engine, name, DEVICES, 4096, 1);
    open_client_device(0);
    open_client_device(1);
}

static void send_one(unsigned device, int32_t code)
{
    command_prepare(&commands[sent], &journal, code, NULL, 0);
    CHECK_RESULT(vdi_server_send_command(engine.devices[device], &commands[sent]), NOERROR);
    sent++;
}

static VDC_Command *fetch(unsigned device)
{
    VDC_Command *got;
    CHECK_RESULT(vdi_get_command(devices[device], VDI_INFINITE, &got), NOERROR);
    return got;
}

/* Completes a command, and waits until the agent has called so many routines in all. */
static void complete(unsigned device, VDC_Command *command, int32_t code, unsigned ended)
{
    CHECK_RESULT(vdi_complete_command(devices[device], command, code, 0, 0), NOERROR);
    journal_wait(&journal, ended);
}

/* Two intervals after the last progress: not before, and then. */
static void aborts_after_two_intervals(void)
{
    clock_add(2 * (int64_t)SECONDS - MARGIN);
    agent_is_patient();
    clock_add(MARGIN + 1);
    agent_aborts();
}

static void close_aborted(void)
{
    engine_close_aborted(&engine);
    CHECK_RESULT(vdi_close(set), NOERROR);
}

static void close_normally(void)
{
    CHECK_EQUAL(abort_code(), VDI_ABORT_NONE);
    engine_close(&engine);
    CHECK_RESULT(vdi_close(set), NOERROR);
}

/* [TMO-10, SSET-AGENT-08] The limit is twice the interval; [AMB-38] less than three times it. */
static void no_answer(void)
{
    start(INTERVAL);
    send_one(0, VDC_Flush);
    (void)fetch(0);
    clock_add(SECONDS + 1);
    agent_is_patient();
    clock_add(SECONDS - 1 - MARGIN);
    agent_is_patient();
    clock_add(MARGIN + 1);
    agent_aborts();
    close_aborted();
}

/* The largest interval, twice which no 32 bits hold. [TMO-10] */
static void longest_interval(void)
{
    int64_t twice = 2 * (int64_t)UINT32_MAX / 1000;
    start(UINT32_MAX);
    send_one(0, VDC_Flush);
    clock_add(twice - MARGIN);
    agent_is_patient();
    clock_add(MARGIN + 1);
    agent_aborts();
    close_aborted();
}

/* Every waiting and every later call ends, and each command once. [TMO-13, LOG-03] */
static void effects(void)
{
    struct caller waiting;
    struct getter getter;
    char text[256];
    uint32_t code;
    VDC_Command *command;
    start(INTERVAL);
    send_one(0, VDC_Flush);
    send_one(0, VDC_Flush);
    VDC_Command *held = fetch(0);
    getter.device = devices[1];
    caller_start(&waiting, get_command, &getter);
    clock_add(2 * (int64_t)SECONDS + 1);
    agent_aborts();
    CHECK_RESULT(caller_join(&waiting), VD_E_ABORT);
    journal_check_all(&journal, commands, 2, 995);
    CHECK_RESULT(vdi_complete_command(devices[0], held, ERROR_SUCCESS, 0, 0), VD_E_ABORT);
    CHECK_RESULT(vdi_get_command(devices[0], VDI_INFINITE, &command), VD_E_ABORT);
    CHECK_RESULT(vdi_server_send_command(engine.devices[1], &commands[0]), VD_E_ABORT);
    CHECK_RESULT(vdi_server_close_device(engine.devices[1]), VD_E_ABORT);
    CHECK_RESULT(vdi_abort_reason(set, &code, text, sizeof text), NOERROR);
    CHECK_CONTAINS(text, "2000000000 ms");
    close_aborted();
}

/* Sending and fetching are no progress. [TMO-10, AMB-38] */
static void only_completions_count(void)
{
    start(INTERVAL);
    send_one(0, VDC_Flush);
    clock_add(SECONDS);
    send_one(0, VDC_Flush);
    send_one(1, VDC_Flush);
    (void)fetch(0);
    clock_add(SECONDS - MARGIN);
    (void)fetch(1);
    agent_is_patient();
    clock_add(MARGIN + 1);
    agent_aborts();
    close_aborted();
}

/* A completion on one device, with an error, too, is progress of the whole set. [TMO-12] */
static void progress_is_set_wide(void)
{
    start(INTERVAL);
    send_one(0, VDC_Flush);
    (void)fetch(0);
    for (unsigned round = 0; round < 4; round++) {
        send_one(1, round == 3 ? VDC_ClearError : VDC_Flush);
        clock_add(2 * (int64_t)SECONDS - MARGIN);
        agent_is_patient();
        complete(1, fetch(1), round == 2 ? ERROR_DISK_FULL : ERROR_SUCCESS, round + 1);
    }
    aborts_after_two_intervals();
    close_aborted();
}

/*
 * The clock stands still while nothing is pending, before the first command, too.
 * [TMO-12, TMO-14]
 */
static void idle_time_does_not_count(void)
{
    start(INTERVAL);
    for (unsigned round = 0; round < 3; round++) {
        clock_add(10 * (int64_t)SECONDS);
        agent_is_patient();
        send_one(round % 2, VDC_Flush);
        clock_add(2 * (int64_t)SECONDS - MARGIN);
        agent_is_patient();
        complete(round % 2, fetch(round % 2), ERROR_SUCCESS, round + 1);
    }
    clock_add(10 * (int64_t)SECONDS);
    agent_is_patient();
    send_one(0, VDC_Flush);
    aborts_after_two_intervals();
    close_aborted();
}

/*
 * The client's time starts with the first command, and not when the agent last looked: two
 * intervals after that look the client is still in time. [TMO-12, TMO-14, AMB-38]
 */
static void time_starts_with_the_command(void)
{
    start(INTERVAL);
    clock_add(10 * (int64_t)SECONDS);
    agent_is_patient();
    clock_add(2 * (int64_t)SECONDS - MARGIN);
    send_one(0, VDC_Flush);
    clock_add(2 * MARGIN);
    agent_is_patient();
    clock_add(2 * (int64_t)SECONDS - 3 * MARGIN);
    agent_is_patient();
    clock_add(MARGIN + 1);
    agent_aborts();
    close_aborted();
}

/* A command for a device that the client has not opened is pending. [AMB-38] */
static void unopened_device(void)
{
    create(INTERVAL);
    engine_open(&engine, name, DEVICES, 4096, 1);
    clock_add(10 * (int64_t)SECONDS);
    agent_is_patient();
    send_one(1, VDC_Flush);
    aborts_after_two_intervals();
    journal_check_all(&journal, commands, 1, ERROR_OPERATION_ABORTED);
    close_aborted();
}

/* A ClearError that is held back until the client has completed the rest is pending. [TMO-10] */
static void held_back_clear_error(void)
{
    VDC_Command *none;
    start(INTERVAL);
    send_one(0, VDC_Flush);
    send_one(0, VDC_Flush);
    VDC_Command *first = fetch(0);
    (void)fetch(0);
    clock_add(SECONDS);
    complete(0, first, ERROR_DISK_FULL, 1);
    send_one(0, VDC_ClearError);
    CHECK_RESULT(vdi_get_command(devices[0], 0, &none), VD_E_TIMEOUT);
    aborts_after_two_intervals();
    close_aborted();
}

/* 0 is no limit. [TMO-10] */
static void without_limit(void)
{
    start(0);
    send_one(0, VDC_Flush);
    clock_add(1000 * (int64_t)SECONDS);
    agent_is_patient();
    complete(0, fetch(0), ERROR_SUCCESS, 1);
    CHECK_JOURNAL(&journal, 0, &commands[0], ERROR_SUCCESS);
    close_normally();
}

/* A late answer is as good as an early one; closing devices has no limit. [TMO-12] */
static void late_but_in_time(void)
{
    start(INTERVAL);
    send_one(0, VDC_Flush);
    clock_add(2 * (int64_t)SECONDS - MARGIN);
    complete(0, fetch(0), ERROR_SUCCESS, 1);
    CHECK_RESULT(vdi_server_close_device(engine.devices[0]), NOERROR);
    clock_add(10 * (int64_t)SECONDS);
    agent_is_patient();
    CHECK_RESULT(vdi_server_close_device(engine.devices[1]), NOERROR);
    CHECK_RESULT(caller_join(&engine.agent), NOERROR);
    CHECK_RESULT(vdi_server_close(engine.server), NOERROR);
    CHECK_RESULT(vdi_close(set), NOERROR);
}

/* The agent's work: without one, nobody counts the time. [TMO-14] */
static void without_agent(void)
{
    create(INTERVAL);
    engine.server = server_configure(name, 4096, 1);
    CHECK_RESULT(vdi_server_open_device(engine.server, name, &engine.devices[0]), NOERROR);
    send_one(0, VDC_Flush);
    clock_add(10 * (int64_t)SECONDS);
    open_client_device(0);
    complete(0, fetch(0), ERROR_SUCCESS, 0);
    CHECK_EQUAL(abort_code(), VDI_ABORT_NONE);
    caller_start(&engine.agent, completion_agent, engine.server);
    journal_check_all(&journal, commands, 1, ERROR_SUCCESS);
    agent_is_patient();
    CHECK_RESULT(vdi_server_signal_abort(engine.server, NULL), NOERROR);
    close_aborted();
}

static void run(void)
{
    struct sigaction action = {.sa_handler = poke_arrives};
    CHECK(sem_init(&poked, 0, 0) == 0);
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
    unique_name(name);
    no_answer();
    longest_interval();
    effects();
    only_completions_count();
    progress_is_set_wide();
    idle_time_does_not_count();
    time_starts_with_the_command();
    unopened_device();
    held_back_clear_error();
    without_limit();
    late_but_in_time();
    without_agent();
}

int main(int argc, char **argv)
{
    return test_main(argc, argv, NULL, run);
}
