/*
 * serverTimeOut does not judge a client by the time that the server takes: not while a completion
 * routine runs long, and not between idleness and the first command.
 */
#include "clock.h"
#include "engine.h"

#define INTERVAL 50u
/* Much longer than the two intervals that the client has. */
#define LONG_MS (20 * INTERVAL)

static char name[NAME_SIZE];
static vdi_set *set;
static vdi_device *devices[2];
static struct engine engine;
static struct journal journal = JOURNAL_INITIALIZER;

static void pass(unsigned milliseconds)
{
    struct timespec rest = {.tv_sec = milliseconds / 1000,
                            .tv_nsec = milliseconds % 1000 * 1000000L};
    while (nanosleep(&rest, &rest) != 0)
        continue;
}

static uint32_t abort_code(void)
{
    uint32_t code;
    CHECK_RESULT(vdi_abort_reason(set, &code, NULL, 0), NOERROR);
    return code;
}

/* Both sides with two devices; no agent yet. */
static void start(void)
{
    VDConfig config = {.deviceCount = 2, .serverTimeOut = INTERVAL};
    journal.count = 0;
    CHECK_RESULT(vdi_create(NULL, name, &config, NULL, &set), NOERROR);
    engine.server = server_configure(name, 4096, 1);
    engine.count = 2;
    for (unsigned i = 0; i < 2; i++) {
        char device[NAME_SIZE];
        device_name(device, name, i);
        CHECK_RESULT(vdi_server_open_device(engine.server, device, &engine.devices[i]), NOERROR);
        CHECK_RESULT(vdi_open_device(set, device, &devices[i]), NOERROR);
    }
}

static VDC_Command *pass_flush(unsigned device, VDS_Command *command)
{
    VDC_Command *got;
    CHECK_RESULT(vdi_server_send_command(engine.devices[device], command), NOERROR);
    CHECK_RESULT(vdi_get_command(devices[device], VDI_INFINITE, &got), NOERROR);
    return got;
}

static sem_t entered, answered;

static void long_routine(VDS_Command *command)
{
    sem_post(&entered);
    while (sem_wait(&answered) != 0)
        continue;
    pass(LONG_MS);
    journal_write(command);
}

/*
 * The client answers while the agent is inside a routine. There is no agent before the first
 * answer, so that nobody judges how long this test takes to get there. [TMO-12, AMB-38]
 */
static void answer_during_a_routine(unsigned device)
{
    VDS_Command commands[2];
    VDC_Command *got[2];
    start();
    CHECK(sem_init(&entered, 0, 0) == 0 && sem_init(&answered, 0, 0) == 0);
    for (unsigned i = 0; i < 2; i++) {
        command_prepare(&commands[i], &journal, VDC_Flush, NULL, 0);
        if (i == 0)
            commands[i].completionRoutine = long_routine;
        got[i] = pass_flush(i == 0 ? 0 : device, &commands[i]);
    }
    CHECK_RESULT(vdi_complete_command(devices[0], got[0], ERROR_SUCCESS, 0, 0), NOERROR);
    caller_start(&engine.agent, completion_agent, engine.server);
    while (sem_wait(&entered) != 0)
        continue;
    CHECK_RESULT(vdi_complete_command(devices[device], got[1], ERROR_SUCCESS, 0, 0), NOERROR);
    sem_post(&answered);
    CHECK_JOURNAL(&journal, 0, &commands[0], ERROR_SUCCESS);
    CHECK_JOURNAL(&journal, 1, &commands[1], ERROR_SUCCESS);
    CHECK_EQUAL(abort_code(), VDI_ABORT_NONE);
    engine_close(&engine);
    CHECK_RESULT(vdi_close(set), NOERROR);
}

static _Thread_local int clock_is_slow;
static unsigned slow_looks;
static uint32_t code_after_look;

/*
 * Holds a thread up that looks at the clock: as if the scheduler had taken the processor away just
 * when SendCommand does so.
 */
static void slow_look(void)
{
    if (!clock_is_slow)
        return;
    clock_is_slow = 0;
    slow_looks++;
    pass(LONG_MS);
    code_after_look = abort_code();
}

/*
 * The first command after idleness takes long to be sent; the idle agent looks meanwhile. [TMO-12,
 * AMB-38]
 */
static void slow_first_command(void)
{
    VDS_Command command;
    start();
    caller_start(&engine.agent, completion_agent, engine.server);
    pass(LONG_MS);
    command_prepare(&command, &journal, VDC_Flush, NULL, 0);
    slow_looks = 0;
    clock_on_look(slow_look);
    clock_is_slow = 1;
    vdi_result sent = vdi_server_send_command(engine.devices[0], &command);
    clock_is_slow = 0;
    /* Without such a look this case would show nothing. */
    CHECK(slow_looks > 0);
    CHECK_EQUAL(code_after_look, VDI_ABORT_NONE);
    CHECK_RESULT(sent, NOERROR);
    /* From now on the client's time runs, and how long this test takes must not matter. */
    CHECK_RESULT(vdi_server_signal_abort(engine.server, NULL), NOERROR);
    CHECK_JOURNAL(&journal, 0, &command, ERROR_OPERATION_ABORTED);
    engine_close_aborted(&engine);
    CHECK_RESULT(vdi_close(set), NOERROR);
}

static void run(void)
{
    unique_name(name);
    answer_during_a_routine(0);
    answer_during_a_routine(1);
    slow_first_command();
}

int main(int argc, char **argv)
{
    return test_main(argc, argv, NULL, run);
}
