/*
 * A completion routine calls any function of the library, with handles of its own set: on the
 * agent's thread, on the thread whose vdi_server_send_command() is refused, and inside
 * vdi_server_close(). Every call returns; what cannot be done there is VD_E_BUSY or another
 * documented result.
 */
#include "engine.h"
#include "functions.h"

#define SIZE 4096

static char name[NAME_SIZE];
static vdi_set *set;
static vdi_device *device;
static vdi_server *server;
static vdi_server_device *server_device;
/* What the routine calls, and what came of it. */
static const struct function *called;
static vdi_result result;
static unsigned calls;
static sem_t done;

struct expectation {
    const char *function;
    vdi_result result;
};

static vdi_result expected(const struct expectation *exceptions)
{
    for (; exceptions->function != NULL; exceptions++)
        if (strcmp(exceptions->function, called->name) == 0)
            return exceptions->result;
    return NOERROR;
}

/* In a live set with one device, which both sides have open. */
static const struct expectation in_life[] = {
    {"vdi_create", VD_E_PROTOCOL}, /* there is one of that name */
    {"vdi_server_open", VD_E_BUSY},
    {"vdi_server_open_from", VD_E_BUSY},
    {"vdi_open_device", VD_E_OPEN},
    {"vdi_get_buffer_handle", VD_E_INVALID},
    {"vdi_map_buffer_handle", VD_E_INVALID},
    {"vdi_get_command", VD_E_TIMEOUT},
    {"vdi_complete_command", VD_E_INVALID},
    {"vdi_close", VD_E_OPEN},
    {"vdi_server_begin_configuration", VD_E_PROTOCOL},
    {"vdi_server_end_configuration", VD_E_PROTOCOL},
    {"vdi_server_execute_completion_agent", VD_E_BUSY},
    {"vdi_server_open_device", VD_E_OPEN},
    {"vdi_server_free_buffer", VD_E_INVALID},
    {"vdi_server_is_shared_buffer", VD_E_PROTOCOL}, /* no */
    {"vdi_server_close", VD_E_PROTOCOL},            /* the device was open */
    {NULL, NOERROR}};

/* The server is closing; the set is aborted for the client. */
static const struct expectation in_close[] = {
    {"vdi_create", VD_E_PROTOCOL},
    {"vdi_server_open", VD_E_ABORT},
    {"vdi_server_open_from", VD_E_ABORT},
    {"vdi_open_in_secondary", VD_E_ABORT},
    {"vdi_get_configuration", VD_E_ABORT},
    {"vdi_open_device", VD_E_ABORT},
    {"vdi_get_buffer_handle", VD_E_INVALID},
    {"vdi_map_buffer_handle", VD_E_INVALID},
    {"vdi_get_command", VD_E_ABORT},
    {"vdi_complete_command", VD_E_ABORT},
    {NULL, NOERROR}};

static void call_it(VDS_Command *command)
{
    static struct good good;
    (void)command;
    void *const handles[KINDS] = {NULL, set, device, server, server_device};
    if (calls++ > 0)
        return;
    good_arguments(&good, called, name);
    good.arguments.handle = handles[called->handle];
    if (called->call == call_vdi_server_open_device)
        good.arguments.name = "another";
    result = called->call(&good.arguments);
    if (called->call == call_vdi_open_in_secondary && result == NOERROR)
        CHECK_RESULT(vdi_close(*(vdi_set **)good.output), NOERROR);
    sem_post(&done);
}

static void start(const struct function *function)
{
    called = function;
    calls = 0;
    result = CALL_RUNS;
    CHECK(sem_init(&done, 0, 0) == 0);
    set = client_create(name, 1);
    server = server_configure(name, SIZE, 1);
    CHECK_RESULT(vdi_server_open_device(server, name, &server_device), NOERROR);
    CHECK_RESULT(vdi_open_device(set, name, &device), NOERROR);
}

/* Whatever the routine has done to the set. */
static void finish(vdi_result wanted)
{
    CHECK(calls > 0);
    check_call(called, result, wanted);
    (void)vdi_server_close(server);
    (void)vdi_close(set);
}

/* [SSET-AGENT-10] */
static void on_the_agents_thread(const struct function *function)
{
    struct caller agent;
    VDC_Command *got;
    VDS_Command flush = {.commandCode = VDC_Flush, .completionRoutine = call_it};
    start(function);
    caller_start(&agent, completion_agent, server);
    CHECK_RESULT(vdi_server_send_command(server_device, &flush), NOERROR);
    CHECK_RESULT(vdi_get_command(device, VDI_INFINITE, &got), NOERROR);
    CHECK_RESULT(vdi_complete_command(device, got, ERROR_SUCCESS, 0, 0), NOERROR);
    while (sem_wait(&done) != 0)
        continue;
    finish(expected(in_life));
    agent_left(&agent);
}

/* [SDEV-SEND-04] */
static void on_the_sending_thread(const struct function *function)
{
    VDS_Command bad = {.commandCode = VDC_Write, .size = 1, .completionRoutine = call_it};
    start(function);
    CHECK_RESULT(vdi_server_send_command(server_device, &bad), VD_E_INVALID);
    finish(expected(in_life));
}

/* [SSET-CLOSE-03] */
static void inside_close(const struct function *function)
{
    VDS_Command flush = {.commandCode = VDC_Flush, .completionRoutine = call_it};
    start(function);
    CHECK_RESULT(vdi_server_send_command(server_device, &flush), NOERROR);
    CHECK_RESULT(vdi_server_close(server), VD_E_PROTOCOL);
    int of_server = function->handle == SERVER || function->handle == SERVER_DEVICE;
    finish(of_server ? VD_E_PROTOCOL : expected(in_close));
}

static void run(void)
{
    unique_name(name);
    for (const struct function *f = functions; f < functions + FUNCTIONS; f++) {
        on_the_agents_thread(f);
        inside_close(f);
        /* A routine on the sending thread may become the agent, and stay it. */
        if (f->call != call_vdi_server_execute_completion_agent)
            on_the_sending_thread(f);
    }
}

int main(int argc, char **argv)
{
    return test_main(argc, argv, NULL, run);
}
