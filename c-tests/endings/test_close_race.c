/*
 * Close while another thread is on its way into the set: a device that is opened at that moment
 * leaves nothing behind, and no completion routine runs after Close.
 *
 * Threads are held up by a signal somewhere in their calls, as the scheduler might do, and Close
 * comes just then. Where that is differs from round to round.
 */
#include "engine.h"
#include "resources.h"

#include <signal.h>
#include <stdatomic.h>

#define DEVICES 4
#define OPEN_ROUNDS 400
#define AGENT_ROUNDS 200
/* Turns of an empty loop, a little more than it takes to deliver a signal. */
#define MOST_TURNS 4000

static char name[NAME_SIZE];
static vdi_set *set;
static vdi_server *server;

/* A thread that makes a call and can be held up in it. */
struct traveller {
    pthread_t thread;
    pid_t id;
    unsigned turns;
    vdi_result (*call)(void);
    vdi_result result;
    atomic_int ready, go, held, released;
};

static _Thread_local struct traveller *self;

/* Holds this thread up until it is released, or for a while: Close may have to wait for it. */
static void hold_up(int signal)
{
    (void)signal;
    struct timespec moment = {.tv_nsec = 100000};
    atomic_store(&self->held, 1);
    for (int i = 0; i < 40 && !atomic_load(&self->released); i++)
        nanosleep(&moment, NULL);
}

static void *travel(void *argument)
{
    self = argument;
    self->id = gettid();
    atomic_store(&self->ready, 1);
    while (!atomic_load(&self->go))
        continue;
    for (volatile unsigned turn = 0; turn < self->turns; turn++)
        continue;
    self->result = self->call();
    /* The signal is for this thread, however late. */
    while (!atomic_load(&self->held))
        sched_yield();
    return NULL;
}

/* Starts a call in another thread, a few turns from now. */
static void set_off(struct traveller *traveller, vdi_result (*call)(void), unsigned turns)
{
    memset(traveller, 0, sizeof *traveller);
    traveller->call = call;
    traveller->turns = turns;
    CHECK(pthread_create(&traveller->thread, NULL, travel, traveller) == 0);
    while (!atomic_load(&traveller->ready))
        sched_yield();
    atomic_store(&traveller->go, 1);
}

static void hold(struct traveller *traveller)
{
    CHECK(pthread_kill(traveller->thread, SIGUSR1) == 0);
    while (!atomic_load(&traveller->held))
        sched_yield();
}

static vdi_result arrive(struct traveller *traveller)
{
    atomic_store(&traveller->released, 1);
    CHECK(pthread_join(traveller->thread, NULL) == 0);
    return traveller->result;
}

static vdi_device *device;
static vdi_server_device *server_device;

static vdi_result open_device(void)
{
    return vdi_open_device(set, name, &device);
}

static vdi_result open_server_device(void)
{
    return vdi_server_open_device(server, name, &server_device);
}

/*
 * What Close says fits what OpenDevice said, and what was opened is closed. [AMB-04,
 * CSET-CLOSE-01]
 */
static void open_meets_close(int at_server)
{
    unsigned opened = 0, before = shared_mappings();
    for (unsigned round = 0; round < OPEN_ROUNDS; round++) {
        struct traveller traveller;
        set = client_create(name, 1);
        server = server_configure(name, 4096, 1);
        device = NULL;
        server_device = NULL;
        CHECK(shared_mappings() > before);
        set_off(&traveller, at_server ? open_server_device : open_device,
                round * 337 % MOST_TURNS);
        hold(&traveller);
        vdi_result closed = at_server ? vdi_server_close(server) : vdi_close(set);
        vdi_result result = arrive(&traveller);
        CHECK(result == NOERROR || result == VD_E_PROTOCOL || result == VD_E_ABORT);
        if (result == NOERROR) {
            opened++;
            CHECK_RESULT(closed, at_server ? VD_E_PROTOCOL : VD_E_OPEN);
        } else {
            CHECK(device == NULL && server_device == NULL);
        }
        CHECK_RESULT(at_server ? vdi_close(set) : vdi_server_close(server), NOERROR);
    }
    printf("%u of %u opened before the close\n", opened, OPEN_ROUNDS);
    CHECK_EQUAL(shared_mappings(), before);
}

static struct traveller busy, agent;
static atomic_int finished, closed, ended, too_late;

/* Asks for a buffer that does not exist: most of that call is spent with the set locked. */
static vdi_result ask_again_and_again(void)
{
    vdi_result result = VD_E_MEMORY;
    void *buffer;
    while (result == VD_E_MEMORY && !atomic_load(&finished))
        result = vdi_server_allocate_buffer(server, TRANSFER_SIZE, 0, &buffer);
    return result;
}

static vdi_result execute_agent(void)
{
    return vdi_server_execute_completion_agent(server);
}

/* The agent may go on now, if it is not the agent that calls this. */
static void slow_routine(VDS_Command *command)
{
    struct timespec moment = {.tv_nsec = 500000};
    CHECK_EQUAL(command->completionCode, ERROR_OPERATION_ABORTED);
    atomic_store(&agent.released, 1);
    nanosleep(&moment, NULL);
    atomic_fetch_add(&ended, 1);
    atomic_fetch_or(&too_late, atomic_load(&closed));
}

/*
 * Commands wait for an agent that comes at the same time as Close. If the busy thread is held up
 * with the lock, the agent is held up on its way in. [SSET-CLOSE-03, SSET-AGENT-07]
 */
static void agent_meets_close(void)
{
    for (unsigned round = 0; round < AGENT_ROUNDS; round++) {
        VDS_Command commands[DEVICES];
        set = client_create(name, DEVICES);
        server = server_configure(name, 4096, 1);
        for (unsigned i = 0; i < DEVICES; i++) {
            char device_named[NAME_SIZE];
            device_name(device_named, name, i);
            CHECK_RESULT(vdi_server_open_device(server, device_named, &server_device), NOERROR);
            commands[i] =
                (VDS_Command){.commandCode = VDC_Flush, .completionRoutine = slow_routine};
            CHECK_RESULT(vdi_server_send_command(server_device, &commands[i]), NOERROR);
        }
        finished = closed = ended = 0;
        set_off(&busy, ask_again_and_again, 0);
        hold(&busy);
        set_off(&agent, execute_agent, 0);
        wait_asleep(getpid(), agent.id);
        hold(&agent);
        atomic_store(&finished, 1);
        CHECK_RESULT(arrive(&busy), VD_E_MEMORY);
        CHECK_RESULT(vdi_server_close(server), VD_E_PROTOCOL); /* devices are open */
        atomic_store(&closed, 1);
        CHECK_EQUAL(atomic_load(&ended), DEVICES); /* nor is one still in progress */
        vdi_result left = arrive(&agent);
        CHECK(left == NOERROR || left == VD_E_ABORT || left == VD_E_PROTOCOL);
        CHECK_EQUAL(atomic_load(&too_late), 0);
        CHECK_RESULT(vdi_close(set), NOERROR);
    }
}

static void run(void)
{
    struct sigaction action = {.sa_handler = hold_up, .sa_flags = SA_RESTART};
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
    unique_name(name);
    open_meets_close(0);
    open_meets_close(1);
    agent_meets_close();
}

int main(int argc, char **argv)
{
    return test_main(argc, argv, NULL, run);
}
