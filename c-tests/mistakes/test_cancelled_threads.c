/*
 * pthread_cancel() of a thread that is inside the library, or about to enter it: no function is a
 * cancellation point. The call does what it always does, and the thread ends after it.
 */
#include "engine.h"
#include "functions.h"
#include "resources.h"

#include <sched.h>
#include <signal.h>

#define SIZE 4096

static char name[NAME_SIZE], late[NAME_SIZE];
static vdi_set *set;
static vdi_device *device;
static struct engine engine;

/* A thread that makes one call, or all of them, with a cancellation that is on its way. */
struct cancelled {
    pthread_t thread;
    pid_t id;
    sem_t entered;
    vdi_result (*call)(struct cancelled *self);
    vdi_result result;
    int returned;
};

static void *cancelled_thread(void *argument)
{
    struct cancelled *self = argument;
    self->id = gettid();
    sem_post(&self->entered);
    self->result = self->call(self);
    self->returned = 1;
    pthread_testcancel();
    return NULL;
}

static void start(struct cancelled *self, vdi_result (*call)(struct cancelled *))
{
    *self = (struct cancelled){.call = call};
    CHECK(sem_init(&self->entered, 0, 0) == 0);
    CHECK(pthread_create(&self->thread, NULL, cancelled_thread, self) == 0);
    while (sem_wait(&self->entered) != 0)
        continue;
    wait_asleep(getpid(), self->id);
}

static void join(struct cancelled *self)
{
    void *end;
    CHECK(pthread_join(self->thread, &end) == 0);
    CHECK(end == PTHREAD_CANCELED);
    CHECK(self->returned);
}

static vdi_result in_get_configuration(struct cancelled *self)
{
    VDConfig config;
    (void)self;
    return vdi_get_configuration(set, VDI_INFINITE, &config);
}

static vdi_result in_get_command(struct cancelled *self)
{
    VDC_Command *command;
    (void)self;
    return vdi_get_command(device, VDI_INFINITE, &command);
}

static vdi_result in_open_device(struct cancelled *self)
{
    vdi_device *opened;
    (void)self;
    return vdi_open_device(set, late, &opened);
}

static vdi_result in_agent(struct cancelled *self)
{
    (void)self;
    return vdi_server_execute_completion_agent(engine.server);
}

static int held, let_go;

/* Keeps the thread out of its call, and is no cancellation point itself. */
static void hold(int number)
{
    (void)number;
    __atomic_store_n(&held, 1, __ATOMIC_SEQ_CST);
    while (!__atomic_load_n(&let_go, __ATOMIC_SEQ_CST))
        continue;
}

static void create(void)
{
    VDConfig config = {.deviceCount = 2};
    vdi_create_options options = {.size = sizeof options, .nameWait = 3600000};
    CHECK_RESULT(vdi_create(NULL, name, &config, &options, &set), NOERROR);
}

/* Each call that can wait for ever goes on waiting, and ends as if nothing had happened. */
static void waiting(void)
{
    struct cancelled threads[4];
    create();
    start(&threads[0], in_get_configuration);
    CHECK(pthread_cancel(threads[0].thread) == 0);
    engine.server = server_configure(name, SIZE, 1);
    CHECK_RESULT(vdi_server_open_device(engine.server, name, &engine.devices[0]), NOERROR);
    CHECK_RESULT(vdi_open_device(set, name, &device), NOERROR);
    start(&threads[1], in_get_command);
    start(&threads[2], in_open_device);
    start(&threads[3], in_agent);
    for (unsigned i = 1; i < 4; i++)
        CHECK(pthread_cancel(threads[i].thread) == 0);
    CHECK_RESULT(vdi_signal_abort(set, NULL), NOERROR);
    for (unsigned i = 0; i < 4; i++) {
        join(&threads[i]);
        CHECK_RESULT(threads[i].result, i == 0 ? NOERROR : VD_E_ABORT);
    }
    CHECK_RESULT(vdi_server_close(engine.server), NOERROR);
    CHECK_RESULT(vdi_close(set), NOERROR);
}

/*
 * A set is closed while the call is on its way out: then it is the call that takes the device down, and
 * closes descriptors, which is a cancellation point in the C library.
 */
static void last_user(void)
{
    struct cancelled thread;
    struct sigaction action = {.sa_handler = hold};
    create();
    engine.server = server_configure(name, SIZE, 1);
    CHECK_RESULT(vdi_server_open_device(engine.server, name, &engine.devices[0]), NOERROR);
    CHECK_RESULT(vdi_open_device(set, name, &device), NOERROR);
    start(&thread, in_get_command);
    held = let_go = 0;
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
    CHECK(pthread_kill(thread.thread, SIGUSR1) == 0);
    while (!__atomic_load_n(&held, __ATOMIC_SEQ_CST))
        sched_yield();
    CHECK(pthread_cancel(thread.thread) == 0);
    CHECK_RESULT(vdi_close(set), VD_E_OPEN);
    CHECK_RESULT(vdi_server_close(engine.server), NOERROR);
    __atomic_store_n(&let_go, 1, __ATOMIC_SEQ_CST);
    join(&thread);
    CHECK_RESULT(thread.result, VD_E_PROTOCOL);
}

/* A whole life of a set, with system calls of all kinds, by a thread that is cancelled already. */
static vdi_result life(struct cancelled *self)
{
    (void)self;
    VDC_Command *got;
    VDS_Command flush = {.commandCode = VDC_Flush};
    struct told told = {0};
    struct good good;
    CHECK(pthread_cancel(pthread_self()) == 0);
    create();
    engine.server = server_configure(name, SIZE, 1);
    CHECK_RESULT(vdi_server_open_device(engine.server, name, &engine.devices[0]), NOERROR);
    CHECK_RESULT(vdi_open_device(set, name, &device), NOERROR);
    CHECK_RESULT(vdi_server_request_buffers(engine.server, SIZE, 0, 1), NOERROR);
    flush.completionRoutine = note_told;
    flush.completionContext = &told;
    CHECK_RESULT(vdi_server_send_command(engine.devices[0], &flush), NOERROR);
    CHECK_RESULT(vdi_get_command(device, VDI_INFINITE, &got), NOERROR);
    CHECK_RESULT(vdi_get_command(device, 1, &got), VD_E_TIMEOUT);
    for (const struct function *f = functions; f < functions + FUNCTIONS; f++) {
        good_arguments(&good, f, name);
        if (f->handle == NO_HANDLE && f->call(&good.arguments) == NOERROR && f->output > 0)
            CHECK_RESULT(vdi_close(*(vdi_set **)good.output), NOERROR);
    }
    CHECK_RESULT(vdi_server_close(engine.server), VD_E_PROTOCOL);
    CHECK_EQUAL(told.calls, 1);
    return vdi_close(set);
}

static void run(void)
{
    unique_name(name);
    device_name(late, name, 1);
    waiting();
    for (unsigned round = 0; round < 20; round++)
        last_user();
    for (unsigned round = 0; round < 20; round++) {
        struct cancelled thread;
        start(&thread, life);
        join(&thread);
        CHECK_RESULT(thread.result, NOERROR);
    }
    settles_at(shared_mappings, 0);
    settles_at(threads, 1);
}

int main(int argc, char **argv)
{
    return test_main(argc, argv, NULL, run);
}
