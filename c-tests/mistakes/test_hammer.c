/*
 * Many threads call every function at once with the same handles, closes and aborts among them: each
 * call returns a documented result, every completion routine is called exactly once, and nothing of
 * the set is left. VDI_TEST_ROUNDS makes it longer.
 */
#include "engine.h"
#include "functions.h"
#include "resources.h"

#include <stdlib.h>

#define THREADS 6
#define CALLS_PER_THREAD 150
#define ROUNDS 60
#define SIZE 4096
#define PLACES 8

static char name[NAME_SIZE], second[NAME_SIZE];
/* What the threads share; any of it may be closed, completed or freed already. */
static void *handles[KINDS];
static void *volatile fetched[PLACES], *volatile buffers[PLACES];

struct hammer {
    pthread_t thread;
    unsigned seed;
    /* Every command is sent once, so that each has its own count. */
    VDS_Command commands[CALLS_PER_THREAD];
    struct told told[CALLS_PER_THREAD];
    unsigned sent;
    /* Calls that succeeded, by function. */
    unsigned good[FUNCTIONS];
};

static unsigned next(struct hammer *hammer, unsigned bound)
{
    hammer->seed = hammer->seed * 1664525u + 1013904223u;
    return (hammer->seed >> 16) % bound;
}

/* VD_E_UNEXPECTED is an error of the system or of the library: there is none here. */
static int is_documented(const struct function *f, vdi_result result)
{
    switch (result) {
    case NOERROR:
    case VD_E_PROTOCOL:
    case VD_E_ABORT:
    case VD_E_INVALID:
    case VD_E_OPEN:
    case VD_E_BUSY:
    case VD_E_CLOSE:
        return 1;
    case VD_E_TIMEOUT:
        return f->waits;
    case VD_E_MEMORY:
        return f->call == call_vdi_server_allocate_buffer;
    case VD_E_QUEUE_FULL:
    case VD_E_IO_ERROR:
        return f->call == call_vdi_server_send_command;
    default:
        return 0;
    }
}

static void prepare_command(struct hammer *hammer, struct arguments *a)
{
    static const int32_t codes[] = {VDC_Flush, VDC_Read, VDC_Write, VDC_ClearError};
    VDS_Command *command = &hammer->commands[hammer->sent];
    *command = (VDS_Command){.commandCode = codes[next(hammer, 4)],
                             .size = SIZE,
                             .buffer = buffers[next(hammer, PLACES)],
                             .completionRoutine = note_told,
                             .completionContext = &hammer->told[hammer->sent++]};
    a->input = command;
}

/* Keeps what a call has given for other calls, or closes what was opened beside the set. */
static void keep(struct hammer *hammer, const struct function *f, const struct good *good)
{
    void *output = *(void *const *)good->output;
    if (f->call == call_vdi_get_command)
        fetched[next(hammer, PLACES)] = output;
    else if (f->call == call_vdi_server_allocate_buffer)
        buffers[next(hammer, PLACES)] = output;
    else if (f->call == call_vdi_create || f->call == call_vdi_open_in_secondary)
        CHECK_RESULT(vdi_close(output), NOERROR);
    else if (f->call == call_vdi_server_open || f->call == call_vdi_server_open_from)
        (void)vdi_server_close(output);
}

static void strike(struct hammer *hammer)
{
    static const uint32_t timeouts[] = {0, 0, 1, VDI_INFINITE};
    const struct function *f = &functions[next(hammer, FUNCTIONS)];
    int ends = f->call == call_vdi_close || f->call == call_vdi_server_close ||
               f->call == call_vdi_signal_abort || f->call == call_vdi_server_signal_abort;
    if (ends && next(hammer, 100) != 0)
        return;
    struct good good;
    good_arguments(&good, f, next(hammer, 2) ? name : second);
    struct arguments *a = &good.arguments;
    a->handle = handles[f->handle];
    a->timeout = timeouts[next(hammer, 4)];
    if (f->call == call_vdi_map_buffer_handle)
        a->size = next(hammer, 4);
    else if (f->call == call_vdi_complete_command || f->call == call_vdi_get_buffer_handle)
        a->address = fetched[next(hammer, PLACES)];
    else if (f->call == call_vdi_server_free_buffer ||
             f->call == call_vdi_server_is_shared_buffer)
        a->address = buffers[next(hammer, PLACES)];
    else if (f->call == call_vdi_server_send_command)
        prepare_command(hammer, a);
    vdi_result result = f->call(a);
    if (!is_documented(f, result))
        check_failed(__FILE__, __LINE__, "%s is %s; %s", f->name, vdi_result_name(result),
                     vdi_last_error_message());
    if (result == NOERROR) {
        hammer->good[f - functions]++;
        keep(hammer, f, &good);
    } else if (f->call != call_vdi_abort_reason && f->call != call_vdi_server_abort_reason) {
        check_failed_output(f, &good);
    }
}

static void *hammer_thread(void *argument)
{
    for (unsigned i = 0; i < CALLS_PER_THREAD; i++)
        strike(argument);
    return NULL;
}

static unsigned good[FUNCTIONS];

static void one_round(unsigned round)
{
    static struct hammer hammers[THREADS];
    memset(hammers, 0, sizeof hammers);
    for (unsigned i = 0; i < PLACES; i++)
        fetched[i] = buffers[i] = NULL;
    unique_name(name);
    device_name(second, name, 1);
    VDConfig config = {.deviceCount = 2};
    vdi_create_options options = {.size = sizeof options, .nameWait = 5};
    CHECK_RESULT(vdi_create(NULL, name, &config, &options, (vdi_set **)&handles[SET]), NOERROR);
    handles[SERVER] = server_configure(name, SIZE, 4);
    CHECK_RESULT(vdi_server_open_device(handles[SERVER], name,
                                        (vdi_server_device **)&handles[SERVER_DEVICE]),
                 NOERROR);
    CHECK_RESULT(vdi_open_device(handles[SET], name, (vdi_device **)&handles[DEVICE]), NOERROR);
    for (unsigned i = 0; i < THREADS; i++) {
        hammers[i].seed = round * THREADS + i;
        CHECK(pthread_create(&hammers[i].thread, NULL, hammer_thread, &hammers[i]) == 0);
    }
    /* Those that wait for ever need an end; from which side it comes differs. */
    struct timespec moment = {.tv_nsec = 5000000};
    nanosleep(&moment, NULL);
    if (round % 2)
        (void)vdi_close(handles[SET]);
    (void)vdi_server_close(handles[SERVER]);
    (void)vdi_close(handles[SET]);
    for (unsigned i = 0; i < THREADS; i++) {
        CHECK(pthread_join(hammers[i].thread, NULL) == 0);
        for (unsigned f = 0; f < FUNCTIONS; f++)
            good[f] += hammers[i].good[f];
    }
    /* [SDEV-SEND-06] */
    for (unsigned i = 0; i < THREADS; i++)
        for (unsigned sent = 0; sent < hammers[i].sent; sent++)
            CHECK_EQUAL(hammers[i].told[sent].calls, 1);
    settles_at(shared_mappings, 0);
    settles_at(threads, 1);
}

/* Calls that only succeed while the set lives have done so: something could have gone wrong. */
static int struck_the_living(void)
{
    static const char *const working[] = {
        "vdi_get_command", "vdi_server_send_command", "vdi_server_execute_completion_agent",
        "vdi_open_in_secondary", "vdi_server_free_buffer"};
    for (unsigned i = 0; i < sizeof working / sizeof *working; i++)
        if (good[function_named(working[i]) - functions] == 0)
            return 0;
    return 1;
}

static void run(void)
{
    unsigned rounds = test_rounds(ROUNDS);
    for (unsigned round = 0; round < rounds || !struck_the_living(); round++)
        one_round(round);
}

int main(int argc, char **argv)
{
    return test_main(argc, argv, NULL, run);
}
