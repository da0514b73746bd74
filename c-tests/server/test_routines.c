/*
 * What a completion routine may call, on the agent's thread and on the sending thread: everything.
 */
#include "engine.h"

#define SIZE 4096
#define BUFFERS 2

static char name[NAME_SIZE];
static struct engine engine;
static vdi_set *set;
static vdi_device *device;
static VDC_Command *got;
/* Calls of the routine in question. */
static unsigned calls;
static sem_t ended;

static void start(void)
{
    set = client_create(name, 1);
    engine_open(&engine, name, 1, SIZE, BUFFERS);
    CHECK_RESULT(vdi_open_device(set, name, &device), NOERROR);
    CHECK(sem_init(&ended, 0, 0) == 0);
    calls = 0;
}

static void finish(void)
{
    engine_close(&engine);
    CHECK_RESULT(vdi_close(set), NOERROR);
}

static void wait_ended(void)
{
    while (sem_wait(&ended) != 0)
        continue;
}

/* The client fetches the next command and completes it. */
static void client_completes(void)
{
    CHECK_RESULT(vdi_get_command(device, VDI_INFINITE, &got), NOERROR);
    CHECK_RESULT(vdi_complete_command(device, got, ERROR_SUCCESS, 0, 0), NOERROR);
}

static uint32_t available(void)
{
    uint32_t count;
    CHECK_RESULT(vdi_server_query_available_buffers(engine.server, SIZE, 0, &count), NOERROR);
    return count;
}

#define ROUNDS 5

/*
 * The buffer is the server's again: it can be freed, and another one be had and sent, here and now.
 */
static void buffer_routine(VDS_Command *command)
{
    vdi_server *server = engine.server;
    void *buffer = command->buffer;
    uint32_t size = (uint32_t)command->size;
    CHECK(pthread_equal(pthread_self(), engine.agent.thread));
    CHECK_EQUAL(command->completionCode, ERROR_SUCCESS);
    CHECK_RESULT(vdi_server_execute_completion_agent(server), VD_E_BUSY);
    CHECK_RESULT(vdi_server_free_buffer(server, buffer, size), NOERROR);
    CHECK_EQUAL(available(), BUFFERS + calls);
    if (++calls < ROUNDS) {
        CHECK_RESULT(vdi_server_request_buffers(server, calls * SIZE, 0, 1), NOERROR);
        CHECK_RESULT(vdi_server_allocate_buffer(server, calls * SIZE, 0, &buffer), NOERROR);
        command->buffer = buffer;
        command->size = (int32_t)(calls * SIZE);
        CHECK_RESULT(vdi_server_send_command(engine.devices[0], command), NOERROR);
        CHECK_RESULT(vdi_server_free_buffer(server, buffer, calls * SIZE), VD_E_INVALID);
    }
    sem_post(&ended);
}

/* [SSET-AGENT-10, SSET-FREE-03, AMB-08] */
static void routine_with_buffers(void)
{
    start();
    VDS_Command command = {.commandCode = VDC_Write,
                           .size = SIZE,
                           .buffer = engine_buffer(&engine, SIZE),
                           .completionRoutine = buffer_routine};
    CHECK_RESULT(vdi_server_send_command(engine.devices[0], &command), NOERROR);
    for (unsigned round = 0; round < ROUNDS; round++) {
        client_completes();
        wait_ended();
    }
    CHECK_EQUAL(calls, ROUNDS);
    finish();
}

static void full_routine(VDS_Command *command)
{
    CHECK(pthread_equal(pthread_self(), engine.agent.thread));
    CHECK_EQUAL(command->completionCode, ERROR_SUCCESS);
    calls++;
    /* The place of the command that has just ended is free. */
    if (calls == 1)
        CHECK_RESULT(vdi_server_send_command(engine.devices[0], command), NOERROR);
    else
        sem_post(&ended);
}

/* A routine can always send one command, also when the queue was full. [AMB-09, SSET-AGENT-10] */
static void routine_of_a_full_queue(void)
{
    static VDS_Command commands[VDI_QUEUE_CAPACITY];
    static struct journal journal = JOURNAL_INITIALIZER;
    start();
    for (unsigned i = 0; i < VDI_QUEUE_CAPACITY; i++) {
        command_prepare(&commands[i], &journal, VDC_Flush, NULL, 0);
        if (i == 0)
            commands[i].completionRoutine = full_routine;
        CHECK_RESULT(vdi_server_send_command(engine.devices[0], &commands[i]), NOERROR);
    }
    for (unsigned i = 0; i <= VDI_QUEUE_CAPACITY; i++)
        client_completes();
    wait_ended();
    CHECK_EQUAL(calls, 2);
    finish();
}

/* Called at once for a refused command: sends again, with the buffer that was wrong removed. */
static void refused_routine(VDS_Command *command)
{
    calls++;
    if (calls == 1) {
        CHECK_EQUAL(command->completionCode, ERROR_INVALID_PARAMETER);
        CHECK(!pthread_equal(pthread_self(), engine.agent.thread));
        /* A refused command holds no buffer. */
        uint8_t *buffer = command->completionContext;
        CHECK_RESULT(vdi_server_free_buffer(engine.server, buffer, SIZE), NOERROR);
        CHECK_EQUAL(available(), BUFFERS);
        command->commandCode = VDC_Flush;
        command->buffer = NULL;
        CHECK_RESULT(vdi_server_send_command(engine.devices[0], command), NOERROR);
    } else {
        CHECK_EQUAL(command->completionCode, ERROR_SUCCESS);
        CHECK(pthread_equal(pthread_self(), engine.agent.thread));
        sem_post(&ended);
    }
}

/* [SDEV-SEND-04, SSET-AGENT-10] */
static void routine_of_a_refused_command(void)
{
    start();
    uint8_t *buffer = engine_buffer(&engine, SIZE);
    VDS_Command command = {.commandCode = VDC_Write,
                           .size = SIZE + 1,
                           .buffer = buffer,
                           .completionRoutine = refused_routine,
                           .completionContext = buffer};
    CHECK_RESULT(vdi_server_send_command(engine.devices[0], &command), VD_E_INVALID);
    CHECK_EQUAL(calls, 1);
    client_completes();
    wait_ended();
    CHECK_EQUAL(calls, 2);
    finish();
}

static VDS_Command recovery;

static void cleared_routine(VDS_Command *command)
{
    CHECK_EQUAL(command->completionCode, ERROR_SUCCESS);
    sem_post(&ended);
}

/* Recovers its device from inside the completion that failed. */
static void failed_routine(VDS_Command *command)
{
    CHECK_EQUAL(command->completionCode, ERROR_DISK_FULL);
    calls++;
    CHECK_RESULT(vdi_server_send_command(engine.devices[0], &recovery), NOERROR);
}

/* A ClearError that a routine sends at the earliest moment. [ERR-05, ERR-07, SSET-AGENT-10] */
static void routine_that_recovers(void)
{
    static struct journal journal = JOURNAL_INITIALIZER;
    start();
    recovery = (VDS_Command){.commandCode = VDC_ClearError, .completionRoutine = cleared_routine};
    VDS_Command failing = {.commandCode = VDC_Flush, .completionRoutine = failed_routine};
    VDS_Command queued;
    command_prepare(&queued, &journal, VDC_Flush, NULL, 0);
    CHECK_RESULT(vdi_server_send_command(engine.devices[0], &failing), NOERROR);
    CHECK_RESULT(vdi_server_send_command(engine.devices[0], &queued), NOERROR);
    CHECK_RESULT(vdi_get_command(device, VDI_INFINITE, &got), NOERROR);
    CHECK_RESULT(vdi_complete_command(device, got, ERROR_DISK_FULL, 0, 0), NOERROR);
    CHECK_JOURNAL(&journal, 0, &queued, ERROR_IO_DEVICE);
    CHECK_RESULT(vdi_get_command(device, VDI_INFINITE, &got), NOERROR);
    CHECK_EQUAL(got->commandCode, VDC_ClearError);
    CHECK_RESULT(vdi_complete_command(device, got, ERROR_SUCCESS, 0, 0), NOERROR);
    wait_ended();
    CHECK_EQUAL(calls, 1);
    CHECK_EQUAL(journal_count(&journal), 1);
    finish();
}

static unsigned running, most, served;

static void counting_routine(VDS_Command *command)
{
    CHECK_EQUAL(command->completionCode, ERROR_SUCCESS);
    unsigned now = __atomic_add_fetch(&running, 1, __ATOMIC_SEQ_CST);
    if (now > most)
        most = now;
    served++;
    __atomic_sub_fetch(&running, 1, __ATOMIC_SEQ_CST);
    sem_post(&ended);
}

static void *serve(void *of_device)
{
    for (unsigned i = 0; i < VDI_QUEUE_CAPACITY; i++) {
        VDC_Command *command;
        CHECK_RESULT(vdi_get_command(of_device, VDI_INFINITE, &command), NOERROR);
        CHECK_RESULT(vdi_complete_command(of_device, command, ERROR_SUCCESS, 0, 0), NOERROR);
    }
    return NULL;
}

/* Routines of several busy devices never run at the same time. [SSET-AGENT-10, SSET-AGENT-02] */
static void one_after_another(void)
{
    enum { DEVICES = 3 };
    static VDS_Command commands[DEVICES][VDI_QUEUE_CAPACITY];
    pthread_t threads[DEVICES];
    set = client_create(name, DEVICES);
    engine_open(&engine, name, DEVICES, SIZE, 1);
    CHECK(sem_init(&ended, 0, 0) == 0);
    for (unsigned i = 0; i < DEVICES; i++) {
        char its_name[NAME_SIZE];
        device_name(its_name, name, i);
        CHECK_RESULT(vdi_open_device(set, its_name, &device), NOERROR);
        CHECK(pthread_create(&threads[i], NULL, serve, device) == 0);
    }
    for (unsigned n = 0; n < VDI_QUEUE_CAPACITY; n++)
        for (unsigned i = 0; i < DEVICES; i++) {
            commands[i][n] = (VDS_Command){.commandCode = VDC_Flush,
                                           .completionRoutine = counting_routine};
            CHECK_RESULT(vdi_server_send_command(engine.devices[i], &commands[i][n]), NOERROR);
        }
    for (unsigned i = 0; i < DEVICES * VDI_QUEUE_CAPACITY; i++)
        wait_ended();
    for (unsigned i = 0; i < DEVICES; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    CHECK_EQUAL(most, 1);
    CHECK_EQUAL(served, DEVICES * VDI_QUEUE_CAPACITY);
    finish();
}

static void run(void)
{
    unique_name(name);
    routine_with_buffers();
    routine_of_a_full_queue();
    routine_of_a_refused_command();
    routine_that_recovers();
    one_after_another();
}

int main(int argc, char **argv)
{
    return test_main(argc, argv, NULL, run);
}
