/*
 * The end of a process finds the library in use: in an atexit handler, in destructors of the program
 * and of threads, while threads wait in calls, and out of a completion routine. The process ends as
 * it would without the library, and the other side sees an abort.
 */
#include "engine.h"
#include "functions.h"

#include <stdlib.h>

#define SIZE 4096

static char name[NAME_SIZE];
static vdi_set *set;
static vdi_device *device;
static vdi_server *server;
static vdi_server_device *server_device;

/* Both sides of a set, open and without an agent. */
static void open_both(const char *its_name)
{
    snprintf(name, sizeof name, "%s", its_name);
    set = client_create(name, 1);
    server = server_configure(name, SIZE, 1);
    CHECK_RESULT(vdi_server_open_device(server, name, &server_device), NOERROR);
    CHECK_RESULT(vdi_open_device(set, name, &device), NOERROR);
}

/* All functions, and those last that close. One of the others aborts the set. */
static void use_and_close(void)
{
    void *const handles[KINDS] = {NULL, set, device, server, server_device};
    for (const struct function *f = functions; f < functions + FUNCTIONS; f++) {
        struct good good;
        if (f->call == call_vdi_close || f->call == call_vdi_server_close)
            continue;
        good_arguments(&good, f, name);
        good.arguments.handle = handles[f->handle];
        vdi_result result = f->call(&good.arguments);
        if (result == VD_E_UNEXPECTED)
            check_failed(__FILE__, __LINE__, "%s", vdi_last_error_message());
        if (f->call == call_vdi_server_execute_completion_agent)
            check_call(f, result, VD_E_ABORT);
        if (f->call == call_vdi_open_in_secondary)
            CHECK_RESULT(vdi_close(*(vdi_set **)good.output), NOERROR);
    }
    CHECK_RESULT(vdi_close(set), NOERROR);
    CHECK_RESULT(vdi_server_close(server), NOERROR);
    vdi_set *again = client_create(name, 1);
    CHECK_RESULT(vdi_close(again), NOERROR);
}

static int in_destructor;

__attribute__((destructor)) static void destructor(void)
{
    if (in_destructor)
        use_and_close();
}

/* In the roles argv[1] is the name of the set. */
static int atexit_role(int argc, char **argv)
{
    CHECK(argc == 2 && atexit(use_and_close) == 0);
    open_both(argv[1]);
    exit(0);
}

static int destructor_role(int argc, char **argv)
{
    CHECK_EQUAL(argc, 2);
    in_destructor = 1;
    open_both(argv[1]);
    return 0;
}

static pthread_key_t at_thread_end;

static void close_in_thread(void *unused)
{
    (void)unused;
    use_and_close();
}

static void *ending_thread(void *its_name)
{
    CHECK(pthread_setspecific(at_thread_end, &at_thread_end) == 0);
    open_both(its_name);
    use_and_close();
    open_both(its_name);
    return NULL;
}

static int thread_role(int argc, char **argv)
{
    pthread_t thread;
    CHECK_EQUAL(argc, 2);
    /* What the library keeps for a thread goes first if its key is older. */
    open_both(argv[1]);
    use_and_close();
    CHECK(pthread_key_create(&at_thread_end, close_in_thread) == 0);
    CHECK(pthread_create(&thread, NULL, ending_thread, argv[1]) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
    return 0;
}

static sem_t main_leaves;

static void note_leave(void *unused)
{
    (void)unused;
    sem_post(&main_leaves);
}

/* The main thread has left when the last other one closes the set. */
static void *last_thread(void *unused)
{
    (void)unused;
    while (sem_wait(&main_leaves) != 0)
        continue;
    CHECK_RESULT(vdi_server_close(server), VD_E_PROTOCOL);
    CHECK_RESULT(vdi_close(set), NOERROR);
    return NULL;
}

static int main_leaves_role(int argc, char **argv)
{
    pthread_t thread;
    CHECK_EQUAL(argc, 2);
    open_both(argv[1]);
    CHECK(pthread_key_create(&at_thread_end, note_leave) == 0);
    CHECK(pthread_setspecific(at_thread_end, &at_thread_end) == 0);
    CHECK(sem_init(&main_leaves, 0, 0) == 0);
    CHECK(pthread_create(&thread, NULL, last_thread, NULL) == 0);
    pthread_exit(NULL);
}

/* Both sides for the roles that end without closing: this one serves, the test is the client. */
static struct engine engine;

static vdi_result wait_for_name(void *unused)
{
    vdi_device *opened;
    (void)unused;
    return vdi_open_device(set, "never announced", &opened);
}

static vdi_result wait_for_configuration(void *unused)
{
    VDConfig config;
    (void)unused;
    return vdi_get_configuration(set, VDI_INFINITE, &config);
}

/* A thread in each call that can wait for ever, and then exit(). */
static int exit_role(int argc, char **argv)
{
    struct caller callers[3];
    struct getter getter;
    char own[NAME_SIZE];
    VDConfig config = {.deviceCount = 2};
    vdi_create_options options = {.size = sizeof options, .nameWait = 3600000};
    CHECK_EQUAL(argc, 2);
    unique_name(own);
    CHECK_RESULT(vdi_create(NULL, own, &config, &options, &set), NOERROR);
    caller_start(&callers[0], wait_for_configuration, NULL);
    struct engine mine;
    engine_open(&mine, own, 1, SIZE, 1);
    CHECK_RESULT(vdi_open_device(set, own, &getter.device), NOERROR);
    caller_start(&callers[1], get_command, &getter);
    caller_start(&callers[2], wait_for_name, NULL);
    engine_open(&engine, argv[1], 1, SIZE, 1);
    hear(parent());
    exit(0);
}

static void exit_now(VDS_Command *command)
{
    (void)command;
    exit(0);
}

/* exit() in a completion routine. */
static int routine_role(int argc, char **argv)
{
    VDS_Command flush = {.commandCode = VDC_Flush, .completionRoutine = exit_now};
    CHECK_EQUAL(argc, 2);
    engine_open(&engine, argv[1], 1, SIZE, 1);
    CHECK_RESULT(vdi_server_send_command(engine.devices[0], &flush), NOERROR);
    CHECK(caller_join(&engine.agent) != NOERROR); /* never */
    return 1;
}

/* A server that ends without closing is noticed, however it ended. [CRASH-01] */
static void ends_unclosed(const char *role, int has_command)
{
    char its_name[NAME_SIZE];
    VDConfig config;
    VDC_Command *got;
    uint32_t code;
    unique_name(its_name);
    set = client_create(its_name, 1);
    struct peer peer = spawn_role(role, its_name, (char *)NULL);
    CHECK_RESULT(vdi_get_configuration(set, VDI_INFINITE, &config), NOERROR);
    CHECK_RESULT(vdi_open_device(set, its_name, &device), NOERROR);
    if (has_command) {
        CHECK_RESULT(vdi_get_command(device, VDI_INFINITE, &got), NOERROR);
        CHECK_RESULT(vdi_complete_command(device, got, ERROR_SUCCESS, 0, 0), NOERROR);
    } else {
        tell(peer, 0);
    }
    CHECK_RESULT(vdi_get_command(device, VDI_INFINITE, &got), VD_E_ABORT);
    CHECK_EQUAL(wait_exit(peer), 0);
    CHECK_RESULT(vdi_abort_reason(set, &code, NULL, 0), NOERROR);
    CHECK_EQUAL(code, VDI_ABORT_SERVER_DIED);
    CHECK_RESULT(vdi_close(set), NOERROR);
}

static void run(void)
{
    static const char *const closing[] = {"atexit", "destructor", "thread", "main leaves"};
    for (unsigned i = 0; i < sizeof closing / sizeof *closing; i++) {
        char its_name[NAME_SIZE];
        unique_name(its_name);
        int status = wait_exit(spawn_role(closing[i], its_name, (char *)NULL));
        if (status != 0)
            check_failed(__FILE__, __LINE__, "role %s ended with %d", closing[i], status);
    }
    ends_unclosed("exit", 0);
    ends_unclosed("routine", 1);
}

int main(int argc, char **argv)
{
    static const struct role roles[] = {{"atexit", atexit_role},
                                        {"destructor", destructor_role},
                                        {"thread", thread_role},
                                        {"main leaves", main_leaves_role},
                                        {"exit", exit_role},
                                        {"routine", routine_role},
                                        {NULL, NULL}};
    return test_main(argc, argv, roles, run);
}
