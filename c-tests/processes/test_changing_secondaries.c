/*
 * Secondaries come and go while another one is busy: each opens a device that is left, finishes it,
 * and closes; nobody else notices.
 */
#include "streaming.h"

#define SIZE 16384
#define DEVICES 4

static char name[NAME_SIZE];
static struct engine engine;
static struct stream stream;

static void transfer(struct peer client, unsigned device, uint8_t *buffer)
{
    VDS_Command command = {.commandCode = VDC_Write, .buffer = buffer, .size = SIZE};
    struct pending pending;
    pending_prepare(&pending, &command);
    pattern_fill(buffer, SIZE, (uint8_t)device);
    CHECK_RESULT(vdi_server_send_command(engine.devices[device], &command), NOERROR);
    struct answer got = client_fetch(client, device, VDC_Write);
    ASK(client, 1, LOOK, .address = got.address, .bytes = SIZE, .seed = (uint8_t)device);
    ASK(client, NOERROR, COMPLETE, .device = device, .slot = got.slot, .bytes = SIZE);
    pending_wait(&pending);
    CHECK_EQUAL(command.completionCode, ERROR_SUCCESS);
}

/*
 * One secondary process after the other works on a device of its own, to its end. What one has
 * finished is not there for the next one. [PROC-04, PROC-08, AMB-04]
 */
static void one_after_the_other(void)
{
    uint8_t *buffer = engine_buffer(&engine, SIZE);
    for (unsigned device = 1; device < DEVICES; device++) {
        char before[NAME_SIZE];
        struct peer client = spawn_client();
        client_named(client, OPEN_IN_SECONDARY, name, NOERROR);
        device_name(before, name, device - 1);
        client_named(client, OPEN_DEVICE, before, VD_E_PROTOCOL);
        client_open_device(client, name, device);
        ASK(client, NOERROR, GET_CONFIGURATION, .timeout = VDI_INFINITE);
        transfer(client, device, buffer);
        transfer(client, device, buffer);
        stream_progress(&stream);
        CHECK_RESULT(vdi_server_close_device(engine.devices[device]), NOERROR);
        ASK(client, VD_E_CLOSE, GET_COMMAND, .device = device, .timeout = VDI_INFINITE);
        ASK(client, NOERROR, CLOSE);
        client_leave(client);
        stream_progress(&stream);
    }
}

/* Opens the set again and again, only to look. */
static void *guest(void *nothing)
{
    for (unsigned i = 0; i < 20; i++) {
        vdi_set *set;
        VDConfig config;
        vdi_device *device;
        CHECK_RESULT(vdi_open_in_secondary(NULL, name, &set), NOERROR);
        CHECK_RESULT(vdi_get_configuration(set, VDI_INFINITE, &config), NOERROR);
        CHECK_EQUAL(config.deviceCount, DEVICES);
        CHECK_RESULT(vdi_open_device(set, name, &device), VD_E_OPEN);
        CHECK_RESULT(vdi_close(set), NOERROR);
    }
    return nothing;
}

/* Others only look, and one of them is killed; the set goes on. [CRASH-03, PROC-05, AMB-46] */
static void guests(struct peer primary)
{
    pthread_t threads[3];
    struct peer victim = spawn_client();
    client_named(victim, OPEN_IN_SECONDARY, name, NOERROR);
    for (int i = 0; i < 3; i++)
        CHECK(pthread_create(&threads[i], NULL, guest, NULL) == 0);
    kill_and_wait(victim);
    for (int i = 0; i < 3; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    stream_progress(&stream);
    CHECK_EQUAL(ASK(primary, NOERROR, ABORT_REASON).reason, VDI_ABORT_NONE);
}

/* The primary itself opens no device, and nothing is wrong with that. [PROC-07] */
static void run(void)
{
    unique_name(name);
    struct peer primary = spawn_client();
    client_creates(primary, name, (VDConfig){.deviceCount = DEVICES});
    engine_open(&engine, name, DEVICES, SIZE, 2);
    ASK(primary, NOERROR, GET_CONFIGURATION, .timeout = VDI_INFINITE);
    stream_start(&stream, &engine, name, 0, SIZE);
    stream_progress(&stream);
    one_after_the_other();
    guests(primary);
    stream_stop(&stream);
    CHECK_RESULT(caller_join(&engine.agent), NOERROR);
    struct peer late = spawn_client();
    client_named(late, OPEN_IN_SECONDARY, name, VD_E_PROTOCOL);
    client_leave(late);
    ASK(primary, NOERROR, CLOSE);
    client_leave(primary);
    CHECK_RESULT(vdi_server_close(engine.server), NOERROR);
}

int main(int argc, char **argv)
{
    static const struct role roles[] = {CLIENT_ROLE, STREAMER_ROLE, {NULL, NULL}};
    return test_main(argc, argv, roles, run);
}
