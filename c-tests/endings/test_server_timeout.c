/*
 * serverTimeOut: the agent aborts the set after two intervals without a completion while something
 * is outstanding, and at no other time. [TMO-10..14, AMB-38, SSET-AGENT-08]
 *
 * The intervals that must be survived are many times longer than what happens within them, and no
 * upper limit is tested but the watchdog's. The cases run side by side, each with its own set.
 */
#include "engine.h"
#include "roles.h"

#include <stdlib.h>

#define SIZE 4096
#define SHORT 100u
#define LONG 1500u

struct sides {
    char name[NAME_SIZE];
    vdi_set *set;
    vdi_device *devices[2];
    struct engine engine;
    struct journal journal;
};

static int64_t milliseconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Waits by asking an idle device for a command. */
static void pass(struct sides *sides, uint32_t milliseconds)
{
    VDC_Command *command;
    CHECK_RESULT(vdi_get_command(sides->devices[1], milliseconds, &command), VD_E_TIMEOUT);
}

static struct sides *both_sides(uint32_t server_time_out)
{
    struct sides *sides = calloc(1, sizeof *sides);
    CHECK(sides != NULL);
    pthread_mutex_init(&sides->journal.lock, NULL);
    pthread_cond_init(&sides->journal.grown, NULL);
    unique_name(sides->name);
    VDConfig config = {.deviceCount = 2, .serverTimeOut = server_time_out};
    CHECK_RESULT(vdi_create(NULL, sides->name, &config, NULL, &sides->set), NOERROR);
    engine_open(&sides->engine, sides->name, 2, SIZE, 1);
    for (unsigned i = 0; i < 2; i++) {
        char device[NAME_SIZE];
        device_name(device, sides->name, i);
        CHECK_RESULT(vdi_open_device(sides->set, device, &sides->devices[i]), NOERROR);
    }
    return sides;
}

static void send_flush(struct sides *sides, VDS_Command *command)
{
    command_prepare(command, &sides->journal, VDC_Flush, NULL, 0);
    CHECK_RESULT(vdi_server_send_command(sides->engine.devices[0], command), NOERROR);
}

static VDC_Command *fetch(struct sides *sides)
{
    VDC_Command *got;
    CHECK_RESULT(vdi_get_command(sides->devices[0], VDI_INFINITE, &got), NOERROR);
    return got;
}

static void answer(struct sides *sides, VDC_Command *command)
{
    CHECK_RESULT(vdi_complete_command(sides->devices[0], command, ERROR_SUCCESS, 0, 0), NOERROR);
}

static void normal_end(struct sides *sides)
{
    engine_close(&sides->engine);
    CHECK_RESULT(vdi_close(sides->set), NOERROR);
    free(sides);
}

/* Both sides find the set aborted because of the time-out. [TMO-13] */
static void aborted_by_time_out(struct sides *sides)
{
    uint32_t code;
    char text[256];
    VDC_Command *command;
    CHECK_RESULT(caller_join(&sides->engine.agent), VD_E_ABORT);
    CHECK_RESULT(vdi_get_command(sides->devices[1], VDI_INFINITE, &command), VD_E_ABORT);
    CHECK_RESULT(vdi_abort_reason(sides->set, &code, text, sizeof text), NOERROR);
    CHECK_EQUAL(code, VDI_ABORT_TIMEOUT);
    CHECK(text[0] != '\0');
    CHECK_RESULT(vdi_server_abort_reason(sides->engine.server, &code, NULL, 0), NOERROR);
    CHECK_EQUAL(code, VDI_ABORT_TIMEOUT);
    CHECK_RESULT(vdi_server_close(sides->engine.server), NOERROR);
    CHECK_RESULT(vdi_close(sides->set), NOERROR);
    free(sides);
}

/* Nothing is completed: two intervals pass, then the abort. [TMO-10] */
static void *no_answer(void *nothing)
{
    struct sides *sides = both_sides(SHORT);
    VDS_Command command;
    int64_t before = milliseconds_now();
    send_flush(sides, &command);
    VDC_Command *got = fetch(sides);
    VDC_Command *next;
    CHECK_RESULT(vdi_get_command(sides->devices[0], VDI_INFINITE, &next), VD_E_ABORT);
    CHECK(milliseconds_now() - before + 1 >= 2 * SHORT);
    CHECK_JOURNAL(&sides->journal, 0, &command, ERROR_OPERATION_ABORTED);
    CHECK_RESULT(vdi_complete_command(sides->devices[0], got, ERROR_SUCCESS, 0, 0), VD_E_ABORT);
    aborted_by_time_out(sides);
    return nothing;
}

/* A command that waits for a client that has not opened its device counts as pending. [AMB-38] */
static void *no_client_device(void *nothing)
{
    char name[NAME_SIZE];
    unique_name(name);
    VDConfig config = {.deviceCount = 1, .serverTimeOut = SHORT};
    struct engine *engine = calloc(1, sizeof *engine);
    static struct journal journal = JOURNAL_INITIALIZER;
    vdi_set *set;
    VDS_Command command;
    uint32_t code;
    CHECK_RESULT(vdi_create(NULL, name, &config, NULL, &set), NOERROR);
    engine_open(engine, name, 1, SIZE, 1);
    command_prepare(&command, &journal, VDC_Flush, NULL, 0);
    CHECK_RESULT(vdi_server_send_command(engine->devices[0], &command), NOERROR);
    CHECK_RESULT(caller_join(&engine->agent), VD_E_ABORT);
    CHECK_JOURNAL(&journal, 0, &command, ERROR_OPERATION_ABORTED);
    CHECK_RESULT(vdi_abort_reason(set, &code, NULL, 0), NOERROR);
    CHECK_EQUAL(code, VDI_ABORT_TIMEOUT);
    CHECK_RESULT(vdi_server_close(engine->server), NOERROR);
    CHECK_RESULT(vdi_close(set), NOERROR);
    free(engine);
    return nothing;
}

/*
 * One command stays outstanding for longer than three intervals, but others complete all the time.
 * [TMO-12]
 */
static void *progress(void *nothing)
{
    struct sides *sides = both_sides(LONG);
    VDS_Command held, commands[64];
    send_flush(sides, &held);
    VDC_Command *got = fetch(sides);
    int64_t before = milliseconds_now();
    unsigned done = 0;
    while (milliseconds_now() - before < 3 * LONG + LONG / 2) {
        CHECK(done < 64);
        send_flush(sides, &commands[done]);
        answer(sides, fetch(sides));
        CHECK_JOURNAL(&sides->journal, done, &commands[done], ERROR_SUCCESS);
        done++;
        pass(sides, 100);
    }
    answer(sides, got);
    CHECK_JOURNAL(&sides->journal, done, &held, ERROR_SUCCESS);
    normal_end(sides);
    return nothing;
}

/* The clock stands still while nothing is outstanding. [TMO-12, TMO-14] */
static void *idle(void *nothing)
{
    struct sides *sides = both_sides(LONG);
    VDS_Command commands[2];
    pass(sides, 3 * LONG + 100);
    for (unsigned i = 0; i < 2; i++) {
        send_flush(sides, &commands[i]);
        answer(sides, fetch(sides));
        CHECK_JOURNAL(&sides->journal, i, &commands[i], ERROR_SUCCESS);
        if (i == 0)
            pass(sides, 3 * LONG + 100);
    }
    normal_end(sides);
    return nothing;
}

/* One interval and more may pass without any completion. [TMO-10] */
static void *slow_answer(void *nothing)
{
    struct sides *sides = both_sides(2 * LONG);
    VDS_Command command;
    send_flush(sides, &command);
    VDC_Command *got = fetch(sides);
    pass(sides, 2 * LONG + LONG / 2);
    answer(sides, got);
    CHECK_JOURNAL(&sides->journal, 0, &command, ERROR_SUCCESS);
    normal_end(sides);
    return nothing;
}

/* 0 is no limit. */
static void *without_limit(void *nothing)
{
    struct sides *sides = both_sides(0);
    VDS_Command command;
    send_flush(sides, &command);
    VDC_Command *got = fetch(sides);
    pass(sides, 2000);
    answer(sides, got);
    CHECK_JOURNAL(&sides->journal, 0, &command, ERROR_SUCCESS);
    normal_end(sides);
    return nothing;
}

static void run(void)
{
    static void *(*const cases[])(void *) = {no_answer, no_client_device, progress, idle,
                                             slow_answer, without_limit};
    pthread_t threads[sizeof cases / sizeof *cases];
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++)
        CHECK(pthread_create(&threads[i], NULL, cases[i], NULL) == 0);
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
}

int main(int argc, char **argv)
{
    return test_main(argc, argv, NULL, run);
}
