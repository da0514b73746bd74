/*
 * An error on one of four devices while the other three stream: they go on through every step of
 * the recovery, and through a close instead of it.
 */
#include "engine.h"
#include "roles.h"

#define SIZE 4096
#define STREAMS 3

static char name[NAME_SIZE];
static struct engine engine;
static struct journal journal = JOURNAL_INITIALIZER;

/* A secondary that completes whatever comes on the last three devices, each in a thread. */
static void *stream(void *device)
{
    vdi_result result;
    VDC_Command *command;
    while ((result = vdi_get_command(device, VDI_INFINITE, &command)) == NOERROR)
        CHECK_RESULT(vdi_complete_command(device, command, ERROR_SUCCESS, SIZE, 0), NOERROR);
    CHECK_RESULT(result, VD_E_CLOSE);
    return NULL;
}

static int streamer_role(int argc, char **argv)
{
    CHECK_EQUAL(argc, 2);
    vdi_set *set;
    pthread_t threads[STREAMS];
    CHECK_RESULT(vdi_open_in_secondary(NULL, argv[1], &set), NOERROR);
    for (unsigned i = 0; i < STREAMS; i++) {
        char device[NAME_SIZE];
        vdi_device *opened;
        device_name(device, argv[1], i + 1);
        CHECK_RESULT(vdi_open_device(set, device, &opened), NOERROR);
        CHECK(pthread_create(&threads[i], NULL, stream, opened) == 0);
    }
    for (unsigned i = 0; i < STREAMS; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    CHECK_RESULT(vdi_close(set), NOERROR);
    return 0;
}

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static unsigned transfers[STREAMS];
static int stopping;

static VDS_Command writes[STREAMS];

/* Sends the next write of its stream. */
static void next_write(VDS_Command *command)
{
    unsigned index = (unsigned)(command - writes);
    CHECK_EQUAL(command->completionCode, ERROR_SUCCESS);
    CHECK_EQUAL(command->bytesTransferred, SIZE);
    pthread_mutex_lock(&lock);
    transfers[index]++;
    int stop = stopping;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
    vdi_server_device *device = engine.devices[index + 1];
    if (stop)
        CHECK_RESULT(vdi_server_close_device(device), NOERROR);
    else
        CHECK_RESULT(vdi_server_send_command(device, command), NOERROR);
}

/* Every stream still moves: commands that were sent after this moment are completed. */
static void all_stream(void)
{
    pthread_mutex_lock(&lock);
    for (unsigned i = 0; i < STREAMS; i++) {
        unsigned wanted = transfers[i] + 10;
        while (transfers[i] < wanted)
            pthread_cond_wait(&changed, &lock);
    }
    pthread_mutex_unlock(&lock);
}

static void submit(VDS_Command *command, int32_t code, vdi_result wanted)
{
    command_prepare(command, &journal, code, NULL, 0);
    CHECK_RESULT(vdi_server_send_command(engine.devices[0], command), wanted);
}

/* The first device fails, and is recovered unless it is closed. [ERR-16, ERR-08] */
static void fail_and_recover(struct peer client, int close)
{
    VDS_Command first, second, clear, refused;
    journal.count = 0;
    submit(&first, VDC_Flush, NOERROR);
    submit(&second, VDC_Flush, NOERROR);
    struct answer held = client_fetch(client, 0, VDC_Flush);
    all_stream();
    ASK(client, NOERROR, COMPLETE, .slot = held.slot, .code = ERROR_BUS_RESET);
    CHECK_JOURNAL(&journal, 0, &first, ERROR_BUS_RESET);
    CHECK_JOURNAL(&journal, 1, &second, ERROR_IO_DEVICE);
    submit(&refused, VDC_Flush, VD_E_IO_ERROR);
    all_stream();
    if (close) {
        CHECK_RESULT(vdi_server_close_device(engine.devices[0]), NOERROR);
        ASK(client, VD_E_CLOSE, GET_COMMAND, .timeout = VDI_INFINITE);
    } else {
        submit(&clear, VDC_ClearError, NOERROR);
        all_stream();
        held = client_fetch(client, 0, VDC_ClearError);
        all_stream();
        ASK(client, NOERROR, COMPLETE, .slot = held.slot);
        CHECK_JOURNAL(&journal, 3, &clear, ERROR_SUCCESS);
    }
    all_stream();
}

static void run(void)
{
    unique_name(name);
    struct peer client = spawn_client();
    client_creates(client, name, (VDConfig){.deviceCount = 1 + STREAMS});
    engine_open(&engine, name, 1 + STREAMS, SIZE, STREAMS);
    client_open_device(client, name, 0);
    struct peer streamer = spawn_role("streamer", name, (char *)NULL);
    for (unsigned i = 0; i < STREAMS; i++) {
        command_prepare(&writes[i], NULL, VDC_Write, engine_buffer(&engine, SIZE), SIZE);
        writes[i].completionRoutine = next_write;
        CHECK_RESULT(vdi_server_send_command(engine.devices[i + 1], &writes[i]), NOERROR);
    }
    fail_and_recover(client, 0);
    fail_and_recover(client, 0);
    fail_and_recover(client, 1);
    pthread_mutex_lock(&lock);
    stopping = 1;
    pthread_mutex_unlock(&lock);
    CHECK_RESULT(caller_join(&engine.agent), NOERROR);
    CHECK_EQUAL(wait_exit(streamer), 0);
    CHECK_RESULT(vdi_server_close(engine.server), NOERROR);
    ASK(client, NOERROR, CLOSE);
    client_leave(client);
}

int main(int argc, char **argv)
{
    static const struct role roles[] = {CLIENT_ROLE, {"streamer", streamer_role}, {NULL, NULL}};
    return test_main(argc, argv, roles, run);
}
